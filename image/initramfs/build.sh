#!/bin/sh
# Makes the smallest initramfs that joins a node: our binary, busybox, and the few modules.
#
#     image/initramfs/build.sh x86_64|aarch64 BINARY OUT.cpio
#
# KERNEL_MODULES  lib/modules/VERSION of the kernel it is for, packed (.zst, .xz, .gz) or not; nothing is taken where it is
#                 unset (all built in)
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

# A module's name as a pattern: - and _ are the same in it.
either() { echo "$1" | sed 's/[-_]/[-_]/g'; }
file_of() {
	pattern=$(either "$1")
	find "$KERNEL_MODULES" -type f \( -name "$pattern.ko" -o -name "$pattern.ko.zst" -o -name "$pattern.ko.xz" -o -name "$pattern.ko.gz" \) |
		head -n 1
}
# insmod of the initramfs unpacks nothing.
unpack() {
	case $1 in
	*.zst) zstd -dcq "$1" ;;
	*.xz) xz -dc "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}
is_builtin() {
	grep -q "/$(either "$1")\.ko$" "$KERNEL_MODULES/modules.builtin" && return
	[ -e "$KERNEL_MODULES/modules.builtin.modinfo" ] && grep -qazx "[^.]*\.alias=$(either "$1")" "$KERNEL_MODULES/modules.builtin.modinfo"
}
# Which module has this alias, as crc32c_generic is also called crypto-crc32c; of several the one for every processor.
provider() {
	pattern=$(either "$1")
	if [ -e "$KERNEL_MODULES/modules.alias" ]; then
		sed -n "s/^alias $pattern //p" "$KERNEL_MODULES/modules.alias"
	else
		# depmod has not been run there: the modules themselves say it.
		grep -rlazx --include='*.ko' "alias=$pattern" "$KERNEL_MODULES" || :
		find "$KERNEL_MODULES" -type f -name '*.ko.*' | while read -r file; do
			! unpack "$file" | grep -qazx "alias=$pattern" || echo "$file"
		done
	fi | sed 's|.*/||; s/\.ko.*//' | LC_ALL=C sort | awk 'NR == 1 || /[-_]generic$/ { found = $0 } END { print found }'
}
# The words of one kind in a module's own description: depends, or softdep, whose words stand behind pre: and post:.
says() { tr '\0' '\n' <"$1" | sed -n "s/^$2=//p" | tr ',' ' '; }
soft() { says "$1" softdep | awk -v kind="$2:" '{ for (i = 1; i <= NF; i++) if ($i ~ /:$/) in_kind = $i == kind; else if (in_kind) print $i }'; }

# load NAME [soft]: appends a module to the order of loading: behind what it needs (depends) and wants to have first (softdep,
# pre), before what it wants to have later. Without what is soft the kernel goes on, so it may be missing.
load() {
	file=$(file_of "$1")
	if [ -z "$file" ]; then
		if is_builtin "$1"; then return; fi
		other=$(provider "$1")
		if [ -n "$other" ]; then
			load "$other" "${2-}"
			return
		fi
		if [ -n "${2-}" ]; then return; fi
		echo "$0: no module $1 in $KERNEL_MODULES, and it is not built in; where this kernel does without, take it off the list in MODULES" >&2
		exit 2
	fi
	module=$(basename "$file" | sed 's/\.ko.*/.ko/')
	# Known from now on: two modules may want each other.
	[ ! -e "$tree/lib/modules/$module" ] || return 0
	unpack "$file" >"$tree/lib/modules/$module"
	for needed in $(says "$tree/lib/modules/$module" depends); do (load "$needed"); done
	for wanted in $(soft "$tree/lib/modules/$module" pre); do (load "$wanted" soft); done
	echo "$module" >>"$tree/lib/modules/order"
	for wanted in $(soft "$tree/lib/modules/$module" post); do (load "$wanted" soft); done
}
: >"$tree/lib/modules/order"
if [ -n "${KERNEL_MODULES-}" ]; then
	# shellcheck disable=SC2013 # words are what is wanted
	for wanted in $(sed 's/#.*//' "${MODULES:-$here/modules}"); do (load "$wanted"); done
fi

chmod -R u=rwX,go=rX "$tree"
find "$tree" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
(cd "$tree" && find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=+0:+0 --reproducible) >"$out"
