//! The flags of `join`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::error::{from_lexopt, unknown_flag};
use super::help::{Help, Topic};
use super::phase::PhaseWords;
use super::{Command, Program, UsageError, default_result_file};
use crate::config::settings::{RetiredFlag, Settings, TokenFile, clock_mode, list};
use crate::phase::PhaseSpec;
use crate::secret::Secret;

/// `join` as typed.
#[derive(Clone, Debug)]
pub struct JoinArgs {
    /// How it was called, for hints.
    pub program: Program,
    /// What is asked for; weighed against the other sources by [`crate::config::resolve`].
    pub settings: Settings,
    /// `-v`: 0 shows what kubeadm shows, 10 everything.
    pub verbosity: u8,
    /// `--logging-format`.
    pub logging_format: LoggingFormat,
    /// `--output`.
    pub output: Output,
    /// `join phase NAME`: this phase alone.
    pub phase: Option<&'static PhaseSpec>,
    /// `--result-file`.
    pub result_file: PathBuf,
}

impl Default for JoinArgs {
    fn default() -> Self {
        JoinArgs {
            program: Program::Kubejoin,
            settings: Settings::default(),
            verbosity: 0,
            logging_format: LoggingFormat::Text,
            output: Output::Text,
            phase: None,
            result_file: default_result_file(),
        }
    }
}

/// `--logging-format`: what standard error carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoggingFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `--output`: what standard output carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Lines for people.
    #[default]
    Text,
    /// The result, or what a dry run would write, as one JSON document; everything else becomes JSON lines.
    Json,
}

/// Every flag of `join`, for suggestions; the help text is tested against it.
pub(super) const FLAGS: [&str; 27] = [
    "clock",
    "config",
    "cri-socket",
    "discovery-ca-file",
    "discovery-file",
    "discovery-token",
    "discovery-token-ca-cert-hash",
    "discovery-token-unsafe-skip-ca-verification",
    "discovery-url-ca-file",
    "dry-run",
    "help",
    "ignore-preflight-errors",
    "kernel-command-line",
    "kubelet-config",
    "logging-format",
    "node-name",
    "output",
    "patches",
    "result-file",
    "rootfs",
    "server",
    "set-clock",
    "skip-phases",
    "tls-bootstrap-token",
    "token",
    "token-file",
    "v",
];

/// Flags of `kubeadm join` 1.37 (`cmd/kubeadm/app/cmd/join.go`, `kubeadm.go`) that are not here.
const NOT_YET: [&str; 5] =
    ["apiserver-advertise-address", "apiserver-bind-port", "certificate-key", "control-plane", "vmodule"];

/// Flags of older releases, and what they are called today: `--experimental-control-plane` of 1.12 to 1.15,
/// `--experimental-patches` of 1.19 to 1.22, and `--ignore-checks-errors`, which was in documentation and in no release.
const RENAMED: [(&str, &str, RetiredFlag); 3] = [
    (
        "ignore-checks-errors",
        "ignore-preflight-errors",
        RetiredFlag { flag: "--ignore-checks-errors", instead: "read as --ignore-preflight-errors" },
    ),
    ("experimental-patches", "patches", RetiredFlag { flag: "--experimental-patches", instead: "read as --patches" }),
    (
        "experimental-control-plane",
        "control-plane",
        RetiredFlag { flag: "--experimental-control-plane", instead: "read as --control-plane" },
    ),
];

/// 1.5 to 1.11.
const SKIP_PREFLIGHT_CHECKS: RetiredFlag =
    RetiredFlag { flag: "--skip-preflight-checks", instead: "read as --ignore-preflight-errors=all" };

/// 1.9 to 1.12: gates are the cluster's affair.
const FEATURE_GATES: RetiredFlag =
    RetiredFlag { flag: "--feature-gates", instead: "ignored: a joining node takes its gates from the cluster" };

/// 1.16 to 1.19, for the static pods of a control plane.
const KUSTOMIZE: RetiredFlag = RetiredFlag {
    flag: "--experimental-kustomize",
    instead: "ignored: --patches has replaced it, and a worker had nothing to be kustomized",
};

/// What stands behind the word `join`; `args` holds what stood before it.
pub(super) fn parse(program: Program, mut args: JoinArgs, parser: &mut Parser) -> Result<Command, UsageError> {
    args.program = program;
    let mut phase = PhaseWords::None;
    while let Some(arg) = parser.next().map_err(|error| from_lexopt(program, "join", error))? {
        let settings = &mut args.settings;
        let arg = match arg {
            Arg::Long(name) => match RENAMED.iter().find(|(old, ..)| *old == name) {
                Some((_, today, retired)) => {
                    settings.retired.push(*retired);
                    Arg::Long(today)
                }
                None => arg,
            },
            _ => arg,
        };
        match arg {
            Arg::Short('h') | Arg::Long("help") => {
                let topic = match phase {
                    PhaseWords::None => Topic::Join,
                    PhaseWords::Any | PhaseWords::Parent(_) => Topic::Phases,
                    PhaseWords::One(phase) => Topic::Phase(phase),
                };
                return Ok(Command::Help(Help { program, topic }));
            }
            Arg::Short('v') | Arg::Long("v") => args.verbosity = verbosity(program, parser)?,
            Arg::Long("token") => settings.token = secret(program, "--token", parser)?,
            Arg::Long("discovery-token") => settings.discovery_token = secret(program, "--discovery-token", parser)?,
            Arg::Long("tls-bootstrap-token") => {
                settings.tls_bootstrap_token = secret(program, "--tls-bootstrap-token", parser)?;
            }
            Arg::Long("token-file") => {
                let path = path(program, "--token-file", parser)?;
                settings.token_file =
                    Some(if path == OsStr::new("-") { TokenFile::Stdin } else { TokenFile::Path(path) });
            }
            Arg::Long("discovery-token-ca-cert-hash") => {
                settings.ca_cert_hashes.extend(list(&text(program, "--discovery-token-ca-cert-hash", parser)?));
            }
            Arg::Long("discovery-token-unsafe-skip-ca-verification") => {
                settings.unsafe_skip_ca_verification =
                    Some(boolean(program, "--discovery-token-unsafe-skip-ca-verification", parser)?);
            }
            Arg::Long("discovery-file") => {
                settings.discovery_file = non_empty(text(program, "--discovery-file", parser)?);
            }
            Arg::Long("discovery-ca-file") => {
                settings.discovery_ca_file = Some(path(program, "--discovery-ca-file", parser)?);
            }
            Arg::Long("discovery-url-ca-file") => {
                settings.discovery_url_ca_file = Some(path(program, "--discovery-url-ca-file", parser)?);
            }
            Arg::Long("server") => settings.server = non_empty(text(program, "--server", parser)?),
            Arg::Long("node-name") => settings.node_name = non_empty(text(program, "--node-name", parser)?),
            Arg::Long("cri-socket") => settings.cri_socket = non_empty(text(program, "--cri-socket", parser)?),
            Arg::Long("ignore-preflight-errors") => {
                settings.ignore_preflight_errors.extend(list(&text(program, "--ignore-preflight-errors", parser)?));
            }
            Arg::Long("skip-preflight-checks") => {
                settings.retired.push(SKIP_PREFLIGHT_CHECKS);
                settings.skip_preflight_checks = boolean(program, "--skip-preflight-checks", parser)?;
            }
            Arg::Long("feature-gates") => {
                settings.retired.push(FEATURE_GATES);
                text(program, "--feature-gates", parser)?;
            }
            Arg::Short('k') | Arg::Long("experimental-kustomize") => {
                settings.retired.push(KUSTOMIZE);
                text(program, "--experimental-kustomize", parser)?;
            }
            Arg::Long("skip-phases") => {
                settings.skip_phases.extend(list(&text(program, "--skip-phases", parser)?));
            }
            Arg::Long("dry-run") => settings.dry_run = Some(boolean(program, "--dry-run", parser)?),
            Arg::Long("patches") => settings.patches = Some(path(program, "--patches", parser)?),
            Arg::Long("kubelet-config") => {
                settings.kubelet_config = Some(path(program, "--kubelet-config", parser)?);
            }
            Arg::Long("rootfs") => settings.rootfs = Some(path(program, "--rootfs", parser)?),
            Arg::Long("config") => settings.config = Some(path(program, "--config", parser)?),
            Arg::Long("kernel-command-line") => {
                settings.kernel_command_line = Some(path(program, "--kernel-command-line", parser)?);
            }
            Arg::Long("clock") => {
                let value = text(program, "--clock", parser)?;
                let expected = "auto, system or server";
                settings.clock = Some(clock_mode(&value).ok_or(UsageError::BadValue {
                    program,
                    flag: "--clock",
                    value,
                    expected,
                })?);
            }
            Arg::Long("set-clock") => settings.set_clock = Some(boolean(program, "--set-clock", parser)?),
            Arg::Long("logging-format") => {
                let value = text(program, "--logging-format", parser)?;
                args.logging_format = match value.as_str() {
                    "text" => LoggingFormat::Text,
                    "json" => LoggingFormat::Json,
                    _ => {
                        let (flag, expected) = ("--logging-format", "text or json");
                        return Err(UsageError::BadValue { program, flag, value, expected });
                    }
                };
            }
            Arg::Short('o') | Arg::Long("output") => {
                let value = text(program, "--output", parser)?;
                args.output = match value.as_str() {
                    "text" => Output::Text,
                    "json" => Output::Json,
                    _ => {
                        let (flag, expected) = ("--output", "text or json");
                        return Err(UsageError::BadValue { program, flag, value, expected });
                    }
                };
            }
            Arg::Long("result-file") => args.result_file = path(program, "--result-file", parser)?,
            Arg::Long(name) if NOT_YET.contains(&name) => {
                return Err(UsageError::NotYetSupported { program, what: format!("--{name}") });
            }
            Arg::Short(_) | Arg::Long(_) => return Err(unknown_flag(program, "join", &arg, &FLAGS)),
            Arg::Value(word) if is_paste_debris(&word) => {}
            Arg::Value(word) if word == "phase" && settings.endpoint.is_none() && matches!(phase, PhaseWords::None) => {
                phase = PhaseWords::Any;
            }
            Arg::Value(word) => {
                let Some(word) = phase.take(program, word)? else { continue };
                let word = word.into_string().map_err(|_| UsageError::NotUnicode { program, flag: "the endpoint" })?;
                if settings.endpoint.is_some() {
                    return Err(UsageError::ExtraArgument { program, command: "join", word });
                }
                settings.endpoint = Some(word.trim().to_owned());
            }
        }
    }
    args.phase = phase.end(program)?;
    if args.phase.is_some() && !args.settings.skip_phases.is_empty() {
        let flag = "--skip-phases".to_owned();
        return Err(UsageError::UnknownFlag { program, command: "join phase", flag, suggestion: None });
    }
    Ok(Command::Join(Box::new(args)))
}

/// Whether an argument is what a shell's line continuation leaves behind when the printed join command is pasted where no
/// shell reads it (cloud-init lists, unit files): nothing but backslashes and white space.
pub(super) fn is_paste_debris(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| word.chars().all(|c| c == '\\' || c.is_whitespace()))
}

/// A flag without the `\`, newline and tab that the same accident leaves in front of it.
pub(super) fn without_paste_debris(arg: OsString) -> OsString {
    match arg.to_str().map(|text| text.trim_start_matches(|c: char| c == '\\' || c.is_whitespace())) {
        Some(rest) if rest.starts_with("--") => OsString::from(rest),
        _ => arg,
    }
}

/// The value of a flag, without white space around it (a pasted carriage return, a trailing newline).
pub(super) fn text(program: Program, flag: &'static str, parser: &mut Parser) -> Result<String, UsageError> {
    let value = parser.value().map_err(|error| from_lexopt(program, "join", error))?;
    let value = value.into_string().map_err(|_| UsageError::NotUnicode { program, flag })?;
    Ok(value.trim().to_owned())
}

/// A path; an empty one (an unset variable) would mean the working directory or, as `--rootfs`, this machine's own root.
pub(super) fn path(program: Program, flag: &'static str, parser: &mut Parser) -> Result<PathBuf, UsageError> {
    let value = parser.value().map_err(|error| from_lexopt(program, "join", error))?;
    if value.is_empty() {
        return Err(UsageError::BadValue { program, flag, value: String::new(), expected: "a path" });
    }
    Ok(value.into())
}

/// The level of `-v`; klog takes any 32-bit number, beyond 10 nothing more is shown.
pub(super) fn verbosity(program: Program, parser: &mut Parser) -> Result<u8, UsageError> {
    let value = text(program, "-v", parser)?;
    match value.parse::<u32>() {
        Ok(level) => Ok(u8::try_from(level).unwrap_or(u8::MAX)),
        Err(_) => Err(UsageError::BadValue { program, flag: "-v", value, expected: "a number" }),
    }
}

fn secret(program: Program, flag: &'static str, parser: &mut Parser) -> Result<Option<Secret>, UsageError> {
    Ok(non_empty(text(program, flag, parser)?).map(Secret::new))
}

/// kubeadm takes an empty string for "not given".
fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// `--flag`, or `--flag=BOOL` with Go's spellings (`strconv.ParseBool`).
pub(super) fn boolean(program: Program, flag: &'static str, parser: &mut Parser) -> Result<bool, UsageError> {
    let Some(value) = parser.optional_value() else { return Ok(true) };
    match value.to_str() {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        _ => {
            let value = value.to_string_lossy().into_owned();
            Err(UsageError::BadValue { program, flag, value, expected: "true or false" })
        }
    }
}
