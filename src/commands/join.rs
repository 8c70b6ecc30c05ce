//! `join`: every source read, one plan made, the workflow run, the outcome printed.

use std::path::PathBuf;

use super::join_outcome::print_outcome;
use crate::cli::JoinArgs;
use crate::clock::Clock;
use crate::config::{self, DiscoveryMethod, JoinConfiguration, Refused, Resolved};
use crate::error::Failure;
use crate::host::HostFacts;
use crate::inputs::{Inputs, Named};
use crate::join;
use crate::phase::{Applies, Phase, PhaseSpec};
use crate::plan::{JoinPlan, Phases};
use crate::report::Report;
use crate::values::BootstrapToken;

/// Joins, or runs the phases that were asked for.
pub(super) fn run(args: &JoinArgs, report: &Report) -> Result<(), Failure> {
    conceal_typed(args, report);
    let mut resolved = config::load(&args.settings).map_err(|error| refused(error, report))?;
    if args.phase.is_some() {
        // As in kubeadm: what is to be skipped is not asked where one phase is named.
        resolved.configuration.skip_phases.clear();
    }
    let mut plan = plan(resolved, report)?;
    if let Some(PhaseSpec { applies: Applies::Worker(phase), .. }) = args.phase {
        plan.options.phases = Phases::only(*phase);
    }
    let outcome = join::join(&plan, report)?;
    print_outcome(&outcome, &plan, args, report);
    Ok(())
}

/// Why there is no configuration, once the warnings have been reported: what was ignored can be the cause.
pub(super) fn refused(refused: Refused, report: &Report) -> Failure {
    report.warn_each(Phase::Preflight, &refused.warnings);
    refused.error.into()
}

/// Makes sure that nothing that was typed as a token is ever printed.
pub(super) fn conceal_typed(args: &JoinArgs, report: &Report) {
    for secret in [&args.settings.token, &args.settings.discovery_token, &args.settings.tls_bootstrap_token] {
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
    // A shorter one can be part of any word, and is said nowhere in the first place.
    if let Some(password) = host.proxy.password().filter(|password| password.expose().len() >= 8) {
        report.conceal(&password);
    }
    let named = Named {
        discovery: &resolved.configuration.discovery,
        discovery_file_is_foreign: resolved.configuration.discovery_file_is_foreign,
        kubelet_config: resolved.extras.kubelet_config.as_deref(),
        patches: resolved.configuration.patches_directory.as_deref(),
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

/// Every token of a configuration.
fn tokens(configuration: &JoinConfiguration) -> impl Iterator<Item = &BootstrapToken> {
    let discovery = match &configuration.discovery {
        DiscoveryMethod::Token { token, .. } => token.as_ref(),
        DiscoveryMethod::File(_) | DiscoveryMethod::Url { .. } => None,
    };
    discovery.into_iter().chain(&configuration.tls_bootstrap_token).chain(&configuration.fallback_token)
}
