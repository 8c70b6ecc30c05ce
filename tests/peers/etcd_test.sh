#!/usr/bin/env bash
# Joins of etcd members against the real etcd of every release that a supported Kubernetes comes with (etcd.rs has the
# checks): three members on loopback with TLS, added, started, promoted, lost and replaced.
#
#   etcd_test.sh [CHECK]    all of them, or those whose name has CHECK in it; six minutes on two cores
#
# Builds what it needs: the releases besides the peers' own are the modules etcd-3.5 and etcd-3.6.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(tests/peers/build.sh etcd etcd-3.5 etcd-3.6)
for program in etcd etcd-3.6 etcd-3.5; do
  KUBEJOIN_ETCD=$dir/$program cargo test --quiet --test etcd -- "$@"
done
