#!/usr/bin/env bash
# The first process of a machine (machine.sh starts it in its new namespaces): gives it its own view of the file system and
# then reaps what is orphaned.   machine-init.sh DIR HOSTNAME PROGRAMS
set -euo pipefail
dir=$1 hostname=$2 programs=$3

hostname "$hostname"
ip link set lo up
# A forwarding machine, as a node is; kubeadm's preflight asks for it, where the endpoint is of IPv6 for the second.
echo 1 >/proc/sys/net/ipv4/ip_forward
if [ -e /proc/sys/net/ipv6 ]; then echo 1 >/proc/sys/net/ipv6/conf/default/forwarding; fi

# The host's files are seen through layers that take all writes, so that what the programs create anywhere, and a
# `systemctl` of our own, never reach the host. The layers are in memory and end with the machine.
layers=$dir/layers
mkdir -p "$layers"
mount -t tmpfs -o mode=755 layers "$layers"
exec 3<"$dir"
for path in /etc /opt /usr /var; do
  mkdir -p "$layers/upper$path" "$layers/work$path"
  mount -t overlay -o "lowerdir=$path,upperdir=$layers/upper$path,workdir=$layers/work$path" overlay "$path"
done
# The machine's own directory may be below one of these; it stays the host's.
cd / # out of what has just been covered
mount --no-canonicalize --bind /proc/self/fd/3 "$dir"
exec 3<&-

# /run is empty, as after a boot.
rm -rf "$dir/root/run"
mkdir -p "$dir/root/run"
for bound in /run /etc/kubernetes /var/lib/kubelet /var/lib/etcd; do
  mkdir -p "$bound"
  mount --bind "$dir/root$bound" "$bound"
done
mkdir -p /run/machine /run/lock
mount --bind "$dir" /run/machine

# The programs are where packages put them. No DNS server: a name is in /etc/hosts or is refused at once.
for program in "$programs"/*; do
  ln -sf "$program" "/usr/bin/${program##*/}"
done
printf '%s\n' "$hostname" >/etc/hostname
md5sum <<<"$dir" | cut -c1-32 >/etc/machine-id
printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
rm -f /etc/resolv.conf
: >/etc/resolv.conf

# The kubelet sets these for the whole kernel. It leaves alone what has the right value, and here each has.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  name=${setting%%=*}
  mkdir -p "$layers/sysctl/${name%/*}"
  printf '%s\n' "${setting##*=}" >"$layers/sysctl/$name"
  if [ -e "/proc/sys/$name" ]; then mount --bind "$layers/sysctl/$name" "/proc/sys/$name"; fi
done

touch "$dir/ready"
# bash reaps every child it is given while it waits for its own.
sleep infinity &
wait
