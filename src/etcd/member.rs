//! This machine as a member: added, and made a voter.

use std::time::{Duration, Instant};

use super::decision::{Decision, Ours, Refusal, decide};
use super::endpoints::Etcd;
use super::error::{EtcdError, Meaning};
use super::message::Member;
use super::progress::{Patience, Progress};
use super::view::{Quorum, Seen, View};
use crate::error::Explain;
use crate::retry::{Again, FOR_EVER, Grace, Retry};

/// kubeadm's interval between two attempts (`cmd/kubeadm/app/constants/constants.go`, `EtcdAPICallRetryInterval`).
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The time that a call of several members may take.
const CALLS: Duration = Duration::from_secs(30);
/// How often a wait is spoken of that has nothing new to say.
const REMINDER: Duration = Duration::from_secs(30);

/// This machine's member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its number.
    pub id: u64,
    /// It has no vote yet.
    pub is_learner: bool,
    /// What was done about it: the first thing, where there were two.
    pub decision: Decision,
    /// Names and peer URLs for `--initial-cluster`, in etcd's order, this machine's own among them. A member that has no name
    /// yet, or one that is no name, is called by its number.
    pub initial_cluster: Vec<(String, String)>,
}

impl Etcd {
    /// Sees to it that this machine is a member, as [`decide`] says. Run again after any interruption, it ends in the same.
    ///
    /// What may pass (a member that is starting, another machine's learner) is waited for; `report` hears of it, and of every
    /// change before it is made.
    ///
    /// # Errors
    /// It is refused, or not possible until the wait is over.
    pub fn ensure_member(
        &mut self,
        ours: &Ours<'_>,
        retry: &Retry,
        report: &mut dyn FnMut(&str),
    ) -> Result<Membership, EtcdError> {
        let began = Instant::now();
        let mut report = Reminder::new(report);
        let mut first = None;
        let mut is_added = false;
        retry.poll(
            || {
                let view = self.look(retry)?;
                let decision = match decide(&view, ours) {
                    // What has been added a moment ago cannot have started since.
                    Decision::Replace(id) if is_added && is_unnamed(&view, id) => Decision::TakeOver(id),
                    decision => decision,
                };
                // One member's own list may be an old one. What it is good for is to bring back a quorum, or to count it.
                let stands = matches!(decision, Decision::Resume(_) | Decision::Refuse(Refusal::NoQuorum { .. }));
                if let Some(why) = view.unsettled.as_ref().filter(|_| !stands) {
                    return Err(EtcdError::Unsettled(why.clone()).into());
                }
                let first = &*first.get_or_insert_with(|| decision.clone());
                match decision {
                    Decision::Resume(id) | Decision::TakeOver(id) => {
                        let members = view.members.iter().map(|seen| &seen.member);
                        Ok(membership(members, id, ours.name, first)?)
                    }
                    Decision::Refuse(refusal) => {
                        let may_pass = refusal.may_pass();
                        let error = EtcdError::Refused(refusal);
                        if !may_pass {
                            return Err(error.into());
                        }
                        report.say(&error.to_string());
                        Err(Again::not_yet(error, POLL_INTERVAL * 4))
                    }
                    Decision::Replace(id) => {
                        report.say(&format!("removing {}", removal(&view, id)));
                        match self.remove(id, retry.exchange_deadline(CALLS)) {
                            Err(error) if error.meaning() != Meaning::NoSuchMember => Err(error.into()),
                            _ => Err(Again::not_yet(EtcdError::MemberRemoved(id), Duration::ZERO)),
                        }
                    }
                    Decision::Add => {
                        if !is_added {
                            report.say(&format!("adding a learner at {}", ours.peer_url));
                        }
                        is_added = true;
                        match self.add_learner(ours.peer_url, retry.exchange_deadline(CALLS)) {
                            Ok(list) => {
                                let id = list.members.iter().find(|member| member.peer_urls == [ours.peer_url]);
                                let id = id.map_or(0, |member| member.id);
                                Ok(membership(list.members.iter(), id, ours.name, first)?)
                            }
                            Err(error) => match error.meaning() {
                                // Also of a member that was removed in this second: the new one would have its number.
                                Meaning::AlreadyThere | Meaning::NoSuchMember => {
                                    Err(Again::not_yet(EtcdError::Unsettled(error.to_string()), POLL_INTERVAL))
                                }
                                Meaning::TooManyLearners => {
                                    let learners = view.members.iter().filter(|seen| seen.member.is_learner);
                                    let learners = learners.map(|seen| seen.member.to_string()).collect();
                                    let error = EtcdError::LearnerInTheWay { learners, seen_for: began.elapsed() };
                                    report.say(&error.to_string());
                                    Err(Again::not_yet(error, POLL_INTERVAL * 2))
                                }
                                _ => Err(error.into()),
                            },
                        }
                    }
                }
            },
            |_, _| {},
        )
    }

    /// Makes a voter of this machine's member, at `client_url`, once it has got the cluster's data. One that is a voter is left
    /// alone. Waited for is as long as something moves; see [`Patience`].
    ///
    /// # Errors
    /// It stands still, or has been removed.
    pub fn promote_member(
        &mut self,
        id: u64,
        client_url: &str,
        patience: Patience,
        report: &mut dyn FnMut(&str),
    ) -> Result<(), EtcdError> {
        let mut learner = self.client(client_url).ok_or(EtcdError::NoEndpoint)?;
        let mut report = Reminder::new(report);
        let mut progress = Progress::new(patience, Instant::now());
        let mut committed = 0;
        let ended = Retry::every(POLL_INTERVAL, FOR_EVER).poll(
            || {
                let until = Instant::now() + CALLS;
                let mut attempt = || {
                    let list = self.list(until)?;
                    match list.members.iter().find(|member| member.id == id) {
                        None => return Ok(Err(EtcdError::MemberRemoved(id))),
                        Some(member) if !member.is_learner => return Ok(Ok(())),
                        Some(_) => {}
                    }
                    let voters = list.members.iter().filter(|member| !member.is_learner).count() + 1;
                    committed = self.status_of_any(until)?.raft_index;
                    let applied = learner.status(until)?.raft_applied_index;
                    if !progress.observe(applied, committed, Instant::now()) {
                        report.say(&format!("waiting for etcd on this machine: entry {applied} of {committed}"));
                        return Err(EtcdError::Unsettled(String::new()));
                    }
                    let needed = Quorum { voters, answering: 0 }.needed();
                    report
                        .say(&format!("making a voter of this machine's etcd; of {voters}, {needed} are needed then"));
                    self.promote(id, until).map(|_| Ok(()))
                };
                let error = match attempt() {
                    Ok(ended) => return Ok(ended),
                    Err(error) => error,
                };
                match error.meaning() {
                    Meaning::NotALearner => return Ok(Ok(())),
                    Meaning::NoSuchMember => return Ok(Err(EtcdError::MemberRemoved(id))),
                    Meaning::NotInSync => {}
                    _ if error.may_retry() => {}
                    _ => return Ok(Err(error)),
                }
                let last = match &error {
                    EtcdError::Unsettled(_) => None,
                    error => Some(error.to_string()),
                };
                if let Some(still) = progress.stands_still(Instant::now()) {
                    let applied = progress.applied();
                    return Ok(Err(EtcdError::LearnerStalled { applied, committed, still, last }));
                }
                last.iter().for_each(|last| report.say(&format!("waiting for etcd on this machine: {last}")));
                Err(Again::not_yet(error, POLL_INTERVAL))
            },
            |_, _| {},
        );
        ended?
    }

    /// Waits until the cluster has a quorum, and the member is one of those that make it.
    ///
    /// # Errors
    /// It has none until the wait is over, with the arithmetic.
    pub fn wait_available(&mut self, id: u64, retry: &Retry) -> Result<View, EtcdError> {
        retry.poll(
            || {
                let view = self.look(retry)?;
                let quorum = view.quorum();
                let problem = view.member(id).map_or(Some("it is none of the members".to_owned()), Seen::problem);
                match view.unsettled.clone().or(problem) {
                    _ if !quorum.is_kept() => {
                        let silent = view.unhealthy_voters(&[]);
                        let error = EtcdError::Refused(Refusal::NoQuorum { quorum, silent });
                        Err(Again::not_yet(error, POLL_INTERVAL * 4))
                    }
                    None => Ok(view),
                    Some(why) => Err(EtcdError::Unsettled(why).into()),
                }
            },
            |_, _| {},
        )
    }
}

fn is_unnamed(view: &View, id: u64) -> bool {
    view.member(id).is_some_and(|seen| seen.member.name.is_empty())
}

/// A removal, and what it does to the quorum.
fn removal(view: &View, id: u64) -> String {
    let Some(seen) = view.member(id) else { return String::new() };
    let quorum = if seen.member.is_learner { view.quorum() } else { view.quorum().without_silent() };
    format!("{}, which an earlier join has added for this machine; then {quorum}", seen.member)
}

fn membership<'m>(
    members: impl Iterator<Item = &'m Member> + Clone,
    id: u64,
    name: &str,
    decision: &Decision,
) -> Result<Membership, EtcdError> {
    let own = members.clone().find(|member| member.id == id);
    let own = own.ok_or_else(|| EtcdError::Members(format!("{id:x} is not among them")))?;
    let mut initial_cluster: Vec<(String, String)> = Vec::new();
    for member in members {
        // etcd takes names with anything in them, and a list with `=` and commas only where they belong.
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' && byte != b'=')
        };
        let is_free = |initial_cluster: &[(String, String)]| {
            member.name != name && initial_cluster.iter().all(|(other, _)| *other != member.name)
        };
        let shown = match member {
            own if own.id == id => name.to_owned(),
            other if is_name(&other.name) && is_free(&initial_cluster) => other.name.clone(),
            other => format!("{:x}", other.id),
        };
        // Every peer URL of a member has to be there, where kubeadm takes the first one (etcd
        // `server/etcdserver/api/membership/cluster.go`, `ValidateClusterAndAssignIDs`).
        for url in &member.peer_urls {
            if !is_name(url) {
                return Err(EtcdError::Members(format!("{member} has no peer URL")));
            }
            initial_cluster.push((shown.clone(), url.clone()));
        }
    }
    Ok(Membership { id, is_learner: own.is_learner, decision: decision.clone(), initial_cluster })
}

/// Says what is new, and what stays the same once in a while.
struct Reminder<'r> {
    report: &'r mut dyn FnMut(&str),
    last: String,
    rest: Grace,
}

impl<'r> Reminder<'r> {
    fn new(report: &'r mut dyn FnMut(&str)) -> Self {
        Reminder { report, last: String::new(), rest: Grace::new(Duration::ZERO) }
    }

    /// Says a text that differs from the one before in more than numbers, or when it is time.
    fn say(&mut self, text: &str) {
        let plain: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        if plain != self.last || self.rest.is_over() {
            (self.report)(text);
            self.last = plain;
            self.rest = Grace::new(REMINDER);
        }
    }
}
