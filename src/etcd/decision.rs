//! What to do with this machine's member: decided before anything is changed, and from nothing but what is known.

use std::fmt;

use super::data_directory::DataDirectory;
use super::message::Member;
use super::view::{Health, Quorum, Seen, View};

/// This machine, as the member that it is to be.
#[derive(Clone, Copy)]
pub struct Ours<'a> {
    /// etcd's `--name`: the Node's.
    pub name: &'a str,
    /// `https://ADDRESS:2380`.
    pub peer_url: &'a str,
    /// What is in its data directory.
    pub data: &'a DataDirectory,
    /// Whether a previous run has left etcd's manifest here, so that etcd may be starting by it.
    pub has_manifest: bool,
    /// Whose the Node is that has the name of a member. Only asked of a member that has our name or our peer URL and does not
    /// answer, when there is no data of it here.
    pub owner: &'a dyn Fn(&str) -> NodeOwner,
}

/// Whose a Node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeOwner {
    /// This machine's.
    ThisMachine,
    /// Another machine's.
    AnotherMachine {
        /// What its Node says of it.
        theirs: String,
        /// What this machine is known by.
        ours: String,
    },
    /// This machine's or another one's.
    Unknown,
    /// Nobody's: there is no such Node.
    NoSuchNode,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Add a member.
    Add,
    /// A member was added for this machine, and has not started: it is the one.
    TakeOver(u64),
    /// A member is this machine's, and its data is here: it goes on.
    Resume(u64),
    /// A member was this machine's, and its data is gone: remove it, and add one. etcd does not survive a member that comes
    /// back without what it has acknowledged.
    Replace(u64),
    /// Nothing.
    Refuse(Refusal),
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too few voters answer.
    NoQuorum {
        /// How many.
        quorum: Quorum,
        /// The others, and why.
        silent: Vec<String>,
    },
    /// A voter does not answer, so that etcd adds none (etcd `server/etcdserver/server.go`, `isConnectedFullySinceStart`).
    Unhealthy {
        /// How many do.
        quorum: Quorum,
        /// The others, and why.
        silent: Vec<String>,
    },
    /// A member has our name or peer URL, and belongs to another machine.
    AnotherMachine {
        /// Which.
        member: String,
        /// What the Node of its name says of that machine.
        theirs: String,
        /// What this machine is known by.
        ours: String,
    },
    /// The same, and nothing says whose it is.
    OwnerUnknown {
        /// Which.
        member: String,
        /// Its name, which is that of a Node.
        name: String,
    },
    /// The same, and it answers: it lives, and not here.
    Alive {
        /// Which.
        member: String,
        /// Where.
        at: String,
    },
    /// The data here is a member's at another address.
    Moved {
        /// Which.
        member: String,
        /// Our peer URL.
        peer_url: String,
    },
    /// The data here is of another cluster.
    OtherCluster {
        /// Of this one.
        found: u64,
        /// And not of this one.
        cluster: u64,
    },
    /// The data here is of a member that the cluster has removed.
    Removed {
        /// Which one it was.
        member_id: u64,
    },
    /// What is in the data directory is not etcd's.
    Foreign {
        /// The path of something in it.
        path: String,
    },
}

/// Decides.
///
/// Data on the disk says most: etcd goes on with it, whatever its flags say. Without any, a member of ours that has started is
/// a stale one, and replaced, if it is known to be this machine's and to answer nobody. One that has not started is taken over
/// where its manifest is still here; where that is gone, the disk is another one than at that time, nobody knows what the
/// member had acknowledged by then, and it is replaced as well.
///
/// The arithmetic of the quorum allows both once it is kept: the removal of a voter that does not answer, and one more voter
/// that does.
pub fn decide(view: &View, ours: &Ours<'_>) -> Decision {
    match by_data(view, ours).unwrap_or_else(|| by_members(view, ours)) {
        Ok(decision) => decision,
        Err(refusal) => Decision::Refuse(refusal),
    }
}

/// What the data directory says; nothing where it is empty.
fn by_data(view: &View, ours: &Ours<'_>) -> Option<Result<Decision, Refusal>> {
    let (cluster_id, member_id) = match ours.data {
        DataDirectory::Empty => return None,
        DataDirectory::Other(path) => return Some(Err(Refusal::Foreign { path: path.clone() })),
        DataDirectory::Member { cluster_id, member_id } => (*cluster_id, *member_id),
    };
    Some(match view.member(member_id) {
        _ if cluster_id != view.cluster_id => {
            Err(Refusal::OtherCluster { found: cluster_id, cluster: view.cluster_id })
        }
        None => Err(Refusal::Removed { member_id }),
        Some(seen) if !has_peer_url(&seen.member, ours) => {
            Err(Refusal::Moved { member: seen.member.to_string(), peer_url: ours.peer_url.to_owned() })
        }
        Some(_) => Ok(Decision::Resume(member_id)),
    })
}

fn by_members(view: &View, ours: &Ours<'_>) -> Result<Decision, Refusal> {
    let quorum = view.quorum();
    if !quorum.is_kept() {
        return Err(Refusal::NoQuorum { quorum, silent: view.unhealthy_voters(&[]) });
    }
    let mut taken_over = None;
    let mut stale = Vec::new();
    for seen in &view.members {
        let member = &seen.member;
        if member.name.is_empty() && has_peer_url(member, ours) {
            // A voter that has not started is one of those that a quorum is counted of; only etcd can make it start.
            if ours.has_manifest || !member.is_learner {
                taken_over = Some(member.id);
            } else {
                stale.push(member.id);
            }
        } else if member.name == ours.name || has_peer_url(member, ours) {
            check_stale(seen, ours)?;
            stale.push(member.id);
        }
    }
    if let (Some(id), []) = (taken_over, &stale[..]) {
        return Ok(Decision::TakeOver(id));
    }
    stale.extend(taken_over);
    let silent = view.unhealthy_voters(&stale);
    if !silent.is_empty() {
        return Err(Refusal::Unhealthy { quorum, silent });
    }
    // One after the other, where there are several.
    Ok(stale.first().map_or(Decision::Add, |id| Decision::Replace(*id)))
}

/// Checks that a member of our name or address may be removed.
fn check_stale(seen: &Seen, ours: &Ours<'_>) -> Result<(), Refusal> {
    let member = seen.member.to_string();
    if let Health::Answers(_) = seen.health {
        return Err(Refusal::Alive { member, at: seen.member.client_urls.join(" ") });
    }
    match (ours.owner)(&seen.member.name) {
        NodeOwner::ThisMachine | NodeOwner::NoSuchNode => Ok(()),
        NodeOwner::AnotherMachine { theirs, ours } => Err(Refusal::AnotherMachine { member, theirs, ours }),
        NodeOwner::Unknown => Err(Refusal::OwnerUnknown { member, name: seen.member.name.clone() }),
    }
}

fn has_peer_url(member: &Member, ours: &Ours<'_>) -> bool {
    member.peer_urls.iter().any(|url| url == ours.peer_url)
}

impl Refusal {
    /// Whether it may be otherwise a little later, without anybody's help: a member may be starting.
    pub fn may_pass(&self) -> bool {
        matches!(self, Refusal::NoQuorum { .. } | Refusal::Unhealthy { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoQuorum { quorum, silent } => {
                write!(f, "etcd has no quorum: {quorum}; not answering: {}", silent.join("; "))
            }
            Refusal::Unhealthy { quorum, silent } => {
                let after = quorum.with_one_more();
                write!(
                    f,
                    "no member is added to etcd while one is away: {quorum}; of the {} that there would be, {} are needed and \
                     {} would answer; not answering: {}",
                    after.voters,
                    after.needed(),
                    after.answering,
                    silent.join("; ")
                )
            }
            Refusal::AnotherMachine { member, theirs, ours } => {
                write!(f, "the etcd member {member} belongs to another machine, {theirs}; this one is {ours}")
            }
            Refusal::OwnerUnknown { member, .. } => {
                write!(f, "nothing says whether the etcd member {member} is this machine's")
            }
            Refusal::Alive { member, at } => {
                write!(f, "the etcd member {member} answers at {at}, and its data is not on this machine")
            }
            Refusal::Moved { member, peer_url } => {
                write!(f, "etcd's data on this machine is that of the member {member}, and not of one at {peer_url}")
            }
            Refusal::OtherCluster { found, cluster } => write!(
                f,
                "etcd's data on this machine is of another cluster, {found:x}; the cluster that is joined is {cluster:x}"
            ),
            Refusal::Removed { member_id } => {
                write!(
                    f,
                    "etcd's data on this machine is that of the member {member_id:x}, which the cluster has removed"
                )
            }
            Refusal::Foreign { path } => write!(f, "etcd's data directory is not empty: {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Status;
    use super::*;

    const CLUSTER: u64 = 0xc1;
    const URL: &str = "https://10.0.0.9:2380";

    fn member(id: u64, name: &str, peer_url: &str, is_learner: bool, answers: bool) -> Seen {
        let client_urls = if name.is_empty() { Vec::new() } else { vec![format!("https://{name}:2379")] };
        let member =
            Member { id, name: name.to_owned(), peer_urls: vec![peer_url.to_owned()], client_urls, is_learner };
        let health = match answers {
            true => Health::Answers(Status { member_id: id, ..Status::default() }),
            false => Health::Silent("connection refused".to_owned()),
        };
        Seen { member, health }
    }

    fn up(id: u64) -> Seen {
        member(id, &format!("cp{id}"), &format!("https://10.0.0.{id}:2380"), false, true)
    }

    fn down(id: u64) -> Seen {
        let seen = up(id);
        Seen { health: Health::Silent("connection refused".to_owned()), ..seen }
    }

    fn view(members: &[Seen]) -> View {
        View { cluster_id: CLUSTER, members: members.to_vec(), unsettled: None }
    }

    fn same(_: &str) -> NodeOwner {
        NodeOwner::ThisMachine
    }

    fn other(_: &str) -> NodeOwner {
        NodeOwner::AnotherMachine { theirs: "machine-id b".to_owned(), ours: "machine-id a".to_owned() }
    }

    /// What is decided for the machine cp9, in words.
    fn decided(members: &[Seen], data: &DataDirectory, has_manifest: bool, owner: fn(&str) -> NodeOwner) -> String {
        let ours = Ours { name: "cp9", peer_url: URL, data, has_manifest, owner: &owner };
        match decide(&view(members), &ours) {
            Decision::Refuse(refusal) => refusal.to_string(),
            decision => format!("{decision:?}"),
        }
    }

    #[test]
    fn without_data_a_member_is_added_taken_over_or_replaced() {
        let learner = |id| member(id, "", URL, true, false);
        let stale = member(9, "cp9", URL, false, false);
        let unknown: fn(&str) -> NodeOwner = |_| NodeOwner::Unknown;
        let nobody: fn(&str) -> NodeOwner = |_| NodeOwner::NoSuchNode;
        let silent_cp2 = "\"cp2\" (2, https://10.0.0.2:2380): connection refused";
        let table: [(&[Seen], bool, fn(&str) -> NodeOwner, String); 20] = [
            (&[up(1)], false, other, "Add".to_owned()),
            (&[up(1), up(2), up(3)], true, other, "Add".to_owned()),
            // Somebody else's learner is for etcd to refuse, which may allow several.
            (&[up(1), member(7, "", "https://10.0.0.7:2380", true, false)], false, other, "Add".to_owned()),
            // Ours, never started: with the manifest it may be starting, without it the disk is another one.
            (&[up(1), learner(5)], true, other, "TakeOver(5)".to_owned()),
            (&[up(1), learner(5)], false, other, "Replace(5)".to_owned()),
            (&[up(1), up(2), member(5, "", URL, false, false)], false, other, "TakeOver(5)".to_owned()),
            // Ours, started, and the disk is empty.
            (&[up(1), up(2), stale.clone()], false, same, "Replace(9)".to_owned()),
            (&[up(1), up(2), stale.clone()], true, nobody, "Replace(9)".to_owned()),
            (&[up(1), member(9, "cp9", URL, true, false)], false, same, "Replace(9)".to_owned()),
            // With another address, or under another name.
            (&[up(1), up(2), member(8, "cp9", "https://10.0.0.4:2380", false, false)], false, same, "Replace(8)".to_owned()),
            (&[up(1), up(2), member(8, "cp8", URL, false, false)], false, same, "Replace(8)".to_owned()),
            // Both at once: one after the other, and neither is in the way of the other.
            (
                &[up(1), up(2), up(3), stale.clone(), member(8, "cp9", "https://10.0.0.4:2380", false, false)],
                false,
                same,
                "Replace(9)".to_owned(),
            ),
            (&[up(1), up(2), member(8, "cp9", "https://10.0.0.4:2380", false, false), learner(5)], true, same, "Replace(8)".to_owned()),
            // A stranger's.
            (
                &[up(1), up(2), stale.clone()],
                false,
                other,
                "the etcd member \"cp9\" (9, https://10.0.0.9:2380) belongs to another machine, machine-id b; this one is \
                 machine-id a"
                    .to_owned(),
            ),
            (
                &[up(1), up(2), stale.clone()],
                false,
                unknown,
                "nothing says whether the etcd member \"cp9\" (9, https://10.0.0.9:2380) is this machine's".to_owned(),
            ),
            // It lives: whoever it is, it is not removed.
            (
                &[up(1), up(2), member(9, "cp9", URL, false, true)],
                false,
                same,
                "the etcd member \"cp9\" (9, https://10.0.0.9:2380) answers at https://cp9:2379, and its data is not on this \
                 machine"
                    .to_owned(),
            ),
            // Arithmetic.
            (
                &[up(1), down(2)],
                false,
                same,
                format!("etcd has no quorum: 1 of 2 voters answer, 2 are needed; not answering: {silent_cp2}"),
            ),
            (
                &[up(1), down(2), up(3)],
                false,
                same,
                format!(
                    "no member is added to etcd while one is away: 2 of 3 voters answer, 2 are needed; of the 4 that there \
                     would be, 3 are needed and 3 would answer; not answering: {silent_cp2}"
                ),
            ),
            // Ours may not be removed while it could not be added again.
            (
                &[up(1), down(2), up(3), up(4), stale.clone()],
                false,
                same,
                format!(
                    "no member is added to etcd while one is away: 3 of 5 voters answer, 3 are needed; of the 6 that there \
                     would be, 4 are needed and 4 would answer; not answering: {silent_cp2}"
                ),
            ),
            // What is there already needs nobody to be added.
            (&[up(1), down(2), up(3), learner(5)], true, same, "TakeOver(5)".to_owned()),
        ];
        for (members, has_manifest, owner, expected) in table {
            assert_eq!(decided(members, &DataDirectory::Empty, has_manifest, owner), expected, "{members:?}");
        }
    }

    #[test]
    fn data_on_the_disk_says_which_member_this_is() {
        let data = |cluster_id, member_id| DataDirectory::Member { cluster_id, member_id };
        let ours = member(9, "cp9", URL, false, true);
        let table: [(&[Seen], DataDirectory, &str); 8] = [
            (&[up(1), ours.clone()], data(CLUSTER, 9), "Resume(9)"),
            // Also where it is what the quorum lacks, and before it has told its name.
            (&[up(1), member(9, "cp9", URL, false, false)], data(CLUSTER, 9), "Resume(9)"),
            (&[up(1), member(9, "", URL, true, false)], data(CLUSTER, 9), "Resume(9)"),
            (
                &[up(1), member(9, "cp9", "https://10.0.0.4:2380", false, false)],
                data(CLUSTER, 9),
                "etcd's data on this machine is that of the member \"cp9\" (9, https://10.0.0.4:2380), and not of one at \
                 https://10.0.0.9:2380",
            ),
            (
                &[up(1), ours.clone()],
                data(0xc2, 9),
                "etcd's data on this machine is of another cluster, c2; the cluster that is joined is c1",
            ),
            (
                &[up(1)],
                data(CLUSTER, 9),
                "etcd's data on this machine is that of the member 9, which the cluster has removed",
            ),
            (
                &[up(1), ours.clone()],
                data(CLUSTER, 8),
                "etcd's data on this machine is that of the member 8, which the cluster has removed",
            ),
            (
                &[up(1), ours],
                DataDirectory::Other("/var/lib/etcd/postgres".to_owned()),
                "etcd's data directory is not empty: /var/lib/etcd/postgres",
            ),
        ];
        for (members, data, expected) in table {
            // The Node is not asked for.
            let owner = |_: &str| -> NodeOwner { unreachable!() };
            assert_eq!(decided(members, &data, false, owner), expected, "{members:?} {data:?}");
        }
    }

    #[test]
    fn a_member_that_answers_with_errors_counts_as_away() {
        let mut sick = up(2);
        sick.health = Health::Answers(Status { errors: vec!["alarm:NOSPACE".to_owned()], ..Status::default() });
        let text = decided(&[up(1), sick, up(3)], &DataDirectory::Empty, false, same);
        assert!(text.ends_with("not answering: \"cp2\" (2, https://10.0.0.2:2380): alarm:NOSPACE"), "{text}");
        // That there is no leader is not its own trouble, and would not be counted once for each.
        let mut lonely = up(1);
        let errors = vec!["etcdserver: no leader".to_owned()];
        lonely.health = Health::Answers(Status { errors, ..Status::default() });
        let text = decided(&[lonely, down(2), down(3)], &DataDirectory::Empty, false, same);
        assert!(
            text.starts_with("etcd has no quorum: 1 of 3 voters answer, 2 are needed; not answering: \"cp2\""),
            "{text}"
        );
    }
}
