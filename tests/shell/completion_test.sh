#!/usr/bin/env bash
# Completion as somebody has it who types: the real bash (without bash-completion), zsh and fish, each with the script that the
# binary prints for it; and the manual page in the real man.
#
#   tests/shell/completion_test.sh BINARY
#
# Needs bash, zsh, fish, man-db, col and shellcheck. Under a minute; reads and writes nothing outside of a temporary directory.
set -euo pipefail
binary=$(realpath "${1:?usage: $0 BINARY}")
for need in zsh fish man col shellcheck; do
  command -v $need >/dev/null || { echo "$need is missing" >&2; exit 2; }
done
work=$(mktemp -d /tmp/kubejoin-completion.XXXXXX)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

main() {
  mkdir -p "$work"/{bin,functions,files/data}
  touch "$work/files/data-file" "$work/files/two words"
  local program shell
  for program in kubejoin kubeadm; do
    ln -s "$binary" "$work/$program"
    printf '#!/bin/sh\nprintf GOT\nprintf "<%%s>" "$@"\nprintf END\n' >"$work/bin/$program"
    chmod +x "$work/bin/$program"
    for shell in bash zsh fish; do "$work/$program" completion $shell >"$work/$program.$shell"; done
    cp "$work/$program.zsh" "$work/functions/_$program"
  done

  echo "=== the scripts"
  for program in kubejoin kubeadm; do
    for shell in bash zsh fish; do check "$shell reads that of $program" silently $shell -n "$work/$program.$shell"; done
    check "shellcheck has nothing to say about that of $program" shellcheck --shell=bash --norc "$work/$program.bash"
  done

  for shell in bash zsh autoload fish; do
    echo "=== $shell"
    while IFS='|' read -r line expected; do
      line=${line//FILES/$work/files} expected=${expected//FILES/$work/files}
      check "$line" completes "$shell" "$line" "$expected"
    done < <(lines)
  done

  echo "=== man"
  "$binary" help --man >"$work/page"
  check "man shows it without a warning" silently env LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings=w --local-file "$work/page"
  check "also from standard input" silently env LC_ALL=C.UTF-8 bash -c "man --warnings -l - <$work/page"
  env LC_ALL=C.UTF-8 MANWIDTH=80 man --local-file "$work/page" | col -bx >"$work/shown"
  check "flags can be copied from it" grep -q -e '^ *--discovery-token-ca-cert-hash sha256:HEX$' "$work/shown"
  check "so can paths" grep -q -e '^ */etc/kubernetes/kubelet.conf$' "$work/shown"
  check "and command lines" grep -q -e '^ *source <(kubejoin completion bash)$' "$work/shown"
  check "no line is wider than the terminal" not grep -E '^.{81}' "$work/shown"
  check "no mark of roff is left" not grep -E -e '\\[-f(&e]' "$work/shown"

  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}

# What is typed, and what the program is called with after it has been completed.
lines() {
  cat <<'END'
kubejoin tok|<token>
kubejoin token cr|<token><create>
kubejoin init ph|<init><phase>
kubejoin config print join|<config><print><join-defaults>
kubejoin join --cont|<join><--control-plane>
kubejoin join --output j|<join><--output><json>
kubejoin join --output=j|<join><--output=json>
kubejoin --rootfs /r join -o j|<--rootfs></r><join><-o><json>
kubejoin --rootfs=/r -v 5 version -o s|<--rootfs=/r><-v><5><version><-o><short>
kubejoin join 10.0.0.1:6443 --logging-format j|<join><10.0.0.1:6443><--logging-format><json>
kubejoin join --cri-socket unix:///s ph|<join><--cri-socket><unix:///s><phase>
kubejoin join phase control-plane-pr|<join><phase><control-plane-prepare>
kubejoin join phase control-plane-prepare dow|<join><phase><control-plane-prepare><download-certs>
kubejoin join phase preflight --dry|<join><phase><preflight><--dry-run>
kubejoin reset phase cl|<reset><phase><cleanup-node>
kubejoin reset --skip-phases preflight,cl|<reset><--skip-phases><preflight,cleanup-node>
kubejoin join --skip-phases=preflight,che|<join><--skip-phases=preflight,check-etcd>
kubejoin join --logto|<join><--logtostderr>
kubejoin join --config FILES/tw|<join><--config><FILES/two words>
kubejoin join --config=FILES/data-|<join><--config=FILES/data-file>
kubejoin join --rootfs FILES/da|<join><--rootfs><FILES/data/>
kubejoin completion fi|<completion><fish>
kubejoin help err|<help><errors>
kubejoin help --m|<help><--man>
kubeadm join --cont|<join><--control-plane>
kubeadm join --output=j|<join><--output=json>
END
}

# SHELL LINE EXPECTED: the script is of the real program; what is run in the end is one that shows its arguments.
completes() {
  local found program=$work/${2%% *} init='autoload -Uz compinit; compinit -u -D; unsetopt auto_remove_slash'
  case $1 in
    bash) found=$(typed "source <($program completion bash)" "$2" bash --norc --noprofile -i) ;;
    zsh) found=$(typed "$init; source <($program completion zsh)" "$2" zsh -f -i) ;;
    autoload) found=$(typed "fpath=($work/functions \$fpath); $init" "$2" zsh -f -i) ;;
    fish) found=$(completed_by_fish "$program" "$2") ;;
  esac
  [ "$found" = "$3" ] || { echo "found $found instead of $3"; return 1; }
}

# INIT LINE SHELL...: types a line into a shell on a terminal of its own, completes it with the tabulator and sends it; what the
# program says then. zsh has the terminal.
typed() {
  # shellcheck disable=SC2016 # of zsh
  env -i HOME="$work" PATH="$work/bin:$PATH" TERM=dumb LC_ALL=C.UTF-8 timeout 60 zsh -f -c '
    zmodload zsh/zpty
    zpty shell "${(j: :)@[3,-1]}"
    zpty -w shell " $1; echo READ\"\"Y"
    zpty -r shell answer "*READY"$'"'\r\n'"'"*"
    zpty -w -n shell "$2"$'"'\t'"'
    sleep 0.2
    zpty -w -n shell $'"'\n'"'
    zpty -r shell answer "*GOT*END*"
    answer=${answer##*GOT}
    print -r -- ${answer%%END*}
  ' zsh "$@"
}

# fish says by itself how it would complete a line: all that it offers takes the place of the last word.
completed_by_fish() { # PROGRAM LINE
  # shellcheck disable=SC2016 # of fish
  env -i HOME="$work" PATH="$work/bin:$PATH" LC_ALL=C.UTF-8 fish --no-config -c '
    eval $argv[1] completion fish | source
    set words (string split " " -- $argv[2])
    set offered (complete -C $argv[2] | string replace -r "\t.*" "")
    printf "<%s>" $words[2..-2] $offered
  ' "$1" "$2"
}

not() { ! "$@"; }
# Nothing on standard error.
silently() { "$@" 2>"$work/errors" >/dev/null && { cat "$work/errors"; [ ! -s "$work/errors" ]; }; }

# NAME COMMAND...
check() {
  local output
  if output=$("${@:2}" 2>&1); then
    passed=$((passed + 1)) && echo "ok   $1"
  else
    failed=$((failed + 1)) && printf 'FAIL %s\n%s\n' "$1" "$output"
  fi
}

main
