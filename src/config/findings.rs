//! What has been found wrong so far.

use super::problem::Problem;
use super::warning::Warning;

/// What has been found wrong so far: there is a configuration only where no problem is among it.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}
