//! What shapes the kubelet's configuration: a directory of patches, and a KubeletConfiguration that came with the image.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::InputError;
use crate::file::contents;
use crate::kubelet::configuration::{KubeletConfigError, KubeletConfiguration};
use crate::kubelet::overrides::KubeletOverrides;
use crate::kubelet::raw::RawKubeletConfig;
use crate::patches::{FileName, Ignored, PatchFileError, Patches};
use crate::phase::Phase;
use crate::report::Report;
use crate::text::printable;

/// Reads what is named. What is ignored is reported.
///
/// # Errors
/// The first file that cannot be read or parsed.
pub fn read(
    kubelet_config: Option<&Path>,
    patches: Option<&Path>,
    report: &Report,
) -> Result<KubeletOverrides, InputError> {
    Ok(KubeletOverrides {
        kubelet_config: kubelet_config.map(configuration).transpose()?,
        patches: match patches {
            Some(directory) => all_patches(directory, report).map_err(InputError::Patches)?,
            None => Patches::default(),
        },
    })
}

fn configuration(path: &Path) -> Result<RawKubeletConfig, InputError> {
    let path = path.to_owned();
    let bytes = match contents(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(InputError::Unreadable { path, source }),
    };
    let parsed = std::str::from_utf8(&bytes).map_err(|_| KubeletConfigError::Encoding).and_then(|text| {
        let raw = RawKubeletConfig::parse(text, path.display().to_string())?;
        KubeletConfiguration::check(&raw)?;
        Ok(raw)
    });
    parsed.map_err(|error| InputError::KubeletConfig { path, error })
}

/// Reads a directory and those below it in kubeadm's order, by name at each level.
fn all_patches(directory: &Path, report: &Report) -> Result<Patches, PatchFileError> {
    let unreadable = |error: &io::Error| PatchFileError::Directory { path: directory.to_owned(), kind: error.kind() };
    // kubeadm does not follow a link here.
    if !fs::symlink_metadata(directory).map_err(|error| unreadable(&error))?.is_dir() {
        return Err(PatchFileError::NotADirectory { path: directory.to_owned() });
    }
    let mut files = Vec::new();
    walk(directory, &mut files)?;
    let mut patches = Patches::default();
    let (mut used, mut warnings) = (Vec::new(), Vec::new());
    for path in files {
        let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
        let ignored = match FileName::parse(&name)? {
            Err(why) => why,
            Ok(parsed) => {
                let bytes = patch_file(&path)?;
                if !bytes.is_empty() {
                    patches.add(&name, parsed, &bytes)?;
                    used.push(printable(&name, 80));
                    continue;
                }
                Ignored::Empty
            }
        };
        let name = printable(&name, 80);
        warnings.push(format!("the patch file {name} is ignored: {ignored}"));
    }
    report.warn_each(Phase::Preflight, &warnings);
    report.warn_each(Phase::Preflight, patches.warnings());
    let (count, directory) = (patches.count(), directory.display());
    let files = if used.is_empty() { "none".to_owned() } else { used.join(", ") };
    let text = format_args!("Patches in {directory}: {count}; files: {files}");
    report.info(Phase::Preflight, text);
    Ok(patches)
}

/// The content of a file of patches.
pub(super) fn patch_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, PatchFileError> {
    contents(path).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => PatchFileError::TooLarge { path: path.to_owned() },
        kind => PatchFileError::Read { path: path.to_owned(), kind },
    })
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), PatchFileError> {
    let unreadable = |error: io::Error| PatchFileError::Directory { path: directory.to_owned(), kind: error.kind() };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
