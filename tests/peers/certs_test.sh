#!/usr/bin/env bash
# The verbs about certificates: the binary under test beside the real kubeadm, on the files of one real control plane and against
# its API server. What one uploads the other opens; what both print is compared.
#
#   certs_test.sh BINARY [--release R]     R: as of cluster.sh
#
# As root, about half a minute. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"

begin "$1"
cluster=$work/cluster
clusters=("$cluster")
shared=(ca.crt ca.key front-proxy-ca.crt front-proxy-ca.key sa.pub sa.key etcd/ca.crt etcd/ca.key)

main() {
  programs=$("$here/build.sh" "${@:2}" --print-dir)
  kubeadm=$programs/kubeadm
  "$here/cluster.sh" up "$cluster" "${@:2}"
  export KUBECONFIG
  KUBECONFIG=$(jq -r .admin_kubeconfig "$cluster/facts.json")
  pki=$cluster/root/etc/kubernetes/pki
  read_facts
  configuration >"$work/cluster.yaml"
  mkdir "$work/said"
  section "when certificates expire"
  check "the table of a control plane" expires_alike "$cluster/root"
  check "documents of JSON" expires_alike "$cluster/root" -o json
  check "documents of YAML" expires_alike "$cluster/root" -o yaml
  copy_of_root
  check "of one whose CAs are external, and that lacks certificates" expires_alike "$work/copy"
  check "of a worker, which kubeadm cannot" expires_on_a_worker
  section "uploaded"
  check "without --upload-certs, nothing" same_words ours "" theirs ""
  check "what is printed" same_words ours --upload-certs theirs --upload-certs
  check "what is in the cluster" alike
  check "the real kubeadm opens what kubejoin has uploaded" opened_by_kubeadm
  check "kubejoin opens what the real kubeadm has uploaded" opened_by_kubejoin
  check "another upload takes its place, with a key of one's own" another_upload
  check "a file names the key, and the directory" by_file
  check "a dry run changes nothing" dry_run
  check "what no control plane could use is not uploaded" not_uploaded
  check "whoever is no administrator is refused" refused
  check "it is gone with its token" gone_with_token
  section "brought"
  check "a tar archive of the directory" brought "$work/certs.tar"
  check "the directory itself" brought "$pki"
  section "a user"
  check "with a certificate, but for key and certificate" same_user --client-name alice --org group-a,group-b --org group-c
  check "the API server knows who it is" known_as alice '["group-a","group-b","group-c","system:authenticated"]'
  check "with a name that is no PrintableString" same_user --client-name 'zoë@example.com' --validity-period 1h
  check "the API server knows that, too" known_as 'zoë@example.com' '["system:authenticated"]'
  check "with a token, byte by byte" same_bytes --client-name bob --token abc.def
  section "secrets"
  check "no line says a key of a CA or a certificate key" nothing_said
  finished=yes
}

# Of kubeadm's files, in this release.
api() { if [ "$(jq -r .release "$cluster/facts.json")" = 1.30 ]; then echo kubeadm.k8s.io/v1beta3; else echo kubeadm.k8s.io/v1beta4; fi; }

# For who runs on the host: where the control plane has its certificates.
configuration() {
  cat <<Y
apiVersion: $(api)
kind: ClusterConfiguration
kubernetesVersion: $(jq -r .version "$cluster/facts.json")
controlPlaneEndpoint: "$endpoint"
certificatesDir: $pki
Y
}

# kubejoin with all that it can say; what it says on standard error is kept.
ours() {
  local status=0 said
  said=$(mktemp "$work/said/XXXXXX")
  "$binary" "$@" -v 10 2>"$said" || status=$?
  cat "$said" >&2
  return "$status"
}

# expires_alike ROOT FLAGS... A second may pass between the two.
expires_alike() {
  local tries=0
  until [ $((tries += 1)) -gt 4 ]; do
    ours certs check-expiration --rootfs "$@" >"$work/ours"
    "$kubeadm" --rootfs "$1" certs check-expiration --kubeconfig /nowhere "${@:2}" >"$work/theirs"
    ! cmp "$work/ours" "$work/theirs" || return 0
  done
  diff "$work/theirs" "$work/ours"
}

copy_of_root() {
  mkdir -p "$work/copy/etc"
  cp -a "$cluster/root/etc/kubernetes" "$work/copy/etc/"
  rm "$work/copy/etc/kubernetes/pki/etcd/ca.key" "$work/copy/etc/kubernetes/pki/front-proxy-client.crt" \
    "$work/copy/etc/kubernetes/scheduler.conf"
}

expires_on_a_worker() {
  local kubelet=$work/worker/var/lib/kubelet/pki
  mkdir -p "$kubelet" "$work/worker/etc/kubernetes/pki"
  cp "$pki/ca.crt" "$work/worker/etc/kubernetes/pki/"
  cat "$pki"/apiserver-kubelet-client.{crt,key} >"$kubelet/kubelet-client-current.pem"
  ours certs check-expiration --rootfs "$work/worker" | tee "$work/ours" \
    && grep -qE '^kubelet-client-current.pem +[A-Z][a-z]{2} [0-9]{2}, ' "$work/ours" \
    && not "$kubeadm" --rootfs "$work/worker" certs check-expiration --kubeconfig /nowhere
}

upload_ours() { ours init phase upload-certs --cert-dir "$pki" "$@" | tee "$work/ours"; }
upload_theirs() { "$kubeadm" init phase upload-certs --kubeconfig "$KUBECONFIG" --config "$work/cluster.yaml" "$@" | tee "$work/theirs"; }

# As scripts take it from what is printed.
key_in() { tail -n 1 "$1"; }

same_words() {
  # shellcheck disable=SC2086 # no flag is none
  upload_ours $2 && upload_theirs $4 && diff <(masked "$work/theirs") <(masked "$work/ours")
}

masked() { sed -E 's/^[0-9a-f]{64}$/KEY/' "$1"; }

alike() {
  upload_ours --upload-certs && in_cluster >"$work/by-us" \
    && upload_theirs --upload-certs && in_cluster >"$work/by-them" \
    && grep -q blockOwnerDeletion "$work/by-them" && grep -q '"minutes": 120' "$work/by-them" \
    && diff "$work/by-them" "$work/by-us"
}

# Without what has to differ: names of tokens, nonces, keys.
in_cluster() {
  local token
  token=$(kubectl -n kube-system get secret kubeadm-certs -o json | jq -r '.metadata.ownerReferences[0].name')
  kubectl -n kube-system get secret kubeadm-certs -o json | jq -S '{type, sizes: (.data | map_values(length)),
    owners: (.metadata.ownerReferences | map(.name |= "" | .uid |= (length)))}'
  kubectl -n kube-system get secret "$token" -o json | jq -S '{type, keys: (.data | keys),
    description: (.data.description | @base64d),
    minutes: ((.data.expiration | @base64d | fromdate) - (.metadata.creationTimestamp | fromdate) | . / 60 | round)}'
  kubectl -n kube-system get role,rolebinding kubeadm:kubeadm-certs -o json \
    | jq -S '.items | map({kind, rules, roleRef, subjects, name: .metadata.name})'
}

opened_by_kubeadm() {
  upload_ours --upload-certs
  mkdir -p "$work/of-kubeadm"
  "$kubeadm" --rootfs "$work/of-kubeadm" join phase control-plane-prepare download-certs "$endpoint" --control-plane \
    --token "$token" --discovery-token-ca-cert-hash "$hash" --certificate-key "$(key_in "$work/ours")"
  has_shared "$work/of-kubeadm"
}

opened_by_kubejoin() {
  upload_theirs --upload-certs
  download of-kubejoin --certificate-key "$(key_in "$work/theirs")"
}

# download NAME FLAGS...: into a root of its own.
download() {
  mkdir -p "$work/$1/usr/lib/systemd/system"
  printf '[Install]\nWantedBy=multi-user.target\n' >"$work/$1/usr/lib/systemd/system/kubelet.service"
  ours join phase control-plane-prepare download-certs "$endpoint" --control-plane --token "$token" \
    --discovery-token-ca-cert-hash "$hash" --apiserver-advertise-address "$(jq -r .ip "$cluster/facts.json")" \
    --node-name certs-test --rootfs "$work/$1" --result-file "$work/result.json" "${@:2}" >"$(mktemp "$work/said/XXXXXX")"
  has_shared "$work/$1"
}

has_shared() {
  local file
  for file in "${shared[@]}"; do cmp "$pki/$file" "$1/etc/kubernetes/pki/$file" || return 1; done
  [ "$(find "$1/etc/kubernetes/pki" -type f | wc -l)" = ${#shared[@]} ]
}

another_upload() {
  local key
  key=$("$binary" certs certificate-key)
  upload_ours --upload-certs --skip-certificate-key-print --certificate-key "$key" \
    && [ "$(wc -l <"$work/ours")" = 1 ] \
    && download again --certificate-key "$key" \
    && fails 2 certs.wrong-key join phase control-plane-prepare download-certs "$endpoint" --control-plane --token "$token" \
    --discovery-token-ca-cert-hash "$hash" --rootfs "$work/again" --result-file "$work/result.json" --node-name certs-test \
    --apiserver-advertise-address "$(jq -r .ip "$cluster/facts.json")" --certificate-key "$(key_in "$work/theirs")"
}

by_file() {
  local key
  key=$("$kubeadm" certs certificate-key)
  printf -- '---\napiVersion: %s\nkind: InitConfiguration\ncertificateKey: %s\n' "$(api)" "$key" \
    | cat "$work/cluster.yaml" - >"$work/init.yaml"
  ours init phase upload-certs --upload-certs --config "$work/init.yaml" >"$work/ours" \
    && [ "$(key_in "$work/ours")" = "$key" ] \
    && download by-file --certificate-key "$key" \
    && fails 2 usage.arguments init phase upload-certs --upload-certs --config "$work/init.yaml" --certificate-key "$key"
}

dry_run() {
  local before
  before=$(uploads)
  [ -n "$before" ] && upload_ours --upload-certs --dry-run && [ "$before" = "$(uploads)" ]
}

# The Secret's version, and how many tokens there are that only expire.
uploads() {
  kubectl -n kube-system get secrets -o json | jq '(.items[].metadata | select(.name == "kubeadm-certs").resourceVersion),
    (.items | map(select(.data.description // "" | @base64d | startswith("Proxy"))) | length)'
}

not_uploaded() {
  fails 2 certs.missing init phase upload-certs --upload-certs --cert-dir "$work/empty" \
    && fails 2 usage.not-yet-supported init phase upload-config kubeadm \
    && fails 2 usage.not-yet-supported init --upload-certs
}

refused() {
  kubectl config view --raw -o json | jq --arg token "$token" '.users[].user = {token: $token}' >"$work/nobody.conf"
  fails 5 api.forbidden init phase upload-certs --upload-certs --cert-dir "$pki" --config "$work/cluster.yaml" \
    --kubeconfig "$work/nobody.conf"
}

gone_with_token() {
  upload_ours --upload-certs
  kubectl -n kube-system delete "$(kubectl -n kube-system get secret kubeadm-certs -o json \
    | jq -r '"secret/" + .metadata.ownerReferences[0].name')" \
    && eventually 30 not kubectl -n kube-system get secret kubeadm-certs
}

# By name: the directory has certificates of this node, too.
brought() {
  tar -C "$pki" -cf "$work/certs.tar" .
  download "brought-$(basename "$1")" --certs-dir-from "$1"
}

user_ours() { ours kubeconfig user --config "$work/cluster.yaml" "$@" >"$work/user.conf"; }
# client-go of 1.30 writes an empty field more.
user_theirs() {
  "$kubeadm" kubeconfig user --config "$work/cluster.yaml" "$@" >"$work/their-user.conf" \
    && sed -i '/^preferences: {}$/d' "$work/their-user.conf"
}

same_user() {
  user_ours "$@" && user_theirs "$@" \
    && diff <(without_pair "$work/their-user.conf") <(without_pair "$work/user.conf") \
    && diff <(certificate_in "$work/their-user.conf") <(certificate_in "$work/user.conf") \
    && grep -q 'Client Authentication' <(certificate_in "$work/user.conf") || return 1
  # One was made after the other.
  [ $(($(end_in "$work/their-user.conf") - $(end_in "$work/user.conf"))) -lt 600 ]
}

without_pair() { sed -E 's/(client-(certificate|key)-data): .*/\1/' "$1"; }

# What it says, without serial number, keys and signature, and without its end.
certificate_in() {
  sed -n 's/ *client-certificate-data: //p' "$1" | base64 -d \
    | openssl x509 -noout -text -nameopt oneline,-esc_msb -certopt no_serial,no_pubkey,no_sigdump | grep -v 'Not After'
}

end_in() {
  date -d "$(sed -n 's/ *client-certificate-data: //p' "$1" | base64 -d | openssl x509 -noout -enddate | cut -d= -f2)" +%s
}

known_as() {
  "$programs/kubectl" --kubeconfig "$work/user.conf" auth whoami -o json >"$work/whoami"
  cat "$work/whoami"
  jq -e --arg name "$1" --argjson groups "$2" '.status.userInfo | .username == $name and (.groups | sort) == $groups' "$work/whoami"
}

same_bytes() {
  user_ours "$@" && user_theirs "$@" && cmp "$work/their-user.conf" "$work/user.conf"
}

# fails STATUS CODE ARGS...
fails() {
  local status=0
  ours "${@:3}" >"$work/failed" 2>&1 || status=$?
  cat "$work/failed"
  [ "$status" = "$1" ] && grep -qF "code: $2 " "$work/failed"
}

nothing_said() {
  local keys
  [ "$(find "$work/said" -type f | wc -l)" -gt 20 ] || return 1
  # Every line of a key but its first and last one.
  keys=$(cat "$pki"/{ca,front-proxy-ca,sa,etcd/ca}.key | grep -v '^-----' | grep -E '.{40}')
  [ "$(wc -l <<<"$keys")" -gt 80 ] \
    && not grep -rF "$keys" "$work/said" "$work/result.json" \
    && not grep -rE '(^|[^0-9a-f:])[0-9a-f]{64}($|[^0-9a-f])' "$work/said" "$work/result.json" || return 1
  # And what was asked for holds no key of a CA.
  user_ours --client-name carol && not grep -F "$keys" <(sed -n 's/.*-data: //p' "$work/user.conf" | while read -r data; do base64 -d <<<"$data"; done)
}

main "$@"
