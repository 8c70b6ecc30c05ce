//! The container runtime's status, asked for once by the two checks of it.

use crate::cri::{CALL_TIMEOUT, Condition, CriError, Runtime};
use crate::phase::Phase;
use crate::report::Report;

/// The answers of a runtime.
pub(super) struct Answers {
    pub(super) conditions: Result<Vec<Condition>, CriError>,
    pub(super) has_runtime_config: Result<bool, CriError>,
}

/// Asks all that the two checks need to know, within kubeadm's limits.
pub(super) fn ask(endpoint: &str, report: &Report) -> Result<Answers, CriError> {
    let (mut runtime, version) = Runtime::connect(endpoint, CALL_TIMEOUT)?;
    report.debug(1, Phase::Preflight, format_args!("{endpoint} is {} {}", version.name, version.version));
    runtime.image_service()?;
    Ok(Answers { conditions: runtime.status(), has_runtime_config: runtime.has_runtime_config() })
}
