//! Control groups as system-validators 1.12.1 finds them (`validators/cgroup_validator_linux.go`), but without writing: it
//! makes a group to see whether that one can be frozen, and here the groups that exist are read.

use std::path::{Path, PathBuf};

use super::kernel;
use super::machine::Machine;

/// The usual mount point.
const DEFAULT_MOUNT: &str = "/sys/fs/cgroup";
/// Since this kernel every group of version 2 can be frozen (`cgroup.freeze`).
const FREEZER_SINCE: (u32, u32) = (5, 2);

/// What this machine's kernel offers of control groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroups {
    /// Which version is mounted; `None` where neither is, or that is not known.
    pub version: Option<CgroupVersion>,
    /// The controllers of that version, with the kernel's names.
    pub controllers: Option<Vec<String>>,
    /// The kernel has a memory controller and was booted without it (`cgroup_disable=memory`).
    pub memory_is_off: bool,
}

/// A version of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One hierarchy per controller.
    V1,
    /// One hierarchy.
    V2,
}

impl Cgroups {
    pub(super) fn read(machine: &Machine) -> Self {
        let in_kernel = kernel::read(&machine.at("/proc/cgroups")).unwrap_or_default();
        let rows = || in_kernel.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace());
        let row = |mut fields: std::str::SplitWhitespace<'_>| Some((fields.next()?.to_owned(), fields.nth(2)? != "0"));
        let rows: Vec<(String, bool)> = rows().filter_map(row).collect();
        let memory_is_off = rows.iter().any(|(name, enabled)| name == "memory" && !enabled);
        let mounts = kernel::read(&machine.at("/proc/mounts")).unwrap_or_default();
        let is_directory = |path: &str| machine.at(path).is_dir();
        let (version, controllers) = match mounted(&mounts, is_directory) {
            None => (None, None),
            Some((_, CgroupVersion::V1)) => {
                let enabled = rows.into_iter().filter(|(_, enabled)| *enabled).map(|(name, _)| name).collect();
                (Some(CgroupVersion::V1), Some(enabled).filter(|_| !in_kernel.is_empty()))
            }
            Some((mount, CgroupVersion::V2)) => (Some(CgroupVersion::V2), unified(&machine.at(&mount))),
        };
        Cgroups { version, controllers, memory_is_off }
    }

    /// Whether a controller of the mounted version is there; `None` where that is not known.
    pub fn has(&self, controller: &str) -> Option<bool> {
        Some(self.controllers.as_ref()?.iter().any(|name| name == controller))
    }
}

/// The unit of systemd that this process belongs to.
pub fn own_unit() -> Option<String> {
    unit_on(&Machine::this(None))
}

/// The same on a machine: what stands behind the slices (systemd's `cg_path_get_unit`) in the hierarchy of version 2, or in
/// systemd's own of version 1. None in a container that shows only its own part.
pub(super) fn unit_on(machine: &Machine) -> Option<String> {
    let text = kernel::read(&machine.at("/proc/self/cgroup"))?;
    let of_systemd = |line: &str| {
        let path = line.split_once(":/").filter(|(of, _)| *of == "0:" || of.ends_with(":name=systemd"))?.1;
        let unit = path.split('/').find(|part| !part.ends_with(".slice"))?;
        unit.ends_with(".service").then(|| unit.to_owned())
    };
    text.lines().find_map(of_systemd)
}

/// Where, and which version; `getUnifiedMountpoint`.
fn mounted(mounts: &str, is_directory: impl Fn(&str) -> bool) -> Option<(String, CgroupVersion)> {
    let mut first_v1 = None;
    for line in mounts.lines().filter(|line| line.contains("cgroup")) {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(place), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if place == DEFAULT_MOUNT {
            let version = match kind {
                "cgroup2" => CgroupVersion::V2,
                "tmpfs" if !is_directory("/sys/fs/cgroup/memory") => CgroupVersion::V2,
                _ => CgroupVersion::V1,
            };
            return Some((place.to_owned(), version));
        }
        match kind {
            "cgroup2" => return Some((place.to_owned(), CgroupVersion::V2)),
            "cgroup" if first_v1.is_none() => first_v1 = Some(place.to_owned()),
            _ => {}
        }
    }
    Some((first_v1?, CgroupVersion::V1))
}

/// The controllers of version 2: those that say so, and those that are no controllers there: `devices` (by BPF) and
/// `freezer`.
fn unified(mount: &Path) -> Option<Vec<String>> {
    let said = kernel::read(&mount.join("cgroup.controllers"))?;
    let mut controllers: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
    controllers.push("devices".to_owned());
    let groups: Vec<PathBuf> = std::fs::read_dir(mount)
        .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
        .unwrap_or_default();
    let can_freeze = match groups.as_slice() {
        [] => kernel::version(&kernel::release()).is_none_or(|version| version >= FREEZER_SINCE),
        groups => groups.iter().any(|group| group.join("cgroup.freeze").exists()),
    };
    if can_freeze {
        controllers.push("freezer".to_owned());
    }
    Some(controllers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_counts_is_the_one_that_kubeadm_takes() {
        use CgroupVersion::{V1, V2};
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let tmpfs = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n";
        let memory = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n";
        let hybrid = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let elsewhere = "cgroup2 /cg cgroup2 rw 0 0\n";
        let table = [
            (unified.to_owned(), true, Some(("/sys/fs/cgroup", V2))),
            (format!("{tmpfs}{memory}{hybrid}"), true, Some(("/sys/fs/cgroup", V1))),
            (format!("{tmpfs}{hybrid}"), false, Some(("/sys/fs/cgroup", V2))),
            (format!("{memory}{elsewhere}"), true, Some(("/cg", V2))),
            (memory.to_owned(), true, Some(("/sys/fs/cgroup/memory", V1))),
            ("proc /proc proc rw 0 0\ncgroup\n".to_owned(), false, None),
            (String::new(), false, None),
        ];
        for (mounts, memory_is_directory, expected) in table {
            let found = mounted(&mounts, |_| memory_is_directory);
            assert_eq!(found.as_ref().map(|(place, version)| (place.as_str(), *version)), expected, "{mounts}");
        }
    }

    #[test]
    fn groups_of_version_2_that_cannot_be_frozen_are_noticed() {
        let mount = tempfile::tempdir().unwrap();
        assert_eq!(unified(mount.path()), None);
        std::fs::write(mount.path().join("cgroup.controllers"), "cpuset cpu io memory pids\n").unwrap();
        std::fs::create_dir(mount.path().join("init.scope")).unwrap();
        assert_eq!(unified(mount.path()).unwrap().join(" "), "cpuset cpu io memory pids devices");
        std::fs::create_dir(mount.path().join("system.slice")).unwrap();
        std::fs::write(mount.path().join("system.slice/cgroup.freeze"), "0\n").unwrap();
        assert_eq!(unified(mount.path()).unwrap().join(" "), "cpuset cpu io memory pids devices freezer");
    }
}
