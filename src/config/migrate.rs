//! `config validate`, `config migrate` and `config print join-defaults`: what a file says, strictly, and what kubeadm
//! writes today. Names of this machine come from the caller.

use std::path::Path;

use zeroize::Zeroizing;

use super::draft::Draft;
use super::error::{ConfigError, Problem, Warning};
use super::origin::{Given, Origin};
use super::{DiscoveryMethod, document, render};
use crate::secret::Secret;
use crate::values::NodeName;

/// Stands where a token has to stand (kubeadm `PlaceholderToken`). It is in every documentation and secret to nobody.
const PLACEHOLDER_TOKEN: &str = "abcdef.0123456789abcdef";

/// Versions that are read only when the user says so, or without a word when he does.
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
    pub node_name: Option<NodeName>,
    /// `nodeRegistration.criSocket`, with its `unix://`.
    pub cri_socket: Option<String>,
    draft: Draft,
}

impl Migration {
    /// The document, with the name and the socket that it will have. It holds the tokens.
    pub fn to_yaml(&self, node_name: &NodeName, cri_socket: &str) -> Zeroizing<String> {
        render::to_yaml(&self.draft, node_name, cri_socket)
    }
}

/// Checks a file: what a join only warns of is an error here.
///
/// # Errors
/// As [`super::resolve`], and for unknown and repeated fields, `kubeletExtraArgs` in the form of another version, documents of
/// an unknown API, and an experimental version that is not allowed.
pub fn validate(path: &Path, text: &str, allow: Allow) -> Result<Vec<Warning>, ConfigError> {
    examine(path, text, allow, true).map(|migration| migration.warnings)
}

/// Reads a file of any version. As [`validate`], but the form of `kubeletExtraArgs` is put right instead.
///
/// # Errors
/// As [`validate`].
pub fn migrate(path: &Path, text: &str, allow: Allow) -> Result<Migration, ConfigError> {
    examine(path, text, allow, false)
}

/// What a JoinConfiguration looks like: `config print join-defaults`.
pub fn join_defaults(node_name: &NodeName, cri_socket: &str) -> Zeroizing<String> {
    let given = |text: &str| Some(Given::new(text.to_owned(), Origin::Argument));
    let token = || Some(Given::new(Secret::new(PLACEHOLDER_TOKEN), Origin::Argument));
    let draft = Draft {
        endpoints: given("kube-apiserver:6443").into_iter().collect(),
        discovery_token: token(),
        tls_bootstrap_token: token(),
        unsafe_skip_ca_verification: true,
        ..Draft::default()
    };
    render::to_yaml(&draft, node_name, cri_socket)
}

fn examine(path: &Path, text: &str, allow: Allow, strict_form: bool) -> Result<Migration, ConfigError> {
    let (mut problems, mut found, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let mut draft = document::read(path, text, &mut problems, &mut found)?;
    for warning in found {
        match warning {
            Warning::ExperimentalVersion(api_version) if !allow.experimental => {
                return Err(ConfigError::Experimental { path: path.to_owned(), api_version });
            }
            Warning::OldVersion { .. } if allow.deprecated => {}
            Warning::UnknownField(origin) => problems.push(Problem::UnknownField(origin)),
            Warning::DuplicateField(origin) => problems.push(Problem::DuplicateField(origin)),
            Warning::ExtraArgsForm(origin, form) if strict_form => {
                problems.push(Problem::ExtraArgsForm(origin, form));
            }
            Warning::IgnoredDocument { api_version, kind, line } if !document::kubeadm_knows(&api_version) => {
                problems.push(Problem::UnknownApi { api_version, kind, line });
            }
            other => warnings.push(other),
        }
    }
    if draft.tls_bootstrap_token.is_none() && draft.file.is_none() {
        draft.tls_bootstrap_token = draft.discovery_token.clone();
    }
    match draft.clone().check(&mut problems, &mut warnings) {
        Some(configuration) => {
            if let (DiscoveryMethod::Token { endpoints, .. }, false) = (&configuration.discovery, strict_form)
                && endpoints.len() > 1
            {
                // The last one stands where the others do, or behind them; an empty list has no second.
                warnings.extend(draft.endpoints.last().map(|given| Warning::FurtherEndpoints(given.origin.clone())));
            }
            let registration = configuration.node_registration;
            Ok(Migration { warnings, node_name: registration.name, cri_socket: registration.cri_socket, draft })
        }
        None => Err(ConfigError::Invalid { file: Some(path.to_owned()), problems }),
    }
}
