#!/bin/sh
# Makes the smallest initramfs that joins a node: our binary, busybox, and the few modules.
#
#     image/initramfs/build.sh x86_64|aarch64 BINARY OUT.cpio
#
# KERNEL_MODULES  lib/modules/VERSION of the kernel it is for; nothing is taken where it is unset (all built in)
# MODULES         list of modules to load (image/initramfs/modules)
# BUSYBOX         a static busybox of that architecture; Debian's busybox-static is fetched where it is unset
# KUBEJOIN_CACHE  where fetched packages stay (.cache of the repository)
#
# Needs cpio, and no privileges. The same inputs and SOURCE_DATE_EPOCH (0 where unset) give the same bytes.
set -eu

[ $# = 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
case $1 in
x86_64) debian=amd64 ;;
aarch64) debian=arm64 ;;
*) echo "$0: unknown architecture $1: x86_64 or aarch64" >&2; exit 2 ;;
esac
binary=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd -P)
cache=${KUBEJOIN_CACHE:-$here/../../.cache}
command -v cpio >/dev/null || { echo "$0: cpio is missing: apt-get install cpio" >&2; exit 2; }

if [ -z "${BUSYBOX-}" ]; then
	"$here/fetch.sh" "$debian" busybox-static
	BUSYBOX=$cache/$debian/busybox-static/bin/busybox
fi

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/bin" "$tree/dev" "$tree/etc" "$tree/lib/modules" "$tree/proc" "$tree/run" "$tree/sys" "$tree/sysroot"
install -m 755 "$here/init" "$tree/init"
install -m 755 "$BUSYBOX" "$tree/bin/busybox"
install -m 755 "$binary" "$tree/bin/kubejoin"
install -m 755 "$here/udhcpc.script" "$tree/bin/udhcpc.script"

# Appends a module to the order of loading, after all that it needs; the file itself says what that is.
load() {
	name=$(echo "$1" | sed 's/[-_]/[-_]/g')
	file=$(find "$KERNEL_MODULES/kernel" -name "$name.ko" -o -name "$name.ko.xz" -o -name "$name.ko.gz" | head -n 1)
	if [ -z "$file" ]; then
		grep -q "/$name\.ko$" "$KERNEL_MODULES/modules.builtin" && return
		echo "$0: no module $1 in $KERNEL_MODULES" >&2
		exit 2
	fi
	module=$(basename "$file" | sed 's/\.ko.*/.ko/')
	grep -qx "$module" "$tree/lib/modules/order" && return
	case $file in
	*.xz) xz -dc "$file" ;;
	*.gz) gzip -dc "$file" ;;
	*) cat "$file" ;;
	esac >"$tree/lib/modules/$module"
	for needed in $(tr '\0' '\n' <"$tree/lib/modules/$module" | sed -n 's/^depends=//p' | tr ',' ' '); do
		(load "$needed")
	done
	echo "$module" >>"$tree/lib/modules/order"
}
: >"$tree/lib/modules/order"
if [ -n "${KERNEL_MODULES-}" ]; then
	# shellcheck disable=SC2013 # words are what is wanted
	for wanted in $(sed 's/#.*//' "${MODULES:-$here/modules}"); do (load "$wanted"); done
fi

chmod -R u=rwX,go=rX "$tree"
find "$tree" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
(cd "$tree" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=+0:+0 --reproducible) >"$out"
