#!/usr/bin/env bash
# A control plane with a disk that takes 50 ms for everything that has to last, as a worn SD card does: it says so before it
# joins, with the flags of etcd that are to be set, and joins all the same.
#
#   slow_disk_test.sh BINARY
#
# As root, a minute. The disk is a file of its own behind a loop device, which the kernel slows down (blkio of cgroup v1, which
# has to be there). KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/checks.sh"
. "$here/control_plane_checks.sh"

# So many writes a second, of which a small one that has to last is one.
writes_per_second=20
blkio=$(findmnt -n -l -t cgroup -o TARGET,OPTIONS | awk '$2 ~ /(^|,)blkio(,|$)/ { print $1; exit }')
limit=$blkio/blkio.throttle.write_iops_device
if [ -z "$blkio" ] || [ ! -e "$limit" ]; then echo "slow_disk_test: SKIPPED: no blkio controller of cgroup v1 that can slow down a disk" >&2; exit 2; fi

begin "${1:-}"
cluster=$work/cluster
ha_clusters=("$cluster")
trap 'remove_disk; finish' EXIT

main() {
  check "kubeadm makes a cluster" made 2
  check "the second machine gets a slow disk for etcd" slow_disk cp2
  check "a write that has to last takes 50 ms and more" is_slow cp2
  timed "it joins" joins_with_output
  check "it has said how slow the disk is, and which flags etcd needs" grep -E \
    'writes to the disk of /var/lib/etcd take up to [0-9]+ ms: .*heartbeat-interval and election-timeout' "$work/output"
  check "etcd has two voters and no learner" voters 2
  check "every API server answers" eventually 120 every_api_server_answers 2
  check "its static pods become Ready" eventually 180 static_pods_are_ready cp2
  check "the cluster writes" eventually 30 writes
  printf '          %s, load %s\n' "$(grep -oE '99 of 100 writes .* take up to [0-9]+ ms' "$work/output")" "$(cut -d' ' -f1 /proc/loadavg)"
  check "its etcd was on that disk" on cp2 sh -c 'ls /var/lib/etcd/member/wal/*.wal'
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
}

joins_with_output() {
  join_as_control_plane cp2 >"$work/output" 2>&1 || { tail -n 20 "$work/output"; return 1; }
}

# Without a journal: a write that has to last is one write, and not four.
slow_disk() {
  truncate -s 1G "$work/disk.img"
  mkfs.ext4 -q -O ^has_journal "$work/disk.img"
  local disk
  disk=$(losetup --find --show "$work/disk.img")
  echo "$disk" >"$work/device"
  on "$1" mkdir -p /var/lib/etcd
  on "$1" mount "$disk" /var/lib/etcd
  printf '%s %s\n' "$(number_of "$disk")" $writes_per_second >"$limit"
}

is_slow() {
  local began took
  on "$1" dd if=/dev/zero of=/var/lib/etcd/measured bs=2300 count=20 conv=fsync 2>/dev/null
  began=$(date +%s%3N)
  on "$1" dd if=/dev/zero of=/var/lib/etcd/measured bs=2300 count=20 oflag=dsync conv=notrunc
  took=$((($(date +%s%3N) - began) / 20))
  on "$1" rm /var/lib/etcd/measured
  echo "$took ms"
  [ $took -ge 50 ]
}

number_of() { printf '%d:%d\n' "0x$(stat -c %t "$1")" "0x$(stat -c %T "$1")"; }

# Once nobody waits for it any more, or what is in it would have to be written at that speed.
remove_disk() {
  local disk
  [ -s "$work/device" ] || return 0
  disk=$(cat "$work/device")
  printf '%s 0\n' "$(number_of "$disk")" >"$limit"
  if [ -e "$cluster" ]; then "$here/ha.sh" down --keep "$cluster"; fi
  losetup -d "$disk"
}

main
