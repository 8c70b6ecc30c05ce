#!/bin/sh
# Boots a machine in QEMU from kernel, initramfs and command line alone, with its clock at 1970, lets it join the tests'
# API server, and looks at the root file system that it enters:
#
#     image/initramfs/boot_test.sh x86_64|aarch64
#
# KUBEJOIN_BINARY  the binary to boot (target/TARGET/release/kubejoin; built where it is missing)
# APISERVER        the tests' API server (target/debug/apiserver; built)
# BOOT_SECONDS     how long a boot may take (900; without KVM it takes 5 to 20)
# FIGURES          where set, one more first boot, which is measured: a row of the table in image/README.md
# KEEP             a directory where serial output, image and the tree from it are left
#
# Debian's kernels and busybox are fetched into KUBEJOIN_CACHE (.cache of the repository). The kernel of x86_64 has ext4 built
# in, that of aarch64 as a module. Installs QEMU where it is missing.
set -eu

case ${1-} in
x86_64) target=x86_64-unknown-linux-musl debian=amd64 qemu=qemu-system-x86_64 package=qemu-system-x86 console=ttyS0
	machine="-M q35 -cpu max" kernel=linux-image-cloud-amd64
	# It counts ticks, and panics where an emulator that is short of processor time has given too few.
	kernel_options=no_timer_check ;;
# A Raspberry Pi 4's processor: no instruction for random numbers, so the kernel has to find its own.
aarch64) target=aarch64-unknown-linux-musl debian=arm64 qemu=qemu-system-aarch64 package=qemu-system-arm console=ttyAMA0
	machine="-M virt -cpu cortex-a72" kernel=linux-image-arm64 kernel_options= ;;
*) echo "usage: $0 x86_64|aarch64" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd -P)
repository=$(cd "$here/../.." && pwd -P)
. "$here/boot_test/figures.sh"
export KUBEJOIN_CACHE="${KUBEJOIN_CACHE:-$repository/.cache}"
targets=${CARGO_TARGET_DIR:-$repository/target}
node=boot-$debian

install_missing() { # COMMAND PACKAGE
	command -v "$1" >/dev/null && return
	[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$2"
}
PATH=$PATH:/usr/sbin:/sbin
install_missing "$qemu" "$package"
install_missing cpio cpio
install_missing mke2fs e2fsprogs
install_missing openssl openssl
install_missing zstd zstd
install_missing xz xz-utils

binary=${KUBEJOIN_BINARY:-$targets/$target/release/kubejoin}
[ -x "$binary" ] || "$repository/cross/build.sh" "$1"
binary=$(realpath "$binary")
if [ -z "${APISERVER-}" ]; then
	cargo build --locked --quiet --manifest-path "$repository/Cargo.toml" --package kubejoin-apiserver
	APISERVER=$targets/debug/apiserver
fi
"$here/fetch.sh" "$debian" busybox-static
kernel_package=$(LC_ALL=C apt-cache depends "$kernel:$debian" | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1)
"$here/fetch.sh" "$debian" "$kernel_package"
unpacked=$KUBEJOIN_CACHE/$debian/$kernel_package

work=${KEEP:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd -P)
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	[ -n "${KEEP-}" ] || rm -rf "$work"
}
trap finish EXIT

# Starts the tests' API server, which machines on QEMU's user network reach at 10.0.2.2.
serve() {
	token=$(tr -dc a-z0-9 </dev/urandom | head -c 6).$(tr -dc a-z0-9 </dev/urandom | head -c 16)
	secret=${token#*.}
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

# Makes NAME.ext4: what an image brings along, as far as a join is concerned.
root() {
	skeleton=$work/$1.skeleton
	rm -rf "$skeleton" "$work/$1.ext4"
	for directory in bin sbin dev etc/systemd/system proc run sys tmp usr/bin usr/lib/systemd/system var/lib; do
		mkdir -p "$skeleton/$directory"
	done
	install -m 755 "$KUBEJOIN_CACHE/$debian/busybox-static/bin/busybox" "$skeleton/bin/busybox"
	# Never run here: it is found, no more.
	install -m 755 "$skeleton/bin/busybox" "$skeleton/usr/bin/kubelet"
	install -m 755 "$here/boot_test/root-init" "$skeleton/sbin/init"
	install -m 644 "$here/boot_test/kubelet.service" "$skeleton/usr/lib/systemd/system/kubelet.service"
	echo 5f2d1c0b9a8e4d7c9b6a5f4e3d2c1b0a >"$skeleton/etc/machine-id"
	mke2fs -q -t ext4 -E root_owner=0:0 -d "$skeleton" "$work/$1.ext4" 64M >/dev/null
}

# boot ROOT PIN [INITRAMFS]: powers a machine on; afterwards there are its console ($serial), the tree of its root ($tree), the
# image of that ($disk), and what it asked the server ($requests).
boot() {
	tree=$work/$1.tree serial=$work/$1.serial disk=$work/$1.ext4 requests=$work/$1.requests
	# By number of the connection, the first word of a line: a WATCH of the boot before may be logged during this one.
	before=$(awk '$1 + 0 > last { last = $1 + 0 } END { print last + 0 }' "$work/requests")
	began=$(date +%s)
	# quiet: the kernel repeats its command line, token included, on a console that is not.
	# shellcheck disable=SC2086
	timeout "${BOOT_SECONDS:-900}" "$qemu" $machine -m 256 -display none -monitor none -serial stdio -no-reboot \
		-rtc base=1970-01-01 -netdev user,id=net -device virtio-net-pci,netdev=net \
		-drive "file=$disk,format=raw,if=none,id=root" -device virtio-blk-pci,drive=root \
		-kernel "$unpacked"/boot/vmlinuz-* -initrd "${3-$work/initramfs.cpio}" \
		-append "console=$console quiet panic=1 $kernel_options root=/dev/vda kubejoin.endpoint=$endpoint kubejoin.token=$token kubejoin.ca-cert-hash=$2 kubejoin.node-name=$node $parameters" \
		</dev/null >"$serial.raw" || echo "$0: QEMU ended with an error, or after ${BOOT_SECONDS:-900} s" >&2
	tr -d '\r' <"$serial.raw" | tee "$serial"
	echo "-- $(($(date +%s) - began)) s from power on to power off"
	awk -v before="$before" '$1 + 0 > before' "$work/requests" >"$requests"
	rm -rf "$tree"
	mkdir -p "$tree"
	debugfs -R "rdump / $tree" "$disk" >/dev/null 2>&1
}

# What else is on the kernel command line.
parameters=

passed=0 failed=0
check() { # NAME COMMAND...
	name=$1
	shift
	if "$@" >"$work/check.log" 2>&1; then passed=$((passed + 1)); echo "ok   $name"; else failed=$((failed + 1)); echo "FAIL $name"; fi
}
said() { grep -q -- "$1" "$serial"; }
never() { ! "$@"; }
mode() { [ "$(stat -c %a "$tree/$2")" = "$1" ]; }
link() { [ "$(readlink "$tree/$2")" = "$1" ]; }
contains() { grep -q -- "$2" "$tree/$1"; }

current=var/lib/kubelet/pki/kubelet-client-current.pem
enabled=etc/systemd/system/multi-user.target.wants/kubelet.service
certificate_and_key_belong_together() {
	[ -n "$certificate" ] && [ "$(openssl x509 -in "$tree/var/lib/kubelet/pki/$certificate" -noout -pubkey)" = \
		"$(openssl pkey -in "$tree/var/lib/kubelet/pki/$certificate" -pubout)" ]
}
certificate_is_the_nodes() {
	openssl x509 -in "$tree/var/lib/kubelet/pki/$certificate" -noout -subject -nameopt RFC2253 | grep -qx "subject=CN=system:node:$node,O=system:nodes"
}
certificate_is_the_clusters() {
	openssl verify -purpose sslclient -CAfile "$tree/etc/kubernetes/pki/ca.crt" "$tree/var/lib/kubelet/pki/$certificate" >/dev/null
}
everything_is_roots() { said '^root: file 0:0 [0-7]* /etc/kubernetes/kubelet.conf$' && ! grep '^root: file' "$serial" | grep -qv ' 0:0 '; }
clean() { e2fsck -fn "$disk"; }
nothing_is_written() { [ "$(cd "$tree" && find etc var ! -type d)" = etc/machine-id ]; }
no_clutter() {
	# A dot name is a write that was not finished; the others are what a finished join has used up.
	[ -z "$(find "$tree/etc" "$tree/var" -name '.*' -o -name '*.tmp' -o -name bootstrap-kubelet.conf)" ]
}

# The place in the order of loading; more than any other where it is not in it.
place() { awk -v module="$1.ko" '$0 == module { found = NR } END { print found ? found : 999 }' "$work/order"; }
loads_before() { [ "$(place "$1")" -lt "$(place "$2")" ]; }
# The same modules, each packed in another way, as other distributions have them, and the aliases as depmod writes them.
pack() { # DIRECTORY
	mkdir -p "$1"
	cp "$modules"/modules.builtin* "$1"
	echo 'alias crypto_crc32c crc32c_generic' >"$1/modules.alias"
	set -- "$1" zstd xz gzip
	while read -r module; do
		file=$(cd "$modules" && find . -name "$module")
		mkdir -p "$1/$(dirname "$file")"
		case $2 in
		zstd) zstd -q "$modules/$file" -o "$1/$file.zst" ;;
		xz) xz -c "$modules/$file" >"$1/$file.xz" ;;
		gzip) gzip -c "$modules/$file" >"$1/$file.gz" ;;
		esac
		set -- "$1" "$3" "$4" "$2"
	done <"$work/order"
}
fails_without_a_module() {
	echo no_such_module >"$work/wanted"
	! MODULES=$work/wanted KERNEL_MODULES=$modules "$here/build.sh" "$1" "$binary" "$work/none.cpio" 2>"$work/said" &&
		grep -q 'no module no_such_module in' "$work/said"
}

modules=$(echo "$unpacked"/lib/modules/*)
KERNEL_MODULES=$modules "$here/build.sh" "$1" "$binary" "$work/initramfs.cpio"
(cd "$work" && cpio --quiet --extract --to-stdout lib/modules/order <initramfs.cpio >order)
echo "== $1: the initramfs, $(wc -c <"$work/initramfs.cpio") bytes"
check "init is short" [ "$(wc -l <"$here/init")" -le 50 ]
(umask 077 && cd / && KERNEL_MODULES=$modules "$here/build.sh" "$1" "$binary" "$work/again.cpio")
check "built again it is the same" cmp "$work/initramfs.cpio" "$work/again.cpio"
pack "$work/packed"
KERNEL_MODULES=$work/packed "$here/build.sh" "$1" "$binary" "$work/again.cpio"
check "built from packed modules it is the same" cmp "$work/initramfs.cpio" "$work/again.cpio"
check "a module that is missing is named" fails_without_a_module "$1"
if [ "$1" = aarch64 ]; then
	# By softdep alone, and by an alias.
	check "ext4 is loaded behind its checksums" loads_before crc32c_generic ext4
	check "and behind what it needs" loads_before jbd2 ext4
fi
serve

echo "== $1: a first boot"
root joined
boot joined "$pin"
certificate=$(find "$tree/var/lib/kubelet/pki" -name 'kubelet-client-[0-9]*.pem' -printf '%f\n' 2>/dev/null) || :
check "the initramfs hands over to the root" said '^root: entered'
check "the clock said 1970 all along" said '^root: entered in 1970$'
check "result.json says joined" said '^root: result .*"outcome": *"joined"'
check "beside the lock, result.json is alone" said '^root: clutter $'
check "everything is root's" everything_is_roots
check "ca.crt" mode 644 etc/kubernetes/pki/ca.crt
check "config.yaml" mode 644 var/lib/kubelet/config.yaml
check "config.yaml is a KubeletConfiguration" contains var/lib/kubelet/config.yaml KubeletConfiguration
check "instance-config.yaml" mode 644 var/lib/kubelet/instance-config.yaml
check "kubeadm-flags.env" mode 644 var/lib/kubelet/kubeadm-flags.env
check "kubeadm-flags.env names the node" contains var/lib/kubelet/kubeadm-flags.env "$node"
check "kubelet.conf" mode 600 etc/kubernetes/kubelet.conf
check "kubelet.conf names the server" contains etc/kubernetes/kubelet.conf "https://$endpoint"
check "kubelet.conf names the certificate" contains etc/kubernetes/kubelet.conf "/$current"
check "the certificate's file" mode 600 "var/lib/kubelet/pki/$certificate"
check "the link to it" link "/var/lib/kubelet/pki/$certificate" "$current"
check "certificate and key belong together" certificate_and_key_belong_together
check "the certificate is the node's" certificate_is_the_nodes
check "the certificate is of the cluster" certificate_is_the_clusters
check "the kubelet's unit is enabled" link /usr/lib/systemd/system/kubelet.service "$enabled"
check "nothing temporary is left" no_clutter
check "the token is nowhere on the disk" never grep -aqF "$secret" "$disk"
check "the token is not on the console" never said "$secret"
check "the file system is clean" clean

echo "== $1: the same machine boots again"
boot joined "$pin"
check "again: the root is entered" said '^root: entered'
check "again: result.json says already joined" said '^root: result .*"outcome": *"already-joined"'
check "again: the server is not bothered" [ ! -s "$requests" ]
check "again: the same certificate is in use" link "/var/lib/kubelet/pki/$certificate" "$current"

echo "== $1: the same machine is told to reset itself"
parameters=kubejoin.reset=1
boot joined "$pin"
parameters=
former=$certificate
certificate=$(find "$tree/var/lib/kubelet/pki" -name 'kubelet-client-[0-9]*.pem' -printf '%f\n' 2>/dev/null) || :
check "reset: the console says so" said 'this root is reset first'
check "reset: the root is entered" said '^root: entered'
check "reset: result.json says joined" said '^root: result .*"outcome": *"joined"'
check "reset: the certificate is another one" never [ "$certificate" = "$former" ]
check "reset: certificate and key belong together" certificate_and_key_belong_together
check "reset: nothing temporary is left" no_clutter
check "reset: the token is nowhere on the disk" never grep -aqF "$secret" "$disk"

echo "== $1: the pin of another cluster"
root refused
boot refused sha256:0000000000000000000000000000000000000000000000000000000000000000
check "refused: the root is entered all the same" said '^root: entered'
check "refused: result.json says why" said '^root: result .*"discovery.ca-hash-mismatch"'
check "refused: nothing is written" nothing_is_written
check "refused: the server was asked for cluster-info" grep -q cluster-info "$requests"
check "refused: the token was not sent" never grep -q system:bootstrap "$requests"
check "refused: the token is nowhere on the disk" never grep -aqF "$secret" "$disk"
check "refused: the token is not on the console" never said "$secret"

if [ -n "${FIGURES-}" ]; then
	echo "== $1: figures"
	install_missing jq jq
	: >"$work/nothing"
	KERNEL_MODULES=$modules "$here/build.sh" "$1" "$work/nothing" "$work/without.cpio"
	measuring "$work/initramfs.cpio" "$work/measuring.cpio"
	root measured
	boot measured "$pin" "$work/measuring.cpio"
	check "the machine tells what it cost" \
		row initramfs "Debian's kernel" "$1" "$(compressed_growth "$work/without.cpio" "$work/initramfs.cpio")"
	cat "$work/check.log"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
