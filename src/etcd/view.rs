//! What is known of a cluster: its members, what each answers, and the arithmetic of that.

use std::fmt;

use super::message::{Member, Status};

/// A cluster, as it is seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its number.
    pub cluster_id: u64,
    /// Its members, in etcd's order.
    pub members: Vec<Seen>,
    /// Why the cluster as a whole has not agreed to this list, which is one member's own then.
    pub unsettled: Option<String>,
}

/// A member, and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub member: Member,
    /// How.
    pub health: Health,
}

/// How a member is, as far as it can be seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It says so itself.
    Answers(Status),
    /// It does not answer, for this reason.
    Silent(String),
}

/// How many have to agree, and how many can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Members that have a vote.
    pub voters: usize,
    /// Those of them that answer, and have nothing wrong with them.
    pub answering: usize,
}

impl View {
    /// Of those that have a vote.
    pub fn quorum(&self) -> Quorum {
        let voters = || self.members.iter().filter(|seen| !seen.member.is_learner);
        Quorum { voters: voters().count(), answering: voters().filter(|seen| seen.problem().is_none()).count() }
    }

    /// The member of this number.
    pub fn member(&self, id: u64) -> Option<&Seen> {
        self.members.iter().find(|seen| seen.member.id == id)
    }

    /// What there is to say about how many members there are, where that is not enough.
    pub fn note(&self) -> Option<&'static str> {
        let is_two = self.quorum().voters == 2;
        is_two.then_some("two voters of etcd tolerate no failure: join a third control plane")
    }

    /// The voters that do not answer, or say that something is wrong, each with the reason; without the members `except`.
    pub(super) fn unhealthy_voters(&self, except: &[u64]) -> Vec<String> {
        let others = self.members.iter().filter(|seen| !seen.member.is_learner && !except.contains(&seen.member.id));
        others.filter_map(|seen| Some(format!("{}: {}", seen.member, seen.problem()?))).collect()
    }
}

/// What a member says of the cluster, and not of itself: it is one of those that could make a quorum.
const NO_LEADER: &str = "etcdserver: no leader";

impl Seen {
    /// What is wrong with it, where something is. A member that answers with errors is not healthy (kubeadm
    /// `util/etcd/etcd.go`), but for [`NO_LEADER`], which would make all of them ill for the lack of one.
    pub fn problem(&self) -> Option<String> {
        match &self.health {
            Health::Silent(why) => Some(why.clone()),
            Health::Answers(status) => {
                let own: Vec<&str> = status.errors.iter().map(String::as_str).filter(|e| *e != NO_LEADER).collect();
                (!own.is_empty()).then(|| own.join(", "))
            }
        }
    }
}

impl Quorum {
    /// How many have to agree: more than half.
    pub fn needed(&self) -> usize {
        self.voters / 2 + 1
    }

    /// Whether there are enough.
    pub fn is_kept(&self) -> bool {
        self.answering >= self.needed()
    }

    /// After one more voter, that answers, has come.
    pub fn with_one_more(&self) -> Quorum {
        Quorum { voters: self.voters + 1, answering: self.answering + 1 }
    }

    /// After a voter that answers has gone.
    pub fn without_answering(&self) -> Quorum {
        Quorum { voters: self.voters.saturating_sub(1), answering: self.answering.saturating_sub(1) }
    }

    /// After a voter that does not answer has gone.
    pub fn without_silent(&self) -> Quorum {
        Quorum { voters: self.voters.saturating_sub(1), answering: self.answering }
    }
}

/// `2 of 3 voters answer, 2 are needed`.
impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, verb) = if self.voters == 1 { ("", "answers") } else { ("s", "answer") };
        let are = if self.needed() == 1 { "is" } else { "are" };
        write!(f, "{} of {} voter{s} {verb}, {} {are} needed", self.answering, self.voters, self.needed())
    }
}

/// `"cp2" (8e9e05c52164694d, https://10.0.0.2:2380)`; the number as etcdctl shows it.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str("a member that has not started")?,
            name => write!(f, "{name:?}")?,
        }
        write!(f, " ({:x}, {})", self.id, self.peer_urls.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_of_votes_is_right_up_to_nine_members() {
        for voters in 1..=9 {
            for answering in 0..=voters {
                let quorum = Quorum { voters, answering };
                assert_eq!(quorum.is_kept(), answering * 2 > voters, "{quorum}");
                // What decide() relies on: neither a learner that becomes a voter nor the removal of a silent voter can cost
                // the quorum.
                if quorum.is_kept() {
                    assert!(quorum.with_one_more().is_kept(), "{quorum}");
                    assert!(answering == voters || quorum.without_silent().is_kept(), "{quorum}");
                }
            }
        }
        assert_eq!(Quorum { voters: 3, answering: 2 }.to_string(), "2 of 3 voters answer, 2 are needed");
        assert_eq!(Quorum { voters: 1, answering: 0 }.to_string(), "0 of 1 voter answers, 1 is needed");
    }
}
