#!/usr/bin/env bash
# All the tests: set-up, checks, unit tests, element tests, integration tests. Every stage runs even when one before it
# failed. The last line is `N passed, N failed`; the exit status is 0 only when something passed and nothing failed.
# usage: npm test
set -uo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT" || exit 1

results=$(mktemp --directory) || exit 1
trap 'rm --recursive --force "$results"' EXIT

failed_steps=0
files=()

# Stops the run: nothing after a failed set-up would say anything about Lumen.
give_up() {
  say "$1"
  echo '0 passed, 1 failed'
  exit 1
}

# mocha_stage NAME LIMIT_S PATTERN [OPTION...]: runs compiled tests. The limit is for a stage that hangs; each test has its own.
mocha_stage() {
  local name=$1 limit_s=$2 pattern=$3 counts=$results/$1.json
  shift 3
  say "test: $name"
  files+=("$counts")
  LUMEN_TEST_COUNTS=$counts timeout --kill-after=10 "$limit_s" node_modules/.bin/mocha --no-config --forbid-only \
    --enable-source-maps --reporter "$ROOT/scripts/mocha-reporter.js" "$@" "$pattern"
  note_status "$name" $? "$counts"
}

# The element tests count as meson counts them: one for each program.
meson_stage() {
  local log=build/meson-logs/testlog.json
  say "test: elements"
  rm --force "$log"
  timeout --kill-after=10 240 "$(meson_program)" test -C build --print-errorlogs
  local status=$?
  files+=("$log")
  note_status elements "$status" "$log"
}

meson_program() { if [[ -x /usr/bin/meson ]]; then echo /usr/bin/meson; else echo meson; fi; }

# note_status NAME STATUS FILE: a stage that ended badly must not look good because all the tests it got to had passed.
note_status() {
  (($2 == 0)) && return
  say "test: $1 ended with status $2"
  if [[ -e $3 ]] && node scripts/sum-results.js 0 "$3" >/dev/null 2>&1; then failed_steps=$((failed_steps + 1)); fi
}

bash scripts/setup.sh --quiet --with-tests || give_up "the set-up failed (the reason is above)"

bash scripts/check.sh
failed_steps=$((failed_steps + $?))

mocha_stage unit 300 'dist/test/unit/**/*.test.js' --timeout 10000
meson_stage
mocha_stage integration 1500 'dist/test/integration/**/*.test.js' --timeout 60000

node scripts/sum-results.js "$failed_steps" "${files[@]}"
