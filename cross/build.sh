#!/bin/sh
# Builds the release binary of one target, on a Debian machine that has rustup and nothing else:
#
#     cross/build.sh x86_64|aarch64
#
# leaves target/<target>/release/kubejoin, checked against cross/expect/<target>. The same commit and toolchain give the
# same bytes on every machine and in every directory: the date comes from SOURCE_DATE_EPOCH (default: the last commit's),
# and no path of this machine goes in.
set -eu

case ${1-} in
x86_64) target=x86_64-unknown-linux-musl compiler=musl-gcc packages="gcc libc6-dev musl-tools binutils" ;;
aarch64) target=aarch64-unknown-linux-musl compiler=aarch64-linux-gnu-gcc
	packages="gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils" ;;
*) echo "usage: $0 x86_64|aarch64" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
repository=$(pwd -P)

command -v cargo >/dev/null || { echo "$0: cargo is missing: install Rust with rustup (https://rustup.rs)" >&2; exit 2; }
# gcc links build scripts, the target's compiler makes ring's C files, readelf looks at the result.
if ! { command -v gcc && command -v "$compiler" && command -v readelf; } >/dev/null; then
	[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
	$sudo apt-get update -q
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
fi
sysroot=$(rustc --print sysroot)
if [ ! -d "$sysroot/lib/rustlib/$target" ]; then
	rustup target add "$target" || { echo "$0: this toolchain has no $target: run rustup target add $target" >&2; exit 2; }
fi

# The standard library is built along, from the toolchain's own source: without the reader of debug information that a
# backtrace would need, and for size. It makes the binary 12 % smaller. Only cargo's switch for it is unstable.
if [ ! -d "$sysroot/lib/rustlib/src/rust/library" ]; then
	rustup component add rust-src || { echo "$0: this toolchain has no rust-src: run rustup component add rust-src" >&2; exit 2; }
fi
export RUSTC_BOOTSTRAP=1

if [ -z "${SOURCE_DATE_EPOCH-}" ]; then
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) || { echo "$0: no git commit here: set SOURCE_DATE_EPOCH" >&2; exit 2; }
fi
export SOURCE_DATE_EPOCH
# They would replace the flags of .cargo/config.toml instead of adding to them.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET

output=${CARGO_TARGET_DIR:-$repository/target}
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
cargo fetch --locked --target "$target"
flags="'--remap-path-prefix=$repository=/kubejoin', '--remap-path-prefix=$output=/target'"
flags="$flags, '--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust'"
for source in "$registry"/*/; do
	flags="$flags, '--remap-path-prefix=${source%/}=/crates'"
done
# No trap behind a call that does not return.
flags="$flags, '-Ztrap-unreachable=no'"
cargo build --locked --release --package kubejoin --bin kubejoin --target "$target" \
	--config "target.$target.rustflags=[$flags]" \
	-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size

cross/check.sh "$target" "$output/$target/release/kubejoin"
