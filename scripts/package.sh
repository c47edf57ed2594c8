#!/usr/bin/env bash
# Builds a Debian package of this checkout: build/lumen_VERSION_ARCHITECTURE.deb, whose path it prints. Needs no root.
# The files lie under /usr/lib/lumen as they do in a checkout. The compiled parts fit the major version of Node that they
# were built with, and the command looks for that one. It is recommended, not depended on: Debian 12 has none that is new
# enough, and what comes from nodejs.org is no package.
# usage: npm run package
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

# What only a build needs, of scripts/packages/debian.txt.
readonly BUILD_ONLY='-dev$|^(build-essential|meson|ninja-build|pkgconf|python3)$'

for program in dpkg-deb dpkg-shlibdeps; do
  has "$program" || die "$program is not installed, and a .deb is made by Debian's own tools" \
    "on Debian run: apt install dpkg-dev; elsewhere use: npm run install-host"
done
bash scripts/setup.sh --quiet

tree=$(mktemp --directory)
readonly tree
trap 'rm --recursive --force "$tree"' EXIT
readonly package=$tree/package lib=$tree/package/usr/lib/lumen

# What Lumen runs with, at the places it has in a checkout; headers, sources and objects stay behind.
copy_program() {
  mkdir --parents "$lib/dist" "$lib"/build/{gst-plugins,native} "$package/usr/bin"
  cp --recursive bin pipelines package.json "$lib"
  cp --recursive dist/src "$lib/dist"
  cp build/gst-plugins/libgstmoonlight.so "$lib/build/gst-plugins"
  cp build/native/*.node "$KWIN_HELPER" "$lib/build/native"
  sed "s/@MAJOR@/$node_major/" packaging/lumen.sh.in >"$package/usr/bin/lumen"
  chmod +x "$package/usr/bin/lumen"
  # For gst-launch-1.0 and gst-inspect-1.0; Lumen itself names the folder.
  local plugins
  plugins=usr/lib/$(dpkg-architecture --query DEB_HOST_MULTIARCH)/gstreamer-1.0
  mkdir --parents "$package/$plugins"
  ln --symbolic ../../lumen/build/gst-plugins/libgstmoonlight.so "$package/$plugins"
}

# Modules inside other modules come along with those.
copy_modules() {
  npm ls --omit=dev --all --parseable | sed --quiet --regexp-extended "s|^$ROOT/(node_modules/(@[^/]+/)?[^/]+)\$|\1|p" |
    tar --create --exclude=node_modules/node-gtk/{build,src,tools} --files-from=- |
    tar --extract --directory="$lib"
}

copy_desktop_files() {
  mkdir --parents "$package"/usr/lib/{systemd/user,udev/rules.d,sysctl.d} "$package"/usr/share/{applications,doc/lumen}
  fill_in lumen.service.in /usr/bin/lumen >"$package/usr/lib/systemd/user/lumen.service"
  fill_in lumen-kwin-output.desktop.in "/usr/lib/lumen/$KWIN_HELPER" >"$package/usr/share/applications/lumen-kwin-output.desktop"
  cp packaging/60-lumen.rules "$package/usr/lib/udev/rules.d"
  cp packaging/60-lumen.conf "$package/usr/lib/sysctl.d"
  cp LICENSE "$package/usr/share/doc/lumen/copyright"
  cp --recursive README.md docs "$package/usr/share/doc/lumen"
  gzip --best --no-name <CHANGELOG.md >"$package/usr/share/doc/lumen/changelog.gz"
}

# The packages whose libraries the compiled parts were linked with, as `Depends` names them.
library_packages() {
  mkdir --parents "$tree/debian"
  printf 'Source: lumen\n\nPackage: lumen\nArchitecture: any\n' >"$tree/debian/control"
  local -a files
  mapfile -t files < <(find "$lib" -name '*.node' -o -name '*.so' -o -path "*/$KWIN_HELPER")
  (cd "$tree" && dpkg-shlibdeps -O "${files[@]/#/-e}" 2>/dev/null) | sed --quiet 's/^shlibs:Depends=//p'
}

runtime_packages() { package_list debian | grep --extended-regexp --invert-match --regexp="$BUILD_ONLY" | paste --serial --delimiters=,; }

write_control() {
  mkdir "$package/DEBIAN"
  cat >"$package/DEBIAN/control" <<EOF
Package: lumen
Version: $version
Architecture: $architecture
Maintainer: the Lumen project <lumen@localhost>
Section: net
Priority: optional
Installed-Size: $(du --summarize --block-size=1024 "$package" | cut --fields=1)
Depends: $(library_packages), $(runtime_packages | sed 's/,/, /g')
Recommends: nodejs (>= $node_major), pipewire, wireplumber, pipewire-pulse
Description: streaming host for Moonlight clients
 Streams this machine's desktop and games to any Moonlight client, by
 GStreamer pipelines that can be read, edited and debugged.
 .
 It runs in Node $node_major, from a package or not: Debian 12 has none of that
 version (https://github.com/nodesource/distributions has).
EOF
  local name
  for name in postinst prerm postrm; do
    install --mode=755 packaging/maintainer-script "$package/DEBIAN/$name"
  done
}

version=$(node --print 'require("./package.json").version')
architecture=$(dpkg --print-architecture)
node_major=$(node --print 'process.versions.node.split(".")[0]')
copy_program
copy_modules
find "$lib" -name '*.map' -delete
find "$lib" \( -name '*.node' -o -name '*.so' -o -path "*/$KWIN_HELPER" \) -exec strip --strip-unneeded {} +
copy_desktop_files
chmod --recursive u=rwX,go=rX "$package"
write_control
# gzip: a tenth of the time of xz for a quarter more bytes.
dpkg-deb --root-owner-group -Zgzip --build "$package" "build/lumen_${version}_$architecture.deb" >/dev/null
printf '%s\n' "$ROOT/build/lumen_${version}_$architecture.deb"
