#!/usr/bin/env bash
# How fast the media plane is, beside stand-ins for how others do it. What it measures: docs/benchmarks.md.
# usage: npm run bench -- [--json FILE] [--quick] [--only PART,...] [--strict]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# Relative paths in the arguments are the caller's: npm runs scripts in the checkout, a person may not.
bash "$ROOT/scripts/setup.sh" --quiet --with-tests
[[ -e $ROOT/dist/test/bench/main.js ]] || die "the benchmarks are not built" "run: npm run setup"
exec node --enable-source-maps "$ROOT/dist/test/bench/main.js" "$@"
