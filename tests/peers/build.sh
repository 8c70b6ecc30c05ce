#!/usr/bin/env bash
# Builds the real peers of the tests from their pinned Go modules.
#
#   build.sh [--release R]                  everything
#   build.sh [--release R] COMPONENT...     only these: kubeadm kubectl kube-apiserver kube-controller-manager
#                                           kube-scheduler kubelet yamljson kubeletpatch pause etcd etcdmember etcd-3.5
#                                           etcd-3.6 containerd containerd-shim-runc-v2 ctr oldcri
#   build.sh [--release R] --print-dir      builds nothing, prints where the programs are or would be
#
# R is a Kubernetes release: 1.37, the default, from the module kubernetes; or an older one, as 1.30 from kubernetes-1.30.
# Prints that directory on stdout (${KUBEJOIN_CACHE:-<repository>/.cache}/peers/<version>), everything else on stderr. A
# component whose sources and recipe have not changed is not built again. Installs the Debian packages that the peers need
# at run time when they are missing (then it has to be root). Needs Go >= 1.26; on two cores with empty caches six minutes,
# and five more for an older release.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'peers: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
version_in() { awk '$1 == "k8s.io/kubernetes" && $2 ~ /^v/ { print $2; exit }' "$here/$1/go.mod"; }

# component, module directory, package. KUBERNETES and ETCD stand for the modules of the release that is asked for; the
# others are the same for all of them.
recipes=(
  "kubeadm                 KUBERNETES k8s.io/kubernetes/cmd/kubeadm"
  "kubectl                 kubernetes k8s.io/kubernetes/cmd/kubectl"
  "kube-apiserver          KUBERNETES k8s.io/kubernetes/cmd/kube-apiserver"
  "kube-controller-manager KUBERNETES k8s.io/kubernetes/cmd/kube-controller-manager"
  "kube-scheduler          KUBERNETES k8s.io/kubernetes/cmd/kube-scheduler"
  "kubelet                 KUBERNETES k8s.io/kubernetes/cmd/kubelet"
  "yamljson                kubernetes ./yamljson"
  "kubeletpatch            kubernetes ./kubeletpatch"
  "pause                   kubernetes ./pause"
  "etcd                    ETCD       ."
  "etcdmember              etcd       ./etcdmember"
  "etcd-3.5                etcd-3.5   ."
  "etcd-3.6                etcd-3.6   ."
  "containerd              containerd github.com/containerd/containerd/v2/cmd/containerd"
  "containerd-shim-runc-v2 containerd github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
  "ctr                     containerd github.com/containerd/containerd/v2/cmd/ctr"
  "oldcri                  containerd ./oldcri"
)
# The snapshotters that need C libraries or tools of their own.
containerd_tags=no_btrfs,no_devmapper,no_zfs

# Without a stamp kubeadm calls itself v0.0.0 and refuses to work with any cluster. The commit and the date are fixed, so
# that the same sources give the same bytes.
version_stamp() {
  local package minor=${version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s ' \
      "$package" "$version" "$package" "$package" "${minor%%.*}"
    printf -- '-X %s.gitTreeState=clean -X %s.gitCommit=%040d -X %s.buildDate=2026-01-01T00:00:00Z ' \
      "$package" "$package" 0 "$package"
  done
}

# fingerprint MODULE PACKAGE TAGS FLAGS: what a component is made from: versions, its source where that is ours, and how.
# What else is in this file or in the module is none of its business: a component more leaves the others as they are.
fingerprint() {
  local own=()
  case $2 in .*) own=("$1/$2") ;; esac
  {
    printf '%s\n' "$@"
    declare -f build
    cd "$here" && find "$1/go.mod" "$1/go.sum" "${own[@]}" -type f | LC_ALL=C sort | xargs sha256sum
  } | sha256sum | cut -d' ' -f1
}

install_packages() {
  local missing=() wanted
  for wanted in runc:runc ip:iproute2 nsenter:util-linux flock:util-linux losetup:mount jq:jq openssl:openssl curl:curl; do
    command -v "${wanted%%:*}" >/dev/null || missing+=("${wanted##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "missing Debian packages: ${missing[*]}; install them, or run this as root"
  say "installing ${missing[*]}"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}" >&2
}

build() {
  local component=$1 module=$2 package=$3 flags="-s -w" tags=""
  local stamp=$out/.fingerprints/$component from
  case $module in
    kubernetes*) flags="-s -w $(version_stamp)" ;;
    containerd) tags=$containerd_tags ;;
  esac
  from=$(fingerprint "$module" "$package" "$tags" "$flags")
  if [ -x "$out/$component" ] && [ ! -L "$out/$component" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$from" ]; then return 0; fi
  command -v go >/dev/null || die "Go is missing: install Go 1.26 or newer"
  say "building $component"
  # Into a file of its own first: an interrupted build leaves nothing that looks finished, and a program that is running
  # is replaced, not overwritten. GOFLAGS is the user's for proxies and the like; -mod and -buildvcs are ours.
  (cd "$here/$module" && CGO_ENABLED=0 GOWORK=off \
    go build -mod=readonly -buildvcs=false -trimpath -tags "$tags" -ldflags "$flags" -o "$out/.$component.new" "$package") >&2
  mv "$out/.$component.new" "$out/$component"
  printf '%s\n' "$from" >"$stamp"
}

# What is the same for all releases is built once, for the newest, and linked to.
share() {
  local component from
  from=$("${BASH_SOURCE[0]}" "$@")
  for component; do ln -sfn "../${from##*/}/$component" "$out/$component"; done
}

# Sets kubernetes and etcd, the modules' directories, version and out.
choose_release() {
  kubernetes=kubernetes etcd=etcd version=$(version_in kubernetes)
  if [ -n "$1" ] && [ "v$1" != "${version%.*}" ]; then
    kubernetes=kubernetes-$1 etcd=etcd-3.5
    [ -e "$here/$kubernetes/go.mod" ] || die "there is no module for the release '$1'"
    version=$(version_in "$kubernetes")
  fi
  out=${KUBEJOIN_CACHE:-$here/../../.cache}/peers/$version
}

main() {
  local release='' wanted=() shared=() recipe component module package
  if [ "${1:-}" = --release ]; then release=${2?which release?}; shift 2; fi
  choose_release "$release"
  case ${1:-} in
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; return ;;
    --print-dir) realpath -m "$out"; return ;;
  esac
  wanted=("$@")
  for component in "${wanted[@]}"; do
    [[ " ${recipes[*]%% *} " == *" $component "* ]] || die "no component is called $component"
  done
  install_packages
  mkdir -p "$out/.fingerprints"
  exec 9>"$out/.lock"
  flock -n 9 || { say "waiting for another build"; flock 9; }
  for recipe in "${recipes[@]}"; do
    read -r component module package <<<"$recipe"
    if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $component "* ]]; then continue; fi
    case $module in
      KUBERNETES) build "$component" "$kubernetes" "$package" ;;
      ETCD) build "$component" "$etcd" "$package" ;;
      *) if [ "$kubernetes" = kubernetes ]; then build "$component" "$module" "$package"; else shared+=("$component"); fi ;;
    esac
  done
  if [ ${#shared[@]} -gt 0 ]; then share "${shared[@]}"; fi
  realpath "$out"
}

main "$@"
