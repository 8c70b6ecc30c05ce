#!/usr/bin/env bash
# Boots Debian with kubejoin.service, an unpatched kubelet and containerd into a Node of the real control plane:
#
#     image/systemd/boot_test.sh trixie|bookworm [first|exits]...      systemd 257 or 252; all where no part is named
#
# first  power on to a Ready Node, with the token as a credential; then again, without credentials
# exits  which exit status is tried again
#
# As root; see tests/boot/vm.sh for what it takes from the environment.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

main() {
  local part
  begin "${1:?trixie or bookworm}"
  shift
  for part in "${@:-first exits}"; do "test_$part"; done
}

# A Node of this boot, or five minutes.
until_ready='
wait_until 300 has_ended; uptime_is joined
wait_until 200 is_registered; uptime_is registered
wait_until 100 is_ready; uptime_is ready
report_machine'

test_first() {
  echo "== $kind: the first boot"
  new_root first
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  new_disk first
  check "the sandbox has a score of at most 3" score_is_at_most 3.0
  credentials "kubejoin.endpoint=$endpoint" "kubejoin.token=$token" "kubejoin.ca-cert-hash=$pin"
  boot first "$until_ready" "${firmware[@]}"
  check "it has joined" outcome_is joined
  check "the unit has succeeded" is kubejoin Result success
  check "at the first try" is kubejoin NRestarts 0
  check "the kubelet runs" is kubelet ActiveState active
  check "it was started once" is kubelet NRestarts 0
  check "after kubejoin had ended" kubelet_started_after_kubejoin
  check "no unit has failed" not reported '^failed '
  check "no ordering cycle" not reported 'ordering cycle'
  check "its Node is Ready, and of this boot" node_is_ready first
  check "the console tells it, each line once" told_once
  check "without colours, within 80 columns" plain
  check "the token is not on the console" not on_console "$secret"
  check "the token is nowhere on the disk" not grep -aqF "$secret" "$work/first.ext4"
  check "the file system is usable" e2fsck -fy "$work/first.ext4"

  echo "== $kind: the same machine again, without credentials"
  boot first "$until_ready"
  check "it has joined already" outcome_is already-joined
  check "the unit has succeeded" is kubejoin Result success
  check "without sending a packet" is kubejoin IPEgressPackets 0
  check "the kubelet runs" is kubelet ActiveState active
  check "no unit has failed" not reported '^failed '
  check "its Node is Ready, and of this boot" node_is_ready first
}

# One machine that is told to try many things; `ensure` gives up after 5 s, so that 3 is an exit status at all.
test_exits() {
  echo "== $kind: which exit status is tried again"
  new_root exits
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  printf '[Service]\nExecStart=\nExecStart=/usr/bin/kubejoin ensure --deadline 5s\n' \
    >"$tree/etc/systemd/system/kubejoin.service.d/60-deadline.conf"
  mkdir -p "$tree/etc/kubejoin"
  new_disk exits
  boot exits "endpoint=$endpoint token=$token pin=$pin expired=$expired_token"'
put() { printf "%s\n" "$2" >/etc/kubejoin/kubejoin.$1; }
state() {
	echo "$1-state $(systemctl show kubejoin -p ActiveState,SubState,ExecMainStatus,NRestarts --value | tr "\n" " ")"
	echo "$1-code $(tr -d " \n" </run/kubejoin/result.json | grep -o "\"code\":\"[^\"]*\"" | head -n 1)"
}
tries() { systemctl stop kubejoin; systemctl reset-failed kubejoin; systemctl start --no-block kubejoin; sleep 40; state $1; }
wait_until 120 systemctl is-active containerd
other=sha256:0000000000000000000000000000000000000000000000000000000000000000
put token $token; put ca-cert-hash $other; put endpoint $endpoint
tries pin
put token $expired; put ca-cert-hash $pin
tries token
put token $token; put endpoint ${endpoint%:*}:1
tries network
# It is still being tried again; now the configuration is right.
put endpoint $endpoint
wait_until 200 is_ready
state right
report_machine'
  check "4, another cluster's pin, is not" [ "$(state pin)" = "failed failed 4 0" ]
  check "5, an expired token, is not" [ "$(state token)" = "failed failed 5 0" ]
  check "3, nobody listens, is tried again" tried_again network
  check "and succeeds as soon as it can" is kubejoin Result success
  check "then the kubelet runs" is kubelet ActiveState active
  check "its Node is Ready, and of this boot" node_is_ready exits
  grep -E '^(pin|token|network|right)-' "$report" | sed 's/^/        /'
}

# As systemctl show orders them: by name of the property.
state() { sed -n "s/^$1-state //p" "$report" | sed 's/ *$//'; }
tried_again() { state "$1" | awk '{ print; exit !($NF >= 1 || $1 >= 1 || $2 >= 1) }'; }

score_is_at_most() {
  in_root systemd-analyze security --offline=yes --no-pager kubejoin.service | tee "$work/score" | tail -n 1
  awk -v most="$1" '/Overall exposure level/ { for (i = 1; i <= NF; i++) if ($i + 0 > 0) { score = $i } } END { exit !(score > 0 && score <= most) }' "$work/score"
}
kubelet_started_after_kubejoin() {
  [ "$(value kubelet ExecMainStartTimestampMonotonic)" -gt "$(value kubejoin ExecMainExitTimestampMonotonic)" ]
}
# What kubejoin says is on the console once, whoever brought it there.
told_once() { on_console 'kubejoin' && [ "$(grep -c 'This node has joined the cluster' "$console")" -le 1 ]; }
plain() { ! grep kubejoin "$console" | sed 's/^ *[0-9.]* //' | grep -e $'\e' -e '.\{81\}'; }

main "$@"
