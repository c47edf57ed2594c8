#!/usr/bin/env bash
# Looks for inputs that break the code which reads what comes from outside: libFuzzer with ASan and UBSan, one target
# after the other. What it finds lies in build-fuzz/found/; mend it, and move the input to test/fuzz/regressions/TARGET/.
# usage: npm run fuzz [-- SECONDS [TARGET...]]      60 seconds for each of all targets unless told
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

readonly BUILD=build-fuzz
seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || die "$seconds is no number of seconds" "usage: npm run fuzz [-- SECONDS [TARGET...]]"
shift || true
targets=("$@")
if ((${#targets[@]} == 0)); then targets=(annexb audioqueue frameplan framequeue framewriter nvpacket); fi

bash scripts/setup.sh --quiet
has clang || die "clang is not installed" \
  "as root, run: apt-get install -y --no-install-recommends $(package_list debian-fuzz | tr '\n' ' ')"
if [[ ! -e $BUILD/build.ninja ]]; then
  CC=clang meson setup "$BUILD" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args=-fsanitize=fuzzer-no-link >"$BUILD.log" || die "the fuzz targets cannot be configured" "see $BUILD.log"
fi
ninja -C "$BUILD" "${targets[@]/#/test/fuzz/fuzz-}" >"$BUILD.log" || die "the fuzz targets do not build" "see $BUILD.log"

mkdir -p "$BUILD/found"
failed=0
for target in "${targets[@]}"; do
  mkdir -p "$BUILD/corpus/$target"
  log=$BUILD/found/$target.log
  if timeout --kill-after=10 $((seconds + 60)) "$BUILD/test/fuzz/fuzz-$target" -max_total_time="$seconds" -max_len=8192 \
    -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$BUILD/found/$target-" \
    "$BUILD/corpus/$target" "test/fuzz/seeds/$target" "test/fuzz/regressions/$target" >"$log" 2>&1; then
    executed=$(awk '/number_of_executed_units/ { print $2 }' "$log")
    say "fuzz: $target: nothing found in $executed inputs"
  else
    say "fuzz: $target: FAILED, see $log"
    failed=$((failed + 1))
  fi
done
echo "$((${#targets[@]} - failed)) passed, $failed failed"
exit $((failed > 0))
