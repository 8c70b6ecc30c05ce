//! Reads the files that [`super::resolve`] weighs: the only I/O of this room.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{ConfigError, Refused};
use super::kernel;
use super::origin::{Origin, WithOrigin};
use super::place::Place;
use super::resolve::{Resolved, Sources, rank_of_cluster, resolve};
use super::settings::Settings;
use super::token_need::TokenNeed;
use crate::file;
use crate::secret::Secret;

/// Where the kernel shows its command line.
const PROC_CMDLINE: &str = "/proc/cmdline";

/// What a person typed: reads whatever the flags, and the kernel command line after them, point to, and resolves it.
///
/// The kernel command line is read from the file that `--kernel-command-line` names, or from `/proc/cmdline` when there is
/// neither `--config` nor `--discovery-file` nor an endpoint; a machine without `/proc` has said nothing there.
///
/// # Errors
/// A file that cannot be read, and everything [`resolve`] refuses.
pub fn load(flags: &Settings) -> Result<Resolved, Refused> {
    let kernel = kernel_command_line(flags)?.map(|text| kernel::parse(&text));
    resolve_files(flags, kernel.into_iter().collect(), TokenNeed::Now)
}

/// What a machine was given, wherever that stands: the flags, then the places, the strongest first. A token may be missing.
///
/// # Errors
/// As for [`load`].
pub fn load_unattended(flags: &Settings, places: Vec<Place>) -> Result<Resolved, Refused> {
    resolve_files(flags, places, TokenNeed::Later)
}

/// Reads the configuration file of the source that says where to join, and resolves everything.
fn resolve_files(flags: &Settings, places: Vec<Place>, token: TokenNeed) -> Result<Resolved, Refused> {
    let (given, found) = match rank_of_cluster(flags, &places).and_then(|rank| rank.checked_sub(1)) {
        Some(at) => (places[at].settings.config.clone(), places[at].config.clone()),
        None => (flags.config.clone(), None),
    };
    let file = match (found, given) {
        (Some(found), _) => Some(found),
        (None, Some(given)) => Some((given.value.clone(), read(&given.value)?)),
        (None, None) => None,
    };
    let config = file.as_ref().map(|(path, text)| (path.as_path(), text.as_str()));
    resolve(Sources { flags, places, config, read_token: &read_token, token })
}

/// The target root by the same sources, for a verb that needs no other setting of a join.
///
/// # Errors
/// The file that `--kernel-command-line` names cannot be read.
pub fn rootfs(flags: &Settings) -> Result<Option<PathBuf>, ConfigError> {
    let kernel = kernel_command_line(flags)?;
    let from_kernel = kernel.and_then(|text| kernel::parse(&text).settings.rootfs);
    Ok(flags.rootfs.clone().or(from_kernel).map(|given| given.value))
}

/// What the kernel command line says, whatever else is typed, for an unattended machine.
///
/// # Errors
/// As for [`rootfs`].
pub fn kernel_unattended(flags: &Settings) -> Result<Settings, ConfigError> {
    let kernel = match &flags.kernel_command_line {
        Some(given) => Some(read(&given.value)?),
        None => running_command_line(),
    };
    Ok(kernel.map(|text| kernel::parse(&text).settings).unwrap_or_default())
}

fn kernel_command_line(flags: &Settings) -> Result<Option<Zeroizing<String>>, ConfigError> {
    match &flags.kernel_command_line {
        Some(given) => read(&given.value).map(Some),
        None if flags.config.is_none() && flags.endpoint.is_none() && flags.discovery_file.is_none() => {
            Ok(running_command_line())
        }
        None => Ok(None),
    }
}

/// The command line of the kernel that runs.
pub(super) fn running_command_line() -> Option<Zeroizing<String>> {
    read(Path::new(PROC_CMDLINE)).ok()
}

/// Reads a configuration file. It may hold a token: the text is wiped when it is dropped.
///
/// # Errors
/// It cannot be read, is not text, or is longer than any configuration.
pub fn configuration(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    read(path)
}

/// `-` is standard input, except on the kernel command line: an init has none.
fn read_token(file: &WithOrigin<PathBuf>) -> Result<Secret, ConfigError> {
    let text = match file.origin {
        Origin::Flag(_) if file.value == Path::new("-") => {
            text(file::bounded(io::stdin().lock()), Path::new("standard input"))?
        }
        _ => read(&file.value)?,
    };
    Ok(Secret::new(text.trim()))
}

/// A whole text file. It may hold a token: what is read is wiped when it is dropped.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    text(file::contents(path), path)
}

/// The text that was read from `path`.
pub(super) fn text(read: io::Result<Zeroizing<Vec<u8>>>, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let mut bytes = read.map_err(|source| match source.kind() {
        io::ErrorKind::FileTooLarge => ConfigError::TooLarge { path: path.to_owned() },
        _ => ConfigError::Read { path: path.to_owned(), source },
    })?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            let bytes = Zeroizing::new(error.into_bytes());
            let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            Err(ConfigError::NotUnicode { path: path.to_owned(), is_utf16 })
        }
    }
}
