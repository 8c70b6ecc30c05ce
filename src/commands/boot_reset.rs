//! `kubejoin.reset=` of the kernel command line: a machine is reset in its initramfs, and joins again in the same boot.

use std::path::{Path, PathBuf};

use super::reset;
use crate::cli::EnsureArgs;
use crate::config::ResetConfiguration;
use crate::config::settings::BootReset;
use crate::error::Failure;
use crate::host;
use crate::report::Report;
use crate::rootfs::{FileSet, Root, TargetPath};

/// What lines of this step belong to.
const SECTION: &str = "reset";

/// Says, beside the result, in which boot the root was reset: `ensure` runs more than once in a boot, and the kernel command
/// line stays the same.
const DONE: &str = "reset-in-boot";

/// Resets the target root, where that was not done in this boot.
///
/// # Errors
/// As for `reset`; or it cannot be written down that it was done.
pub(super) fn once(asked: BootReset, rootfs: Option<&Path>, args: &EnsureArgs, report: &Report) -> Result<(), Failure> {
    let Some(rootfs) = rootfs else {
        let text = "kubejoin.reset= has no effect here: it is for an initramfs, where no Pod runs";
        report.debug(1, SECTION, text);
        return Ok(());
    };
    let done = std::path::absolute(args.join.result_file.with_file_name(DONE)).ok();
    let done: Option<TargetPath> = done.and_then(|path| path.to_string_lossy().parse().ok());
    let boot = host::this_boot().unwrap_or_default();
    let system = Root::open(Path::new("/"))?;
    if let Some(done) = &done
        && system.read_private(done, boot.len() + 1)?.is_some_and(|text| *text == boot.as_bytes())
    {
        report.debug(1, SECTION, "kubejoin.reset=: this root was reset in this boot");
        return Ok(());
    }
    if args.join.settings.dry_run == Some(true) {
        report.info(SECTION, "Would reset this root first: kubejoin.reset= is on the kernel command line");
        return Ok(());
    }
    report.info(SECTION, "kubejoin.reset= is on the kernel command line: this root is reset first");
    let configuration = ResetConfiguration { force: asked == BootReset::Forced, ..ResetConfiguration::default() };
    let outcome = reset::of_root(configuration, PathBuf::from(rootfs), report)?;
    report.info(SECTION, outcome);
    if let Some(done) = done {
        let mut files = FileSet::new();
        files.file(done, 0o600, boot);
        system.commit(&files)?;
    }
    Ok(())
}
