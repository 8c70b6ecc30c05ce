//! Calls of whichever member can answer them.

use std::time::{Duration, Instant};

use super::client::{Access, Client};
use super::error::{EtcdError, Meaning};
use super::message::{Member, MemberList, Status};
use super::view::{Health, Seen, View};
use crate::retry::Retry;
use crate::values::{Endpoint, Url};

/// A cluster that is reached by any of its members.
#[derive(Debug)]
pub struct Etcd {
    access: Access,
    /// Of voters, as far as is known; the one that has answered last comes first.
    clients: Vec<Client>,
}

impl Etcd {
    /// `client_urls` are those of the annotation `kubeadm.kubernetes.io/etcd.advertise-client-urls` of etcd's Pods, each a
    /// list with commas. What is no `https://` URL is ignored: kubeadm makes none.
    ///
    /// # Errors
    /// [`EtcdError::NoEndpoint`].
    pub fn new<'u>(access: Access, client_urls: impl IntoIterator<Item = &'u str>) -> Result<Self, EtcdError> {
        let mut clients: Vec<Client> = Vec::new();
        for endpoint in client_urls.into_iter().flat_map(|urls| urls.split(',')).filter_map(endpoint) {
            if !clients.iter().any(|client| *client.endpoint() == endpoint) {
                clients.push(Client::new(&access, endpoint));
            }
        }
        if clients.is_empty() { Err(EtcdError::NoEndpoint) } else { Ok(Etcd { access, clients }) }
    }

    /// Looks at the cluster: its members, and how each is. Where it does not agree on a list, that of one member is taken, and
    /// [`View::unsettled`] says why. Only looks.
    ///
    /// # Errors
    /// No member answers, until the wait is over.
    pub fn view(&mut self, retry: &Retry) -> Result<View, EtcdError> {
        retry.run(|| self.look(retry), |_, _| {})
    }

    /// The same, once.
    pub(super) fn look(&mut self, retry: &Retry) -> Result<View, EtcdError> {
        let until = retry.exchange_deadline(WHOLE_LOOK);
        let (list, unsettled) = match self.list(until) {
            Ok(list) => (list, None),
            Err(error) if error.is_answer() => {
                let until = retry.exchange_deadline(WHOLE_LOOK);
                (self.ask(|client| client.list(false, until))?, Some(error.to_string()))
            }
            Err(error) => return Err(error),
        };
        let MemberList { cluster_id, members } = list;
        let see = |member| {
            let until = retry.exchange_deadline(WHOLE_LOOK);
            Seen { health: self.health(&member, cluster_id, until), member }
        };
        Ok(View { cluster_id, members: members.into_iter().map(see).collect(), unsettled })
    }

    /// The members that the cluster agrees on. Whoever is one that can be asked, is asked from now on.
    pub(super) fn list(&mut self, until: Instant) -> Result<MemberList, EtcdError> {
        let list = self.ask(|client| client.list(true, until))?;
        self.keep_voters(&list.members);
        Ok(list)
    }

    pub(super) fn add_learner(&mut self, peer_url: &str, until: Instant) -> Result<MemberList, EtcdError> {
        self.ask(|client| client.add_learner(peer_url, until))
    }

    /// Asks voters, never the learner itself.
    pub(super) fn promote(&mut self, id: u64, until: Instant) -> Result<MemberList, EtcdError> {
        self.ask(|client| client.promote(id, until))
    }

    pub(super) fn remove(&mut self, id: u64, until: Instant) -> Result<MemberList, EtcdError> {
        self.ask(|client| client.remove(id, until))
    }

    /// What any voter says of itself.
    pub(super) fn status_of_any(&mut self, until: Instant) -> Result<Status, EtcdError> {
        self.ask(|client| client.status(until))
    }

    /// A member's own client, which is none of those that are asked for anything else.
    pub(super) fn client(&self, url: &str) -> Option<Client> {
        Some(Client::new(&self.access, endpoint(url)?))
    }

    /// Asks one member after the other, until one answers for the cluster.
    fn ask<T>(&mut self, mut call: impl FnMut(&mut Client) -> Result<T, EtcdError>) -> Result<T, EtcdError> {
        let mut errors = Vec::new();
        for at in 0..self.clients.len() {
            match call(&mut self.clients[at]) {
                Err(error) if error.meaning() == Meaning::AskAnother => errors.push(error),
                result => {
                    self.clients[..=at].rotate_right(1);
                    return result;
                }
            }
        }
        match errors.len() {
            1 => Err(errors.remove(0)),
            _ => Err(EtcdError::Unreachable(errors)),
        }
    }

    /// From now on asks the members that can answer: those that have started and have a vote (client-go of etcd,
    /// `client/v3/client.go`, `Sync`). Where none of them can be asked, the old ones stay.
    fn keep_voters(&mut self, members: &[Member]) {
        let voters = members.iter().filter(|member| !member.name.is_empty() && !member.is_learner);
        let endpoints: Vec<_> = voters.flat_map(|member| &member.client_urls).filter_map(|url| endpoint(url)).collect();
        if endpoints.is_empty() {
            return;
        }
        self.clients.retain(|client| endpoints.contains(client.endpoint()));
        for endpoint in endpoints {
            if !self.clients.iter().any(|client| *client.endpoint() == endpoint) {
                self.clients.push(Client::new(&self.access, endpoint));
            }
        }
    }

    /// How a member is: asked at each of its client URLs, until one answers.
    fn health(&mut self, member: &Member, cluster_id: u64, until: Instant) -> Health {
        let mut why =
            if member.name.is_empty() { "it has not started" } else { "it has no https:// client URL" }.to_owned();
        for endpoint in member.client_urls.iter().filter_map(|url| endpoint(url)) {
            let known = self.clients.iter_mut().find(|client| *client.endpoint() == endpoint);
            let status = match known {
                Some(client) => client.status(until),
                None => Client::new(&self.access, endpoint).status(until),
            };
            match status {
                Ok(status) if status.cluster_id != cluster_id => {
                    why = format!("it is of another cluster, {:x}", status.cluster_id);
                }
                Ok(status) if status.member_id != member.id => {
                    why = format!("another member answers there, {:x}", status.member_id);
                }
                Ok(status) => return Health::Answers(status),
                Err(error) => why = error.to_string(),
            }
        }
        Health::Silent(why)
    }
}

/// A member that hangs is not waited for longer than for itself; all of them together not longer than this.
const WHOLE_LOOK: Duration = Duration::from_secs(60);

/// Where a client URL leads.
fn endpoint(url: &str) -> Option<Endpoint> {
    let url: Url = url.trim().parse().ok()?;
    Some(url.endpoint().clone())
}
