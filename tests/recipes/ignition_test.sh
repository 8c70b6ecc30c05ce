#!/usr/bin/env bash
# Each Butane file of image/ignition is translated by the real butane, validated by ignition-validate, and applied to an empty
# tree by the real Ignition, which fetches from a web server on the loopback what the file says; then kubejoin joins that
# tree, with what it finds there and nothing else.
#
#   ignition_test.sh BINARY
#
# BINARY a kubejoin. As root, because Ignition changes owners. Closing line "N passed, N failed".
# shellcheck disable=SC2016 # what stands in single quotes is jq's
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
image=$repository/image/ignition
export KUBEJOIN_CACHE="${KUBEJOIN_CACHE:-$repository/.cache}"

finished='' started=()
. "$here/check.sh"

main() {
  local file
  [ $# = 1 ] || { sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2; }
  binary=$(realpath "$1")
  [ "$(id -u)" = 0 ] || { echo "ignition_test: Ignition needs root" >&2; exit 2; }
  command -v systemd-analyze >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends systemd
  programs=$("$here/build.sh" butane ignition ignition-validate)
  work=$(mktemp -d /tmp/kubejoin-ignition.XXXXXX)
  trap finish EXIT
  trap 'exit 1' INT TERM
  apiserver
  web_server
  for file in "$image"/*.service; do
    check "systemd takes $(basename "$file")" systemd-analyze verify --man=no "$file"
  done
  check "kubejoin.yaml is valid without a token" "$binary" config validate --config "$image/kubejoin.yaml"
  for file in "$image"/*.bu; do recipe "$(basename "$file" .bu)"; done
  refused
  finished=yes
}

# recipe NAME: from the file to a joined tree.
recipe() {
  local name=$1 tree=$work/$1/root unit
  mkdir -p "$tree/etc" "$work/$name"
  check "$name: translated as it is, without a warning" translate "$image" "$name" "$work/$name/as-is.ign"
  check "$name: valid as it is" "$programs/ignition-validate" "$work/$name/as-is.ign"
  check "$name: the token is only in a file of root's" token_is_in_one_file "$work/$name/as-is.ign"
  fill_in "$name"
  check "$name: translated with values" translate "$work/$name/files" "$name" "$work/$name/filled.ign"
  served "$work/$name/filled.ign" >"$work/$name/config.ign"
  cp /etc/passwd /etc/group "$tree/etc/"
  check "$name: Ignition applies it" "$programs/ignition-apply" --root "$tree" "$work/$name/config.ign"
  check "$name: kubejoin.yaml and kubejoin.token are root's alone" \
    [ "$(stat -c '%a %U' "$tree/etc/kubejoin/kubejoin.yaml" "$tree/etc/kubejoin/kubejoin.token" | sort -u)" = "600 root" ]
  case $name in
    *-sysext)
      check "$name: the extensions are where they are merged from" extensions_are_there "$tree"
      check "$name: nothing upholds the kubelet" [ "$(readlink "$tree/etc/systemd/system/multi-user.target.d/10-kubelet-service.conf")" = /dev/null ]
      install -D -m 755 "$work/web/kubelet" "$tree/usr/bin/kubelet" # what its extension brings
      install -D -m 644 "$image/kubelet.service" "$tree/usr/lib/systemd/system/kubelet.service"
      ;;
    *)
      for unit in kubejoin kubelet containerd; do
        check "$name: $unit.service is enabled at the first boot" grep -qx "enable $unit.service" "$tree/etc/systemd/system-preset/20-ignition.preset"
      done
      check "$name: kubejoin can be run" "$(echo "$tree"/{opt,usr/local}/bin/kubejoin | tr ' ' '\n' | while read -r it; do [ ! -x "$it" ] || echo "$it"; done)" version
      ;;
  esac
  echo 5f2d1c0b9a8e4d7c9b6a5f4e3d2c1b0a >"$tree/etc/machine-id"
  echo "$name" >"$tree/etc/hostname"
  : >"$work/empty"
  check "$name: joins with what is there" env -i "$binary" ensure --rootfs "$tree" --shred-token-file --deadline 60s \
    --kernel-command-line "$work/empty" --result-file "$work/$name/result.json"
  check "$name: joined as the machine's host name" jq -e --arg name "$name" '.outcome == "joined" and .node == $name' "$work/$name/result.json"
  check "$name: the kubelet has its certificate" test -s "$tree$(readlink "$tree/var/lib/kubelet/pki/kubelet-client-current.pem")"
  check "$name: the token's file is gone" [ ! -e "$tree/etc/kubejoin/kubejoin.token" ]
}

# --strict: a warning, such as of a key that does not exist, is an error.
translate() { "$programs/butane" --strict --files-dir "$1" --output "$3" <"$1/$2.bu"; }

token_is_in_one_file() {
  jq -e '[.storage.files[] | select(.path == "/etc/kubejoin/kubejoin.token")] | length == 1 and .[0].mode == 384' "$1" \
    && [ "$(jq -c 'del(.storage.files[] | select(.path == "/etc/kubejoin/kubejoin.token"))' "$1" | grep -c '[a-z0-9]\{6\}\.[a-z0-9]\{16\}')" = 0 ]
}

# What a user changes: endpoint, hash and token of the examples.
fill_in() {
  cp -r "$image" "$work/$1/files"
  sed -i "s/10\.0\.0\.1:6443/$endpoint/; s/sha256:[0-9a-f]\{64\}/$pin/; s/abcdef\.0123456789abcdef/$token/" "$work/$1/files/"*.yaml "$work/$1/files/"*.bu
  cp "$work/$1/files/kubejoin.yaml" "$work/web/kubejoin.yaml"
  printf '%s\n' "$token" >"$work/web/kubejoin.token"
}

# The configuration with the addresses of our web server, which has the last part of every address, and their true hashes.
served() {
  local source name
  cp "$1" "$work/served"
  jq -r '.storage.files[].contents.source // empty | select(startswith("https:"))' "$1" | sort -u | while read -r source; do
    name=${source##*/}
    [ -e "$work/web/$name" ] || cp "$work/web/kubelet" "$work/web/$name"
    case $name in kubejoin-*-x86_64) cp "$binary" "$work/web/$name" ;; esac
    jq --arg source "$source" --arg here "$web/$name" --arg hash "sha256-$(sha256sum <"$work/web/$name" | cut -d' ' -f1)" '
      (.storage.files[] | select(.contents.source == $source)).contents |=
        (.source = $here | if .verification.hash then .verification.hash = $hash else . end)' "$work/served" >"$work/served.new"
    mv "$work/served.new" "$work/served"
  done
  cat "$work/served"
}

extensions_are_there() {
  local name
  for name in kubejoin kubernetes; do
    [ -s "$1$(readlink "$1/etc/extensions/$name.raw")" ] || return 1
  done
}

# What has to be an error, so that an "ok" above means something.
refused() {
  local file=flatcar-file
  mkdir "$work/wrong"
  cp "$image"/* "$work/wrong/"
  wrong() { # NAME SED_EXPRESSION
    sed "$2" "$image/$file.bu" >"$work/wrong/$file.bu"
    check "wrong: $1 makes another file" fails cmp -s "$image/$file.bu" "$work/wrong/$file.bu"
    check "wrong: $1 is refused" fails translate "$work/wrong" "$file" "$work/wrong/out.ign"
  }
  wrong "an unknown key" 's/contents_local: kubejoin/content_local: kubejoin/'
  wrong "a mode that is no number" 's/mode: 0600/mode: rw/'
  wrong "a file that is not there" 's/local: kubejoin.yaml/local: join.yaml/'
  # systemd 252 allows it for other types of units only.
  sed 's/^Restart=.*/&\nRestartForceExitStatus=3/' "$image/kubejoin.service" >"$work/wrong/kubejoin.service"
  check "wrong: a unit that systemd refuses" fails systemd-analyze verify --man=no "$work/wrong/kubejoin.service"
  jq '.storage.files[0].contents.verification.hash = "sha256-12"' "$work/$file/as-is.ign" >"$work/wrong/hash.ign"
  check "wrong: a hash of Ignition is refused" fails "$programs/ignition-validate" "$work/wrong/hash.ign"
  jq '(.storage.files[] | select(.path == "/opt/bin/kubejoin")).contents.verification.hash = "sha256-'"$(printf '%064d' 1)"'"' \
    "$work/$file/config.ign" >"$work/wrong/other.ign"
  mkdir -p "$work/wrong/root/etc"
  cp /etc/passwd /etc/group "$work/wrong/root/etc/"
  check "wrong: a file of another hash is not installed" fails "$programs/ignition-apply" --root "$work/wrong/root" "$work/wrong/other.ign"
  check "wrong: and is not there" [ ! -e "$work/wrong/root/opt/bin/kubejoin" ]
  check "wrong: the token without the password" fails curl -sf "$web/kubejoin.token"
}

# Sets endpoint, token, pin.
apiserver() {
  if [ -z "${APISERVER-}" ]; then
    cargo build --locked --quiet --manifest-path "$repository/Cargo.toml" --package kubejoin-apiserver
    APISERVER=${CARGO_TARGET_DIR:-$repository/target}/debug/apiserver
  fi
  "$APISERVER" >"$work/requests" &
  started+=($!)
  for _ in $(seq 50); do [ -s "$work/requests" ] || sleep 0.2; done
  read -r endpoint token pin < <(head -n 1 "$work/requests" | jq -r '"\(.endpoint) \(.token) \(.caCertHash)"')
}

# Sets web: busybox's web server. The kubelet is one that never runs.
web_server() {
  local port
  "$repository/image/initramfs/fetch.sh" amd64 busybox-static
  mkdir "$work/web"
  cp /bin/true "$work/web/kubelet"
  printf '/kubejoin.token:kubejoin:password\n' >"$work/httpd.conf"
  for port in $(shuf -n 5 -i 20000-31000); do
    "$KUBEJOIN_CACHE/amd64/busybox-static/bin/busybox" httpd -f -p "127.0.0.1:$port" -h "$work/web" -c "$work/httpd.conf" -r kubejoin &
    started+=($!)
    web=http://127.0.0.1:$port
    for _ in $(seq 25); do
      if curl -sf "$web/kubelet" >/dev/null; then return; fi
      kill -0 "${started[-1]}" 2>/dev/null || break
      sleep 0.2
    done
  done
  echo "ignition_test: the web server does not start" >&2
  exit 1
}

finish() {
  local status=$?
  trap - EXIT
  [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null || true
  rm -rf "$work"
  [ -n "$finished" ] || { failed=$((failed + 1)); echo "NOT FINISHED: the harness itself ended with status $status"; }
  echo "$passed passed, $failed failed"
  if [ "$failed" != 0 ] || [ "$passed" = 0 ]; then exit 1; fi
}

main "$@"
