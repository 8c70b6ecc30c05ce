#!/bin/sh
# Makes a system extension of kubejoin, its units and, where TREE is named, what else is in there (TREE/usr/...):
#
#     image/sysext/build.sh x86-64|arm64 BINARY OUT.raw [TREE]
#
# FORMAT  squashfs (needs mksquashfs) or erofs (needs mkfs.erofs); squashfs where it is unset
#
# The same inputs and SOURCE_DATE_EPOCH (0 where unset) give the same bytes. OUT's name without .raw has to be that of
# the extension on the machine; `kubejoin`, unless EXTENSION says another.
set -eu

case $# in 3 | 4) ;; *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2 ;; esac
binary=$2 out=$3 more=${4-}
# As systemd calls them (os-release(5), ARCHITECTURE=): another name would be merged nowhere.
case $1 in
x86-64 | x86_64) architecture=x86-64 ;;
arm64 | aarch64) architecture=arm64 ;;
*) echo "$0: unknown architecture $1: x86-64 or arm64" >&2; exit 2 ;;
esac
name=${EXTENSION:-kubejoin}
here=$(cd "$(dirname "$0")" && pwd -P)
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
# The links point to image/systemd.
cp -rL "$here/kubejoin.sysext/files/." "$tree"
install -D -m 755 "$binary" "$tree/usr/bin/kubejoin"
[ -z "$more" ] || cp -a "$more/." "$tree"
release=$tree/usr/lib/extension-release.d/extension-release.$name
mkdir -p "${release%/*}"
# _any: a static binary and units run on every distribution. Merging reloads the manager from systemd 254 on.
printf 'ID=_any\nARCHITECTURE=%s\nEXTENSION_RELOAD_MANAGER=1\n' "$architecture" >"$release"
chmod -R u=rwX,go=rX "$tree"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

rm -f "$out"
case ${FORMAT:-squashfs} in
squashfs) mksquashfs "$tree" "$out" -all-root -noappend -no-xattrs -comp zstd -quiet -no-progress >/dev/null ;;
erofs) mkfs.erofs -d0 --all-root -T "$SOURCE_DATE_EPOCH" -U 6b6a6f69-6e00-4000-8000-000000000000 -zlz4hc "$out" "$tree" >/dev/null ;;
*) echo "$0: unknown FORMAT $FORMAT: squashfs or erofs" >&2; exit 2 ;;
esac
