#!/usr/bin/env bash
# Cluster API's own bootstrap data, made from the templates of image/cluster-api by its provider's code (two releases), runs
# on a node of tests/peers with kubejoin as `kubeadm`, against the real control plane, up to its sentinel:
#
#   cluster_api_test.sh [--only GLOB] BINARY
#
# BINARY a kubejoin. As root. Closing line "N passed, N failed".
# shellcheck disable=SC2016 # what stands in single quotes is jq's or for another shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=$here/../peers
image=$(cd "$here/../../image/cluster-api" && pwd)
. "$here/../strictly.sh"

passed=0 failed=0 finished='' only='*'

# Name, the provider's release, template, the Machine's Kubernetes, a jq filter of the spec, what the script has to end with.
cases=(
  "cloud-init              | 1.14 | cloud-init | v1.37.2 | .                                | joins"
  "ignition                | 1.14 | ignition   | v1.37.2 | .verbosity = 5                   | joins"
  "cloud-init-1.8          | 1.8  | cloud-init | v1.31.0 | .verbosity = 2                   | joins"
  "ignition-1.8            | 1.8  | ignition   | v1.30.4 | .                                | joins"
  "retry-script            | 1.8  | cloud-init | v1.31.0 | .useExperimentalRetryJoin = true | joins"
  "retry-script-before-1.31 | 1.8 | cloud-init | v1.30.4 | .useExperimentalRetryJoin = true | joins"
  "wrong-pin               | 1.14 | cloud-init | v1.37.2 | .                                | is_refused"
  "wrong-pin-ignition      | 1.14 | ignition   | v1.37.2 | .                                | is_refused"
)

main() {
  local row
  while [ $# -gt 1 ]; do
    case $1 in
      --only) only=$2; shift 2 ;;
      *) echo "cluster_api_test: unknown option $1" >&2; exit 2 ;;
    esac
  done
  case ${1:-} in '' | -*) sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2 ;; esac
  binary=$(realpath "$1")
  providers=$("$here/build.sh" bootstrapdata-1.14 bootstrapdata-1.8)
  programs=$("$peers/build.sh")
  work=$(mktemp -d /tmp/kubejoin-cluster-api.XXXXXX)
  trap finish EXIT
  trap 'exit 1' INT TERM
  "$peers/cluster.sh" up "$work/cluster"
  "$peers/node.sh" up "$work/node" "$work/cluster" --name worker
  endpoint=$(jq -r .endpoint "$work/cluster/facts.json") hash=$(jq -r .ca_cert_hash "$work/cluster/facts.json")
  token=$(jq -r .tokens.normal "$work/cluster/facts.json")
  # The image: kubejoin in /usr/bin, and no kubeadm that could take its place.
  on_node sh -c "rm -f /usr/bin/kubeadm && install -m 755 $binary /usr/bin/kubejoin"
  for row in "${cases[@]}"; do
    IFS='|' read -r name release template kubernetes filter ending < <(tr -s ' ' <<<"$row" | sed 's/ *| */|/g')
    # shellcheck disable=SC2053 # a glob
    [[ $name == $only ]] || continue
    wipe
    bootstrap_data >"$work/$name.data" || { check "$name: the provider makes bootstrap data" false; continue; }
    status=0
    case $template in cloud-init) cloud_init ;; ignition) ignition ;; esac >"$work/node/log/$name" 2>&1 || status=$?
    "$ending"
    check "$name: the token is not printed" [ "$(grep -c "${token#*.}" "$work/node/log/$name")" = 0 ]
  done
  finished=yes
}

joins() {
  check "$name: the script succeeds" [ "$status" = 0 ]
  check "$name: the sentinel is there" [ "$(cat "$work/node/root/run/cluster-api/bootstrap-success.complete")" = success ]
  check "$name: no error is left beside it" [ ! -e "$work/node/root/run/cluster-api/bootstrap-error.log" ]
  check "$name: kubejoin has joined the node" jq -e '.node == "worker" and .exit == 0' "$work/node/root/run/kubejoin/result.json"
  check "$name: the Node is there, with the provider's taint" node_has_taint
  case $template in
    ignition) check "$name: the configuration is out of the way" on_node test -e /tmp/kubeadm.yml -a ! -e /etc/kubeadm.yml ;;
    *) check "$name: the script was the provider's" grep -q "kubeadm join\|kubeadm-bootstrap-script" "$work/runcmd" ;;
  esac
  case $name in
    retry-script*) check "$name: the script read each exit status as a success" retry_script_was_content ;;
  esac
}

is_refused() {
  check "$name: the script fails" [ "$status" != 0 ]
  check "$name: there is no sentinel" [ ! -e "$work/node/root/run/cluster-api/bootstrap-success.complete" ]
  check "$name: the error says why" grep -q "no CA of cluster-info has a pinned key" "$work/node/log/$name"
  check "$name: and stays where the provider's tools look" grep -q "discovery.ca-hash-mismatch" "$work/node/root/run/cluster-api/bootstrap-error.log"
  check "$name: nothing is left of a join" [ ! -e "$work/node/root/etc/kubernetes/kubelet.conf" ]
}

# The template as the user fills it in, with what this node (a container on any kernel) has to ignore.
bootstrap_data() {
  local pin=$hash
  [ "$ending" = joins ] || pin=sha256:$(printf '%064d' 0)
  "$programs/yamljson" <"$image/$template.yaml" | jq '.spec.template.spec |= ('"$filter"' |
    .joinConfiguration.nodeRegistration.ignorePreflightErrors = ["SystemVerification", "FailCgroupV1"])' >"$work/$name.json"
  "$providers/bootstrapdata-$release" "$work/$name.json" "$kubernetes" "$endpoint" "$token" "$pin"
}

# What cloud-init does with it: write_files, then runcmd as one script of /bin/sh.
cloud_init() {
  "$programs/yamljson" <"$work/$name.data" >"$work/cloud.json"
  jq -c '.write_files[]' "$work/cloud.json" | while read -r file; do
    jq -j .content <<<"$file" >"$work/file"
    on_node install -D -m "$(jq -r .permissions <<<"$file")" "$work/file" "$(jq -r .path <<<"$file")"
  done
  { echo '#!/bin/sh'; jq -r '.runcmd[]' "$work/cloud.json"; } >"$work/runcmd"
  on_node timeout 300 sh "$work/runcmd" </dev/null
}

# What Ignition does with it (files, a unit that is enabled), and then systemd with that unit.
ignition() {
  jq -c '.storage.files[]' "$work/$name.data" | while read -r file; do
    decoded "$(jq -r .contents.source <<<"$file")" >"$work/file"
    on_node install -D -m "$(printf '%o' "$(jq -r .mode <<<"$file")")" "$work/file" "$(jq -r .path <<<"$file")"
  done
  jq -r '.systemd.units[] | select(.enabled and .name == "kubeadm.service").contents' "$work/$name.data" >"$work/unit"
  on_node test -e "$(sed -n 's/^ConditionPathExists=//p' "$work/unit")"
  # A service has neither the caller's environment nor its terminal.
  on_node env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin timeout 300 sh -c "$(sed -n 's/^ExecStart=//p' "$work/unit")" </dev/null
}

# A data URL's text.
decoded() {
  local text=${1#data:,}
  [ "$text" != "$1" ] || { echo "not a data URL: $1" >&2; return 1; }
  text=${text//\\/\\\\}
  printf '%b' "${text//%/\\x}"
}

node_has_taint() {
  local _
  for _ in $(seq 100); do
    if kubectl get node worker -o json 2>/dev/null | jq -e '.spec.taints | any(.key == "node.cluster.x-k8s.io/uninitialized")' >/dev/null; then return; fi
    sleep 0.2
  done
  return 1
}

retry_script_was_content() {
  [ "$(grep -c 'kubeadm reported successful execution' "$work/node/log/$name")" -ge 2 ] \
    && ! grep -q 'kubeadm reported \(failed\|preflight\|validation\|unknown\)\|too many errors\|fatal error' "$work/node/log/$name"
}

wipe() {
  local root=$work/node/root
  on_node systemctl stop kubelet
  find "$root/etc/kubernetes" "$root/var/lib/kubelet" -mindepth 1 -delete
  rm -rf "$root/run/kubejoin" "$root/run/kubeadm" "$root/run/cluster-api"
  on_node rm -rf /etc/kubeadm.yml /etc/kubeadm.sh /tmp/kubeadm.yml /usr/local/bin/kubeadm /opt/bin/kubeadm /usr/local/bin/kubeadm-bootstrap-script
  mkdir -m 755 "$root/etc/kubernetes/manifests"
  kubectl delete csr,nodes --all >/dev/null
}

on_node() { "$peers/node.sh" run "$work/node" "$@"; }
kubectl() { "$programs/kubectl" --kubeconfig "$work/cluster/admin.conf" --cache-dir "$work/kubectl" "$@"; }

check() { # WHAT COMMAND...
  local what=$1
  shift
  if strictly "$@" >"$work/check.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $what"
  else
    failed=$((failed + 1))
    echo "FAIL  $what"
    tail -n 15 "$work/check.log" "$work/node/log/$name" 2>/dev/null | cut -c1-300 | sed 's/^/      | /'
  fi
}

finish() {
  local status=$?
  trap - EXIT
  "$peers/node.sh" down "$work/node" || true
  "$peers/cluster.sh" down "$work/cluster" || true
  rm -rf "$work"
  [ -n "$finished" ] || { failed=$((failed + 1)); echo "NOT FINISHED: the harness itself ended with status $status"; }
  echo "$passed passed, $failed failed"
  if [ "$failed" != 0 ] || [ "$passed" = 0 ]; then exit 1; fi
}

main "$@"
