#!/usr/bin/env bash
# Boots Debian with kubejoin.service, an unpatched kubelet and containerd into a Node of the real control plane:
#
#     image/systemd/boot_test.sh forky|trixie|bookworm [PART...]      systemd 262, 257 or 252; all where no part is named
#
# first    power on to a Ready Node, with the token as a credential; then again, without credentials
# exits    which exit status is tried again
# factory  a node; then systemd.factory_reset=1: reset in early boot, and joined again in the same boot
# kubeadm  no test, but figures: the real kubeadm at the first boot of the same machine
# share    no test, but figures, and only where it is named: what kubejoin's part of a first boot consists of
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

main() {
  local part
  begin "${1:?forky, trixie or bookworm}"
  shift
  [ $# -gt 0 ] || set -- first exits factory kubeadm
  for part; do "test_$part"; done
}

test_first() {
  echo "== $kind: the first boot"
  new_root first
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  # Where there is no ImportCredential=.
  [ "$kind" != bookworm ] || install -D -m 644 "$here/credentials-252.conf" "$tree/etc/systemd/system/kubejoin.service.d/credentials.conf"
  new_disk first
  check "systemd accepts the unit" accepted
  check "the sandbox has a score of at most 3" score_is_at_most 3.0
  credentials "kubejoin.endpoint=$endpoint" "kubejoin.token=$token" "kubejoin.ca-cert-hash=$pin"
  boot first "$until_ready" "${firmware[@]}"
  figures systemd
  check_node first joined
  check "its memory is within the budget of tests/bench" [ "$(peak_memory)" -le 2816 ]
  check "the unit has succeeded" is kubejoin Result success
  check "at the first try" is kubejoin NRestarts 0
  check "the kubelet was started once" is kubelet NRestarts 0
  check "after kubejoin had ended" kubelet_started_after_kubejoin
  check "the console tells it, each line once" told_once
  check "without colours" not colours
  check "the token is nowhere on the disk" not grep -aqF "$secret" "$work/first.ext4"

  echo "== $kind: the same machine again, without credentials"
  boot first "$until_ready"
  check_node first already-joined
  check "the unit has succeeded" is kubejoin Result success
  check "without sending a packet" is kubejoin IPEgressPackets 0
}

# One machine that is told to try many things; `ensure` gives up after a minute, so that 3 is an exit status at all.
test_exits() {
  echo "== $kind: which exit status is tried again"
  new_root exits
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  printf '[Service]\nExecStart=\nExecStart=/usr/bin/kubejoin ensure --deadline 60s\n' \
    >"$tree/etc/systemd/system/kubejoin.service.d/60-deadline.conf"
  mkdir -p "$tree/etc/kubejoin"
  new_disk exits
  boot exits "endpoint=$endpoint token=$token pin=$pin expired=$expired_token"'
put() { printf "%s\n" "$2" >/etc/kubejoin/kubejoin.$1; }
state() {
	echo "$1-state $(systemctl show kubejoin -p ActiveState,ExecMainStatus,NRestarts | LC_ALL=C sort | tr "\n" " ")"
	echo "$1-code $(tr -d " \n" </run/kubejoin/result.json | grep -o "\"code\":\"[^\"]*\"" | head -n 1)"
}
# Until its first end, and then for longer than RestartSec.
tries() {
	systemctl stop kubejoin
	systemctl reset-failed kubejoin
	rm -f /run/kubejoin/result.json
	systemctl start --no-block kubejoin
	wait_for has_ended
	sleep 15
	state $1
}
wait_for systemctl is-active containerd
other=sha256:0000000000000000000000000000000000000000000000000000000000000000
put token $token; put ca-cert-hash $other; put endpoint $endpoint
tries pin
put token $expired; put ca-cert-hash $pin
tries token
put token $token; put endpoint ${endpoint%:*}:1
tries network
# It is still being tried again; now the configuration is right.
put endpoint $endpoint
wait_for is_ready && uptime_is ready
state right
report_machine'
  check "4, another cluster's pin, is not" [ "$(state pin)" = "ActiveState=failed ExecMainStatus=4 NRestarts=0" ]
  check "5, an expired token, is not" [ "$(state token)" = "ActiveState=failed ExecMainStatus=5 NRestarts=0" ]
  check "3, nobody listens, is tried again" tried_again network
  check "and succeeds as soon as it can" is kubejoin Result success
  check_node exits joined
  grep -E '^(pin|token|network|right)-' "$report" | sed 's/^/        /'
}

test_factory() {
  local before
  echo "== $kind: a node, before its factory reset"
  new_root factory
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  if [ "$kind" != forky ]; then
    install -D -m 644 "$here/factory-reset-257.conf" "$tree/etc/systemd/system/kubejoin-factory-reset.service.d/factory-reset.conf"
    mkdir -p "$tree/etc/systemd/system/sysinit.target.wants"
    ln -s /usr/lib/systemd/system/kubejoin-factory-reset.service "$tree/etc/systemd/system/sysinit.target.wants/"
  fi
  mkdir -p "$tree/etc/kubejoin"
  (umask 077; printf '%s\n' "$endpoint" >"$tree/etc/kubejoin/kubejoin.endpoint"
    printf '%s\n' "$token" >"$tree/etc/kubejoin/kubejoin.token"
    printf '%s\n' "$pin" >"$tree/etc/kubejoin/kubejoin.ca-cert-hash")
  new_disk factory
  check "systemd accepts the unit" in_root systemd-analyze verify kubejoin-factory-reset.service
  boot factory "$until_ready$factory_state"
  check_node factory joined
  check "nothing was reset" reported '^reset-unit .*ActiveState=inactive'
  before=$(sed -n 's/^certificate //p' "$report")

  echo "== $kind: its factory reset"
  append='systemd.factory_reset=1'
  boot factory "$until_ready$factory_state"
  append=''
  check "it was reset" reported '^reset-unit .*ActiveState=active'
  check_node factory joined
  check "with another certificate" not [ "$(sed -n 's/^certificate //p' "$report")" = "$before" ]
  check "kubejoin came after the reset" after_reset

  echo "== $kind: and the boot after that"
  boot factory "$until_ready$factory_state"
  check_node factory already-joined
  check "nothing was reset" reported '^reset-unit .*ActiveState=inactive'
}

factory_state='
echo "certificate $(openssl x509 -in /var/lib/kubelet/pki/kubelet-client-current.pem -noout -fingerprint)"
echo "reset-unit $(systemctl show kubejoin-factory-reset -p ActiveState,Result,ExecMainExitTimestampMonotonic | tr "\n" " ")"'

after_reset() {
  local ended
  ended=$(sed -n 's/^reset-unit .*ExecMainExitTimestampMonotonic=\([0-9]*\).*/\1/p' "$report")
  [ "$ended" -gt 0 ] && [ "$(value kubejoin ExecMainStartTimestampMonotonic)" -gt "$ended" ]
}

# As one would write a unit for it: there is nothing that it waits for by itself.
test_kubeadm() {
  echo "== $kind: kubeadm in the same machine"
  new_root kubeadm
  install_kubelet
  install -m 755 "$programs/kubeadm" "$tree/usr/bin/kubeadm"
  install -D -m 644 "$here/kubelet-kubejoin.conf" "$tree/usr/lib/systemd/system/kubelet.service.d/10-kubejoin.conf"
  cat >"$tree/etc/systemd/system/kubeadm.service" <<UNIT
[Unit]
Wants=network-online.target
After=network-online.target containerd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/kubeadm join $endpoint --token $token --discovery-token-ca-cert-hash $pin
CPUAccounting=yes
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
UNIT
  in_root systemctl -q enable kubeadm 2>/dev/null
  new_disk kubeadm
  boot kubeadm '
watch_memory kubeadm & watcher=$!
kubeadm_has_ended() { systemctl show kubeadm -p ActiveState --value | grep -q "^active\|failed"; }
wait_for kubeadm_has_ended && uptime_is joined
wait_for is_registered && uptime_is registered
wait_for is_ready && uptime_is ready
report kubeadm systemctl show kubeadm -p ActiveState,Result,ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic,CPUUsageNSec
report_machine
report journal journalctl -b -u kubeadm --no-pager'
  check "it has joined" is kubeadm Result success
  check "its Node is Ready, and of this boot" node_is_ready kubeadm
  figures 'kubeadm 1.37' - kubeadm
}

# Each line that it says at -v 1, with the milliseconds since it was started in front.
test_share() {
  echo "== $kind: what kubejoin's part of a first boot consists of"
  new_root share
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  [ "$kind" != bookworm ] || install -D -m 644 "$here/credentials-252.conf" "$tree/etc/systemd/system/kubejoin.service.d/credentials.conf"
  printf '[Service]\nExecStart=\nExecStart=/usr/bin/kubejoin ensure -v 1 --logging-format json\n' \
    >"$tree/etc/systemd/system/kubejoin.service.d/60-verbose.conf"
  new_disk share
  credentials "kubejoin.endpoint=$endpoint" "kubejoin.token=$token" "kubejoin.ca-cert-hash=$pin"
  boot share "$until_ready" "${firmware[@]}"
  figures systemd
  sed -n 's/^journal .*kubejoin\[[0-9]*\]: {/{/p' "$report" | jq -r '"\(.ms) ms  \(.phase // "")  \(.msg | split("\n")[0])"'
  check_node share joined
}

state() { sed -n "s/^$1-state //p" "$report" | sed 's/ *$//'; }
tried_again() { state "$1" | grep 'ActiveState=activating .*NRestarts=[1-9]'; }

# A setting that is refused fails it; one that is unknown is passed over with a warning (ImportCredential on 252).
accepted() { in_root systemd-analyze verify kubejoin.service; }
score_is_at_most() {
  in_root systemd-analyze security --offline=yes --no-pager kubejoin.service | tee "$work/score" | tail -n 1
  awk -v most="$1" '/Overall exposure level/ { for (i = 1; i <= NF; i++) if ($i + 0 > 0) { score = $i } } END { exit !(score > 0 && score <= most) }' "$work/score"
}
kubelet_started_after_kubejoin() {
  [ "$(value kubelet ExecMainStartTimestampMonotonic)" -gt "$(value kubejoin ExecMainExitTimestampMonotonic)" ]
}
# What kubejoin says is on the console once, whoever brought it there.
told_once() {
  on_console 'has joined the cluster' || return 1
  ! grep -o 'kubejoin.*: .*' "$console" | sed 's/^[^:]*: *//' | LC_ALL=C sort | uniq -d | grep .
}
colours() { grep kubejoin "$console" | grep $'\e\[[0-9;]*m'; }

main "$@"
