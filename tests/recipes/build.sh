#!/usr/bin/env bash
# Builds the real programs that read our recipes, from their pinned Go modules:
#
#   build.sh [PROGRAM...]    all of them, or these
#   build.sh --print-dir     builds nothing, prints where they are or would be
#
#   butane, ignition (also as ignition-apply), ignition-validate     module ignition
#   bootstrapdata-1.14, bootstrapdata-1.8                            Cluster API's bootstrap provider: see their main.go
#
# Prints that directory, ${KUBEJOIN_CACHE:-<repository>/.cache}/recipes, everything else on stderr. What has not changed is
# not built again. Installs libblkid-dev and gcc where they are missing (then it has to be root). Needs Go >= 1.26; on two
# cores with empty caches five minutes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(realpath -m "${KUBEJOIN_CACHE:-$here/../../.cache}/recipes")

# program, module, package, 1 for cgo. Whether a file system wants labels of SELinux is decided when Ignition is built.
recipes=(
  "butane             ignition         github.com/coreos/butane/internal          0"
  "ignition-validate  ignition         github.com/coreos/ignition/v2/validate     0"
  "ignition           ignition         github.com/coreos/ignition/v2/internal     1"
  "bootstrapdata-1.14 cluster-api-1.14 .                                          0"
  "bootstrapdata-1.8  cluster-api-1.8  .                                          0"
)
ldflags="-s -w -X github.com/coreos/ignition/v2/internal/distro.selinuxRelabel=false"

main() {
  local recipe program module package cgo from
  case ${1:-} in
    --print-dir) echo "$out"; return ;;
    -*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
  mkdir -p "$out/.built-from"
  exec 9>"$out/.lock"
  flock 9
  for recipe in "${recipes[@]}"; do
    read -r program module package cgo <<<"$recipe"
    if [ $# -gt 0 ] && [[ " $* " != *" $program "* ]]; then continue; fi
    from=$(cd "$here" && find build.sh "$module" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum)
    if [ -x "$out/$program" ] && [ "$(cat "$out/.built-from/$program" 2>/dev/null)" = "$from" ]; then continue; fi
    command -v go >/dev/null || { echo "recipes: Go is missing: install Go 1.26 or newer" >&2; exit 1; }
    [ "$cgo" = 0 ] || with_blkid
    echo "recipes: building $program" >&2
    (cd "$here/$module" && CGO_ENABLED=$cgo GOWORK=off \
      go build -mod=readonly -buildvcs=false -trimpath -ldflags "$ldflags" -o "$out/.$program.new" "$package") >&2
    mv "$out/.$program.new" "$out/$program"
    printf '%s\n' "$from" >"$out/.built-from/$program"
  done
  ln -sf ignition "$out/ignition-apply" # the same program: it applies a configuration to a tree
  echo "$out"
}

with_blkid() {
  if command -v gcc >/dev/null && [ -e /usr/include/blkid/blkid.h ]; then return; fi
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 --no-install-recommends gcc libc6-dev libblkid-dev >&2
}

main "$@"
