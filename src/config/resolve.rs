//! Precedence and provenance: the texts of all sources to one configuration, without any I/O of its own.
//!
//! The sources are ranked: the flags, then the places in the order in which they are given. Where to join is one value, whether
//! it is an endpoint, a discovery file or a configuration file; the first source that says it counts. Every other value is
//! that of the first source that has it. With a configuration file, that file is the configuration, and only what kubeadm
//! lets stand beside it is added ([`Beside`]); what kubeadm does not have (`--rootfs`, `--clock`, a token file) may stand
//! beside it, too.

use std::path::{Path, PathBuf};

use super::check::{self, parsed};
use super::document;
use super::draft::{ControlPlane, Draft};
use super::error::{ConfigError, Refused};
use super::extras::Extras;
use super::findings::Findings;
use super::join_configuration::JoinConfiguration;
use super::origin::{Origin, WithOrigin};
use super::place::Place;
use super::problem::Problem;
use super::setting::{Beside, Note, Section, Setting};
use super::settings::Settings;
use super::settings_table::SETTINGS;
use super::token_need::TokenNeed;
use super::warning::Warning;
use crate::secret::Secret;

/// Every text that a configuration can come from.
pub struct Sources<'a> {
    /// The flags of the command.
    pub flags: &'a Settings,
    /// What else is consulted, the strongest first.
    pub places: Vec<Place>,
    /// The configuration file of the source that says where to join: its name for messages, its text.
    pub config: Option<(&'a Path, &'a str)>,
    /// Reads a token file; asked only where its token is needed.
    pub read_token: &'a dyn Fn(&WithOrigin<PathBuf>) -> Result<Secret, ConfigError>,
    /// Whether there must be a token.
    pub token: TokenNeed,
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
pub fn resolve(sources: Sources<'_>) -> Result<Resolved, Refused> {
    let mut findings = Findings::default();
    match weigh(sources, &mut findings) {
        Ok((configuration, extras, provenance)) => {
            Ok(Resolved { configuration, extras, warnings: findings.warnings, provenance })
        }
        Err(error) => Err(Refused { error, warnings: findings.warnings }),
    }
}

/// Which of the ranked sources says where to join: its number, the flags' is 0.
pub(super) fn rank_of_cluster(flags: &Settings, places: &[Place]) -> Option<usize> {
    let says = |s: &Settings| s.config.is_some() || s.endpoint.is_some() || s.discovery_file.is_some();
    let place = || places.iter().position(|place| place.config.is_some() || says(&place.settings));
    if says(flags) { Some(0) } else { place().map(|at| at + 1) }
}

/// Whether any source says where to join.
pub fn names_cluster(flags: &Settings, places: &[Place]) -> bool {
    rank_of_cluster(flags, places).is_some()
}

type Weighed = (JoinConfiguration, Extras, Vec<(&'static str, Origin)>);

fn weigh(sources: Sources<'_>, findings: &mut Findings) -> Result<Weighed, ConfigError> {
    let Sources { flags, mut places, config, read_token, token } = sources;
    let rank = rank_of_cluster(flags, &places).unwrap_or_default();
    for place in &mut places {
        findings.warnings.append(&mut place.warnings);
        findings.problems.append(&mut place.problems);
        if place.is_foreign {
            findings
                .warnings
                .extend(place.settings.token_file.take().map(|given| Warning::FileOfAnother(given.origin)));
        }
    }
    let levels: Vec<usize> = std::iter::once(0).chain(places.iter().map(|place| place.level)).collect();
    let is_foreign = rank.checked_sub(1).is_some_and(|at| places[at].is_foreign);
    findings.warnings.extend(given_rows(flags).filter_map(|(setting, _)| warning_of(setting)));
    let ranked: Vec<&Settings> = std::iter::once(flags).chain(places.iter().map(|place| &place.settings)).collect();
    let (above, rest) = ranked.split_at(rank);
    let of_cluster = rest.first().copied().unwrap_or(flags);

    let mut draft = match config {
        Some((path, text)) => {
            refuse_mixed(&ranked[..=rank])?;
            findings.warnings.extend(ignored_beside_config(&ranked));
            findings
                .warnings
                .extend(of_cluster.endpoint.iter().map(|given| Warning::EndpointIgnored(given.origin.clone())));
            let mut draft = document::read(path, text, findings)?;
            if let Some(control_plane) = &mut draft.control_plane {
                let key = &mut control_plane.value.certificate_key;
                *key = key.take().or_else(|| ranked.iter().find_map(|source| source.certificate_key.clone()));
            }
            draft
        }
        None => from_settings(of_cluster, &ranked),
    };
    let first = |path: fn(&Settings) -> &Option<WithOrigin<PathBuf>>| ranked.iter().find_map(|s| path(s).clone());
    // Pins of a stronger source are not contradicted by a file of a weaker one.
    let rank_of = |has: &dyn Fn(&Settings) -> bool| ranked.iter().position(|source| has(source));
    let pins = if config.is_some() { Some(rank) } else { rank_of(&|s| !s.ca_cert_hashes.is_empty()) };
    let ca_file = rank_of(&|s| s.discovery_ca_file.is_some());
    draft.ca_file = first(|s| &s.discovery_ca_file);
    match pins.zip(ca_file).filter(|_| !draft.ca_cert_hashes.is_empty()) {
        Some((pins, file)) if pins < file => draft.ca_file = None,
        // Nor is a file contradicted by weaker pins.
        Some((pins, file)) if file < pins => {
            let ignored = std::mem::take(&mut draft.ca_cert_hashes).into_iter().map(|pin| pin.origin);
            let used = draft.ca_file.as_ref().map(|given| given.origin.clone());
            findings
                .warnings
                .extend(ignored.take(1).zip(used).map(|(ignored, used)| Warning::Overruled { ignored, used }));
        }
        _ => {}
    }
    draft.url_ca_file = first(|s| &s.discovery_url_ca_file);
    let of_file = (draft.discovery_token.take(), draft.tls_bootstrap_token.take());
    draft.file_is_foreign = is_foreign;
    // A token that has signed cluster-info goes to nobody who does not know it. What another one is sent to is decided by what
    // has, by the CA, or by the discovery file.
    let signed = rank_of(&|s| s.discovery_token.is_some() || s.token.is_some());
    let signed = signed.into_iter().chain(of_file.0.is_some().then_some(rank));
    let trusted = pins.filter(|_| !draft.ca_cert_hashes.is_empty()).or(ca_file);
    let vouching = if draft.file.is_some() { Some(rank) } else { signed.chain(trusted).min() };
    let weaker_decides =
        |from: usize| token == TokenNeed::Later && vouching.is_some_and(|vouching| levels[from] < levels[vouching]);
    let mut tokens = Tokens { read: read_token, need: token, findings };
    for (from, source) in above.iter().enumerate() {
        tokens.add_guarded(weaker_decides(from), &mut draft, source)?;
    }
    draft.discovery_token = draft.discovery_token.or(of_file.0);
    draft.tls_bootstrap_token = draft.tls_bootstrap_token.or(of_file.1);
    for (below, source) in rest.iter().enumerate() {
        let is_missing = draft.tls_bootstrap_token.is_none();
        tokens.add_guarded(weaker_decides(rank + below), &mut draft, source)?;
        // Beside a discovery file, which may have a user of its own, a token of a weaker source comes second.
        draft.token_is_fallback |=
            draft.file.is_some() && below > 0 && is_missing && draft.tls_bootstrap_token.is_some();
    }
    // Beside a discovery file the one of a flag is for the certificate; those of a file of old versions are refused there.
    if draft.tls_bootstrap_token.is_none() && (draft.file.is_none() || config.is_none()) {
        draft.tls_bootstrap_token = draft.discovery_token.clone();
    }
    for source in ranked.iter().rev() {
        draft.ignore_preflight_errors.extend_from_slice(&source.ignore_preflight_errors);
    }
    let name = |sources: &[&Settings]| sources.iter().find_map(|source| source.node_name.clone());
    draft.node_name = name(&ranked[..=rank]).or(draft.node_name).or_else(|| name(&ranked));
    if ranked.iter().any(|source| source.skip_preflight_checks == Some(true)) {
        draft.ignore_preflight_errors = vec![WithOrigin::new("all".to_owned(), Origin::Flag("skip-preflight-checks"))];
    }
    if let Some(source) = ranked.iter().find(|source| !source.skip_phases.is_empty()) {
        draft.skip_phases.clone_from(&source.skip_phases);
    }
    if draft.control_plane.is_none() {
        findings.warnings.extend(given_rows(flags).filter_map(|(setting, _)| for_control_planes(setting)));
    }
    let key = draft.control_plane.as_ref().and_then(|given| given.value.certificate_key.as_ref());
    if let (Some(key), Some(_)) = (key, first(|s| &s.certs_dir_from)) {
        findings.problems.push(Problem::TwoSharedCerts(key.origin.clone()));
    }
    draft.dry_run = flags.dry_run.unwrap_or(draft.dry_run);
    findings.warnings.extend(ranked[1..].iter().flat_map(|source| overruled(&draft, source)));

    let provenance = provenance(&draft);
    let extras = extras(&ranked, findings);
    match check::check(draft, token, findings) {
        Some(configuration) => Ok((configuration, extras, provenance)),
        None => {
            let problems = std::mem::take(&mut findings.problems);
            if problems.iter().any(Problem::is_missing) {
                findings.warnings.extend(flags.empty.iter().cloned().map(Warning::EmptyValue));
            }
            Err(ConfigError::Invalid { file: config.map(|(path, _)| path.to_owned()), problems })
        }
    }
}

/// The rows of what a source gives, and where it is given.
fn given_rows(settings: &Settings) -> impl Iterator<Item = (&'static Setting, &Origin)> {
    settings.given.iter().filter_map(|origin| {
        let row = SETTINGS.iter().find(|row| match origin {
            Origin::Flag(name) => row.flag == *name,
            Origin::Parameter(name) => row.parameter == *name,
            Origin::Argument | Origin::Entry(_) | Origin::Field { .. } | Origin::Default => false,
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

/// A worker has no use for it.
fn for_control_planes(setting: &Setting) -> Option<Warning> {
    let is_unused = setting.section == Section::ControlPlane && setting.takes_value();
    is_unused.then_some(Warning::FlagWithoutEffect {
        flag: setting.flag,
        why: "it is for control planes, and needs --control-plane",
    })
}

/// How tokens are taken from the sources.
struct Tokens<'a> {
    read: &'a dyn Fn(&WithOrigin<PathBuf>) -> Result<Secret, ConfigError>,
    need: TokenNeed,
    findings: &'a mut Findings,
}

impl Tokens<'_> {
    /// The tokens of one source, for what has none yet. As in kubeadm (`cmd/join.go`), `--token` is for what has no token of
    /// its own, and beside `--discovery-token` for nothing: that one has become the token of the TLS bootstrap before.
    fn add(&mut self, draft: &mut Draft, source: &Settings) -> Result<(), ConfigError> {
        if let (Some(_), Some(file)) = (&source.token, &source.token_file) {
            self.findings.problems.push(Problem::TwoTokens(file.origin.clone()));
        }
        draft.tls_bootstrap_token = draft.tls_bootstrap_token.take().or(source.tls_bootstrap_token.clone());
        draft.discovery_token = draft.discovery_token.take().or(source.discovery_token.clone());
        let bootstrap_lacks_one = draft.tls_bootstrap_token.is_none() && source.discovery_token.is_none();
        if !bootstrap_lacks_one && (draft.discovery_token.is_some() || draft.file.is_some()) {
            // What wins over a weaker source is nothing to warn of.
            let of_flags = |file: &&WithOrigin<PathBuf>| matches!(file.origin, Origin::Flag(_));
            let ignored = source.token_file.as_ref().filter(of_flags);
            self.findings.warnings.extend(ignored.map(|file| Warning::TokenFileIgnored(file.origin.clone())));
            return Ok(());
        }
        let Some(token) = self.of(source)? else { return Ok(()) };
        if bootstrap_lacks_one {
            draft.tls_bootstrap_token = Some(token.clone());
        }
        draft.discovery_token = draft.discovery_token.take().or(Some(token));
        Ok(())
    }

    /// The same, but for what only weaker places would say who gets it, where that is so (`weaker_decides`).
    fn add_guarded(&mut self, weaker_decides: bool, draft: &mut Draft, source: &Settings) -> Result<(), ConfigError> {
        if !weaker_decides {
            return self.add(draft, source);
        }
        let mut source = source.clone();
        let mut refused = vec![source.tls_bootstrap_token.take().map(|given| given.origin)];
        if draft.file.is_some() {
            refused
                .extend([&mut source.token, &mut source.discovery_token].map(|t| t.take().map(|given| given.origin)));
            refused.push(source.token_file.take().map(|given| given.origin));
        }
        self.findings.warnings.extend(refused.into_iter().flatten().map(Warning::TokenNotForServer));
        self.add(draft, &source)
    }

    /// The token of a source. A file that is not there yet is none where one may come later.
    fn of(&self, source: &Settings) -> Result<Option<WithOrigin<Secret>>, ConfigError> {
        let (token, file) = (&source.token, &source.token_file);
        let Some(file) = file.as_ref().filter(|_| token.is_none()) else { return Ok(token.clone()) };
        match (self.read)(file) {
            Ok(token) => Ok(Some(WithOrigin::new(token, file.origin.clone()))),
            Err(ConfigError::Read { source, .. })
                if self.need == TokenNeed::Later && source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A draft without a configuration file.
fn from_settings(of_cluster: &Settings, ranked: &[&Settings]) -> Draft {
    let pins = ranked.iter().map(|source| &source.ca_cert_hashes).find(|pins| !pins.is_empty());
    let patches = ranked.iter().find_map(|source| source.patches.as_ref());
    Draft {
        endpoints: of_cluster.endpoint.clone().into_iter().collect(),
        file: of_cluster.discovery_file.clone(),
        ca_cert_hashes: pins.cloned().unwrap_or_default(),
        unsafe_skip_ca_verification: ranked.iter().find_map(|s| s.unsafe_skip_ca_verification).unwrap_or_default(),
        cri_socket: ranked.iter().find_map(|source| source.cri_socket.clone()),
        patches_directory: patches.map(|given| given.value.clone()),
        control_plane: control_plane(ranked),
        ..Draft::default()
    }
}

/// `--control-plane`, and what is for control planes alone.
fn control_plane(ranked: &[&Settings]) -> Option<WithOrigin<ControlPlane>> {
    ranked.iter().find_map(|source| source.control_plane).filter(|is_wanted| *is_wanted)?;
    let port = ranked.iter().find_map(|source| source.bind_port);
    let control_plane = ControlPlane {
        advertise_address: ranked.iter().find_map(|source| source.advertise_address.clone()),
        bind_port: port.map(|port| WithOrigin::new(port.into(), Origin::Flag("apiserver-bind-port"))),
        certificate_key: ranked.iter().find_map(|source| source.certificate_key.clone()),
    };
    Some(WithOrigin::new(control_plane, Origin::Flag("control-plane")))
}

fn extras(ranked: &[&Settings], findings: &mut Findings) -> Extras {
    let path = |path: fn(&Settings) -> &Option<WithOrigin<PathBuf>>| {
        ranked.iter().find_map(|source| path(source).as_ref()).map(|given| given.value.clone())
    };
    let server = ranked.iter().find_map(|source| source.server.clone());
    Extras {
        rootfs: path(|s| &s.rootfs),
        server: server.and_then(|given| parsed(given, findings, Problem::Endpoint)),
        clock: ranked.iter().find_map(|source| source.clock).unwrap_or_default(),
        set_clock: ranked.iter().find_map(|source| source.set_clock).unwrap_or_default(),
        spread: ranked.iter().find_map(|source| source.spread).unwrap_or_default(),
        kubelet_config: path(|s| &s.kubelet_config),
        kustomize: path(|s| &s.kustomize),
        certs_dir_from: path(|s| &s.certs_dir_from),
    }
}

/// What may not stand beside a configuration file: settings of its own source and of stronger ones.
fn refuse_mixed(sources: &[&Settings]) -> Result<(), ConfigError> {
    let given = sources.iter().flat_map(|source| given_rows(source));
    let refused = given.filter(|(setting, _)| setting.beside_config == Beside::Refused);
    let mut settings: Vec<_> = refused.map(|(setting, origin)| (origin.to_string(), setting.field)).collect();
    settings.sort();
    settings.dedup();
    if settings.is_empty() { Ok(()) } else { Err(ConfigError::Mixed { settings }) }
}

/// What is found beside a configuration file and has no effect there. Tokens are not among it: they fill in what it lacks.
fn ignored_beside_config(ranked: &[&Settings]) -> Vec<Warning> {
    let places = &ranked[1..];
    let pins = places.iter().flat_map(|source| &source.ca_cert_hashes);
    let sockets = places.iter().filter_map(|source| source.cri_socket.as_ref());
    let patches = places.iter().filter_map(|source| source.patches.as_ref().map(|given| &given.origin));
    let origins = pins.chain(sockets).map(|given| &given.origin).chain(patches);
    origins.cloned().map(Warning::IgnoredBesideConfig).collect()
}

/// What a place says otherwise than a stronger source.
fn overruled(draft: &Draft, place: &Settings) -> Vec<Warning> {
    fn differs<T: PartialEq>(given: &Option<WithOrigin<T>>, used: Option<&WithOrigin<T>>) -> Option<Warning> {
        let (given, used) = (given.as_ref()?, used?);
        let (ignored, counts) = (given.origin.clone(), used.origin.clone());
        (given.value != used.value).then_some(Warning::Overruled { ignored, used: counts })
    }
    let cluster = draft.file.as_ref().or(draft.endpoints.first());
    let found = [
        differs(&place.endpoint, cluster),
        differs(&place.discovery_file, cluster),
        differs(&place.node_name, draft.node_name.as_ref()),
        differs(&place.cri_socket, draft.cri_socket.as_ref()),
        differs(&place.token, draft.discovery_token.as_ref()),
    ];
    found.into_iter().flatten().collect()
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
