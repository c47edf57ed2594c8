#!/usr/bin/env bash
# Brings a checkout to the point where `lumen serve` runs: system packages, npm packages, TypeScript and native build.
# Every step is skipped when its result is there already, so a failed run is resumed by running it again.
#
# usage: scripts/setup.sh [--quiet] [--with-tests] [--no-packages]
#   --quiet        say nothing when there is nothing to do
#   --with-tests   install what `npm test` needs, too
#   --no-packages  leave the system's packages alone: everything needed is there by other means
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

readonly NODE_MINIMUM=20.19.0
readonly MESON_MINIMUM=1.0
readonly STAMP=build/.stamp
readonly NPM_STAMP=node_modules/.lumen-stamp
readonly CONFIGURED=build/.configured

quiet=no
with_tests=no
packages=yes

parse_arguments() {
  local argument
  for argument in "$@"; do
    case $argument in
      --quiet) quiet=yes ;;
      --with-tests) with_tests=yes ;;
      --no-packages) packages=no ;;
      *) die "unknown argument $argument" "usage: scripts/setup.sh [--quiet] [--with-tests] [--no-packages]" ;;
    esac
  done
}

# --- what is installed -------------------------------------------------------------------------------------------

require_node() {
  local remedy=(
    "install Node $NODE_MINIMUM or newer with npm: on Debian 13 'apt install nodejs npm';"
    "on Debian 12 from https://github.com/nodesource/distributions or https://nodejs.org/en/download"
  )
  has node || die "Node is not installed" "${remedy[@]}"
  local version
  version=$(node --version)
  version_at_least "${version#v}" "$NODE_MINIMUM" ||
    die "Node $version is too old: $NODE_MINIMUM is the oldest that works" "${remedy[@]}"
  has npm || die "npm is not installed" "${remedy[@]}"
}

# The folder that holds include/node of the Node in use; nothing where its headers are not installed.
node_prefix() {
  local prefix
  prefix=$(node --print 'require("node:path").dirname(require("node:path").dirname(process.execPath))')
  if [[ -e $prefix/include/node/node_api.h ]]; then printf '%s\n' "$prefix"; fi
}

# debian, fedora, arch or other.
distribution() {
  local release=${LUMEN_OS_RELEASE:-/etc/os-release} family=''
  # shellcheck disable=SC1090
  if [[ -r $release ]]; then family=$(. "$release" && printf '%s' "${ID:-} ${ID_LIKE:-}"); fi
  case " $family " in
    *' debian '* | *' ubuntu '*) echo debian ;;
    *' fedora '*) echo fedora ;;
    *' arch '*) echo arch ;;
    *) echo other ;;
  esac
}

# Reads wanted Debian packages, one a line; prints those that are not fully installed.
missing_debian_packages() {
  local -a wanted
  mapfile -t wanted
  local installed
  # dpkg-query exits 1 as soon as it does not know one name; what it does know is still printed.
  installed=$(dpkg-query --show --showformat='${binary:Package} ${db:Status-Abbrev}\n' "${wanted[@]}" 2>/dev/null || true)
  awk 'NR == FNR { if ($2 == "ii") { sub(/:.*/, "", $1); have[$1] = 1 } next } !($1 in have)' \
    <(printf '%s\n' "$installed") <(printf '%s\n' "${wanted[@]}")
}

wanted_debian_packages() {
  package_list debian
  if [[ $with_tests == yes ]]; then package_list debian-test; fi
  # Debian's own Node keeps its headers in a package apart; every other Node brings them along.
  if [[ -z $(node_prefix) ]] && dpkg-query --search "$(readlink -f "$(command -v node)")" >/dev/null 2>&1; then
    echo libnode-dev
  fi
}

install_debian_packages() {
  local -a missing
  mapfile -t missing < <(wanted_debian_packages | missing_debian_packages)
  ((${#missing[@]} > 0)) || return 0
  say "these Debian packages are missing and will be installed:"
  printf '%s\n' "${missing[@]}" | fmt --width=100 | sed 's/^/         /' >&2
  # One shell for both commands, so that a password is asked for once.
  # shellcheck disable=SC2016
  local -a install=(sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"'
    apt "${missing[@]}")
  local by_hand="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if [[ $(id --user) != 0 ]]; then
    has sudo || die "installing packages needs root, and sudo is not installed" "as root, run: $by_hand"
    say "this needs root: sudo may ask for your password"
    install=(sudo "${install[@]}")
  fi
  "${install[@]}" >&2 || die "the packages could not be installed (the reason is above)" \
    "when it is mended run this again, or as root: $by_hand"
}

# require_listed_packages NAME MISSING INSTALL: where Lumen does not install packages, says which are missing and stops.
require_listed_packages() {
  [[ -n $2 ]] || return 0
  die "Lumen does not install packages on $1 by itself, and some are missing" \
    "install them with: $3 ${2//$'\n'/ }" "then run this again"
}

missing_fedora_packages() {
  local name
  while read -r name; do
    rpm --query --whatprovides "$name" >/dev/null 2>&1 || echo "$name"
  done < <(package_list fedora)
}

missing_arch_packages() {
  if has pacman; then package_list arch | xargs pacman --deptest || true; else package_list arch; fi
}

install_packages() {
  [[ $packages == yes ]] || return 0
  case $(distribution) in
    debian) install_debian_packages ;;
    fedora) require_listed_packages Fedora "$(missing_fedora_packages)" "sudo dnf install" ;;
    arch) require_listed_packages "Arch Linux" "$(missing_arch_packages)" "sudo pacman -S --needed" ;;
    other) die "this distribution is not one that Lumen knows packages for" \
      "install what scripts/packages/debian.txt, fedora.txt or arch.txt names, under the names used here," \
      "then run: bash scripts/setup.sh --no-packages" ;;
  esac
}

# --- what is built -----------------------------------------------------------------------------------------------

# A hash over everything that the build's results depend on. Does not need git.
fingerprint() {
  {
    find src test native gst-plugins scripts package.json package-lock.json tsconfig.json meson.build meson_options.txt -type f \
      \( -name '*.ts' -o -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.txt' -o -name '*.json' \
      -o -name 'meson.build' -o -name 'setup.sh' \) -not -path 'test/fixtures/*' -print0 |
      LC_ALL=C sort --zero-terminated | xargs --null sha256sum
    node --print '"node " + process.versions.modules + " " + process.arch'
    printf 'checkout %s\n' "$ROOT"
  } | sha256sum | cut -c 1-64
}

# is_built FINGERPRINT: everything that was built is still there, and from these sources.
is_built() {
  local result
  for result in dist/src/cli.js build/gst-plugins/libgstmoonlight.so build/native/{dbus,enet,sockets}.node \
    "$NPM_STAMP" "$STAMP"; do
    [[ -e $result ]] || return 1
  done
  [[ $(<"$STAMP") == "$1" ]]
}

install_npm_packages() {
  local wanted
  wanted=$({ sha256sum package-lock.json && node --print process.versions.modules; } | sha256sum | cut -c 1-64)
  if [[ -e $NPM_STAMP && $(<"$NPM_STAMP") == "$wanted" ]]; then return 0; fi
  say "installing npm packages (npm ci); node-gtk is compiled, which takes a minute"
  local prefix
  prefix=$(node_prefix)
  # Without nodedir node-gyp downloads the headers of this Node.
  if [[ -n $prefix ]]; then export npm_config_nodedir=$prefix; fi
  npm_config_build_from_source=true npm ci --loglevel=error >&2 ||
    die "npm ci failed (the reason is above)" "when it is mended run this again: npm run setup"
  # Builds of node-gtk that fail leave an optional hole in some versions of npm; look, not trust.
  node --input-type=module --eval 'await import("node-gtk")' >&2 ||
    die "node-gtk was installed but does not load" "run: npm_config_build_from_source=true npm rebuild node-gtk"
  # So that npx lumen finds the command of this checkout.
  ln --symbolic --force ../../bin/lumen.js node_modules/.bin/lumen
  printf '%s\n' "$wanted" >"$NPM_STAMP"
}

# Compiled files of TypeScript that is gone would go on being run: the tests are found by pattern.
remove_stale_output() {
  [[ -d dist ]] || return 0
  local file
  while IFS= read -r -d '' file; do
    local source=${file#dist/}
    [[ -e ${source%.js}.ts ]] || rm --force "$file" "$file.map"
  done < <(find dist/src dist/test -name '*.js' -print0 2>/dev/null)
}

build_typescript() {
  say "building TypeScript"
  remove_stale_output
  node_modules/.bin/tsc >&2 || die "TypeScript does not compile (the reason is above)" "correct it and run this again"
}

# Debian's own meson first: a pyenv or pip one in PATH often belongs to a Python without what the system has.
find_meson() {
  local candidate
  for candidate in /usr/bin/meson meson; do
    if has "$candidate" && version_at_least "$("$candidate" --version 2>/dev/null || echo 0)" "$MESON_MINIMUM"; then
      echo "$candidate"
      return
    fi
  done
  die "meson $MESON_MINIMUM or newer is needed" "install it: apt install meson, or pipx install meson"
}

build_native() {
  local meson wanted
  meson=$(find_meson)
  wanted="$ROOT $("$meson" --version) node $(node --print process.versions.modules)"
  if [[ ! -e build/build.ninja || ! -e $CONFIGURED || $(<"$CONFIGURED") != "$wanted" ]]; then
    say "configuring the elements and addons (meson setup build)"
    local -a setup=("$meson" setup)
    if [[ -e build/meson-private/coredata.dat ]]; then setup+=(--wipe); fi
    "${setup[@]}" build >&2 || die "meson could not configure the build (the reason is above)" \
      "a missing dependency names its package above; build/meson-logs/meson-log.txt says more"
    printf '%s\n' "$wanted" >"$CONFIGURED"
  fi
  say "building the elements and addons (meson compile -C build)"
  "$meson" compile -C build >&2 || die "the native build failed (the reason is above)" "correct it and run this again"
}

main() {
  parse_arguments "$@"
  require_node
  local now
  now=$(fingerprint)
  # The test packages are looked at each time: one query, and a run for tests can follow one without.
  if [[ $with_tests == no ]] && is_built "$now"; then
    [[ $quiet == yes ]] || say "everything is set up"
    return
  fi
  install_packages
  if ! is_built "$now"; then
    install_npm_packages
    build_typescript
    build_native
    printf '%s\n' "$now" >"$STAMP"
  fi
  [[ $quiet == yes ]] || say "everything is set up; next: npm start, or npx lumen --help"
}

main "$@"
