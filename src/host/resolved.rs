//! Whether systemd-resolved manages `/etc/resolv.conf`: the kubelet then needs its file of upstream servers instead
//! (kubeadm `componentconfigs/kubelet_unix.go`).

use crate::rootfs::{Root, TargetPath};
use crate::services::InitSystem;

const SERVICE: &str = "systemd-resolved";

/// The links that enable it: its own `[Install]` (`sysinit.target`; before systemd 255 `multi-user.target`) and the alias.
const LINKS: [TargetPath; 5] = [
    TargetPath::fixed("/etc/systemd/system/sysinit.target.wants/systemd-resolved.service"),
    TargetPath::fixed("/etc/systemd/system/multi-user.target.wants/systemd-resolved.service"),
    TargetPath::fixed("/etc/systemd/system/dbus-org.freedesktop.resolve1.service"),
    TargetPath::fixed("/usr/lib/systemd/system/sysinit.target.wants/systemd-resolved.service"),
    TargetPath::fixed("/usr/lib/systemd/system/multi-user.target.wants/systemd-resolved.service"),
];

/// On this system, as kubeadm asks.
pub(super) fn is_active(init_system: &InitSystem) -> bool {
    init_system.is_active(SERVICE).unwrap_or(false)
}

/// In a root that is not running: one of the links is there. Where it leads to is the business of that root.
pub(super) fn is_enabled(root: &Root) -> bool {
    LINKS.iter().any(|link| root.link_metadata(link).is_ok_and(|found| found.is_some()))
}
