//! Precedence and provenance: the texts of all sources to one configuration, without any I/O.
//!
//! Without a configuration file, flags win over the kernel command line, value by value. With one, the file is the
//! configuration, and only what kubeadm lets stand beside it (`ValidateMixedArguments`) is added; what kubeadm does not
//! have (`--rootfs`, `--clock`, a token file) may stand beside it, too.

use std::path::{Path, PathBuf};

use super::draft::{Draft, checked};
use super::error::{ConfigError, Problem, Warning};
use super::kernel;
use super::origin::{Given, Origin};
use super::settings::Settings;
use super::{Extras, JoinConfiguration, document};
use crate::secret::Secret;

/// Every text that a configuration can come from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The flags of `join`.
    pub flags: &'a Settings,
    /// The kernel command line, where it is consulted.
    pub kernel: Option<&'a str>,
    /// The configuration file: its name for messages, its text.
    pub config: Option<(&'a Path, &'a str)>,
    /// What the token file says, trimmed; the file of the flags where those name one, else that of the kernel command line.
    pub token_file: Option<Secret>,
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
/// [`ConfigError::Invalid`] with everything that is wrong or missing, or what is wrong with the file as a whole.
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, ConfigError> {
    let kernel::Parsed { settings: kernel, mut warnings, mut problems } =
        sources.kernel.map(kernel::parse).unwrap_or_default();
    let flags = Source { settings: sources.flags, names: &FLAGS };
    let kernel = Source { settings: &kernel, names: &PARAMETERS };
    warnings.extend(sources.flags.retired.iter().copied().map(Warning::RetiredFlag));
    let tokens = Tokens::weigh(&flags, &kernel, sources.token_file.as_ref(), &mut problems);

    let mut draft = match sources.config {
        Some((path, text)) => {
            refuse_mixed(&flags, &kernel)?;
            warnings.extend(flags.endpoint().or(kernel.endpoint()).map(|given| Warning::EndpointIgnored(given.origin)));
            let draft = document::read(path, text, &mut problems, &mut warnings)?;
            problems.extend(draft.unsupported());
            draft
        }
        None => from_settings(&flags, &kernel),
    };
    draft.ca_file = flags
        .path(|s| &s.discovery_ca_file, &flags.names.ca_file)
        .or(kernel.path(|s| &s.discovery_ca_file, &kernel.names.ca_file));
    draft.url_ca_file = flags
        .path(|s| &s.discovery_url_ca_file, &flags.names.url_ca_file)
        .or(kernel.path(|s| &s.discovery_url_ca_file, &kernel.names.url_ca_file));
    // As kubeadm's --token: for whatever has no token of its own, TLS bootstrap first.
    draft.tls_bootstrap_token = draft.tls_bootstrap_token.or(tokens.tls_bootstrap);
    draft.discovery_token = draft.discovery_token.or(tokens.discovery);
    // Beside a discovery file the one of a flag is for the certificate; those of a file of old versions are refused there.
    if draft.tls_bootstrap_token.is_none() && (draft.file.is_none() || sources.config.is_none()) {
        draft.tls_bootstrap_token = draft.discovery_token.clone();
    }
    for source in [&kernel, &flags] {
        draft.ignore_preflight_errors.extend_from_slice(&source.settings.ignore_preflight_errors);
        draft.node_name = source.text(|s| &s.node_name, &source.names.node_name).or(draft.node_name);
    }
    if sources.flags.skip_preflight_checks {
        draft.ignore_preflight_errors = vec!["all".to_owned()];
    }
    if !sources.flags.skip_phases.is_empty() {
        let given = |phase: &String| Given::new(phase.clone(), Origin::Flag("--skip-phases"));
        draft.skip_phases = sources.flags.skip_phases.iter().map(given).collect();
    }
    draft.dry_run = sources.flags.dry_run.unwrap_or(draft.dry_run);

    let provenance = provenance(&draft);
    let extras = extras(&flags, &kernel, &mut problems);
    match draft.check(&mut problems, &mut warnings) {
        Some(configuration) => Ok(Resolved { configuration, extras, warnings, provenance }),
        None => {
            let file = sources.config.map(|(path, _)| path.to_owned());
            Err(ConfigError::Invalid { file, problems })
        }
    }
}

/// One source of settings and what its settings are called.
struct Source<'a> {
    settings: &'a Settings,
    names: &'static Names,
}

/// Where each setting of a source stands.
struct Names {
    endpoint: Origin,
    file: Origin,
    ca_file: Origin,
    url_ca_file: Origin,
    server: Origin,
    token: Origin,
    discovery_token: Origin,
    tls_bootstrap_token: Origin,
    token_file: Origin,
    ca_cert_hashes: Origin,
    node_name: Origin,
    cri_socket: Origin,
    patches: Origin,
}

static FLAGS: Names = Names {
    endpoint: Origin::Argument,
    file: Origin::Flag("--discovery-file"),
    ca_file: Origin::Flag("--discovery-ca-file"),
    url_ca_file: Origin::Flag("--discovery-url-ca-file"),
    server: Origin::Flag("--server"),
    token: Origin::Flag("--token"),
    discovery_token: Origin::Flag("--discovery-token"),
    tls_bootstrap_token: Origin::Flag("--tls-bootstrap-token"),
    token_file: Origin::Flag("--token-file"),
    ca_cert_hashes: Origin::Flag("--discovery-token-ca-cert-hash"),
    node_name: Origin::Flag("--node-name"),
    cri_socket: Origin::Flag("--cri-socket"),
    patches: Origin::Flag("--patches"),
};

static PARAMETERS: Names = Names {
    endpoint: Origin::Kernel("kubejoin.endpoint"),
    file: Origin::Kernel("kubejoin.discovery-file"),
    ca_file: Origin::Kernel("kubejoin.discovery-ca-file"),
    url_ca_file: Origin::Kernel("kubejoin.discovery-url-ca-file"),
    server: Origin::Kernel("kubejoin.server"),
    token: Origin::Kernel("kubejoin.token"),
    discovery_token: Origin::Kernel("kubejoin.discovery-token"),
    tls_bootstrap_token: Origin::Kernel("kubejoin.tls-bootstrap-token"),
    token_file: Origin::Kernel("kubejoin.token-file"),
    ca_cert_hashes: Origin::Kernel("kubejoin.ca-cert-hash"),
    node_name: Origin::Kernel("kubejoin.node-name"),
    cri_socket: Origin::Kernel("kubejoin.cri-socket"),
    patches: Origin::Kernel("kubejoin.patches"),
};

impl Source<'_> {
    fn text(&self, field: impl Fn(&Settings) -> &Option<String>, origin: &'static Origin) -> Option<Given<String>> {
        field(self.settings).clone().map(|value| Given::new(value, origin.clone()))
    }

    fn secret(&self, field: impl Fn(&Settings) -> &Option<Secret>, origin: &'static Origin) -> Option<Given<Secret>> {
        field(self.settings).clone().map(|value| Given::new(value, origin.clone()))
    }

    fn path(&self, field: impl Fn(&Settings) -> &Option<PathBuf>, origin: &'static Origin) -> Option<Given<PathBuf>> {
        field(self.settings).clone().map(|value| Given::new(value, origin.clone()))
    }

    fn server(&self) -> Option<Given<String>> {
        self.text(|s| &s.server, &self.names.server)
    }

    fn file(&self) -> Option<Given<String>> {
        self.text(|s| &s.discovery_file, &self.names.file)
    }

    fn endpoint(&self) -> Option<Given<String>> {
        self.text(|s| &s.endpoint, &self.names.endpoint)
    }

    fn ca_cert_hashes(&self) -> Vec<Given<String>> {
        let given = |hash: &String| Given::new(hash.clone(), self.names.ca_cert_hashes.clone());
        self.settings.ca_cert_hashes.iter().map(given).collect()
    }
}

/// The tokens of flags and kernel command line.
struct Tokens {
    discovery: Option<Given<Secret>>,
    tls_bootstrap: Option<Given<Secret>>,
}

impl Tokens {
    fn weigh(flags: &Source<'_>, kernel: &Source<'_>, file: Option<&Secret>, problems: &mut Vec<Problem>) -> Self {
        let file_is_of_flags = flags.settings.token_file.is_some();
        let of_flags = Tokens::of(flags, file.filter(|_| file_is_of_flags), problems);
        let of_kernel = Tokens::of(kernel, file.filter(|_| !file_is_of_flags), problems);
        Tokens {
            discovery: of_flags.discovery.or(of_kernel.discovery),
            tls_bootstrap: of_flags.tls_bootstrap.or(of_kernel.tls_bootstrap),
        }
    }

    /// `--token` is for what has no token of its own. As in kubeadm (`cmd/join.go`), beside `--discovery-token` it is for
    /// nothing: that one has become the token of the TLS bootstrap before.
    fn of(source: &Source<'_>, file: Option<&Secret>, problems: &mut Vec<Problem>) -> Self {
        let typed = source.secret(|s| &s.token, &source.names.token);
        let from_file = file.map(|token| Given::new(token.clone(), source.names.token_file.clone()));
        if typed.is_some() && from_file.is_some() {
            problems.push(Problem::TwoTokens(source.names.token_file.clone()));
        }
        let token = typed.or(from_file);
        let discovery = source.secret(|s| &s.discovery_token, &source.names.discovery_token);
        let tls_bootstrap = source.secret(|s| &s.tls_bootstrap_token, &source.names.tls_bootstrap_token);
        let for_tls_bootstrap = if discovery.is_some() { None } else { token.clone() };
        Tokens { discovery: discovery.or(token), tls_bootstrap: tls_bootstrap.or(for_tls_bootstrap) }
    }
}

/// A draft without a configuration file. Where to join is one value, whether it is an endpoint or a file.
fn from_settings(flags: &Source<'_>, kernel: &Source<'_>) -> Draft {
    let where_to = if flags.endpoint().is_some() || flags.file().is_some() { flags } else { kernel };
    let mut ca_cert_hashes = flags.ca_cert_hashes();
    if ca_cert_hashes.is_empty() {
        ca_cert_hashes = kernel.ca_cert_hashes();
    }
    Draft {
        endpoints: where_to.endpoint().into_iter().collect(),
        file: where_to.file(),
        ca_cert_hashes,
        unsafe_skip_ca_verification: flags.settings.unsafe_skip_ca_verification.unwrap_or_default(),
        cri_socket: flags
            .text(|s| &s.cri_socket, &flags.names.cri_socket)
            .or(kernel.text(|s| &s.cri_socket, &kernel.names.cri_socket)),
        patches_directory: flags.settings.patches.clone().or(kernel.settings.patches.clone()),
        ..Draft::default()
    }
}

fn extras(flags: &Source<'_>, kernel: &Source<'_>, problems: &mut Vec<Problem>) -> Extras {
    let server = flags.server().or(kernel.server()).and_then(|given| checked(given, problems, Problem::Endpoint));
    let (flags, kernel) = (flags.settings, kernel.settings);
    let rootfs: Option<PathBuf> = flags.rootfs.clone().or(kernel.rootfs.clone());
    Extras {
        rootfs,
        server,
        clock: flags.clock.or(kernel.clock).unwrap_or_default(),
        set_clock: flags.set_clock.unwrap_or_default(),
        kubelet_config: flags.kubelet_config.clone().or(kernel.kubelet_config.clone()),
    }
}

/// What may not stand beside a configuration file.
fn refuse_mixed(flags: &Source<'_>, kernel: &Source<'_>) -> Result<(), ConfigError> {
    let mut settings = Vec::new();
    for source in [flags, kernel] {
        let (given, names) = (source.settings, source.names);
        let table = [
            (given.token.is_some(), &names.token),
            (given.discovery_token.is_some(), &names.discovery_token),
            (given.tls_bootstrap_token.is_some(), &names.tls_bootstrap_token),
            (given.discovery_file.is_some(), &names.file),
            (!given.ca_cert_hashes.is_empty(), &names.ca_cert_hashes),
            (given.cri_socket.is_some(), &names.cri_socket),
            (given.patches.is_some(), &names.patches),
            (given.unsafe_skip_ca_verification.is_some(), &UNSAFE_SKIP),
        ];
        settings.extend(table.into_iter().filter(|(given, _)| *given).map(|(_, name)| name.to_string()));
    }
    settings.sort();
    if settings.is_empty() { Ok(()) } else { Err(ConfigError::Mixed { settings }) }
}

static UNSAFE_SKIP: Origin = Origin::Flag("--discovery-token-unsafe-skip-ca-verification");

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
