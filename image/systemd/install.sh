#!/bin/sh
# Installs kubejoin with its units into a root file system, and enables them there:
#
#     image/systemd/install.sh ROOT BINARY
set -eu

[ $# = 2 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }
root=$1 binary=$2
here=$(cd "$(dirname "$0")" && pwd -P)
units=$root/usr/lib/systemd/system

install -D -m 755 "$binary" "$root/usr/bin/kubejoin"
install -D -m 644 "$here/kubejoin.service" "$units/kubejoin.service"
install -D -m 644 "$here/kubelet-kubejoin.conf" "$units/kubelet.service.d/10-kubejoin.conf"
install -D -m 644 "$here/kubejoin.preset" "$root/usr/lib/systemd/system-preset/80-kubejoin.preset"
install -D -m 644 "$here/kubejoin.tmpfiles" "$root/usr/lib/tmpfiles.d/kubejoin.conf"
# What `systemctl --root=ROOT enable kubejoin.service` does, without one that has to run here.
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf /usr/lib/systemd/system/kubejoin.service "$root/etc/systemd/system/multi-user.target.wants/"
