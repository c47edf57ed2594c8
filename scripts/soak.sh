#!/usr/bin/env bash
# Streams for long with everything that happens to a long stream, and fails when memory, descriptors or threads grow.
# usage: npm run soak [-- MINUTES]      10 minutes unless told
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bash "$ROOT/scripts/setup.sh" --quiet --with-tests
[[ -e $ROOT/dist/test/soak/main.js ]] || die "the soak run is not built" "run: npm run setup"
exec node --enable-source-maps "$ROOT/dist/test/soak/main.js" "$@"
