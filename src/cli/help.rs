//! Help: texts are files, the table of errors is made from the catalogue.

use std::fmt::Write;

use lexopt::{Arg, Parser};

use super::error::{from_lexopt, unknown_flag};
use super::phase::as_typed;
use super::{COMMANDS, Command, Program, UsageError, suggest};
use crate::error::codes;
use crate::phase::{Applies, Phase, PhaseSpec};

/// Width of every help text, in columns: a serial console.
const COLUMNS: usize = 80;

/// What help was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// The name that the text shows.
    pub program: Program,
    /// About what.
    pub topic: Topic,
}

/// What there is help about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The commands.
    General,
    /// `join`.
    Join,
    /// `config`.
    Config,
    /// `join phase`.
    Phases,
    /// `join phase NAME`.
    Phase(&'static PhaseSpec),
    /// `version`.
    Version,
    /// Every error code.
    Errors,
}

impl Help {
    /// What is printed, with its last newline.
    pub fn text(&self) -> String {
        let text = match self.topic {
            Topic::General => include_str!("help/general.txt"),
            Topic::Join => include_str!("help/join.txt"),
            Topic::Config => include_str!("help/config.txt"),
            Topic::Phases => include_str!("help/phases.txt"),
            Topic::Phase(PhaseSpec { applies: Applies::Worker(Phase::Preflight), .. }) => {
                include_str!("help/phase-preflight.txt")
            }
            Topic::Phase(PhaseSpec { applies: Applies::Worker(Phase::KubeletWaitBootstrap), .. }) => {
                include_str!("help/phase-kubelet-wait-bootstrap.txt")
            }
            Topic::Phase(PhaseSpec { applies: Applies::Worker(_) | Applies::SubPhase(_), .. }) => {
                include_str!("help/phase-kubelet-start.txt")
            }
            Topic::Phase(PhaseSpec { name, .. }) => {
                let text = include_str!("help/phase-nothing.txt").replace("{phase}", &as_typed(name));
                return text.replace("{program}", &self.program.to_string());
            }
            Topic::Version => include_str!("help/version.txt"),
            Topic::Errors => return errors(),
        };
        text.replace("{program}", &self.program.to_string())
    }
}

/// What stands behind the word `help`.
pub(super) fn parse(program: Program, parser: &mut Parser) -> Result<Command, UsageError> {
    let mut topic = Topic::General;
    while let Some(arg) = parser.next().map_err(|error| from_lexopt(program, "help", error))? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => {}
            Arg::Short(_) | Arg::Long(_) => return Err(unknown_flag(program, "help", &arg, &["help"])),
            Arg::Value(word) => {
                topic = match word.to_str() {
                    Some("join") => Topic::Join,
                    Some("config") => Topic::Config,
                    Some("phase") if topic == Topic::Join => Topic::Phases,
                    Some("version") => Topic::Version,
                    Some("errors") => Topic::Errors,
                    Some("help") => Topic::General,
                    _ => {
                        let word = word.to_string_lossy().into_owned();
                        let known = COMMANDS.into_iter().chain(["errors"]);
                        let suggestion = suggest::nearest(&word, known).map(|name| format!("help {name}"));
                        return Err(UsageError::UnknownCommand { program, word, suggestion });
                    }
                };
            }
        }
    }
    Ok(Command::Help(Help { program, topic }))
}

/// The catalogue of errors: code, exit status and class, meaning, next step.
fn errors() -> String {
    let mut text = include_str!("help/errors.txt").to_owned();
    for code in codes::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}  (exit {}, {})", code.name, code.class.exit_status(), code.class.name());
        wrap(&mut text, "    ", code.meaning);
        wrap(&mut text, "    -> ", code.hint);
    }
    text
}

/// Appends words in lines of at most [`COLUMNS`]; lines after the first are indented as far as `prefix` is wide.
fn wrap(text: &mut String, prefix: &str, sentence: &str) {
    let mut line = prefix.to_owned();
    for word in sentence.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > COLUMNS && line.trim_start() != "" {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(prefix.chars().count());
        }
        if !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::join::FLAGS;
    use super::*;

    fn topics() -> Vec<Topic> {
        let phases = crate::phase::NAMES.iter().map(Topic::Phase);
        [Topic::General, Topic::Join, Topic::Phases, Topic::Version, Topic::Errors].into_iter().chain(phases).collect()
    }

    fn text(program: Program, topic: Topic) -> String {
        Help { program, topic }.text()
    }

    #[test]
    fn every_text_fits_a_serial_console() {
        for topic in topics() {
            for line in text(Program::Kubejoin, topic).lines() {
                assert!(line.chars().count() <= COLUMNS, "{topic:?}: {line}");
                assert!(!line.contains('\t') && line.trim_end() == line, "{topic:?}: {line:?}");
            }
        }
    }

    #[test]
    fn the_text_of_join_names_every_flag() {
        let text = text(Program::Kubejoin, Topic::Join);
        for flag in FLAGS {
            assert!(text.contains(&format!("  --{flag}")) || text.contains(&format!(", --{flag}")), "--{flag}");
        }
    }

    #[test]
    fn the_text_of_the_phases_names_every_phase() {
        let text = text(Program::Kubejoin, Topic::Phases);
        for phase in crate::phase::NAMES.iter().filter(|phase| phase.name != "discovery") {
            for word in phase.name.split('/') {
                assert!(text.contains(word), "{}", phase.name);
            }
        }
    }

    #[test]
    fn every_phase_has_a_text_of_its_own() {
        for phase in crate::phase::NAMES.iter().filter(|phase| !matches!(phase.applies, Applies::SubPhase(_))) {
            let usage = format!("Usage: kubejoin join phase {} ", as_typed(phase.name));
            assert!(text(Program::Kubejoin, Topic::Phase(phase)).starts_with(&usage), "{usage}");
        }
    }

    #[test]
    fn called_as_kubeadm_the_usage_lines_show_that_name() {
        let text = text(Program::Kubeadm, Topic::Join);
        assert!(text.starts_with("Usage: kubeadm join ") && !text.contains("{program}"), "{text}");
    }

    #[test]
    fn the_table_of_errors_has_every_code() {
        let text = text(Program::Kubejoin, Topic::Errors);
        for code in codes::ALL {
            assert!(text.contains(&format!("\n{}  (exit {}", code.name, code.class.exit_status())), "{}", code.name);
        }
    }
}
