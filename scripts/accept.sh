#!/usr/bin/env bash
# The long acceptance runs: streams for half a minute and more, prints the figures, writes them with --json FILE.
# usage: npm run accept -- [--json FILE]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# Relative paths in the arguments are the caller's: npm runs scripts in the checkout, a person may not.
bash "$ROOT/scripts/setup.sh" --quiet --with-tests
[[ -e $ROOT/dist/test/accept/main.js ]] || die "the acceptance runs are not built" "run: npm run setup"
exec node --enable-source-maps "$ROOT/dist/test/accept/main.js" "$@"
