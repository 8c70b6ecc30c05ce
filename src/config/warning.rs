//! Something the user should know; the join goes on.

use std::fmt;

use super::args_form::ArgsForm;
use super::origin::Origin;
use super::problem::unknown_field;
use crate::values::{Quoted, Shown};

/// Something the user should know; the join goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A field that this version does not have, and one that it has.
    UnknownField(Origin, Option<String>),
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
    /// A flag that kubelets do not have any more.
    KubeletFlagRemoved {
        /// Where.
        origin: Origin,
        /// Without dashes.
        name: String,
        /// The minor release of the first kubelet without it.
        minor: u32,
    },
    /// A flag for the kubelet with a template in its value.
    KubeletFlagTemplate {
        /// Where.
        origin: Origin,
        /// Without dashes.
        name: String,
    },
    /// A cloud provider that was part of the kubelet.
    CloudProvider(Origin),
    /// A label of Kubernetes that a kubelet may not set on its own Node.
    NodeLabel {
        /// Where.
        origin: Origin,
        /// Its key.
        key: String,
    },
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
    /// A flag whose value is empty, where something is missing.
    EmptyValue(Origin),
    /// A `kubejoin.` parameter that does not exist, named without that. Its value may be a secret and is not kept.
    UnknownParameter(String),
    /// A parameter, or what stands in its place, without a value.
    ParameterWithoutValue(Origin),
    /// `config validate`, `config migrate`: a file without a token, which another source has to bring.
    NoTokenYet,
    /// A file or a string of the firmware that is named `kubejoin.`, and not as any setting is.
    UnknownEntry(String),
    /// A file, or the directory of files, that somebody else can have written.
    UntrustedEntry(String),
    /// A file whose name differs from another one's only in upper and lower case.
    RepeatedEntry(String),
    /// A token from a stronger place than those that say which server would get it.
    TokenNotForServer(Origin),
    /// A token file that the firmware, or a partition that every system can write, names.
    FileOfAnother(Origin),
    /// A value that one from a stronger place has overruled.
    Overruled {
        /// What is not used.
        ignored: Origin,
        /// What is.
        used: Origin,
    },
    /// A setting that only the configuration file says, where there is one.
    IgnoredBesideConfig(Origin),
    /// A socket without `unix://`.
    CriSocketScheme(Origin),
    /// An endpoint beside `--config`; kubeadm ignores it, too, but does not say so.
    EndpointIgnored(Origin),
    /// Pins beside the choice to go without them; the pins count.
    UnsafeSkipIgnored,
    /// A phase that only older releases of kubeadm had.
    RetiredPhase(Origin, String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::UnknownField(origin, suggestion) => {
                f.write_str("ignored the ")?;
                unknown_field(f, origin, suggestion.as_deref())
            }
            Warning::DuplicateField(origin) => write!(f, "{origin} is given twice, the last one counts"),
            Warning::IgnoredDocument { api_version, kind, line } => {
                write!(f, "ignored the document at line {line}, {} {}", Quoted(api_version), Quoted(kind))?;
                if kind == "KubeletConfiguration" {
                    f.write_str(
                        ": --patches changes what the cluster says for this node, --kubelet-config replaces it",
                    )?;
                }
                Ok(())
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
            Warning::KubeletFlagRemoved { origin, name, minor } => write!(
                f,
                "{origin}: kubelets of 1.{minor} and newer have no flag --{}, and do not start with it",
                Shown(name)
            ),
            Warning::KubeletFlagTemplate { origin, name } => {
                write!(f, "{origin}: the value of --{} looks like a template that has not been filled in", Shown(name))
            }
            Warning::CloudProvider(origin) => write!(
                f,
                "{origin}: kubelets of 1.29 and newer have no cloud providers, and start with --cloud-provider=external or \
                 without it"
            ),
            Warning::NodeLabel { origin, key } => write!(
                f,
                "{origin}: kubelets from 1.16 up to at least 1.37 do not start with the label {}, which they may not set \
                 themselves; set it with `kubectl label node` on the control plane",
                Shown(key)
            ),
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
            Warning::EmptyValue(origin) => {
                write!(f, "ignored {origin}: its value is empty; perhaps a variable is not set")
            }
            Warning::TokenFileIgnored(origin) => write!(f, "ignored {origin}: the tokens are given already"),
            Warning::UnknownParameter(name) => {
                write!(f, "ignored the unknown parameter kubejoin.{} of the kernel command line", Shown(name))
            }
            Warning::ParameterWithoutValue(origin) => write!(f, "ignored {origin}, it has no value"),
            Warning::NoTokenYet => {
                f.write_str("the file has no token: a join needs one beside it, such as --token-file")
            }
            Warning::UnknownEntry(entry) => {
                write!(f, "ignored {}: no setting has this name", Shown(entry))
            }
            Warning::UntrustedEntry(entry) => {
                write!(f, "ignored {}: its owner or mode lets others write it", Shown(entry))
            }
            Warning::RepeatedEntry(entry) => write!(f, "ignored {}: it is there twice", Shown(entry)),
            Warning::TokenNotForServer(origin) => write!(
                f,
                "ignored {origin}: only weaker places vouch for the server that would get the token (a discovery file, a \
                 discovery token, a pin)"
            ),
            Warning::FileOfAnother(origin) => write!(
                f,
                "ignored {origin}: whoever can write there must not have a file of this machine sent to a server; write the \
                 token itself"
            ),
            Warning::Overruled { ignored, used } => {
                write!(f, "{ignored} says something else than {used}, which counts")
            }
            Warning::IgnoredBesideConfig(origin) => {
                write!(f, "{origin} is ignored: beside a configuration file, only that says it")
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
