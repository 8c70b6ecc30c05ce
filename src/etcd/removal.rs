//! This machine's member, to be taken out of the cluster: decided before anything is changed, by what the others are left with.

use std::time::Duration;

use super::data_directory::DataDirectory;
use super::endpoints::Etcd;
use super::error::{EtcdError, Meaning};
use super::message::Member;
use super::view::{Quorum, View};
use crate::retry::{Again, Retry};

/// The time that a call of several members may take.
const CALLS: Duration = Duration::from_secs(30);
/// The pause between two looks at a cluster that has not agreed yet.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How this machine's member is told from the others.
#[derive(Clone, Debug, Default)]
pub struct OwnMember<'a> {
    /// By what its data says, which etcd believes more than any flag.
    pub data: Option<&'a DataDirectory>,
    /// Where it has no data: by its peer URL.
    pub peer_url: Option<&'a str>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The cluster has no such member.
    NotAMember,
    /// It is the only one: what it has is the whole cluster.
    Last,
    /// It can be removed.
    Remove {
        /// Which.
        id: u64,
        /// The same, for people.
        member: String,
        /// What the others are left with.
        then: Quorum,
    },
    /// The others would have no quorum, or have none now, without which etcd removes nobody.
    NoQuorum {
        /// Which member.
        member: String,
        /// What there is.
        now: Quorum,
        /// What would be left.
        then: Quorum,
    },
}

/// Decides.
///
/// # Errors
/// It cannot be known: the members do not agree, or the data here is of another cluster.
pub fn decide_removal(view: &View, own: &OwnMember<'_>) -> Result<Removal, EtcdError> {
    if let Some(DataDirectory::Other(path)) = own.data {
        return Err(EtcdError::Members(format!("{path} does not say whose data it is")));
    }
    let is_own = |member: &Member| match own.data {
        Some(DataDirectory::Member { member_id, .. }) => member.id == *member_id,
        _ => own.peer_url.is_some_and(|own| member.peer_urls.iter().any(|url| url == own)),
    };
    if let Some(DataDirectory::Member { cluster_id, .. }) = own.data
        && *cluster_id != view.cluster_id
    {
        let why = format!("the data here is of cluster {cluster_id:x}, and cluster {:x} answers", view.cluster_id);
        return Err(EtcdError::Members(why));
    }
    let seen = view.members.iter().find(|seen| is_own(&seen.member));
    let now = view.quorum();
    // One member's own list may be an old one. What it is good for is to count a quorum that is missing.
    if let Some(why) = view.unsettled.as_ref().filter(|_| seen.is_none() || now.is_kept()) {
        return Err(EtcdError::Unsettled(why.clone()));
    }
    let Some(seen) = seen else { return Ok(Removal::NotAMember) };
    if now.voters == 1 && !seen.member.is_learner {
        return Ok(Removal::Last);
    }
    let then = match (seen.member.is_learner, seen.problem()) {
        (true, _) => now,
        (false, None) => now.without_answering(),
        (false, Some(_)) => now.without_silent(),
    };
    let member = seen.member.to_string();
    match now.is_kept() && then.is_kept() {
        true => Ok(Removal::Remove { id: seen.member.id, member, then }),
        false => Ok(Removal::NoQuorum { member, now, then }),
    }
}

impl Etcd {
    /// What is to be done about this machine's member; only looks. What may pass is waited for.
    ///
    /// # Errors
    /// No member answers, or [`decide_removal`] cannot know, until the wait is over.
    pub fn decide_removal(&mut self, own: &OwnMember<'_>, retry: &Retry) -> Result<Removal, EtcdError> {
        retry.run(|| decide_removal(&self.look(retry)?, own), |_, _| {})
    }

    /// Removes the member, if it can be removed still. That it has gone meanwhile is as good.
    ///
    /// # Errors
    /// As [`decide_removal`](Self::decide_removal).
    pub fn remove_member(&mut self, own: &OwnMember<'_>, retry: &Retry) -> Result<Removal, EtcdError> {
        let mut is_asked = false;
        retry.poll(
            || {
                let removal = decide_removal(&self.look(retry)?, own)?;
                let Removal::Remove { id, .. } = removal else { return Ok(removal) };
                match self.remove(id, retry.exchange_deadline(CALLS)) {
                    Ok(_) => Ok(removal),
                    Err(error) if error.meaning() == Meaning::NoSuchMember => Ok(Removal::NotAMember),
                    // A member that removes itself may not come to say so: the others know.
                    Err(error) if !is_asked => {
                        is_asked = true;
                        Err(Again::not_yet(error, POLL_INTERVAL))
                    }
                    Err(error) => Err(error.into()),
                }
            },
            |_, _| {},
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Status;
    use super::super::view::{Health, Seen};
    use super::*;

    fn seen(id: u64, is_learner: bool, answers: bool) -> Seen {
        let member = Member {
            id,
            name: format!("cp{id}"),
            peer_urls: vec![format!("https://10.0.0.{id}:2380")],
            client_urls: vec![format!("https://10.0.0.{id}:2379")],
            is_learner,
        };
        let health = match answers {
            true => Health::Answers(Status::default()),
            false => Health::Silent("no answer".to_owned()),
        };
        Seen { member, health }
    }

    fn view(members: Vec<Seen>) -> View {
        View { cluster_id: 7, members, unsettled: None }
    }

    fn name(removal: &Removal) -> &'static str {
        match removal {
            Removal::NotAMember => "not a member",
            Removal::Last => "last",
            Removal::Remove { .. } => "remove",
            Removal::NoQuorum { .. } => "no quorum",
        }
    }

    /// A member is removed exactly where a quorum is kept before and after, for every number of members and every health.
    #[test]
    fn the_others_keep_their_quorum() {
        for voters in 1..=7u64 {
            for answering in 0..1u64 << voters {
                let answers = |id: u64| answering >> (id - 1) & 1 == 1;
                let members = (1..=voters).map(|id| seen(id, false, answers(id))).collect();
                let own = OwnMember { data: None, peer_url: Some("https://10.0.0.1:2380") };
                let removal = decide_removal(&view(members), &own).unwrap();
                let now = (1..=voters).filter(|id| answers(*id)).count() * 2 > voters as usize;
                let then = (2..=voters).filter(|id| answers(*id)).count() * 2 > voters as usize - 1;
                let expected = match (voters, now && then) {
                    (1, _) => "last",
                    (_, true) => "remove",
                    (_, false) => "no quorum",
                };
                assert_eq!(name(&removal), expected, "{voters} voters, {answering:b}");
            }
        }
    }

    #[test]
    fn the_data_says_whose_the_member_is() {
        let members = || view(vec![seen(1, false, true), seen(2, false, true), seen(3, true, false)]);
        let data = |cluster_id, member_id| DataDirectory::Member { cluster_id, member_id };
        let decide = |data: Option<&DataDirectory>, peer_url| decide_removal(&members(), &OwnMember { data, peer_url });
        // A learner counts for nothing.
        assert_eq!(name(&decide(Some(&data(7, 3)), None).unwrap()), "remove");
        assert_eq!(name(&decide(Some(&data(7, 1)), None).unwrap()), "remove");
        // Removed before; what the manifest says does not count.
        assert_eq!(name(&decide(Some(&data(7, 9)), Some("https://10.0.0.1:2380")).unwrap()), "not a member");
        assert!(decide(Some(&data(8, 1)), None).is_err());
        assert_eq!(name(&decide(Some(&DataDirectory::Empty), Some("https://10.0.0.2:2380")).unwrap()), "remove");
        assert_eq!(name(&decide(None, Some("https://10.0.0.9:2380")).unwrap()), "not a member");
        assert_eq!(name(&decide(None, None).unwrap()), "not a member");
        let other = DataDirectory::Other("/var/lib/etcd/member/wal/0.wal".to_owned());
        assert!(decide(Some(&other), Some("https://10.0.0.2:2380")).is_err());
        let unsettled = View { unsettled: Some("no leader".to_owned()), ..members() };
        for member in [1, 9] {
            assert!(decide_removal(&unsettled, &OwnMember { data: Some(&data(7, member)), peer_url: None }).is_err());
        }
        // Without a quorum, they cannot agree.
        let members = vec![seen(1, false, true), seen(2, false, false)];
        let divided = View { unsettled: Some("no leader".to_owned()), ..view(members) };
        let first = data(7, 1);
        let own = OwnMember { data: Some(&first), peer_url: None };
        let Removal::NoQuorum { now, then, .. } = decide_removal(&divided, &own).unwrap() else { panic!() };
        assert_eq!(now.to_string(), "1 of 2 voters answer, 2 are needed");
        assert_eq!(then.to_string(), "0 of 1 voter answers, 1 is needed");
    }
}
