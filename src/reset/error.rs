//! Why a reset was not begun, or has not ended.

use std::fmt;

use crate::error::{Code, Explain, Finding, Severity, codes, debug_as_display};
use crate::etcd::{EtcdError, Quorum};
use crate::rootfs::TargetPath;

/// Why a reset was not begun, or has not ended.
pub enum ResetError {
    /// Nobody has said that it is meant.
    NotConfirmed {
        /// Somebody was asked.
        was_asked: bool,
    },
    /// Without this machine's member, etcd has no quorum.
    NoQuorum {
        /// Which member.
        member: String,
        /// What there is.
        now: Quorum,
        /// What would be left.
        then: Quorum,
    },
    /// etcd's data is here, and whether its cluster needs it cannot be known.
    EtcdUnknown {
        /// Where.
        data: TargetPath,
        /// Why.
        why: String,
        /// The error, where there is one that may pass.
        may_pass: bool,
    },
    /// etcd's data is in a root that does not run, so that its cluster cannot be asked.
    EtcdOffline {
        /// Where.
        data: TargetPath,
    },
    /// Something could not be removed.
    Partial {
        /// What, and why.
        left: Vec<Finding>,
    },
}

impl ResetError {
    /// The cluster cannot be asked.
    pub(super) fn etcd_unknown(data: &TargetPath, error: &EtcdError) -> Self {
        ResetError::EtcdUnknown { data: data.clone(), why: error.to_string(), may_pass: error.may_retry() }
    }
}

/// Something that is left, as a finding of the report.
pub(super) fn left(message: String, hint: Option<String>) -> Finding {
    Finding { check: "Left".to_owned(), severity: Severity::Error, message, hint, code: Some(&codes::RESET_PARTIAL) }
}

impl fmt::Display for ResetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResetError::NotConfirmed { was_asked: true } => f.write_str("the question was not answered with yes"),
            ResetError::NotConfirmed { was_asked: false } => {
                f.write_str("standard input is no terminal, so that nobody can be asked whether this is meant")
            }
            ResetError::NoQuorum { member, now, then } => {
                write!(f, "etcd's member {member} cannot be removed: {now}; without it, {then}")
            }
            ResetError::EtcdUnknown { data, why, .. } => {
                write!(f, "{data} has the data of an etcd, and whether its cluster needs it cannot be known: {why}")
            }
            ResetError::EtcdOffline { data } => {
                write!(f, "{data} has the data of an etcd, which is not running: its cluster cannot be asked")
            }
            ResetError::Partial { left } => {
                let s = if left.len() == 1 { " is" } else { "s are" };
                write!(f, "{} object{s} still there: ", left.len())?;
                for (index, finding) in left.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { "; " }, finding.message)?;
                }
                Ok(())
            }
        }
    }
}

debug_as_display!(ResetError);

impl std::error::Error for ResetError {}

impl Explain for ResetError {
    fn code(&self) -> &'static Code {
        match self {
            ResetError::NotConfirmed { .. } => &codes::RESET_NOT_CONFIRMED,
            ResetError::NoQuorum { .. } => &codes::RESET_ETCD_QUORUM,
            ResetError::EtcdUnknown { .. } => &codes::RESET_ETCD_UNKNOWN,
            ResetError::EtcdOffline { .. } => &codes::RESET_ETCD_OFFLINE,
            ResetError::Partial { .. } => &codes::RESET_PARTIAL,
        }
    }

    fn findings(&self) -> &[Finding] {
        match self {
            ResetError::Partial { left } => left,
            _ => &[],
        }
    }

    fn may_retry(&self) -> bool {
        matches!(self, ResetError::EtcdUnknown { may_pass: true, .. })
    }
}
