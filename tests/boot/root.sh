#!/usr/bin/env bash
# Makes the Debian root that the boot tests start from: systemd, containerd, a kernel, initramfs-tools and dracut, and no
# part of Kubernetes or of kubejoin.
#
#     tests/boot/root.sh bookworm|trixie|forky|openrc        prints the directory it is in
#
# Kept in KUBEJOIN_CACHE (.cache of the repository): 1 to 3 minutes the first time, then none. openrc is bookworm with
# sysvinit and OpenRC in place of systemd. Needs mmdebstrap and root.
set -euo pipefail

kind=${1:-}
suite=$kind
packages=containerd,runc,iproute2,iptables,kmod,mount,ca-certificates,e2fsprogs,procps,zstd
packages+=,linux-image-cloud-$(dpkg --print-architecture),initramfs-tools
case $kind in
  # dracut itself conflicts with initramfs-tools; dracut-core is all of it but the hooks of the package manager.
  # What systemd opens a credential of a TPM with; it loads them by name, so that they are nobody's dependency.
  trixie | forky) packages+=,libtss2-esys-3.0.2-0t64,libtss2-mu-4.0.1-0t64,libtss2-rc0t64,libtss2-tcti-device0t64 ;;&
  bookworm | trixie | forky) packages+=,systemd,systemd-sysv,systemd-resolved,udev,dbus,dracut-core,dracut-network ;;
  openrc) suite=bookworm packages+=,sysvinit-core,openrc,initscripts,udev,ifupdown,isc-dhcp-client ;;
  *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cache=${KUBEJOIN_CACHE:-$repository/.cache}/boot
# Documentation is a fifth of such a root.
options=(--variant=minbase --include="$packages" --dpkgopt='path-exclude=/usr/share/doc/*'
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*')
# Not released yet, so that its lists are valid for a week only; a mirror may be later than that.
[ "$kind" != forky ] || options+=(--aptopt='Acquire::Check-Valid-Until "false"')
root=$cache/$kind-$(printf '%s\n' "$suite" "${options[@]}" | sha256sum | cut -c1-12)
mkdir -p "$cache"
exec 9>"$cache/$kind.lock" # another run may be making it
flock 9
if [ ! -d "$root" ]; then
  rm -rf "$cache/$kind"-* "$cache/$kind.new"
  mmdebstrap --quiet --mode=root "${options[@]}" "$suite" "$cache/$kind.new" >&2
  mv -T "$cache/$kind.new" "$root"
fi
echo "$root"
