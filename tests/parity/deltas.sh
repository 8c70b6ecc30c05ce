# Differences between kubeadm and kubejoin, and which of them are accepted: rows CASE | LINE | REASON of a file, the first two
# globs. Sourced by run, and by tests/peers/releases_test.sh with rows of its own.
# shellcheck shell=bash

# unlike KUBEADM KUBEJOIN: what only one of two sorted files of effects has.
unlike() {
  LC_ALL=C comm -23 "$1" "$2" | sed 's/^/kubeadm: /'
  LC_ALL=C comm -13 "$1" "$2" | sed 's/^/kubejoin: /'
}

read_deltas() {
  local case line reason
  delta_cases=() delta_lines=() used=()
  while IFS='|' read -r case line reason; do
    case=$(trim "$case")
    case $case in '' | '#'*) continue ;; esac
    [ -n "$(trim "$reason")" ] || { echo "$1: the delta '$case |$line' has no reason" >&2; exit 2; }
    delta_cases+=("$case") delta_lines+=("$(trim "$line")")
  done <"$1"
}

# accepted CASE LINE: whether a delta accepts this difference. Every one that does counts as used.
accepted() {
  local i found=1
  for i in "${!delta_cases[@]}"; do
    # shellcheck disable=SC2053 # globs
    if [[ $1 == ${delta_cases[i]} && $2 == ${delta_lines[i]} ]]; then
      used[i]=yes
      found=0
    fi
  done
  return $found
}

unused_deltas() {
  local i
  for i in "${!delta_cases[@]}"; do
    [ -n "${used[i]:-}" ] || echo "${delta_cases[i]} | ${delta_lines[i]}"
  done
}

trim() {
  local text=$1
  text=${text#"${text%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}
