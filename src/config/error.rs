//! What can be wrong with a configuration, and what is only worth a warning.

use std::fmt;
use std::path::PathBuf;

use super::args_form::ArgsForm;
use super::origin::Origin;
use crate::error::{Code, Explain, codes};
use crate::values::duration::DurationError;
use crate::values::{EndpointError, NodeNameError, PinError, Quoted, Shown, TokenError, UrlError, without_secrets};
use crate::yaml::YamlError;

/// The longest file that is read, in bytes: what a ConfigMap may hold.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Why there is no [`super::JoinConfiguration`].
#[derive(Debug)]
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
    },
    /// The configuration file is not YAML.
    Yaml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: YamlError,
    },
    /// A document without group, version or kind.
    NoKind {
        /// Which file.
        path: PathBuf,
        /// Where the document begins.
        line: usize,
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
    /// No document of kind JoinConfiguration.
    NoJoinConfiguration {
        /// Which file.
        path: PathBuf,
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

/// One value that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// No API server endpoint from any source.
    NoEndpoint,
    /// No token from any source.
    NoToken,
    /// Neither a pin nor the explicit choice to go without.
    NoPin,
    /// A field, flag or parameter of kubeadm that is not here.
    NotYetSupported(Origin),
    /// An invalid endpoint.
    Endpoint(Origin, EndpointError),
    /// An invalid token.
    Token(Origin, TokenError),
    /// `--token` and `--token-file` of the same source.
    TwoTokens(Origin),
    /// An invalid pin.
    Pin(Origin, PinError),
    /// An invalid node name.
    NodeName(Origin, NodeNameError),
    /// An invalid socket of a container runtime.
    CriSocket(Origin, String),
    /// A CA path that is not absolute or does not end in `.crt`.
    CaCertPath(Origin, String),
    /// A kubelet argument without a name.
    ExtraArgName(Origin),
    /// A taint with an effect that Kubernetes does not have.
    TaintEffect(Origin, String),
    /// A pull policy that Kubernetes does not have.
    ImagePullPolicy(Origin, String),
    /// An argument to be merged with one of the same name, which only the experimental v1 can say.
    MergeMethod(Origin),
    /// An invalid time.
    Time(Origin, String),
    /// `discovery.file` that is neither a path nor an https URL.
    DiscoveryFile(Origin, String),
    /// An invalid URL of a discovery file.
    Url(Origin, UrlError),
    /// A token or an endpoint beside a file for discovery.
    TwoDiscoveries(Origin),
    /// A file with CA certificates beside pins.
    TwoTrusts(Origin),
    /// An invalid address to advertise.
    AdvertiseAddress(Origin, String),
    /// An invalid port.
    BindPort(Origin, i32),
    /// An invalid certificate key. Its text is a secret.
    CertificateKey(Origin),
    /// `config validate`, `config migrate`: a field that this version does not have.
    UnknownField(Origin),
    /// The same: a field given twice.
    DuplicateField(Origin),
    /// `config validate`: `kubeletExtraArgs` in the form of another version.
    ExtraArgsForm(Origin, ArgsForm),
    /// `config validate`, `config migrate`: a document of an API that kubeadm has never known.
    UnknownApi {
        /// As written.
        api_version: String,
        /// As written.
        kind: String,
        /// Where it begins.
        line: usize,
    },
    /// An invalid duration.
    Duration(Origin, DurationError),
    /// `all` beside other checks.
    IgnoreAll,
    /// A phase that neither we nor kubeadm have.
    Phase(Origin, String),
    /// A parameter of the kernel command line that takes something else.
    Expected {
        /// Which.
        origin: Origin,
        /// Such as `auto, system or server`.
        expected: &'static str,
        /// As written.
        found: String,
    },
    /// A value of another type.
    Type {
        /// Where.
        origin: Origin,
        /// Such as `a string`.
        expected: &'static str,
        /// Such as `a number`.
        found: &'static str,
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

/// Something the user should know; the join goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A field that this version does not have.
    UnknownField(Origin),
    /// A field given twice; the last one counts.
    DuplicateField(Origin),
    /// A document that is not a JoinConfiguration.
    IgnoredDocument {
        /// As written.
        api_version: String,
        /// As written.
        kind: String,
        /// Where it begins.
        line: usize,
    },
    /// A version that kubeadm itself no longer reads.
    OldVersion {
        /// As written.
        api_version: String,
        /// As written.
        kind: String,
        /// The last release of kubeadm that reads it.
        last_kubeadm: &'static str,
        /// Fields that have another place today, and that place.
        moved: Vec<(Origin, &'static str)>,
    },
    /// A version that Kubernetes has not released yet.
    ExperimentalVersion(String),
    /// `kubeletExtraArgs` in the form of another version.
    ExtraArgsForm(Origin, ArgsForm),
    /// A field of an old version that says nothing today.
    Retired(Origin),
    /// The socket of dockershim.
    Dockershim(Origin),
    /// `config migrate`: more API servers than one.
    FurtherEndpoints(Origin),
    /// Something of token discovery beside a kubeconfig, which has no use for it.
    NotForFiles(Origin),
    /// A CA for the server of a discovery URL, where there is none.
    NoUrl(Origin),
    /// A flag of older releases of kubeadm.
    RetiredFlag {
        /// Without its dashes.
        flag: &'static str,
        /// "read as ..." or "ignored: ...".
        instead: &'static str,
    },
    /// A flag that has no effect here.
    FlagWithoutEffect {
        /// Without its dashes.
        flag: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A token file whose token nothing needs.
    TokenFileIgnored(Origin),
    /// A `kubejoin.` parameter that does not exist, named without that. Its value may be a secret and is not kept.
    UnknownParameter(String),
    /// A `kubejoin.` parameter without `=`, named without that.
    ParameterWithoutValue(&'static str),
    /// A socket without `unix://`.
    CriSocketScheme(Origin),
    /// An endpoint beside `--config`; kubeadm ignores it, too, but does not say so.
    EndpointIgnored(Origin),
    /// Pins beside the choice to go without them; the pins count.
    UnsafeSkipIgnored,
    /// A phase that only older releases of kubeadm had.
    RetiredPhase(Origin, String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            ConfigError::TooLarge { path } => {
                write!(f, "{} is longer than {} bytes", path.display(), MAX_BYTES)
            }
            ConfigError::NotUnicode { path } => write!(f, "{} is not valid UTF-8", path.display()),
            ConfigError::Yaml { path, error } => write!(f, "{}: {error}", path.display()),
            ConfigError::NoKind { path, line } => {
                write!(f, "{}: the document at line {line} has no apiVersion with a group, or no kind", path.display())
            }
            ConfigError::KindTwice { path, kind, line } => {
                write!(f, "{}: line {line}: kind {} is there twice", path.display(), Quoted(kind))
            }
            ConfigError::NoJoinConfiguration { path } => write!(f, "{} has no JoinConfiguration", path.display()),
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoEndpoint => f.write_str("no API server endpoint is given"),
            Problem::NoToken => f.write_str("no bootstrap token is given"),
            Problem::NoPin => f.write_str("no hash of the cluster's CA certificate is given"),
            Problem::NotYetSupported(origin) => write!(f, "{origin} is not supported yet"),
            Problem::Endpoint(origin, error) => write!(f, "{origin}: {error}"),
            Problem::Token(origin, error) => write!(f, "{origin}: {error}"),
            Problem::TwoTokens(origin) => write!(f, "{origin}: a token is given as well"),
            Problem::Pin(origin, error) => write!(f, "{origin}: {error}"),
            Problem::NodeName(origin, error) => write!(f, "{origin}: {error}"),
            Problem::CriSocket(origin, text) => {
                write!(f, "{origin}: invalid socket {}: it is an absolute path, with or without unix://", Quoted(text))
            }
            Problem::CaCertPath(origin, text) => {
                write!(f, "{origin}: invalid path {}: it is absolute and ends in .crt", Quoted(text))
            }
            Problem::ExtraArgName(origin) => write!(f, "{origin}: the argument has no name"),
            Problem::TaintEffect(origin, text) => write!(
                f,
                "{origin}: the effect of a taint is NoSchedule, PreferNoSchedule or NoExecute, not {}",
                Quoted(text)
            ),
            Problem::ImagePullPolicy(origin, text) => {
                write!(f, "{origin}: a pull policy is Always, IfNotPresent or Never, not {}", Quoted(text))
            }
            Problem::MergeMethod(origin) => {
                write!(f, "{origin}: only the experimental v1 can merge arguments, v1beta4 has no such field")
            }
            Problem::Time(origin, text) => {
                write!(f, "{origin}: a time has the form of 2006-01-02T15:04:05Z, not {}", Quoted(text))
            }
            Problem::DiscoveryFile(origin, text) => {
                let text = without_secrets(text);
                write!(f, "{origin}: {} is neither a path nor an https:// URL", Quoted(&text))
            }
            Problem::Url(origin, error) => write!(f, "{origin}: {error}"),
            Problem::TwoDiscoveries(origin) => write!(f, "{origin}: a discovery file is given as well"),
            Problem::TwoTrusts(origin) => write!(f, "{origin}: hashes of CA certificates are given as well"),
            Problem::AdvertiseAddress(origin, text) => write!(f, "{origin}: invalid IP address {}", Quoted(text)),
            Problem::BindPort(origin, port) => {
                write!(f, "{origin}: invalid port {port}: it is a number from 0 to 65535")
            }
            Problem::CertificateKey(origin) => write!(f, "{origin}: a certificate key has 64 hexadecimal digits"),
            Problem::UnknownField(origin) => write!(f, "unknown field {origin}"),
            Problem::DuplicateField(origin) => write!(f, "{origin} is given twice"),
            Problem::ExtraArgsForm(origin, form) => write!(f, "{origin}: {form} is needed in this version"),
            Problem::UnknownApi { api_version, kind, line } => {
                write!(f, "kubeadm does not know {} {}, the document at line {line}", Quoted(api_version), Quoted(kind))
            }
            Problem::Duration(origin, error) => write!(f, "{origin}: {error}"),
            Problem::IgnoreAll => f.write_str("`all` stands among the ignored preflight errors beside names of checks"),
            Problem::Phase(origin, text) => write!(f, "{origin}: unknown phase {}", Quoted(text)),
            Problem::Expected { origin, expected, found } => {
                write!(f, "{origin} takes {expected}, not {}", Quoted(found))
            }
            Problem::Type { origin, expected, found } => write!(f, "{origin}: this is {found}, {expected} is needed"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::UnknownField(origin) => write!(f, "ignored the unknown field {origin}"),
            Warning::DuplicateField(origin) => write!(f, "{origin} is given twice, the last one counts"),
            Warning::IgnoredDocument { api_version, kind, line } => {
                write!(f, "ignored the document at line {line}, {} {}", Quoted(api_version), Quoted(kind))
            }
            Warning::OldVersion { api_version, kind, last_kubeadm, moved } => {
                write!(
                    f,
                    "read {kind} of {api_version}, which kubeadm knows up to {last_kubeadm}, as JoinConfiguration of \
                     kubeadm.k8s.io/v1beta4"
                )?;
                for (index, (old, today)) in moved.iter().enumerate() {
                    write!(f, "{} {old} as {today}", if index == 0 { ":" } else { "," })?;
                }
                f.write_str("; `kubejoin config migrate` writes it so")
            }
            Warning::ExperimentalVersion(api_version) => write!(f, "{api_version} is experimental and may change"),
            Warning::ExtraArgsForm(origin, form) => {
                write!(f, "{origin}: accepted as it is, but this version of kubeadm's API needs {form}")
            }
            Warning::Retired(origin) => write!(f, "ignored {origin}: the cluster knows it today"),
            Warning::Dockershim(origin) => {
                write!(
                    f,
                    "ignored {origin}: kubelets of 1.24 and newer have no dockershim, the runtime is looked for instead"
                )
            }
            Warning::FurtherEndpoints(origin) => {
                write!(f, "{origin}: of several API servers only the first is written, kubeadm has room for one")
            }
            Warning::NotForFiles(origin) => {
                write!(f, "ignored {origin}: a discovery file says itself which CA is trusted")
            }
            Warning::NoUrl(origin) => write!(f, "ignored {origin}: no discovery file is fetched from a URL"),
            Warning::RetiredFlag { flag, instead } => {
                write!(f, "--{flag} is a flag of older kubeadm releases, {instead}")
            }
            Warning::FlagWithoutEffect { flag, why } => write!(f, "ignored --{flag}: {why}"),
            Warning::TokenFileIgnored(origin) => write!(f, "ignored {origin}: the tokens are given already"),
            Warning::UnknownParameter(name) => {
                write!(f, "ignored the unknown parameter kubejoin.{} of the kernel command line", Shown(name))
            }
            Warning::ParameterWithoutValue(name) => {
                write!(f, "ignored kubejoin.{name} of the kernel command line, it has no value")
            }
            Warning::CriSocketScheme(origin) => {
                write!(f, "{origin}: accepted as a path, unix:// was put before it")
            }
            Warning::EndpointIgnored(origin) => {
                write!(f, "{origin} is ignored, the configuration file says where to join")
            }
            Warning::UnsafeSkipIgnored => {
                f.write_str("CA certificate hashes are given and are checked, although skipping that is asked for")
            }
            Warning::RetiredPhase(origin, name) => {
                write!(f, "{origin}: only older releases had the phase {name}; there is nothing to skip")
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
            ConfigError::Read { .. }
            | ConfigError::TooLarge { .. }
            | ConfigError::NotUnicode { .. }
            | ConfigError::Yaml { .. }
            | ConfigError::NoKind { .. }
            | ConfigError::KindTwice { .. }
            | ConfigError::NoJoinConfiguration { .. } => &codes::CONFIG_UNREADABLE,
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
            ConfigError::Read { .. } => "check the path of that file on this machine".to_owned(),
            ConfigError::Invalid { problems, .. } => match problems.as_slice() {
                [problem] => problem.hint(),
                _ => self.code().hint.to_owned(),
            },
            _ => self.code().hint.to_owned(),
        }
    }
}

impl Problem {
    fn code(&self) -> &'static Code {
        match self {
            Problem::NoEndpoint | Problem::NoToken | Problem::NoPin => &codes::CONFIG_INCOMPLETE,
            Problem::NotYetSupported(_) => &codes::USAGE_NOT_YET_SUPPORTED,
            _ => &codes::CONFIG_INVALID,
        }
    }

    fn hint(&self) -> String {
        let text = match self {
            Problem::NoPin => {
                "take --discovery-token-ca-cert-hash from `kubeadm token create --print-join-command` on the control \
                 plane, pass its ca.crt with --discovery-ca-file, or go without by \
                 --discovery-token-unsafe-skip-ca-verification"
            }
            Problem::Token(..) | Problem::Pin(..) => {
                "copy it again from `kubeadm token create --print-join-command` on the control plane"
            }
            Problem::NodeName(..) => "pass a valid name with --node-name on this machine",
            Problem::IgnoreAll => "give `all` alone, or the names without it",
            Problem::ExtraArgsForm(..) => {
                "run `kubejoin config migrate --old-config FILE`, which writes the right form"
            }
            Problem::TwoTokens(_) | Problem::TwoDiscoveries(_) | Problem::TwoTrusts(_) => "keep one of the two",
            Problem::Type { expected: "a string", found: "a number" | "a boolean", .. } => {
                "put the value in quotes in the configuration file"
            }
            _ => self.code().hint,
        };
        text.to_owned()
    }
}
