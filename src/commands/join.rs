//! `join`: every source read, one plan made, the workflow run, the outcome printed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::join_outcome::print_outcome;
use super::turn;
use crate::cli::JoinArgs;
use crate::clock::Clock;
use crate::config::origin::{Origin, WithOrigin};
use crate::config::settings::Settings;
use crate::config::{self, DiscoveryMethod, JoinConfiguration, Refused, Resolved};
use crate::error::Failure;
use crate::host::HostFacts;
use crate::inputs::{Inputs, Named};
use crate::join;
use crate::node::paths;
use crate::phase::{Applies, Phase};
use crate::plan::{JoinPlan, Phases};
use crate::report::Report;
use crate::retry;
use crate::values::{BootstrapToken, ProxyVariables};

/// Joins, or runs the phases that were asked for.
pub(super) fn run(args: &JoinArgs, report: &Report) -> Result<(), Failure> {
    conceal_typed(args, report);
    let by_admin = by_admin_conf(args);
    let settings = by_admin.as_ref().unwrap_or(&args.settings);
    let mut resolved = config::load(settings).map_err(|error| refused(error, report))?;
    if args.phase.is_some() {
        // As in kubeadm: what is to be skipped is not asked where one phase is named.
        resolved.configuration.skip_phases.clear();
    }
    let mut plan = plan(resolved, report)?;
    if let Some(phase) = args.phase {
        plan.options.phases = Phases::only(phase.phases());
    }
    if let Some(not_yet) = turn::not_yet(&plan, Duration::ZERO)? {
        // Nothing is locked, and nothing of the machine has been looked at yet.
        report.info(Phase::Discovery, format_args!("Waiting: {not_yet}"));
        retry::wait(not_yet.left);
    }
    let outcome = join::join(&plan, report)?;
    print_outcome(&outcome, &plan, args, report);
    Ok(())
}

/// Settings for one phase of a control plane where nothing says where the cluster is: by then the administrator's kubeconfig
/// is there, as kubeadm has it (`cmd/join.go`, `fetchInitConfiguration`).
fn by_admin_conf(args: &JoinArgs) -> Option<Settings> {
    let settings = &args.settings;
    let phase = args.phase.filter(|phase| matches!(phase.applies, Applies::ControlPlane(_) | Applies::AllSiblings))?;
    let says_where = settings.endpoint.is_some() || settings.discovery_file.is_some() || settings.config.is_some();
    if says_where || phase.phases().any(|phase| phase == Phase::DownloadCerts) {
        return None;
    }
    let rootfs = settings.rootfs.as_ref().map_or(Path::new("/"), |given| &given.value);
    let path = rootfs.join(paths::ADMIN_CONF.as_str().trim_start_matches('/'));
    let discovery_file = Some(WithOrigin::new(path.to_string_lossy().into_owned(), Origin::Default));
    Some(Settings { discovery_file, ..settings.clone() })
}

/// Why there is no configuration, once the warnings have been reported: what was ignored can be the cause.
pub(super) fn refused(refused: Refused, report: &Report) -> Failure {
    report.warn_each(Phase::Preflight, &refused.warnings);
    refused.error.into()
}

/// Makes sure that nothing that was typed as a token is ever printed.
pub(super) fn conceal_typed(args: &JoinArgs, report: &Report) {
    let Settings { token, discovery_token, tls_bootstrap_token, certificate_key, .. } = &args.settings;
    for secret in [token, discovery_token, tls_bootstrap_token, certificate_key] {
        secret.iter().for_each(|given| report.conceal(&given.value));
    }
}

/// Reads the files that the configuration names and this machine's facts, and makes the plan of them.
pub(super) fn plan(resolved: Resolved, report: &Report) -> Result<JoinPlan, Failure> {
    for token in tokens(&resolved.configuration) {
        report.conceal(&token.secret);
    }
    let rootfs = resolved.extras.rootfs.clone().unwrap_or_else(|| PathBuf::from("/"));
    let host = HostFacts::read(&rootfs, std::env::var_os("PATH").as_deref());
    let clock = Clock::read(resolved.extras.clock, host.seen_time);
    conceal_proxies(&host, report);
    let named = Named {
        discovery: &resolved.configuration.discovery,
        discovery_file_is_foreign: resolved.configuration.discovery_file_is_foreign,
        kubelet_config: resolved.extras.kubelet_config.as_deref(),
        patches: resolved.configuration.patches_directory.as_deref(),
        kustomize: resolved.extras.kustomize.as_deref().filter(|_| resolved.configuration.control_plane.is_some()),
        certs_dir_from: resolved
            .extras
            .certs_dir_from
            .as_deref()
            .filter(|_| resolved.configuration.control_plane.is_some()),
        rootfs: &rootfs,
    };
    let inputs = Inputs::read(named, &host, clock, report)?;
    let plan = JoinPlan::new(resolved.configuration, resolved.extras, inputs, host, clock)?;
    report.warn_each(Phase::Preflight, &resolved.warnings);
    for (name, origin) in &resolved.provenance {
        report.debug(1, Phase::Preflight, format_args!("{name} comes from {origin}"));
    }
    Ok(plan)
}

/// Makes sure that no password of a proxy is ever printed.
pub(super) fn conceal_proxies(host: &HostFacts, report: &Report) {
    host.proxy.password().iter().for_each(|password| report.conceal(password));
    // What static pods get: of every proxy variable.
    for (_, value) in &host.proxy_variables {
        let variable = ProxyVariables { https_proxy: Some(value.clone()), no_proxy: None };
        variable.password().iter().for_each(|password| report.conceal(password));
    }
}

/// Every token of a configuration.
fn tokens(configuration: &JoinConfiguration) -> impl Iterator<Item = &BootstrapToken> {
    let discovery = match &configuration.discovery {
        DiscoveryMethod::Token { token, .. } => token.as_ref(),
        DiscoveryMethod::File(_) | DiscoveryMethod::Url { .. } => None,
    };
    discovery.into_iter().chain(&configuration.tls_bootstrap_token).chain(&configuration.fallback_token)
}
