//! Where programs are looked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::services::find;

/// Where programs are looked for where PATH is not set, as under an init system.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The absolute directories of a search path. Relative ones are left out, as Go's `exec.LookPath` refuses them.
pub fn search_path(text: Option<&OsStr>) -> Vec<PathBuf> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(OsStr::new(DEFAULT_PATH));
    std::env::split_paths(text).filter(|directory| directory.is_absolute()).collect()
}

/// Where programs are without every PATH having it: cron and `sudo env PATH=...` leave out sbin, Flatcar and Container-Optimized
/// OS have the kubelet in a directory of their own, NixOS and snaps everything.
pub const USUAL_DIRECTORIES: [&str; 10] = [
    "usr/local/sbin",
    "usr/local/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
    "opt/bin",
    "home/kubernetes/bin",
    "run/current-system/sw/bin",
    "snap/bin",
];

/// A program that is on this machine although no search path leads to it. `prefix` stands before every directory.
pub(super) fn find_in_usual_directories(prefix: &Path, program: &str) -> Option<PathBuf> {
    find(&USUAL_DIRECTORIES.map(|directory| prefix.join(directory)), program)
}
