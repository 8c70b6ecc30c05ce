//! Reads the operator's files: what shapes the kubelet's configuration (a directory of patches, a KubeletConfiguration that
//! came with the image), and in [`discovery`] what proves the cluster. All of it happens before anything is sent: a broken
//! file must not cost a token.
//!
//! The paths are those of this machine, not of the target root. What is in the files is for others to judge.

mod discovery;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Code, Explain, codes};
use crate::kubeconfig::KubeconfigError;
use crate::kubelet::configuration::{KubeletConfigError, KubeletConfiguration};
use crate::kubelet::given::{Given, GivenConfiguration};
use crate::kubelet::patches::{FileName, Ignored, PatchFileError, Patches};
use crate::phase::Phase;
use crate::pki::certificate::CertificateError;
use crate::report::Report;
use crate::text::printable;

pub use discovery::{discovery, proxies};

/// The longest file that is read, in bytes: what a ConfigMap may hold.
const MAX_BYTES: u64 = 1 << 20;

/// A file that cannot be used.
#[derive(Debug)]
pub enum OperatorFileError {
    /// One of `--patches`.
    Patches(PatchFileError),
    /// That of `--kubelet-config` cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// That of `--kubelet-config` is none.
    KubeletConfig {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: KubeletConfigError,
    },
    /// The kubeconfig of `--discovery-file` cannot be read.
    DiscoveryUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be used.
    Discovery {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: KubeconfigError,
    },
    /// A file with CA certificates cannot be read.
    CaUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither `SSL_CERT_FILE` nor `SSL_CERT_DIR` leads to one that can be used.
    WebBundle,
    /// It holds no certificates that can be trusted.
    Ca {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: CertificateError,
    },
}

/// Reads what is given. What is passed over is said.
///
/// # Errors
/// The first file that cannot be read or parsed.
pub fn read(
    kubelet_config: Option<&Path>,
    patches: Option<&Path>,
    report: &Report,
) -> Result<Given, OperatorFileError> {
    Ok(Given {
        kubelet_config: kubelet_config.map(configuration).transpose()?,
        patches: match patches {
            Some(directory) => all_patches(directory, report).map_err(OperatorFileError::Patches)?,
            None => Patches::default(),
        },
    })
}

fn configuration(path: &Path) -> Result<GivenConfiguration, OperatorFileError> {
    let path = path.to_owned();
    let bytes = match contents(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(OperatorFileError::Unreadable { path, source }),
    };
    let text = String::from_utf8(bytes).map_err(|_| KubeletConfigError::Encoding);
    match text.and_then(|text| KubeletConfiguration::check(&text).map(|()| text)) {
        Ok(text) => Ok(GivenConfiguration { path, text }),
        Err(error) => Err(OperatorFileError::KubeletConfig { path, error }),
    }
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
    let mut used = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
        let ignored = match FileName::parse(&name)? {
            Err(why) => why,
            Ok(parsed) => {
                let bytes = contents(&path).map_err(|error| match error.kind() {
                    io::ErrorKind::FileTooLarge => PatchFileError::TooLarge { path: path.clone() },
                    kind => PatchFileError::Read { path: path.clone(), kind },
                })?;
                if !bytes.is_empty() {
                    patches.add(&name, parsed, &bytes)?;
                    used.push(printable(&name, 80));
                    continue;
                }
                Ignored::Empty
            }
        };
        let name = printable(&name, 80);
        report.warn(Phase::Preflight, None, format_args!("the patch file {name} is passed over: {ignored}"));
    }
    for warning in patches.warnings() {
        report.warn(Phase::Preflight, None, warning);
    }
    let (count, directory) = (patches.len(), directory.display());
    let files = if used.is_empty() { "none".to_owned() } else { used.join(", ") };
    let text = format_args!("Patches for the kubelet's configuration in {directory}: {count}; files: {files}");
    report.info(Phase::Preflight, text);
    Ok(patches)
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

/// A whole file.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

impl fmt::Display for OperatorFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OperatorFileError::Patches(error) => error.fmt(f),
            OperatorFileError::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            OperatorFileError::KubeletConfig { path, error } => write!(f, "{}: {error}", path.display()),
            OperatorFileError::DiscoveryUnreadable { path, source } => {
                write!(f, "cannot read the discovery file {}: {source}", path.display())
            }
            OperatorFileError::Discovery { path, error } => {
                write!(f, "the discovery file {} cannot be used: {error}", path.display())
            }
            OperatorFileError::CaUnreadable { path, source } => {
                write!(f, "cannot read the CA certificates of {}: {source}", path.display())
            }
            OperatorFileError::WebBundle => {
                f.write_str("SSL_CERT_FILE and SSL_CERT_DIR lead to no CA certificates that can be used")
            }
            OperatorFileError::Ca { path, error } => {
                write!(f, "{} has no CA certificates that can be used: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for OperatorFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OperatorFileError::Patches(error) => Some(error),
            OperatorFileError::Unreadable { source, .. }
            | OperatorFileError::DiscoveryUnreadable { source, .. }
            | OperatorFileError::CaUnreadable { source, .. } => Some(source),
            OperatorFileError::KubeletConfig { error, .. } => Some(error),
            OperatorFileError::Discovery { error, .. } => Some(error),
            OperatorFileError::Ca { error, .. } => Some(error),
            OperatorFileError::WebBundle => None,
        }
    }
}

impl Explain for OperatorFileError {
    fn code(&self) -> &'static Code {
        match self {
            OperatorFileError::Patches(error) => error.code(),
            OperatorFileError::Unreadable { .. } | OperatorFileError::KubeletConfig { .. } => {
                &codes::KUBELET_CONFIG_FILE
            }
            OperatorFileError::DiscoveryUnreadable { .. } | OperatorFileError::Discovery { .. } => {
                &codes::DISCOVERY_FILE
            }
            OperatorFileError::CaUnreadable { .. } | OperatorFileError::Ca { .. } | OperatorFileError::WebBundle => {
                &codes::CONFIG_CA_FILE
            }
        }
    }

    fn hint(&self) -> String {
        match self {
            OperatorFileError::DiscoveryUnreadable { .. } => {
                "check the path given with --discovery-file on this machine".to_owned()
            }
            OperatorFileError::WebBundle => "correct SSL_CERT_FILE and SSL_CERT_DIR where this program is started, or unset them".to_owned(),
            OperatorFileError::Discovery { error: KubeconfigError::Unsupported(_), .. } => {
                "put a token or a client certificate into the discovery file, or pass --tls-bootstrap-token with a file \
                 without a user"
                    .to_owned()
            }
            OperatorFileError::Discovery { error: KubeconfigError::DangerSkipTlsVerify, .. } => {
                "take it out, and add the control plane's ca.crt as certificate-authority-data".to_owned()
            }
            _ => self.code().action.to_owned(),
        }
    }
}
