#!/usr/bin/env bash
# What a reset must not touch, and what it must: mounts of every kind below and beside the kubelet's directories, links, names,
# modes, immutable files, file systems that are full, read-only or hang; before and after, byte by byte.
#
#   tests/reset/traps_test.sh BINARY [CASE...]
#
# Needs root, and util-linux, e2fsprogs, tar and python3. Everything happens in mount, PID and cgroup namespaces of its own: a
# root is made in a temporary directory, and the binary resets that from inside of it (chroot).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != --inside ]; then
  binary=$(realpath "${1:?usage: $0 BINARY [CASE...]}")
  shift
  [ "$(id -u)" = 0 ] || { echo "this test needs root" >&2; exit 2; }
  # In a cgroup of version 2 that becomes the root of what is seen inside: no Pod of this machine can be reached from there.
  # shellcheck disable=SC2016 # expanded by the inner shell
  exec unshare --mount --propagation private bash -c '
    mount=$(mktemp -d) group= status=0
    if mount -t cgroup2 cgroup2 "$mount" && mkdir "$mount/kubejoin-traps-$$" && echo $$ >"$mount/kubejoin-traps-$$/cgroup.procs"; then
      group=$mount/kubejoin-traps-$$
    fi 2>/dev/null
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc --cgroup bash "$@" || status=$?
    if [ -n "$group" ]; then
      echo $$ >"$mount/cgroup.procs"
      find "$group" -depth -type d -exec rmdir {} +
    fi
    umount "$mount" 2>/dev/null
    rmdir "$mount"
    exit "$status"
  ' bash "$0" --inside "$binary" "$@"
fi

binary=$2
shift 2
work=$(mktemp -d /tmp/kubejoin-traps.XXXXXX)
root=$work/root
kubelet=$root/var/lib/kubelet
failures=0
passed=0

# Lets go of a case's mounts, from the last to the first, and of its files.
clean() {
  local point
  while read -r point; do
    umount -l "$(printf '%b' "$point")" 2>/dev/null || true
  done < <(awk -v work="$work/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | tac)
  chattr -R -i "$work" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap clean EXIT

# A machine that has joined, with Pods, and data that is nobody's but its owner's.
machine() {
  clean
  mkdir -p "$root"/{proc,dev,run,tmp,usr/bin,etc/kubernetes/manifests,etc/kubernetes/pki/etcd,var/lib/kubelet/{pods/1/volumes,plugins,pki}}
  cp "$binary" "$root/kubejoin"
  mount -t proc proc "$root/proc"
  local file
  for file in kubelet.conf admin.conf super-admin.conf controller-manager.conf scheduler.conf pki/ca.crt pki/ca.key pki/etcd/ca.key manifests/kube-apiserver.yaml; do
    echo "$file" >"$root/etc/kubernetes/$file"
  done
  echo config >"$kubelet/config.yaml"
  mkdir -p "$root"/data/{volume,tree/sub,file} "$work/disk"
  mount -t tmpfs disk "$work/disk"
  mkdir "$root/data/disk"
  mount --bind "$work/disk" "$root/data/disk"
  head -c 100000 /dev/urandom >"$root/data/volume/blob"
  echo "a user's" >"$root/data/tree/sub/file"
  echo "a user's" >"$root/data/disk/file"
  echo "a user's" >"$root/data/file/secret"
  : >"$root/data/$(printf 'a b\nc\\d')"
  before=$(state)
  grep -q "$work/disk" <<<"$before" || { echo "the mounts cannot be read" >&2; exit 1; }
}

# The data, byte by byte, and every mount that is not a Pod's.
state() {
  tar --sort=name --numeric-owner -C "$root" -cf - data | sha256sum
  tar --sort=name --numeric-owner -C "$work/disk" -cf - . | sha256sum
  awk -v pods="$kubelet/pods/" -v plugins="$kubelet/plugins/" 'index($5, pods) != 1 && index($5, plugins) != 1 { print $5 }' /proc/self/mountinfo | sort
}

# Runs a reset that must end with this status. A hang is a failure, too.
reset() {
  local expected=$1 status=0
  shift
  timeout --kill-after=5 60 chroot "$root" /kubejoin reset --force --cri-socket unix:///run/none.sock --result-file /run/result.json "$@" \
    >"$work/out" 2>&1 </dev/null 9>&- || status=$?
  [ "$status" = "$expected" ] || fail "exit status $status, not $expected: $(tail -5 "$work/out")"
}

fail() { printf 'FAILED  %s: %s\n' "$current" "$1" >&2; failed=1; }
same() { [ "$(state)" = "$before" ] || fail "what is not the kubelet's has changed: $(diff <(echo "$before") <(state))"; }
gone() { if [ -e "$1" ] || [ -L "$1" ]; then fail "$1 is still there"; fi; }
there() { [ -e "$1" ] || fail "$1 is gone"; }
named() { grep -qF -- "$1" "$work/out" || fail "the output does not name $1: $(cat "$work/out")"; }
empty() { [ -z "$(ls -A "$1")" ] || fail "$1 is not empty: $(ls -A "$1")"; }
# What every reset must have done, whatever stays.
undone() {
  for file in kubelet.conf admin.conf super-admin.conf controller-manager.conf scheduler.conf kubejoin-reset; do gone "$root/etc/kubernetes/$file"; done
  gone "$kubelet/config.yaml"
}

case_volumes() { # bind and rbind mounts, a file, overmounts, mounts in mounts: all go, nothing that they show does
  local volumes=$kubelet/pods/1/volumes
  mkdir -p "$volumes"/{memory,csi/mount,tree,over,in} "$kubelet/pods/1/volume-subpaths" "$kubelet/plugins/kubernetes.io/csi/pv/globalmount"
  mount -t tmpfs memory "$volumes/memory"
  mount --bind "$root/data/volume" "$volumes/csi/mount"
  mount --bind "$root/data/volume" "$kubelet/plugins/kubernetes.io/csi/pv/globalmount"
  mount --rbind "$root/data" "$volumes/tree"
  : >"$kubelet/pods/1/volume-subpaths/0"
  mount --bind "$root/data/file/secret" "$kubelet/pods/1/volume-subpaths/0"
  mount -t tmpfs lower "$volumes/over"
  echo lower >"$volumes/over/file"
  mkdir "$volumes/over/inner"
  mount --bind "$root/data/volume" "$volumes/over/inner"
  mount -t tmpfs upper "$volumes/over"
  mkdir "$volumes/over/inner"
  mount -t tmpfs inner "$volumes/over/inner"
  mount -t tmpfs outer "$volumes/in"
  mkdir -p "$volumes/in/deep/er"
  mount --bind "$root/data/tree" "$volumes/in/deep/er"
  reset 0
  same
  undone
  empty "$kubelet"
}

case_names() { # names with white space, line feeds, backslashes and octal digits, as files, directories and mount points
  local name
  for name in 'a b' $'line\nfeed' 'back\slash' '\040' $'tab\there' '#hash' '-rf' '*' $'\xff\xfe' "$(printf 'x%.0s' {1..255})"; do
    mkdir -p "$kubelet/pods/1/volumes/$name" "$kubelet/plain/$name"
    echo x >"$kubelet/plain/$name/$name"
    mount --bind "$root/data/volume" "$kubelet/pods/1/volumes/$name"
  done
  reset 0
  same
  undone
  empty "$kubelet"
}

case_busy() { # a volume that does not unmount keeps its content; the rest goes, and a second run goes on
  mkdir -p "$kubelet/pods/1/volumes/"{busy,idle}
  mount --bind "$root/data/volume" "$kubelet/pods/1/volumes/busy"
  mount --bind "$root/data/tree" "$kubelet/pods/1/volumes/idle"
  echo mine >"$kubelet/pods/1/etc-hosts"
  (cd "$kubelet/pods/1/volumes/busy" && exec sleep 1000) &
  local sleeper=$!
  until [ "$(readlink "/proc/$sleeper/cwd")" = "$kubelet/pods/1/volumes/busy" ]; do :; done
  reset 7
  named /var/lib/kubelet/pods/1/volumes/busy
  same
  undone
  gone "$kubelet/pods/1/etc-hosts"
  gone "$kubelet/pods/1/volumes/idle"
  there "$kubelet/pods/1/volumes/busy/blob"
  kill "$sleeper"
  wait "$sleeper" 2>/dev/null || true
  reset 0
  same
  empty "$kubelet"
}

case_detach() { # unmounted by force only where the file says so
  mkdir -p "$kubelet/pods/1/volumes/busy"
  mount --bind "$root/data/volume" "$kubelet/pods/1/volumes/busy"
  (cd "$kubelet/pods/1/volumes/busy" && exec sleep 1000) &
  local sleeper=$!
  until [ "$(readlink "/proc/$sleeper/cwd")" = "$kubelet/pods/1/volumes/busy" ]; do :; done
  printf 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\nunmountFlags: [MNT_DETACH]\n' >"$root/reset.yaml"
  local status=0
  chroot "$root" /kubejoin reset --config /reset.yaml --result-file /run/result.json >"$work/out" 2>&1 || status=$?
  [ "$status" = 0 ] || fail "exit status $status: $(cat "$work/out")"
  kill "$sleeper"
  wait "$sleeper" 2>/dev/null || true
  same
  empty "$kubelet"
}

case_elsewhere() { # mounts beside Pods and plug-ins are nobody's to unmount: they stay with their content, and are named
  mkdir -p "$kubelet/backup" "$kubelet/podsandmore/x" "$root/etc/kubernetes/pki/vault"
  : >"$root/etc/kubernetes/pki/sa.key"
  mount --bind "$root/data/volume" "$kubelet/backup"
  mount --bind "$root/data/tree" "$kubelet/podsandmore/x"
  mount --bind "$root/data/file" "$root/etc/kubernetes/pki/vault"
  mount --bind "$root/data/file/secret" "$root/etc/kubernetes/pki/sa.key"
  before=$(state)
  reset 7
  named /var/lib/kubelet/backup
  named /var/lib/kubelet/podsandmore/x
  named /etc/kubernetes/pki/vault
  named /etc/kubernetes/pki/sa.key
  same
  undone
  gone "$root/etc/kubernetes/pki/ca.key"
}

case_own_mount() { # /var/lib/kubelet on a disk of its own is emptied, and stays mounted; what it hides is not touched
  echo hidden >"$kubelet/hidden"
  mkdir "$work/kubelet"
  mount -t tmpfs own "$work/kubelet"
  mkdir -p "$work/kubelet/pods/1/volumes/v"
  echo config >"$work/kubelet/config.yaml"
  mount --bind "$work/kubelet" "$kubelet"
  mount --bind "$root/data/volume" "$kubelet/pods/1/volumes/v"
  before=$(state)
  reset 0
  same
  undone
  empty "$kubelet"
  umount "$kubelet"
  [ "$(cat "$kubelet/hidden")" = hidden ] || fail "what the mount hid is gone"
}

case_linked() { # /var/lib/kubelet is a link to a disk; links in it lead out, up and round in circles
  mkdir -p "$root/disk"
  mv "$kubelet" "$root/disk/kubelet"
  ln -s /disk/kubelet "$kubelet"
  mkdir -p "$root/disk/kubelet/pods/1/volumes/v"
  mount --bind "$root/data/volume" "$root/disk/kubelet/pods/1/volumes/v"
  ln -s /data "$root/disk/kubelet/absolute"
  ln -s ../../../data "$root/disk/kubelet/pods/relative"
  ln -s .. "$root/disk/kubelet/pods/1/up"
  ln -s loop "$root/disk/kubelet/loop"
  ln -s /data/volume "$root/etc/kubernetes/pki/linked"
  rm "$root/etc/kubernetes/admin.conf"
  ln -s /data/file/secret "$root/etc/kubernetes/admin.conf"
  before=$(tar --sort=name -C "$root" -cf - data | sha256sum)
  reset 0
  [ "$(tar --sort=name -C "$root" -cf - data | sha256sum)" = "$before" ] || fail "a link was followed"
  undone
  empty "$root/disk/kubelet"
  [ -L "$kubelet" ] || fail "the link itself is gone"
}

case_modes() { # a directory of mode 000 is no obstacle for root; what is immutable stays and is named
  mkdir -p "$kubelet/closed/in" "$kubelet/kept/immutable"
  echo x >"$kubelet/closed/in/file"
  chmod 000 "$kubelet/closed/in" "$kubelet/closed"
  echo x >"$kubelet/kept/file"
  echo x >"$kubelet/kept/other"
  echo x >"$kubelet/kept/immutable/in"
  if ! chattr +i "$kubelet/kept/file" 2>/dev/null; then
    echo "SKIPPED in part: the file system of /tmp has no immutable files" >&2
    reset 0
    same
    return
  fi
  chattr +i "$kubelet/kept/immutable"
  reset 7
  named /var/lib/kubelet/kept/file
  named /var/lib/kubelet/kept/immutable
  same
  undone
  gone "$kubelet/closed"
  gone "$kubelet/kept/other"
  there "$kubelet/kept/immutable/in"
  chattr -i "$kubelet/kept/file" "$kubelet/kept/immutable"
  reset 0
  empty "$kubelet"
}

case_immutable_identity() { # where kubelet.conf cannot go, nothing else does
  chattr +i "$root/etc/kubernetes/kubelet.conf" 2>/dev/null || { echo "SKIPPED: the file system of /tmp has no immutable files" >&2; return; }
  reset 6
  same
  there "$root/etc/kubernetes/pki/ca.key"
  there "$kubelet/config.yaml"
  chattr -i "$root/etc/kubernetes/kubelet.conf"
  reset 0
  undone
}

case_read_only() { # a read-only /etc: nothing is changed at all
  mount --bind "$root/etc" "$root/etc"
  mount -o remount,bind,ro "$root/etc"
  before=$(state)
  local all
  all=$(tar --sort=name -C "$root" -cf - etc var | sha256sum)
  reset 6
  named read-only
  same
  [ "$(tar --sort=name -C "$root" -cf - etc var | sha256sum)" = "$all" ] || fail "something has changed"
}

case_full() { # a full disk is made room on
  mount -t tmpfs -o size=64k,nr_inodes=64 full "$root/etc"
  mkdir -p "$root/etc/kubernetes/manifests" "$root/etc/kubernetes/pki"
  echo x >"$root/etc/kubernetes/kubelet.conf"
  echo x >"$root/etc/kubernetes/pki/ca.key"
  head -c 1000000 /dev/zero >"$root/etc/filler" 2>/dev/null || true
  local count=0
  while touch "$root/etc/file-$count" 2>/dev/null; do count=$((count + 1)); done
  before=$(state)
  reset 0
  same
  gone "$root/etc/kubernetes/kubelet.conf"
  gone "$root/etc/kubernetes/pki/ca.key"
  empty "$kubelet"
}

case_hang() { # a file system that answers nothing, as a lost NFS server does not, is neither looked at nor waited for
  [ -e /dev/fuse ] || { echo "SKIPPED: this case needs /dev/fuse" >&2; return; }
  mkdir -p "$kubelet/pods/1/volumes/hung" "$kubelet/hung"
  python3 - "$kubelet/pods/1/volumes/hung" "$kubelet/hung" <<'PYTHON' &
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
for point in sys.argv[1:]:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    if libc.mount(b"lost", point.encode(), b"fuse.lost", 0, options.encode()):
        sys.exit(os.strerror(ctypes.get_errno()))
open("/proc/self/comm", "w").write("hung")
time.sleep(1000)
PYTHON
  local server=$!
  until [ "$(cat "/proc/$server/comm" 2>/dev/null)" = hung ]; do [ -e "/proc/$server" ] || { fail "no file system was mounted"; return; }; done
  before=$(state)
  reset 7
  named /var/lib/kubelet/hung
  same
  undone
  gone "$kubelet/pods"
  kill "$server"
  wait "$server" 2>/dev/null || true
}

# lost_server MODE POINT SOURCE: a server that is lost when this returns; server is its process.
lost_server() {
  local deadline=$((SECONDS + 20))
  mkfifo "$work/server"
  python3 "$here/lost_server.py" "$@" <"$work/server" &
  server=$!
  exec 9>"$work/server"
  until [ "$(cat "/proc/$server/comm" 2>/dev/null)" = lost ]; do [ "$SECONDS" -lt "$deadline" ] || { fail "no file system was mounted"; return 1; }; done
}

end_server() {
  exec 9>&-
  wait "$server" || true
  rm "$work/server"
}

case_lost_way() { # what can only be unmounted through a server that does not answer any more stays, and all the rest goes
  [ -e /dev/fuse ] || { echo "SKIPPED: this case needs /dev/fuse" >&2; return; }
  local server volumes=$kubelet/pods/1/volumes
  mkdir -p "$volumes"/{lost,idle}
  mount --bind "$root/data/tree" "$volumes/idle"
  lost_server walk "$volumes/lost" "$root/data/volume" || return 0
  reset 7
  named "/var/lib/kubelet/pods/1/volumes/lost/in/deep: "
  named "and unmounting it does not end"
  [ "$(grep -c 'volumes/lost: ' "$work/out")" = 1 ] || fail "it is named more than once: $(cat "$work/out")"
  same
  undone
  gone "$volumes/idle"
  gone "$kubelet/plugins"
  end_server
  reset 0
  same
  empty "$kubelet"
}

case_lost_end() { # a file system that the kernel does not get done with is unmounted all the same
  [ -e /dev/fuse ] || { echo "SKIPPED: this case needs /dev/fuse" >&2; return; }
  local server device
  mkdir -p "$kubelet/pods/1/volumes/lost"
  truncate -s 1M "$work/image"
  device=$(losetup --find --show "$work/image") || { echo "SKIPPED: this case needs a loop device" >&2; return; }
  lost_server end "$kubelet/pods/1/volumes/lost" "$device" || return 0
  reset 0
  same
  undone
  empty "$kubelet"
  end_server
  losetup -d "$device"
}

case_cgroups() { # where no runtime answers, what runs in Pods is killed, and nothing else
  mkdir -p "$root/sys/fs/cgroup"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" 2>/dev/null || { echo "SKIPPED: this case needs cgroup v2" >&2; return; }
  local groups=$root/sys/fs/cgroup
  [ -e "$groups/cgroup.events" ] || { echo "SKIPPED: this case needs a cgroup of its own" >&2; return; }
  mkdir -p "$groups/kubepods/burstable/pod1/container" "$groups/other/pod2"
  sleep 1000 &
  local pod=$!
  sleep 1001 &
  local other=$!
  echo "$pod" >"$groups/kubepods/burstable/pod1/container/cgroup.procs"
  echo "$other" >"$groups/other/pod2/cgroup.procs"
  before=$(state)
  reset 0 --dry-run
  named /sys/fs/cgroup/kubepods/burstable/pod1
  reset 0
  same
  undone
  local status=0
  { wait "$pod" || status=$?; } 2>/dev/null
  [ "$status" = 137 ] || fail "the Pod's process ended with $status"
  kill -0 "$other" || fail "a process that is no Pod's was killed"
  kill "$other"
  wait "$other" 2>/dev/null || true
}

readarray -t all < <(declare -F | awk '$3 ~ /^case_/ { sub("case_", "", $3); print $3 }')
[ $# -gt 0 ] || set -- "${all[@]}"
for current; do
  failed=0
  machine
  "case_$current"
  failures=$((failures + failed)) passed=$((passed + 1 - failed))
  [ "$failed" = 1 ] || printf 'ok      %s\n' "$current"
done
printf '%d cases hold, %d do not\n' "$passed" "$failures"
[ "$failures" = 0 ]
