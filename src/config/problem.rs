//! One value that cannot be used.

use std::fmt;
use std::path::Path;

use super::args_form::ArgsForm;
use super::origin::Origin;
use crate::error::{Code, codes};
use crate::values::duration::DurationError;
use crate::values::{
    EndpointError, LabelError, Misprint, NodeNameError, PinError, Quoted, Shown, TokenError, UrlError, without_secrets,
};

/// One value that cannot be used.
#[derive(PartialEq, Eq)]
pub enum Problem {
    /// No API server endpoint from any source.
    NoEndpoint,
    /// No token from any source.
    NoToken,
    /// Neither a pin nor the explicit choice to go without.
    NoPin,
    /// An invalid endpoint.
    Endpoint(Origin, EndpointError),
    /// An invalid token.
    Token(Origin, TokenError),
    /// `--token` and `--token-file` of the same source.
    TwoTokens(Origin),
    /// A certificate key, and files in the place of what it opens.
    TwoSharedCerts(Origin),
    /// An invalid pin.
    Pin(Origin, PinError),
    /// An invalid node name.
    NodeName(Origin, NodeNameError),
    /// An invalid socket of a container runtime.
    CriSocket(Origin, String),
    /// The socket of Docker's own API.
    DockerSocket(Origin),
    /// A CA path that is not absolute or does not end in `.crt`.
    CaCertPath(Origin, String),
    /// A flag for the kubelet without a name.
    KubeletFlagWithoutName(Origin),
    /// A flag for the kubelet that is named with its dashes.
    KubeletFlagDashes {
        /// Where.
        origin: Origin,
        /// As written.
        name: String,
    },
    /// A flag for the kubelet whose name cannot be one.
    KubeletFlagName {
        /// Where.
        origin: Origin,
        /// As written.
        name: String,
    },
    /// A flag for the kubelet whose value becomes two arguments.
    KubeletFlagSpace {
        /// Where.
        origin: Origin,
        /// Its name.
        name: String,
    },
    /// A label for the Node that no API server takes.
    NodeLabel {
        /// Where.
        origin: Origin,
        /// As written.
        label: String,
        /// Why.
        error: LabelError,
    },
    /// A taint with a key or a value that Kubernetes does not have.
    Taint {
        /// Where.
        origin: Origin,
        /// `key` or `value`.
        what: &'static str,
        /// As written.
        text: String,
        /// Why.
        error: LabelError,
    },
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
    UnknownField(Origin, Option<String>),
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

/// In the words of `Display`: a derived one would only make the binary larger.
impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoEndpoint => f.write_str("no API server endpoint is given"),
            Problem::NoToken => f.write_str("no bootstrap token is given"),
            Problem::NoPin => f.write_str("no hash of the cluster's CA certificate is given"),
            Problem::Endpoint(origin, error) => write!(f, "{origin}: {error}"),
            Problem::Token(origin, error) => write!(f, "{origin}: {error}"),
            Problem::TwoTokens(origin) => write!(f, "{origin}: a token is given as well"),
            Problem::TwoSharedCerts(origin) => write!(f, "{origin}: --certs-dir-from is given as well"),
            Problem::Pin(origin, error) => write!(f, "{origin}: {error}"),
            Problem::NodeName(origin, error) => write!(f, "{origin}: {error}"),
            Problem::CriSocket(origin, text) => {
                write!(f, "{origin}: invalid socket {}: it is an absolute path, with or without unix://", Quoted(text))
            }
            Problem::DockerSocket(origin) => write!(
                f,
                "{origin}: this is the socket of Docker's own API, which no kubelet speaks; that of cri-dockerd is \
                 /run/cri-dockerd.sock"
            ),
            Problem::CaCertPath(origin, text) => {
                write!(f, "{origin}: invalid path {}: it is absolute and ends in .crt", Quoted(text))
            }
            Problem::KubeletFlagWithoutName(origin) => write!(f, "{origin}: this flag for the kubelet has no name"),
            Problem::KubeletFlagDashes { origin, name } => {
                let bare = name.trim_start_matches('-');
                write!(f, "{origin}: flags for the kubelet are named without dashes, write {}", Quoted(bare))
            }
            Problem::KubeletFlagName { origin, name } => {
                write!(f, "{origin}: invalid name {} of a flag for the kubelet", Quoted(name))?;
                Misprint::find(name).map_or(Ok(()), |misprint| write!(f, ": it {misprint}"))
            }
            Problem::KubeletFlagSpace { origin, name } => write!(
                f,
                "{origin}: the value of --{} has white space in it, at which it is cut when the kubelet is started",
                Shown(name)
            ),
            Problem::NodeLabel { origin, label, error } => {
                write!(f, "{origin}: invalid label {} of node-labels: {error}", Quoted(label))
            }
            Problem::Taint { origin, what, text, error } => {
                write!(f, "{origin}: invalid {what} {} of a taint: {error}", Quoted(text))
            }
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
            Problem::UnknownField(origin, suggestion) => unknown_field(f, origin, suggestion.as_deref()),
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

impl Problem {
    /// Whether something is missing, rather than wrong.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Problem::NoEndpoint | Problem::NoToken | Problem::NoPin)
    }

    pub(super) fn code(&self) -> &'static Code {
        match self {
            _ if self.is_missing() => &codes::CONFIG_INCOMPLETE,
            _ => &codes::CONFIG_INVALID,
        }
    }

    /// The next step; beside a configuration file in the words of its fields, because flags of the cluster are refused there.
    pub(super) fn hint(&self, file: Option<&Path>) -> String {
        let text = match self {
            Problem::NoPin if file.is_some() => {
                "add discovery.bootstrapToken.caCertHashes to the configuration file, from `kubeadm token create \
                 --print-join-command` on the control plane, pass its ca.crt with --discovery-ca-file, or go without by \
                 unsafeSkipCAVerification: true"
            }
            Problem::NoPin => {
                "take --discovery-token-ca-cert-hash from `kubeadm token create --print-join-command` on the control \
                 plane, pass its ca.crt with --discovery-ca-file, or go without by \
                 --discovery-token-unsafe-skip-ca-verification"
            }
            Problem::NoToken if file.is_some() => {
                "add discovery.bootstrapToken.token to the configuration file, or pass --token-file; `kubeadm token create` \
                 on the control plane prints a token"
            }
            Problem::NoEndpoint if file.is_some() => {
                "add discovery.bootstrapToken.apiServerEndpoint to the configuration file, such as 10.0.0.1:6443"
            }
            Problem::Token(_, TokenError::Misprint(Misprint::Template))
            | Problem::Pin(_, PinError::Misprint(Misprint::Template)) => {
                "fill in the template before this program reads it"
            }
            Problem::Token(_, TokenError::Misprint(_)) | Problem::Pin(_, PinError::Misprint(_)) => {
                "write it without that character"
            }
            Problem::Token(..) | Problem::Pin(..) => {
                "copy it again from `kubeadm token create --print-join-command` on the control plane"
            }
            Problem::NodeName(Origin::Field { .. }, _) => {
                "correct that field, or pass a valid name with --node-name on this machine"
            }
            Problem::NodeName(..) => "pass a valid name with --node-name on this machine",
            Problem::IgnoreAll => "give `all` alone, or the names without it",
            Problem::ExtraArgsForm(..) => {
                "run `kubejoin config migrate --old-config FILE`, which writes the right form"
            }
            Problem::TwoTokens(_) | Problem::TwoSharedCerts(_) | Problem::TwoDiscoveries(_) | Problem::TwoTrusts(_) => {
                "keep one of the two"
            }
            Problem::Type { expected: "a string", found: "a number" | "a boolean", .. } => {
                "put the value in quotes in the configuration file"
            }
            Problem::Type { expected: "a string", found: "a mapping", .. } => {
                "put the value in quotes, or write it without a space after its colon"
            }
            Problem::Type { expected: "a boolean" | "a whole number", found: "a string", .. } => {
                "write the value without quotes in the configuration file"
            }
            Problem::Type { expected: "a list", found: "a string", .. } => {
                "write it as a list, one item a line behind `- `"
            }
            Problem::Type { expected: "a mapping", found: "a string", .. } => {
                "write fields below it, one a line and indented, each with a space after its colon"
            }
            _ => self.code().hint,
        };
        text.to_owned()
    }
}

/// A field that a version does not have; what cannot be seen in its name is said.
pub(super) fn unknown_field(f: &mut fmt::Formatter<'_>, origin: &Origin, suggestion: Option<&str>) -> fmt::Result {
    write!(f, "unknown field {origin}")?;
    if let Origin::Field { path, .. } = origin
        && let Some(misprint) = Misprint::find(path.rsplit('.').next().unwrap_or(path))
    {
        write!(f, ": its name {misprint}")?;
    }
    suggestion.map_or(Ok(()), |name| write!(f, ", perhaps {name} was meant"))
}
