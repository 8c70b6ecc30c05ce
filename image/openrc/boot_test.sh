#!/usr/bin/env bash
# Boots Debian with OpenRC in place of systemd, an unpatched kubelet and containerd, into a Node of the real control plane:
#
#     image/openrc/boot_test.sh
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

main() {
  local service
  begin openrc
  new_root openrc
  install_kubelet
  install -D -m 755 "$binary" "$tree/usr/bin/kubejoin"
  for service in kubejoin kubelet containerd; do install -m 755 "$here/$service.initd" "$tree/etc/init.d/$service"; done
  install -D -m 644 "$here/kubejoin.confd" "$tree/etc/conf.d/kubejoin"
  printf '#!/sbin/openrc-run\ndepend() { after bootmisc; }\nstart() { start-stop-daemon --start --background --exec /usr/libexec/boot-test; }\n' \
    >"$tree/etc/init.d/boot-test"
  chmod 755 "$tree/etc/init.d/boot-test"
  sed -i 's/^#*rc_cgroup_mode=.*/rc_cgroup_mode="unified"/' "$tree/etc/rc.conf"
  printf 'auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n' >"$tree/etc/network/interfaces"
  in_root sh -c 'for service in containerd kubejoin kubelet boot-test; do rc-update -q add $service default; done'
  new_disk openrc
  credentials "kubejoin.endpoint=$endpoint" "kubejoin.token=$token" "kubejoin.ca-cert-hash=$pin"
  append="net.ifnames=0"

  echo "== OpenRC: the first boot"
  boot openrc "$until_ready" "${firmware[@]}"
  figures openrc
  check_node openrc joined
  echo "== OpenRC: the same machine again, without credentials"
  boot openrc "$until_ready"
  check_node openrc already-joined
}

until_ready+='
report services rc-status --nocolor default
report log tail -n 40 /var/log/kubejoin.log'

main "$@"
