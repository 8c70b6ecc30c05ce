#!/usr/bin/env bash
# A real control plane for tests: etcd, kube-apiserver and kube-controller-manager as plain processes, everything around
# them made by `kubeadm init phase`, on a machine of its own (machine.sh).
#
#   cluster.sh up DIR [OPTION...]      about 15 s; does nothing when it is up already
#     --release R                      of Kubernetes, one that build.sh knows; default: the newest
#     --ip A                           address of the API server; default: the first free of 198.18.0.1, 198.18.1.1, ...
#     --ipv6                           that default is of IPv6: fd6b:6a6f:10::1, fd6b:6a6f:11::1, ...
#     --endpoint HOST:PORT | :PORT     controlPlaneEndpoint and the server in cluster-info, for a relay that the test puts
#                                      there; default: the API server itself
#     --signing-duration D             lifetime of signed certificates, e.g. 2m: a kubelet then rotates within that time
#     --key-algorithm A                of the cluster's keys, as kubeadm's encryptionAlgorithm: RSA-2048, ECDSA-P256 ...
#     --cert-sans A,B                  further names and addresses in the API server's certificate
#     --tls-min-version V              of the API server, as its flag: VersionTLS13 ...
#     --approver-limits QPS,BURST      of the controller manager's client, which approves requests; its default: 20,30
#     --audit                          DIR/log/audit.log has the requests of machines that join, one object a line
#     --no-auto-approve                a joining node's request waits for `kubectl certificate approve`
#   cluster.sh auto-approve DIR on|off the same later on
#   cluster.sh kubectl DIR ARGS...     as administrator
#   cluster.sh run DIR COMMAND...      in the control plane's machine
#   cluster.sh down [--keep] DIR       ends it and removes DIR; --keep leaves the files
#
# An address of IPv6 makes all of the cluster's addresses such: of services, pods and nodes. up leaves DIR/facts.json:
# endpoint, apiserver (both HOST:PORT, [HOST]:PORT for IPv6), ip, ca_cert_hash, ca_cert, admin_kubeconfig, release, version,
# certificate_key and tokens:
#   normal             as kubeadm makes it
#   no_signing         discovery finds no signature for it
#   no_authentication  discovery succeeds, the API server then answers 401
#   no_group           is authenticated, but is none of kubeadm's bootstrappers: 403
#   expired            expired an hour ago; the token cleaner removes it as it removes any other
# The host reaches the API server as well: it has the address .254 on the cluster's bridge. Nothing else is reachable.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

certificate_key=$(printf '0123456789abcdef%.0s' 1 2 3 4)
auto_approve_binding=kubeadm:node-autoapprove-bootstrap

main() {
  local command=${1:-} dir
  case $command in
    up) shift; up "$@" ;;
    down) shift; down "$@" ;;
    run) dir=$(machine_directory "${2:-}"); shift 2; machine_run "$dir" "$@" ;;
    kubectl) dir=$(machine_directory "${2:-}"); shift 2; kubectl_in "$dir" "$@" ;;
    auto-approve) auto_approve "$(machine_directory "${2:-}")" "${3:-}" ;;
    -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}

up() {
  local dir release='' ip='' ipv6='' host endpoint='' signing_duration='' key_algorithm=RSA-2048 cert_sans='' auto_approve=on
  local tls_min_version=VersionTLS12 approver_limits='' audit=''
  dir=$(machine_directory "${1:-}")
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --release) release=$2; shift 2 ;;
      --ip) ip=$2; shift 2 ;;
      --ipv6) ipv6=yes; shift ;;
      --endpoint) endpoint=$2; shift 2 ;;
      --signing-duration) signing_duration=$2; shift 2 ;;
      --key-algorithm) key_algorithm=$2; shift 2 ;;
      --cert-sans) cert_sans=$2; shift 2 ;;
      --tls-min-version) tls_min_version=$2; shift 2 ;;
      --approver-limits) approver_limits=$2; shift 2 ;;
      --audit) audit=yes; shift ;;
      --no-auto-approve) auto_approve=off; shift ;;
      *) die "unknown option $1" ;;
    esac
  done
  if machine_alive "$dir" && [ -e "$dir/facts.json" ]; then say "$dir is up already"; return; fi
  use_release "$release" kubeadm kubectl kube-apiserver kube-controller-manager etcd yamljson
  if [ "$key_algorithm" != RSA-2048 ] && before 31; then die "--key-algorithm is for releases from 1.31 on"; fi
  if [ -e "$dir" ]; then down "$dir"; fi # what an interrupted run has left
  # shellcheck disable=SC2064 # this dir
  trap "failed '$dir'" EXIT
  machine_up "$dir" cp1
  wire "$dir"
  host=$(in_url "$ip")
  case $endpoint in
    '') endpoint=$host:6443 ;;
    :*) endpoint=$host$endpoint ;;
  esac
  init_configuration >"$dir/init.yaml"
  [ -z "$audit" ] || audit_policy >"$dir/audit-policy.yaml"
  make_files "$dir"
  start_control_plane "$dir"
  make_objects "$dir"
  [ $auto_approve = on ] || auto_approve "$dir" off
  facts "$dir"
  trap - EXIT
  say "$dir: Kubernetes $(jq -r .version "$dir/facts.json") at $endpoint"
}

down() {
  local keep='' dir
  [ "${1:-}" != --keep ] || { keep=yes; shift; }
  dir=$(machine_directory "${1:-}")
  machine_down "$dir"
  # It goes with the machine, but later; the address is free for the next cluster at once.
  ip link delete "$(host_link "$dir")" 2>/dev/null || true
  [ -n "$keep" ] || rm -rf "$dir"
}

failed() {
  local log
  trap - EXIT
  say "$1 did not come up; the ends of its logs:"
  for log in "$1"/log/*; do printf '== %s\n' "$log" && tail -n 5 "$log"; done >&2
  machine_down "$1"
  exit 1
}

# The bridge that nodes are connected to, and the host's own link to it. Sets ip when it is empty.
wire() {
  local dir=$1 pid link n=0 family=4
  pid=$(machine_pid "$dir")
  link=$(host_link "$dir")
  mkdir -p /run/lock
  exec 8>/run/lock/kubejoin-peers # two clusters at once must not choose the same network
  flock 8
  if [ -z "$ip" ]; then
    # Not -q: ip would be told that nobody reads on, and the pipe fail.
    while ip -o addr | grep -F " $(network $n)" >/dev/null; do n=$((n + 1)); done
    ip=$(network $n)1
  fi
  case $ip in *:*) family=6 ;; esac
  machine_run "$dir" ip link add br0 type bridge
  add_address "$ip" br0 machine_run "$dir"
  machine_run "$dir" ip link set br0 up
  # kubeadm takes no address on a machine without a default route.
  machine_run "$dir" ip -$family route add default dev br0
  ip link add "$link" type veth peer name host netns "$pid"
  machine_run "$dir" ip link set host master br0 up
  add_address "$(neighbour "$ip" 254)" "$link"
  ip link set "$link" up
  exec 8>&-
}

network() { if [ -n "$ipv6" ]; then echo "fd6b:6a6f:1$1::"; else echo "198.18.$1."; fi; }

host_link() { printf 'kj%s\n' "$(sha256sum <<<"$1" | cut -c1-8)"; }

# failCgroupV1 and cgroupfs: the kubelets of these tests run on any kernel and without systemd.
init_configuration() {
  local api=v1beta4 pods=10.244.0.0/16 services=10.96.0.0/12
  local of_server=(tls-min-version "$tls_min_version") of_controllers=(cluster-signing-duration "${signing_duration:-8760h}")
  if [ -n "$audit" ]; then
    of_server+=(audit-policy-file /run/machine/audit-policy.yaml audit-log-path /run/machine/log/audit.log)
  fi
  if [ -n "$approver_limits" ]; then
    of_controllers+=(kube-api-qps "${approver_limits%,*}" kube-api-burst "${approver_limits#*,}")
  fi
  if before 31; then api=v1beta3; fi
  case $ip in *:*) pods=fd6b:6a6f:a::/56 services=fd6b:6a6f:b::/112 ;; esac
  cat <<Y
apiVersion: kubeadm.k8s.io/$api
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: "$ip", bindPort: 6443}
nodeRegistration: {name: cp1, criSocket: "unix:///run/containerd/containerd.sock"}
certificateKey: $certificate_key
bootstrapTokens:
- token: abcdef.0123456789abcdef
  ttl: 24h0m0s
  usages: [signing, authentication]
  groups: ["system:bootstrappers:kubeadm:default-node-token"]
---
apiVersion: kubeadm.k8s.io/$api
kind: ClusterConfiguration
kubernetesVersion: $version
controlPlaneEndpoint: "$endpoint"
apiServer:
  certSANs: [$(jq -Rr 'split(",") | map(tojson) | join(", ")' <<<"$cert_sans")]
  extraArgs: $(extra_arguments "${of_server[@]}")
networking: {podSubnet: "$pods", serviceSubnet: "$services"}
# The data lives as long as the test; without this every write waits for the disk.
etcd: {local: {dataDir: /var/lib/etcd, extraArgs: $(extra_arguments unsafe-no-fsync true)}}
controllerManager: {extraArgs: $(extra_arguments "${of_controllers[@]}")}
$(before 31 || echo "encryptionAlgorithm: $key_algorithm")
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failSwapOn: false
$(before 31 || echo "failCgroupV1: false")
Y
}

# Whether the cluster is of a release before 1.N.
before() { [ "${release#1.}" -lt "$1" ]; }

# extra_arguments NAME VALUE [NAME VALUE...]: a list since v1beta4, a mapping before.
extra_arguments() {
  if before 31; then printf '{'; printf '%s: "%s", ' "$@"; printf '}'; return; fi
  printf '['
  printf '{name: %s, value: "%s"}, ' "$@"
  printf ']'
}

# Who joins is nobody yet, or somebody with a bootstrap token.
audit_policy() {
  cat <<'Y'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: None, nonResourceURLs: ["/readyz*", "/healthz*", "/livez*"]}
- {level: Metadata, users: ["system:anonymous"]}
- {level: Metadata, userGroups: ["system:bootstrappers"]}
- {level: None}
Y
}

kubeadm_phase() {
  local dir=$1 phase=$2
  shift 2
  # shellcheck disable=SC2086 # a phase is several words
  machine_run "$dir" kubeadm init phase $phase --config /run/machine/init.yaml "$@" >>"$dir/log/kubeadm.log" 2>&1 \
    || die "kubeadm init phase $phase failed: $(tail -n 3 "$dir/log/kubeadm.log")"
}

# Certificates, kubeconfigs, static pod manifests.
make_files() {
  local dir=$1 phase
  for phase in "certs all" "kubeconfig all" "etcd local" "control-plane all"; do kubeadm_phase "$dir" "$phase"; done
  # The administrator goes straight to the API server: at the endpoint there may be a relay that is not there yet.
  sed "s|server: .*|server: https://$host:6443|" "$dir/root/etc/kubernetes/admin.conf" >"$dir/admin.conf"
  sed "s|server: .*|server: https://$host:6443|" "$dir/root/etc/kubernetes/super-admin.conf" >"$dir/super-admin.conf"
  chmod 600 "$dir/admin.conf" "$dir/super-admin.conf"
}

# What kubeadm put into the manifests is run without a kubelet.
start_control_plane() {
  local dir=$1 component arguments
  for component in etcd kube-apiserver kube-controller-manager; do
    readarray -t arguments < <("$programs/yamljson" <"$dir/root/etc/kubernetes/manifests/$component.yaml" \
      | jq -r '.spec.containers[0].command[]')
    [ "${arguments[0]:-}" = $component ] || die "no command in the manifest of $component"
    machine_start "$dir" $component "${arguments[@]}"
  done
  wait_for 90 "the API server" kubectl_in "$dir" get --raw /readyz
}

make_objects() {
  local dir=$1 phase id
  kubectl_as "$dir" super-admin create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin \
    --group=kubeadm:cluster-admins >>"$dir/log/kubeadm.log"
  # Until 1.33 the phase annotates the Node of the control plane, which has no kubelet here.
  if before 34; then
    kubectl_in "$dir" create -f - >>"$dir/log/kubeadm.log" \
      <<<'{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp1", "labels": {"kubernetes.io/hostname": "cp1"}}}'
  fi
  for phase in "upload-config kubeadm" "upload-config kubelet" "bootstrap-token"; do
    kubeadm_phase "$dir" "$phase" --kubeconfig /run/machine/admin.conf
  done
  if before 34; then kubectl_in "$dir" delete node cp1 >>"$dir/log/kubeadm.log"; fi
  kubeadm_phase "$dir" upload-certs --upload-certs --kubeconfig /run/machine/admin.conf
  if [ "$endpoint" != "$host:6443" ]; then
    # Without the signatures over the old text: those waited for below are then of the new one.
    kubectl_in "$dir" -n kube-public get configmap cluster-info -o json \
      | jq --arg from "https://$host:6443" --arg to "https://$endpoint" \
        '.data.kubeconfig |= (split($from) | join($to)) | .data |= with_entries(select(.key | startswith("jws-") | not))' \
      | kubectl_in "$dir" replace -f - >>"$dir/log/kubeadm.log"
  fi
  {
    bootstrap_token nosign.0123456789abcdef '{"usage-bootstrap-authentication": "true"}'
    bootstrap_token noauth.0123456789abcdef '{"usage-bootstrap-signing": "true", "auth-extra-groups": null}'
    bootstrap_token nogrup.0123456789abcdef \
      '{"usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true", "auth-extra-groups": null}'
    bootstrap_token expird.0123456789abcdef \
      "{\"usage-bootstrap-authentication\": \"true\", \"usage-bootstrap-signing\": \"true\",
        \"expiration\": \"$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%SZ)\"}"
  } | kubectl_in "$dir" apply -f - >>"$dir/log/kubeadm.log"
  for id in abcdef noauth nogrup; do wait_for 30 "the signature of token $id" signed "$dir" $id; done
}

# bootstrap_token TOKEN DATA: the Secret of a token; DATA is laid over what all have.
bootstrap_token() {
  jq -n --arg id "${1%.*}" --arg secret "${1#*.}" --argjson data "$2" '{
    apiVersion: "v1", kind: "Secret", type: "bootstrap.kubernetes.io/token",
    metadata: {name: "bootstrap-token-\($id)", namespace: "kube-system"},
    stringData: ({"token-id": $id, "token-secret": $secret,
      "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token"} + $data | del(..|nulls))}'
}

signed() { kubectl_in "$1" -n kube-public get configmap cluster-info -o json | jq -e ".data[\"jws-kubeconfig-$2\"]"; }

auto_approve() {
  local dir=$1
  case $2 in
    on) # as kubeadm makes it
      kubectl_in "$dir" create clusterrolebinding $auto_approve_binding --dry-run=client -o json \
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient \
        --group=system:bootstrappers:kubeadm:default-node-token | kubectl_in "$dir" apply -f - >/dev/null
      ;;
    off) kubectl_in "$dir" delete --ignore-not-found clusterrolebinding $auto_approve_binding >/dev/null ;;
    *) die "auto-approve: on or off?" ;;
  esac
}

facts() {
  local dir=$1 hash
  hash=$(openssl x509 -in "$dir/root/etc/kubernetes/pki/ca.crt" -pubkey -noout | openssl pkey -pubin -outform der \
    | sha256sum | cut -d' ' -f1)
  jq -n --arg dir "$dir" --arg endpoint "$endpoint" --arg apiserver "$host:6443" --arg ip "$ip" --arg hash "sha256:$hash" \
    --arg release "$release" --arg version "$version" --arg key "$certificate_key" '{
      endpoint: $endpoint, apiserver: $apiserver, ip: $ip, ca_cert_hash: $hash, release: $release, version: $version,
      certificate_key: $key,
      ca_cert: "\($dir)/root/etc/kubernetes/pki/ca.crt", admin_kubeconfig: "\($dir)/admin.conf",
      tokens: {normal: "abcdef.0123456789abcdef", no_signing: "nosign.0123456789abcdef",
        no_authentication: "noauth.0123456789abcdef", no_group: "nogrup.0123456789abcdef",
        expired: "expird.0123456789abcdef"}}' >"$dir/.facts.new"
  mv "$dir/.facts.new" "$dir/facts.json"
}

kubectl_as() {
  local dir=$1 who=$2
  shift 2
  machine_run "$dir" kubectl --kubeconfig "/run/machine/$who.conf" --cache-dir /run/kubectl-cache "$@"
}

kubectl_in() {
  local dir=$1
  shift
  kubectl_as "$dir" admin "$@"
}

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

main "$@"
