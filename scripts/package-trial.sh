#!/usr/bin/env bash
# The .deb on a machine of its own: a fresh Debian in a folder, which systemd-nspawn boots. There it is installed, used as a
# user's service, killed, stopped and removed. Needs root, Debian and its mirror. The last line is `N passed, N failed`.
# usage: npm run test:package
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Far more than the guest needs.
readonly LIMIT_S=400
readonly IN_GUEST=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,polkitd,iproute2,procps

[[ $(id --user) == 0 ]] || die "a guest is booted by root alone" "run: sudo npm run test:package"
for program in debootstrap systemd-nspawn; do
  has "$program" || die "$program is not installed" "run: apt install debootstrap systemd-container"
done

work=$(mktemp --directory)
readonly work root=$work/root
trap 'rm --recursive --force "$work"' EXIT

passed=0
failed=0
# expect TITLE COMMAND...
expect() {
  local title=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    printf '  ok    %s\n' "$title"
  else
    failed=$((failed + 1))
    printf '  FAIL  %s\n' "$title"
  fi
}

# in_guest COMMAND...: in the guest that is not booted, with this machine's network.
in_guest() {
  systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --pipe \
    --setenv=DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

make_guest() {
  local suite
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
  say "making a guest of Debian $suite"
  debootstrap --variant=minbase --include="$IN_GUEST" "$suite" "$root" >"$work/log" 2>&1 ||
    die "the guest could not be made: $(tail -n 1 "$work/log")" "is the mirror of Debian reached from here?"
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/trial"
  cp "$1" "$root/root/lumen.deb"
  install --mode=755 "$ROOT/test/package/guest.sh" "$root/root/guest.sh"
}

install_package() { in_guest apt-get install --yes /root/lumen.deb >"$work/install" 2>&1; }

# A service that runs the guest's part at its boot and turns it off.
make_guest_service() {
  cat >"$root/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/root/guest.sh
StandardOutput=file:/root/results
StandardError=file:/root/errors
[Install]
WantedBy=multi-user.target
UNIT
  # Its first start would ask at the terminal.
  ln --symbolic /dev/null "$root/etc/systemd/system/systemd-firstboot.service"
  in_guest systemctl --quiet enable trial.service
}

boot() {
  timeout --kill-after=10 "$LIMIT_S" systemd-nspawn --quiet --boot --directory="$root" --register=no --keep-unit \
    --private-network --console=pipe </dev/null >"$work/console" 2>&1 || true
}

read_results() {
  local state title
  while read -r state title; do
    case $state in
      ok) expect "$title" true ;;
      FAIL) expect "$title" false ;;
      END) ;;
      *) printf '        %s %s\n' "$state" "$title" ;;
    esac
  done <"$root/root/results"
  expect 'the guest came to its end' grep --quiet '^END' "$root/root/results"
}

deb=$(bash "$ROOT/scripts/package.sh")
make_guest "$deb"
in_guest apt-get update >/dev/null
expect 'the package can be installed' install_package
# Which Debian has a fitting Node is not asked: this machine's has fitted so far, and stands where nodejs.org puts it.
if ! in_guest lumen --version >/dev/null 2>&1; then
  expect 'without a fitting Node it says so' grep --quiet 'this package needs Node' "$work/install"
  install --mode=755 "$(node --print process.execPath)" "$root/usr/local/bin/node"
fi
expect 'lumen runs' in_guest sh -c 'lumen --version >/dev/null'
make_guest_service
boot
read_results
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
