#!/bin/sh
# Boots QEMU's Raspberry Pi 3B with Debian's kernel from a card with two partitions, as the boards have them: FAT with
# kubejoin.txt, and the root. Lets it join the tests' API server, with its clock at 1970:
#
#     image/raspberry-pi/boot_test.sh
#
# KUBEJOIN_BINARY  the binary to boot (target/aarch64-unknown-linux-musl/release/kubejoin; built where it is missing)
# APISERVER        the tests' API server (target/debug/apiserver; built)
# BOOT_SECONDS     how long a boot may take (900; it takes 30 to 60)
# FIGURES          where set, one more first boot, which is measured: a row of the table in image/README.md
# KEEP             a directory where consoles, card and trees are left
#
# QEMU reads none of what the firmware of a board reads (config.txt, cmdline.txt): kernel, device tree with serial number,
# initramfs and command line are given to it. Installs what is missing; kernel and busybox go into KUBEJOIN_CACHE.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
repository=$(cd "$here/../.." && pwd -P)
initramfs=$repository/image/initramfs
. "$here/../initramfs/boot_test/figures.sh"
export KUBEJOIN_CACHE="${KUBEJOIN_CACHE:-$repository/.cache}"
targets=${CARGO_TARGET_DIR:-$repository/target}
serial_number=10000000c0ffee01
node=pi-$serial_number

PATH=$PATH:/usr/sbin:/sbin
missing=
for needed in qemu-system-aarch64:qemu-system-arm cpio:cpio mke2fs:e2fsprogs debugfs:e2fsprogs mkfs.vfat:dosfstools mcopy:mtools \
	sfdisk:fdisk fdtput:device-tree-compiler jq:jq zstd:zstd; do
	command -v "${needed%%:*}" >/dev/null || missing="$missing ${needed##*:}"
done
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
	# shellcheck disable=SC2086 # several packages
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi
binary=${KUBEJOIN_BINARY:-$targets/aarch64-unknown-linux-musl/release/kubejoin}
[ -x "$binary" ] || "$repository/cross/build.sh" aarch64
if [ -z "${APISERVER-}" ]; then
	cargo build --locked --quiet --manifest-path "$repository/Cargo.toml" --package kubejoin-apiserver
	APISERVER=$targets/debug/apiserver
fi
"$initramfs/fetch.sh" arm64 busybox-static
kernel_package=$(LC_ALL=C apt-cache depends linux-image-arm64:arm64 | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1)
"$initramfs/fetch.sh" arm64 "$kernel_package"
unpacked=$KUBEJOIN_CACHE/arm64/$kernel_package

work=${KEEP:-$(mktemp -d)}
mkdir -p "$work"
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	[ -n "${KEEP-}" ] || rm -rf "$work"
}
trap finish EXIT

# The tests' API server, which a machine on QEMU's user network reaches at 10.0.2.2.
serve() {
	token=$(tr -dc a-z0-9 </dev/urandom | head -c 6).$(tr -dc a-z0-9 </dev/urandom | head -c 16)
	for attempt in 1 2 3 4 5; do
		# Below what the kernel hands out to clients (ip_local_port_range).
		port=$((20000 + ($$ * 7 + attempt * 1009) % 12000))
		endpoint=10.0.2.2:$port
		"$APISERVER" --listen "127.0.0.1:$port" --san 10.0.2.2 --advertise "$endpoint" --token "$token" >"$work/requests" &
		server=$!
		for _ in $(seq 50); do
			pin=$(sed -n 's/.*"caCertHash":"\([^"]*\)".*/\1/p' "$work/requests")
			[ -z "$pin" ] || return 0
			kill -0 "$server" 2>/dev/null || break
			sleep 0.2
		done
	done
	echo "$0: $APISERVER does not start" >&2
	exit 1
}

# card NAME FILE...: NAME.img, with these files on its FAT partition. QEMU wants a card's size to be a power of two.
card() {
	card=$work/$1.img
	shift
	skeleton=$work/skeleton
	rm -rf "$skeleton" "$card"
	for directory in bin sbin dev etc/systemd/system proc run sys tmp usr/bin usr/lib/systemd/system var/lib; do
		mkdir -p "$skeleton/$directory"
	done
	install -m 755 "$KUBEJOIN_CACHE/arm64/busybox-static/bin/busybox" "$skeleton/bin/busybox"
	install -m 755 "$skeleton/bin/busybox" "$skeleton/usr/bin/kubelet" # never run here
	# Such a board is not switched off, but reset, and QEMU ends then.
	sed 's/^poweroff/reboot/' "$initramfs/boot_test/root-init" >"$skeleton/sbin/init"
	chmod 755 "$skeleton/sbin/init"
	install -m 644 "$initramfs/boot_test/kubelet.service" "$skeleton/usr/lib/systemd/system/kubelet.service"
	echo raspberrypi >"$skeleton/etc/hostname" # as on every card
	truncate -s 128M "$card"
	printf '%s\n' 'label: dos' '2048,65536,c' '67584,,83' | sfdisk -q "$card"
	mke2fs -q -t ext4 -L rootfs -E "root_owner=0:0,offset=$((67584 * 512))" -d "$skeleton" "$card" 90M >/dev/null 2>&1
	truncate -s 32M "$work/fat"
	mkfs.vfat -n bootfs "$work/fat" >/dev/null
	mcopy -i "$work/fat" "$@" ::
	dd if="$work/fat" of="$card" bs=512 seek=2048 conv=notrunc status=none
}

# boot NAME [INITRAMFS]: powers the board on; afterwards there are its console ($serial), the tree of its root ($tree), and what it
# asked the server ($requests).
boot() {
	tree=$work/$1.tree serial=$work/$1.serial requests=$work/$1.requests
	before=$(awk '$1 + 0 > last { last = $1 + 0 } END { print last + 0 }' "$work/requests")
	began=$(date +%s)
	# The mini UART is the second serial port. Debian's kernel has another name for the console than the boards' kernels.
	timeout "${BOOT_SECONDS:-900}" qemu-system-aarch64 -M raspi3b -display none -monitor none -serial null -serial stdio -no-reboot \
		-netdev user,id=net -device usb-net,netdev=net -drive "file=$card,format=raw,if=sd" \
		-kernel "$unpacked"/boot/vmlinuz-* -dtb "$work/board.dtb" -initrd "${2-$work/initramfs.cpio}" \
		-append "$(sed 's/console=serial0/console=ttyS1/; s/console=tty1 //' "$here/cmdline.txt")" \
		</dev/null >"$serial.raw" || echo "$0: QEMU ended with an error, or after ${BOOT_SECONDS:-900} s" >&2
	tr -d '\r' <"$serial.raw" | tee "$serial"
	echo "-- $(($(date +%s) - began)) s from power on to reset"
	awk -v before="$before" '$1 + 0 > before' "$work/requests" >"$requests"
	rm -rf "$tree"
	mkdir -p "$tree"
	dd if="$card" of="$work/root.ext4" bs=1M skip=33 status=none
	debugfs -R "rdump / $tree" "$work/root.ext4" >/dev/null 2>&1
}

passed=0 failed=0
check() { # NAME COMMAND...
	name=$1
	shift
	if "$@" >"$work/check.log" 2>&1; then passed=$((passed + 1)); echo "ok   $name"; else failed=$((failed + 1)); echo "FAIL $name"; fi
}
said() { grep -q -- "$1" "$serial"; }
never() { ! "$@"; }

KERNEL_MODULES=$(echo "$unpacked"/lib/modules/*) MODULES=$here/modules "$initramfs/build.sh" aarch64 "$binary" "$work/initramfs.cpio"
echo "== the initramfs, $(wc -c <"$work/initramfs.cpio") bytes"
rm -rf "$work/initramfs.tree"
mkdir "$work/initramfs.tree"
(cd "$work/initramfs.tree" && cpio --quiet -id) <"$work/initramfs.cpio"
# phy_has_driver ID: a module of the initramfs, loaded before the network cards', is for the chip with this number (32 bits).
phy_has_driver() {
	number=$(($1)) bits=
	while [ ${#bits} -lt 32 ]; do bits=$((number % 2))$bits number=$((number / 2)); done
	# shellcheck disable=SC2013 # words are what is wanted
	for module in $(sed '/smsc95xx\|lan78xx\|genet/,$d' "$work/initramfs.tree/lib/modules/order"); do
		for pattern in $(tr '\0' '\n' <"$work/initramfs.tree/lib/modules/$module" | sed -n 's/^alias=mdio://p' | tr '?' '.'); do
			! echo "$bits" | grep -qx "$pattern" || return 0
		done
	done
	return 1
}
check "the Ethernet chip of a Pi 3B has its driver" phy_has_driver 0x0007c0f0
check "that of a Pi 3B+, too" phy_has_driver 0x0007c132
check "and that of a Pi 4" phy_has_driver 0x600d84a2
cp "$(find "$unpacked" -name bcm2837-rpi-3-b.dtb | head -n 1)" "$work/board.dtb"
fdtput -t s "$work/board.dtb" / serial-number "$serial_number" # the firmware puts it there
serve

echo "== a card with a pasted command, saved by an editor of Windows"
{ printf '\357\273\277'; sed "s/10\.0\.0\.1:6443/$endpoint/; s/abcdef\.[0-9a-f]*/$token/; s/sha256:[0-9a-f]*/$pin/; s/\$/\r/" "$here/kubejoin.txt"; } >"$work/kubejoin.txt"
card pasted "$work/kubejoin.txt" "$here/cmdline.txt" "$here/config.txt"
boot pasted
check "the root is entered" said '^root: entered'
check "the clock said 1970" said '^root: entered in 1970$'
check "result.json says joined" said '^root: result .*"outcome": *"joined"'
check "the node is called by the board's serial number" said "^root: result .*\"node\": *\"$node\""
check "the kubelet is told that name" grep -q -- "--hostname-override=$node" "$tree/var/lib/kubelet/kubeadm-flags.env"
check "the kubelet is enabled" test -L "$tree/etc/systemd/system/multi-user.target.wants/kubelet.service"
check "the token is nowhere on the root" never grep -aqF "${token#*.}" "$work/root.ext4"
check "the token is not on the console" never said "${token#*.}"

echo "== the same board boots again"
boot pasted
check "again: result.json says already joined" said '^root: result .*"outcome": *"already-joined"'
check "again: the server is not asked" [ ! -s "$requests" ]

echo "== a card with settings and token in files, the root of another cluster"
printf '%s\n' 'apiVersion: kubeadm.k8s.io/v1beta4' 'kind: JoinConfiguration' 'discovery:' '  bootstrapToken:' \
	"    apiServerEndpoint: $endpoint" "    caCertHashes: [\"sha256:$(printf '%064d' 0)\"]" >"$work/kubejoin.yaml"
echo "$token" >"$work/kubejoin.token"
card refused "$work/kubejoin.yaml" "$work/kubejoin.token"
boot refused
check "refused: the root is entered all the same" said '^root: entered'
check "refused: result.json says why" said '^root: result .*"discovery.ca-hash-mismatch"'
check "refused: the token was not sent" never grep -q system:bootstrap "$requests"
check "refused: nothing is written" [ ! -e "$tree/etc/kubernetes" ]

if [ -n "${FIGURES-}" ]; then
	echo "== figures"
	: >"$work/nothing"
	KERNEL_MODULES=$(echo "$unpacked"/lib/modules/*) MODULES=$here/modules "$initramfs/build.sh" aarch64 "$work/nothing" "$work/without.cpio"
	measuring "$work/initramfs.cpio" "$work/measuring.cpio"
	card measured "$work/kubejoin.txt"
	boot measured "$work/measuring.cpio"
	check "the board tells what it cost" \
		row raspberry-pi "Debian's kernel" aarch64 "$(compressed_growth "$work/without.cpio" "$work/initramfs.cpio")"
	cat "$work/check.log"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
