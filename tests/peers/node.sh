#!/usr/bin/env bash
# A node for tests, ready to be joined: a machine of its own (machine.sh) on the network of a cluster.sh control plane, with
# a running containerd at /run/containerd/containerd.sock, the kubelet installed but not configured, and a `systemctl` that
# runs it and a `journalctl` that has its log (see the files of these names).
#
#   node.sh up DIR CLUSTER_DIR [--name NAME] [--ip A] [--no-network-plugin]
#                                      of the cluster's release; does nothing when it is up already; --no-network-plugin:
#                                      the Node stays NotReady
#   node.sh run DIR COMMAND...         on the node
#   node.sh down [--keep] DIR          ends it and removes DIR; --keep leaves the files
#
# DIR/facts.json: name, ip. DIR/root holds what the node has in /run, /etc/kubernetes and /var/lib/kubelet; DIR/log has
# kubelet.log, containerd.log and every call of systemctl. The cluster is not told that a node is gone.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
. "$(dirname "${BASH_SOURCE[0]}")/kubelet.sh"

main() {
  local command=${1:-} dir
  case $command in
    up) shift; up "$@" ;;
    down) shift; down "$@" ;;
    run) dir=$(machine_directory "${2:-}"); shift 2; machine_run "$dir" "$@" ;;
    -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}

up() {
  local dir cluster name ip='' network_plugin=yes
  dir=$(machine_directory "${1:-}")
  cluster=$(machine_directory "${2:-}")
  name=$(basename "$dir")
  shift 2
  while [ $# -gt 0 ]; do
    case $1 in
      --name) name=$2; shift 2 ;;
      --ip) ip=$2; shift 2 ;;
      --no-network-plugin) network_plugin=''; shift ;;
      *) die "unknown option $1" ;;
    esac
  done
  if machine_alive "$dir" && [ -e "$dir/facts.json" ]; then say "$dir is up already"; return; fi
  machine_alive "$cluster" || die "the cluster $cluster is not up"
  use_release "$(jq -r .release "$cluster/facts.json")" kubelet kubeadm kubectl containerd containerd-shim-runc-v2
  if [ -e "$dir" ]; then down "$dir"; fi # what an interrupted run has left
  # shellcheck disable=SC2064 # this dir
  trap "failed '$dir'" EXIT
  machine_up "$dir" "$name"
  wire "$dir" "$cluster"
  install_kubelet "$dir"
  if [ -n "$network_plugin" ]; then install_network_plugin "$dir"; fi
  start_containerd "$dir" "$dir/containerd"
  jq -n --arg name "$name" --arg ip "$ip" '{name: $name, ip: $ip}' >"$dir/facts.json"
  trap - EXIT
  say "$dir: $name at $ip"
}

down() {
  local keep='' dir
  [ "${1:-}" != --keep ] || { keep=yes; shift; }
  dir=$(machine_directory "${1:-}")
  machine_down "$dir"
  remove_cgroups "$dir"
  [ -n "$keep" ] || rm -rf "$dir"
}

failed() {
  local log
  trap - EXIT
  say "$1 did not come up; the ends of its logs:"
  for log in "$1"/log/*; do printf '== %s\n' "$log" && tail -n 5 "$log"; done >&2
  machine_down "$1"
  remove_cgroups "$1"
  exit 1
}

# A cable to the cluster's bridge. Sets ip when it is empty.
wire() {
  local dir=$1 cluster=$2 gateway octet=10 port
  gateway=$(jq -r .ip "$cluster/facts.json")
  exec 8>"$cluster/.addresses" # two nodes at once must not choose the same address
  flock 8
  if [ -z "$ip" ]; then
    while machine_run "$cluster" ip link show "node$octet" >/dev/null 2>&1; do octet=$((octet + 1)); done
    ip=$(neighbour "$gateway" $octet)
  fi
  port=node${ip##*[.:]}
  ip link add "$port" netns "$(machine_pid "$cluster")" type veth peer name eth0 netns "$(machine_pid "$dir")"
  exec 8>&-
  machine_run "$cluster" ip link set "$port" master br0 up
  add_address "$ip" eth0 machine_run "$dir"
  machine_run "$dir" ip link set eth0 up
  machine_run "$dir" ip route add default via "$gateway"
  printf '%s %s\n' "$ip" "$name" | machine_run "$dir" tee -a /etc/hosts >/dev/null
}

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

main "$@"
