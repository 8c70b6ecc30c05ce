#!/usr/bin/env bash
# What the kubelet of a machine will refuse is said before a certificate is requested. Each trouble is made: kubejoin has to
# refuse it by the name of a check, with nothing written and nothing requested. Then that check is ignored, and the real kubelet
# has to end for the same reason. Last, what overrides its configuration: a warning, and the kubelet runs with it.
#
#   kubelet_refusals_test.sh BINARY
#
# As root, a minute. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"

begin "$@"
cluster=$work/cluster worker=$work/worker
clusters=("$cluster") nodes=("$worker")
drop_in=/etc/kubelet.d/site/10.conf

main() {
  "$here/build.sh" >/dev/null
  "$here/cluster.sh" up "$cluster"
  read_facts
  node up "$worker" "$cluster" --name worker
  node run "$worker" cat /etc/default/kubelet >"$work/flags"

  section "a flag that this release does not have any more"
  more_flags --network-plugin=cni
  refused 6 kubelet.flags-refused KubeletFlags 'unknown flag: --network-plugin'

  section "a label that a kubelet may not set on its own Node"
  more_flags --node-labels=node-role.kubernetes.io/worker=
  refused 6 kubelet.flags-refused KubeletLabels "unknown 'kubernetes.io' or 'k8s.io' labels"

  section "control groups of version 1"
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    echo "  SKIPPED this kernel has version 2"
  else
    kubectl -n kube-system get configmap kubelet-config -o jsonpath='{.data.kubelet}' >"$work/kubelet.yaml"
    sed 's/^failCgroupV1: false$/failCgroupV1: true/' "$work/kubelet.yaml" >"$worker/root/run/kubelet.yaml"
    check "the configuration is another one" not cmp "$work/kubelet.yaml" "$worker/root/run/kubelet.yaml"
    refused 2 preflight.failed FailCgroupV1 'cgroup v1' --kubelet-config /run/kubelet.yaml
  fi

  section "what overrides the cluster's configuration"
  node run "$worker" mkdir -p "${drop_in%/*}"
  printf 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [192.0.2.53]\nrotateCertificates: false\n' \
    | node run "$worker" tee "$drop_in" >/dev/null
  check "nobody reads a drop-in without --config-dir: nothing is said of it" joins_in_silence
  wipe
  more_flags --config-dir=/etc/kubelet.d --pod-manifest-path=/etc/static-pods
  node run "$worker" mkdir -p /etc/static-pods
  check "the join succeeds" join_and_keep_words
  check "and warns of a name server" warned "$drop_in sets clusterDNS to 192.0.2.53, where the cluster's configuration has 10.96.0.10"
  check "and of a certificate that is not renewed" warned "$drop_in sets rotateCertificates to false"
  check "and of another directory of static pods" warned '/etc/default/kubelet sets staticPodPath to /etc/static-pods'
  check "the kubelet runs with them" runs_with '.clusterDNS == ["192.0.2.53"] and (.rotateCertificates | not) and .staticPodPath == "/etc/static-pods"'
  check "doctor names the same, and no fault" doctor_warns

  section "a container runtime of before RuntimeConfig"
  wipe
  node run "$worker" sh -c 'oldcri /run/old.sock /run/containerd/containerd.sock >/run/machine/log/oldcri.log 2>&1 &'
  check "there is one" eventually 10 node run "$worker" test -S /run/old.sock
  check "the join succeeds" joins_by_the_old_runtime
  check "and says what 1.38 will make of it" warned "does not have the CRI method RuntimeConfig, without which kubelets from 1.38 on"
  check "as the real kubelet does" eventually 10 grep -F 'should be updated to support RuntimeConfig' "$worker/log/kubelet.log"
  finished=yes
}

# FLAGS...: beside those that every node of the tests has.
more_flags() { sed "s|^KUBELET_EXTRA_ARGS=|&$* |" "$work/flags" | node run "$worker" tee /etc/default/kubelet >/dev/null; }

# STATUS CODE CHECK WORDS [ARGUMENTS OF JOIN...]
refused() {
  check "the join refuses it, with $2 of $3" refuses "$1" "$2" "$3" "${@:5}"
  check "no certificate was requested" [ -z "$(kubectl get csr -o name)" ]
  check "nothing was written" not test -e "$worker/root/etc/kubernetes/kubelet.conf"
  check "where $3 is ignored, the real kubelet ends for it" ends "$4" --ignore-preflight-errors="$3" "${@:5}"
  wipe
}

refuses() {
  local status=0
  join "$worker" worker "${@:4}" >"$work/words" 2>&1 || status=$?
  cat "$work/words"
  [ "$status" = "$1" ]
  grep -qF "code: $2 (exit $1)" "$work/words"
  grep -qF "[ERROR $3]" "$work/words"
}

ends() {
  local status=0
  join "$worker" worker "${@:2}" >"$work/words" 2>&1 || status=$?
  cat "$work/words"
  [ "$status" = 6 ] && grep -qF -- "$1" "$worker/log/kubelet.log"
}

joins_by_the_old_runtime() {
  local command
  readarray -d '' command < <(join_command worker)
  command=("${command[@]/#unix:*/unix:///run/old.sock}")
  node run "$worker" timeout 120 "${command[@]}" >"$work/words" 2>&1 || { cat "$work/words"; return 1; }
}
join_and_keep_words() {
  join "$worker" worker >"$work/words" 2>&1 || { cat "$work/words"; return 1; }
}
joins_in_silence() {
  join_and_keep_words
  cat "$work/words"
  not grep KubeletDropIns "$work/words"
}
# The words may be wrapped.
warned() {
  cat "$work/words"
  tr -s ' \n|' ' ' <"$work/words" | grep -F "$1"
}

runs_with() {
  cp "$cluster/root/etc/kubernetes/pki/apiserver-kubelet-client".{crt,key} "$worker/root/run/"
  node run "$worker" curl -fsSk --cert /run/apiserver-kubelet-client.crt --key /run/apiserver-kubelet-client.key \
    https://127.0.0.1:10250/configz >"$work/configz"
  jq '.kubeletconfig | {clusterDNS, rotateCertificates, staticPodPath}' "$work/configz"
  jq -e ".kubeletconfig | $1" "$work/configz"
}

doctor_warns() {
  nothing_is_found "$worker" >"$work/words" 2>&1 || { cat "$work/words"; return 1; }
  warned "$drop_in sets clusterDNS to 192.0.2.53"
}

# The machine has never joined.
wipe() {
  node run "$worker" systemctl stop kubelet
  find "$worker/root/etc/kubernetes" "$worker/root/var/lib/kubelet" -mindepth 1 -delete
  rm -rf "$worker/root/run/kubejoin" "$worker/log/kubelet.log"
  mkdir -m 755 "$worker/root/etc/kubernetes/manifests"
  kubectl delete csr,nodes --all >/dev/null
  more_flags
}

main
