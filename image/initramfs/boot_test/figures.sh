# Part of the boot tests of this directory and of image/raspberry-pi: a row of the table in image/README.md.
# shellcheck shell=sh disable=SC2154 # work, binary, serial and result are the test's

# compressed_growth WITHOUT.cpio WITH.cpio: in bytes, as image makers compress it.
compressed_growth() { echo $(($(zstd -q -19 -c "$2" | wc -c) - $(zstd -q -19 -c "$1" | wc -c))); }

# measuring CPIO OUT.cpio: the same initramfs, whose kubejoin is run by `time`. The kernel unpacks a second archive over the
# first one.
measuring() {
	rm -rf "$work/measuring"
	mkdir -p "$work/measuring/bin"
	install -m 755 "$binary" "$work/measuring/bin/kubejoin.real"
	printf '#!/bin/busybox sh\nexec /bin/busybox time -v -o /run/kubejoin-time /bin/kubejoin.real "$@"\n' >"$work/measuring/bin/kubejoin"
	chmod 755 "$work/measuring/bin/kubejoin"
	(cat "$1" && cd "$work/measuring" && find . | cpio --quiet --create --format=newc --owner=+0:+0) >"$2"
}

# row NAME KERNEL ARCHITECTURE GROWTH: about the boot before, whose initramfs was a measuring one. There is no kubelet that
# could register. The kernel tells the peak in KB, and busybox takes it for pages of 4 KB.
row() {
	joined=$(sed -n 's/^root: kernel \[ *\([0-9]*\.[0-9]\).*kubejoin: joined.*/\1/p' "$serial" | head -n 1)
	ours=$(sed -n 's/^root: result //p' "$serial" | jq '[.phases[].ms] | add / 100 | round / 10')
	peak=$(sed -n 's/^root: peak .*: \([0-9]*\)$/\1/p' "$serial")
	[ -n "$joined" ] || return 1
	[ -n "$ours" ] || return 1
	[ -n "$peak" ] || return 1
	printf '| %s | %s | %s | %s | %s s | %s s | - | - | %s | %s |\n' "$1" "$2" "$3" "$4" "$joined" "$ours" $((peak / 4)) "$(cut -d' ' -f1 /proc/loadavg)"
}
