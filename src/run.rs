//! One run: from argv to what the process exits with.

mod config_command;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::cli::{self, Command, JoinArgs, LoggingFormat, Output};
use crate::clock::Clock;
use crate::config::{self, Discovery, JoinConfiguration, Timeouts};
use crate::error::{Code, Explain, codes};
use crate::host::{self, HostFacts};
use crate::join::{self, CertificateSource, Failure, KubeletState, Outcome, Waiting};
use crate::node::paths;
use crate::operator_files;
use crate::phase::{NamedPhase, Phase, Role};
use crate::plan::{JoinPlan, Phases, Run};
use crate::report::{Report, Wish};
use crate::rootfs::{Preview, Root, TargetPath};
use crate::services::Control;
use crate::values::BootstrapToken;

/// Does what argv says.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    match cli::parse(argv) {
        Ok(Command::Join(args)) => run_join(&args),
        Ok(Command::Config(command)) => match config_command::run(&command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure(error)) => refuse(error.as_ref()),
        },
        Ok(Command::Version(version)) => show(&version.text()),
        Ok(Command::Help(help)) => show(&help.text()),
        // Nothing is known of the operator's wishes yet.
        Err(error) => refuse(&error),
    }
}

/// The end of a run that was no join: on the console, and no result is left.
fn refuse(error: &dyn Explain) -> ExitCode {
    Report::new(vec![Box::new(crate::report::console::Console::stdio(0, no_color()))]).failed(error);
    ExitCode::from(error.code().class.exit_status())
}

/// Help and version go to standard output; a reader that has gone away is no error.
fn show(text: &str) -> ExitCode {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn run_join(args: &JoinArgs) -> ExitCode {
    // Token and key are in this process's memory: no core dump of it, and nobody but root looks in. Where the kernel
    // refuses, nothing is lost.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let wish = Wish {
        verbosity: args.verbosity,
        json: args.logging_format == LoggingFormat::Json,
        document: args.output == Output::Json,
        no_color: no_color(),
        result: args.result_file.clone(),
    };
    report_panics(&wish);
    let report = Report::standard(&wish);
    match go(args, &report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(error)) => {
            report.failed(error.as_ref());
            ExitCode::from(error.code().class.exit_status())
        }
    }
}

fn go(args: &JoinArgs, report: &Report) -> Result<(), Failure> {
    match args.phase.map(|phase| (phase.name, phase.role)) {
        Some((name, role @ (Role::ControlPlane | Role::ControlPlaneParent | Role::Retired))) => {
            nothing_to_do(name, role, report);
        }
        // It needs no cluster; a configuration says how long to wait.
        Some((name, Role::Worker(Phase::KubeletWaitBootstrap))) if args.settings.config.is_none() => {
            let rootfs = args.settings.rootfs.clone().unwrap_or_else(|| "/".into());
            let timeouts = Timeouts::default();
            let control = Control::detect(&host::search_path(std::env::var_os("PATH").as_deref()));
            let waiting = Waiting {
                healthy: timeouts.kubelet_health_check,
                bootstrapped: timeouts.tls_bootstrap,
                run: if args.settings.dry_run == Some(true) { Run::DryRun } else { Run::Join },
                is_this_system: rootfs == Path::new("/"),
                control: &control,
                started_here: false,
            };
            join::wait_bootstrap(waiting, &Root::open(&rootfs)?, report)?;
            report.done("phase-done", &[("phase", name.into())], "");
        }
        _ => {
            let plan = plan(args, report)?;
            tell(&join::join(&plan, report)?, &plan, args, report);
        }
    }
    Ok(())
}

/// A phase of kubeadm that does nothing on a worker.
fn nothing_to_do(name: &str, role: Role, report: &Report) {
    if role == Role::Retired {
        let text = format_args!("only older releases had the phase {name}; there is nothing to do");
        report.warn(Phase::Preflight, None, text);
    }
    report.done("phase-done", &[("phase", name.into())], &format!("{name}: nothing to do on a worker"));
}

/// Makes a panic end as every other error does: told in all sinks, with an exit status of its own. By itself it would
/// print its words, which can quote whatever was being worked on, and leave a core dump with the token and the key in it.
pub fn report_panics(wish: &Wish) {
    let wish = wish.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or("an unknown place".to_owned(), ToString::to_string);
        let defect = Defect { place };
        Report::standard(&wish).failed(&defect);
        std::process::exit(defect.code().class.exit_status().into());
    }));
}

/// A panic.
#[derive(Debug)]
struct Defect {
    place: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a defect of kubejoin itself, at {}", self.place)
    }
}

impl std::error::Error for Defect {}

impl Explain for Defect {
    fn code(&self) -> &'static Code {
        &codes::BUG
    }
}

fn plan(args: &JoinArgs, report: &Report) -> Result<JoinPlan, Failure> {
    for secret in [&args.settings.token, &args.settings.discovery_token, &args.settings.tls_bootstrap_token] {
        secret.iter().for_each(|secret| report.conceal(secret));
    }
    let mut resolved = config::load(&args.settings)?;
    if args.phase.is_some() {
        // As in kubeadm: what is to be skipped is not asked where one phase is named.
        resolved.configuration.skip_phases.clear();
    }
    let clock = Clock::read(resolved.extras.clock);
    let rootfs = resolved.extras.rootfs.clone().unwrap_or_else(|| "/".into());
    let host = HostFacts::read(&rootfs, std::env::var_os("PATH").as_deref());
    let given = operator_files::read(
        resolved.extras.kubelet_config.as_deref(),
        resolved.configuration.patches_directory.as_deref(),
        report,
    )?;
    for token in tokens(&resolved.configuration) {
        report.conceal(&token.secret);
    }
    let discovery = operator_files::discovery(&resolved.configuration.discovery, &host.web_bundle, report)?;
    let proxies = operator_files::proxies(&host, clock, report)?;
    let plan = JoinPlan::new(resolved.configuration, resolved.extras, discovery, proxies, host, clock)?;
    let mut plan = plan.with(given);
    if let Some(NamedPhase { role: Role::Worker(phase), .. }) = args.phase {
        plan.phases = Phases::only(*phase);
    }
    // A shorter one can be part of any word, and is said nowhere in the first place.
    if let Some(password) = plan.host.proxy.password().filter(|password| password.expose().len() >= 8) {
        report.conceal(&password);
    }
    for warning in &resolved.warnings {
        report.warn(Phase::Preflight, None, warning);
    }
    for (name, origin) in &resolved.provenance {
        report.debug(1, Phase::Preflight, format_args!("{name} comes from {origin}"));
    }
    Ok(plan)
}

/// Every token of a configuration.
fn tokens(configuration: &JoinConfiguration) -> impl Iterator<Item = &BootstrapToken> {
    let discovery = match &configuration.discovery {
        Discovery::Token { token, .. } => Some(token),
        Discovery::File(_) | Discovery::Url { .. } => None,
    };
    discovery.into_iter().chain(&configuration.tls_bootstrap_token)
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The closing words, and the facts of `result.json`.
fn tell(outcome: &Outcome, plan: &JoinPlan, args: &JoinArgs, report: &Report) {
    let node = plan.node_name.to_string();
    match outcome {
        Outcome::Joined { certificate, server, kubelet } => {
            let state = match kubelet {
                KubeletState::Healthy if !matches!(certificate, CertificateSource::Request(_)) => {
                    "The kubelet is healthy; whether its Node is registered was not looked at."
                }
                KubeletState::Registered => "The kubelet is healthy and its Node is registered.",
                KubeletState::Healthy => "The kubelet is healthy; its Node has not appeared yet.",
                KubeletState::Started => "The kubelet has been started; it was not waited for.",
                KubeletState::Enabled => "The kubelet will start, with everything it needs, when this root is booted.",
                KubeletState::NotEnabled => {
                    "Nothing in this root starts the kubelet when it is booted; everything else is there."
                }
                KubeletState::Unmanaged => "Nothing here can start the kubelet: start it by your own means.",
            };
            let source = match certificate {
                CertificateSource::Request(name) => format!("Its certificate was requested as\n  {name}"),
                CertificateSource::Kubelet { token_left: false } => {
                    "The kubelet has requested its certificate; the token for that has been removed.".to_owned()
                }
                CertificateSource::Kubelet { token_left: true } => format!(
                    "The kubelet requests its certificate itself; the token for that stays in {}\n  \
                     until `{} join` is run again on the started node.",
                    paths::BOOTSTRAP_KUBELET_CONF,
                    args.program
                ),
                CertificateSource::Operator => {
                    format!("It has the credentials that were in {}.", paths::KUBELET_CONF)
                }
            };
            let at_boot = matches!(kubelet, KubeletState::Enabled | KubeletState::NotEnabled);
            let when = if at_boot { " once it has booted" } else { "" };
            let text = format!(
                "{node} is a node of the cluster at {server} now.\n\
                 * {source}\n\
                 * {state}\n\n\
                 `kubectl get nodes` on the control plane lists it{when}."
            );
            let (request, from) = match certificate {
                CertificateSource::Request(name) => (Value::from(name.as_str()), "request"),
                CertificateSource::Kubelet { .. } => (Value::Null, "kubelet"),
                CertificateSource::Operator => (Value::Null, "operator"),
            };
            let facts = [
                ("node", node.into()),
                ("server", server.as_str().into()),
                ("csr", request),
                ("certificateFrom", from.into()),
                ("kubelet", kubelet.name().into()),
                ("nodeRegistered", (*kubelet == KubeletState::Registered).into()),
            ];
            report.done("joined", &facts, &text);
        }
        Outcome::AlreadyJoined(identity) => {
            let until = httpdate::fmt_http_date(identity.not_after);
            let text = format!(
                "{node} has joined already.\n\
                 * Its control plane is {}.\n\
                 * Its certificate ends {until}.",
                identity.server
            );
            let facts = [
                ("node", node.into()),
                ("server", identity.server.as_str().into()),
                ("certificateNotAfter", until.into()),
            ];
            report.done("already-joined", &facts, &text);
        }
        Outcome::DryRun(files) => {
            // The kubelet reads its token once; in a root that is not running, that is after a reboot.
            let survives = |path: &TargetPath| *path != paths::BOOTSTRAP_KUBELET_CONF || !plan.is_this_system();
            let preview = Preview { files, survives: &survives };
            let facts = [("node", node.into()), ("files", preview.json())];
            report.done("dry-run", &facts, &preview.lines().join("\n"));
        }
        Outcome::PhasesDone => {
            let phase = args.phase.map_or(Value::Null, |phase| phase.name.into());
            report.done("phase-done", &[("node", node.into()), ("phase", phase)], "");
        }
    }
}
