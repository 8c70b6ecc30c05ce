#!/bin/sh
# Runs a release binary: as it is where this machine can, else under qemu-user, which is installed where it is missing.
#
#     cross/smoke.sh x86_64|aarch64
#
# It has to tell its version, explain itself, refuse what it does not understand, and make a whole join onto an empty
# root, twice.
#
# KUBEJOIN_BINARY  the binary (target/TARGET/release/kubejoin; built where it is missing)
# APISERVER        the tests' API server (target/debug/apiserver; built)
set -eu

case ${1-} in
x86_64 | aarch64) target=$1-unknown-linux-musl ;;
*) echo "usage: $0 x86_64|aarch64" >&2; exit 2 ;;
esac
repository=$(cd "$(dirname "$0")/.." && pwd -P)
targets=${CARGO_TARGET_DIR:-$repository/target}
binary=${KUBEJOIN_BINARY:-$targets/$target/release/kubejoin}
[ -x "$binary" ] || "$repository/cross/build.sh" "$1"
if [ -z "${APISERVER-}" ]; then
	cargo build --locked --quiet --manifest-path "$repository/Cargo.toml" --package kubejoin-apiserver
	APISERVER=$targets/debug/apiserver
fi
if [ "$(uname -m)" = "$1" ]; then
	kubejoin() { "$binary" "$@"; }
else
	if ! command -v "qemu-$1" >/dev/null; then
		[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends qemu-user
	fi
	emulator=qemu-$1
	kubejoin() { "$emulator" "$binary" "$@"; }
fi

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
"$APISERVER" >"$work/requests" &
server=$!
for _ in $(seq 50); do [ -s "$work/requests" ] || sleep 0.2; done
said() { sed -n "1s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$work/requests"; }

passed=0 failed=0
check() { # NAME COMMAND...
	name=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		passed=$((passed + 1))
		echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
		sed 's/^/     /' "$work/log"
	fi
}
tells_version() { kubejoin version | tee /dev/stderr | grep -q "linux/$1"; }
refuses() {
	status=0
	kubejoin join --no-such-flag || status=$?
	[ "$status" = 2 ]
}
joins() {
	kubejoin join "$(said endpoint)" --token "$(said token)" --discovery-token-ca-cert-hash "$(said caCertHash)" \
		--node-name "smoke-$(echo "$1" | tr _ -)" --rootfs "$work/root" --result-file "$work/result.json"
}
listing() { (cd "$work/root" && find . ! -type d -printf '%m %i %T@ %p %l\n' | LC_ALL=C sort); }

mkdir -p "$work/root/etc" "$work/root/usr/bin" "$work/root/usr/lib/systemd/system"
install -m 755 /bin/true "$work/root/usr/bin/kubelet"
install -m 644 "$repository/image/initramfs/boot_test/kubelet.service" "$work/root/usr/lib/systemd/system/kubelet.service"
echo 5f2d1c0b9a8e4d7c9b6a5f4e3d2c1b0a >"$work/root/etc/machine-id"

check "tells its version" tells_version "$1"
check "explains itself" kubejoin join --help
check "refuses a flag that does not exist" refuses
check "joins" joins "$1"
check "the result says so" grep -q '"joined"' "$work/result.json"
check "kubelet.conf is written" test -s "$work/root/etc/kubernetes/kubelet.conf"
listing >"$work/first"
check "joins again" joins "$1"
check "the result says that it had joined" grep -q '"already-joined"' "$work/result.json"
listing >"$work/second"
check "nothing was touched" cmp "$work/first" "$work/second"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
