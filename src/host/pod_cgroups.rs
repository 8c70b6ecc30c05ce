//! The control groups of the kubelet's Pods, in version 2: `kubepods.slice/.../kubepods-POD.slice` where systemd makes them, and
//! `kubepods/.../podPOD` where the kubelet does (`pkg/kubelet/cm/pod_container_manager_linux.go`).

use std::io;
use std::path::{Path, PathBuf};

use super::kernel;

/// Where version 2 is mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// What the kubelet calls the group of all Pods, by driver.
const PARENTS: [&str; 2] = ["kubepods.slice", "kubepods"];

/// How deep Pods are below that: a class of service, then the Pod.
const DEPTH: usize = 2;

/// The groups of Pods in which something runs.
pub fn pod_cgroups() -> Vec<PathBuf> {
    pods_below(Path::new(MOUNT))
}

/// Kills everything in a group (`cgroup.kill`, Linux 5.14).
///
/// # Errors
/// The kernel has no such file, or refuses.
pub fn kill_cgroup(group: &Path) -> io::Result<()> {
    std::fs::write(group.join("cgroup.kill"), "1")
}

fn pods_below(mount: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for parent in PARENTS {
        visit(&mount.join(parent), DEPTH, &mut found);
    }
    found.sort();
    found
}

fn visit(group: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if !is_pod(&entry.file_name().to_string_lossy()) {
            if depth > 1 {
                visit(&path, depth - 1, found);
            }
        } else if is_populated(&path) {
            found.push(path);
        }
    }
}

/// `kubepods-burstable-pod1234_5678.slice`, `kubepods-pod1234.slice`, `pod1234-5678`.
fn is_pod(name: &str) -> bool {
    let inner = name.strip_prefix("kubepods-").and_then(|name| name.strip_suffix(".slice"));
    let uid = match inner {
        Some(inner) => inner.rsplit('-').next().unwrap_or(inner).strip_prefix("pod"),
        None => name.strip_prefix("pod"),
    };
    uid.is_some_and(|uid| !uid.is_empty())
}

/// cgroup.events(5): whether a process is in it, or below.
fn is_populated(group: &Path) -> bool {
    let events = kernel::read(&group.join("cgroup.events")).unwrap_or_default();
    events.lines().any(|line| line == "populated 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_pods_are_found_under_both_drivers_and_nothing_else() {
        let mount = tempfile::tempdir().unwrap();
        let make = |group: &str, populated: bool| {
            let path = mount.path().join(group);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("cgroup.events"), format!("populated {}\nfrozen 0\n", u8::from(populated)))
                .unwrap();
        };
        make("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice", true);
        make("kubepods.slice/kubepods-pod3.slice/cri-containerd-4.scope", true);
        make("kubepods.slice/kubepods-pod3.slice", true);
        make("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod5.slice", false);
        make("kubepods/besteffort/pod6-7", true);
        make("kubepods/pod8", true);
        make("kubepods/burstable/other", true);
        make("system.slice/podman.service", true);
        make("machine.slice/pod9", true);
        let found = pods_below(mount.path());
        let found: Vec<_> =
            found.iter().map(|path| path.strip_prefix(mount.path()).unwrap().to_str().unwrap()).collect();
        let expected = [
            "kubepods/besteffort/pod6-7",
            "kubepods/pod8",
            "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice",
            "kubepods.slice/kubepods-pod3.slice",
        ];
        assert_eq!(found, expected);
    }
}
