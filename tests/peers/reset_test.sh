#!/usr/bin/env bash
# Reset on real machines: control planes of ha.sh, made by kubeadm and kubejoin, whose kubelet runs etcd and the rest as static
# pods, and a worker among them. What kubejoin leaves is compared with what the real kubeadm leaves.
#
#   reset_test.sh BINARY     a kubejoin
#
# As root, by hand: about five minutes. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"

begin "$@"
cluster=$work/cluster
ha_clusters=("$cluster")

main() {
  section "three control planes"
  check "kubeadm makes a cluster of the first" made 3
  check "the second joins" join_as_control_plane cp2
  check "the third joins" join_as_control_plane cp3
  ha settled

  section "a control plane is reset"
  check "a dry run names its member of etcd, its Pods and its mounts, and changes nothing" dry_run cp3
  check "it is reset" reset cp3
  check "etcd has two voters" voters 2
  check "none of its containers is left" no_containers cp3
  check "nothing is mounted below the kubelet's directory" no_mounts cp3
  left_by_kubejoin=$(left cp3)
  check "the cluster still writes" eventually 60 writes
  ha kubectl delete node cp3 >/dev/null
  check "it joins again" join_as_control_plane cp3
  check "etcd has three voters" voters 3
  ha settled

  section "the same by kubeadm"
  check "kubeadm resets it" on cp3 kubeadm reset --force
  check "what is left is the same, but for the reasons in src/reset/README.md" same_left cp3
  ha kubectl delete node cp3 >/dev/null

  section "as a worker"
  check "it joins as a worker" join_as_worker cp3
  check "a Pod with volumes runs there" eventually 120 pod_runs cp3
  check "it is reset, with its volumes" reset cp3
  check "none of its containers is left" no_containers cp3
  check "nothing is mounted below the kubelet's directory" no_mounts cp3

  section "a quorum is not given away"
  ha stop cp1
  check "with one of two voters it is refused, with the numbers" refused cp2
  check "nothing was changed" on cp2 test -e /etc/kubernetes/kubelet.conf -a -e /var/lib/etcd/member
  ha start cp1
  check "etcd has a quorum again" eventually 120 writes
  ha settled
  check "the second is reset then" eventually 60 reset cp2
  check "etcd has one voter" voters 1

  section "the last member"
  check "its data stays where nobody says otherwise" last_stays cp1
  check "it is reset by force" reset cp1
  check "its data is gone" not on cp1 test -e /var/lib/etcd/member
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
}

# --- what the checks are made of

ha() { "$here/ha.sh" "$1" "$cluster" "${@:2}"; }
on() { ha run "$@"; }
made() { ha up "$@" && ha init; }
join_as_control_plane() { timeout 300 "$here/ha.sh" join "$cluster" "$1" "$binary"; }
reset() { on "$1" timeout 300 "$binary" reset --force "${@:2}"; }

join_as_worker() {
  local arguments
  readarray -t arguments < <(jq -r '.arguments[]' "$cluster/facts.json" | grep -vxF -e --control-plane -e --certificate-key -e "$(jq -r .certificate_key "$cluster/facts.json")")
  on "$1" timeout 300 "$binary" join "${arguments[@]}"
}

voters() {
  ha members | tee /dev/stderr | jq -se --argjson count "$1" 'length == $count and all(.name != "" and (.learner | not))'
}

writes() { ha kubectl create configmap written --dry-run=client -o yaml | ha kubectl apply -f - --request-timeout=5s; }

no_containers() { ! on "$1" ctr -n k8s.io containers ls -q | grep .; }
no_mounts() { ! on "$1" findmnt -rno TARGET | grep '^/var/lib/kubelet/'; }

dry_run() {
  local before after
  before=$(left "$1")
  on "$1" "$binary" reset --dry-run -o json >"$work/dry-run.json" || return
  after=$(left "$1")
  [ "$before" = "$after" ] || return
  jq -e '(.sandboxes | length >= 4) and (.etcd | test("leaves its cluster")) and (.mounts | type == "array")
    and (.paths | index("/etc/kubernetes/kubelet.conf") != null) and .left == []' "$work/dry-run.json"
}

# Everything that is left where a join writes; sockets and locks of programs that run are not a join's.
left() {
  on "$1" find /etc/kubernetes /var/lib/kubelet /var/lib/etcd /etc/cni -not -type s 2>/dev/null | grep -v '^/var/lib/kubelet/pods' | sort
}

same_left() { diff <(printf '%s\n' "$left_by_kubejoin") <(left "$1"); }

pod_runs() {
  ha kubectl get pods -A --field-selector "spec.nodeName=$1" -o json | jq -e '[.items[] | select(.status.phase == "Running")] | length > 0' \
    && on "$1" findmnt -rno TARGET | grep -q '^/var/lib/kubelet/pods/'
}

refused() {
  local status=0
  reset "$1" >"$work/refused" 2>&1 || status=$?
  cat "$work/refused"
  [ "$status" = 5 ] && grep -q reset.etcd-quorum "$work/refused" && tr '\n' ' ' <"$work/refused" | tr -s ' ' | grep -q '1 of 2 voters answer, 2 are needed'
}

last_stays() {
  on "$1" timeout 300 "$binary" reset phase remove-etcd-member >"$work/last" 2>&1
  cat "$work/last"
  tr '\n' ' ' <"$work/last" | tr -s ' ' | grep -q "the data of etcd's last member" && on "$1" test -e /var/lib/etcd/member/wal
}

main
