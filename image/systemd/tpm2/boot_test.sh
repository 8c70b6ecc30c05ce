#!/usr/bin/env bash
# Boots a machine with a TPM (QEMU's, emulated by swtpm) that seals its own token, joins with it, and whose disk joins
# nothing in another machine:
#
#     image/systemd/tpm2/boot_test.sh [trixie]
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../../tests/boot/vm.sh"

main() {
  begin "${1:-trixie}"
  bring swtpm swtpm
  test_provisioning
  test_the_machine
  test_another_machine
}

test_provisioning() {
  echo "== $kind: the machine seals its token"
  new_root tpm
  install_kubelet
  "$here/../install.sh" "$tree" "$binary"
  "$here/install.sh" "$tree"
  # What everybody may know is the image's. The token is not there yet, and kubejoin waits for it.
  mkdir -p "$tree/etc/kubejoin"
  echo "$endpoint" >"$tree/etc/kubejoin/kubejoin.endpoint"
  echo "$pin" >"$tree/etc/kubejoin/kubejoin.ca-cert-hash"
  new_disk tpm
  check "systemd accepts the units" in_root systemd-analyze verify kubejoin.service kubejoin-not-opened.service
  tpm_of this
  # As typed on this machine.
  boot tpm "token=$token"'
wait_for test -e /dev/tpmrm0
says() { journalctl -b -u kubejoin -o cat | grep -q "$1"; }
wait_for says config.no-token-yet && echo waiting
echo "$token" | systemd-creds encrypt --with-key=tpm2 --name=kubejoin.token - /etc/credstore.encrypted/kubejoin.token && echo sealed
report mode stat -c "%a %s" /etc/credstore.encrypted /etc/credstore.encrypted/kubejoin.token
sync
report_machine' "${tpm[@]}"
  check "the machine came to the end of its script" reported '^end$'
  check "kubejoin waits for a token" reported '^waiting$'
  check "systemd-creds has sealed it" reported '^sealed$'
  check "the token is nowhere on the disk" not grep -aqF "$secret" "$work/tpm.ext4"
  cp --sparse=always "$work/tpm.ext4" "$work/sealed.ext4"
}

test_the_machine() {
  echo "== $kind: the same machine"
  tpm_of this
  boot tpm "$until_ready" "${tpm[@]}"
  check_node tpm joined
  check "the unit has succeeded" is kubejoin Result success
  check "at the first try" is kubejoin NRestarts 0
  check "the token is nowhere on the disk" not grep -aqF "$secret" "$work/tpm.ext4"
}

# The disk from before the join.
test_another_machine() {
  echo "== $kind: the same disk in another machine"
  mv "$work/sealed.ext4" "$work/tpm.ext4"
  requests >"$work/requests.before"
  tpm_of another
  boot tpm '
wait_for has_ended
# Longer than RestartSec.
sleep 15
report not-opened systemctl show kubejoin-not-opened -p ActiveState,ExecMainStatus
report_machine' "${tpm[@]}"
  check "the machine came to the end of its script" reported '^end$'
  check "it is refused, with a code of its own" reported '^result .*"code": *"config.credential-not-opened"'
  check "and an exit status that is not tried again" reported '^result .*"exit": *2'
  check "the console tells it" on_console config.credential-not-opened
  check "the unit has failed" is kubejoin ActiveState failed
  check "and was not started again" is kubejoin NRestarts 0
  check "the kubelet was not started" is kubelet ConditionResult no
  check "no certificate was asked for" no_new_request
  check "the token is not on the console" not on_console "$secret"
  grep -E '^(kubejoin|not-opened) |^result' "$report" | sed 's/^/        /'
}

requests() { kubectl get csr -o name | LC_ALL=C sort; }
# The cluster removes old ones, so that their number says nothing.
no_new_request() {
  requests >"$work/requests.after" && LC_ALL=C comm -13 "$work/requests.before" "$work/requests.after" >"$work/requests.new" &&
    not grep . "$work/requests.new"
}

# tpm_of NAME: the TPM of the machine of this name, for one boot; sets tpm, arguments of QEMU.
tpm_of() {
  mkdir -p "$work/tpm-$1"
  swtpm socket --tpm2 --tpmstate "dir=$work/tpm-$1" --ctrl "type=unixio,path=$work/tpm-$1.socket" --flags startup-clear --terminate &
  # shellcheck disable=SC2054 # QEMU's commas
  tpm=(-chardev "socket,id=tpm,path=$work/tpm-$1.socket" -tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm)
}

main "$@"
