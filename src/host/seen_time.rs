//! The time as the disk knows it: a board without a battery starts in 1970, but its files were written later than that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::rootfs::{Root, TargetPath};

/// Files whose modification time somebody sets on purpose, or that an image or an upgrade writes: systemd's own floor
/// (systemd `src/basic/time-util.c`, `clock_apply_epoch`), the last synchronized time of systemd-timesyncd, the time that
/// `fake-hwclock` saves at shutdown, and the release file of the system.
const WITNESSES: [TargetPath; 5] = [
    TargetPath::fixed("/usr/lib/clock-epoch"),
    TargetPath::fixed("/var/lib/systemd/timesync/clock"),
    TargetPath::fixed("/etc/fake-hwclock.data"),
    TargetPath::fixed("/usr/lib/os-release"),
    TargetPath::fixed("/etc/machine-id"),
];

/// The latest of them; `None` where there is none.
pub fn latest(root: &Root) -> Option<SystemTime> {
    let found = WITNESSES.into_iter().filter_map(|path| root.metadata(&path).ok().flatten());
    found.filter_map(|found| Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(found.modified).ok()?))).max()
}
