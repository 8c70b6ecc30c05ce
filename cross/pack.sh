#!/bin/sh
# Packs the release binaries for those who package them: an archive for each target with kubejoin and LICENSE, and SHA256SUMS.
#
#     cross/pack.sh DIRECTORY                  from target/<target>/release, of the targets that are built
#     cross/pack.sh --write-hashes DIRECTORY   also writes version and hashes into the recipes of image/
#
# The same binaries and SOURCE_DATE_EPOCH (default: the last commit's date) give the same bytes.
set -eu

write=
[ "${1-}" != --write-hashes ] || { write=yes; shift; }
case ${1-} in '' | -*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2 ;; esac
mkdir -p "$1"
out=$(cd "$1" && pwd -P)
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for architecture in x86_64 aarch64; do
	target=$architecture-unknown-linux-musl
	binary=${CARGO_TARGET_DIR:-target}/$target/release/kubejoin
	[ -x "$binary" ] || continue
	name=kubejoin-$version-$target
	mkdir "$work/$name"
	install -m 755 "$binary" "$work/$name/kubejoin"
	install -m 644 LICENSE "$work/$name/LICENSE"
	(cd "$work" && tar --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner --format=ustar -c "$name") | gzip -9n >"$out/$name.tar.gz"
done
ls "$out/kubejoin-$version"-*.tar.gz >/dev/null # fails where there is none
(cd "$out" && sha256sum "kubejoin-$version"-*.tar.gz >SHA256SUMS)
cat "$out/SHA256SUMS"

[ -n "$write" ] || exit 0
licence=$(sha256sum <LICENSE | cut -d' ' -f1)
while read -r hash file; do
	architecture=$(echo "$file" | sed 's/.*-\(x86_64\|aarch64\)-unknown.*/\1/')
	sed -i "s/^sha256  [0-9a-f]*  kubejoin-.*-$architecture-unknown-linux-musl\.tar\.gz\$/sha256  $hash  $file/; s/^sha256  [0-9a-f]*  LICENSE\$/sha256  $licence  LICENSE/" \
		image/buildroot/package/kubejoin/kubejoin.hash
	sed -i "s/^SRC_URI\[$architecture\.sha256sum\] = .*/SRC_URI[$architecture.sha256sum] = \"$hash\"/" \
		image/yocto/recipes-containers/kubejoin/kubejoin_*.bb
done <"$out/SHA256SUMS"
sed -i "s/^KUBEJOIN_VERSION = .*/KUBEJOIN_VERSION = $version/" image/buildroot/package/kubejoin/kubejoin.mk
recipe=$(echo image/yocto/recipes-containers/kubejoin/kubejoin_*.bb)
[ "${recipe##*_}" = "$version.bb" ] || mv "$recipe" "image/yocto/recipes-containers/kubejoin/kubejoin_$version.bb"
