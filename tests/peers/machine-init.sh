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

# A root of its own: the host's files seen through layers that take all writes, so that nothing that a program creates
# anywhere reaches the host, nothing that is written on the host meanwhile counts as the machine's, and a lock on `/` is no
# other machine's. The layers are in memory and end with the machine; /run/machine/layers/upper has what was written. A
# file system that the host has mounted at one of these directories gets a layer as well.
layers=$dir/layers
root=$layers/root
mkdir -p "$layers"
mount -t tmpfs -o mode=755 layers "$layers"
mkdir "$root"
for path in / /etc /opt /usr /var; do
  layer=$path
  [ "$path" != / ] || layer=/rest # all others
  mkdir -p "$layers/upper$layer" "$layers/work$layer"
  chmod --reference "$path" "$layers/upper$layer"
  mount -t overlay -o "lowerdir=$path,upperdir=$layers/upper$layer,workdir=$layers/work$layer" overlay "$root$path"
done
for path in /proc /sys /dev; do mount --rbind "$path" "$root$path"; done
# Other file systems of the host, such as /home, are not in the layer over its root.
while read -r path; do
  case $path in
    / | /etc | /etc/* | /opt | /opt/* | /usr | /usr/* | /var | /var/* | /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /run | /run/* | "$layers"*) ;;
    *) if [ -d "$path" ]; then mount --bind "$path" "$root$path"; fi ;;
  esac
done < <(findmnt --raw --noheadings --output TARGET)

# A test leaves files for the machine's programs beside the directories of its machines, so the directory of these stays
# the host's; a machine below /tmp itself has only its own.
shared=${dir%/*}
[ -n "${shared%/*}" ] || shared=$dir
mkdir -p "$root$shared"
mount --bind "$shared" "$root$shared"
# /run is empty, as after a boot.
rm -rf "$dir/root/run"
mkdir -p "$dir/root/run"
for bound in /run /etc/kubernetes /var/lib/kubelet /var/lib/etcd; do
  mkdir -p "$root$bound"
  mount --bind "$dir/root$bound" "$root$bound"
done
mkdir -p "$root/run/machine" "$root/run/lock"
mount --bind "$dir" "$root/run/machine"
mount --bind "$layers" "$root/run/machine/layers"
cd "$root"
pivot_root . . # the old root is on top of the new one until it is taken away
umount --lazy .
cd /

# The programs are where packages put them. No DNS server: a name is in /etc/hosts or is refused at once.
for program in "$programs"/*; do
  ln -sf "$program" "/usr/bin/${program##*/}"
done
printf '%s\n' "$hostname" >/etc/hostname
if [ -e "$dir/machine_id" ]; then cat "$dir/machine_id"; else md5sum <<<"$dir" | cut -c1-32; fi >/etc/machine-id
# The host's firmware would make all of them one machine. A machine may have been given its own: a UUID that it keeps when
# its disk is written anew. A host without such firmware has no directory for it.
firmware=/sys/class/dmi/id
if [ -e "$dir/product_uuid" ] && [ ! -d $firmware ]; then
  mkdir -p "$layers/firmware/dmi/id"
  mount -t overlay -o "ro,lowerdir=$layers/firmware:/sys/class" overlay /sys/class
fi
if [ -d $firmware ]; then
  mount -t tmpfs -o mode=755 firmware $firmware
  if [ -e "$dir/product_uuid" ]; then install -m 400 "$dir/product_uuid" $firmware/; fi
  mount -o remount,ro firmware $firmware
fi
printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
rm -f /etc/resolv.conf
: >/etc/resolv.conf

# The kubelet sets these for the whole kernel. It leaves alone what has the right value, and here each has.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  name=${setting%%=*}
  mkdir -p "/run/machine/layers/sysctl/${name%/*}"
  printf '%s\n' "${setting##*=}" >"/run/machine/layers/sysctl/$name"
  if [ -e "/proc/sys/$name" ]; then mount --bind "/run/machine/layers/sysctl/$name" "/proc/sys/$name"; fi
done

touch "$dir/ready"
# bash reaps every child it is given while it waits for its own, which ends when everything in the machine is killed.
while :; do
  sleep infinity &
  wait
done
