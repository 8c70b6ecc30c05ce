#!/usr/bin/env bash
# The real systemd, as the first process of namespaces, on an overlay of this machine's root: units around a join, in every
# order, and what becomes of them; and those of a reset. The API server is the tests' own; the kubelet only says when it starts, and what it finds.
#
#   systemd_test.sh [--only GLOB] [--show] BINARY
#     --only GLOB    only the rows of that name
#     --show         prints what the binary and systemd have printed
#
# As root; BINARY is a kubejoin; half a minute. Closing line "N passed, N failed"; exit status 1 when a row fails.
# APISERVER is the tests' API server (target/debug/apiserver; built where it is not given).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# --- the rows: `units` with what is special about them, one boot or more, and what has to hold

# What the deadlock was: our restart of the kubelet was a job behind our own.
row_before() { unit kubejoin 'Before=kubelet.service'; boot kubelet; starts_after_join; }
row_after() { unit kubelet 'After=kubejoin.service'; boot kubelet; starts_after_join; }
row_before_a_target() { unit kubejoin 'Before=between.target'; unit kubelet 'After=between.target'; unit between.target; boot kubelet between.target; starts_after_join; }
# Nothing but the join wants it.
row_not_asked_for() { unit kubejoin 'Before=kubelet.service'; boot; starts_after_join; }
row_as_its_first_command() { in_kubelet=yes; unit kubelet; boot kubelet; starts_after_join; }
row_not_ordered() {
  arguments+=(--skip-phases kubelet-wait-bootstrap)
  boot kubelet
  ended 0
  is "$(fact kubelet)" started
}
row_boots_again() {
  unit kubejoin 'Before=kubelet.service'
  boot kubelet
  starts_after_join
  pin=$(sed -n 's/.*"caCertHash":"\([^"]*\)".*/\1/p' "$out/requests")
  boot kubelet
  ended 0
  is "$(fact outcome)" already-joined
  is "$(wc -l <"$out/kubelet")" 1
  is "$(grep -c ' GET \| POST ' "$out/requests")" 0
}
# `ensure` on a node whose settings are gone.
row_without_settings() {
  row_before
  command=ensure
  boot kubelet
  ended 0
  is "$(fact outcome)" already-joined
  is "$(wc -l <"$out/kubelet")" 1
  at_least 20 "$(seconds)"
}
# The settings name another cluster, and its token comes late: until then the kubelet of the old one runs, although it is
# ordered behind the unit that waits.
row_another_cluster() {
  row_before
  command="ensure 127.0.0.1:6443 --token-file /run/token --discovery-token-ca-cert-hash \$pin --node-name node
    --cri-socket unix:///run/none.sock --ignore-preflight-errors=$ignored"
  command=${command//$'\n'/ }
  meanwhile='sleep 8; echo abcdef.0123456789abcdef >/run/token'
  boot kubelet
  ended 0
  is "$(fact outcome) $(fact case) $(fact kubelet)" 'joined cluster-changed queued'
  is "$(cut -d' ' -f2- "$out/kubelet")" "$old_files"$'\n'"$files"
  is "$(shown kubelet ActiveState)" active
}
# As an extension starts it: not enabled, and not called so.
row_upheld() {
  unit kubejoin 'Before=kubelet.service'
  upholds=kubelet.service
  boot
  starts_after_join
  lacks "$out/join" Service-kubelet
}
row_wanted_by_nothing() { unit kubejoin 'Before=kubelet.service'; boot; has "$out/join" 'kubelet service is not enabled'; }
# What a unit does with our exit statuses: 3 is run again, 4 is not.
row_runtime_not_ready() { ignored=${ignored//CRI,ContainerRuntimeVersion,/}; restarts; has "$out/join" 'preflight.runtime-not-ready (exit 3)'; at_least "$(shown kubejoin NRestarts)" 1; }
row_wrong_pin() { pin=sha256:$(printf '0%.0s' {1..64}); restarts; has "$out/join" '(exit 4)'; is "$(shown kubejoin NRestarts)" 0; }
# The unit of image/systemd that resets: what it unmounts is unmounted for the whole machine, and what is on it is kept.
row_factory_reset() {
  was_a_node
  touch "$upper/etc/kubernetes/kubelet.conf"
  sed -i 's/^/# /' "$upper/etc/kubernetes/kubejoin-reset"
  sed "s|/usr/bin/kubejoin|$binary|; s|^StandardOutput=.*|StandardOutput=file:/mnt/join|" \
    "$here/../../image/systemd/kubejoin-factory-reset.service" >"$work/kubejoin-factory-reset.service"
  boot_reset
  is "$(grep -c /pods/1/volumes/v "$out/mounts")" 0
  is "$(shown kubejoin-factory-reset Result)" success
  is "$(shown kubejoin-factory-reset ActiveState)" active
  is "$(cat "$out/left")" /etc/kubernetes$'\n'/etc/kubernetes/manifests$'\n'/etc/kubernetes/pki$'\n'/var/lib/etcd$'\n'/var/lib/kubelet
  is "$(cat "$out/volume")" data
}
# A reset that was cut off is gone on with by the join, in the sandbox of the join's unit: that can unmount nothing, so what is
# mounted stays as it is, and is named.
row_unfinished_reset_in_the_sandbox() {
  was_a_node
  # What lies in /tmp the sandbox does not show.
  cp "$binary" "$upper/usr/bin/kubejoin-of-this-test"
  local binary=/usr/bin/kubejoin-of-this-test
  service[kubejoin]=$(sed -n '/^# What it writes/,/^$/p' "$here/../../image/systemd/kubejoin.service")$'\nReadWritePaths=/mnt'
  unit kubejoin "$mounted"
  lines[kubejoin]+=$'\nBefore=kubelet.service'
  boot kubelet
  ended 0
  is "$(fact outcome)" joined
  has "$out/join" 'A reset was interrupted here; it is finished first'
  has "$out/join" '/var/lib/kubelet/pods/1/volumes/v.*is mounted there'
  is "$(cat "$out/volume")" data
  is "$(grep -c /pods/1/volumes/v "$out/mounts")" 1
  lacks "$out/left" '/var/lib/kubelet/pods/1/other'
  lacks "$out/left" kubejoin-reset
}

# What a kubelet finds that starts when the join has ended; and one that starts before that.
old_files='/etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml'
files='/etc/kubernetes/kubelet.conf /run/kubejoin/result.json /var/lib/kubelet/config.yaml'

# --- what rows say

unit() { lines[$1]=${2-}; }
restarts() {
  service[kubejoin]='Restart=on-failure
RestartSec=500ms
RestartPreventExitStatus=1 2 4 5 6'
  waits=12
  boot
}
starts_after_join() {
  ended 0
  is "$(fact outcome)" joined
  is "$(fact kubelet)" queued
  # Once, and everything was there.
  is "$(wc -l <"$out/kubelet")" 1
  is "$(cut -d' ' -f2- "$out/kubelet")" "$files"
  is "$(shown kubelet ActiveState)" active
  at_least 20 "$(seconds)"
}
ended() { is "$(fact exit)" "$1"; }
fact() { jq -r ".$1" "$out/result.json" || :; }
shown() { sed -n "s/^$2=//p" "$out/$1.show"; }
seconds() { cat "$out/seconds"; }
is() { [ "$1" = "$2" ] || why+=("it is \"$1\", not \"$2\""); }
at_least() { [ "$1" -ge "$2" ] || why+=("$1 is less than $2"); }
has() { grep -q -- "$2" "$1" || why+=("it does not say: $2"); }
lacks() { ! grep -q -- "$2" "$1" || why+=("it says: $2"); }

# A machine whose reset was cut off: with files, and with a volume on /volume that is mounted below the kubelet's directory.
was_a_node() {
  mkdir -p "$upper"/{etc/kubernetes/{manifests,pki},var/lib/{kubelet/pods/1/{volumes/v,other},etcd/member/wal},volume,usr/bin}
  touch "$upper"/etc/kubernetes/{admin.conf,pki/ca.key,manifests/etcd.yaml} "$upper"/var/lib/{kubelet/{config.yaml,pods/1/other/file},etcd/member/wal/0000000000000000-0000000000000000.wal}
  echo '{"etcdData": "/var/lib/etcd"}' >"$upper/etc/kubernetes/kubejoin-reset"
  chmod 600 "$upper/etc/kubernetes/kubejoin-reset"
  echo data >"$upper/volume/file"
}

# What is so in the machine behind a reset: for end.sh.
looks='find /etc/kubernetes /var/lib/kubelet /var/lib/etcd -xdev | sort >/mnt/left
cat /volume/file >/mnt/volume
cat /proc/self/mountinfo >/mnt/mounts'

# boot_reset: systemd, with a volume that is mounted, and the unit that resets.
boot_reset() {
  local units=$work/units
  rm -rf "$units" "$out"
  mkdir -p "$units" "$out"
  printf '[Unit]\nDefaultDependencies=no\nWants=end.service kubejoin-factory-reset.service\n' >"$units/test.target"
  write mounted "$mount_volume"
  write end "Type=oneshot
ExecStart=/bin/sh /mnt/end.sh" 'After=kubejoin-factory-reset.service'
  { sed "s/^\[Unit\]/&\n${mounted//$'\n'/\\n}/" "$work/kubejoin-factory-reset.service"; } >"$units/kubejoin-factory-reset.service"
  cat >"$out/end.sh" <<T
systemctl show --property=ActiveState,Result,ExecMainStatus kubejoin-factory-reset >/mnt/kubejoin-factory-reset.show
$looks
touch /mnt/result.json
systemctl --force --force poweroff
T
  run_systemd
}

mounted=$'Requires=mounted.service\nAfter=mounted.service'
mount_volume='Type=oneshot
RemainAfterExit=yes
ExecStart=mount --bind /volume /var/lib/kubelet/pods/1/volumes/v'

# boot WANTED...: systemd from its start to its end, with kubejoin.service and the units that are named wanted by its target.
boot() {
  local name units=$work/units
  rm -rf "$units" "$out"
  mkdir -p "$units" "$out"
  printf '[Unit]\nDefaultDependencies=no\nWants=api.service end.service %s\n%s\n' \
    "$([ -n "$in_kubelet" ] || echo kubejoin.service) $(for name; do case $name in *.*) echo "$name" ;; *) echo "$name.service" ;; esac; done | tr '\n' ' ')" \
    "${upholds:+Upholds=$upholds}" >"$units/test.target"
  write api "ExecStart=/bin/sh -c 'exec $APISERVER --listen 127.0.0.1:6443 --san 127.0.0.1 >/mnt/requests'"
  write mounted "$mount_volume"
  write end "Type=oneshot
ExecStart=/bin/sh /mnt/end.sh" "$([ -n "$waits" ] || echo 'After=kubejoin.service kubelet.service')"
  write kubejoin "Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /mnt/join.sh
TimeoutStartSec=150
${service[kubejoin]-}" "After=api.service
${lines[kubejoin]-}"
  write kubelet "${in_kubelet:+ExecStartPre=/bin/sh /mnt/join.sh
TimeoutStartSec=150}
ExecStart=/bin/sh -c 'echo started \$(ls $files) >>/mnt/kubelet; exec sleep 1000'
[Install]
WantedBy=multi-user.target" \
    "After=api.service
${lines[kubelet]-}"
  if [ -n "${lines[between.target]+set}" ]; then printf '[Unit]\nDefaultDependencies=no\n' >"$units/between.target"; fi
  cat >"$out/join.sh" <<T
exec >>/mnt/join 2>&1
until pin=\$(sed -n 's/.*"caCertHash":"\([^"]*\)".*/\1/p' /mnt/requests) && [ -n "\$pin" ]; do sleep 0.1; done
cat /proc/self/cgroup
${meanwhile:+($meanwhile) &}
exec $binary ${command:-join 127.0.0.1:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash ${pin:-\$pin} --node-name node \
  --cri-socket unix:///run/none.sock --ignore-preflight-errors=$ignored ${arguments[*]}}
T
  cat >"$out/end.sh" <<T
sleep ${waits:-0.5}
for unit in kubejoin kubelet; do
  systemctl show --property=ActiveState,Result,NRestarts,ExecMainStatus \$unit >/mnt/\$unit.show
done
cp /run/kubejoin/result.json /mnt/
$([ ! -e "$upper/volume" ] || echo "$looks")
systemctl --force --force poweroff
T
  run_systemd
}

run_systemd() {
  local started=$SECONDS
  timeout 200 unshare --pid --mount --net --uts --ipc --fork --kill-child --propagation private \
    "${BASH_SOURCE[0]}" --inside "$work" >"$out/systemd" 2>&1 || true
  echo $((SECONDS - started)) >"$out/seconds"
  remove_cgroups
  touch "$out/kubelet" "$out/join"
  # While a run goes on there is none.
  [ -e "$out/result.json" ] || [ -n "$waits" ] || why+=("no result was left")
}

# write NAME SERVICE [UNIT]
write() { printf '[Unit]\nDefaultDependencies=no\n%s\n[Service]\n%s\n' "${3-}" "$2" >"$work/units/$1.service"; }

# --- the machine

# In the namespaces, before systemd: a root whose changes stay in this test's directory.
inside() {
  local work=$1 root=$1/root device
  # systemd needs a group of its own, in the hierarchy of version 2.
  mount -t cgroup2 none "$work/cgroup"
  mkdir -p "$work/cgroup/${work##*/}"
  echo $$ >"$work/cgroup/${work##*/}/cgroup.procs"
  umount "$work/cgroup"
  mount -t overlay -o "lowerdir=/,upperdir=$work/disk/upper,workdir=$work/disk/work" overlay "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs sysfs "$root/sys"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero random urandom full tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mkdir -p "$root/mnt" "$root/etc/kubernetes" "$root/var/lib/kubelet"
  mount --bind "$work/out" "$root/mnt"
  # Nothing of this machine's own.
  mount -t tmpfs tmpfs "$root/etc/systemd/system"
  cp "$work"/units/* "$root/etc/systemd/system/"
  ip link set lo up
  # shellcheck disable=SC2016 # the inner shell's
  exec unshare --cgroup sh -c 'mount -t cgroup2 none "$1/sys/fs/cgroup" && exec chroot "$1" env -i container=kubejoin-test \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=no' sh "$root"
}

remove_cgroups() {
  unshare --mount --propagation private sh -c "mount -t cgroup2 none '$work/cgroup' && ! [ -e '$work/cgroup/${work##*/}' ] ||
    find '$work/cgroup/${work##*/}' -depth -type d -exec rmdir {} +" || true
}

main() {
  local only='*' show='' name
  while [ $# -gt 1 ]; do
    case $1 in
      --only) only=$2; shift 2 ;;
      --show) show=yes; shift ;;
      *) echo "systemd_test: unknown option $1" >&2; exit 2 ;;
    esac
  done
  case ${1:-} in '' | -*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2 ;; esac
  binary=$(realpath "$1")
  [ "$(id -u)" = 0 ] || { echo "NOT RUN: namespaces need root" >&2; exit 1; }
  [ -x /lib/systemd/systemd ] || { echo "NOT RUN: this needs the package systemd" >&2; exit 1; }
  if [ -z "${APISERVER-}" ]; then
    cargo build --locked --quiet --manifest-path "$here/../../Cargo.toml" --package kubejoin-apiserver
    APISERVER=$(realpath "${CARGO_TARGET_DIR:-$here/../../target}/debug/apiserver")
  fi
  work=$(mktemp -d /tmp/kubejoin-systemd.XXXXXX)
  out=$work/out upper=$work/disk/upper
  trap 'rm -rf "$work"' EXIT
  /lib/systemd/systemd --version | head -n 1
  local passed=0 failed=0
  for name in $(declare -F | sed -n 's/^declare -f row_//p'); do
    # shellcheck disable=SC2053 # a glob
    [[ $name == $only ]] || continue
    # What rows may change.
    why=() arguments=() pin='' waits='' upholds='' in_kubelet='' command='' meanwhile=''
    # Of a machine of tests.
    ignored=CRI,ContainerRuntimeVersion,Swap,SystemVerification,KubeletVersion,FileExisting-losetup,FailCgroupV1,Port-10250
    ignored+=,FileContent--proc-sys-net-ipv4-ip_forward
    declare -gA lines=() service=()
    rm -rf "${work:?}"/*
    # An overlay cannot lie on another one, which / may be.
    mkdir -p "$work/disk" "$work/root" "$work/cgroup"
    mount -t tmpfs tmpfs "$work/disk"
    mkdir "$work/disk/upper" "$work/disk/work"
    "row_$name"
    umount "$work/disk"
    if [ -n "$show" ]; then head -n -0 -v "$out"/* | sed 's/^/      | /'; fi
    if [ ${#why[@]} = 0 ]; then
      passed=$((passed + 1))
      echo "ok    $name ($(seconds) s)"
    else
      failed=$((failed + 1))
      echo "FAIL  $name"
      printf '      %s\n' "${why[@]}"
      [ -n "$show" ] || tail -n 15 "$out/join" "$out/systemd" | sed 's/^/      | /'
    fi
  done
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

if [ "${1:-}" = --inside ]; then inside "$2"; fi
main "$@"
