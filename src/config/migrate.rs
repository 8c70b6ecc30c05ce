//! `config validate`, `config migrate` and `config print`: what a file says, strictly, and what kubeadm
//! writes today. Names of this machine come from the caller.

use std::path::Path;

use zeroize::Zeroizing;

use super::check::check;
use super::document;
use super::draft::Draft;
use super::error::{ConfigError, Refused};
use super::findings::Findings;
use super::join_configuration::{DiscoveryMethod, JoinConfiguration, NodeRegistration};
use super::origin::{Origin, WithOrigin};
use super::problem::Problem;
use super::render;
use super::reset_configuration::{self, ResetDraft};
use super::token_need::TokenNeed;
use super::warning::Warning;
use crate::secret::Secret;
use crate::values::{NodeName, NodeNameTemplate};

/// Stands where a token has to stand (kubeadm `PlaceholderToken`). It is in every documentation, and no secret.
const PLACEHOLDER_TOKEN: &str = "abcdef.0123456789abcdef";

/// What the user allows of versions that are not the current one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// `--allow-deprecated-api`: no warning about an old version.
    pub deprecated: bool,
    /// `--allow-experimental-api`: an unreleased version is no error.
    pub experimental: bool,
}

/// A file that has been read and found right, on its way to v1beta4.
#[derive(Clone, Debug)]
pub struct Migration {
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// `nodeRegistration.name`.
    pub node_name: Option<NodeNameTemplate>,
    /// `nodeRegistration.criSocket`, with its `unix://`.
    pub cri_socket: Option<String>,
    join: Option<Draft>,
    reset: Option<ResetDraft>,
}

impl Migration {
    /// The documents, with the name and the socket that they will have. They hold the tokens.
    pub fn to_yaml(&self, node_name: &str, cri_socket: &str) -> Zeroizing<String> {
        let join = self.join.as_ref().map(|draft| render::to_yaml(draft, node_name, cri_socket));
        let reset = self.reset.as_ref().map(|draft| reset_configuration::to_yaml(draft, cri_socket));
        match (join, reset) {
            (Some(join), Some(reset)) => Zeroizing::new(format!("{}---\n{}", *join, *reset)),
            (join, reset) => join.or(reset).unwrap_or_default(),
        }
    }

    /// Whether there is a JoinConfiguration in it, which has a name.
    pub fn has_node_name(&self) -> bool {
        self.join.is_some()
    }
}

/// Checks a file: what a join only warns of is an error here.
///
/// # Errors
/// As [`super::resolve`], and for unknown and repeated fields, `kubeletExtraArgs` in the form of another version, documents of
/// an unknown API, and an experimental version that is not allowed.
pub fn validate(path: &Path, text: &str, allow: Allow) -> Result<Vec<Warning>, Refused> {
    examine(path, text, allow, Purpose::Validate).map(|migration| migration.warnings)
}

/// Reads a file of any version. As [`validate`], but the form of `kubeletExtraArgs` is put right instead.
///
/// # Errors
/// As [`validate`].
pub fn migrate(path: &Path, text: &str, allow: Allow) -> Result<Migration, Refused> {
    examine(path, text, allow, Purpose::Migrate)
}

/// What a JoinConfiguration looks like: `config print join-defaults`.
pub fn join_defaults(node_name: &NodeName, cri_socket: &str) -> Zeroizing<String> {
    let given = |text: &str| Some(WithOrigin::new(text.to_owned(), Origin::Default));
    let token = || Some(WithOrigin::new(Secret::new(PLACEHOLDER_TOKEN), Origin::Default));
    let draft = Draft {
        endpoints: given("kube-apiserver:6443").into_iter().collect(),
        discovery_token: token(),
        tls_bootstrap_token: token(),
        unsafe_skip_ca_verification: true,
        ..Draft::default()
    };
    render::to_yaml(&draft, node_name.as_str(), cri_socket)
}

/// What a ResetConfiguration looks like: `config print reset-defaults`.
pub fn reset_defaults(cri_socket: &str) -> Zeroizing<String> {
    reset_configuration::to_yaml(&ResetDraft::default(), cri_socket)
}

/// What a file is examined for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It is said what is wrong with it.
    Validate,
    /// It is written again, in today's form.
    Migrate,
}

fn examine(path: &Path, text: &str, allow: Allow, purpose: Purpose) -> Result<Migration, Refused> {
    let mut findings = Findings::default();
    match read(path, text, allow, purpose, &mut findings) {
        Ok(Read { join, reset }) => {
            let (join, node_name, cri_socket) = match join {
                Some((draft, configuration)) => {
                    let NodeRegistration { name, cri_socket, .. } = configuration.node_registration;
                    (Some(draft), name, cri_socket)
                }
                None => (None, None, None),
            };
            let of_reset = reset.as_ref().and_then(|draft| draft.cri_socket.as_ref()).map(|given| given.value.clone());
            Ok(Migration { warnings: findings.warnings, node_name, cri_socket: cri_socket.or(of_reset), join, reset })
        }
        Err(error) => Err(Refused { error, warnings: findings.warnings }),
    }
}

/// The documents of a file that are kubejoin's: at least one.
struct Read {
    join: Option<(Draft, JoinConfiguration)>,
    reset: Option<ResetDraft>,
}

/// `None` where there is no document of the kind; the kinds that are there are known by the error.
fn if_there<T>(read: Result<T, ConfigError>) -> Result<Result<T, ConfigError>, ConfigError> {
    match read {
        Err(error @ ConfigError::NoConfiguration { .. }) => Ok(Err(error)),
        read => read.map(Ok),
    }
}

fn read(path: &Path, text: &str, allow: Allow, purpose: Purpose, findings: &mut Findings) -> Result<Read, ConfigError> {
    let join = if_there(document::read(path, text, findings))?;
    // What is not of kubeadm is named once.
    let others = findings.warnings.len();
    let reset = if_there(document::read_reset(path, text, findings))?.ok();
    let join = match join {
        Err(error) if reset.is_none() => return Err(error),
        join => join.ok(),
    };
    let mut at = 0;
    findings.warnings.retain(|warning| {
        at += 1;
        match warning {
            Warning::IgnoredDocument { kind, .. } => at <= others && kind != document::RESET_KIND,
            _ => true,
        }
    });
    for warning in std::mem::take(&mut findings.warnings) {
        match warning {
            Warning::ExperimentalVersion(api_version) if !allow.experimental => {
                return Err(ConfigError::Experimental { path: path.to_owned(), api_version });
            }
            Warning::OldVersion { .. } if allow.deprecated => {}
            Warning::UnknownField(origin, suggestion) => {
                findings.problems.push(Problem::UnknownField(origin, suggestion));
            }
            Warning::DuplicateField(origin) => findings.problems.push(Problem::DuplicateField(origin)),
            Warning::ExtraArgsForm(origin, form) if purpose == Purpose::Validate => {
                findings.problems.push(Problem::ExtraArgsForm(origin, form));
            }
            Warning::IgnoredDocument { api_version, kind, line } if !document::kubeadm_knows(&api_version) => {
                findings.problems.push(Problem::UnknownApi { api_version, kind, line });
            }
            other => findings.warnings.push(other),
        }
    }
    let join = join.map(|draft| check_join(draft, purpose, findings));
    if let Some(draft) = &reset {
        reset_configuration::check(draft.clone(), findings);
    }
    if !findings.problems.is_empty() {
        let problems = std::mem::take(&mut findings.problems);
        return Err(ConfigError::Invalid { file: Some(path.to_owned()), problems });
    }
    Ok(Read { join: join.flatten(), reset })
}

/// The JoinConfiguration, where nothing is wrong with it.
fn check_join(mut draft: Draft, purpose: Purpose, findings: &mut Findings) -> Option<(Draft, JoinConfiguration)> {
    if draft.tls_bootstrap_token.is_none() && draft.file.is_none() {
        draft.tls_bootstrap_token = draft.discovery_token.clone();
    }
    let configuration = check(draft.clone(), TokenNeed::Later, findings)?;
    if let DiscoveryMethod::Token { token: None, .. } = &configuration.discovery {
        findings.warnings.push(Warning::NoTokenYet);
    }
    if let (DiscoveryMethod::Token { endpoints, .. }, Purpose::Migrate) = (&configuration.discovery, purpose)
        && endpoints.len() > 1
    {
        // The last one stands where the others do, or behind them; an empty list has no second.
        let last = draft.endpoints.last().map(|given| Warning::FurtherEndpoints(given.origin.clone()));
        findings.warnings.extend(last);
    }
    Some((draft, configuration))
}
