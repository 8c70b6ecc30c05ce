//! Precedence and provenance: the texts of all sources to one configuration, without any I/O of its own.
//!
//! Without a configuration file, flags win over the kernel command line, value by value. With one, the file is the
//! configuration, and only what kubeadm lets stand beside it is added ([`Beside`]); what kubeadm does not have (`--rootfs`,
//! `--clock`, a token file) may stand beside it, too.

use std::path::{Path, PathBuf};

use super::check::{self, parsed};
use super::document;
use super::draft::Draft;
use super::error::{ConfigError, Refused};
use super::extras::Extras;
use super::findings::Findings;
use super::join_configuration::JoinConfiguration;
use super::kernel;
use super::origin::{Origin, WithOrigin};
use super::problem::Problem;
use super::setting::{Beside, Note, Setting};
use super::settings::Settings;
use super::settings_table::SETTINGS;
use super::warning::Warning;
use crate::secret::Secret;

/// Every text that a configuration can come from.
pub struct Sources<'a> {
    /// The flags of `join`.
    pub flags: &'a Settings,
    /// The kernel command line, where it is consulted.
    pub kernel: Option<&'a str>,
    /// The configuration file: its name for messages, its text.
    pub config: Option<(&'a Path, &'a str)>,
    /// Reads a token file; asked only where its token is needed.
    pub read_token: &'a dyn Fn(&WithOrigin<PathBuf>) -> Result<Secret, ConfigError>,
}

/// A configuration, and how it came about.
#[derive(Debug)]
pub struct Resolved {
    /// What kubeadm calls the configuration.
    pub configuration: JoinConfiguration,
    /// What only kubejoin has.
    pub extras: Extras,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// Where the values that matter most come from, as name and place, for `-v`.
    pub provenance: Vec<(&'static str, Origin)>,
}

/// Weighs the sources against each other and checks the result.
///
/// # Errors
/// [`ConfigError::Invalid`] with everything that is wrong or missing, or what is wrong with the file as a whole; with the
/// warnings, which may name the cause.
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, Refused> {
    let mut findings = Findings::default();
    match weigh(sources, &mut findings) {
        Ok((configuration, extras, provenance)) => {
            Ok(Resolved { configuration, extras, warnings: findings.warnings, provenance })
        }
        Err(error) => Err(Refused { error, warnings: findings.warnings }),
    }
}

type Weighed = (JoinConfiguration, Extras, Vec<(&'static str, Origin)>);

fn weigh(sources: &Sources<'_>, findings: &mut Findings) -> Result<Weighed, ConfigError> {
    let flags = sources.flags;
    let kernel::Parsed { settings: kernel, warnings, problems } = sources.kernel.map(kernel::parse).unwrap_or_default();
    findings.warnings.extend(warnings);
    findings.problems.extend(problems);
    findings.warnings.extend(given_rows(flags).filter_map(|(setting, _)| warning_of(setting)));

    let mut draft = match sources.config {
        Some((path, text)) => {
            refuse_mixed(flags, &kernel)?;
            let endpoint = flags.endpoint.as_ref().or(kernel.endpoint.as_ref());
            findings.warnings.extend(endpoint.map(|given| Warning::EndpointIgnored(given.origin.clone())));
            let draft = document::read(path, text, findings)?;
            findings.problems.extend(check::unsupported(&draft));
            draft
        }
        None => from_settings(flags, &kernel),
    };
    draft.ca_file = flags.discovery_ca_file.clone().or(kernel.discovery_ca_file.clone());
    draft.url_ca_file = flags.discovery_url_ca_file.clone().or(kernel.discovery_url_ca_file.clone());
    for source in [flags, &kernel] {
        add_tokens(&mut draft, source, sources, findings)?;
    }
    // Beside a discovery file the one of a flag is for the certificate; those of a file of old versions are refused there.
    if draft.tls_bootstrap_token.is_none() && (draft.file.is_none() || sources.config.is_none()) {
        draft.tls_bootstrap_token = draft.discovery_token.clone();
    }
    draft.token_is_fallback = is_fallback(&draft, flags);
    for source in [&kernel, flags] {
        draft.ignore_preflight_errors.extend_from_slice(&source.ignore_preflight_errors);
        draft.node_name = source.node_name.clone().or(draft.node_name);
    }
    if flags.skip_preflight_checks == Some(true) {
        draft.ignore_preflight_errors = vec![WithOrigin::new("all".to_owned(), Origin::Flag("skip-preflight-checks"))];
    }
    if !flags.skip_phases.is_empty() {
        draft.skip_phases.clone_from(&flags.skip_phases);
    }
    draft.dry_run = flags.dry_run.unwrap_or(draft.dry_run);

    let provenance = provenance(&draft);
    let extras = extras(flags, &kernel, findings);
    match check::check(draft, findings) {
        Some(configuration) => Ok((configuration, extras, provenance)),
        None => {
            let problems = std::mem::take(&mut findings.problems);
            if problems.iter().any(Problem::is_missing) {
                findings.warnings.extend(flags.empty.iter().cloned().map(Warning::EmptyValue));
            }
            Err(ConfigError::Invalid { file: sources.config.map(|(path, _)| path.to_owned()), problems })
        }
    }
}

/// The rows of what a source gives, and where it is given.
fn given_rows(settings: &Settings) -> impl Iterator<Item = (&'static Setting, &Origin)> {
    settings.given.iter().filter_map(|origin| {
        let row = SETTINGS.iter().find(|row| match origin {
            Origin::Flag(name) => row.flag == *name,
            Origin::Parameter(name) => row.parameter == *name,
            Origin::Argument | Origin::Field { .. } | Origin::Default => false,
        });
        Some((row?, origin))
    })
}

fn warning_of(setting: &Setting) -> Option<Warning> {
    match setting.note {
        Note::None => None,
        Note::Retired(instead) => Some(Warning::RetiredFlag { flag: setting.flag, instead }),
        Note::NoEffect(why) => Some(Warning::FlagWithoutEffect { flag: setting.flag, why }),
    }
}

/// The tokens of one source, for what has none yet. As in kubeadm (`cmd/join.go`), `--token` is for what has no token of its
/// own, and beside `--discovery-token` for nothing: that one has become the token of the TLS bootstrap before.
fn add_tokens(
    draft: &mut Draft,
    source: &Settings,
    sources: &Sources<'_>,
    findings: &mut Findings,
) -> Result<(), ConfigError> {
    if let (Some(_), Some(file)) = (&source.token, &source.token_file) {
        findings.problems.push(Problem::TwoTokens(file.origin.clone()));
    }
    draft.tls_bootstrap_token = draft.tls_bootstrap_token.take().or(source.tls_bootstrap_token.clone());
    draft.discovery_token = draft.discovery_token.take().or(source.discovery_token.clone());
    let bootstrap_lacks_one = draft.tls_bootstrap_token.is_none() && source.discovery_token.is_none();
    if !bootstrap_lacks_one && (draft.discovery_token.is_some() || draft.file.is_some()) {
        // What wins over the kernel command line is nothing to warn of.
        let of_flags = |file: &&WithOrigin<PathBuf>| matches!(file.origin, Origin::Flag(_));
        let ignored = source.token_file.as_ref().filter(of_flags);
        findings.warnings.extend(ignored.map(|file| Warning::TokenFileIgnored(file.origin.clone())));
        return Ok(());
    }
    let token = match (&source.token, &source.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(file)) => WithOrigin::new((sources.read_token)(file)?, file.origin.clone()),
        (None, None) => return Ok(()),
    };
    if bootstrap_lacks_one {
        draft.tls_bootstrap_token = Some(token.clone());
    }
    draft.discovery_token = draft.discovery_token.take().or(Some(token));
    Ok(())
}

/// Whether the kernel command line has the token, and the user of this run the discovery file, which may have a user of its
/// own: what was typed wins.
fn is_fallback(draft: &Draft, flags: &Settings) -> bool {
    let file_is_typed = match draft.file.as_ref().map(|file| &file.origin) {
        Some(Origin::Flag(_)) => true,
        Some(Origin::Field { .. }) => flags.config.is_some(),
        _ => false,
    };
    file_is_typed && draft.tls_bootstrap_token.as_ref().is_some_and(|t| matches!(t.origin, Origin::Parameter(_)))
}

/// A draft without a configuration file. Where to join is one value, whether it is an endpoint or a file.
fn from_settings(flags: &Settings, kernel: &Settings) -> Draft {
    let where_to = if flags.endpoint.is_some() || flags.discovery_file.is_some() { flags } else { kernel };
    let pinned_by = if flags.ca_cert_hashes.is_empty() { kernel } else { flags };
    let patches = flags.patches.as_ref().or(kernel.patches.as_ref());
    Draft {
        endpoints: where_to.endpoint.clone().into_iter().collect(),
        file: where_to.discovery_file.clone(),
        ca_cert_hashes: pinned_by.ca_cert_hashes.clone(),
        unsafe_skip_ca_verification: flags.unsafe_skip_ca_verification.unwrap_or_default(),
        cri_socket: flags.cri_socket.clone().or(kernel.cri_socket.clone()),
        patches_directory: patches.map(|given| given.value.clone()),
        ..Draft::default()
    }
}

fn extras(flags: &Settings, kernel: &Settings, findings: &mut Findings) -> Extras {
    let server = flags.server.clone().or(kernel.server.clone());
    let path = |flag: &Option<WithOrigin<PathBuf>>, parameter: &Option<WithOrigin<PathBuf>>| {
        flag.as_ref().or(parameter.as_ref()).map(|given| given.value.clone())
    };
    Extras {
        rootfs: path(&flags.rootfs, &kernel.rootfs),
        server: server.and_then(|given| parsed(given, findings, Problem::Endpoint)),
        clock: flags.clock.or(kernel.clock).unwrap_or_default(),
        set_clock: flags.set_clock.unwrap_or_default(),
        kubelet_config: path(&flags.kubelet_config, &kernel.kubelet_config),
    }
}

/// What may not stand beside a configuration file.
fn refuse_mixed(flags: &Settings, kernel: &Settings) -> Result<(), ConfigError> {
    let given = given_rows(flags).chain(given_rows(kernel));
    let refused = given.filter(|(setting, _)| setting.beside_config == Beside::Refused);
    let mut settings: Vec<_> = refused.map(|(setting, origin)| (origin.to_string(), setting.field)).collect();
    settings.sort();
    settings.dedup();
    if settings.is_empty() { Ok(()) } else { Err(ConfigError::Mixed { settings }) }
}

fn provenance(draft: &Draft) -> Vec<(&'static str, Origin)> {
    let table = [
        ("endpoint", draft.endpoints.first().map(|given| &given.origin)),
        ("discovery file", draft.file.as_ref().map(|given| &given.origin)),
        ("discovery token", draft.discovery_token.as_ref().map(|given| &given.origin)),
        ("TLS bootstrap token", draft.tls_bootstrap_token.as_ref().map(|given| &given.origin)),
        ("CA certificate hash", draft.ca_cert_hashes.first().map(|given| &given.origin)),
        ("node name", draft.node_name.as_ref().map(|given| &given.origin)),
        ("CRI socket", draft.cri_socket.as_ref().map(|given| &given.origin)),
    ];
    table.into_iter().filter_map(|(name, origin)| Some((name, origin?.clone()))).collect()
}
