//! `--spread`: a fleet that is switched on together comes one after the other.

use std::fmt;
use std::time::Duration;

use crate::error::{Code, Explain, Failure, codes, debug_as_display};
use crate::join::found_state;
use crate::node::state::NodeState;
use crate::phase::Phase;
use crate::plan::{JoinPlan, Mode};
use crate::rootfs::Root;
use crate::values::duration;

/// This machine's turn has not come.
pub(super) struct NotItsTurn {
    /// Until then.
    pub(super) left: Duration,
}

/// Whether this machine's turn in a window has come, of which `passed` is over. A machine that is a node waits for none, and
/// neither does who only looks.
///
/// # Errors
/// The target root cannot be read.
pub(super) fn not_yet(plan: &JoinPlan, passed: Duration) -> Result<Option<NotItsTurn>, Failure> {
    let left = plan.options.turn.saturating_sub(passed);
    if left.is_zero() || plan.options.mode != Mode::Apply || !plan.options.phases.contains(Phase::KubeletStart) {
        return Ok(None);
    }
    let root = Root::open(plan.target.rootfs())?;
    let is_node = matches!(found_state(plan, &root)?, NodeState::Joined(_));
    Ok((!is_node).then_some(NotItsTurn { left }))
}

impl fmt::Display for NotItsTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = duration::format(Duration::from_secs(self.left.as_secs()));
        write!(f, "the fleet is spread over a window (--spread), and the turn of this machine is in {left}")
    }
}

debug_as_display!(NotItsTurn);

impl std::error::Error for NotItsTurn {}

impl Explain for NotItsTurn {
    fn code(&self) -> &'static Code {
        &codes::NODE_NOT_ITS_TURN
    }

    fn hint(&self) -> String {
        self.code().hint.to_owned()
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.left)
    }
}
