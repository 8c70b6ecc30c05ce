#!/usr/bin/env bash
# A control plane's join, killed at every system call that changes something and in every gap between a request and its
# answer, and run again: against the real API server, the real etcd and the real containerd. The second run is left alone, and
# has to end well: two voters, no learner, no half of a file, one certificate request, an API that can be written to.
#
#   system_calls_test.sh [--every K [--from J]] BINARY
#     --every K    only each K-th of these calls, from the J-th on (1 to K; default 1); default: all of them, a few seconds each
#
# As root. The calls are counted in an undisturbed join first; one that is in neither of the lists below fails the test. What
# would be the kubelet is a stand-in (stand_in/kubelet), so that a round takes seconds; with the real one: killed_test.sh.
# KEEP=DIR puts everything into DIR and leaves the logs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/second_control_plane.sh"

# Calls that change what is on the disk, what runs, or what somebody else knows. Reading from a socket is one where something
# has been sent before: killed there, the join has asked, and does not know what has come of it. Opening is one with O_CREAT.
# A kill takes nothing from what has been written, so fsync(2) is none of them; for what a power cut takes there is power_cut_test.sh.
changing=(chmod clock_settime clone clone3 connect execve fallocate fchmod fchmodat fchown flock fork ftruncate
  kill linkat mkdir mkdirat mount openat openat2 pwrite64 read recvfrom recvmsg rename renameat renameat2 sendmsg sendto
  settimeofday shutdown socketpair symlinkat tgkill umount2 unlink unlinkat utimensat vfork wait4 waitid write writev)
# And those that change nothing but the process itself.
harmless=(access arch_prctl bind brk clock_getres clock_gettime clock_nanosleep close dup dup2 epoll_create1 epoll_ctl epoll_wait eventfd2 exit
  exit_group faccessat fcntl fdatasync fstat fstatfs fsync futex getcwd getdents64 getegid geteuid getgid getpeername getpid getrandom getsockname
  getsockopt gettid getuid ioctl listen lseek lstat madvise membarrier mmap mprotect mremap munmap nanosleep newfstatat open pidfd_open pipe2 poll
  ppoll prctl pread64 prlimit64 readlink readlinkat readv restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield
  set_robust_list set_tid_address setsockopt sigaltstack socket stat statfs statx sysinfo umask uname)

begin_joins "$@"

main() {
  local number name nth delay what points kills=0 missed=0 began
  section "a join that nobody disturbs"
  first_control_plane
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
    removed >"$work/removed.log" 2>&1 || { cat "$work/removed.log"; failed=$((failed + 1)); break; }
  done 4<"$work/points"
  printf '          %s kills, %s calls not reached, %s s, load %s\n' $kills $missed $((SECONDS - began)) "$(cut -d' ' -f1 /proc/loadavg)"
  # How often a join asks while it waits differs, most of all on a busy machine.
  check "most of them were reached" [ $((kills * every * 4)) -ge $((points * 3 - every * 4)) ]
  "$here/ha.sh" down "${keep[@]}" "$cluster"
  finished=yes
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

main
