//! The help texts as they are written, and what a line of them stands for.

use super::topic::Topic;
use crate::config::setting::{Section, Verb};
use crate::phase::{Applies, Phase, PhaseSpec};

/// What a line of a help text is.
pub(super) enum Part {
    /// A line as it is.
    Line,
    /// The flags of these commands; of one section, or of all.
    Flags(&'static [Verb], Option<Section>),
    /// The commands that begin with one of these words, or the first words of all.
    Commands(&'static [&'static str]),
    /// The parameters of the kernel command line.
    Parameters,
}

/// A text; the topics that have none are made from tables alone.
pub(super) fn written(topic: Topic) -> &'static str {
    match topic {
        Topic::General => include_str!("help/general.txt"),
        Topic::Join => include_str!("help/join.txt"),
        Topic::Ensure => include_str!("help/ensure.txt"),
        Topic::Doctor => include_str!("help/doctor.txt"),
        Topic::Reset => include_str!("help/reset.txt"),
        Topic::Status => include_str!("help/status.txt"),
        Topic::Explain => include_str!("help/explain.txt"),
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
        Topic::Completion => include_str!("help/completion.txt"),
        Topic::Version => include_str!("help/version.txt"),
        Topic::Errors => include_str!("help/errors.txt"),
        Topic::Man => include_str!("help/man.txt"),
    }
}

/// What stands for something else is a line of its own.
pub(super) fn part(line: &str) -> Part {
    match line.trim_end() {
        "{commands}" => Part::Commands(&[]),
        "{commands of token}" => Part::Commands(&["token"]),
        "{commands of certs}" => Part::Commands(&["certs", "init", "kubeconfig"]),
        "{commands of config}" => Part::Commands(&["config"]),
        "{flags of the cluster}" => Part::Flags(&[Verb::Join], Some(Section::Cluster)),
        "{flags of the machine}" => Part::Flags(&[Verb::Join], Some(Section::Machine)),
        "{flags of the control plane}" => Part::Flags(&[Verb::Join], Some(Section::ControlPlane)),
        "{flags of the sources}" => Part::Flags(&[Verb::Join], Some(Section::Sources)),
        "{flags of the run}" => Part::Flags(&[Verb::Join], Some(Section::Run)),
        "{parameters}" => Part::Parameters,
        "{flags of the unattended}" => Part::Flags(&[Verb::Ensure], Some(Section::Unattended)),
        "{flags of reset}" => Part::Flags(&[Verb::Reset], None),
        "{flags of doctor}" => Part::Flags(&[Verb::Doctor], Some(Section::Diagnosis)),
        "{flags of status}" => Part::Flags(&[Verb::Status], None),
        "{flags of explain}" => Part::Flags(&[Verb::Explain], None),
        "{flags before a command}" => Part::Flags(&[Verb::None], None),
        "{flags of config}" => Part::Flags(&[Verb::ConfigValidate, Verb::ConfigMigrate], None),
        "{flags of every token verb}" => Part::Flags(&[Verb::Token], Some(Section::Run)),
        "{flags of token create}" => Part::Flags(&[Verb::TokenCreate], Some(Section::Token)),
        "{flags of token list}" => Part::Flags(&[Verb::TokenList], Some(Section::Token)),
        "{flags of check-expiration}" => Part::Flags(&[Verb::CheckExpiration], None),
        "{flags of upload-certs}" => Part::Flags(&[Verb::UploadCerts], None),
        "{flags of kubeconfig user}" => Part::Flags(&[Verb::KubeconfigUser], None),
        "{flags of completion}" => Part::Flags(&[Verb::Completion], None),
        "{flags of version}" => Part::Flags(&[Verb::Version], None),
        "{flags of help}" => Part::Flags(&[Verb::Help], None),
        _ => Part::Line,
    }
}
