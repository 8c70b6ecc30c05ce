#!/usr/bin/env bash
# Cuts the power of a whole boot, from power-on to a registered Node, wherever that may matter, and joins again:
#
#     image/systemd/power_cuts_test.sh trixie|bookworm
#
# Every write and flush of that boot's disk is logged. A state is what the disk may hold after a power cut:
#
# prefix   what was written until then, in the order of the log
# lost     the same, but half of what was written after the last flush is lost, chosen by POWER_CUTS_SEED (1)
#
# There is one of each kind for every write of the boot; or, with POWER_CUTS_STEP=N, for every write between the last flush
# where kubejoin has left nothing yet and the first one where the node is complete, and elsewhere for every flush and every
# N-th write.
# Each state has a file of its own, is checked and mounted as a boot does it, and must say that it has joined only if it is
# complete, without a network or settings; then `ensure` must leave the files of the undisturbed join. Three are booted.
#
# By hand, not in .ci/run: see README.md for how long it takes. As root; see tests/boot/vm.sh for what it takes from the
# environment. KEEP leaves the log, and a line about each state.
# shellcheck disable=SC2016 # the single-quoted scripts are for the machine's shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../../tests/boot/vm.sh"

seed=${POWER_CUTS_SEED:-1} step=${POWER_CUTS_STEP:-1}
states='' mounted='' memory='' undisturbed='' bad=0 stage_before=0 stages=(nothing key certificate joined)

main() {
  begin "${1:?trixie or bookworm}"
  bring rustc rustc openssl openssl mkfs.xfs xfsprogs
  rustc --edition 2024 -O -o "$work/write_log" "$boot_tests/write_log.rs"
  # In memory: the disk as it was at a flush, and one state of it. With reflinks, so that a copy costs nothing.
  memory=$work/memory.tree states=$work/states.tree mounted=$work/mounted.tree
  mkdir -p "$memory" "$states" "$mounted"
  mount -t tmpfs memory "$memory"
  truncate -s 8G "$memory/xfs"
  mkfs.xfs -q -m reflink=1 "$memory/xfs"
  mount -o loop "$memory/xfs" "$states"
  : >"$work/no-parameters"
  record
  cut_everywhere
  boot_some
}

record() {
  echo "== $kind: a boot whose writes are logged"
  new_root power
  install_kubelet
  "$here/install.sh" "$tree" "$binary"
  [ "$kind" != bookworm ] || install -D -m 644 "$here/credentials-252.conf" "$tree/etc/systemd/system/kubejoin.service.d/credentials.conf"
  new_disk power
  cp --sparse=always "$work/power.ext4" "$work/before.ext4"
  credentials "kubejoin.endpoint=$endpoint" "kubejoin.token=$token" "kubejoin.ca-cert-hash=$pin"
  write_log=$work/power.log
  boot power 'wait_for has_ended && uptime_is joined
wait_for is_registered && uptime_is registered
report_machine' "${firmware[@]}"
  write_log=''
  check "the machine came to the end of its script" reported '^end$'
  check "kubejoin says joined" outcome_is joined
  check "its Node is registered" reported '^uptime registered'
  readarray -t flushes < <("$work/write_log" points "$work/power.log")
  printf '        %s entries, %s flushes, %s of log\n' "${flushes[-1]}" "${#flushes[@]}" "$(du -h "$work/power.log" | cut -f1)"
  check "the log, played to its end, is the disk" log_is_complete
  undisturbed=$work/undisturbed
  mount -o loop "$states/whole.ext4" "$mounted"
  mkdir -p "$undisturbed"
  (cd "$mounted" && cp --parents -a "${files[@]}" "$undisturbed")
  umount "$mounted"
  rm "$states/whole.ext4"
  # As at the next boot after a power cut: for the cluster this machine is gone.
  check "its Node is NotReady" kubectl wait "node/power-$kind" --for=condition=Ready=Unknown --timeout=600s
}

# What a join leaves, but for the pair of certificate and key, which is another one each time.
files=(etc/kubernetes/kubelet.conf etc/kubernetes/pki/ca.crt var/lib/kubelet/config.yaml var/lib/kubelet/instance-config.yaml
  var/lib/kubelet/kubeadm-flags.env)

log_is_complete() {
  make_state whole "${flushes[-1]}" '' && cmp "$states/whole.ext4" "$work/power.ext4"
}

# The states, in the order of the log.
cut_everywhere() {
  local first last flush before=0 count
  first=$(last_flush_of_stage 0) last=$(first_flush_joined)
  printf '== %s: the power is cut (at each flush, at every write from %s to %s, and at every %s. elsewhere)\n' "$kind" "$first" "$last" "$step"
  : >"$work/states"
  for flush in "${flushes[@]}"; do
    for ((count = before + 1; count < flush; count++)); do
      [ "$count" -gt "$first" ] && [ "$count" -lt "$last" ] || [ $((count % step)) = 0 ] || continue
      cut_at "$count" ''
      cut_at "$count" $((seed + count))
    done
    cut_at "$flush" ''
    before=$flush
  done
  printf '        %-8s %-12s %s\n' kind found states
  cut -d' ' -f1,2 "$work/states" | LC_ALL=C sort | uniq -c | awk '{ printf "        %-8s %-12s %s\n", $2, $3, $1 }'
  count=$(wc -l <"$work/states")
  # What is before the join must not hold anything of what came after.
  check "the first state has nothing of the join" [ "$(head -n 1 "$work/states" | cut -d' ' -f1,2)" = "prefix nothing" ]
  check "each of $count states ends as the undisturbed join, and says joined only if it is" [ "$bad" = 0 ]
  check "there were states before, within and after the join" states_of_every_stage
}

states_of_every_stage() { [ "$(cut -d' ' -f2 "$work/states" | LC_ALL=C sort -u | wc -l)" -ge 3 ]; }

# The end of the log's part that a state is made of, found by halving: what a longer prefix holds only grows, which
# cut_at makes sure of.
last_flush_of_stage() {
  local low=0 high=$((${#flushes[@]} - 1)) middle
  while [ $low -lt $high ]; do
    middle=$(((low + high + 1) / 2))
    if [ "$(stage_at "${flushes[middle]}")" -le "$1" ]; then low=$middle; else high=$((middle - 1)); fi
  done
  echo "${flushes[low]}"
}
first_flush_joined() {
  local flush last
  last=$(last_flush_of_stage 2)
  for flush in "${flushes[@]}"; do [ "$flush" -le "$last" ] || { echo "$flush"; return; }; done
}
stage_at() {
  make_state probe "$1" ''
  e2fsck -p "$states/probe.ext4" >/dev/null 2>&1 || true
  mount -o loop "$states/probe.ext4" "$mounted"
  stage
  umount "$mounted"
  rm "$states/probe.ext4"
}

# How far the join has come in the mounted tree, as an index of stages.
stage() {
  if [ -e "$mounted/etc/kubernetes/kubelet.conf" ]; then
    echo 3
  elif [ -n "$(find "$mounted/var/lib/kubelet/pki" -name 'kubelet-client-*.pem' 2>/dev/null)" ]; then
    echo 2
  elif [ -e "$mounted/var/lib/kubelet/pki/kubelet-client.key.tmp" ]; then
    echo 1
  else
    echo 0
  fi
}

# make_state NAME COUNT SEED: the disk after COUNT entries; with a SEED without half of those after the last flush.
make_state() {
  local flush last=0
  for flush in "${flushes[@]}"; do
    [ "$flush" -le "$2" ] || break
    last=$flush
  done
  # Everything up to that flush is played once, and only forwards. How far it has been is kept beside it: a subshell may play it.
  if [ ! -e "$states/played" ] || [ "$(<"$states/played")" -gt "$last" ]; then
    cp --sparse=always "$work/before.ext4" "$states/flushed"
    echo 0 >"$states/played"
  fi
  "$work/write_log" apply "$work/power.log" "$states/flushed" "$(<"$states/played")" "$last"
  echo "$last" >"$states/played"
  cp --reflink=always "$states/flushed" "$states/$1.ext4"
  "$work/write_log" apply "$work/power.log" "$states/$1.ext4" "$last" "$2" ${3:+"$3"}
}

# cut_at COUNT SEED
cut_at() {
  local what=prefix name verdict=ok found
  [ -z "$2" ] || what=lost
  name=$what-$1
  make_state "$name" "$1" "$2"
  if repaired "$name" && mount -o loop "$states/$name.ext4" "$mounted"; then
    found=$(stage)
    # Without this a mix of two states could go unnoticed.
    if [ $what = prefix ]; then
      [ "$found" -ge "$stage_before" ] || verdict="it holds less than a shorter prefix"
      stage_before=$found
    fi
    [ "$verdict" != ok ] || verdict=$(join_again "$found") || verdict=${verdict:-the script has failed}
    umount "$mounted"
  else
    found=0 verdict="it cannot be mounted: $(tail -n 1 "$work/e2fsck.log")"
  fi
  printf '%s %s %s %s\n' $what "${stages[found]}" "$1" "$verdict" >>"$work/states"
  [ "$verdict" = ok ] || { bad=$((bad + 1)); printf 'FAILED  %s of %s entries, %s found: %s\n' $what "$1" "${stages[found]}" "$verdict"; }
  rm -f "$states/$name.ext4"
}

# As systemd-fsck does: 1 is "corrected".
repaired() { e2fsck -p "$states/$1.ext4" >"$work/e2fsck.log" 2>&1 || [ $? = 1 ]; }

# join_again STAGE: prints ok, or what is wrong with the mounted tree.
join_again() {
  local outcome expected=already-joined
  # Nobody tells it anything: only what is on the disk counts.
  ensure unshare --net >/dev/null 2>&1 || true
  outcome=$(jq -r .outcome "$work/result.json")
  if [ "$1" = 3 ]; then
    [ "$outcome" = already-joined ] || { echo "kubelet.conf is there, but it says $outcome"; return; }
    what_is_wrong && return
  else
    [ "$outcome" != already-joined ] || { echo "it says already-joined without a kubelet.conf"; return; }
    expected=joined
  fi
  ensure -- "$endpoint" --token "$token" --discovery-token-ca-cert-hash "$pin" >"$work/ensure.log" 2>&1 \
    || { echo "ensure: $(jq -r '"\(.code): \(.message)"' "$work/result.json")"; return; }
  outcome=$(jq -r .outcome "$work/result.json")
  [ "$outcome" = $expected ] || { echo "ensure says $outcome, not $expected"; return; }
  what_is_left_over || what_is_wrong || echo ok
}

# ensure WRAPPER... -- FLAGS...: in the mounted tree, from outside.
ensure() {
  local wrapper=() deadline=60s
  while [ $# -gt 0 ] && [ "$1" != -- ]; do wrapper+=("$1"); shift; done
  if [ $# = 0 ]; then deadline=0s; else shift; fi
  rm -f "$work/result.json"
  "${wrapper[@]}" env -u CREDENTIALS_DIRECTORY "$binary" ensure "$@" --rootfs "$mounted" --result-file "$work/result.json" \
    --kernel-command-line "$work/no-parameters" --deadline $deadline
}

# Prints a temporary file, or the key of a request that has been answered; fails where there is none.
what_is_left_over() { find "$mounted/etc" "$mounted/var/lib" -xdev \( -name '.kubejoin*' -o -name '*.key.tmp' \) -printf 'left over: /%P\n' | grep .; }

# Prints what distinguishes the mounted tree from the undisturbed join's; fails where nothing does.
what_is_wrong() {
  local file pair pairs
  for file in "${files[@]}"; do cmp "$undisturbed/$file" "$mounted/$file" 2>&1 && continue; return 0; done
  readarray -t pairs < <(find "$mounted/var/lib/kubelet/pki" -type f -name 'kubelet-client-2*.pem')
  [ ${#pairs[@]} = 1 ] || { echo "${#pairs[@]} pairs of certificate and key"; return; }
  pair=${pairs[0]}
  [ "$(readlink "$mounted/var/lib/kubelet/pki/kubelet-client-current.pem")" = "${pair#"$mounted"}" ] \
    || [ "$(readlink "$mounted/var/lib/kubelet/pki/kubelet-client-current.pem")" = "${pair##*/}" ] || { echo "the link is wrong"; return; }
  [ "$(openssl x509 -in "$pair" -noout -pubkey 2>&1)" = "$(openssl pkey -in "$pair" -pubout 2>&1)" ] \
    || { echo "the certificate is not the key's"; return; }
  openssl verify -CAfile "$mounted/etc/kubernetes/pki/ca.crt" "$pair" 2>&1 | grep -q ': OK$' || { echo "the certificate is not the CA's"; return; }
  [ "$(openssl x509 -in "$pair" -noout -subject -nameopt RFC2253)" = "subject=CN=system:node:power-$kind,O=system:nodes" ] \
    || { echo "the certificate is not this node's"; return; }
  return 1
}

# One with nothing but the key, or whatever came latest before the commit; one with half of its writes lost; one after it.
boot_some() {
  local line what found count
  for line in "$(grep '^prefix [^j]' "$work/states" | tail -n 1)" "$(grep '^lost [^j]' "$work/states" | tail -n 1)" \
    "$(grep '^prefix joined' "$work/states" | head -n 1)"; do
    read -r what found count _ <<<"$line"
    echo "== $kind: $what of $count entries, $found found, is booted"
    make_state power "$count" "$([ "$what" = prefix ] || echo $((seed + count)))"
    cp --sparse=always "$states/power.ext4" "$work/power.ext4"
    rm "$states/power.ext4"
    boot power "$until_ready" "${firmware[@]}"
    check_node power "$([ "$found" = joined ] && echo already-joined || echo joined)"
  done
}

main "$@"
