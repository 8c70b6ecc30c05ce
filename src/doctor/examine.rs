//! Which of the two chains it is.

use super::chain::{Chain, Examination, SECTION};
use super::{bootstrap, node};
use crate::error::{Explain, Failure, codes};
use crate::join::found_state;
use crate::node::paths;
use crate::node::state::{self, Conflict, NodeState};
use crate::plan::{JoinPlan, Mode};
use crate::report::Report;
use crate::rootfs::{Root, RootError};

/// Looks at the machine that a plan is for. `settings` is why that is not a plan of a join, where none could be made.
///
/// # Errors
/// The target root cannot be read at all.
pub fn examine(mut plan: JoinPlan, settings: Option<Failure>, report: &Report) -> Result<Examination, Failure> {
    let root = Root::open(plan.target.rootfs())?;
    // So that no check loads a module, and none asks for root.
    plan.options.mode = Mode::DryRun;
    let mut chain = Chain::new(report);
    let clock = plan.access.clock;
    let has_settings = settings.is_none();
    let is_there = root.exists(&paths::KUBELET_CONF)?;
    let read = match has_settings {
        true => found_state(&plan, &root),
        false => state::read_any(&root, clock.is_plausible().then(|| clock.now())),
    };
    let state = match read {
        Ok(state) => state,
        Err(error) if is_refused(&error, &plan) => NodeState::Nothing,
        Err(error) => {
            chain.broken("kubelet.conf", error);
            return Ok(chain.ended(if is_there { "node" } else { "machine" }));
        }
    };
    let is_another =
        matches!(state, NodeState::Conflict(Conflict::Cluster | Conflict::Node) | NodeState::Superseded(_));
    let is_foreign = has_settings && (is_another || matches!(state, NodeState::Conflict(Conflict::Unrecognized)));
    if is_there && !is_foreign {
        match settings {
            // It was joined by hand, or its settings went with their token.
            Some(failure) if failure.0.code() == &codes::CONFIG_INCOMPLETE => {}
            Some(Failure(error)) => {
                let text = format_args!("the settings of this node cannot be used: {error}");
                report.warn(SECTION, Some(error.code()), text);
            }
            None => chain.good("settings", ""),
        }
        node::look(&mut chain, plan, &root, &state, has_settings);
        return Ok(chain.ended("node"));
    }
    match settings {
        Some(failure) => {
            chain.broken("settings", failure);
            bootstrap::look_without_settings(&mut chain, &plan, &root, &state);
        }
        None => {
            chain.good("settings", "");
            bootstrap::look(&mut chain, &plan, &root, &state);
        }
    }
    Ok(chain.ended("machine"))
}

/// Whether a file cannot be read because root alone may.
fn is_refused(error: &RootError, plan: &JoinPlan) -> bool {
    plan.host.euid != 0 && error.code() == &codes::MACHINE_PERMISSION
}
