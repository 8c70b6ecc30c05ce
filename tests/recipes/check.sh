# shellcheck shell=bash disable=SC2154 # what the script that sources it sets
# What the tests of recipes source to check something: each check is a line, and counts in $passed or $failed; a command's
# output is kept in $work.
# shellcheck source=../strictly.sh
. "$(dirname "${BASH_SOURCE[0]}")/../strictly.sh"

passed=0 failed=0

check() { # NAME COMMAND...
  local name=$1
  shift
  if strictly "$@" >"$work/check.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $name"
  else
    failed=$((failed + 1))
    echo "FAIL  $name"
    tail -n 15 "$work/check.log" | sed 's/^/      | /'
  fi
}
fails() { not "$@"; }
