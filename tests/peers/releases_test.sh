#!/usr/bin/env bash
# Other control planes than node_test.sh's: one of an older release, with a kubelet of that release; one of the newest on
# IPv6; one that is both; one that speaks TLS 1.3 only. To each the kubeadm of its release joins a machine, then the binary under test the same machine
# made anew, and what the two leave behind is compared as tests/parity does it.
#
#   releases_test.sh BINARY            a kubejoin
#
# As root, about three minutes. Accepted differences are in releases_deltas. KEEP=DIR puts everything into DIR and leaves the
# logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"
. "$here/../parity/effects.sh"
. "$here/../parity/deltas.sh"

begin "$@"
worker=$work/node
clusters=("$work/1.30" "$work/ipv6" "$work/1.30-ipv6" "$work/tls13") nodes=("$worker")
socket=unix:///run/containerd/containerd.sock
# What the older kubeadm asks for and these machines do not have.
old_kubeadm=--ignore-preflight-errors=FileExisting-crictl,FileExisting-conntrack,FileExisting-iptables

main() {
  local unused
  read_deltas "$here/releases_deltas"
  # shellcheck disable=SC2034 # for effects.sh
  programs=$("$here/build.sh")
  older_release
  ipv6
  older_release_on_ipv6
  tls_13_only
  readarray -t unused < <(unused_deltas)
  check "every accepted difference is one" none "${unused[@]}"
  finished=yes
}

older_release() {
  section "Kubernetes 1.30"
  bring_up 1.30 --release 1.30
  check "its kubeadm joins" attempt kubeadm kubeadm $old_kubeadm
  forget
  check "its kubelet is called too old, with the flag for it" refused_for KubeletVersion
  check "with that flag the join succeeds" attempt kubejoin "$binary" --ignore-preflight-errors=KubeletVersion
  joined v1.30.4 --ignore-preflight-errors=KubeletVersion
  check "the kubelet has the socket by a flag" [ "$(cat "$worker/root/var/lib/kubelet/kubeadm-flags.env")" \
    = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=$socket\"" ]
  check "kubeadm upgrade finds it in the Node's annotation" [ "$(annotation kubeadm.alpha.kubernetes.io/cri-socket)" = $socket ]
  alike 1.30
  take_down
}

ipv6() {
  section "an endpoint of IPv6"
  bring_up ipv6 --ipv6
  check "kubeadm joins" attempt kubeadm kubeadm
  forget
  check "the join succeeds" attempt kubejoin "$binary"
  joined v1.37.2
  on_ipv6
  alike ipv6
  take_down
}

older_release_on_ipv6() {
  section "both"
  bring_up 1.30-ipv6 --release 1.30 --ipv6
  check "its kubeadm joins" attempt kubeadm kubeadm $old_kubeadm
  forget
  check "the join succeeds" attempt kubejoin "$binary" --ignore-preflight-errors=KubeletVersion
  joined v1.30.4 --ignore-preflight-errors=KubeletVersion
  on_ipv6
  alike 1.30-ipv6
  take_down
}

tls_13_only() {
  section "an API server that speaks TLS 1.3 only"
  bring_up tls13 --tls-min-version VersionTLS13
  check "it refuses TLS 1.2" not reaches_by_tls_12
  check "kubeadm joins" attempt kubeadm kubeadm
  forget
  check "the join succeeds" attempt kubejoin "$binary"
  joined v1.37.2
  alike tls13
  take_down
}

reaches_by_tls_12() { curl --silent --insecure --tls-max 1.2 --noproxy '*' "https://$ip:6443/livez"; }

# joined VERSION FLAGS...: what is true of every machine that has joined.
joined() {
  check "the kubelet runs, of $1" [ "$(kubectl get node worker -o jsonpath='{.status.nodeInfo.kubeletVersion}')" = "$1" ]
  check "the Node becomes Ready" kubectl wait --for=condition=Ready --timeout=60s node/worker
  check "the certificate is accepted as system:node:worker" is_node "$worker" worker
  check "the token is nowhere on the node" not token_on "$worker"
  check "nothing is found to be wrong with it" nothing_is_found "$worker"
  check "a second run finds the node joined" join "$worker" worker "${@:2}"
}

on_ipv6() {
  check "the kubelet's server is [$ip]" grep -qF "server: https://[$ip]:6443" "$worker/root/etc/kubernetes/kubelet.conf"
  check "the Node's address is of IPv6" \
    [ "$(kubectl get node worker -o json | jq -r '.status.addresses[] | select(.type == "InternalIP").address')" = "$node_ip" ]
}

# alike CASE: as much as kubeadm's join and ours can be.
alike() {
  local line differences=()
  while IFS= read -r line; do
    accepted "$1" "$line" || differences+=("$line")
  done < <(unlike "$work/kubeadm.effects" "$work/kubejoin.effects")
  check "what it leaves behind is what kubeadm leaves" none "${differences[@]}"
}

# --- what the checks are made of

# bring_up CASE OPTIONS...: of cluster.sh.
bring_up() {
  cluster=$work/$1
  "$here/cluster.sh" up "$cluster" "${@:2}"
  read_facts
  ip=$(jq -r .ip "$cluster/facts.json")
  node up "$worker" "$cluster" --name worker
  node_ip=$(jq -r .ip "$worker/facts.json")
}

take_down() {
  node down "${keep[@]}" "$worker"
  "$here/cluster.sh" down "${keep[@]}" "$cluster"
}

# The same machine, as it was before it joined.
forget() {
  node down "$worker"
  kubectl delete node worker --ignore-not-found >/dev/null
  kubectl delete certificatesigningrequests --all >/dev/null
  node up "$worker" "$cluster" --name worker
}

# attempt NAME PROGRAM FLAGS...: what it leaves behind is in NAME.effects.
attempt() {
  local binary=$2 status=0
  remember_files
  join "$worker" worker "${@:3}" || status=$?
  if [ $status = 0 ]; then eventually 30 kubectl get node worker 2>/dev/null; fi
  effects $status "$(on_node systemctl is-active kubelet)" | LC_ALL=C sort -u >"$work/$1.effects"
  return $status
}

# kubejoin's exit class 2 (preflight), and the words that help.
refused_for() {
  local status=0 output=$work/refused.log
  join "$worker" worker >"$output" 2>&1 || status=$?
  cat "$output"
  echo "exit status $status"
  [ $status = 2 ] && grep -q -- "--ignore-preflight-errors=$1" "$output"
}

annotation() { kubectl get node worker -o json | jq -r --arg name "$1" '.metadata.annotations[$name]'; }
none() { if [ $# -gt 0 ]; then printf '%s\n' "$@"; return 1; fi; }

# For effects.sh.
on_node() { node run "$worker" "$@"; }
api() { kubectl get --raw "$1"; }

main
