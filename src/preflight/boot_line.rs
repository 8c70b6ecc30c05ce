//! Where a target root's kernel command line is written.

use super::subject::Subject;
use crate::rootfs::TargetPath;

const RASPBERRY_PI: [TargetPath; 2] =
    [TargetPath::fixed("/boot/firmware/cmdline.txt"), TargetPath::fixed("/boot/cmdline.txt")];
const GRUB: TargetPath = TargetPath::fixed("/etc/default/grub");

/// The file that a person changes for another kernel command line.
pub(super) fn boot_line(subject: &Subject<'_>) -> String {
    let exists = |path: &&TargetPath| subject.root.exists(path).unwrap_or(false);
    if let Some(path) = RASPBERRY_PI.iter().find(exists) {
        return path.to_string();
    }
    if subject.plan.host.board.as_ref().is_some_and(|board| board.starts_with("Raspberry Pi")) {
        return format!("{} ({} before Debian 12)", RASPBERRY_PI[0], RASPBERRY_PI[1]);
    }
    if exists(&&GRUB) {
        return format!("GRUB_CMDLINE_LINUX of {GRUB} (then run `update-grub`)");
    }
    "this machine's kernel command line".to_owned()
}
