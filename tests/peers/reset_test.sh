#!/usr/bin/env bash
# Reset on real machines: control planes of ha.sh, made by kubeadm and kubejoin, whose kubelet runs etcd and the rest as static
# pods, and a worker among them. What kubejoin leaves is compared with what the real kubeadm leaves.
#
#   reset_test.sh BINARY [--release R]     a kubejoin; R: as of ha.sh
#
# As root, by hand: about five minutes. KEEP=DIR puts everything into DIR and leaves the logs.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machines' shells
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"

begin "$1"
cluster=$work/cluster
ha_clusters=("$cluster")

main() {
  section "three control planes"
  check "kubeadm makes a cluster of the first" made 3 "$@"
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

  section "with what others may use, too"
  check "there are CNI's files and images, and those of others" others_have cp3
  check "a dry run names them, and changes nothing" dry_run_names cp3
  check "it is reset with --cni and --images" reset cp3 --cni --images
  check "CNI's files are gone" not on cp3 sh -c 'find /etc/cni/net.d /var/lib/cni -mindepth 1 | grep .'
  check "Kubernetes' image is gone, with both of its names" not images_are cp3 k8s.io
  check "the runtime's own image is not" on cp3 sh -c 'ctr -n k8s.io images ls -q | grep /pause:'
  check "the same image of others is not" images_are cp3 others
  check "nor are files beside" on cp3 test -e /etc/cni/others/file -a -e /var/lib/cni-of-others/file -a -e /opt/cni/bin/file

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
  on "$1" "$binary" reset --dry-run -o json >"$work/dry-run.json"
  after=$(left "$1")
  [ "$before" = "$after" ]
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

# Kubernetes' image is not the one that all the rest of this machine is made of: that is the sandbox's, too, and pinned.
others_have() {
  local image=$cluster/$1/of-kubernetes
  mkdir -p "$image/layer"
  echo file >"$image/layer/file"
  tar -C "$image/layer" --owner=0 --group=0 -cf "$image/layer.tar" .
  jq -n --arg id "sha256:$(sha256sum <"$image/layer.tar" | cut -d' ' -f1)" \
    '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$id]}, config: {}}' >"$image/config.json"
  jq -n '[{Config: "config.json", RepoTags: ["registry.k8s.io/test:1", "registry.k8s.io/test:2"], Layers: ["layer.tar"]}]' >"$image/manifest.json"
  tar -C "$image" -cf "$image.tar" manifest.json config.json layer.tar
  on "$1" ctr -n k8s.io images import --local --all-platforms /run/machine/of-kubernetes.tar
  on "$1" ctr -n others images import --local --all-platforms /run/machine/of-kubernetes.tar
  on "$1" sh -ec 'for directory in /etc/cni/net.d /etc/cni/others /var/lib/cni/networks/net /var/lib/cni-of-others /opt/cni/bin; do
    mkdir -p $directory; touch $directory/file; done'
  images_are "$1" k8s.io
  images_are "$1" others
}

# images_are MACHINE NAMESPACE: one name or both.
images_are() { on "$1" ctr -n "$2" images ls -q | tee /dev/stderr | grep -c '^registry.k8s.io/test:[12]$'; }

dry_run_names() {
  on "$1" "$binary" reset --dry-run -o json --cni --images >"$work/dry-run.json"
  cat "$work/dry-run.json"
  jq -e '(.images == ["registry.k8s.io/test:1"] or .images == ["registry.k8s.io/test:2"]) and (.paths | index("/etc/cni/net.d/file") != null)
    and (.paths | index("/var/lib/cni/networks/net/file") != null) and ([.paths[] | select(test("others|opt"))] == [])' "$work/dry-run.json"
  images_are "$1" k8s.io
  on "$1" test -e /var/lib/cni/networks/net/file -a -e /etc/cni/net.d/file
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

main "${@:2}"
