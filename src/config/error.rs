//! Why there is no configuration.

use std::fmt;
use std::path::PathBuf;

use super::problem::Problem;
use super::warning::Warning;
use super::yaml_cause::YamlCause;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::values::{Quoted, Shown};
use crate::yaml::YamlError;

/// The longest file that is read, in bytes: what a ConfigMap may hold.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// How many kinds of other documents are named.
const MAX_KINDS: usize = 6;

/// The next step where a file says nothing of the cluster.
const FILE_IS_INCOMPLETE: &str = "add discovery.bootstrapToken with apiServerEndpoint, token and caCertHashes to the \
    configuration file; `kubeadm token create --print-join-command` on the control plane prints them";

/// Why there is no [`super::JoinConfiguration`].
pub enum ConfigError {
    /// A file cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is longer than any configuration.
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file is not text.
    NotUnicode {
        /// Which.
        path: PathBuf,
        /// Whether it begins as a text of Windows does.
        is_utf16: bool,
    },
    /// What stands in one of the places of an unattended machine cannot be read.
    Entry {
        /// What.
        entry: String,
        /// Why.
        reason: String,
    },
    /// An encrypted credential that systemd did not open for this process.
    NotOpened {
        /// Its file.
        entry: String,
    },
    /// A pasted join command is not understood.
    Command {
        /// Where it stands.
        entry: String,
        /// Why.
        error: Box<dyn Explain>,
    },
    /// The configuration file is not YAML.
    Yaml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: YamlError,
        /// What was meant, where that can be said.
        cause: Option<YamlCause>,
    },
    /// A document without group, version or kind.
    NoKind {
        /// Which file.
        path: PathBuf,
        /// Where the document begins.
        line: usize,
        /// As written, or empty.
        api_version: String,
        /// As written, or empty.
        kind: String,
    },
    /// A kind that is there twice, in whichever versions.
    KindTwice {
        /// Which file.
        path: PathBuf,
        /// Which kind.
        kind: String,
        /// Where the second one begins.
        line: usize,
    },
    /// No document of the kind that is needed.
    NoConfiguration {
        /// Which file.
        path: PathBuf,
        /// Which kind.
        wanted: &'static str,
        /// The kinds that are there.
        kinds: Vec<String>,
    },
    /// A kind and version that does not exist, or is not read.
    Version {
        /// Which file.
        path: PathBuf,
        /// As written.
        api_version: String,
        /// As written.
        kind: String,
    },
    /// An experimental version where the user has not asked for one.
    Experimental {
        /// Which file.
        path: PathBuf,
        /// As written.
        api_version: String,
    },
    /// Settings that cannot stand beside `--config`.
    Mixed {
        /// Their names, sorted, and the fields that say the same.
        settings: Vec<(String, &'static str)>,
    },
    /// Values that cannot be used: all of them, as kubeadm does.
    Invalid {
        /// The configuration file, when there is one.
        file: Option<PathBuf>,
        /// At least one.
        problems: Vec<Problem>,
    },
}

/// Why there is no configuration, and what else was found: an ignored field can be the cause.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: ConfigError,
    /// What the user should know as well.
    pub warnings: Vec<Warning>,
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Self {
        Refused { error, warnings: Vec::new() }
    }
}

debug_as_display!(ConfigError);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            ConfigError::Entry { entry, reason } => write!(f, "cannot read {}: {reason}", Shown(entry)),
            ConfigError::NotOpened { entry } => write!(f, "{} was not opened for this process", Shown(entry)),
            ConfigError::Command { entry, error } => write!(f, "{}: {error}", Shown(entry)),
            ConfigError::TooLarge { path } => {
                write!(f, "{} is longer than {} bytes", path.display(), MAX_BYTES)
            }
            ConfigError::NotUnicode { path, is_utf16: true } => {
                write!(f, "{} is UTF-16, not UTF-8", path.display())
            }
            ConfigError::NotUnicode { path, .. } => write!(f, "{} is not valid UTF-8", path.display()),
            ConfigError::Yaml { path, cause: Some(cause), .. } => write!(f, "{}: {cause}", path.display()),
            ConfigError::Yaml { path, error, .. } => write!(f, "{}: {error}", path.display()),
            ConfigError::NoKind { path, line, api_version, kind } => {
                let path = path.display();
                match (api_version.as_str(), kind.as_str()) {
                    ("", _) => write!(f, "{path}: the document at line {line} has no apiVersion"),
                    (_, "") => write!(f, "{path}: the document at line {line} has no kind"),
                    (api_version, kind) => {
                        let (api_version, kind) = (Quoted(api_version), Quoted(kind));
                        write!(f, "{path}: the document at line {line} is {kind} of {api_version}, not of kubeadm")
                    }
                }
            }
            ConfigError::KindTwice { path, kind, line } => {
                write!(f, "{}: line {line}: kind {} is there twice", path.display(), Quoted(kind))
            }
            ConfigError::NoConfiguration { path, wanted, kinds } => {
                write!(f, "{} has no {wanted}", path.display())?;
                for (index, kind) in kinds.iter().take(MAX_KINDS).enumerate() {
                    write!(f, "{}{}", if index == 0 { ", only " } else { ", " }, Shown(kind))?;
                }
                Ok(())
            }
            ConfigError::Version { path, api_version, kind } => {
                write!(f, "{}: unknown kind {} of {}", path.display(), Quoted(kind), Quoted(api_version))
            }
            ConfigError::Experimental { path, api_version } => {
                write!(f, "{}: {api_version} is experimental", path.display())
            }
            ConfigError::Mixed { settings } => {
                let names: Vec<_> = settings.iter().map(|(name, _)| name.as_str()).collect();
                write!(f, "these cannot stand beside a configuration file: {}", names.join(", "))
            }
            ConfigError::Invalid { file, problems } => {
                if let Some(file) = file {
                    write!(f, "{}: ", file.display())?;
                }
                if problems.len() > 1 {
                    write!(f, "{} values are wrong or missing: ", problems.len())?;
                }
                for (index, problem) in problems.iter().enumerate() {
                    write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Read { source, .. } => Some(source),
            ConfigError::Yaml { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Explain for ConfigError {
    fn code(&self) -> &'static Code {
        match self {
            ConfigError::Command { error, .. } => error.code(),
            ConfigError::Read { .. }
            | ConfigError::Entry { .. }
            | ConfigError::TooLarge { .. }
            | ConfigError::NotUnicode { .. }
            | ConfigError::Yaml { .. }
            | ConfigError::NoKind { .. }
            | ConfigError::KindTwice { .. }
            | ConfigError::NoConfiguration { .. } => &codes::CONFIG_UNREADABLE,
            ConfigError::NotOpened { .. } => &codes::CONFIG_CREDENTIAL_NOT_OPENED,
            ConfigError::Version { .. } | ConfigError::Experimental { .. } => &codes::CONFIG_VERSION,
            ConfigError::Mixed { .. } => &codes::CONFIG_MIXED,
            ConfigError::Invalid { problems, .. } => {
                let mut found = problems.iter().map(Problem::code);
                let first = found.next().unwrap_or(&codes::CONFIG_INVALID);
                if found.all(|code| code == first) { first } else { &codes::CONFIG_INVALID }
            }
        }
    }

    fn hint(&self) -> String {
        match self {
            ConfigError::Experimental { .. } => {
                "pass --allow-experimental-api, or use kubeadm.k8s.io/v1beta4 in the configuration file".to_owned()
            }
            ConfigError::Read { path, .. } if path.starts_with("~") => {
                "write the path without `~`, which the shell replaces only at the beginning of a word".to_owned()
            }
            ConfigError::Command { error, .. } => error.hint(),
            ConfigError::Entry { .. } => "check that file, and its file system, on this machine".to_owned(),
            ConfigError::Read { .. } => "check the path of that file on this machine".to_owned(),
            ConfigError::NoKind { kind, .. } if kind == "Config" => {
                "pass a kubeconfig with --discovery-file".to_owned()
            }
            ConfigError::TooLarge { .. } => "check whether that is the file that was meant".to_owned(),
            ConfigError::NotUnicode { .. } => "save that file as UTF-8".to_owned(),
            ConfigError::NoConfiguration { wanted, .. } => {
                let verb = if *wanted == "ResetConfiguration" { "reset" } else { "join" };
                format!("add a document of kind {wanted}; `kubejoin config print {verb}-defaults` shows one")
            }
            ConfigError::Mixed { settings } => {
                let mut fields: Vec<_> = settings.iter().flat_map(|(_, fields)| fields.split(", ")).collect();
                fields.sort_unstable();
                fields.dedup();
                fields.retain(|field| !field.is_empty());
                match fields.as_slice() {
                    [] => "leave them out, or the file".to_owned(),
                    _ => format!("write {} into the configuration file, or leave the file out", fields.join(", ")),
                }
            }
            ConfigError::Invalid { problems, file } => match problems.as_slice() {
                [problem] => problem.hint(file.as_deref()),
                _ if file.is_some() && self.code() == &codes::CONFIG_INCOMPLETE => FILE_IS_INCOMPLETE.to_owned(),
                _ => self.code().hint.to_owned(),
            },
            _ => self.code().hint.to_owned(),
        }
    }
}
