//! Help: texts are files, flags come from the table of settings, errors from the catalogue.

use std::fmt::Write;

use super::arguments::{Arguments, Next};
use super::error::{Misuse, UsageError};
use super::flag_list::{flags, parameters, wrap};
use super::phase::as_typed;
use super::topic::{COMMANDS, Help, Topic};
use crate::config::setting::{Section, Verb};
use crate::error::codes;
use crate::phase::{Applies, Phase, PhaseSpec};
use crate::values::nearest;

impl Help {
    /// What is printed, with its last newline.
    pub fn text(&self) -> String {
        let text = match self.topic {
            Topic::General => include_str!("help/general.txt"),
            Topic::Join => include_str!("help/join.txt"),
            Topic::Ensure => include_str!("help/ensure.txt"),
            Topic::Reset => include_str!("help/reset.txt"),
            Topic::Token => include_str!("help/token.txt"),
            Topic::Certs => include_str!("help/certs.txt"),
            Topic::Config => include_str!("help/config.txt"),
            Topic::Phases => include_str!("help/phases.txt"),
            Topic::Phase(PhaseSpec { applies: Applies::EveryNode(Phase::Preflight), .. }) => {
                include_str!("help/phase-preflight.txt")
            }
            Topic::Phase(PhaseSpec { applies: Applies::EveryNode(Phase::KubeletWaitBootstrap), .. }) => {
                include_str!("help/phase-kubelet-wait-bootstrap.txt")
            }
            Topic::Phase(PhaseSpec { applies: Applies::EveryNode(_) | Applies::SubPhase(_), .. }) => {
                include_str!("help/phase-kubelet-start.txt")
            }
            Topic::Phase(PhaseSpec { applies: Applies::Retired, .. }) => include_str!("help/phase-retired.txt"),
            Topic::Phase(PhaseSpec { .. }) => include_str!("help/phase-control-plane.txt"),
            Topic::Version => include_str!("help/version.txt"),
            Topic::Errors => return errors(),
        };
        let program = self.program.to_string();
        // A placeholder that stands for lines is a line.
        let lines = text.split_inclusive('\n').map(|line| match line.trim_end() {
            "{flags of the cluster}" => flags(&[Verb::Join], Some(Section::Cluster)),
            "{flags of the machine}" => flags(&[Verb::Join], Some(Section::Machine)),
            "{flags of the control plane}" => flags(&[Verb::Join], Some(Section::ControlPlane)),
            "{flags of the sources}" => flags(&[Verb::Join], Some(Section::Sources)),
            "{flags of the run}" => flags(&[Verb::Join], Some(Section::Run)),
            "{parameters}" => parameters(),
            "{flags of the unattended}" => flags(&[Verb::Ensure], Some(Section::Unattended)),
            "{flags of reset}" => flags(&[Verb::Reset], None),
            "{flags before a command}" => flags(&[Verb::None], None),
            "{flags of config}" => flags(&[Verb::ConfigValidate, Verb::ConfigMigrate], None),
            "{flags of every token verb}" => flags(&[Verb::Token], Some(Section::Run)),
            "{flags of token create}" => flags(&[Verb::TokenCreate], Some(Section::Token)),
            "{flags of token list}" => flags(&[Verb::TokenList], Some(Section::Token)),
            "{flags of check-expiration}" => flags(&[Verb::CheckExpiration], None),
            "{flags of upload-certs}" => flags(&[Verb::UploadCerts], None),
            "{flags of kubeconfig user}" => flags(&[Verb::KubeconfigUser], None),
            "{flags of version}" => flags(&[Verb::Version], None),
            _ => line.to_owned(),
        });
        let mut text = lines.collect::<String>().replace("{program}", &program);
        if let Topic::Phase(PhaseSpec { name, .. }) = self.topic {
            text = text.replace("{phase}", &as_typed(name));
        }
        text
    }
}

/// What stands behind the word `help`.
pub(super) fn parse(mut args: Arguments) -> Result<Help, UsageError> {
    args.verb = Verb::Help;
    let mut topic = Topic::General;
    loop {
        let word = match args.next()? {
            Next::End | Next::Version => return Ok(args.help(topic)),
            Next::Help => continue,
            Next::Word(word) => word,
        };
        topic = match word.as_str() {
            "join" => Topic::Join,
            "ensure" => Topic::Ensure,
            "reset" => Topic::Reset,
            "token" => Topic::Token,
            "certs" | "init" | "kubeconfig" => Topic::Certs,
            "config" => Topic::Config,
            "phase" if topic == Topic::Join => Topic::Phases,
            "version" => Topic::Version,
            "errors" => Topic::Errors,
            "help" => Topic::General,
            _ => {
                let known = COMMANDS.into_iter().chain(["errors"]);
                let suggestion = nearest(&word, known).map(|name| format!("help {name}"));
                return Err(args.error(Misuse::UnknownCommand { word, suggestion }));
            }
        };
    }
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

#[cfg(test)]
mod tests {
    use super::super::flag_list::COLUMNS;
    use super::super::program::Program;
    use super::*;
    use crate::config::settings_table::SETTINGS;

    fn topics() -> Vec<Topic> {
        let phases = crate::phase::NAMES.iter().map(Topic::Phase);
        [
            Topic::General,
            Topic::Join,
            Topic::Reset,
            Topic::Token,
            Topic::Certs,
            Topic::Config,
            Topic::Phases,
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
            (Verb::Version, Topic::Version),
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
