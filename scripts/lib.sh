# shellcheck shell=bash
# Shared by the scripts beside it: where the checkout is, and how to speak to the person who runs them.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly ROOT

say() { printf 'lumen: %s\n' "$*" >&2; }

# die MESSAGE REMEDY...: what happened, then what to do next, one line each.
die() {
  printf 'lumen: %s\n' "$1" >&2
  shift
  printf '       %s\n' "$@" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# version_at_least HAVE WANT: dotted numbers compared as versions.
version_at_least() {
  [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# The names in a package list, without comments and empty lines.
package_list() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$ROOT/scripts/packages/$1.txt"; }

# The program that KWin gives its screens to. It is known by this very path, which a desktop entry names.
# shellcheck disable=SC2034
readonly KWIN_HELPER=build/native/lumen-kwin-output

# fill_in FILE TEXT: a file of packaging/ with TEXT in its blank, on standard output.
fill_in() {
  local content
  content=$(<"$ROOT/packaging/$1")
  printf '%s\n' "${content//@COMMAND@/$2}"
}
