//! What the running kernel says.

use std::path::Path;

use super::machine::Machine;
use crate::file;

/// kubeadm's `ipv4Forward` (`preflight/checks.go`).
pub(super) const IPV4_FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// kubeadm's `ipv6DefaultForwarding` (same file).
pub(super) const IPV6_FORWARDING: &str = "/proc/sys/net/ipv6/conf/default/forwarding";

/// The node name of uname(2), trimmed and lower-cased as the kubelet does.
pub(super) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().trim().to_lowercase()
}

/// The release of uname(2), such as `6.12.47+rpt-rpi-v8`.
pub(super) fn release() -> String {
    rustix::system::uname().release().to_string_lossy().trim().to_owned()
}

/// The first two numbers of a release.
pub(super) fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether `/` is in memory: the initramfs, which goes on to the system on disk with the same kernel. It is what
/// switch_root(8) asks.
pub(super) fn is_initramfs() -> bool {
    const RAMFS: u64 = 0x8584_58f6;
    const TMPFS: u64 = 0x0102_1994;
    rustix::fs::statfs("/").is_ok_and(|found| [RAMFS, TMPFS].contains(&(found.f_type as u64)))
}

/// Lines of `/proc/swaps` behind its heading.
pub(super) fn swap_areas(machine: &Machine) -> Option<usize> {
    let text = read(&machine.at("/proc/swaps"))?;
    Some(text.lines().skip(1).filter(|line| !line.trim().is_empty()).count())
}

/// Whether a setting of the kernel begins with `1`, which is what kubeadm asks (`FileContentCheck`).
pub(super) fn is_one(machine: &Machine, path: &str) -> Option<bool> {
    Some(read(&machine.at(path))?.starts_with('1'))
}

/// A file of the kernel's, as text; `None` where it cannot be read.
pub(super) fn read(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&file::contents(path).ok()?).into_owned())
}
