# A machine of the tests, for cluster.sh and node.sh to source: one process that is init of pid, mount, network and host
# name namespaces of its own. Everything that runs in the machine is below it and every mount and interface belongs to it,
# so killing that one process removes all of it: there is nothing else to clean up, whatever went wrong before.
#
# Not in here: what a control plane or a node is. State is in the machine's directory:
#   unshare       pid of init's parent, there from the first moment on
#   init          pid of init and the identity of its network namespace, so that a pid used again is not taken for it
#   root/         what is bind-mounted into the machine: run, etc/kubernetes, var/lib/kubelet, var/lib/etcd
#   layers/       empty; in the machine's /run/machine/layers/upper is everything else that was written there
#   log/          one file per program, and init's own
# shellcheck shell=bash

peers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# use_release RELEASE COMPONENT...: builds what is not there yet; a machine that is started then has that release. Sets
# programs, the directory, version and release, such as v1.37.2 and 1.37.
use_release() {
  programs=$("$peers/build.sh" --release "$@")
  version=${programs##*/}
  release=${version#v} release=${release%.*}
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# Says which directory this is for the machine that may not exist yet; refuses one that holds something else, because
# `down` removes it.
machine_directory() {
  local dir
  [ -n "${1:-}" ] || die "which directory? see --help"
  dir=$(realpath -m "$1")
  if [ -d "$dir" ] && [ ! -e "$dir/.machine" ] && [ -n "$(ls -A "$dir")" ]; then
    die "$dir is neither empty nor a machine of these tests"
  fi
  printf '%s\n' "$dir"
}

machine_alive() {
  local pid namespace
  read -r pid namespace 2>/dev/null <"$1/init" || return 1
  [ "$(readlink "/proc/$pid/ns/net" 2>/dev/null)" = "$namespace" ]
}

machine_pid() {
  machine_alive "$1" || die "$1 is not up"
  cut -d' ' -f1 "$1/init"
}

# machine_up DIR HOSTNAME: starts it, with loopback up and a file system of its own (machine-init.sh).
machine_up() {
  local dir=$1 hostname=$2 outer pid='' _
  [ "$(id -u)" = 0 ] || die "namespaces need root"
  mkdir -p "$dir"/{log,root/etc/kubernetes,root/var/lib/kubelet,root/var/lib/etcd}
  touch "$dir/.machine"
  rm -f "$dir/ready"
  # --kill-child: init dies with unshare, and with init everything in its pid namespace.
  setsid unshare --fork --kill-child --pid --mount-proc --mount --propagation private --net --uts \
    bash "$peers/machine-init.sh" "$dir" "$hostname" "$programs" >"$dir/log/init.log" 2>&1 </dev/null &
  outer=$!
  printf '%s\n' $outer >"$dir/unshare"
  for _ in $(seq 100); do
    if [ -e "$dir/ready" ]; then
      read -r pid _ <"/proc/$outer/task/$outer/children" || [ -n "$pid" ] # the list has no newline
      printf '%s %s\n' "$pid" "$(readlink "/proc/$pid/ns/net")" >"$dir/init"
      return 0
    fi
    [ -e "/proc/$outer" ] || break
    sleep 0.1
  done
  kill -KILL "$outer" 2>/dev/null || true
  die "$dir did not start: $(tail -n 3 "$dir/log/init.log")"
}

# machine_run DIR COMMAND...: runs it in the machine and returns its status. The host's proxies are not for there.
machine_run() {
  local pid
  pid=$(machine_pid "$1")
  shift
  nsenter --target "$pid" --pid --mount --net --uts --wdns=/ -- env -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY -u NO_PROXY \
    -u http_proxy -u https_proxy -u all_proxy -u no_proxy "$@"
}

# machine_start DIR NAME COMMAND...: leaves it running there; its output is in log/NAME.log.
machine_start() {
  local dir=$1 name=$2
  shift 2
  machine_run "$dir" setsid --fork "$@" >>"$dir/log/$name.log" 2>&1 </dev/null
}

# machine_down DIR: ends everything in it and waits for that.
machine_down() {
  local dir=$1 pid
  pid=$(cat "$dir/unshare" 2>/dev/null) || return 0
  # A pid may have been used again since; its command line names this directory.
  if tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qx "$dir"; then
    kill -KILL "$pid" 2>/dev/null || true
    while [ -e "/proc/$pid" ] || machine_alive "$dir"; do sleep 0.05; done
  fi
  rm -f "$dir/unshare" "$dir/init"
}

# Addresses are of IPv4 or of IPv6; what differs is here. neighbour A N: the address of A's network that ends with N.
neighbour() {
  case $1 in
    *:*) printf '%s:%s\n' "${1%:*}" "$2" ;;
    *) printf '%s.%s\n' "${1%.*}" "$2" ;;
  esac
}

# add_address A INTERFACE RUN...: RUN is what runs it elsewhere. nodad: an address of IPv6 is usable at once.
add_address() {
  case $1 in
    *:*) "${@:3}" ip addr add "$1/64" dev "$2" nodad ;;
    *) "${@:3}" ip addr add "$1/24" dev "$2" ;;
  esac
}

# As it stands before a port.
in_url() {
  case $1 in
    *:*) printf '[%s]\n' "$1" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# Waits until COMMAND succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { say "waited in vain for $what"; return 1; }
    sleep 0.2
  done
}
