//! Help: texts are files, flags come from the table of settings, errors from the catalogue.

use std::fmt::Write;

use super::arguments::{Arguments, Next};
use super::command_table;
use super::error::{Misuse, UsageError};
use super::flag_list::{commands, flags, parameters};
use super::help_text::{Part, part, written};
use super::man;
use super::phase::as_typed;
use super::topic::{Help, Topic};
use crate::config::setting::Verb;
use crate::error::codes;
use crate::phase::PhaseSpec;
use crate::text::wrap;
use crate::values::nearest;

impl Help {
    /// What is printed, with its last newline.
    pub fn text(&self) -> String {
        let text = match self.topic {
            Topic::Errors => errors(),
            Topic::Man => man::page(self.program),
            topic => rendered(written(topic)),
        };
        let text = text.replace("{program}", &self.program.to_string());
        match self.topic {
            Topic::Phase(PhaseSpec { name, .. }) => text.replace("{phase}", &as_typed(name)),
            _ => text,
        }
    }
}

fn rendered(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match part(line) {
        Part::Line => line.to_owned(),
        Part::Flags(verbs, section) => flags(verbs, section),
        Part::Commands(of) => commands(of),
        Part::Parameters => parameters(),
    });
    lines.collect()
}

/// The words that `help` takes beside the commands.
pub(super) const ERRORS: &str = "errors";

/// What stands behind the word `help`.
pub(super) fn parse(mut args: Arguments) -> Result<Help, UsageError> {
    args.verb = Verb::Help;
    let mut topic = Topic::General;
    loop {
        let word = match args.next()? {
            Next::End | Next::Version if args.settings.man == Some(true) => return Ok(args.help(Topic::Man)),
            Next::End | Next::Version => return Ok(args.help(topic)),
            Next::Help => continue,
            Next::Word(word) => word,
        };
        topic = match word.as_str() {
            "phase" if topic == Topic::Join => Topic::Phases,
            ERRORS => Topic::Errors,
            _ => match Topic::of_command(&word) {
                Some(topic) => topic,
                None => {
                    let known = command_table::behind("").chain([ERRORS]);
                    let suggestion = nearest(&word, known).map(|name| format!("help {name}"));
                    return Err(args.error(Misuse::UnknownCommand { word, suggestion }));
                }
            },
        };
    }
}

/// The catalogue of errors: code, exit status and class, meaning, next step.
fn errors() -> String {
    let mut text = written(Topic::Errors).to_owned();
    for code in codes::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}  (exit {}, {})", code.name, code.class.exit_status(), code.class.name());
        wrap(&mut text, "    ", code.meaning);
        wrap(&mut text, "    -> ", code.hint);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::program::Program;
    use super::*;
    use crate::config::setting::Section;
    use crate::config::settings_table::SETTINGS;
    use crate::phase::Applies;
    use crate::text::COLUMNS;

    fn topics() -> Vec<Topic> {
        let phases = crate::phase::NAMES.iter().map(Topic::Phase);
        [
            Topic::General,
            Topic::Join,
            Topic::Doctor,
            Topic::Reset,
            Topic::Status,
            Topic::Explain,
            Topic::Token,
            Topic::Certs,
            Topic::Config,
            Topic::Phases,
            Topic::Ensure,
            Topic::Completion,
            Topic::Version,
            Topic::Errors,
        ]
        .into_iter()
        .chain(phases)
        .collect()
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
    fn every_command_shows_its_flags_and_parameters() {
        let topics = [
            (Verb::None, Topic::General),
            (Verb::Join, Topic::Join),
            (Verb::Reset, Topic::Reset),
            (Verb::Status, Topic::Status),
            (Verb::Explain, Topic::Explain),
            (Verb::TokenGenerate, Topic::Token),
            (Verb::TokenCreate, Topic::Token),
            (Verb::TokenList, Topic::Token),
            (Verb::TokenDelete, Topic::Token),
            (Verb::CertificateKey, Topic::Certs),
            (Verb::CheckExpiration, Topic::Certs),
            (Verb::UploadCerts, Topic::Certs),
            (Verb::KubeconfigUser, Topic::Certs),
            (Verb::ConfigValidate, Topic::Config),
            (Verb::ConfigMigrate, Topic::Config),
            (Verb::Completion, Topic::Completion),
            (Verb::Version, Topic::Version),
            (Verb::Help, Topic::General),
        ];
        for (verb, topic) in topics {
            let text = text(Program::Kubejoin, topic);
            // What stands in braces is what a node name may have there, and nothing that should have been filled in.
            let facts = ["{serial}", "{mac}", "{machine-id}", "{hostname}", "{uuid}"];
            let rest = facts.iter().fold(text.clone(), |text, fact| text.replace(fact, ""));
            assert!(!rest.contains('{'), "{text}");
            for row in SETTINGS.iter().filter(|row| row.section != Section::Hidden) {
                let flag = row.flag;
                let is_shown = text.contains(&format!("  --{flag}")) || text.contains(&format!(", --{flag}"));
                assert!(!row.is_flag_of(verb) || is_shown, "{verb:?} --{flag}");
                let parameter = row.parameter;
                assert!(topic != Topic::Join || text.contains(&format!(".{parameter}=")) || parameter.is_empty());
            }
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
