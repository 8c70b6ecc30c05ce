#!/usr/bin/env bash
# A control plane's join, killed at every system call that changes something and in every gap between a request and its
# answer, and run again: against the real API server, the real etcd and the real containerd. The second run is left alone, and
# has to end well: two voters, no learner, no half of a file, one certificate request, an API that can be written to.
#
#   system_calls_test.sh [--every K [--from J]] BINARY
#     --every K    only each K-th of these calls, from the J-th on (default 1); default: all of them, a few seconds each
#
# As root. The calls are counted in an undisturbed join first; one that is in neither of the lists below fails the test. What
# would be the kubelet is a stand-in (stand_in/kubelet), so that a round takes seconds; with the real one: killed_test.sh.
# KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/machine.sh"
. "$here/checks.sh"

# Calls that change what is on the disk, what runs, or what somebody else knows. Reading from a socket is one where something
# has been sent before: killed there, the join has asked, and does not know what has come of it. Opening is one with O_CREAT.
# A kill takes nothing from what has been written, so fsync(2) is none of them: what a power cut takes is tested in src/rootfs.
changing=(chmod clock_settime clone clone3 connect execve fallocate fchmod fchmodat fchown flock fork ftruncate
  kill linkat mkdir mkdirat mount openat openat2 pwrite64 read recvfrom recvmsg rename renameat renameat2 sendmsg sendto
  settimeofday shutdown socketpair symlinkat tgkill umount2 unlink unlinkat utimensat vfork wait4 waitid write writev)
# And those that change nothing but the process itself.
harmless=(access arch_prctl bind brk clock_getres clock_gettime clock_nanosleep close dup dup2 epoll_create1 epoll_ctl epoll_wait eventfd2 exit
  exit_group faccessat fcntl fdatasync fstat fstatfs fsync futex getcwd getdents64 getegid geteuid getgid getpeername getpid getrandom getsockname
  getsockopt gettid getuid ioctl listen lseek lstat madvise membarrier mmap mprotect mremap munmap nanosleep newfstatat open pidfd_open pipe2 poll
  ppoll prctl pread64 prlimit64 readlink readlinkat readv restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield
  set_robust_list set_tid_address setsockopt sigaltstack socket stat statfs statx sysinfo umask uname)

every=1 from=1
while [ $# -gt 1 ]; do
  case $1 in
    --every) every=$2; shift 2 ;;
    --from) from=$2; shift 2 ;;
    *) echo "system_calls_test: unknown option $1" >&2; exit 2 ;;
  esac
done
begin "${1:-}"
cluster=$work/cluster machine=$work/cluster/cp2 # /run/machine in the machine
ha_clusters=("$cluster")
requests=/apis/certificates.k8s.io/v1/certificatesigningrequests
declare -A init_of=()
arguments=() secrets=''
# They are not for the machines.
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy

main() {
  local number name nth delay what points kills=0 missed=0 began
  section "a join that nobody disturbs"
  check "kubeadm makes a cluster" made
  read_cluster
  stand_in
  check "the join ends" undisturbed
  check "every call that it makes is known" no_unknown_call
  keep_as_expected
  check "etcd has two voters, and all the rest is there" ended_well

  check "all of it can be removed again" removed
  points_of "$machine/trace" >"$work/points"
  points=$(wc -l <"$work/points")
  # Some thirty files, each with a file to be made, a write, a mode, two syncs and a rename.
  check "there are enough calls to be killed at: $points" [ "$points" -ge 200 ]

  section "killed at each $every. of them"
  began=$SECONDS
  while read -r -u 4 number name nth delay what; do
    if [ $((number % every)) != $((from % every)) ]; then continue; fi
    if killed_at "$name" "$nth" "$delay"; then kills=$((kills + 1)); else missed=$((missed + 1)); fi
    check "$name $nth: $what" ended_well_after_another_run
    removed >"$work/removed.log" 2>&1 || { cat "$work/removed.log"; break; }
  done 4<"$work/points"
  printf '          %s kills, %s calls not reached, %s s, load %s\n' $kills $missed $((SECONDS - began)) "$(cut -d' ' -f1 /proc/loadavg)"
  # How often a join asks while it waits differs, most of all on a busy machine.
  check "most of them were reached" [ $((kills * every * 4)) -ge $((points * 3 - every * 4)) ]
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
}

ha() { "$here/ha.sh" "$1" "$cluster" "${@:2}"; }

# The relay to it needs an API server whose certificate names the second machine, too. Keys of RSA would take most of the time.
made() { ha up 2 && ha init --cluster '{"apiServer": {"certSANs": ["198.18.0.2"]}, "encryptionAlgorithm": "ECDSA-P256"}'; }

# What hundreds of rounds need of it is found out once.
read_cluster() {
  local name
  for name in switch cp1 cp2; do init_of[$name]=$(machine_pid "$cluster/$name"); done
  readarray -t arguments < <(jq -r '.arguments[]' "$cluster/facts.json")
  secrets=$(jq -r '(.token | split(".")[1]), .certificate_key' "$cluster/facts.json")
  identity "$cluster/admin.conf" >"$work/admin.pem"
  # That of the first machine.
  api -X DELETE -o /dev/null $requests
}

# As machine_run does it, without looking whether the machine is up.
on() { nsenter --target "${init_of[$1]}" --pid --mount --net --uts --wdns=/ -- "${@:2}"; }

stand_in() {
  on cp2 mkdir /etc/stand-in
  on cp2 kubelet --version | on cp2 tee /etc/stand-in/version >/dev/null
  jq -r .machines.cp1.api_server "$cluster/facts.json" | on cp2 tee /etc/stand-in/api-server >/dev/null
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stand-in -keyout "$work/key.pem" -out "$work/tls.pem" \
    2>/dev/null
  cat "$work/tls.pem" "$work/key.pem" | on cp2 tee /etc/stand-in/tls.pem >/dev/null
  on cp2 ln -sf "$here/stand_in/kubelet" /usr/bin/kubelet
}

# join PROGRAM
join() { on cp2 timeout 120 "$1" join "${arguments[@]}"; }

# with_strace OPTIONS...: a program that is the binary, seen by strace.
with_strace() {
  printf '#!/bin/sh\nexec strace -qq -y -o /run/machine/trace %s %q "$@"\n' "$*" "$binary" >"$machine/traced"
  chmod +x "$machine/traced"
}

undisturbed() {
  with_strace
  join /run/machine/traced
}

no_unknown_call() {
  local unknown
  sed -nE 's/^([a-z0-9_]+)\(.*/\1/p' "$machine/trace" | sort -u >"$work/names"
  grep -qx renameat "$work/names"
  unknown=$(grep -vxF -f <(printf '%s\n' "${changing[@]}" "${harmless[@]}") "$work/names" || true)
  echo "$unknown"
  [ -z "$unknown" ]
}

# points_of TRACE: a line for each call to be killed at: its number, its name, which of its name, what is to be waited for
# before, and what it is about.
points_of() {
  awk -v names="${changing[*]}" '
    BEGIN { split(names, list, " "); for (i in list) is_changing[list[i]] = 1 }
    match($0, /^[a-z0-9_]+\(/) {
      name = substr($0, 1, RLENGTH - 1); rest = substr($0, RLENGTH + 1); nth = ++count[name]
      fd = rest; sub(/[^0-9].*/, "", fd); delay = "-"
      if (!(name in is_changing)) next
      # What is printed has been thought before: nobody goes by it.
      if (name ~ /^write/ && (fd == 1 || fd == 2 || rest ~ /^[0-9]+<\/dev\/kmsg>/)) next
      if (name ~ /^open/ && rest !~ /O_CREAT/) next
      if (rest ~ /^[0-9]+<(socket|TCP|UNIX)/) {
        if (name ~ /^(send|write)/) asked[fd] = 1
        else if (name ~ /^(read|recv)/) { if (!asked[fd]) next; asked[fd] = 0; delay = "delay_enter=100000:" }
      } else if (name ~ /^(read|recv)/) next
      # The disk is measured with a file that has no name: the first few of two hundred writes are enough.
      if (rest ~ /^[0-9]+<[^>]*>\(deleted\)/ && ++unnamed > 4) next
      if (name == "execve" && nth == 1) next
      # A program that runs is looked after again and again: at first, and when it has ended.
      if (name ~ /fork|clone/) is_new = 1
      if (name ~ /^wait/) { if (!is_new && rest ~ / = 0$/) next; is_new = 0 }
      gsub(/[^[:print:]]/, "", rest)
      print ++number, name, nth, delay, substr(rest, 1, 90)
    }' "$1"
}

# killed_at NAME NTH DELAY: whether it was; a join that has ended before has ended well.
killed_at() {
  local status=0
  with_strace -e "trace=$1" -e "inject=$1:${3#-}signal=KILL:when=$2"
  join /run/machine/traced >"$work/killed.log" 2>&1 || status=$?
  case $status in
    0) return 1 ;;
    137) return 0 ;;
  esac
  echo "  the join failed by itself, with $status:"
  tail -n 5 "$work/killed.log"
  return 1
}

ended_well_after_another_run() { join "$binary" && ended_well; }

ended_well() {
  local members csrs node
  members=$(on cp1 etcdmember list) && csrs=$(api $requests) && node=$(api /api/v1/nodes/cp2) || return
  csrs=${csrs//[[:space:]]/} node=${node//[[:space:]]/}
  printf '%s\n' "$members"
  [ "$(times '"id":' "$members")" = 2 ] && [ "$(times '"learner":false' "$members")" = 2 ] && [ "$(times '"name":""' "$members")" = 0 ] || return
  [ "$(times '"signerName":' "$csrs")" = 1 ] || { printf '%s\n' "$csrs"; return 1; }
  [ "$(times '"node-role.kubernetes.io/control-plane":""' "$node")" = 1 ] || { printf '%s\n' "$node"; return 1; }
  [ "$(times '"key":"node-role.kubernetes.io/control-plane"' "$node")" = 1 ] || { printf '%s\n' "$node"; return 1; }
  files_are_whole && same_as_expected || return
  # By the API server of the new control plane, as its own administrator.
  identity "$machine/root/etc/kubernetes/admin.conf" >"$work/own.pem"
  on cp2 curl -sS --fail --max-time 15 --cacert "$cluster/ca.crt" --cert "$work/own.pem" -o /dev/null -X PATCH \
    -H 'Content-Type: application/apply-patch+yaml' -d '{apiVersion: v1, kind: ConfigMap, metadata: {name: written}}' \
    "https://198.18.0.2:6443/api/v1/namespaces/default/configmaps/written?fieldManager=test"
}

# times WHAT TEXT: how often it is in it.
times() {
  local rest=${2//"$1"/}
  echo $(((${#2} - ${#rest}) / ${#1}))
}

# Keys fit their certificates, and those the CAs (etcd's own and the one that asks it are in use); nothing temporary is left, and
# no secret that was only for the join.
files_are_whole() {
  local pki=$machine/root/etc/kubernetes/pki pair left
  for pair in apiserver apiserver-kubelet-client front-proxy-client apiserver-etcd-client; do
    cmp <(openssl x509 -in "$pki/$pair.crt" -noout -pubkey) <(openssl pkey -in "$pki/$pair.key" -pubout) || return
  done
  openssl verify -CAfile "$pki/ca.crt" "$pki"/apiserver.crt "$pki"/apiserver-kubelet-client.crt || return
  openssl verify -CAfile "$pki/etcd/ca.crt" "$pki"/apiserver-etcd-client.crt "$pki"/etcd/{server,peer,healthcheck-client}.crt || return
  openssl verify -CAfile "$pki/front-proxy-ca.crt" "$pki/front-proxy-client.crt" || return
  left=$(on cp2 find /etc/kubernetes /var/lib/kubelet /var/lib/etcd -name .kubejoin.tmp -o -name kubejoin-control-plane -o -name '*.conf.tmp')
  left+=$(grep -rlsF "$secrets" "$machine"/root/{etc/kubernetes,var/lib/kubelet,run/kubejoin} || true)
  echo "$left"
  [ -z "$left" ]
}

# Names, kinds and modes of the files; the manifests, byte by byte but for the order of etcd's members.
shape() {
  (cd "$machine/root" && find etc/kubernetes var/lib/kubelet ! -path 'etc/kubernetes/manifests' -printf '%p %y %m\n') \
    | sed -E 's/kubelet-client-2[-0-9]+/kubelet-client-TIME/' | LC_ALL=C sort
  on cp2 stat -c '%n %F %a' /var/lib/etcd
  sed "s/--initial-cluster=.*//" "$machine"/root/etc/kubernetes/manifests/*.yaml
  sed -n 's/.*--initial-cluster=//p' "$machine/root/etc/kubernetes/manifests/etcd.yaml" | tr , '\n' | sort
}

keep_as_expected() { shape >"$work/expected"; }
same_as_expected() { diff "$work/expected" <(shape); }

# identity KUBECONFIG: certificate and key of its user.
identity() { sed -nE 's/^ *client-(certificate|key)-data: //p' "$1" | while read -r data; do base64 -d <<<"$data"; done; }

# api [OPTIONS OF CURL...] PATH...: asks the first API server, as administrator.
api() {
  local words=() word
  for word; do case $word in /api*) words+=("https://198.18.0.1:6443$word") ;; *) words+=("$word") ;; esac; done
  on switch curl -sS --fail --max-time 15 --cacert "$cluster/ca.crt" --cert "$work/admin.pem" "${words[@]}"
}

# The member goes first: one of two voters alone removes nobody.
removed() {
  # etcd wants to have been in touch with all of its members for five seconds.
  eventually 60 on cp1 etcdmember remove cp2 || return
  on cp2 kubelet --end || return
  rm -f "$machine/kubelet-unit/pid"
  on cp2 sh -c 'find /etc/kubernetes /var/lib/kubelet -mindepth 1 -delete; rm -rf /var/lib/etcd /run/kubejoin; mkdir /etc/kubernetes/manifests' || return
  api -X DELETE -o /dev/null -o /dev/null /api/v1/nodes/cp2 $requests
}

main
