# Machines that boot in QEMU with a real kubelet and a real containerd, and the real control plane that they join. For the
# boot_test.sh of a directory of image/ to source after `set -euo pipefail`; then:
#
#     begin KIND                   a Debian root of root.sh, a control plane, names for both
#     new_root NAME                a root file system to install into: $tree. In it: in_root COMMAND...
#     new_disk NAME                makes its disk
#     boot NAME SCRIPT [QEMU-ARGUMENT...]   powers on, and waits until it is off; afterwards $console and $report
#     check_node NAME OUTCOME, check DESCRIPTION COMMAND...
#
# SCRIPT runs in the machine (agent, questions.sh) and what it prints is the report. Needs root, and no KVM.
#
# KUBEJOIN_BINARY  the binary to install (target/TARGET/release/kubejoin; built where it is missing)
# BOOT_CLUSTER     a control plane of tests/peers/cluster.sh that is up; else one is started, and ended
# BOOT_SECONDS     how long a boot may take (3600; an unloaded machine needs 30 to 100, one with a load of 35 has needed 1000)
# FIGURES          where set, what is built for the table in image/README.md alone
# KEEP             a directory where disks, consoles and reports are left
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034 # what the machine expands, and what the tests use

boot_tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repository=$(cd "$boot_tests/../.." && pwd -P)
# shellcheck source=../strictly.sh
. "$repository/tests/strictly.sh"
export KUBEJOIN_CACHE="${KUBEJOIN_CACHE:-$repository/.cache}"
PATH=$PATH:/usr/sbin:/sbin

# Mounts are this process's own and go with it.
if [ -z "${BOOT_NAMESPACE:-}" ]; then
  exec env BOOT_NAMESPACE=1 unshare --mount --propagation private -- "$0" "$@"
fi
unset BOOT_NAMESPACE

boot_seconds=${BOOT_SECONDS:-3600} passed=0 failed=0 cluster='' console='' report='' append=''
# A file that every write and flush of the disk is logged in (write_log.rs); none where this is empty.
write_log=''

begin() {
  kind=$1
  bring mmdebstrap mmdebstrap qemu-system-x86_64 qemu-system-x86 mke2fs e2fsprogs jq jq mksquashfs squashfs-tools mkfs.erofs erofs-utils
  work=${KEEP:-$(mktemp -d "/var/tmp/kubejoin-boot.XXXXXX")}
  mkdir -p "$work"
  work=$(cd "$work" && pwd -P)
  trap finish EXIT
  root=$("$boot_tests/root.sh" "$kind")
  binary=${KUBEJOIN_BINARY:-${CARGO_TARGET_DIR:-$repository/target}/$(uname -m)-unknown-linux-musl/release/kubejoin}
  [ -x "$binary" ] || "$repository/cross/build.sh" "$(uname -m)"
  binary=$(realpath "$binary")
  programs=$("$repository/tests/peers/build.sh" kubelet)
  if [ -n "${BOOT_CLUSTER:-}" ]; then
    cluster=$BOOT_CLUSTER
  else
    cluster=$work/cluster
    "$repository/tests/peers/cluster.sh" up "$cluster"
  fi
  endpoint=$(jq -r .endpoint "$cluster/facts.json")
  pin=$(jq -r .ca_cert_hash "$cluster/facts.json")
  new_token
  expired_token=$(jq -r .tokens.expired "$cluster/facts.json")
}

# The program for the other processor that it is released for.
other_binary() {
  local other=${CARGO_TARGET_DIR:-$repository/target}/aarch64-unknown-linux-musl/release/kubejoin
  [ -x "$other" ] || "$repository/cross/build.sh" aarch64 >&2
  echo "$other"
}

# A token that can be searched for: the one of facts.json is in every documentation. Sets token, and its secret half.
new_token() {
  local id random
  random=$(head -c 16 /dev/urandom | sha256sum)
  id=${random:0:6} secret=${random:6:16}
  token=$id.$secret
  kubectl create secret generic "bootstrap-token-$id" --namespace kube-system --type bootstrap.kubernetes.io/token \
    --from-literal "token-id=$id" --from-literal "token-secret=$secret" --from-literal usage-bootstrap-signing=true \
    --from-literal usage-bootstrap-authentication=true --from-literal auth-extra-groups=system:bootstrappers:kubeadm:default-node-token >/dev/null
}

# bring COMMAND PACKAGE...: installs the packages whose command is missing.
bring() {
  local missing=()
  while [ $# -gt 0 ]; do
    command -v "$1" >/dev/null || missing+=("$2")
    shift 2
  done
  [ ${#missing[@]} = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

kubectl() { "$repository/tests/peers/cluster.sh" kubectl "$cluster" "$@"; }

# new_root NAME: what every image brings along, and nothing of kubejoin. The machine is called NAME-KIND.
new_root() {
  tree=$work/$1.tree
  mkdir -p "$tree" "$work/$1.upper" "$work/$1.work"
  mount -t overlay -o "lowerdir=$root,upperdir=$work/$1.upper,workdir=$work/$1.work" boot-test "$tree"
  echo "$1-$kind" >"$tree/etc/hostname"
  kubectl delete node "$1-$kind" --ignore-not-found >/dev/null # of an earlier run with this control plane
  echo 'LABEL=root / ext4 defaults 0 1' >"$tree/etc/fstab"
  : >"$tree/etc/machine-id"
  echo 'net.ipv4.ip_forward = 1' >"$tree/etc/sysctl.d/50-node.conf"
  # A Node is Ready when its runtime has a network; no pod runs here.
  mkdir -p "$tree/etc/cni/net.d"
  echo '{"cniVersion": "0.4.0", "name": "none", "plugins": [{"type": "loopback"}]}' >"$tree/etc/cni/net.d/10-none.conflist"
  install -D -m 755 "$boot_tests/agent" "$tree/usr/libexec/boot-test"
  if [ -d "$tree/run/systemd" ] || [ -e "$tree/usr/lib/systemd/systemd" ]; then new_systemd_root; fi
}

new_systemd_root() {
  local unit
  install -m 644 "$boot_tests/agent.service" "$tree/usr/lib/systemd/system/boot-test.service"
  printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' >"$tree/etc/systemd/network/50-dhcp.network"
  in_root systemctl -q enable systemd-networkd systemd-resolved containerd boot-test 2>/dev/null
  # They take minutes where the processor is busy, and nobody logs in.
  for unit in serial-getty@ttyS0 systemd-logind getty@tty1 e2scrub_reap apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer fstrim.timer e2scrub_all.timer; do
    case $unit in *.timer) ;; *) unit=$unit.service ;; esac
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
  done
  # IPEgressPackets tells whether a unit used the network.
  mkdir -p "$tree/etc/systemd/system/kubejoin.service.d"
  printf '[Service]\nIPAccounting=yes\nCPUAccounting=yes\nMemoryAccounting=yes\n' >"$tree/etc/systemd/system/kubejoin.service.d/50-boot-test.conf"
}

# The real kubelet, in the place and with the unit of the Kubernetes packages.
install_kubelet() {
  install -D -m 755 "$programs/kubelet" "$tree/usr/bin/kubelet"
  if [ -e "$tree/usr/lib/systemd/systemd" ]; then
    install -m 644 "$boot_tests/kubelet.service" "$tree/usr/lib/systemd/system/kubelet.service"
    in_root systemctl -q enable kubelet 2>/dev/null
  fi
}

# in_root COMMAND...: there, with /proc, /dev and /sys of this machine.
in_root() {
  unshare --mount --propagation private sh -c '
    tree=$1; shift
    mount -t proc proc "$tree/proc"; mount --rbind /dev "$tree/dev"; mount -t sysfs -o ro sysfs "$tree/sys"
    exec chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"' - "$tree" "$@"
}

# new_disk NAME: from $tree as it is now; its kernel and initramfs stay beside it.
new_disk() {
  cp "$tree"/boot/vmlinuz-* "$work/$1.vmlinuz"
  [ -e "$work/$1.initrd" ] || cp "$tree"/boot/initrd.img-* "$work/$1.initrd"
  # What an image's maker has done: no ldconfig and no catalogues at the first boot.
  touch "$tree/etc/.updated" "$tree/var/.updated"
  rm -f "$work/$1.ext4"
  mke2fs -q -F -t ext4 -L root -E root_owner=0:0 -d "$tree" "$work/$1.ext4" 1600M >/dev/null
}

# boot NAME SCRIPT [QEMU-ARGUMENT...]: SCRIPT is text.
boot() {
  local name=$1 script=$2 kernel_line disk
  shift 2
  boots=$((${boots:-0} + 1))
  console=$work/$name-$boots.console report=$work/$name-$boots.report
  { cat "$boot_tests/questions.sh"; printf '%s\n' "patience=$((boot_seconds * 3 / 4))" "$script"; } >"$work/$name.script"
  # no_timer_check: it counts ticks, and panics where an emulator that is short of processor time has given too few.
  # systemd's limits for a unit and a disk are for machines that have their processor to themselves.
  kernel_line="console=ttyS0 root=LABEL=root panic=1 no_timer_check quiet systemd.default_timeout_start_sec=$boot_seconds"
  kernel_line+=" systemd.default_device_timeout_sec=$boot_seconds $append"
  disk=(-drive "file=$work/$name.ext4,format=raw,if=none,id=root,cache=unsafe")
  if [ -n "$write_log" ]; then
    : >"$write_log"
    disk=(-blockdev "driver=file,node-name=disk,filename=$work/$name.ext4,cache.no-flush=on"
      -blockdev "driver=file,node-name=log,filename=$write_log,cache.no-flush=on"
      -blockdev "driver=blklogwrites,node-name=root,file=disk,log=log,log-sector-size=512")
  fi
  began=$EPOCHREALTIME
  timeout "$boot_seconds" qemu-system-x86_64 -M q35 -cpu max -accel tcg,thread=multi -smp 2 -m 2048 -nodefaults \
    -display none -monitor none -serial stdio -no-reboot -device virtio-rng-pci \
    -netdev user,id=net -device virtio-net-pci,netdev=net,id=nic \
    "${disk[@]}" -device virtio-blk-pci,drive=root \
    -device virtio-serial-pci -chardev "file,id=report,path=$report" -device virtserialport,chardev=report,name=report \
    -fw_cfg "name=opt/boot-test,file=$work/$name.script" \
    -kernel "$work/$name.vmlinuz" -initrd "$work/$name.initrd" -append "$kernel_line" "$@" \
    </dev/null 2>"$work/$name-$boots.qemu" | stamp >"$console" || true
  printf -- '-- %s: off after %s s, load %s\n' "$name" "$(seconds_since "$began")" "$(load)"
  grep -qx end "$report" || { echo "$name did not come to the end of its script; the end of its console:"; tail -n 40 "$console"; }
}

# The credentials NAME=VALUE..., given by the firmware; sets firmware, arguments of QEMU.
credentials() {
  local credential
  firmware=()
  for credential; do
    printf '%s' "${credential#*=}" >"$work/credential-${credential%%=*}"
    firmware+=(-fw_cfg "name=opt/io.systemd.credentials/${credential%%=*},file=$work/credential-${credential%%=*}")
  done
}

# A cable that is plugged in SECONDS after power on; sets cable, arguments of QEMU.
cable_after() {
  rm -f "$work/monitor.in" "$work/monitor.out"
  mkfifo "$work/monitor.in" "$work/monitor.out"
  { echo 'set_link nic off'; sleep "$1"; echo 'set_link nic on'; } >"$work/monitor.in" &
  cat "$work/monitor.out" >/dev/null &
  cable=(-chardev "pipe,id=monitor,path=$work/monitor" -mon monitor)
}

# Each line with the seconds since power on in front.
stamp() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do printf '%7s %s\n' "$(seconds_since "$began")" "${line//$'\r'/}"; done
}
seconds_since() {
  local now=${EPOCHREALTIME/./} then=${1/./} tenths
  tenths=$(((now - then) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

check() {
  local description=$1
  shift
  if strictly "$@" >"$work/check.log" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$description"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$description"
    tail -n 25 "$work/check.log" | sed 's/^/        | /'
  fi
}

reported() { grep -q -- "$1" "$report"; }
# value UNIT PROPERTY: as systemd gave it at the end of the boot.
value() { sed -n "s/^$1 $2=//p" "$report"; }
is() { [ "$(value "$1" "$2")" = "$3" ] || { value "$1" "$2"; return 1; }; }
on_console() { grep -q -- "$1" "$console"; }
outcome_is() { grep -q "^result .*\"outcome\": *\"$1\"" "$report"; }

# node_is_ready NAME: what the API server said to the machine, and that it is the Node of this boot. Asked from here it may
# say that it has heard nothing for a while: the machine is off.
node_is_ready() {
  local boot
  boot=$(sed -n 's/^boot-id //p' "$report")
  [ -n "$boot" ] && reported '^uptime ready' || return 1
  kubectl get node "$1-$kind" -o json >"$work/node.json" || return 1
  [ "$(jq -r .status.nodeInfo.bootID "$work/node.json")" = "$boot" ]
}

# What has to hold after every boot that ends as a node: check_node NAME OUTCOME
check_node() {
  check "the machine came to the end of its script" reported '^end$'
  check "kubejoin says $2" outcome_is "$2"
  if [ "$kind" != openrc ]; then
    check "the kubelet runs" is kubelet ActiveState active
    check "no unit has failed" not reported '^failed '
    check "no ordering cycle" not reported 'ordering cycle'
  fi
  check "its Node is Ready, and of this boot" node_is_ready "$1"
  check "the token is not on the console" not on_console "$secret"
}

# What the machine's script usually is: a Node of this boot, or the end of patience.
until_ready='
watch_memory kubejoin & watcher=$!
wait_for has_ended && uptime_is joined
wait_for is_registered && uptime_is registered
wait_for is_ready && uptime_is ready
report_machine'

# figures NAME [GROWTH [UNIT]]: a row of the table in image/README.md, about the boot before. GROWTH is of its initramfs, in
# bytes. "joined" is when its unit has ended, or else when it says so to the kernel's log; "of these" the sum of its phases,
# for another program than ours the time from its UNIT's start to its end.
figures() {
  local unit=${3:-kubejoin} joined its
  if [ "$unit" = kubejoin ]; then
    joined=$(sed -n -e 's/^order \[ *\([0-9]*\.[0-9]\).*Finished kubejoin.*/\1/p' -e 's/^dmesg \[ *\([0-9]*\.[0-9]\).*kubejoin: joined.*/\1/p' \
      "$report" | tail -n 1)
    its=$(sed -n 's/^result //p' "$report" | jq '[.phases[].ms] | add / 100 | round / 10')
  else
    joined=$(seconds_of "$(value "$unit" ExecMainExitTimestampMonotonic)")
    its=$(seconds_of $(($(value "$unit" ExecMainExitTimestampMonotonic) - $(value "$unit" ExecMainStartTimestampMonotonic))))
  fi
  printf '| %s | %s | %s | %s | %s s | %s s | %s s | %s s | %s | %s |\n' "$1" "$kind" "$(uname -m)" "${2:--}" "${joined:-?}" "${its:-?}" \
    "$(uptime_of registered)" "$(uptime_of ready)" "$(peak_memory)" "$(load)"
}
# growth_elsewhere NAME GROWTH: a row for the other processor, whose program was built into the same initramfs, and not booted.
growth_elsewhere() { printf '| %s | %s | aarch64 | %s | not booted | - | - | - | - | - |\n' "$1" "$kind" "$2"; }
uptime_of() { sed -n "s/^uptime $1 \([0-9]*\.[0-9]\).*/\1/p" "$report"; }
seconds_of() { awk -v microseconds="$1" 'BEGIN { printf "%.1f", microseconds / 1e6 }'; }
# Of this machine, without which seconds say nothing.
load() { cut -d' ' -f1 /proc/loadavg; }
# In KB, of the process that was watched; - where it was over before anybody watched.
peak_memory() { sed -n 's/^memory \([0-9]*\) .*/\1/p' "$report" | sort -n | tail -n 1 | grep . || echo -; }

finish() {
  local status=$?
  trap - EXIT
  if [ -n "$cluster" ] && [ -z "${BOOT_CLUSTER:-}" ]; then "$repository/tests/peers/cluster.sh" down "$cluster"; fi
  [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$work" 2>/dev/null || { umount -R "$work"/*.tree; rm -rf --one-file-system "$work"; } 2>/dev/null || true
  [ "$status" = 0 ] || { failed=$((failed + 1)); echo "FAILED  the test did not come to its end"; }
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] || exit 1
}
