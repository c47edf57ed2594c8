#!/usr/bin/env bash
# The element tests and the stored fuzz inputs under ASan with UBSan, and Node's addons likewise; the same without the
# addons under TSan; then four short graphs under valgrind.
# usage: npm run sanitize [-- address|thread|valgrind ...]     all three unless told
set -uo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT" || exit 1

parts=("$@")
if ((${#parts[@]} == 0)); then parts=(address thread valgrind); fi
passed=0
failed=0

count() { if (($2 == 0)); then passed=$((passed + 1)); else failed=$((failed + 1)); say "sanitize: $1 FAILED"; fi; }

# build DIRECTORY OPTION...: configures once, builds what changed.
build() {
  local directory=$1
  shift
  [[ -e $directory/build.ninja ]] || meson setup "$directory" "$@" >"$directory.log" || return
  ninja -C "$directory" >"$directory.log" || return
}

# run_tests NAME DIRECTORY VARIABLE...: the tests under a sanitizer, which ends a program at its first finding.
run_tests() {
  local name=$1 directory=$2 log=$2/meson-logs/testlog.json
  shift 2
  # In this process: a plug-in with a sanitizer does not load into GStreamer's own scanner. The first start reads every
  # plug-in of the system, whose leaks and races are not ours; the tests find the registry that it leaves.
  export GST_REGISTRY_FORK=no
  env "$@" ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=report_bugs=0 timeout 120 meson test -C "$directory" histogram >/dev/null 2>&1
  rm --force "$log"
  env "$@" timeout --kill-after=10 900 meson test -C "$directory" --timeout-multiplier 5 \
    --print-errorlogs --num-processes 2
  local ok bad
  ok=$(grep --count '"result": "OK"' "$log")
  bad=$(($(wc --lines <"$log") - ok))
  say "sanitize: $name: $ok programs passed, $bad failed"
  passed=$((passed + ok))
  failed=$((failed + bad + (ok == 0)))
}

address() {
  build build-address -Db_sanitize=address,undefined -Db_lundef=false || { count "address build (see build-address.log)" 1; return; }
  run_tests 'ASan and UBSan' build-address ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    "LSAN_OPTIONS=suppressions=$ROOT/test/elements/lsan.supp:print_suppressions=0"
  addons
}

# The tests of the addons, in a Node that is not instrumented itself: it leaks what only its end would give back.
addons() {
  bash scripts/setup.sh --quiet || { count 'set-up' 1; return; }
  local log=build-address-addons.log
  env "LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)" \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 LUMEN_NATIVE_DIR="$ROOT/build-address/native" \
    timeout 300 node_modules/.bin/mocha --no-config --enable-source-maps --timeout 60000 \
    'dist/test/unit/control/*.test.js' dist/test/unit/support/sockets.test.js dist/test/integration/dbus.test.js >"$log" 2>&1
  local status=$?
  say "sanitize: the addons under ASan and UBSan: status $status"
  count "the addons (see $log)" "$status"
}

thread() {
  build build-thread -Db_sanitize=thread -Db_lundef=false || { count "thread build (see build-thread.log)" 1; return; }
  # GLib and GStreamer of the distribution are not built with TSan: what they themselves read and write is not judged, their
  # locks are seen (test/elements/tsanglib.c tells of GLib's). Nothing is suppressed: GLib is below every thread of ours, so
  # that one suppression of it would hide each race in Lumen. Its slices would hand memory on behind TSan's back.
  run_tests TSan build-thread G_SLICE=always-malloc \
    TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1:exitcode=66
}

# under_valgrind NAME ELEMENT...: a graph that must end without an error of ours, and without a definite leak of ours.
under_valgrind() {
  local name=$1 log=build-valgrind-$1.log
  shift
  local -a options=(--quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=none
    --undef-value-errors=yes --num-callers=24 "--suppressions=$ROOT/test/elements/valgrind.supp")
  local file
  for file in /usr/share/glib-2.0/valgrind/glib.supp /usr/share/gstreamer-1.0/gst.supp; do
    if [[ -e $file ]]; then options+=("--suppressions=$file"); fi
  done
  G_SLICE=always-malloc timeout --signal=INT --kill-after=20 90 valgrind "${options[@]}" gst-launch-1.0 --quiet -e "$@" >"$log" 2>&1
  local status=$?
  if ((status == 124)); then status=0; fi
  if grep --quiet 'libgstmoonlight\|ERROR SUMMARY: [1-9]' "$log"; then status=1; fi
  count "valgrind $name (see $log)" "$status"
  say "sanitize: valgrind: $name: status $status"
}

valgrind_graphs() {
  has valgrind || { count 'valgrind: it is not installed (apt-get install valgrind)' 1; return; }
  bash scripts/setup.sh --quiet || { count 'set-up' 1; return; }
  export GST_PLUGIN_PATH=$ROOT/build/gst-plugins GST_REGISTRY=$ROOT/build/valgrind-registry.bin
  local port=$((20000 + RANDOM % 10000)) sender
  local -a source=(videotestsrc is-live=true ! 'video/x-raw,width=128,height=96,framerate=30/1' ! x264enc tune=zerolatency
    speed-preset=ultrafast ! h264parse ! 'video/x-h264,stream-format=byte-stream,alignment=au' ! moonlightpay)
  gst-inspect-1.0 moonlightpay >/dev/null || { count 'the registry' 1; return; }
  under_valgrind pay-sink "${source[0]}" num-buffers=60 "${source[@]:1}" ! moonlightsink port="$port"
  under_valgrind sampler videotestsrc is-live=true num-buffers=40 ! 'video/x-raw,width=128,height=96,framerate=15/1' \
    ! framecounter ! framesampler framerate=30/1 ! framecounter mode=read ! fakesink
  under_valgrind audio audiotestsrc is-live=true num-buffers=100 samplesperbuffer=480 ! 'audio/x-raw,rate=48000,channels=2' \
    ! opusenc frame-size=5 bitrate-type=cbr ! moonlightaudiopay ! moonlightdepay ! opusdec ! fakesink
  timeout 80 gst-launch-1.0 --quiet "${source[@]}" ! moonlightsink port="$port" >/dev/null 2>&1 &
  sender=$!
  under_valgrind src-depay moonlightsrc address=127.0.0.1 port="$port" num-buffers=200 ! moonlightdepay ! fakesink
  kill "$sender" 2>/dev/null
  wait "$sender" 2>/dev/null
}

for part in "${parts[@]}"; do
  case $part in
    address) address ;;
    thread) thread ;;
    valgrind) valgrind_graphs ;;
    *) die "unknown part $part" "usage: npm run sanitize [-- address|thread|valgrind ...]" ;;
  esac
done
echo "$passed passed, $failed failed"
((passed > 0 && failed == 0))
