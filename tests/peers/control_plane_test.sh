#!/usr/bin/env bash
# Control planes: the binary under test joins machines to a cluster that the real kubeadm has made (ha.sh); the real kubelet
# runs what it wrote, and the real kubeadm has to live with it.
#
#   control_plane_test.sh [--only PART] BINARY  a kubejoin; PART is newest, ipv6 or older (1.30)
#   control_plane_test.sh --reference BINARY    the real kubeadm: checks the test itself, without what only kubejoin promises
#
# As root, about six minutes. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"
. "$here/control_plane_checks.sh"

reference='' only=''
[ "${1:-}" != --reference ] || { reference=yes; shift; }
[ "${1:-}" != --only ] || { only=$2; shift 2; }
case $only in '' | newest | ipv6 | older) ;; *) echo "control_plane_test: there is no part $only" >&2; exit 2 ;; esac
begin "$@"
newest=$work/newest ipv6=$work/ipv6 older=$work/older
ha_clusters=("$newest" "$ipv6" "$older")

main() {
  case $only in '' | newest) newest_release ;; esac
  case $only in '' | ipv6) on_ipv6 ;; esac
  case $only in '' | older) older_release ;; esac
  finished=yes
}

newest_release() {
  section "Kubernetes 1.37: four machines"
  cluster=$newest
  timed "kubeadm makes a cluster of the first" made 4
  timed "the second joins" join_as_control_plane cp2
  is_a_control_plane cp2 2
  timed "the third joins" join_as_control_plane cp3
  is_a_control_plane cp3 3
  kubeadm_accepts cp2
  timed "kubeadm joins a fourth" join_by_kubeadm cp4
  is_a_control_plane cp4 4
  another_disk cp4
  the_first_is_lost
  "$here/ha.sh" down "${keep[@]}" "$cluster"
}

on_ipv6() {
  section "Kubernetes 1.37 on IPv6: two machines"
  cluster=$ipv6
  timed "kubeadm makes a cluster of the first" made 2 --ipv6
  timed "the second joins" join_as_control_plane cp2
  is_a_control_plane cp2 2
  kubeadm_accepts cp2
  "$here/ha.sh" down "${keep[@]}" "$cluster"
}

older_release() {
  section "Kubernetes 1.30: two machines"
  cluster=$older
  timed "kubeadm makes a cluster of the first" made 2 --release 1.30
  timed "the second joins" join_as_control_plane cp2
  is_a_control_plane cp2 2
  kubeadm_accepts cp2
  "$here/ha.sh" down "${keep[@]}" "$cluster"
}

# is_a_control_plane NAME COUNT: what is true of every machine that has joined, in a cluster that has COUNT now.
is_a_control_plane() {
  check "etcd has $2 voters and no learner" voters "$2"
  check "every API server answers" every_api_server_answers "$2"
  check "the Node becomes Ready" kubectl wait --for=condition=Ready --timeout=60s "node/$1"
  check "it is labelled" labelled "$1"
  check "it is tainted" tainted "$1"
  check "its static pods become Ready" eventually 90 static_pods_are_ready "$1"
  check "its kubelet is system:node:$1" is_system_node "$1"
  check "the kubelet asks its own API server" asks_its_own "$1"
  check "no bootstrap kubeconfig is left" not on "$1" test -e /etc/kubernetes/bootstrap-kubelet.conf
  check "neither token nor certificate key is on the machine" not secrets_on "$1"
  ha settled
}

kubeadm_accepts() {
  check "kubeadm upgrade node finds everything it needs" upgrade_node "$1"
  check "kubeadm certs check-expiration knows every certificate" certificates_known "$1"
  only_kubejoin "a second run finds the machine joined" join_as_control_plane "$1"
}

# kubeadm has to be told that a machine is gone; kubejoin sees that it is the same.
another_disk() {
  section "a new disk in the fourth"
  ha wipe "$1"
  if [ -n "$reference" ]; then ha forget "$1" >/dev/null; fi
  # Its machine-id is another one, so the old Node has to be NotReady before: kubejoin exits with 3 until then, as a unit takes it.
  timed "it joins again" eventually 240 join_as_control_plane "$1"
  is_a_control_plane "$1" 4
}

the_first_is_lost() {
  section "the first is switched off"
  ha stop cp1
  check "the cluster still writes" eventually 60 writes
  check "three API servers answer" every_api_server_answers 3
  ha start cp1
  check "switched on again, its API server answers" eventually 180 every_api_server_answers 4
  check "its Node becomes Ready" eventually 60 kubectl wait --for=condition=Ready --timeout=1s node/cp1
}

# --- what the checks are made of

join_by_kubeadm() { timeout 300 "$here/ha.sh" join "$cluster" "$1"; }

labelled() {
  kubectl get node "$1" -o json | jq -e '.metadata.labels
    | has("node-role.kubernetes.io/control-plane") and has("node.kubernetes.io/exclude-from-external-load-balancers")'
}

tainted() {
  kubectl get node "$1" -o json | jq -e '[.spec.taints[] | select(.key == "node-role.kubernetes.io/control-plane")]
    | length == 1 and .[0].effect == "NoSchedule"'
}

is_system_node() {
  on "$1" kubectl --kubeconfig /etc/kubernetes/kubelet.conf auth whoami -o json \
    | jq -e --arg name "system:node:$1" '.status.userInfo | .username == $name and (.groups | index("system:nodes"))'
}

# Since 1.33; before, the endpoint.
asks_its_own() {
  local server
  server=$(jq -r --arg name "$1" 'if (.release | split(".")[1] | tonumber) < 33 then .endpoint
    else .machines[$name].api_server end' "$cluster/facts.json")
  on "$1" grep -F "server: https://$server" /etc/kubernetes/kubelet.conf
}

secrets_on() {
  on "$1" grep -rlsF -e "$(jq -r '.token | split(".")[1]' "$cluster/facts.json")" \
    -e "$(jq -r .certificate_key "$cluster/facts.json")" /etc/kubernetes /var/lib/kubelet /run \
    --exclude-dir=machine --exclude-dir=containerd
}

upgrade_node() { on "$1" kubeadm upgrade node --dry-run --ignore-preflight-errors=all; }

# Three kubeconfigs, seven certificates, three CAs: whether each is managed elsewhere ends its line. super-admin.conf is missing
# on a machine that has joined.
certificates_known() {
  on "$1" kubeadm certs check-expiration >"$work/expiration" || return
  cat "$work/expiration"
  [ "$(grep -cE ' (no|yes) *$' "$work/expiration")" = 13 ]
}

only_kubejoin() {
  if [ -n "$reference" ]; then printf '  SKIPPED %s (kubeadm does not promise it)\n' "$1"; else check "$@"; fi
}

main
