//! `TargetMounted`: what is written below a mount point before something is mounted there is hidden by that, or is gone with
//! the initramfs.

use std::path::Path;

use super::subject::Subject;
use super::verdict::Verdict;
use crate::error::codes;
use crate::file;
use crate::node::paths;
use crate::rootfs::{Root, TargetPath};

/// fstab(5).
pub(super) const FSTAB: TargetPath = TargetPath::fixed("/etc/fstab");
/// Largest that is read, in bytes.
const MAX_FSTAB: usize = 1 << 18;

/// The root's fstab; empty where it has none.
pub(super) fn fstab(root: &Root) -> String {
    let text = root.read(&FSTAB, MAX_FSTAB).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

/// Mount point, type and options of a line.
pub(super) fn fields(line: &str) -> Option<(&str, &str, &str)> {
    let mut fields = line.split_whitespace();
    let _device = fields.next().filter(|device| !device.starts_with('#'))?;
    Some((fields.next()?, fields.next()?, fields.next().unwrap_or_default()))
}

/// Whether fstab's options name this one.
pub(super) fn has(options: &str, wanted: &str) -> bool {
    options.split(',').any(|option| option == wanted)
}

/// The target root itself in an initramfs, and what its fstab mounts at or above a node's files. What may stay away
/// (`noauto`, `nofail`) is not waited for.
pub(super) fn mounted(subject: &Subject<'_>) -> Vec<Verdict> {
    let (target, host) = (&subject.plan.target, &subject.plan.host);
    let Ok(mounts) = file::contents(&host.prefix.join("proc/self/mountinfo")) else { return Vec::new() };
    let mounts = String::from_utf8_lossy(&mounts);
    // proc_pid_mountinfo(5): the fifth field.
    let is_mounted = |place: &Path| mounts.lines().any(|line| line.split(' ').nth(4).map(Path::new) == Some(place));
    let rootfs = target.rootfs().canonicalize().unwrap_or_else(|_| target.rootfs().to_owned());
    if host.is_initramfs && !target.is_this_system() && !is_mounted(&rootfs) {
        let rootfs = rootfs.display();
        return vec![
            Verdict::error(
                format!("nothing is mounted at {rootfs}: what is written there is gone with the initramfs"),
                format!("mount the root file system at {rootfs} before, or name where it is with --rootfs"),
            )
            .with_code(&codes::PREFLIGHT_NOT_MOUNTED),
        ];
    }
    let holds_files = |place: &str| {
        let below = format!("{place}/");
        [paths::PKI, paths::MANIFESTS, paths::KUBELET_PKI].iter().any(|path| format!("{path}/").starts_with(&below))
    };
    let verdict = |(place, _, options): (&str, &str, &str)| {
        let place = place.trim_end_matches('/');
        let outside = rootfs.join(place.trim_start_matches('/'));
        let is_awaited = !place.is_empty() && !has(options, "noauto") && !has(options, "nofail");
        if !is_awaited || !holds_files(place) || is_mounted(&outside) {
            return None;
        }
        let outside = outside.display();
        let text = format!("nothing is mounted at {outside} yet, where {FSTAB} mounts what would hide a node's files");
        // Who would mount it while we wait: this system, or its initramfs.
        if target.is_this_system() || host.is_initramfs && has(options, "x-initrd.mount") {
            let hint = format!(
                "run this after {outside} has been mounted (After=local-fs.target in a unit), or `mount {place}`"
            );
            return Some(Verdict::error(text, hint).with_code(&codes::PREFLIGHT_NOT_MOUNTED));
        }
        let hint =
            format!("mount it at {outside} before (x-initrd.mount in an initramfs), or join when this root has booted");
        Some(Verdict::error(text, hint))
    };
    fstab(subject.root).lines().filter_map(fields).filter_map(verdict).collect()
}
