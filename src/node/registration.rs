//! Beyond kubeadm: whether the kubelet has registered its Node, asked with the node's own new certificate, which shows that
//! that works, too.

use std::fmt;
use std::time::Duration;

use crate::discovery::ClusterInfo;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kube::client::{Client, REQUEST_TIMEOUT, RETRY_INTERVAL};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::wanted::Wanted;
use crate::net::dial::Dialer;
use crate::net::error::NetError;
use crate::net::server::Server;
use crate::pki::identity::ClientIdentity;
use crate::plan::Access;
use crate::retry::Retry;
use crate::tls_bootstrap::Credentials;
use crate::values::NodeName;

/// Why it is not known that the Node is registered.
#[derive(Clone, PartialEq, Eq)]
pub enum NotRegistered {
    /// No connection can be made with the new certificate.
    Identity(NetError),
    /// The Node is not there, or the API server does not say.
    Node(KubeError),
}

/// A Node that its kubelet has registered, and a client that may write to it.
#[derive(Debug)]
pub struct Registered {
    client: Client,
    node: Wanted,
    retry: Retry,
}

impl Registered {
    /// Waits until the Node is there. That it is not is no reason to end; that it may not be read is.
    ///
    /// # Errors
    /// It has not appeared within `wait`, or the API server does not let its own node look.
    pub fn wait(
        access: &Access,
        node: &NodeName,
        wait: Duration,
        info: &ClusterInfo,
        credentials: &Credentials,
    ) -> Result<Self, NotRegistered> {
        let identity = ClientIdentity::of_key(credentials.chain(), credentials.key());
        let server = Dialer::new(info.endpoint().clone(), &access.proxies)
            .and_then(|dialer| Server::new(dialer, info.roots(), info.clock(), Some(&identity)))
            .map_err(NotRegistered::Identity)?;
        let mut client = Client::new(server, None);
        let node = Wanted::node(node.as_str());
        let retry = Retry::every(RETRY_INTERVAL, wait);
        retry.run(
            || client.node(&node, retry.exchange_deadline(REQUEST_TIMEOUT)).map_err(NotRegistered::Node),
            |_, _| {},
        )?;
        Ok(Registered { client, node, retry })
    }

    /// Gives it an annotation, within the same wait.
    ///
    /// # Errors
    /// The API server refuses, or cannot answer in time.
    pub fn annotate(&mut self, name: &str, value: &str) -> Result<(), KubeError> {
        let Registered { client, node, retry } = self;
        retry.run(|| client.annotate(node, name, value, retry.exchange_deadline(REQUEST_TIMEOUT)), |_, _| {})
    }
}

/// Whether the API server knows this node by its certificate.
///
/// # Errors
/// No connection can be made with it, or the API server refuses it. That there is no Node yet is none.
pub fn knows_node(
    access: &Access,
    node: &NodeName,
    info: &ClusterInfo,
    identity: Option<&ClientIdentity>,
    retry: Retry,
) -> Result<(), NotRegistered> {
    let server = Dialer::new(info.endpoint().clone(), &access.proxies)
        .and_then(|dialer| Server::new(dialer, info.roots(), info.clock(), identity))
        .map_err(NotRegistered::Identity)?;
    match Client::new(server, None).node(&Wanted::node(node.as_str()), retry.exchange_deadline(REQUEST_TIMEOUT)) {
        Ok(_) | Err(KubeError { cause: KubeCause::NotFound { .. }, .. }) => Ok(()),
        Err(error) => Err(NotRegistered::Node(error)),
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl fmt::Display for NotRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRegistered::Identity(error) => error.fmt(f),
            NotRegistered::Node(error) => error.fmt(f),
        }
    }
}

debug_as_display!(NotRegistered);

impl std::error::Error for NotRegistered {}

impl Explain for NotRegistered {
    fn code(&self) -> &'static Code {
        &codes::KUBELET_NOT_REGISTERED
    }

    /// A Node that is not found has not been registered yet.
    fn may_retry(&self) -> bool {
        match self {
            NotRegistered::Identity(_) => false,
            NotRegistered::Node(KubeError { cause: KubeCause::NotFound { .. }, .. }) => true,
            NotRegistered::Node(error) => error.may_retry(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            NotRegistered::Identity(_) => None,
            NotRegistered::Node(error) => error.retry_after(),
        }
    }
}
