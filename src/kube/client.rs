//! A typed client for the requests of a join. Each takes the deadline that it is answered by.

use std::time::{Duration, Instant};

use super::answer::{MAX_OBJECT, decode};
use super::error::KubeError;
use super::types::{CertificateSigningRequest, ConfigMap, Node, Object};
use super::wanted::{CSRS, Wanted, csr_watch_path};
use super::watch::CsrWatch;
use crate::net::http::{Method, Request, Response};
use crate::net::server::Server;
use crate::secret::Secret;
use crate::values::Endpoint;

/// kubeadm's time for one request (`cmd/kubeadm/app/util/kubeconfig/kubeconfig.go`).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// kubeadm's interval between two (`cmd/kubeadm/app/constants/constants.go`, `KubernetesAPICallRetryInterval`).
pub const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A verified server and what we authenticate with.
#[derive(Debug)]
pub struct Client {
    server: Server,
    bearer: Option<Secret>,
    /// An API server has answered as it answers those whom it knows.
    is_known: bool,
}

/// Answers of one round trip, each with a fate of its own; the ConfigMaps in the order asked for.
pub type Answers = (Vec<Result<ConfigMap, KubeError>>, Result<Node, KubeError>);

impl Client {
    /// A client that authenticates with `bearer`, or with whatever the server's configuration presents.
    pub fn new(server: Server, bearer: Option<Secret>) -> Self {
        Client { server, bearer, is_known: false }
    }

    /// Which server.
    pub fn endpoint(&self) -> &Endpoint {
        self.server.endpoint()
    }

    /// The server, to go on with another credential.
    pub fn into_server(self) -> Server {
        self.server
    }

    /// ConfigMaps and a Node in one round trip: what a joining worker asks before it requests its certificate. As the API
    /// server has them in memory, which a fleet is grateful for. Nobody who asks twice could rely on more: what is written a
    /// moment later is missed either way.
    pub fn config_maps_and_node(
        &mut self,
        config_maps: &[Wanted],
        node: &Wanted,
        deadline: Instant,
    ) -> Result<Answers, KubeError> {
        let get = |wanted: &Wanted| self.request(Method::Get, &wanted.cached_path(), None);
        let requests: Vec<_> = config_maps.iter().chain([node]).map(get).collect();
        let first = config_maps.first().unwrap_or(node);
        let answers = self.server.exchange(&requests, None, MAX_OBJECT, deadline);
        let mut answers = answers.map_err(|e| KubeError::net(first, e))?;
        // `exchange` returns as many answers as there were requests; the Node's was the last.
        let Some(last) = answers.pop() else { return Err(KubeError::no_answer(node)) };
        let config_maps = config_maps.iter().zip(&answers);
        Ok((config_maps.map(|(wanted, answer)| self.read(wanted, answer)).collect(), self.read(node, &last)))
    }

    /// Gives a Node an annotation.
    pub fn annotate(&mut self, node: &Wanted, name: &str, value: &str, deadline: Instant) -> Result<(), KubeError> {
        let body = serde_json::json!({ "metadata": { "annotations": { name: value } } }).to_string().into_bytes();
        let request = self.request(Method::Patch, node.path(), Some(body));
        self.one::<Node>(node, request, None, deadline).map(drop)
    }

    /// Reads a ConfigMap.
    pub fn config_map(&mut self, wanted: &Wanted, deadline: Instant) -> Result<ConfigMap, KubeError> {
        self.one(wanted, self.get(wanted), None, deadline)
    }

    /// Reads a Node.
    pub fn node(&mut self, wanted: &Wanted, deadline: Instant) -> Result<Node, KubeError> {
        self.one(wanted, self.get(wanted), None, deadline)
    }

    /// Reads a certificate signing request.
    pub fn csr(&mut self, name: &str, deadline: Instant) -> Result<CertificateSigningRequest, KubeError> {
        let wanted = Wanted::csr(name);
        self.one(&wanted, self.get(&wanted), None, deadline)
    }

    /// Creates a certificate signing request and asks to watch it for at most `watch` in the same round trip; the watch's
    /// answer is left for [`watch_csr`](Self::watch_csr).
    pub fn create_csr(
        &mut self,
        name: &str,
        body: Vec<u8>,
        watch: Duration,
        deadline: Instant,
    ) -> Result<CertificateSigningRequest, KubeError> {
        let post = self.request(Method::Post, CSRS, Some(body));
        let ahead = self.request(Method::Get, &csr_watch_path(name, watch), None);
        self.one(&Wanted::csr(name), post, Some(&ahead), deadline)
    }

    /// Watches a certificate signing request: the server ends that after `watch`, the deadline where it does not. The first
    /// event may already be the last one.
    pub fn watch_csr(&mut self, name: &str, watch: Duration, deadline: Instant) -> Result<CsrWatch<'_>, KubeError> {
        let (wanted, is_known) = (Wanted::csr(name), self.is_known);
        let request = self.request(Method::Get, &csr_watch_path(name, watch), None);
        let bearer = self.bearer.clone();
        // A server says at once that it watches, or why it does not.
        let head = Instant::now().checked_add(REQUEST_TIMEOUT).map_or(deadline, |end| end.min(deadline));
        let streaming = self.server.stream(&request, head).map_err(|e| KubeError::net(&wanted, e))?;
        CsrWatch::new(wanted, streaming, bearer, deadline).map_err(|error| error.for_one_who_was(is_known))
    }

    /// One request and its answer.
    pub(super) fn one<T: Object>(
        &mut self,
        wanted: &Wanted,
        request: Request,
        ahead: Option<&Request>,
        deadline: Instant,
    ) -> Result<T, KubeError> {
        let answers = self.server.exchange(&[request], ahead, MAX_OBJECT, deadline);
        match answers.map_err(|e| KubeError::net(wanted, e))?.first() {
            Some(answer) => self.read(wanted, answer),
            None => Err(KubeError::no_answer(wanted)),
        }
    }

    /// Takes an answer for what it is, also about whether the credential is known.
    fn read<T: Object>(&mut self, wanted: &Wanted, answer: &Response) -> Result<T, KubeError> {
        let read = decode(wanted, answer, self.bearer.as_ref()).map_err(|error| error.for_one_who_was(self.is_known));
        self.is_known |= match &read {
            Ok(_) => true,
            Err(error) => error.is_to_one_who_is_known(),
        };
        read
    }

    pub(super) fn get(&self, wanted: &Wanted) -> Request {
        self.request(Method::Get, wanted.path(), None)
    }

    /// The answer to one request, whatever its status.
    pub(super) fn answer(
        &mut self,
        wanted: &Wanted,
        request: Request,
        deadline: Instant,
    ) -> Result<Response, KubeError> {
        let answers = self.server.exchange(&[request], None, MAX_OBJECT, deadline);
        answers.map_err(|e| KubeError::net(wanted, e))?.pop().ok_or_else(|| KubeError::no_answer(wanted))
    }

    pub(super) fn request(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Request {
        Request { method, path: path.to_owned(), bearer: self.bearer.clone(), body }
    }
}
