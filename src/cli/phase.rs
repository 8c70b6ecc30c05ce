//! `join phase NAME`.

use super::error::Misuse;
use super::topic::Topic;
use crate::phase::{self, Applies, PhaseSpec};
use crate::values::nearest;

/// What stands behind `join phase`, word by word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum PhaseWords {
    /// No `phase`.
    #[default]
    None,
    /// `phase` alone.
    Any,
    /// A parent whose child is still to come.
    Parent(&'static str),
    /// One phase.
    One(&'static PhaseSpec),
}

impl PhaseWords {
    /// Whether the word `phase` has not been typed.
    pub(super) fn is_none(self) -> bool {
        matches!(self, PhaseWords::None)
    }

    /// Whether the next word belongs to the name.
    pub(super) fn is_incomplete(self) -> bool {
        matches!(self, PhaseWords::Any | PhaseWords::Parent(_))
    }

    /// With one more word of the name.
    pub(super) fn take(self, word: &str) -> Result<Self, Misuse> {
        let name = match self {
            PhaseWords::Parent(parent) => format!("{parent}/{word}"),
            _ => word.to_owned(),
        };
        match phase::find(&name) {
            Some(PhaseSpec { name, applies: Applies::Parent }) => Ok(PhaseWords::Parent(name)),
            Some(PhaseSpec { name, applies: Applies::SubPhase(_) }) => Err(Misuse::SubPhase { name }),
            Some(found) => Ok(PhaseWords::One(found)),
            None => {
                let known = phase::NAMES
                    .iter()
                    .filter(|phase| !matches!(phase.applies, Applies::SubPhase(_) | Applies::Parent));
                let suggestion = nearest(&name, known.map(|phase| phase.name)).map(as_typed);
                Err(Misuse::UnknownPhase { word: as_typed(&name), suggestion })
            }
        }
    }

    /// The phase, once every word has been taken.
    pub(super) fn end(self) -> Result<Option<&'static PhaseSpec>, Misuse> {
        match self {
            PhaseWords::None => Ok(None),
            PhaseWords::One(phase) => Ok(Some(phase)),
            PhaseWords::Any => Err(Misuse::NoPhase { parent: None }),
            PhaseWords::Parent(parent) => Err(Misuse::NoPhase { parent: Some(parent) }),
        }
    }

    /// What help is about, once these words have been typed.
    pub(super) fn topic(self) -> Topic {
        match self {
            PhaseWords::None => Topic::Join,
            PhaseWords::Any | PhaseWords::Parent(_) => Topic::Phases,
            PhaseWords::One(phase) => Topic::Phase(phase),
        }
    }
}

/// The name of a phase as words of a command line.
pub(super) fn as_typed(name: &str) -> String {
    name.replace('/', " ")
}
