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
install -D -m 644 "$here/kubejoin-factory-reset.service" "$units/kubejoin-factory-reset.service"
install -D -m 644 "$here/kubelet-kubejoin.conf" "$units/kubelet.service.d/10-kubejoin.conf"
install -D -m 644 "$here/kubejoin.preset" "$root/usr/lib/systemd/system-preset/80-kubejoin.preset"
install -D -m 644 "$here/kubejoin.tmpfiles" "$root/usr/lib/tmpfiles.d/kubejoin.conf"
# What `systemctl --root=ROOT enable kubejoin.service kubejoin-factory-reset.service` does, without one that has to run here.
wanted() {
	mkdir -p "$root/etc/systemd/system/$2.wants"
	ln -sf "/usr/lib/systemd/system/$1" "$root/etc/systemd/system/$2.wants/"
}
wanted kubejoin.service multi-user.target
wanted kubejoin-factory-reset.service factory-reset-now.target
