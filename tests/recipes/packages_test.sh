#!/usr/bin/env bash
# The archives of cross/pack.sh, and what packagers make of them: the same bytes twice, the hashes of the recipes for Buildroot
# and Yocto after --write-hashes, and the files for Nix as Nix itself parses them.
#
#   packages_test.sh BINARY
#
# Installs nix-bin where it is missing. Closing line "N passed, N failed".
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

. "$repository/tests/recipes/check.sh"

main() {
  local version architecture archive file
  [ $# = 1 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2; }
  command -v nix-instantiate >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nix-bin
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # A copy of the recipes, because hashes are written into them. What one binary is, is the same to an archive.
  (cd "$repository" && git ls-files -z Cargo.toml LICENSE cross image | cpio -0pdm --quiet "$work/copy")
  for architecture in x86_64 aarch64; do
    install -D -m 755 "$1" "$work/target/$architecture-unknown-linux-musl/release/kubejoin"
  done
  export CARGO_TARGET_DIR=$work/target SOURCE_DATE_EPOCH=1767225600
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$repository/Cargo.toml" | head -n 1)

  check "packs" "$work/copy/cross/pack.sh" --write-hashes "$work/one"
  check "packs again" "$work/copy/cross/pack.sh" "$work/two"
  check "the same bytes" diff -r "$work/one" "$work/two"
  cd "$work/copy/image"
  for architecture in x86_64 aarch64; do
    archive=kubejoin-$version-$architecture-unknown-linux-musl
    check "$architecture: binary and licence, root's" [ "$(tar -tvzf "$work/one/$archive.tar.gz" | awk '{print $1, $2, $6}' | sort)" = "$(
      printf '%s root/root %s\n' -rw-r--r-- "$archive/LICENSE" -rwxr-xr-x "$archive/kubejoin" drwxr-xr-x "$archive/" | sort | sed 's#root/root#0/0#')" ]
    hash=$(sha256sum <"$work/one/$archive.tar.gz" | cut -d' ' -f1)
    check "$architecture: Buildroot has the hash" grep -qx "sha256  $hash  $archive.tar.gz" buildroot/package/kubejoin/kubejoin.hash
    check "$architecture: Yocto has the hash" grep -qx "SRC_URI\[$architecture.sha256sum\] = \"$hash\"" "yocto/recipes-containers/kubejoin/kubejoin_$version.bb"
  done
  check "Buildroot has the licence's hash" grep -qx "sha256  $(sha256sum <"$repository/LICENSE" | cut -d' ' -f1)  LICENSE" buildroot/package/kubejoin/kubejoin.hash
  check "Yocto has the licence's MD5" grep -q "LICENSE;md5=$(md5sum <"$repository/LICENSE" | cut -d' ' -f1)\"" "yocto/recipes-containers/kubejoin/kubejoin_$version.bb"
  sed -i 's/^version = .*/version = "9.8.7"/' ../Cargo.toml
  check "packs the next version" ../cross/pack.sh --write-hashes "$work/next"
  check "Buildroot has the next version" grep -qx 'KUBEJOIN_VERSION = 9.8.7' buildroot/package/kubejoin/kubejoin.mk
  check "Buildroot has its hashes" [ "$(grep -c 'kubejoin-9.8.7-' buildroot/package/kubejoin/kubejoin.hash)" = 2 ]
  check "Yocto has the next version" test -e yocto/recipes-containers/kubejoin/kubejoin_9.8.7.bb
  for file in nix/*.nix; do
    check "Nix parses $file" nix-instantiate --parse "$file"
    head -n -1 "$file" >"$work/half.nix"
    check "and not the half of it" fails nix-instantiate --parse "$work/half.nix"
  done
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

main "$@"
