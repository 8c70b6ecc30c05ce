# What a machine has before it is joined: a kubelet, installed but not configured, and a running containerd. For node.sh
# and ha.sh to source, after machine.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what machine.sh has set

# What the packages leave behind, and a subtree of its own in the host's cgroups: several nodes share one kernel.
install_kubelet() {
  local dir=$1 cgroup hierarchy file
  cgroup=$(cgroup_of "$dir")
  for hierarchy in $(findmnt -n -l -t cgroup,cgroup2 -o TARGET); do
    mkdir -p "$hierarchy/$cgroup"
    # An empty cpuset of cgroup v1 admits no process.
    for file in cpuset.cpus cpuset.mems; do
      if [ -e "$hierarchy/$file" ]; then cat "$hierarchy/$file" >"$hierarchy/$cgroup/$file"; fi
    done
    # Otherwise all pods of a machine together get as much of a busy processor as one process of the host.
    if [ -e "$hierarchy/$cgroup/cpu.shares" ]; then echo 16384 >"$hierarchy/$cgroup/cpu.shares"; fi
    if [ -e "$hierarchy/$cgroup/cpu.weight" ]; then echo 1600 >"$hierarchy/$cgroup/cpu.weight"; fi
  done
  machine_run "$dir" mkdir -p /etc/kubernetes/manifests /run/systemd/system
  machine_run "$dir" ln -sf "$peers/systemctl" "$peers/journalctl" /usr/bin/
  printf 'KUBELET_EXTRA_ARGS=--cgroup-root=/%s\n' "$cgroup" | machine_run "$dir" tee /etc/default/kubelet >/dev/null
}

# Enough for the runtime to call its network ready, and with it the Node; no pod of these tests has a network of its own.
install_network_plugin() {
  machine_run "$1" mkdir -p /etc/cni/net.d
  printf '{"cniVersion": "1.0.0", "name": "tests", "plugins": [{"type": "loopback"}]}\n' \
    | machine_run "$1" tee /etc/cni/net.d/10-tests.conflist >/dev/null
}

# start_containerd DIR ROOT [CONFIGURATION]: ROOT is the directory that it keeps everything in, CONFIGURATION more lines of
# its config.toml.
start_containerd() {
  local dir=$1 root=$2
  cat >"$dir/containerd.toml" <<T
version = 3
root = "$root"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
${3:-}
T
  machine_start "$dir" containerd containerd --config "$dir/containerd.toml"
  wait_for 30 containerd machine_run "$dir" test -S /run/containerd/containerd.sock
}

cgroup_of() { printf 'kubejoin-%s\n' "$(sha256sum <<<"$1" | cut -c1-8)"; }

remove_cgroups() {
  local hierarchy top
  for hierarchy in $(findmnt -n -l -t cgroup,cgroup2 -o TARGET); do
    top=$hierarchy/$(cgroup_of "$1")
    if [ -d "$top" ]; then find "$top" -depth -type d -exec rmdir {} +; fi
  done
}
