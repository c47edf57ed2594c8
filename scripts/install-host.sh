#!/usr/bin/env bash
# Makes this checkout a service of the user who runs it: a systemd user unit, `lumen` in ~/.local/bin, a desktop entry by
# which KWin knows what it may show screens to; and for the whole machine the udev rules and the sysctl settings (root, by
# sudo). Nothing is copied of the program itself: the checkout stays where it is. Safe to repeat. DESTDIR puts everything
# under another root and changes nothing that runs.
# usage: npm run install-host, npm run uninstall-host
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly DESTDIR=${DESTDIR:-}
readonly UNIT=$DESTDIR${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/lumen.service
readonly COMMAND=$DESTDIR$HOME/.local/bin/lumen
readonly DESKTOP_ENTRY=$DESTDIR${XDG_DATA_HOME:-$HOME/.local/share}/applications/lumen-kwin-output.desktop
readonly RULES=$DESTDIR/etc/udev/rules.d/60-lumen.rules
readonly SETTINGS=$DESTDIR/etc/sysctl.d/60-lumen.conf

# as_root COMMAND...: by sudo where that is needed and there is one; status 1 where there is no way.
as_root() {
  if [[ -n $DESTDIR || $(id --user) == 0 ]]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    return 1
  fi
}

# The systemd of this user's session answers.
has_user_systemd() { [[ -z $DESTDIR ]] && has systemctl && systemctl --user show-environment >/dev/null 2>&1; }

# Rules that udev reads again by itself are asked for all the same: the node may be there already.
apply_machine_settings() {
  [[ -z $DESTDIR ]] || return 0
  as_root sh -c 'udevadm control --reload && udevadm trigger --subsystem-match=misc; sysctl --quiet --system' >/dev/null 2>&1 ||
    say "the udev rules and sysctl settings take effect at the next start of the machine"
}

# A unit knows neither the PATH of a shell nor the Node that a version manager put there.
install_for_user() {
  mkdir --parents "$(dirname "$UNIT")" "$(dirname "$COMMAND")" "$(dirname "$DESKTOP_ENTRY")"
  fill_in lumen.service.in "\"$(node --print process.execPath)\" \"$ROOT/bin/lumen.js\"" >"$UNIT"
  ln --symbolic --force --no-dereference "$ROOT/bin/lumen.js" "$COMMAND"
  fill_in lumen-kwin-output.desktop.in "$ROOT/$KWIN_HELPER" >"$DESKTOP_ENTRY"
  say "installed $UNIT" && say "installed $COMMAND" && say "installed $DESKTOP_ENTRY"
  if has_user_systemd; then systemctl --user daemon-reload; fi
}

install_for_machine() {
  if as_root install -D --mode=644 "$ROOT/packaging/60-lumen.rules" "$RULES" &&
    as_root install -D --mode=644 "$ROOT/packaging/60-lumen.conf" "$SETTINGS"; then
    say "installed $RULES" && say "installed $SETTINGS"
    apply_machine_settings
  else
    say "the udev rules and sysctl settings need root and were left out; as root, run:"
    say "  install -D --mode=644 $ROOT/packaging/60-lumen.rules $RULES"
    say "  install -D --mode=644 $ROOT/packaging/60-lumen.conf $SETTINGS"
  fi
}

# A `lumen` that is a link to somewhere else is another installation's.
uninstall_for_user() {
  if has_user_systemd; then systemctl --user disable --now lumen.service >/dev/null 2>&1 || true; fi
  local file
  # Where no systemd answers (a login without a session) what enabled the unit is still there.
  for file in "$(dirname "$UNIT")"/*.wants/lumen.service "$UNIT" "$DESKTOP_ENTRY"; do
    if [[ -e $file || -L $file ]]; then rm "$file" && say "removed $file"; fi
  done
  if [[ -L $COMMAND && $(readlink "$COMMAND") == "$ROOT/bin/lumen.js" ]]; then rm "$COMMAND" && say "removed $COMMAND"; fi
  if has_user_systemd; then systemctl --user daemon-reload; fi
}

uninstall_for_machine() {
  local file
  for file in "$RULES" "$SETTINGS"; do
    [[ -e $file ]] || continue
    if as_root rm "$file"; then say "removed $file"; else say "as root, run: rm $file"; fi
  done
}

case ${1:-} in
  '')
    bash "$ROOT/scripts/setup.sh" --quiet
    install_for_user
    install_for_machine
    say "start it with the desktop: systemctl --user enable --now lumen; without one: see docs/headless.md"
    ;;
  --uninstall)
    uninstall_for_user
    uninstall_for_machine
    say "settings and paired clients stay: ${XDG_CONFIG_HOME:-$HOME/.config}/lumen, ${XDG_STATE_HOME:-$HOME/.local/state}/lumen"
    ;;
  *) die "unknown argument $1" "usage: npm run install-host, npm run uninstall-host" ;;
esac
