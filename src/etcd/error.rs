//! What can go wrong with etcd.

use std::fmt;
use std::time::Duration;

use super::decision::Refusal;
use crate::error::{Class, Code, Explain, codes, debug_as_display};
use crate::grpc::{GrpcError, StatusCode};
use crate::net::error::{Cause, NetError};
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// What can go wrong with etcd.
pub enum EtcdError {
    /// TLS has no use for the client certificate.
    Identity(Cause),
    /// No member is known that could be asked.
    NoEndpoint,
    /// A member cannot be connected to.
    Net(NetError),
    /// A call got no answer, or failed.
    Call {
        /// Of which member.
        endpoint: Endpoint,
        /// The method's name.
        method: &'static str,
        /// Why.
        error: GrpcError,
    },
    /// None of several members could be called, each for a reason of its own.
    Unreachable(Vec<EtcdError>),
    /// The cluster does not agree on anything, although enough of its members answer.
    Unsettled(String),
    /// It is not safe to go on.
    Refused(Refusal),
    /// Other machines are joining.
    LearnerInTheWay {
        /// Their members.
        learners: Vec<String>,
        /// For how long they have been seen.
        seen_for: Duration,
    },
    /// Our member has been removed meanwhile.
    MemberRemoved(u64),
    /// Our member does not become a voter.
    LearnerStalled {
        /// What it has applied; nothing where it has never answered.
        applied: Option<u64>,
        /// What the cluster has committed.
        committed: u64,
        /// For how long nothing has happened.
        still: Duration,
        /// What was said last.
        last: Option<String>,
    },
    /// The members that there are cannot be told to etcd.
    Members(String),
}

/// What a failed call means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The member may not answer this call, or not now; another may.
    AskAnother,
    /// A member of this peer URL is there already.
    AlreadyThere,
    /// As many learners are there as may be.
    TooManyLearners,
    /// The learner has not got all the data yet.
    NotInSync,
    /// The member is none that could be promoted: it is a voter.
    NotALearner,
    /// There is no such member.
    NoSuchMember,
    /// Anything else.
    Other,
}

impl EtcdError {
    /// What it means. etcd tells its errors by their texts (etcd `api/v3rpc/rpctypes/error.go`); the codes differ between
    /// releases.
    pub(super) fn meaning(&self) -> Meaning {
        let EtcdError::Call { error: GrpcError::Status { code, message }, .. } = self else {
            return Meaning::AskAnother;
        };
        let table = [
            ("Peer URLs already exists", Meaning::AlreadyThere),
            // An id is made of the peer URL, the cluster's name and the second: as good as the one above.
            ("member ID already exist", Meaning::AlreadyThere),
            ("too many learner members", Meaning::TooManyLearners),
            ("in sync with leader", Meaning::NotInSync),
            ("can only promote a learner member", Meaning::NotALearner),
            ("member not found", Meaning::NoSuchMember),
            ("rpc not supported for learner", Meaning::AskAnother),
        ];
        match table.iter().find(|(text, _)| message.contains(text)) {
            Some((_, meaning)) => *meaning,
            None if is_transient(*code, message) => Meaning::AskAnother,
            None => Meaning::Other,
        }
    }

    /// Whether it is an answer of etcd: it is there, and cannot now, or will not.
    pub(super) fn is_answer(&self) -> bool {
        match self {
            EtcdError::Call { error: GrpcError::Status { .. }, .. } => true,
            // A peer that has taken the call and answers nothing waits for others.
            EtcdError::Call { error: GrpcError::TimedOut, .. } => true,
            EtcdError::Unreachable(errors) => errors.iter().any(EtcdError::is_answer),
            _ => false,
        }
    }
}

/// What passes by itself: no leader, time-outs, members that have not started or are not connected.
fn is_transient(code: StatusCode, message: &str) -> bool {
    [StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED].contains(&code)
        || message.contains("not enough started members")
}

impl fmt::Display for EtcdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EtcdError::Identity(_) => f.write_str("TLS has no use for the client certificate of etcd"),
            EtcdError::NoEndpoint => f.write_str("no member of etcd is known that could be asked"),
            EtcdError::Net(error) => write!(f, "etcd: {error}"),
            EtcdError::Call { endpoint, method, error } => write!(f, "etcd: {endpoint}: {method}: {error}"),
            EtcdError::Unreachable(errors) => {
                for (at, error) in errors.iter().enumerate() {
                    write!(f, "{}{error}", if at == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            EtcdError::Unsettled(why) => write!(f, "etcd's members answer and do not agree: {why}"),
            EtcdError::Refused(refusal) => refusal.fmt(f),
            EtcdError::LearnerInTheWay { learners, seen_for } => write!(
                f,
                "etcd takes no more learners while another machine joins: {}, seen for {} s",
                learners.join("; "),
                seen_for.as_secs()
            ),
            EtcdError::MemberRemoved(id) => write!(f, "this machine's etcd member {id:x} was removed meanwhile"),
            EtcdError::LearnerStalled { applied, committed, still, last } => {
                match applied {
                    Some(applied) => write!(
                        f,
                        "this machine's etcd does not get further than entry {applied} of {committed}, for {} s",
                        still.as_secs()
                    )?,
                    None => write!(f, "this machine's etcd has not answered for {} s", still.as_secs())?,
                }
                last.iter().try_for_each(|last| write!(f, "; {last}"))
            }
            EtcdError::Members(why) => write!(f, "etcd's members cannot be named to another one: {why}"),
        }
    }
}

debug_as_display!(EtcdError);

impl std::error::Error for EtcdError {}

impl Explain for EtcdError {
    fn code(&self) -> &'static Code {
        match self {
            EtcdError::Identity(_) => &codes::ETCD_CLIENT_CERTIFICATE,
            EtcdError::NoEndpoint => &codes::ETCD_UNREACHABLE,
            EtcdError::Net(error) => match error.cause {
                Cause::UntrustedChain(_) | Cause::HandshakeSignature => &codes::ETCD_UNTRUSTED,
                Cause::ClientCertificate(_) => &codes::ETCD_CLIENT_CERTIFICATE,
                _ if error.may_retry() => &codes::ETCD_UNREACHABLE,
                _ => error.code(),
            },
            EtcdError::Call { error, .. } => match error {
                GrpcError::Status { code, message } if is_transient(*code, message) => &codes::ETCD_BUSY,
                GrpcError::Status { .. } => &codes::ETCD_REJECTED,
                GrpcError::NotHttp2 | GrpcError::Protocol(_) | GrpcError::TooLarge | GrpcError::Http(_) => {
                    &codes::ETCD_UNEXPECTED
                }
                _ => &codes::ETCD_UNREACHABLE,
            },
            // What forbids a second attempt counts more than what does not, and an answer more than none.
            EtcdError::Unreachable(errors) => {
                let codes = || errors.iter().map(Explain::code);
                let worst = codes().find(|code| code.class != Class::Transient);
                worst.or_else(|| codes().find(|code| **code == codes::ETCD_BUSY)).unwrap_or(&codes::ETCD_UNREACHABLE)
            }
            EtcdError::Unsettled(_) => &codes::ETCD_BUSY,
            EtcdError::Refused(refusal) => match refusal {
                Refusal::NoQuorum { .. } => &codes::ETCD_NO_QUORUM,
                Refusal::Unhealthy { .. } => &codes::ETCD_MEMBER_UNHEALTHY,
                Refusal::AnotherMachine { .. } | Refusal::Alive { .. } => &codes::ETCD_ANOTHER_MACHINE,
                Refusal::OwnerUnknown { .. } => &codes::ETCD_OWNER_UNKNOWN,
                Refusal::Moved { .. } => &codes::ETCD_MEMBER_MOVED,
                Refusal::OtherCluster { .. } => &codes::ETCD_OTHER_CLUSTER,
                Refusal::Removed { .. } | Refusal::Foreign { .. } => &codes::ETCD_DATA_DIRECTORY,
            },
            EtcdError::LearnerInTheWay { .. } => &codes::ETCD_LEARNER_IN_THE_WAY,
            EtcdError::MemberRemoved(_) => &codes::ETCD_MEMBER_REMOVED,
            EtcdError::LearnerStalled { .. } => &codes::ETCD_LEARNER_STALLED,
            EtcdError::Members(_) => &codes::ETCD_UNEXPECTED,
        }
    }

    fn hint(&self) -> String {
        match self {
            EtcdError::Net(error) if self.code() == error.code() => error.hint(),
            EtcdError::Refused(Refusal::OwnerUnknown { name, .. }) => format!(
                "if that member is this machine's from before, or its machine is gone for good, run `kubectl delete node {}` on \
                 a control plane, then run this again; else join with another --node-name and address",
                UntrustedText::new(name, None)
            ),
            EtcdError::Refused(Refusal::Alive { .. }) => {
                "give this machine an address and a --node-name that no other control plane has".to_owned()
            }
            _ => self.code().hint.to_owned(),
        }
    }
}
