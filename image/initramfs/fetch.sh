#!/bin/sh
# Unpacks a Debian package of any architecture into the cache, without installing it:
#
#     image/initramfs/fetch.sh amd64|arm64 PACKAGE        -> ${KUBEJOIN_CACHE:-.cache}/ARCH/PACKAGE
#
# Needs root (or sudo) only to make a foreign architecture, or the lists of packages, known to apt.
set -eu

architecture=$1 package=$2
here=$(cd "$(dirname "$0")" && pwd -P)
cache=${KUBEJOIN_CACHE:-$here/../../.cache}
unpacked=$cache/$architecture/$package
[ ! -d "$unpacked" ] || exit 0

candidate() { LC_ALL=C apt-cache policy "$package:$architecture" | grep -q 'Candidate: [^(]'; }
if ! candidate; then
	[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
	[ "$(dpkg --print-architecture)" = "$architecture" ] || $sudo dpkg --add-architecture "$architecture"
	$sudo apt-get update -q
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# apt gives up its privileges to fetch; it must be able to write here.
chmod 777 "$work"
(cd "$work" && apt-get download -q "$package:$architecture")
mkdir -p "$cache/$architecture"
dpkg-deb -x "$work"/*.deb "$work/tree"
chmod 755 "$work/tree"
mv -T "$work/tree" "$unpacked" 2>/dev/null || [ -d "$unpacked" ] # another run was quicker
