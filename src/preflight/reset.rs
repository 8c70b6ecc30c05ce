//! The checks before a reset: kubeadm has one.

use super::engine::{Check, Engine, Scope};
use super::error::PreflightError;
use super::machine::not_root;
use crate::phase::ResetPhase;
use crate::plan::Mode;
use crate::report::Report;

/// A machine that is to be no node any more.
struct Subject {
    euid: u32,
    mode: Mode,
}

const CHECKS: [Check<Subject>; 1] = [Check::new("IsPrivilegedUser", Scope::RunningSystem, |subject| {
    (subject.mode == Mode::Apply).then(|| not_root(subject.euid)).flatten().into_iter().collect()
})];

/// Checks this machine before a reset. `ignored` are checks whose errors become warnings.
///
/// # Errors
/// The ones that are not ignored.
pub fn before_reset(
    is_this_system: bool,
    euid: u32,
    mode: Mode,
    ignored: &[String],
    report: &Report,
) -> Result<(), PreflightError> {
    let section = ResetPhase::Preflight.name();
    let engine = Engine { section, ignored, is_this_system, is_this_kernel: is_this_system, report };
    engine.run(&CHECKS, &Subject { euid, mode })
}
