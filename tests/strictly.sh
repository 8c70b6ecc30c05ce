# For tests to source: what makes every command of a check count, and not only its last one.
# shellcheck shell=bash

# strictly COMMAND...: runs it in a shell of its own, which ends with the first command of a function that fails. Where a
# condition waits for a command, as in `if check_it` or `until check_it`, bash ignores `set -e` in all of it, even where that is
# set again in a subshell; but not in a trap. What the command sets is lost.
strictly() {
  (
    trap 'set -e; "$@"' EXIT
    shopt -s inherit_errexit
    exit 0
  )
}

not() { ! strictly "$@"; }
