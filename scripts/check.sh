#!/usr/bin/env bash
# Everything about the sources that can be judged without running a stream. Continuous integration runs the same.
# Every check runs even when one before it failed; the exit status is the number of failed checks.
# usage: npm run check, or scripts/check.sh NAME... for some of them: format types structure unused shell spelling c
# The functions below are called by name, through check.
# shellcheck disable=SC2317
set -uo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT" || exit 1
PATH=$ROOT/node_modules/.bin:$PATH

readonly NAMES=(format types structure unused shell spelling c)
failed=0
wanted=("$@")

for name in ${wanted[@]+"${wanted[@]}"}; do
  [[ " ${NAMES[*]} " == *" $name "* ]] || die "there is no check named $name" "the checks are: ${NAMES[*]}"
done

is_wanted() { ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $1 "* ]]; }

# check NAME TITLE COMMAND...: runs one check and says how it went.
check() {
  local name=$1 title=$2
  shift 2
  is_wanted "$name" || return 0
  if "$@"; then
    say "check: $title: ok"
  else
    say "check: $title: FAILED (run it alone with: bash scripts/check.sh $name)"
    failed=$((failed + 1))
  fi
}

# Formatting differs between versions of clang-format, so one version decides everywhere.
c_format() {
  local -a files
  mapfile -t files < <(find gst-plugins native test/elements test/bench test/fuzz test/qemu test/desktop -name '*.[ch]' -o -name '*.cc')
  clang-format-19 --dry-run --Werror "${files[@]}"
}

spelling() { codespell README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs scripts packaging; }

shell_scripts() { shellcheck --external-sources scripts/*.sh test/{qemu,package}/*.sh packaging/maintainer-script packaging/lumen.sh.in .ci/run; }

# The layering test reads the sources, the page tests read docs/: no stream is needed for either.
structure() { mocha --no-config --forbid-only --enable-source-maps --reporter dot 'dist/test/unit/docs/**/*.test.js'; }

check format 'format, lint and import cycles' biome check --error-on-warnings .
check types 'types' tsc
check structure 'layers and reference pages' structure
check unused 'dead code' knip
check shell 'shell scripts' shell_scripts
check spelling 'spelling' spelling
check c 'C format' c_format

exit "$failed"
