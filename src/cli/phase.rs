//! `join phase NAME`.

use std::ffi::OsString;

use super::error::UsageError;
use super::{Program, suggest};
use crate::phase::{self, Applies, PhaseSpec};

/// What stands behind `join phase`, word by word.
#[derive(Clone, Debug, Default)]
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
    /// Takes a word as part of the phase's name. The word comes back where the name is complete, or none was begun.
    pub(super) fn take(&mut self, program: Program, word: OsString) -> Result<Option<OsString>, UsageError> {
        let typed = word.to_string_lossy();
        let name = match self {
            PhaseWords::None | PhaseWords::One(_) => return Ok(Some(word)),
            PhaseWords::Any => typed.clone().into_owned(),
            PhaseWords::Parent(parent) => format!("{parent}/{typed}"),
        };
        match phase::find(&name) {
            Some(PhaseSpec { name, applies: Applies::ControlPlaneParent }) => *self = PhaseWords::Parent(name),
            Some(PhaseSpec { name, applies: Applies::SubPhase(_) }) => {
                return Err(UsageError::PartOfPhase { program, name });
            }
            Some(found) => *self = PhaseWords::One(found),
            None => {
                let known = phase::NAMES
                    .iter()
                    .filter(|phase| !matches!(phase.applies, Applies::SubPhase(_) | Applies::ControlPlaneParent));
                let suggestion = suggest::nearest(&name, known.map(|phase| phase.name)).map(as_typed);
                return Err(UsageError::UnknownPhase { program, word: as_typed(&name), suggestion });
            }
        }
        Ok(None)
    }

    /// The phase, once every word has been taken.
    pub(super) fn end(self, program: Program) -> Result<Option<&'static PhaseSpec>, UsageError> {
        match self {
            PhaseWords::None => Ok(None),
            PhaseWords::One(phase) => Ok(Some(phase)),
            PhaseWords::Any => Err(UsageError::NoPhase { program, parent: None }),
            PhaseWords::Parent(parent) => Err(UsageError::NoPhase { program, parent: Some(parent) }),
        }
    }
}

/// The name of a phase as words of a command line.
pub(super) fn as_typed(name: &str) -> String {
    name.replace('/', " ")
}
