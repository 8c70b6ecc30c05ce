#!/usr/bin/env bash
# The tests' way to count: a check fails with any of its commands, and not only with the last one.
#
#   tests/strictly_test.sh
#
# Needs nothing.
# shellcheck disable=SC2317 # functions that are called by their names
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/strictly.sh"

status=0
said=$(mktemp)
trap 'rm "$said"' EXIT
holds() { "${@:2}" || { echo "FAILED  $1" >&2; status=1; }; }

ends() { return "$1"; }
first_fails() { ends 3; echo "went on"; }
middle_fails() { echo x | grep -q x; [ "$1" = another ]; echo "went on"; }
substitution_fails() { local found; found=$(first_fails); echo "went on: $found"; }
pipe_fails() { first_fails | cat; echo "went on"; }
not_fails() { not true; echo "went on"; }
inner_fails() { if not first_fails; then ends 0; else ends 1; fi; }
all_hold() { not ends 1; not first_fails; if ends 1; then return 1; fi; ends 1 || ends 0; echo "$1" "$2"; }

# Where a condition waits for it, as everywhere in the tests.
says_nothing_and_ends() {
  local found=0
  if strictly "${@:2}" >"$said"; then :; else found=$?; fi
  if [ "$found" = "$1" ] && [ ! -s "$said" ]; then return 0; fi
  echo "it ends with $found, and says: $(cat "$said")" >&2
  return 1
}

holds "the first command counts, with its status" says_nothing_and_ends 3 first_fails
holds "one in the middle counts" says_nothing_and_ends 1 middle_fails one
holds "one in a substitution counts" says_nothing_and_ends 3 substitution_fails
holds "one in a pipe counts" says_nothing_and_ends 3 pipe_fails
holds "not counts" says_nothing_and_ends 1 not_fails
holds "below not, the first command counts, too" says_nothing_and_ends 0 inner_fails
holds "a status is kept" says_nothing_and_ends 7 ends 7
holds "a command that is not there counts" [ "$(strictly /nowhere 2>/dev/null || echo $?)" = 127 ]
holds "what holds holds, with its arguments and its output" [ "$(strictly all_hold 'a b' '*')" = 'a b *' ]

# The checks themselves, as a test of tests/peers sees them.
counted() {
  local work
  work=$(mktemp -d)
  TMPDIR=$work bash -c '
    set -euo pipefail
    here=$1/peers
    . "$here/checks.sh"
    begin /bin/sh
    first_fails() { false; true; }
    holds() { true; }
    check "first fails" first_fails
    check "in time, it holds" eventually 3 holds
    check "in time, first fails" eventually 0 first_fails
    check "it does not hold" not holds
    check "holds" not first_fails
    finished=yes
  ' bash "$here" 2>&1 || true
  rm -rf "$work"
}
counted >"$said"
holds "checks are counted: $(cat "$said")" [ "$(grep -cE '^  (ok      (in time, it holds|holds)|FAILED  (first fails|in time, first fails|it does not hold))$' "$said")" = 5 ]
holds "the sum is theirs" grep -qx '2 passed, 3 failed' "$said"

[ "$status" = 0 ] && echo "every command of a check counts"
exit "$status"
