//! Where programs are looked for.

use std::ffi::OsStr;
use std::path::PathBuf;

/// Where programs are looked for where PATH is not set, as under an init system.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The absolute directories of a search path. Relative ones are left out, as Go's `exec.LookPath` refuses them.
pub fn search_path(text: Option<&OsStr>) -> Vec<PathBuf> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(OsStr::new(DEFAULT_PATH));
    std::env::split_paths(text).filter(|directory| directory.is_absolute()).collect()
}
