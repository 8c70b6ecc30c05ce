#!/usr/bin/env bash
# The troubles that every user meets, made to happen: each row of the file `symptoms` brings one about on a node of node.sh
# before a control plane of cluster.sh, and the binary has to end with the right code and exit status, and words that help.
# Then its doctor is asked: one cause, and in at least 95 % of the rows the code that the join gave.
#
#   symptoms_test.sh [--only GLOB] [--show] BINARY
#     --only GLOB    only the rows of that name
#     --show         prints what the binary has printed, for every row
#
# As root, BINARY a kubejoin; about three minutes. Closing line "N passed, N failed"; exit status 1 when a row fails.
# shellcheck disable=SC2016 # what stands in single quotes is jq's, another shell's, or for later
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

passed=0 failed=0 finished='' only='*' show='' undo=() agreed=0 otherwise=()
secret=0123456789abcdef # of every good token of cluster.sh

main() {
  while [ $# -gt 1 ]; do
    case $1 in
      --only) only=$2; shift 2 ;;
      --show) show=yes; shift ;;
      *) echo "symptoms: unknown option $1" >&2; exit 2 ;;
    esac
  done
  case ${1:-} in '' | -*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2 ;; esac
  binary=$(realpath "$1")
  [ "$(id -u)" = 0 ] || { echo "symptoms: namespaces need root" >&2; exit 2; }
  [ -x "$binary" ] || { echo "symptoms: $binary is not executable" >&2; exit 2; }
  local tool
  for tool in socat tinyproxy; do
    command -v $tool >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $tool
  done
  programs=$("$here/build.sh")
  work=$(mktemp -d /tmp/kubejoin-symptoms.XXXXXX)
  trap finish EXIT
  trap 'exit 1' INT TERM
  "$here/cluster.sh" up "$work/cluster"
  "$here/node.sh" up "$work/node" "$work/cluster" --name worker
  endpoint=$(jq -r .endpoint "$work/cluster/facts.json") hash=$(jq -r .ca_cert_hash "$work/cluster/facts.json")
  ip=${endpoint%:*}
  neighbours
  while IFS='|' read -r -u 4 name code status before arguments words; do
    name=$(trim "$name")
    case $name in '' | '#'*) continue ;; esac
    # shellcheck disable=SC2053 # a glob
    [[ $name == $only ]] || continue
    row "$name" "$(trim "$code")" "$(trim "$status")" "$before" "$arguments" "$words"
  done 4<"$here/symptoms"
  finished=yes
  compare
}

# What doctor has said of all rows.
compare() {
  local all=$((agreed + ${#otherwise[@]}))
  printf 'otherwise  %s\n' "${otherwise[@]}" | grep -v ' $' || true
  if [ $((agreed * 100)) -ge $((all * 95)) ]; then
    passed=$((passed + 1))
    echo "ok    doctor names the code of the join in $agreed of $all rows"
  else
    failed=$((failed + 1))
    echo "FAIL  doctor names the code of the join in $agreed of $all rows only"
  fi
}

row() {
  local name=$1 code=$2 status=$3 before=$4 arguments=() words=() environment=() word line ended=0 why=() started=$SECONDS
  undo=()
  wipe
  config . <<<'{}'
  eval "$before"
  # May name what main has found out, as a shell would read it.
  eval "arguments=($5)" && eval "words=($6)"
  asked join >"$work/output" || ended=$?
  # While the trouble lasts.
  diagnose
  for line in "${undo[@]}"; do eval "$line"; done
  [ "$ended" = "$status" ] || why+=("the exit status is $ended, not $status")
  grep -qxF "  code: $code (exit $status)" "$work/output" || why+=("the code is not $code")
  grep -q '^  next: ...' "$work/output" || why+=("there is no next step")
  for word in "${words[@]}"; do
    grep -qF -- "$word" "$work/output" || why+=("it does not say: $word")
  done
  ! grep -qF "$secret" "$work/output" || why+=("it says the token's secret")
  [ ${#words[@]} -gt 0 ] || why+=("the row asks for no words")
  if [ -n "$show" ]; then sed 's/^/      | /' "$work/output"; fi
  if [ ${#why[@]} = 0 ]; then
    passed=$((passed + 1))
    echo "ok    $name ($((SECONDS - started)) s)"
    return
  fi
  failed=$((failed + 1))
  echo "FAIL  $name"
  printf '      %s\n' "${why[@]}"
  [ -n "$show" ] || tail -n 25 "$work/output" | cut -c1-500 | sed 's/^/      | /'
}

# The binary, with this verb and what the row says.
asked() {
  on_node env "${environment[@]}" timeout 60 "$binary" "$1" --config /run/join.json \
    --ignore-preflight-errors=SystemVerification,FailCgroupV1 "${arguments[@]}" 2>&1 </dev/null
}

# Of row: what doctor says of the same trouble.
diagnose() {
  local seen=0
  asked doctor >"$work/doctor" || seen=$?
  [ "$(grep -c '^  code: ' "$work/doctor")" -le 1 ] || why+=("doctor names more than one cause")
  ! grep -qF "$secret" "$work/doctor" || why+=("doctor says the token's secret")
  if [ "$seen" = "$status" ] && grep -qxF "  code: $code (exit $status)" "$work/doctor"; then
    agreed=$((agreed + 1))
  else
    otherwise+=("$name: exit $seen, $(grep '^  code: ' "$work/doctor" || echo '  no finding')")
  fi
  if [ -n "$show" ]; then sed 's/^/      doctor | /' "$work/doctor"; fi
}

wipe() {
  local root=$work/node/root
  on_node systemctl stop kubelet
  find "$root/etc/kubernetes" "$root/var/lib/kubelet" -mindepth 1 -delete
  rm -rf "$root/run/kubejoin" "$work/node/log/kubelet.log"
  mkdir -m 755 "$root/etc/kubernetes/manifests"
  kubectl delete csr,nodes --all >/dev/null
}

# --- what BEFORE can say

on_node() { "$here/node.sh" run "$work/node" "$@"; }
on_control_plane() { "$here/cluster.sh" run "$work/cluster" "$@"; }
kubectl() { "$programs/kubectl" --kubeconfig "$work/cluster/admin.conf" --cache-dir "$work/kubectl" "$@"; }

# The JoinConfiguration, put through jq's FILTER. With `{}` on its standard input it begins anew; waits are short.
config() { # FILTER [ARGUMENTS OF jq]
  local file=$work/node/root/run/join.json
  jq --arg endpoint "$endpoint" --arg token "abcdef.$secret" --arg pin "$hash" '{
    apiVersion: "kubeadm.k8s.io/v1beta4", kind: "JoinConfiguration",
    discovery: {bootstrapToken: {apiServerEndpoint: $endpoint, token: $token, caCertHashes: [$pin]}},
    timeouts: {discovery: "2s", tlsBootstrap: "8s", kubeletHealthCheck: "15s", kubernetesAPICall: "3s"}} * .' \
    | jq "${@:2}" "$1" >"$file.new"
  mv "$file.new" "$file"
}
change() { config "$@" <"$work/node/root/run/join.json"; }
at() { change '.discovery.bootstrapToken.apiServerEndpoint = $it' --arg it "$1"; }
token() { change '.discovery.bootstrapToken.token = $it' --arg it "$1"; }
pin() { change '.discovery.bootstrapToken.caCertHashes = [$it]' --arg it "$1"; }
# Discovery by a file with the cluster's CA and this server, and perhaps a further FILTER, or by a file at this place of a web server that the cluster's
# CA is to verify.
by_file() {
  jq -n --arg server "https://$1" --arg ca "$(base64 -w0 <"$work/cluster/root/etc/kubernetes/pki/ca.crt")" '{apiVersion: "v1",
    kind: "Config", clusters: [{name: "", cluster: {server: $server, "certificate-authority-data": $ca}}]}' \
    >"$work/node/root/run/discovery.conf"
  change ".discovery = {file: {kubeConfigPath: \"/run/discovery.conf\"}, tlsBootstrapToken: .discovery.bootstrapToken.token}
    | ${2:-.}"
}
by_url() {
  cp "$work/cluster/root/etc/kubernetes/pki/ca.crt" "$work/node/root/run/ca.crt"
  change '.discovery = {file: {kubeConfigPath: $it}, tlsBootstrapToken: .discovery.bootstrapToken.token}' --arg it "https://$1"
  with_environment SSL_CERT_FILE=/run/ca.crt
}
wait_at_most() { change '.timeouts[$name] = $it' --arg name "$1" --arg it "$2"; }

# What the router, which is the control plane's machine, does with packets to a network that is not here.
routed() {
  on_control_plane ip route add "$1" 203.0.113.0/24
  undo+=("on_control_plane ip route delete $1 203.0.113.0/24")
}
# The binary has these variables.
with_environment() { environment=("$@"); }
called() { on_node sh -c "echo $ip $1 >>/etc/hosts"; }

deleted_token() {
  local id=${1%.*}
  kubectl create -f - >/dev/null <<<"$(jq -n --arg id "$id" --arg secret "${1#*.}" '{apiVersion: "v1", kind: "Secret",
    type: "bootstrap.kubernetes.io/token", metadata: {name: "bootstrap-token-\($id)", namespace: "kube-system"},
    stringData: {"token-id": $id, "token-secret": $secret, "usage-bootstrap-signing": "true"}}')"
  until signed "$id"; do sleep 0.2; done
  kubectl -n kube-system delete secret "bootstrap-token-$id" >/dev/null
  while signed "$id"; do sleep 0.2; done
}
signed() { kubectl -n kube-public get configmap cluster-info -o json | jq -e ".data[\"jws-kubeconfig-$1\"]" >/dev/null; }

without_public_cluster_info() {
  local binding=kubeadm:bootstrap-signer-clusterinfo
  kubectl -n kube-public get rolebinding $binding -o json | jq 'del(.metadata.resourceVersion, .metadata.uid)' >"$work/binding"
  kubectl -n kube-public delete rolebinding $binding >/dev/null
  undo+=('kubectl create -f "$work/binding" >/dev/null')
}

without_approval() {
  "$here/cluster.sh" auto-approve "$work/cluster" off
  undo+=('"$here/cluster.sh" auto-approve "$work/cluster" on')
}
# An administrator who does that to the request as soon as it is there.
request_is() {
  (
    until name=$(kubectl get csr -o name | grep -m1 .); do sleep 0.2; done
    case $1 in
      approved) kubectl certificate approve "${name#*/}" ;;
      denied) kubectl certificate deny "${name#*/}" ;;
      failed)
        kubectl patch "$name" --subresource=status --type=merge -p '{"status": {"conditions":
          [{"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": "no such policy"}]}}'
        ;;
    esac
  ) >"$work/administrator" 2>&1 &
  undo+=("wait $! || cat '$work/administrator'")
}
signer_down() {
  on_control_plane sh -c 'for process in /proc/[0-9]*; do
    [ "$(cat "$process/comm" 2>/dev/null)" != kube-controller ] || kill "${process#/proc/}"; done'
  without_approval
  undo=()
}
ready_node() {
  kubectl create -f - >/dev/null <<<"{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"$1\"}}"
  kubectl patch node "$1" --subresource=status --type=merge >/dev/null -p '{"status": {"conditions":
    [{"type": "Ready", "status": "True", "reason": "KubeletReady"}], "nodeInfo": {"machineID": "another"}}}'
}

without_kubelet() {
  on_node mv /usr/bin/kubelet /run/kubelet
  undo+=('on_node mv /run/kubelet /usr/bin/kubelet')
}
# A flag that the machine's administrator has left in the package's file.
kubelet_flag() {
  on_node sed -i.before "s|^KUBELET_EXTRA_ARGS=|&$1 |" /etc/default/kubelet
  undo+=('on_node mv /etc/default/kubelet.before /etc/default/kubelet')
}

# --- who else answers at the control plane's address

# A second kube-apiserver, and what stands in front of the first: by port, see the file `symptoms`.
neighbours() {
  local pki=$work/cluster/root/etc/kubernetes/pki arguments
  readarray -t arguments < <("$programs/yamljson" <"$work/cluster/root/etc/kubernetes/manifests/kube-apiserver.yaml" \
    | jq -r '.spec.containers[0].command[]')
  leave_running "${arguments[@]}" --secure-port=6445 --anonymous-auth=false
  mkdir "$work/pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=intercepting proxy" -days 2 \
    -keyout "$work/pki/other.key" -out "$work/pki/other.crt" 2>/dev/null
  certificate other "$work/pki/other" -1day +1day
  certificate ended "$pki/ca" -4days -2days-1minute
  # Half an hour is for the test to get there.
  certificate not-begun "$pki/ca" '+3hours +30minutes' +2days
  certificate in-the-past "$pki/ca" -401days -399days
  certificate in-the-future "$pki/ca" +399days +401days
  relay 7001 other "OPENSSL:$endpoint,verify=0"
  portal 7002 $'302 Found\r\nLocation: http://portal.symptoms.test/login' ''
  portal 7003 $'200 OK\r\nContent-Type: text/html' '<html><body>Please log in.</body></html>'
  leave_running socat TCP-LISTEN:7004,fork,reuseaddr "EXEC:$work/portal-7002"
  relay 7005 ended "OPENSSL:$endpoint,verify=0"
  relay 7006 not-begun "OPENSSL:$endpoint,verify=0"
  proxy 7009 'BasicAuth somebody password'
  proxy 7010 'ConnectPort 443'
  proxy 7011 ''
  dated 7007 in-the-past -400days
  dated 7008 in-the-future '+400days +1hour'
  for _ in $(seq 300); do
    if kubectl --server "https://$ip:6445" get --raw /readyz >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  tail -n 5 "$work/neighbours.log" >&2
  echo "symptoms: the second kube-apiserver does not come up" >&2
  exit 1
}

leave_running() { on_control_plane setsid --fork "$@" >>"$work/neighbours.log" 2>&1 </dev/null; }
# A TLS server on a port, with a certificate of ours; what it is told goes to another address of socat.
relay() { leave_running socat "OPENSSL-LISTEN:$1,fork,reuseaddr,verify=0,cert=$work/pki/$2.pem" "$3"; }
# The same with another time in the answers. A client cannot tell this from a clock of its own that is wrong by so much.
dated() {
  program "dated-$1" "openssl s_client -quiet -connect $endpoint 2>/dev/null \
    | sed -u 's/^Date: .*/Date: $(TZ=GMT LC_ALL=C date -d "$3" '+%a, %d %b %Y %T GMT')\r/'"
  relay "$1" "$2" "EXEC:$work/dated-$1"
}
program() { printf '#!/bin/bash\n%s\n' "$2" >"$work/$1" && chmod +x "$work/$1"; }
# An HTTP proxy on a port, with a line of its configuration.
proxy() {
  printf '%s\n' "Port $1" 'Timeout 60' "$2" >"$work/proxy-$1"
  leave_running tinyproxy -d -c "$work/proxy-$1"
}
# A web server that answers the same to whatever it is asked.
portal() {
  program "portal-$1" "while IFS= read -rt 0.5 line && [ \"\$line\" != \$'\\r' ]; do :; done 2>/dev/null
printf 'HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s' $(printf '%q ' "$2" ${#3} "$3")"
  relay "$1" other "EXEC:$work/portal-$1"
}

# certificate NAME CA BEGIN END: a serving certificate for the API server's address, as NAME.pem with its key.
certificate() {
  local pki=$work/pki
  cat >"$pki/$1.conf" <<C
[ca]
default_ca = this
[this]
database = $pki/$1.index
new_certs_dir = $pki
rand_serial = yes
policy = any
[any]
commonName = supplied
[server]
subjectAltName = IP:$ip
extendedKeyUsage = serverAuth
C
  : >"$pki/$1.index"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=kube-apiserver \
    -keyout "$pki/$1.serving.key" -out "$pki/$1.csr" 2>/dev/null
  openssl ca -batch -notext -md sha256 -config "$pki/$1.conf" -extensions server -cert "$2.crt" -keyfile "$2.key" \
    -startdate "$(date -ud "$3" +%Y%m%d%H%M%SZ)" -enddate "$(date -ud "$4" +%Y%m%d%H%M%SZ)" \
    -in "$pki/$1.csr" -out "$pki/$1.serving.crt" 2>"$pki/$1.log" || { cat "$pki/$1.log" >&2; return 1; }
  cat "$pki/$1.serving.crt" "$pki/$1.serving.key" >"$pki/$1.pem"
}

trim() {
  local text=$1
  text=${text#"${text%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

finish() {
  local status=$?
  trap - EXIT
  "$here/node.sh" down "$work/node" || true
  "$here/cluster.sh" down "$work/cluster" || true
  rm -rf "$work"
  [ -n "$finished" ] || { failed=$((failed + 1)); echo "NOT FINISHED: the harness itself ended with status $status"; }
  echo "$passed passed, $failed failed"
  if [ "$failed" != 0 ] || [ "$passed" = 0 ]; then exit 1; fi
}

main "$@"
