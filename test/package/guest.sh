#!/usr/bin/env bash
# Runs as root in the booted guest of scripts/package-trial.sh: Lumen as a service of a user, from installation to removal.
# Prints `ok TITLE` or `FAIL TITLE` for each thing that must hold.
set -uo pipefail

readonly USER_NAME=ann
# With a linger a user's systemd runs without a login, and so does what default.target wants.
useradd --create-home --shell /bin/bash "$USER_NAME"
loginctl enable-linger "$USER_NAME"
ip link set lo up
RUNTIME=/run/user/$(id --user "$USER_NAME")
readonly RUNTIME

# as_user COMMAND: one shell line, in the user's session.
as_user() {
  su --login "$USER_NAME" --command \
    "export XDG_RUNTIME_DIR=$RUNTIME DBUS_SESSION_BUS_ADDRESS=unix:path=$RUNTIME/bus; $1"
}

# expect TITLE COMMAND...: tried for 20 seconds.
expect() {
  local title=$1 try
  shift
  for ((try = 0; try < 100; try += 1)); do
    if "$@" >/tmp/last 2>&1; then
      echo "ok $title"
      return
    fi
    sleep 0.2
  done
  echo "FAIL $title"
  sed 's/^/     /' /tmp/last
}

is_active() { as_user 'systemctl --user is-active --quiet lumen'; }
is_inactive() { ! is_active; }
answers() { as_user 'lumen status'; }
main_pid() { as_user 'systemctl --user show lumen --property MainPID --value'; }
is_restarted() { answers && [[ $(main_pid) != "$1" ]]; }
sink_is() { [[ $(as_user 'pactl get-default-sink') == "$1" ]]; }
has_no_process() { ! pgrep --full /usr/lib/lumen; }
leaves_nothing() { [[ -z $(find /usr /etc /var -xdev -ipath '*lumen*' -print -quit) ]]; }
stream() { as_user "lumen probe stream 127.0.0.1 --mode 640x360@30 --seconds $1"; }

pair() {
  as_user 'lumen probe pair 127.0.0.1 --pin 4321' >/dev/null 2>&1 &
  expect 'the service pairs' as_user 'lumen pair 4321'
  wait
}

use_service() {
  as_user 'mkdir --parents .config/lumen; echo "audio_source = \"desktop\"" >.config/lumen/config.toml'
  expect 'PipeWire runs for the user' as_user 'pactl load-module module-null-sink sink_name=speakers'
  expect 'a default sink is chosen' as_user 'pactl set-default-sink speakers'
  expect 'the unit is sound' as_user 'systemd-analyze --user verify lumen.service'
  expect 'the service can be enabled' as_user 'systemctl --user enable lumen; systemctl --user add-wants default.target lumen.service'
  expect 'the service starts' as_user 'systemctl --user start lumen'
  expect 'the service answers' answers
  pair
  expect 'the service streams' stream 3
}

# in_stream TITLE COMMAND...: while somebody streams with the host silent.
in_stream() {
  stream 15 >/dev/null 2>&1 &
  expect 'the stream takes the default sink' sink_is lumen-47989
  "$@"
  wait
}

break_service() {
  local pid
  pid=$(main_pid)
  in_stream kill -KILL "$pid"
  expect 'a killed service is started again' is_restarted "$pid"
  expect 'the default sink is back after that' sink_is speakers
  in_stream as_user 'systemctl --user stop lumen'
  expect 'a stopped service leaves the default sink' sink_is speakers
  expect 'a stopped service leaves no process' has_no_process
  expect 'the journal has the warnings' as_user \
    'journalctl --user --unit lumen --priority warning --output cat | grep "^the machine may go to sleep"'
}

remove() {
  systemctl restart "user@${RUNTIME##*/}"
  expect 'the service starts with the user, without a login' answers
  expect 'the package can be removed' apt-get purge --yes lumen
  expect 'its removal ends the service' is_inactive
  expect 'its removal leaves no process' has_no_process
  expect 'its removal leaves no file' leaves_nothing
}

expect 'gst-inspect-1.0 finds the elements' gst-inspect-1.0 moonlightpay
expect 'no problem keeps streams from working' as_user 'lumen doctor --no-measure'
use_service
break_service
remove
echo END
