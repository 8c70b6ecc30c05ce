//! Calls of one member.

use std::time::{Duration, Instant};

use super::error::EtcdError;
use super::message::add_learner_request;
use super::message::{MemberList, Status, id_request, list_request, member_list, status};
use crate::clock::Clock;
use crate::grpc::{Connection, GrpcError, Scheme};
use crate::net::dial::Dialer;
use crate::net::error::{NetError, Stage};
use crate::net::route::Route;
use crate::net::stream::Stream;
use crate::net::tls::{self, TlsConfig, TrustRoots};
use crate::pki::identity::ClientIdentity;
use crate::values::Endpoint;

/// Connecting, and being told something. kubeadm takes 2 s (`util/etcd/etcd.go`), which a board whose disk is busy may exceed.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// A change is given longer than etcd itself gives it: 5 s and two election time-outs, 7 s by default (etcd
/// `server/config/config.go`, `ReqTimeout`). What it says after that counts more than that nobody has waited for it.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// What members are verified by, and what we are known to them by. They are connected to directly: a member that can be
/// reached through a proxy only could not be one of the same cluster as this machine's.
#[derive(Clone, Debug)]
pub struct Access {
    config: TlsConfig,
}

impl Access {
    /// `roots` are `etcd/ca.crt`, `identity` is `etcd/healthcheck-client.crt` with its key.
    ///
    /// # Errors
    /// TLS has no use for the identity.
    pub fn new(roots: &TrustRoots, identity: &ClientIdentity, clock: Clock) -> Result<Self, EtcdError> {
        let config = tls::strict(roots, clock, Some(identity)).map_err(EtcdError::Identity)?;
        Ok(Access { config: config.speaking_http2() })
    }
}

/// A member at one of its client URLs, connected when it is first called.
#[derive(Debug)]
pub(super) struct Client {
    dialer: Dialer,
    config: TlsConfig,
    open: Option<(Route, Connection<Stream>)>,
}

impl Client {
    pub(super) fn new(access: &Access, endpoint: Endpoint) -> Self {
        Client { dialer: Dialer::direct(endpoint), config: access.config.clone(), open: None }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.dialer.route().endpoint()
    }

    pub(super) fn list(&mut self, linearizable: bool, until: Instant) -> Result<MemberList, EtcdError> {
        self.members("MemberList", &list_request(linearizable), LOOK_TIMEOUT, until)
    }

    pub(super) fn add_learner(&mut self, peer_url: &str, until: Instant) -> Result<MemberList, EtcdError> {
        self.members("MemberAdd", &add_learner_request(peer_url), CHANGE_TIMEOUT, until)
    }

    pub(super) fn promote(&mut self, id: u64, until: Instant) -> Result<MemberList, EtcdError> {
        self.members("MemberPromote", &id_request(id), CHANGE_TIMEOUT, until)
    }

    pub(super) fn remove(&mut self, id: u64, until: Instant) -> Result<MemberList, EtcdError> {
        self.members("MemberRemove", &id_request(id), CHANGE_TIMEOUT, until)
    }

    pub(super) fn status(&mut self, until: Instant) -> Result<Status, EtcdError> {
        let answer = self.call("Maintenance", "Status", &[], LOOK_TIMEOUT, until)?;
        status(&answer).ok_or_else(|| self.unexpected("Status"))
    }

    fn members(
        &mut self,
        method: &'static str,
        message: &[u8],
        timeout: Duration,
        until: Instant,
    ) -> Result<MemberList, EtcdError> {
        let answer = self.call("Cluster", method, message, timeout, until)?;
        let number = if method == "MemberAdd" { 3 } else { 2 };
        member_list(&answer, number).ok_or_else(|| self.unexpected(method))
    }

    /// A call within `timeout`, and not beyond `until`. A connection that was closed while nothing was asked is replaced,
    /// once: what is asked of etcd here may be asked twice.
    fn call(
        &mut self,
        service: &str,
        method: &'static str,
        message: &[u8],
        timeout: Duration,
        until: Instant,
    ) -> Result<Vec<u8>, EtcdError> {
        let path = format!("/etcdserverpb.{service}/{method}");
        let deadline = until.min(Instant::now() + timeout);
        let mut was_open = self.open.is_some();
        loop {
            let (route, mut connection) = match self.open.take() {
                Some(open) => open,
                None => {
                    let connecting = deadline.min(Instant::now() + LOOK_TIMEOUT);
                    let (route, stream) = self.dialer.open(&self.config, connecting).map_err(EtcdError::Net)?;
                    let authority = route.endpoint().to_string();
                    (route, Connection::new(stream, Scheme::Https, &authority))
                }
            };
            connection.stream_mut().set_deadline(deadline);
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match connection.call(&path, message, left) {
                Ok(answer) => {
                    self.open = Some((route, connection));
                    return Ok(answer);
                }
                Err(error) => error,
            };
            match error {
                GrpcError::Closed | GrpcError::GoingAway(_) if was_open => was_open = false,
                // What TLS has to say may come after the handshake.
                GrpcError::Io(error) => {
                    return Err(EtcdError::Net(NetError::new(&route, tls::cause_of_io(&error, Stage::Head))));
                }
                GrpcError::Status { .. } => {
                    let endpoint = self.endpoint().clone();
                    self.open = Some((route, connection));
                    return Err(EtcdError::Call { endpoint, method, error });
                }
                error => return Err(EtcdError::Call { endpoint: self.endpoint().clone(), method, error }),
            }
        }
    }

    fn unexpected(&self, method: &'static str) -> EtcdError {
        let error = GrpcError::Protocol("no such message");
        EtcdError::Call { endpoint: self.endpoint().clone(), method, error }
    }
}
