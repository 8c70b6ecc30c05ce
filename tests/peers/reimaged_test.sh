#!/usr/bin/env bash
# Three boards that are control planes, of which one after the other gets an image written to its disk: everything on it is gone,
# the machine is the same. Nobody does anything about it, but what a unit does: the join is run, and run again where it ends
# with 3. No member of etcd may be left over, and none be missing.
#
#   reimaged_test.sh BINARY [ROUNDS [SEED]]    default: 10 rounds; SEED says which boards, default: another one each time
#
# As root, a minute a round. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"
. "$here/control_plane_checks.sh"

begin "${1:-}"
rounds=${2:-10} seed=${3:-$RANDOM}
RANDOM=$seed
cluster=$work/cluster
ha_clusters=("$cluster")

main() {
  local round board began=$SECONDS runs=0
  section "three boards, by the random numbers of $seed"
  check "kubeadm makes a cluster of the first" made 3
  timed "the second joins" join_as_control_plane cp2
  timed "the third joins" join_as_control_plane cp3
  ha settled
  for ((round = 1; round <= rounds; round++)); do
    board=cp$((RANDOM % 3 + 1))
    section "round $round: $board"
    ha wipe "$board"
    timed "it joins, as its unit runs it" joins_by_a_unit "$board"
    runs=$((runs + $(cat "$work/runs")))
    check "etcd has three voters, and nobody else" three_by_name
    check "every API server answers" eventually 60 every_api_server_answers 3
    check "the cluster writes" writes
    check "its Node becomes Ready" kubectl wait --for=condition=Ready --timeout=120s "node/$board"
    check "its static pods become Ready" eventually 120 static_pods_are_ready "$board"
    # The next board finds etcd by the pods of the others.
    ha settled
  done
  check "there are three Nodes" three_nodes
  printf '          %s rounds, %s runs of the join, %s s, load %s\n' "$rounds" "$runs" $((SECONDS - began)) "$(cut -d' ' -f1 /proc/loadavg)"
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
}

# A unit takes 3 for "later", and every other status for the end.
joins_by_a_unit() {
  local status deadline=$((SECONDS + 300)) runs=0
  while [ "$SECONDS" -lt "$deadline" ]; do
    status=0 runs=$((runs + 1))
    echo $runs >"$work/runs"
    join_as_control_plane "$1" || status=$?
    [ $status = 3 ] || return $status
    sleep 5
  done
  return 1
}

three_by_name() {
  voters 3 && ha members | jq -se 'map(.name) | sort == ["cp1", "cp2", "cp3"]'
}

three_nodes() { [ "$(kubectl get nodes -o name | sort | xargs)" = "node/cp1 node/cp2 node/cp3" ]; }

main
