#!/usr/bin/env bash
# Boots Debian whose only trace of Kubernetes is two system extensions: kubejoin's, and one with the kubelet. systemd-sysext
# merges them during the first boot, and the machine becomes a Node by itself.
#
#     image/sysext/boot_test.sh trixie          systemd 257; 252 has no EXTENSION_RELOAD_MANAGER, see README
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

main() {
  local format extensions
  begin "${1:?trixie}"
  for format in squashfs erofs; do
    FORMAT=$format "$here/build.sh" x86-64 "$binary" "$work/kubejoin.raw.$format"
    (umask 077 && FORMAT=$format "$here/build.sh" x86-64 "$binary" "$work/again")
    check "$format: built again it is the same" cmp "$work/kubejoin.raw.$format" "$work/again"
    printf -- '-- %s: %d bytes\n' "$format" "$(wc -c <"$work/kubejoin.raw.$format")"
  done
  kubelet_extension

  new_root sysext
  extensions=$tree/var/lib/extensions
  mkdir -p "$extensions"
  cp "$work/kubejoin.raw.${FORMAT:-squashfs}" "$extensions/kubejoin.raw"
  cp "$work/kubelet.raw" "$extensions/kubelet.raw"
  in_root systemctl -q enable systemd-sysext
  # What the kubelet's extension upholds, kubejoin.target starts once: see README.
  mkdir -p "$tree/etc/systemd/system/multi-user.target.d"
  ln -s /dev/null "$tree/etc/systemd/system/multi-user.target.d/10-kubelet-service.conf"
  new_disk sysext
  credentials "kubejoin.endpoint=$endpoint" "kubejoin.token=$token" "kubejoin.ca-cert-hash=$pin"

  echo "== $kind: the first boot"
  boot sysext "$until_ready" "${firmware[@]}"
  figures sysext
  check_node sysext joined
  check "both are merged" merged
  check "/usr is read-only" reported '^usr ro'
  check "the kubelet was not tried in vain" [ "$(skipped)" = 0 ]
  echo "== $kind: the same machine again, without credentials"
  boot sysext "$until_ready"
  check_node sysext already-joined
  check "without sending a packet" is kubejoin IPEgressPackets 0
  check "the kubelet was not tried in vain" [ "$(skipped)" = 0 ]
}

until_ready+='
report sysext systemd-sysext status
echo "usr $(findmnt -no OPTIONS /usr)"'

# As Flatcar's bakery makes it: it upholds the kubelet.
kubelet_extension() {
  local files=$work/kubelet.files units
  units=$files/usr/lib/systemd/system
  install -D -m 755 "$programs/kubelet" "$files/usr/bin/kubelet"
  install -D -m 644 "$boot_tests/kubelet.service" "$units/kubelet.service"
  mkdir -p "$units/multi-user.target.d" "$files/usr/lib/extension-release.d"
  printf '[Unit]\nUpholds=kubelet.service\n' >"$units/multi-user.target.d/10-kubelet-service.conf"
  printf 'ID=_any\nARCHITECTURE=x86-64\nEXTENSION_RELOAD_MANAGER=1\n' >"$files/usr/lib/extension-release.d/extension-release.kubelet"
  mksquashfs "$files" "$work/kubelet.raw" -all-root -noappend -comp zstd -quiet -no-progress >/dev/null
}

merged() { reported '^sysext .*kubejoin' && reported '^sysext .*kubelet'; }
skipped() { grep -c '^order .*kubelet.service.*skipped' "$report" || true; }

main "$@"
