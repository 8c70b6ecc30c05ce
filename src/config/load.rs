//! Reads the files that [`super::resolve`] weighs: the only I/O of this room.

use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::error::{ConfigError, MAX_BYTES};
use super::kernel;
use super::resolve::{Resolved, Sources, resolve};
use super::settings::{Settings, TokenFile};
use crate::secret::Secret;

/// Where the kernel shows its command line.
const PROC_CMDLINE: &str = "/proc/cmdline";

/// Reads whatever the flags, and the kernel command line after them, point to, and resolves it.
///
/// The kernel command line is read from the file that `--kernel-command-line` names, or from `/proc/cmdline` when there is
/// neither `--config` nor `--discovery-file` nor an endpoint; a machine without `/proc` has said nothing there.
///
/// # Errors
/// A file that cannot be read, and everything [`resolve`] refuses.
pub fn load(flags: &Settings) -> Result<Resolved, ConfigError> {
    let kernel = match &flags.kernel_command_line {
        Some(path) => Some(read(path)?),
        None if flags.config.is_none() && flags.endpoint.is_none() && flags.discovery_file.is_none() => {
            read(Path::new(PROC_CMDLINE)).ok()
        }
        None => None,
    };
    let from_kernel = kernel.as_deref().map(|text| kernel::parse(text).settings).unwrap_or_default();

    let config_path = flags.config.as_ref().or(from_kernel.config.as_ref());
    let config = config_path.map(|path| read(path)).transpose()?;

    // A token among the flags wins over a token file of the kernel command line: that one need not even exist.
    let flags_have_token = flags.token.is_some() || flags.discovery_token.is_some();
    let token_file = match (&flags.token_file, &from_kernel.token_file) {
        (Some(file), _) => Some(read_token(file)?),
        (None, Some(file)) if !flags_have_token => Some(read_token(file)?),
        _ => None,
    };
    resolve(&Sources {
        flags,
        kernel: kernel.as_deref().map(String::as_str),
        config: config_path.zip(config.as_deref()).map(|(path, text)| (path.as_path(), text.as_str())),
        token_file,
    })
}

/// Reads a configuration file. It may hold a token: the text is wiped when it is dropped.
///
/// # Errors
/// It cannot be read, is no text, or is longer than any configuration.
pub fn file(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    read(path)
}

fn read_token(file: &TokenFile) -> Result<Secret, ConfigError> {
    let text = match file {
        TokenFile::Stdin => read_from(io::stdin().lock(), Path::new("standard input"))?,
        TokenFile::Path(path) => read(path)?,
    };
    Ok(Secret::new(text.trim()))
}

/// A whole text file. It may hold a token: what is read is wiped when it is dropped.
fn read(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let file = std::fs::File::open(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    read_from(file, path)
}

fn read_from(source: impl Read, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let mut text = Zeroizing::new(String::new());
    match source.take(MAX_BYTES + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > MAX_BYTES => Err(ConfigError::TooLarge { path: path.to_owned() }),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(ConfigError::NotUnicode { path: path.to_owned() })
        }
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}
