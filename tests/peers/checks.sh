# What the tests of real nodes have in common: a binary that joins, questions to the node afterwards, and counting. For
# node_test.sh, releases_test.sh and control_plane_test.sh to source. They set here, clusters, nodes and ha_clusters (all that
# they bring up, for the end) and cluster (the one they are about now), then finished when they have come to their end.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what they set

# shellcheck source=../strictly.sh
. "$here/../strictly.sh"

passed=0 failed=0 finished='' keep=() clusters=() nodes=() ha_clusters=()

# begin BINARY: sets binary and work; from here on everything is cleaned up and counted, whatever happens.
begin() {
  binary=$(realpath "${1:?which binary? see the head of this file}")
  [ -x "$binary" ] || { echo "$binary is not executable" >&2; exit 2; }
  [ -z "${KEEP:-}" ] || keep=(--keep)
  work=${KEEP:-$(mktemp -d "/tmp/kubejoin-$(basename "$0" .sh).XXXXXX")}
  mkdir -p "$work"
  trap finish EXIT
}

node() { "$here/node.sh" "$@"; }
kubectl() { "$here/cluster.sh" kubectl "$cluster" "$@"; }

read_facts() {
  endpoint=$(jq -r .endpoint "$cluster/facts.json")
  hash=$(jq -r .ca_cert_hash "$cluster/facts.json")
  token=$(jq -r .tokens.normal "$cluster/facts.json")
}

# Cgroups v1, where the test's kernel has it, is an error of this check since 1.35; everything else has to pass.
join_command() {
  printf '%s\0' "$binary" join "$endpoint" --token "$token" --discovery-token-ca-cert-hash "$hash" --node-name "$1" \
    --cri-socket unix:///run/containerd/containerd.sock --ignore-preflight-errors=SystemVerification
}

# DIR NAME FLAGS...
join() {
  local command
  readarray -d '' command < <(join_command "$2")
  node run "$1" timeout 120 "${command[@]}" "${@:3}"
}

# A node that is well, looked at without settings.
nothing_is_found() { node run "$1" timeout 60 "$binary" doctor -v 1; }

kubelet_is() { [ "$(node run "$1" systemctl is-active kubelet)" = "$2" ]; }

# The secret half of it, in any file that the node keeps or has in /run.
token_on() { grep -rlsF "${token#*.}" "$1/root" --exclude-dir=machine; }

is_node() {
  node run "$1" kubectl --kubeconfig /etc/kubernetes/kubelet.conf auth whoami -o json \
    | jq -e --arg name "system:node:$2" '.status.userInfo | .username == $name and (.groups | index("system:nodes"))'
}

eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until strictly "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.5
  done
}

# --- counting

section() { printf '%s\n' "$1"; }

# check DESCRIPTION COMMAND...: every command counts of a function; what it sets is lost.
check() {
  local description=$1
  shift
  if strictly "$@" >"$work/check.log" 2>&1; then
    passed=$((passed + 1))
    printf '  ok      %s\n' "$description"
  else
    failed=$((failed + 1))
    printf '  FAILED  %s\n' "$description"
    tail -n 25 "$work/check.log" | sed 's/^/          | /'
  fi
}

finish() {
  trap - EXIT
  if [ -z "$finished" ]; then
    failed=$((failed + 1))
    echo "  FAILED  the test did not come to its end"
  fi
  local machine
  for machine in "${nodes[@]}"; do
    if [ -e "$machine" ]; then node down "${keep[@]}" "$machine"; fi
  done
  for machine in "${clusters[@]}"; do
    if [ -e "$machine" ]; then "$here/cluster.sh" down "${keep[@]}" "$machine"; fi
  done
  for machine in "${ha_clusters[@]}"; do
    if [ -e "$machine" ]; then "$here/ha.sh" down "${keep[@]}" "$machine"; fi
  done
  if [ -z "${KEEP:-}" ]; then rm -rf "$work"; fi
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] || exit 1
}
