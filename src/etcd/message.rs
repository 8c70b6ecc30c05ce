//! Requests and answers (etcd `api/etcdserverpb/rpc.proto`), as far as they are needed. Unknown fields are ignored.

use crate::grpc::protobuf::{Value, append_bytes, append_number, fields, text};

/// The most members that a list may have. etcd advises against more than seven.
const MAX_MEMBERS: usize = 100;
/// The most URLs of a member, and errors of a status.
const MAX_TEXTS: usize = 16;

/// A member, as the cluster knows it. Texts are fit to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its number, for ever.
    pub id: u64,
    /// Its `--name`; empty until it has started.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; none until it has started.
    pub client_urls: Vec<String>,
    /// It gets the data and has no vote.
    pub is_learner: bool,
}

/// The members of a cluster, in etcd's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberList {
    pub(super) cluster_id: u64,
    pub(super) members: Vec<Member>,
}

/// How a member is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Of which cluster it is.
    pub cluster_id: u64,
    /// Which member it is.
    pub member_id: u64,
    /// etcd's version, such as `3.7.3`.
    pub version: String,
    /// The leader's number; zero where it knows of none.
    pub leader: u64,
    /// The last entry of the log that it knows to be committed.
    pub raft_index: u64,
    /// The last entry that it has applied.
    pub raft_applied_index: u64,
    /// Bytes of its data on the disk.
    pub db_size: u64,
    /// What is wrong with it, in etcd's words.
    pub errors: Vec<String>,
    /// It has no vote.
    pub is_learner: bool,
}

/// `MemberListRequest`. One that is linearizable is answered by the whole cluster, the other by the member itself.
pub(super) fn list_request(linearizable: bool) -> Vec<u8> {
    let mut out = Vec::new();
    append_number(&mut out, 1, linearizable.into());
    out
}

/// `MemberAddRequest` of a learner.
pub(super) fn add_learner_request(peer_url: &str) -> Vec<u8> {
    let mut out = Vec::new();
    append_bytes(&mut out, 1, peer_url.as_bytes());
    append_number(&mut out, 2, 1);
    out
}

/// `MemberPromoteRequest` and `MemberRemoveRequest`.
pub(super) fn id_request(id: u64) -> Vec<u8> {
    let mut out = Vec::new();
    append_number(&mut out, 1, id);
    out
}

/// `MemberListResponse`, `MemberRemoveResponse` and `MemberPromoteResponse`, which have the list as field 2, and
/// `MemberAddResponse`, which has it as field 3. `None` where it is no list that a cluster could have.
pub(super) fn member_list(answer: &[u8], number: u32) -> Option<MemberList> {
    let mut list = MemberList::default();
    for field in fields(answer) {
        match field {
            (1, Value::Bytes(header)) => list.cluster_id = header_ids(header).0,
            (found, Value::Bytes(bytes)) if found == number => list.members.push(member(bytes)),
            _ => {}
        }
        if list.members.len() > MAX_MEMBERS {
            return None;
        }
    }
    (list.cluster_id != 0 && !list.members.is_empty()).then_some(list)
}

/// `StatusResponse`; `None` where it says of no member.
pub(super) fn status(answer: &[u8]) -> Option<Status> {
    let mut status = Status::default();
    for field in fields(answer) {
        match field {
            (1, Value::Bytes(header)) => (status.cluster_id, status.member_id) = header_ids(header),
            (2, Value::Bytes(bytes)) => status.version = text(bytes),
            (3, Value::Number(number)) => status.db_size = number,
            (4, Value::Number(number)) => status.leader = number,
            (5, Value::Number(number)) => status.raft_index = number,
            (7, Value::Number(number)) => status.raft_applied_index = number,
            (8, Value::Bytes(bytes)) => push(&mut status.errors, bytes),
            (10, Value::Number(number)) => status.is_learner = number != 0,
            _ => {}
        }
    }
    (status.member_id != 0).then_some(status)
}

/// `ResponseHeader`: the cluster, and the member that answers.
fn header_ids(header: &[u8]) -> (u64, u64) {
    let mut ids = (0, 0);
    for field in fields(header) {
        match field {
            (1, Value::Number(number)) => ids.0 = number,
            (2, Value::Number(number)) => ids.1 = number,
            _ => {}
        }
    }
    ids
}

fn member(bytes: &[u8]) -> Member {
    let mut member = Member::default();
    for field in fields(bytes) {
        match field {
            (1, Value::Number(number)) => member.id = number,
            (2, Value::Bytes(bytes)) => member.name = text(bytes),
            (3, Value::Bytes(bytes)) => push(&mut member.peer_urls, bytes),
            (4, Value::Bytes(bytes)) => push(&mut member.client_urls, bytes),
            (5, Value::Number(number)) => member.is_learner = number != 0,
            _ => {}
        }
    }
    member
}

fn push(texts: &mut Vec<String>, bytes: &[u8]) {
    if texts.len() < MAX_TEXTS {
        texts.push(text(bytes));
    }
}
