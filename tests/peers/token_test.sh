#!/usr/bin/env bash
# Bootstrap tokens: the binary under test and the real kubeadm make, list and delete them in one real control plane, and what
# they print and leave there is compared.
#
#   token_test.sh BINARY [--release R]     R: as of cluster.sh
#
# As root, about half a minute. KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"

begin "$1"
cluster=$work/cluster
clusters=("$cluster")
certificate_key=$(printf '89abcdef%.0s' {1..8})

main() {
  local programs
  programs=$("$here/build.sh" "${@:2}" --print-dir)
  kubeadm=$programs/kubeadm
  "$here/cluster.sh" up "$cluster" "${@:2}"
  export KUBECONFIG
  KUBECONFIG=$(jq -r .admin_kubeconfig "$cluster/facts.json")
  # What the cluster has been set up with would expire within the test, or does not end.
  section "made"
  check "a token of each kind by kubejoin" made_by "$binary" a
  check "the same by kubeadm" made_by "$kubeadm" b
  check "their Secrets are alike" alike
  check "one by a file" made_by_file
  check "three at once" three
  check "a token that is drawn can join" can_join
  section "printed"
  check "the table" same token list
  check "documents of JSON" same token list -o json
  check "documents of YAML" same token list -o yaml
  check "the flag of old scripts" same_as "token list --experimental-output json" "token list -o json"
  check "the join command" same token create bbbbb0.0123456789abcdef --print-join-command
  check "that of a control plane" same token create bbbbb1.0123456789abcdef --print-join-command --certificate-key "$certificate_key"
  check "kernel parameters of it join" joins_by cmdline
  check "a file of it joins" joins_by yaml
  section "refused"
  check "a token that is there already" fails 5 token.exists token create a00000.0123456789abcdef
  check "a group that is no bootstrapper's" fails 2 config.invalid token create --groups system:masters
  check "groups without authentication" fails 2 config.invalid token create --usages signing --groups system:bootstrappers:x
  check "a flag beside a file" fails 2 usage.arguments token create --config /dev/null --ttl 1h
  check "a token that is not there" fails 5 api.not-found token delete zzzzzz
  check "whoever is no administrator" fails 5 api.forbidden token list --kubeconfig "$(kubeconfig_of_nobody)"
  check "a dry run makes nothing" dry_run
  check "no secret is said beside what was asked for" nothing_said
  section "deleted"
  check "by id and by token" deleted
  check "what is left is what kubeadm lists" same token list
  finished=yes
}

# made_by PROGRAM LETTER
made_by() {
  "$1" token create "${2}00000.0123456789abcdef"
  "$1" token create "${2}00001.0123456789abcdef" --ttl 0 --description 'a description with < and "quotes"'
  "$1" token create "${2}00002.0123456789abcdef" --usages signing,authentication --groups system:bootstrappers:x,system:bootstrappers:y:z
  "$1" token create "${2}00003.0123456789abcdef" --ttl 90m --usages authentication
}

# Without what has to differ: their names and the second that they were made in.
alike() {
  local at
  for at in 0 1 2 3; do
    diff <(secret a0000$at) <(secret b0000$at)
  done
}

secret() {
  kubectl -n kube-system get secret "bootstrap-token-$1" -o json | jq -S '{type, data, labels: .metadata.labels}
    | .data["token-id"] = (.data["token-id"] | length) | if .data.expiration then .data.expiration |= (@base64d | .[0:15]) else . end'
}

made_by_file() {
  cat >"$work/init.yaml" <<'FILE'
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: c00000.0123456789abcdef
  description: of a file
  ttl: 2h0m0s
- token: c00001.0123456789abcdef
  expires: "2100-01-01T00:00:00Z"
FILE
  [ "$("$binary" token create --config "$work/init.yaml")" = c00000.0123456789abcdef ]
  [ "$(kubectl -n kube-system get secret bootstrap-token-c00001 -o json | jq -r '.data.expiration | @base64d')" = 2100-01-01T00:00:00Z ]
}

three() {
  "$binary" token create --count 3 --description batch >"$work/three"
  [ "$(sort -u "$work/three" | wc -l)" = 3 ]
  [ "$("$binary" token list | grep -c ' batch ')" = 3 ]
}

can_join() {
  local command
  read -ra command < <("$binary" token create --print-join-command --ttl 10m)
  tries_to_join "${command[@]:2}"
}

# A dry run of the join, in a root of its own, up to the certificate.
tries_to_join() {
  mkdir -p "$work/root/usr/lib/systemd/system"
  printf '[Install]\nWantedBy=multi-user.target\n' >"$work/root/usr/lib/systemd/system/kubelet.service"
  "$binary" join "$@" --dry-run --rootfs "$work/root" --node-name token-test --ignore-preflight-errors all \
    --result-file "$work/result.json"
  [ "$(jq -r .outcome "$work/result.json")" = dry-run ]
}

joins_by() {
  "$binary" token create --print-join-command -o "$1" --ttl 10m >"$work/$1"
  case $1 in
    cmdline) tries_to_join --kernel-command-line "$work/$1" ;;
    yaml) tries_to_join --config "$work/$1" ;;
  esac
}

same() { same_as "$*" "$*"; }

# same_as OURS THEIRS: what each prints. A token that one has made is taken away before the other one is asked.
same_as() {
  local id tries=0
  # shellcheck disable=SC2086 # words
  "$binary" $1 >"$work/ours"
  case $1 in "token create "*) id=${1#token create }; "$kubeadm" token delete "${id%%.*}" ;; esac
  by_kubeadm "$2"
  [ -s "$work/theirs" ]
  # A second may have passed between the two.
  while [ $((tries += 1)) -lt 4 ] && [[ $1 == "token list"* ]] && not cmp -s "$work/ours" "$work/theirs"; do
    # shellcheck disable=SC2086 # words
    "$binary" $1 >"$work/ours"
    by_kubeadm "$2"
  done
  cmp "$work/ours" "$work/theirs" || { diff "$work/theirs" "$work/ours"; return 1; }
}

# 1.30 writes the version before ours, with the same fields.
by_kubeadm() {
  # shellcheck disable=SC2086 # words
  "$kubeadm" $1 | sed 's|output.kubeadm.k8s.io/v1alpha2|output.kubeadm.k8s.io/v1alpha3|' >"$work/theirs"
}

# fails STATUS CODE ARGS...
fails() {
  local status=0
  "$binary" "${@:3}" >"$work/failed" 2>&1 || status=$?
  cat "$work/failed"
  [ "$status" = "$1" ]
  grep -qF "code: $2 " "$work/failed"
}

# A user that a bootstrap token authenticates.
kubeconfig_of_nobody() {
  kubectl config view --raw -o json | jq --arg token "$(jq -r .tokens.normal "$cluster/facts.json")" \
    '.users[].user = {token: $token}' >"$work/nobody.conf"
  echo "$work/nobody.conf"
}

dry_run() {
  "$binary" token create d00000.0123456789abcdef --dry-run | grep -F 'Would create the token d00000'
  "$binary" token delete a00000 --dry-run | grep -F 'Would delete the token a00000'
  "$binary" token list | grep -F a00000
  not grep -F d00000 <("$binary" token list)
}

nothing_said() {
  "$binary" token list -v 10 >"$work/asked" 2>"$work/said"
  grep -q 0123456789abcdef "$work/asked"
  cat "$work/said"
  grep -qF "$KUBECONFIG" "$work/said"
  not grep -F 0123456789abcdef "$work/said"
}

deleted() {
  [ "$("$binary" token delete a00000 a00001.0123456789abcdef)" = "$(printf 'bootstrap token "%s" deleted\n' a00000 a00001)" ]
  not grep -E 'a0000[01]' <("$kubeadm" token list)
}

main "$@"
