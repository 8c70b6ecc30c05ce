#!/usr/bin/env bash
# A highly available cluster for tests, made by kubeadm itself: machines (machine.sh) with a kubelet and containerd that run
# etcd, kube-apiserver, kube-controller-manager and kube-scheduler as static pods.
#
#   ha.sh up DIR N [--release R] [--ipv6]  a network and N machines cp1 ... cpN that can be joined, 3 s
#   ha.sh init DIR [OPTION...]         kubeadm init on cp1, 15 s
#     --audit                          API servers log requests to DIR/cpN/audit.log, etcd its calls to its pod's log
#     --cluster JSON                   laid over the ClusterConfiguration
#   ha.sh join DIR NAME [PROGRAM [ARGS...]]  joins that machine as a control plane: PROGRAM join, default kubeadm, with the
#                                      facts below and ARGS
#   ha.sh settled DIR                  waits until the API server has the pod of every member of etcd: a moment after a join
#   ha.sh run DIR NAME COMMAND...      on that machine
#   ha.sh kubectl DIR ARGS...          as administrator, through an API server that is ready
#   ha.sh members DIR                  of etcd, one JSON object a line (etcdmember)
#   ha.sh forget DIR NAME              the cluster's member, Node and pods of that name are removed
#   ha.sh wipe DIR NAME                the machine is made anew, as by an image written to its disk: another machine-id, the
#                                      same firmware. What the cluster knows of it is still there
#   ha.sh stop DIR NAME                power off; nothing of what was written is lost
#   ha.sh start DIR NAME               power on: containerd, and the kubelet where there is one
#   ha.sh down [--keep] DIR            ends it and removes DIR; --keep leaves the files
#
# A test that joins several times: wipe, and where a join has got far enough, forget. DIR/facts.json: endpoint, token,
# ca_cert_hash, certificate_key, ca_cert, admin_kubeconfig (these three are there after init), release, version, arguments (of
# a control plane's join, as a list), machines (name to ip, api_server, machine_id, product_uuid), network (what their
# addresses begin with). DIR/NAME/root holds what a machine has in /run, /etc/kubernetes and /var/lib/kubelet, DIR/NAME/log what
# its programs say.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machines' shells
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
. "$(dirname "${BASH_SOURCE[0]}")/kubelet.sh"

# What the machines' addresses begin with. It is theirs alone: nothing outside is connected, so every cluster has the same.
network=198.18.0.
# A name that has the addresses of all machines, in the place of a load balancer.
endpoint=cp.test:6443
token=cpjoin.7h2kq9x4m6vz3w8d
certificate_key=$(printf '0123456789abcdef%.0s' 1 2 3 4)
static_pods=(etcd kube-apiserver kube-controller-manager kube-scheduler)

main() {
  local command=${1:-} dir
  case $command in
    up) shift; up "$@" ;;
    down) shift; down "$@" ;;
    init | join | settled | run | kubectl | members | forget | wipe | stop | start)
      dir=$(machine_directory "${2:-}")
      [ -e "$dir/facts.json" ] || die "the cluster $dir is not up"
      release=$(fact .release) network=$(fact .network)
      shift 2
      "${command}_" "$@"
      ;;
    -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}

up() {
  local dir count release='' n pids=() pid failed=''
  dir=$(machine_directory "${1:-}")
  count=${2:?how many machines?}
  shift 2
  while [ $# -gt 0 ]; do
    case $1 in
      --release) release=$2; shift 2 ;;
      --ipv6) network=fd6b:6a6f:18::; shift ;;
      *) die "unknown option $1" ;;
    esac
  done
  [ ! -e "$dir/facts.json" ] || die "$dir is up already"
  need_programs "$release"
  if [ -e "$dir" ]; then down "$dir"; fi # what an interrupted run has left
  mkdir -p "$dir"
  touch "$dir/.machine"
  make_image "$dir/image.tar"
  machine_up "$dir/switch" switch
  machine_run "$dir/switch" ip link add br0 type bridge
  add_address "${network}254" br0 machine_run "$dir/switch"
  machine_run "$dir/switch" ip link set br0 up
  name_machines "$dir/switch" "$count"
  for n in $(seq "$count"); do
    mkdir -p "$dir/cp$n"
    touch "$dir/cp$n/.machine"
    cat /proc/sys/kernel/random/uuid >"$dir/cp$n/product_uuid"
    machine "cp$n" "$count" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
  if [ -n "$failed" ]; then fail; fi
  for n in $(seq "$count"); do
    jq -n --arg name "cp$n" --arg ip "$network$n" --arg server "$(in_url "$network$n"):6443" \
      --arg uuid "$(cat "$dir/cp$n/product_uuid")" --arg id "$(machine_run "$dir/cp$n" cat /etc/machine-id)" \
      '{($name): {ip: $ip, api_server: $server, machine_id: $id, product_uuid: $uuid}}'
  done | jq -s --arg endpoint "$endpoint" --arg token "$token" --arg key "$certificate_key" --arg release "$release" \
    --arg version "$version" --arg network "$network" '{endpoint: $endpoint, token: $token, certificate_key: $key,
      release: $release, version: $version, network: $network, machines: add}' >"$dir/.facts.new"
  mv "$dir/.facts.new" "$dir/facts.json"
  say "$dir: $count machines for Kubernetes $version"
}

down() {
  local keep='' dir machines=() m pids=()
  [ "${1:-}" != --keep ] || { keep=yes; shift; }
  dir=$(machine_directory "${1:-}")
  for m in "$dir"/*/.machine; do if [ -e "$m" ]; then machines+=("${m%/.machine}"); fi; done
  for m in "${machines[@]}"; do machine_down "$m" & pids+=($!); done
  wait "${pids[@]}"
  for m in "${machines[@]}"; do remove_cgroups "$m"; done
  rm -f "$dir/facts.json"
  [ -n "$keep" ] || rm -rf "$dir"
}

fail() {
  local log
  say "$dir did not come up; the ends of its logs:"
  for log in "$dir"/cp*/log/*; do printf '== %s\n' "$log" && tail -n 5 "$log"; done >&2
  down --keep "$dir"
  exit 1
}

need_programs() {
  use_release "$1" kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler pause etcd etcdmember containerd \
    containerd-shim-runc-v2 ctr
}

# One image of one layer, under every name that kubeadm has for its images: all are there, and nothing is pulled. Only the
# sandbox's program is in it; the other programs are mounted into the containers (containerd_configuration). The form is
# that of `docker save`, of which containerd wants no digest but the layer's.
make_image() {
  local work=$1.d architecture=amd64
  if [ "$(uname -m)" = aarch64 ]; then architecture=arm64; fi
  mkdir -p "$work/layer/usr/local/bin"
  cp "$programs/pause" "$work/layer/usr/local/bin/"
  tar -C "$work/layer" --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" .
  jq -n --arg id "sha256:$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)" --arg architecture $architecture '{
    architecture: $architecture, os: "linux", rootfs: {type: "layers", diff_ids: [$id]},
    config: {Env: ["PATH=/usr/local/bin"], Entrypoint: ["/usr/local/bin/pause"]}}' >"$work/config.json"
  image_names | jq -Rn '[{Config: "config.json", RepoTags: [inputs], Layers: ["layer.tar"]}]' >"$work/manifest.json"
  tar -C "$work" -cf "$1" manifest.json config.json layer.tar
  rm -r "$work"
}

image_names() { "$programs/kubeadm" config images list --kubernetes-version "$version"; }

# machine NAME COUNT: one that could be joined, connected to the switch; its directory and its firmware's UUID are there.
machine() {
  local m=$dir/$1 ip=$network${1#cp}
  machine_up "$m" "$1"
  # Made by those who join, with their mode, and in memory: no test has to wait for the host's disk.
  machine_run "$m" umount /var/lib/etcd
  machine_run "$m" rmdir /var/lib/etcd
  ip link add "$1" netns "$(machine_pid "$dir/switch")" type veth peer name eth0 netns "$(machine_pid "$m")"
  machine_run "$dir/switch" ip link set "$1" master br0 up
  add_address "$ip" eth0 machine_run "$m"
  machine_run "$m" ip link set eth0 up
  machine_run "$m" ip route add default via "${network}254"
  name_machines "$m" "$2"
  # Of the machine's own: every call that kubeadm's audit policy names.
  audit_policy >"$m/audit-policy.yaml"
  : >"$m/audit.log"
  install_kubelet "$m"
  if before 31; then install_crictl "$m"; fi
  install_network_plugin "$m"
  power_on "$m"
  machine_run "$m" ctr -n k8s.io images import --local "$dir/image.tar" >"$m/log/import.log" 2>&1
}

# Whose address is whose, for whom there is no DNS. A machine that is off is known to be off after a tenth of a second, not
# three: its neighbours ask for it every 30 ms.
name_machines() {
  local n
  for n in $(seq "$2"); do printf '%s cp%s %s\n' "$network$n" "$n" "${endpoint%:*}"; done \
    | machine_run "$1" tee -a /etc/hosts >/dev/null
  machine_run "$1" sh -c 'for file in /proc/sys/net/ipv[46]/neigh/*/retrans_time_ms; do echo 30 >"$file"; done'
}

power_on() {
  start_containerd "$1" /run/machine/layers/containerd "$(containerd_configuration "$1")"
}

# restrict_oom_score_adj: where root may not make a process less likely to be killed, no sandbox would start without it. The
# mounts are not those of a sandbox, so its program is in the image. kube-proxy is only there to be there.
containerd_configuration() {
  local program files=()
  for program in "${static_pods[@]}"; do files+=("$program" "$(realpath "$programs/$program")"); done
  files+=(kube-proxy "$(realpath "$programs/pause")")
  "$programs/ctr" oci spec 2>/dev/null | jq '
    del(.process.rlimits) | .mounts |= map(select(.destination != "/run"))
    | .mounts += ($ARGS.positional as $files | [range(0; $files | length; 2)
      | {destination: "/usr/local/bin/\($files[.])", type: "bind", source: $files[. + 1], options: ["bind", "ro"]}])' \
    --args "${files[@]}" >"$1/spec.json"
  cat <<T
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "$(image_names | grep /pause:)"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
base_runtime_spec = '/run/machine/spec.json'
T
}

audit_policy() {
  cat <<Y
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Request, verbs: [create, update, patch], resources: [{resources: [nodes]}, {group: certificates.k8s.io}]}
- {level: Metadata}
Y
}

# --- the cluster

init_() {
  local audit='' over='{}'
  while [ $# -gt 0 ]; do
    case $1 in
      --audit) audit=yes; shift ;;
      --cluster) over=$2; shift 2 ;;
      *) die "unknown option $1" ;;
    esac
  done
  init_configuration >"$dir/cp1/kubeadm.yaml"
  machine_run "$dir/cp1" kubeadm init --config /run/machine/kubeadm.yaml --upload-certs
  install -m 600 "$dir/cp1/root/etc/kubernetes/admin.conf" "$dir/admin.conf"
  cp "$dir/cp1/root/etc/kubernetes/pki/ca.crt" "$dir/ca.crt"
  # kubeadm looks for it every 5 s only.
  wait_for 120 "the signature of the token" signed
  jq --arg dir "$dir" --arg hash "sha256:$(openssl x509 -in "$dir/ca.crt" -pubkey -noout | openssl pkey -pubin -outform der \
    | sha256sum | cut -d' ' -f1)" --arg ignored "$(ignored_checks)" '. + {ca_cert_hash: $hash, ca_cert: "\($dir)/ca.crt",
      admin_kubeconfig: "\($dir)/admin.conf", arguments: [.endpoint, "--token", .token, "--discovery-token-ca-cert-hash", $hash,
      "--control-plane", "--certificate-key", .certificate_key, "--cri-socket", "unix:///run/containerd/containerd.sock",
      "--ignore-preflight-errors", $ignored]}' "$dir/facts.json" >"$dir/.facts.new"
  mv "$dir/.facts.new" "$dir/facts.json"
}

# An older kubeadm asks it whether an image is there, and every image of these machines is.
install_crictl() {
  printf '#!/bin/sh\nexit 0\n' | machine_run "$1" tee /usr/bin/crictl >/dev/null
  machine_run "$1" chmod 755 /usr/bin/crictl
}

# What is wrong with machines of this kind: cgroup v1, where the kernel has it; and an older kubeadm wants more programs.
ignored_checks() {
  printf 'SystemVerification'
  # Its check of subnets and proxies writes an IPv4 address in brackets, which Go takes for no URL any more.
  if before 31; then printf ',FileExisting-crictl,FileExisting-conntrack,FileExisting-iptables,HTTPProxyCIDR,KubeletVersion'; fi
}

signed() { kubectl_ -n kube-public get configmap cluster-info -o json | jq -e ".data[\"jws-kubeconfig-${token%.*}\"]"; }

# YAML, as JSON is. No CoreDNS, because there is no network between pods.
init_configuration() {
  local api=kubeadm.k8s.io/v1beta4 pods=10.244.0.0/16 services=10.96.0.0/12
  case $network in *:*) pods=fd6b:6a6f:1a::/56 services=fd6b:6a6f:1b::/112 ;; esac
  if before 31; then api=kubeadm.k8s.io/v1beta3; fi
  jq -n --arg api $api --arg ip "${network}1" --arg key "$certificate_key" --arg token $token --arg ignored "$(ignored_checks)" '{
    apiVersion: $api, kind: "InitConfiguration", localAPIEndpoint: {advertiseAddress: $ip}, certificateKey: $key,
    nodeRegistration: {criSocket: "unix:///run/containerd/containerd.sock", ignorePreflightErrors: ($ignored | split(","))},
    bootstrapTokens: [{token: $token, ttl: "24h0m0s"}], skipPhases: ["addon/coredns"]}'
  echo ---
  jq -n --arg api $api --arg version "$(fact .version)" --arg endpoint $endpoint --argjson over "$over" --arg pods $pods \
    --arg services $services --argjson audit "$(if [ -n "$audit" ]; then auditing; else echo '{}'; fi)" '{
    apiVersion: $api, kind: "ClusterConfiguration", kubernetesVersion: $version, controlPlaneEndpoint: $endpoint,
    networking: {podSubnet: $pods, serviceSubnet: $services}} * $audit * $over'
  echo ---
  jq -n --argjson newer "$(if before 31; then echo '{}'; else echo '{"failCgroupV1": false}'; fi)" '{
    apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration", cgroupDriver: "cgroupfs", failSwapOn: false}
    + $newer'
}

auditing() {
  jq -n --argjson older "$(if before 31; then echo true; else echo false; fi)" '
    # A mapping until v1beta3, a list since.
    def arguments: if $older then . else to_entries | map({name: .key, value: .value}) end;
    {apiServer: {
      extraArgs: ({"audit-policy-file": "/run/machine/audit-policy.yaml", "audit-log-path": "/run/machine/audit.log"} | arguments),
      extraVolumes: [
        {name: "audit-policy", hostPath: "/run/machine/audit-policy.yaml", readOnly: true, pathType: "File"},
        {name: "audit-log", hostPath: "/run/machine/audit.log", pathType: "File"} | .mountPath = .hostPath]},
    etcd: {local: {extraArgs: ({"log-level": "debug"} | arguments)}}}'
}

join_() {
  local name=${1:?which machine?} program=${2:-kubeadm} arguments
  readarray -t arguments < <(fact '.arguments[]')
  machine_run "$dir/$name" "$program" join "${arguments[@]}" "${@:3}"
}

settled_() { wait_for 120 "the pods of etcd" all_members_are_pods; }

all_members_are_pods() {
  local members pods
  members=$(members_ | jq -r 'select(.name != "").name' | sort)
  pods=$(kubectl_ -n kube-system get pods -l component=etcd -o json | jq -r '.items[].spec.nodeName' | sort)
  [ -n "$members" ] && [ "$members" = "$pods" ]
}

run_() { machine_run "$dir/${1:?on which machine?}" "${@:2}"; }

# Straight to a machine that has one: what the endpoint's name means is the affair of those who join.
kubectl_() {
  local server
  server=$(ready_api_server) || return
  machine_run "$dir/switch" kubectl --kubeconfig "$dir/admin.conf" --server "https://$server" --cache-dir /run/kubectl-cache "$@"
}

members_() {
  local name
  name=$(machine_with_etcd) || return
  machine_run "$dir/$name" etcdmember list
}

forget_() {
  local name=${1:?which machine?} other
  other=$(machine_with_etcd "$name") || return
  machine_run "$dir/$other" etcdmember remove "$name"
  kubectl_ delete node "$name" --ignore-not-found
  # The garbage collector would do it, later: kubeadm finds the members of etcd by their pods.
  kubectl_ -n kube-system delete pods --field-selector "spec.nodeName=$name" --force --grace-period=0 2>/dev/null
}

ready_api_server() {
  local name server
  for name in $(machines_that_are_on); do
    server=$(fact ".machines.$name.api_server")
    if [ "$(machine_run "$dir/switch" curl -sS --max-time 5 --cacert "$dir/ca.crt" "https://$server/readyz" 2>/dev/null)" = ok ]; then
      printf '%s\n' "$server"
      return
    fi
  done
  die "no API server is ready"
}

# machine_with_etcd [NAME]: the first, other than NAME, where one listens.
machine_with_etcd() {
  local name
  for name in $(machines_that_are_on); do
    if [ "$name" != "${1:-}" ] && machine_run "$dir/$name" bash -c 'exec 3<>/dev/tcp/localhost/2379' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  die "no etcd is running"
}

machines_that_are_on() {
  local name
  for name in $(fact '.machines | keys[]' | sort -V); do
    if [ ! -e "$dir/$name/off" ]; then printf '%s\n' "$name"; fi
  done
}

# --- one machine

wipe_() {
  local name=${1:?which machine?} m uuid
  m=$dir/$name
  need_programs "$release"
  uuid=$(cat "$m/product_uuid")
  machine_down "$m"
  remove_cgroups "$m"
  rm -rf "$m"
  mkdir "$m"
  touch "$m/.machine"
  printf '%s\n' "$uuid" >"$m/product_uuid"
  tr -d - </proc/sys/kernel/random/uuid >"$m/machine_id"
  machine "$name" "$(fact '.machines | length')"
  jq --arg name "$name" --arg id "$(cat "$m/machine_id")" '.machines[$name].machine_id = $id' "$dir/facts.json" >"$dir/.facts.new"
  mv "$dir/.facts.new" "$dir/facts.json"
}

# Its first process goes on, with its files; it does nothing.
stop_() {
  local name=${1:?which machine?} m
  m=$dir/$name
  machine_run "$dir/switch" ip link set "$name" down
  machine_run "$m" bash -c 'kill -KILL -- -1' || true # that shell, too
  machine_run "$m" findmnt -n -r -o TARGET | grep -E '^/(run/(containerd|netns)|var/lib/kubelet)/' | sort -r \
    | while read -r mount; do machine_run "$m" umount -l "$mount"; done
  find "$m/root/run" -mindepth 1 -maxdepth 1 ! -name machine -exec rm -rf {} +
  rm -f "$m/kubelet-unit/pid"
  touch "$m/off"
}

start_() {
  local name=${1:?which machine?} m
  m=$dir/$name
  need_programs "$release"
  mkdir -p "$m/root/run/lock" "$m/root/run/systemd/system"
  rm -f "$m/off"
  machine_run "$dir/switch" ip link set "$name" up
  power_on "$m"
  if [ -e "$m/root/var/lib/kubelet/config.yaml" ]; then machine_run "$m" systemctl start kubelet; fi
}

# Whether the cluster is of a release before 1.N.
before() { [ "${release#1.}" -lt "$1" ]; }
fact() { jq -r "$1" "$dir/facts.json"; }
usage() { sed -n '2,/^set/{/^set/d;/^# shellcheck/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

main "$@"
