#!/usr/bin/env bash
# A real node: the binary under test joins a node of node.sh to a control plane of cluster.sh; then the real kubelet and
# containerd have to live with what it wrote.
#
#   node_test.sh BINARY                a kubejoin (or a link called kubeadm to one)
#   node_test.sh --reference BINARY    the real kubeadm: checks the test itself, without what only kubejoin promises
#
# As root, about four minutes: signed certificates live for 150 s, so that rotation and the end of the first certificate
# are seen. The signer backdates by 5 min and a kubelet rotates after 70-90 % of the whole: 15 to 105 s from now, which is
# never before the checks that want to see the first certificate. KEEP=DIR puts everything into DIR and leaves the logs.
# shellcheck disable=SC2016 # the single-quoted scripts are for the node's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"

reference=''
[ "${1:-}" != --reference ] || { reference=yes; shift; }
begin "$@"
cluster=$work/cluster
worker=$work/worker waiting=$work/waiting twin=$work/twin itself=$work/itself own=$work/own kept=$work/kept
clusters=("$cluster") nodes=("$worker" "$twin" "$waiting" "$itself" "$own" "$kept")

main() {
  "$here/build.sh" >/dev/null
  "$here/cluster.sh" up "$cluster" --signing-duration 150s
  read_facts
  joins_a_node
  if [ "$failed" != 0 ]; then
    echo "NOT RUN: everything else, because it needs that node"
    finished=yes
    return
  fi
  refuses_the_name_of_a_ready_node
  waits_for_approval
  survives_a_restart_of_the_kubelet
  rotates_by_itself
  bootstraps_by_itself
  keeps_existing_credentials
  [ -n "$reference" ] || is_kept_by_ensure
  finished=yes
}

joins_a_node() {
  section "a node joins"
  node up "$worker" "$cluster" --name worker
  check "the join succeeds" join "$worker" worker
  first_certificate=$(readlink "$worker/root/var/lib/kubelet/pki/kubelet-client-current.pem" || true)
  first_end=$(openssl x509 -noout -enddate -in "$(on_host "$worker" "$first_certificate")" 2>/dev/null | cut -d= -f2 || true)
  check "the kubelet runs" kubelet_is "$worker" active
  check "it was started after a daemon-reload" started_after_reload
  check "its Node is there when the join has ended, or soon" eventually 30 kubectl get node worker
  check "the Node becomes Ready" kubectl wait --for=condition=Ready --timeout=60s node/worker
  check "the certificate is accepted as system:node:worker" is_node "$worker" worker
  only_kubejoin "nothing is found to be wrong with it" nothing_is_found "$worker"
  check "no bootstrap kubeconfig is left" not test -e "$worker/root/etc/kubernetes/bootstrap-kubelet.conf"
  check "the token is nowhere on the node" not token_on "$worker"
  check "one request was made with the token, and its certificate is the one in use" one_request_answered
  only_kubejoin "a second run finds the node joined" join "$worker" worker
}

refuses_the_name_of_a_ready_node() {
  section "another machine asks for the name of a Ready node"
  node up "$twin" "$cluster" --name twin
  check "it is refused" refused "$twin" worker
  check "no kubelet was started" kubelet_is "$twin" inactive
  check "no kubelet.conf was written" not test -e "$twin/root/etc/kubernetes/kubelet.conf"
  node down "${keep[@]}" "$twin"
}

waits_for_approval() {
  local name again ended
  section "nobody approves automatically"
  "$here/cluster.sh" auto-approve "$cluster" off
  node up "$waiting" "$cluster" --name waiting
  start_join "$waiting" waiting
  check "a request is pending" eventually 60 pending_request
  name=$(pending_request) || return 0 # counted; the rest would only wait for it
  only_kubejoin "the command that approves it is printed" \
    eventually 20 grep -qF "kubectl certificate approve $name" "$waiting/log/join.log"
  check "the join waits" node run "$waiting" sh -c 'kill -0 "$(cat /run/join.pid)"'
  if [ -z "$reference" ]; then
    node run "$waiting" sh -c 'kill -KILL "$(cat /run/join.pid)"' || true
    wait "$join" || true
    start_join "$waiting" waiting
    check "killed and started again, it waits for the same request" \
      eventually 60 grep -qF "kubectl certificate approve $name" "$waiting/log/join.log"
    again=$(pending_request || true)
    check "there is no second request" [ "$again" = "$name" ]
    check "no kubelet was started before the approval" kubelet_is "$waiting" inactive
  else
    # kubeadm leaves it to the kubelet, so here the token is on the node.
    check "the search for the token finds it where there is one" token_on "$waiting"
  fi
  check "the request is approved by hand" kubectl certificate approve "$name"
  ended=0
  wait "$join" || ended=$?
  check "the join goes on and succeeds" [ "$ended" = 0 ]
  check "the Node becomes Ready" eventually 60 kubectl wait --for=condition=Ready --timeout=1s node/waiting
  check "the certificate is accepted as system:node:waiting" is_node "$waiting" waiting
  "$here/cluster.sh" auto-approve "$cluster" on
  node down "${keep[@]}" "$waiting"
}

survives_a_restart_of_the_kubelet() {
  local before
  section "the kubelet is restarted"
  before=$(node run "$worker" cat /run/machine/kubelet-unit/pid || echo none)
  check "it restarts" node run "$worker" systemctl restart kubelet
  check "as another process" not node run "$worker" grep -qx "$before" /run/machine/kubelet-unit/pid
  check "it becomes healthy" eventually 30 node run "$worker" curl -fsS http://127.0.0.1:10248/healthz
  check "it renews its lease" renews_lease worker
}

rotates_by_itself() {
  local now end
  section "the certificate rotates"
  check "another certificate is in use, without us" eventually 120 not current_certificate_is "$first_certificate"
  check "its request was made and granted as system:node:worker" eventually 10 rotation_granted
  end=$(date -d "$first_end" +%s) now=$(date +%s)
  if [ "$end" -ge "$now" ]; then sleep $((end - now + 1)); fi
  check "after the end of the first certificate ($first_end) the new one is accepted" is_node "$worker" worker
  check "and the kubelet still renews its lease" renews_lease worker
  check "and its Node is Ready" kubectl wait --for=condition=Ready --timeout=10s node/worker
}

# What kubeadm always does, and kubejoin with --skip-phases=tls-bootstrap.
bootstraps_by_itself() {
  local name ended way=(--skip-phases=tls-bootstrap) token_file=$itself/root/etc/kubernetes/bootstrap-kubelet.conf
  [ -z "$reference" ] || way=()
  section "the kubelet does the TLS bootstrap"
  "$here/cluster.sh" auto-approve "$cluster" off
  node up "$itself" "$cluster" --name itself
  start_join "$itself" itself "${way[@]}"
  check "the kubelet has made a request" eventually 60 pending_request
  check "the token lies there for it, and for root alone" [ "$(stat -c '%a %u' "$token_file")" = '600 0' ]
  name=$(pending_request) || return 0 # counted; the rest would only wait for it
  check "the join waits" node run "$itself" sh -c 'kill -0 "$(cat /run/join.pid)"'
  only_kubejoin "and says how to approve it" eventually 20 grep -qF "kubectl certificate approve" "$itself/log/join.log"
  check "the request is approved by hand" kubectl certificate approve "$name"
  ended=0
  wait "$join" || ended=$?
  check "the join goes on and succeeds" [ "$ended" = 0 ]
  check "no bootstrap kubeconfig is left" not test -e "$token_file"
  check "the token is nowhere on the node" not token_on "$itself"
  check "the Node becomes Ready" eventually 60 kubectl wait --for=condition=Ready --timeout=1s node/itself
  check "the certificate is accepted as system:node:itself" is_node "$itself" itself
  only_kubejoin "a second run finds the node joined" join "$itself" itself
  "$here/cluster.sh" auto-approve "$cluster" on
  node down "${keep[@]}" "$itself"
}

keeps_existing_credentials() {
  local conf=$own/root/etc/kubernetes/kubelet.conf before
  section "an administrator has made the kubelet's credentials by hand"
  node up "$own" "$cluster" --name own
  make_credentials own >"$work/own.conf"
  install -m 600 "$work/own.conf" "$conf"
  before=$(requests_with_the_token)
  check "without a word it is refused" not join "$own" own
  check "with one the join succeeds" join "$own" own --ignore-preflight-errors=FileAvailable--etc-kubernetes-kubelet.conf
  check "their file is as it was" cmp "$work/own.conf" "$conf"
  check "no request was made with the token" [ "$(requests_with_the_token)" = "$before" ]
  check "no bootstrap kubeconfig is left" not test -e "$own/root/etc/kubernetes/bootstrap-kubelet.conf"
  check "the token is nowhere on the node" not token_on "$own"
  check "the Node becomes Ready" eventually 60 kubectl wait --for=condition=Ready --timeout=1s node/own
  node down "${keep[@]}" "$own"
}

# The verb of every boot, with settings that the machine finds by itself.
is_kept_by_ensure() {
  local before
  section "a machine keeps itself a node"
  node up "$kept" "$cluster" --name kept
  printf 'root@cp:~# sudo kubeadm join %s --token %s \\\r\n\t--discovery-token-ca-cert-hash %s\r\n' \
    "$endpoint" "$token" "$hash" | setting txt
  echo kept | setting node-name
  echo unix:///run/containerd/containerd.sock | setting cri-socket
  echo SystemVerification | setting ignore-preflight-errors
  check "it joins with a pasted command" ensure_finds new --shred-token-file
  check "the Node becomes Ready" eventually 60 kubectl wait --for=condition=Ready --timeout=1s node/kept
  check "the token is nowhere on the node" not token_on "$kept"
  check "nor among its settings" node run "$kept" sh -c '! grep -rF "$1" /etc/kubejoin' grep "${token#*.}"
  check "Cluster API is told" node run "$kept" grep -qx success /run/cluster-api/bootstrap-success.complete
  check "the next boot finds it well, without settings" ensure_finds well
  check "and asks nobody but its own kubelet" asks_only_the_kubelet

  join_configuration kept '{name: v, value: "3"}' | setting yaml
  node run "$kept" rm /etc/kubejoin/kubejoin.cri-socket
  before=$(kubelet_process "$kept")
  check "another flag in the settings is made so" ensure_finds settings-changed
  check "by another process" not [ "$(kubelet_process "$kept")" = "$before" ]
  check "which has the flag" node run "$kept" grep -qz -- --v=3 "/proc/$(kubelet_process "$kept")/cmdline"
  before=$(kubelet_process "$kept")
  check "the next boot finds it well" ensure_finds well
  check "and leaves the kubelet alone" [ "$(kubelet_process "$kept")" = "$before" ]

  join_configuration renamed '{name: v, value: "3"}' | setting yaml
  node run "$kept" rm /etc/kubejoin/kubejoin.node-name
  check "another name in the settings is made so" ensure_finds name-changed
  check "the Node of that name becomes Ready" eventually 60 kubectl wait --for=condition=Ready --timeout=1s node/renamed
  check "the certificate is accepted as system:node:renamed" is_node "$kept" renamed
  check "the next boot finds it well" ensure_finds well
  node down "${keep[@]}" "$kept"
}

# --- what the checks are made of

# NAME: standard input becomes this setting of the machine.
setting() { node run "$kept" sh -c 'mkdir -p /etc/kubejoin && cat >"/etc/kubejoin/kubejoin.$1"' setting "$1"; }

# CASE FLAGS...: a run succeeds, and its result says that it has found this case.
ensure_finds() {
  node run "$kept" timeout 180 "$binary" ensure --deadline 120s "${@:2}" || return
  node run "$kept" cat /run/kubejoin/result.json | jq -e --arg case "$1" '.case == $case'
}

asks_only_the_kubelet() {
  node run "$kept" strace -f -qq -e trace=connect "$binary" ensure 2>"$work/connects" >/dev/null || return
  cat "$work/connects"
  [ -s "$work/connects" ] && ! grep 'AF_INET' "$work/connects" | grep -v 'htons(10248)'
}

kubelet_process() { node run "$1" cat /run/machine/kubelet-unit/pid; }

# NAME FLAG: the settings of the same machine as a file.
join_configuration() {
  cat <<Y
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration: {name: $1, criSocket: unix:///run/containerd/containerd.sock, kubeletExtraArgs: [$2]}
discovery:
  bootstrapToken: {apiServerEndpoint: "$endpoint", token: $token, caCertHashes: ["$hash"]}
Y
}

# The same in the background: process $join, output in log/join.log, the process's id on the node in /run/join.pid.
start_join() {
  local command
  readarray -d '' command < <(join_command "$2")
  node run "$1" sh -c 'echo $$ >/run/join.pid; exec "$@"' join "${command[@]}" "${@:3}" >"$1/log/join.log" 2>&1 &
  join=$!
}

# A Ready Node of that name: kubejoin's exit class 5 (refused by the cluster), and the message names it.
refused() {
  local status=0
  join "$1" "$2" >"$work/refused.log" 2>&1 || status=$?
  cat "$work/refused.log"
  echo "exit status $status"
  [ $status = "$([ -n "$reference" ] && echo 1 || echo 5)" ] && grep -q "\b$2\b" "$work/refused.log"
}

pending_request() {
  kubectl get csr -o json | jq -er '[.items[] | select((.status.conditions // []) == [])
    | select(.spec.username | startswith("system:bootstrap:")) | .metadata.name] | if length == 1 then .[0] else empty end'
}

requests_with_the_token() {
  kubectl get csr -o json | jq '[.items[] | select(.spec.username | startswith("system:bootstrap:"))] | length'
}

# A kubeconfig for system:node:NAME, signed by the cluster's CA with openssl alone.
make_credentials() {
  local pki=$cluster/root/etc/kubernetes/pki
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=system:nodes/CN=system:node:$1" \
    -keyout "$work/own.key" -out "$work/own.csr" 2>/dev/null
  openssl x509 -req -in "$work/own.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -set_serial 4711 -days 1 \
    -extfile <(echo extendedKeyUsage=clientAuth) -out "$work/own.crt" 2>/dev/null
  cat <<K
apiVersion: v1
kind: Config
current-context: by-hand
contexts: [{name: by-hand, context: {cluster: here, user: $1}}]
clusters:
- name: here
  cluster: {server: "https://$endpoint", certificate-authority-data: $(base64 -w0 <"$pki/ca.crt")}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 <"$work/own.crt"), client-key-data: $(base64 -w0 <"$work/own.key")}
K
}

started_after_reload() {
  grep -oE ' systemctl (daemon-reload|(re)?start kubelet)' "$worker/log/systemctl.log" | tail -n 2 | tr '\n' ' ' \
    | grep -E 'daemon-reload.* (re)?start kubelet'
}

one_request_answered() {
  kubectl get csr -o json | jq -er '[.items[] | select(.spec.username | startswith("system:bootstrap:"))]
    | if length == 1 then .[0].status.certificate else error("\(length) requests") end' | base64 -d >"$work/issued.pem"
  openssl x509 -in "$work/issued.pem" >"$work/issued.first"
  openssl x509 -in "$(on_host "$worker" "$first_certificate")" | diff - "$work/issued.first"
}

rotation_granted() {
  kubectl get csr -o json \
    | jq -e '[.items[] | select(.spec.username == "system:node:worker" and .status.certificate != null)] | length > 0'
}

renews_lease() {
  local before
  before=$(lease "$1")
  eventually 45 lease_is_not "$1" "$before"
}

lease_is_not() { [ "$(lease "$1")" != "$2" ]; }
lease() { kubectl -n kube-node-lease get lease "$1" -o jsonpath='{.spec.renewTime}'; }
current_certificate_is() { [ "$(readlink "$worker/root/var/lib/kubelet/pki/kubelet-client-current.pem")" = "$1" ]; }

# The link's target may be absolute or next to it.
on_host() {
  case $2 in
    /*) printf '%s\n' "$1/root$2" ;;
    *) printf '%s\n' "$1/root/var/lib/kubelet/pki/$2" ;;
  esac
}

only_kubejoin() {
  if [ -n "$reference" ]; then printf '  SKIPPED %s (kubeadm does not promise it)\n' "$1"; else check "$@"; fi
}

main
