#!/usr/bin/env bash
# A control plane's join that is killed, and run again until it ends: etcd has the members that it should have, and nothing is
# left of the runs before. By hand: a round takes most of a minute.
#
#   killed_test.sh BINARY [ROUNDS]    ROUNDS of ever later kills, default 5; each round has a machine made anew
#
# As root. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"
. "$here/control_plane_checks.sh"

begin "$1"
rounds=${2:-5}
cluster=$work/cluster
ha_clusters=("$cluster")
# Seconds from the start of a run to its end by a signal that it cannot catch; the later ones are behind the member's start.
moments=(0.3 0.6 0.9 1.2 1.5 1.8 2.1 2.5 3 4 6 9)

main() {
  local round moment killed
  check "kubeadm makes a cluster" made 2
  for ((round = 1; round <= rounds; round++)); do
    section "round $round"
    killed=0
    for moment in "${moments[@]:((round - 1) % 3)}"; do
      if join_until "$moment"; then break; else killed=$((killed + 1)); fi
    done
    printf '          killed %s times\n' "$killed"
    check "it ends when it is left alone" eventually 240 join_as_control_plane cp2
    check "etcd has two voters and no learner" voters 2
    check "its API server answers" ha run cp2 curl -sS --fail --max-time 15 --cacert "$cluster/ca.crt" \
      -o /dev/null "https://$(jq -r .machines.cp2.api_server "$cluster/facts.json")/livez"
    check "no file is half written" nothing_half_written
    check "it says that it has ended" not ha run cp2 test -e /var/lib/kubelet/kubejoin-control-plane
    ha settled
    # While both run: one of two voters alone removes nobody.
    ha forget cp2 >/dev/null
    ha wipe cp2
  done
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
}

# join_until SECONDS: whether it has ended before.
join_until() {
  printf '#!/bin/sh\nexec timeout -s KILL %s %s "$@"\n' "$1" "$binary" >"$work/killed"
  chmod +x "$work/killed"
  "$here/ha.sh" join "$cluster" cp2 "$work/killed" >"$work/killed.log" 2>&1
}

nothing_half_written() {
  local found
  found=$(ha run cp2 find /etc/kubernetes /var/lib/kubelet /var/lib/etcd -name .kubejoin.tmp)
  echo "$found"
  [ -z "$found" ]
}

main
