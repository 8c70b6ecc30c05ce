#!/usr/bin/env bash
# A control plane's join, whose machine loses its power at every step that makes something durable, starts again and joins again:
# against the real API server, the real etcd and the real containerd. What the cluster knows by then stays, as it does. The
# second run has to end well: two voters, no learner, no half of a file, one certificate request, an API that can be written to.
#
#   power_cut_test.sh [--every K [--from J]] BINARY
#     --every K    only each K-th of these steps, from the J-th on (1 to K; default 1); default: all of them, ten seconds each
#
# The machine's /etc/kubernetes and /var/lib are on a disk whose writes and flushes QEMU logs. A step is a call that syncs,
# renames, links, makes or removes something there. The power is cut just before it, and the disk then holds, in turn:
#
# flushed    what was written until the last flush
# lost       half of what would have been written until the next one as well
#
# The machine then starts again: its file system is checked as at a boot, its /run is empty, its kubelet is started where it
# has a configuration. Its kubelet is a stand-in (stand_in/kubelet). By hand, as root. KEEP=DIR puts everything into DIR and
# leaves the logs.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/second_control_plane.sh"

steps=(fsync fdatasync linkat symlinkat mkdir mkdirat rename renameat renameat2 unlink unlinkat)
disk_is_logged='' runs=0 more_than_one=0
begin_joins "$@"

main() {
  local number name nth what kind cuts=0 missed=0 began flushes
  command -v qemu-storage-daemon >/dev/null || { apt-get update -q; apt-get install -q -y --no-install-recommends qemu-system-common; } >&2
  command -v mkfs.ext4 >/dev/null || apt-get install -q -y --no-install-recommends e2fsprogs >&2
  rustc --edition 2024 -O -o "$work/write_log" "$here/../boot/write_log.rs"
  section "a join that nobody disturbs"
  first_control_plane
  new_disk
  check "the join ends" undisturbed
  keep_as_expected
  check "etcd has two voters, and all the rest is there" ended_well
  flushes=$("$work/write_log" points "$machine/writes" | wc -l)
  check "the log of the disk's writes has its flushes: $flushes" [ "$flushes" -ge 100 ]
  steps_of "$machine/trace" >"$work/steps"
  check "all of it can be removed again" forgotten
  no_disk
  # Some thirty files, each with two syncs and a rename.
  check "there are enough steps to lose the power at: $(wc -l <"$work/steps")" [ "$(wc -l <"$work/steps")" -ge 90 ]

  section "the power is lost at each $every. of them"
  began=$SECONDS
  while read -r -u 4 number name nth what; do
    if [ $((number % every)) != $((from % every)) ]; then continue; fi
    kind=flushed
    if [ $((number / every % 2)) = 1 ]; then kind=lost; fi
    new_disk
    if killed_at "$name" "$nth" -; then
      cuts=$((cuts + 1))
      cut_power $kind "$number"
      check "$kind at $name $nth: $what" ended_well_after_a_start
      runs=$(cat "$work/runs")
      if [ "$runs" -gt 1 ]; then more_than_one=$((more_than_one + 1)); fi
    else
      missed=$((missed + 1))
      check "not reached: $name $nth: $what" ended_well
    fi
    forgotten >"$work/forgotten.log" 2>&1 || { cat "$work/forgotten.log"; failed=$((failed + 1)); break; }
    no_disk
  done 4<"$work/steps"
  printf '          %s cuts, %s steps not reached, %s times it took more than one run, %s s, load %s\n' $cuts $missed $more_than_one \
    $((SECONDS - began)) "$(cut -d' ' -f1 /proc/loadavg)"
  check "most of them were reached" [ $((cuts * every * 4)) -ge $(($(wc -l <"$work/steps") * 3 - every * 4)) ]
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
}

# steps_of TRACE: a line for each step: its number, its name, which of its name, and what it is about.
steps_of() {
  awk -v names="${steps[*]}" '
    BEGIN { split(names, list, " "); for (i in list) is_step[list[i]] = 1 }
    match($0, /^[a-z0-9_]+\(/) {
      name = substr($0, 1, RLENGTH - 1); rest = substr($0, RLENGTH + 1); nth = ++count[name]
      if (!(name in is_step) || rest !~ /\/(etc\/kubernetes|var\/lib)/) next
      # The disk is measured with a file that has no name: the first few of two hundred writes are enough.
      if (rest ~ /^[0-9]+<[^>]*>\(deleted\)/ && ++unnamed > 2) next
      gsub(/[^[:print:]]/, "", rest)
      print ++number, name, nth, substr(rest, 1, 90)
    }' "$1"
}

# --- the disk

# An empty one, but for the directories that packages make; each of its writes is logged.
new_disk() {
  if [ ! -e "$machine/empty.ext4" ]; then
    mkdir -p "$work/skeleton"/{kubernetes/manifests,lib/kubelet}
    truncate -s 512M "$machine/empty.ext4"
    mkfs.ext4 -q -d "$work/skeleton" "$machine/empty.ext4"
  fi
  cp --sparse=always "$machine/empty.ext4" "$machine/disk.ext4"
  : >"$machine/writes"
  touch "$machine/logged.ext4"
  rm -f "$machine/storage.pid"
  # In the machine, whose mounts are its own.
  on cp2 qemu-storage-daemon --daemonize --pidfile /run/machine/storage.pid \
    --blockdev driver=file,node-name=file,filename=/run/machine/disk.ext4 \
    --blockdev driver=file,node-name=writes,filename=/run/machine/writes \
    --blockdev driver=blklogwrites,node-name=logged,file=file,log=writes \
    --export type=fuse,id=logged,node-name=logged,mountpoint=/run/machine/logged.ext4,writable=on
  disk_is_logged=yes
  mount_disk logged.ext4
}

# Entries of the log until the last flush.
flushed() { "$work/write_log" points "$machine/writes" | tail -n 1; }

mount_disk() {
  on cp2 sh -c 'mkdir -p /disk && mount -o loop "$1" /disk && mount --bind /disk/kubernetes /etc/kubernetes && mount --bind /disk/lib /var/lib' \
    - "/run/machine/$1"
}

# The next machine has another disk, and an empty /run.
no_disk() {
  # What has been killed may take a moment to let go. Below these mounts are those that every machine has.
  eventually 20 on cp2 sh -c 'mountpoint -q /disk || exit 0; for path in /etc/kubernetes /var/lib /disk; do
    if [ "$(stat -c %d $path)" = "$(stat -c %d /disk)" ]; then umount $path || exit; fi; done'
  if [ -n "$disk_is_logged" ]; then
    on cp2 umount /run/machine/logged.ext4
    on cp2 sh -c 'pid=$(cat /run/machine/storage.pid); while kill $pid 2>/dev/null; do sleep 0.05; done'
  fi
  disk_is_logged=''
  on cp2 rm -rf /run/kubejoin
}

# cut_power KIND SEED: the machine is off, its disk is what the power cut has left of it.
cut_power() {
  local flushed all
  # What runs there must not say that it has something which the disk then has not.
  ended
  flushed=$(flushed)
  # The kernel would have begun to write it some time. Until its next flush, all of it may come in any order.
  on cp2 sync -f /disk
  all=$("$work/write_log" points "$machine/writes" | awk -v flushed="$flushed" '$1 > flushed { print; exit }')
  cp --sparse=always "$machine/writes" "$machine/cut"
  no_disk
  cp --sparse=always "$machine/empty.ext4" "$machine/left.ext4"
  "$work/write_log" apply "$machine/cut" "$machine/left.ext4" 0 "$flushed"
  if [ "$1" = lost ]; then "$work/write_log" apply "$machine/cut" "$machine/left.ext4" "$flushed" "${all:-$flushed}" "$2"; fi
}

# As a boot does it. A unit takes 3 for "later".
ended_well_after_a_start() {
  local status=0 runs=0
  echo 0 >"$work/runs"
  e2fsck -p "$machine/left.ext4" || [ $? = 1 ] || return
  mount_disk left.ext4 || return
  if [ -e "$tree/var/lib/kubelet/config.yaml" ]; then on cp2 systemctl start kubelet || return; fi
  while [ $runs -lt 10 ]; do
    status=0 runs=$((runs + 1))
    echo $runs >"$work/runs"
    join "$binary" || status=$?
    [ $status = 3 ] || break
    sleep 2
  done
  [ $status = 0 ] && ended_well
}

main
