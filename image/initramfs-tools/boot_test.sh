#!/usr/bin/env bash
# Has Debian's mkinitramfs build its own initramfs with our hook and script, and boots it: the node has joined before the
# root is entered.
#
#     image/initramfs-tools/boot_test.sh trixie|bookworm         initramfs-tools 0.148 or 0.142
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

main() {
  begin "${1:?trixie or bookworm}"
  new_root initramfs-tools
  install_kubelet
  cp -r "$here/hooks" "$here/scripts" "$tree/usr/share/initramfs-tools/"
  if [ -n "${FIGURES:-}" ]; then
    build "$(other_binary)"
    growth_elsewhere initramfs-tools "$growth"
  fi
  build "$binary"
  new_disk initramfs-tools

  echo "== $kind: the first boot"
  append="ip=dhcp kubejoin.endpoint=$endpoint kubejoin.token=$token kubejoin.ca-cert-hash=$pin"
  boot initramfs-tools "$until_ready"
  figures initramfs-tools "$growth"
  check_node initramfs-tools joined
  check "the join was over before systemd began" not reported '^journal .*kubejoin'
  # But for the journal, which keeps the kernel's log, and with it the command line.
  check "the token is in none of its files" not reported '^token-in'
  check "the console has no line longer than 80 columns" not too_wide

  echo "== $kind: the same machine again, without a token"
  append="kubejoin.endpoint=$endpoint kubejoin.ca-cert-hash=$pin"
  boot initramfs-tools "$until_ready"
  check_node initramfs-tools already-joined
  check "without asking for an address first" not on_console 'IP-Config'
}

# build BINARY: sets growth, in bytes.
build() {
  install -D -m 755 "$1" "$tree/usr/bin/kubejoin"
  in_root sh -c 'mkinitramfs -o /run/initrd "$(ls /lib/modules)"'
  mv "$tree/run/initrd" "$work/initramfs-tools.initrd"
  growth=$(($(wc -c <"$work/initramfs-tools.initrd") - $(cat "$tree"/boot/initrd.img-* | wc -c)))
}

until_ready+='
report token-in grep -rlF "$(sed "s/.*kubejoin.token=[^.]*.\([^ ]*\).*/\1/" /proc/cmdline)" /etc/kubernetes /var/lib/kubelet /etc/systemd'

# Of ours; the first 8 are when it was printed.
too_wide() { sed -n '/^ *[0-9.]* \[preflight\]/,/kubectl get nodes/p' "$console" | grep '.\{89\}'; }

main "$@"
