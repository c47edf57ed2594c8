#!/usr/bin/env bash
# Pacing by the kernel, where the kernel has fq: boots a small guest in plain emulation, lets it see this machine's files
# read-only, and streams there from one network namespace to another. The last line is `N passed, N failed`.
# usage: npm run test:kernel-pacing [-- --build DIR]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly LIMIT_S=80
build=$ROOT/build
if [[ ${1-} == --build ]]; then
  build=$(cd "${2:?--build needs a folder}" && pwd -P)
else
  bash "$ROOT/scripts/setup.sh" --quiet --with-tests
fi
[[ -e $build/gst-plugins/libgstmoonlight.so ]] || die "the plugin is not built in $build" "run: npm run setup"

work=$(mktemp --directory)
guest_pid=
finish() {
  [[ -z $guest_pid ]] || kill "$guest_pid" 2>/dev/null || true
  rm --recursive --force "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

install_packages() {
  local -a missing
  mapfile -t missing < <(package_list debian-qemu | while read -r name; do
    dpkg-query --show --showformat='${db:Status-Abbrev}' "$name" 2>/dev/null | grep --quiet '^ii' || echo "$name"
  done)
  ((${#missing[@]} > 0)) || return 0
  local -a install=(apt-get install -y --no-install-recommends "${missing[@]}")
  [[ $(id --user) == 0 ]] || die "packages are missing: ${missing[*]}" "run: sudo ${install[*]}"
  say "installing ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null || die "the packages could not be installed" "run: apt-get update"
}

# Debian's package is unpacked, not installed; what is kept of it is the kernel and the few modules that the guest loads.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  [[ -n $package ]] || die "no linux-image-amd64 is known here" "run: sudo apt-get update"
  kernel=${XDG_CACHE_HOME:-$HOME/.cache}/lumen/qemu/$package
  [[ -e $kernel/modules/order ]] && return
  say "fetching $package"
  (cd "$work" && apt-get download --quiet=2 "$package" 2>/dev/null) || die "cannot fetch $package" "run: sudo apt-get update"
  dpkg --extract "$work/$package"_*.deb "$work/package"
  depmod --basedir "$work/package" "${package#linux-image-}"
  keep_kernel "$work/package" "${package#linux-image-}"
  rm --recursive "$work/package" "$work/$package"_*.deb
}

# keep_kernel TREE RELEASE: the file `order` comes last, and says that everything is there.
keep_kernel() {
  local tree=$1 release=$2 module
  rm --recursive --force "$kernel"
  mkdir --parents "$kernel/modules"
  cp "$tree/boot/vmlinuz-$release" "$kernel/vmlinuz"
  # A module that is built into the kernel has no file; a missing one shows when the guest needs it.
  for module in virtio_pci 9pnet_virtio 9p veth sch_fq sch_fq_codel; do
    modprobe --dirname "$tree" --set-version "$release" --show-depends "$module" || true
  done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$work/order"
  xargs --arg-file="$work/order" cp --target-directory="$kernel/modules"
  sed 's|.*/||' "$work/order" >"$kernel/modules/order"
}

make_initrd() {
  local tree=$work/initrd
  mkdir --parents "$tree/bin"
  cp /bin/busybox "$tree/bin/busybox"
  cp --recursive "$kernel/modules" "$tree/modules"
  install --mode=755 "$ROOT/test/qemu/init.sh" "$tree/init"
  (cd "$tree" && find . | cpio --create --format=newc --quiet | gzip -1) >"$work/initrd.gz"
}

build_programs() {
  local flags
  read -r -a flags <<<"$(pkg-config --cflags --libs gstreamer-1.0)"
  cc -O2 -Wall -o "$work/arrivals" "$ROOT/test/qemu/arrivals.c"
  cc -O2 -Wall -o "$work/frames" "$ROOT/test/qemu/frames.c" "${flags[@]}"
  mkdir "$work/plugins"
  cp "$(pkg-config --variable=pluginsdir gstreamer-1.0)/libgstcoreelements.so" "$build/gst-plugins/libgstmoonlight.so" \
    "$work/plugins/"
  cp "$ROOT/test/qemu/guest.sh" "$work/"
}

boot() {
  : >"$work/results"
  # The guest's clock counts its instructions (4 ns each) and skips what it would sleep: other load on this machine can
  # make the run longer, but no arrival later.
  timeout --kill-after=5 "$LIMIT_S" qemu-system-x86_64 \
    -accel tcg,thread=single -icount shift=2,sleep=off -smp 1 -m 1G -nodefaults -display none -no-reboot \
    -kernel "$kernel/vmlinuz" -initrd "$work/initrd.gz" \
    -append "console=ttyS0 quiet panic=-1 WORK=$work" \
    -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=host,mount_tag=host \
    -serial "file:$work/console" -serial "file:$work/results" </dev/null &
  guest_pid=$!
  wait "$guest_pid" || true
  guest_pid=
  grep --quiet '^END' "$work/results" && return
  tail -n 20 "$work/console" "$work/results" >&2
  say "the guest did not come to its end within $LIMIT_S s"
}

# figure RUN NAME: a number or word of a run's line, nothing when it is missing.
figure() { sed -n "s/^RUN $1\( .*\)\? $2=\(([a-z0-9]*)\)\?\([^ ]*\).*/\3/p" "$work/results"; }

passed=0
failed=0
# expect TITLE CONDITION: an awk condition over figures.
expect() {
  if awk "BEGIN { exit !($2) }" 2>/dev/null; then
    passed=$((passed + 1))
    printf '  ok    %s (%s)\n' "$1" "$2"
  else
    failed=$((failed + 1))
    printf '  FAIL  %s (%s)\n' "$1" "$2"
  fi
}

# ratio RUN NAME: a measured figure over what the rate clock planned for it.
ratio() { awk "BEGIN { printf \"%.3f\", $(figure "$1" "$2-us-p50") / $(figure "$1" "$2-plan-us") }" 2>/dev/null; }

print_figures() {
  local run
  printf '%-13s %7s %7s %11s %18s %20s %16s\n' run pacing frames calls/frame 'gap p50/plan us' 'frame p50/plan us' 'late p50/p99 us'
  while read -r run; do
    printf '%-13s %7s %7s %11s %18s %20s %16s\n' "$run" "$(figure "$run" pacing)" "$(figure "$run" frames)" \
      "$(awk "BEGIN { printf \"%.3f\", $(figure "$run" send-calls) / $(figure "$run" frames) }")" \
      "$(figure "$run" gap-us-p50)/$(figure "$run" gap-plan-us)" \
      "$(figure "$run" spread-us-p50)/$(figure "$run" spread-plan-us)" \
      "$(figure "$run" late-us-p50)/$(figure "$run" late-us-p99)"
  done < <(sed -n 's/^RUN \([^ ]*\) .*/\1/p' "$work/results")
  grep --invert-match '^\(RUN\|QDISC\|END\)' "$work/results" || true
}

# What must hold wherever the kernel paces.
expect_kernel_pacing() {
  local run=$1 dropped
  dropped=$(sed -n "s/^QDISC $run dropped=//p" "$work/results")
  expect "$run: the shape in effect is kernel" "\"$(figure "$run" pacing)\" == \"kernel\""
  expect "$run: send calls a frame" "$(figure "$run" send-calls) <= 1.05 * $(figure "$run" frames)"
  expect "$run: nothing is lost" "$(figure "$run" arrived) == $(figure "$run" sent) && $dropped == 0"
  expect "$run: messages leave apart as planned, within a fifth" \
    "$(ratio "$run" gap) >= 0.8 && $(ratio "$run" gap) <= 1.2"
  expect "$run: a frame takes the time planned, within a fifth" \
    "$(ratio "$run" spread) >= 0.8 && $(ratio "$run" spread) <= 1.2"
}

has apt-get || die "the guest's kernel comes from Debian's packages, and this machine has no apt-get"
install_packages
fetch_kernel
make_initrd
build_programs
boot
print_figures
for run in auto-fq kernel-fq busy-fq b-fq keyframe-fq; do expect_kernel_pacing "$run"; done
for run in auto-plain auto-codel; do
  expect "$run: auto is rate where departure times are ignored" "\"$(figure "$run" pacing)\" == \"rate\""
  expect "$run: nothing is lost" "$(figure "$run" arrived) == $(figure "$run" sent)"
done
expect "kernel-plain: nothing is lost" "$(figure kernel-plain arrived) == $(figure kernel-plain sent)"
expect "kernel-plain: without fq the same measurement sees a burst" \
  "$(ratio kernel-plain spread) > 0 && $(ratio kernel-plain spread) < 0.5"
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
