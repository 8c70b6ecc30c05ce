#!/usr/bin/env bash
# Has Debian's dracut build its own initramfs with 90kubejoin, and boots it: the node has joined before the root is entered.
#
#     image/dracut/boot_test.sh trixie|bookworm [sizes]     dracut 106 or 059
#
# sizes: no boot, but what the initramfs weighs without kubejoin, with dracut's network, and with kubejoin. Where FIGURES is
# set that is told as well.
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

main() {
  begin "${1:?trixie or bookworm}"
  new_root dracut
  install_kubelet
  cp -r "$here/90kubejoin" "$tree/usr/lib/dracut/modules.d/"
  if [ -n "${FIGURES:-}" ] || [ "${2:-}" = sizes ]; then weigh; else build_with "$binary"; fi
  if [ "${2:-}" = sizes ]; then return; fi
  # systemd 252 does not find out that it has written its files in the initramfs already, and fails in the root.
  [ "$kind" != bookworm ] || ln -sf /dev/null "$tree/etc/systemd/system/systemd-network-generator.service"
  new_disk dracut

  echo "== $kind: the first boot"
  # The journal keeps the kernel's log, and with it the command line; a token is better given by the firmware.
  credentials "kubejoin.token=$token"
  append="ip=dhcp kubejoin.endpoint=$endpoint kubejoin.ca-cert-hash=$pin"
  boot dracut "$until_ready" "${firmware[@]}"
  figures dracut "$(growth)"
  check_node dracut joined
  check "the join was over before the root was entered" before_the_root
  check "the token is nowhere on the disk" not grep -aqF "$secret" "$work/dracut.ext4"
  check "every file of it is in the list to relabel" all_are_relabelled
  check "and the root's systemd-tmpfiles found that list" reported '^relabel z /etc/kubernetes/kubelet.conf'

  echo "== $kind: the same machine again, without a token"
  boot dracut "$until_ready"
  check_node dracut already-joined
}

until_ready+='
report relabel sh -c "systemd-tmpfiles --cat-config | grep ^z.*kube"'

build() {
  in_root sh -c 'dracut --quiet --force --no-hostonly --kver "$(ls /lib/modules)" "$@" /run/initrd' - "$@" >"$work/dracut.log" 2>&1
  mv "$tree/run/initrd" "$work/dracut.initrd"
}

build_with() {
  install -D -m 755 "$1" "$tree/usr/bin/kubejoin"
  build --add kubejoin
}
# Builds it with less as well, and sets plain and network: bytes of the initramfs without kubejoin, and of what dracut's network
# adds to that.
weigh() {
  build
  plain=$(size)
  build --add network
  network=$(($(size) - plain))
  build_with "$(other_binary)"
  growth_elsewhere dracut "$(growth)"
  build_with "$binary"
  printf -- "-- the initramfs of this root by %s: %d bytes, with its network %d, with kubejoin as well %d: it grows by %s\n" \
    "$(in_root dracut --version)" "$plain" $((plain + network)) "$(size)" "$(growth)"
}
size() { wc -c <"$work/dracut.initrd"; }
# In bytes. An image that has dracut's network already does not grow by that.
growth() { if [ -n "${plain:-}" ]; then echo "$(($(size) - plain)), $network of them dracut's network"; else echo -; fi; }

# It is the initramfs that stops the unit.
before_the_root() {
  reported '^order .*Finished kubejoin-initrd.service' &&
    sed -n 's/^order //p' "$report" | awk '/Stopped kubejoin-initrd/ { end = 1 } /Started kubelet/ { exit !end }'
}

# Those that the kubelet writes are its own.
all_are_relabelled() {
  local path pattern found unlisted=0
  while read -r path; do
    found=''
    while read -r _ pattern _; do
      # shellcheck disable=SC2053 # a pattern
      if [[ $path == $pattern ]]; then found=yes; fi
    done < <(grep '^z ' "$here/90kubejoin/relabel.conf")
    [ -n "$found" ] || { echo "$path"; unlisted=1; }
  done < <(sed -n 's/^file //p' "$report")
  return $unlisted
}

main "$@"
