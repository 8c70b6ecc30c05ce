//! A typed client for the requests of a join.

use std::time::{Duration, Instant};

use super::error::{KubeCause, KubeError};
use super::types::{CertificateSigningRequest, ConfigMap, Node, Object, Status, TypeMeta, WatchEvent};
use crate::net::error::NetError;
use crate::net::http::{Method, Request, Response, Streaming};
use crate::net::server::Server;
use crate::secret::Secret;
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// kubeadm's time for one request (`cmd/kubeadm/app/util/kubeconfig/kubeconfig.go`).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest object that is read, in bytes; etcd's own default limit for a request is 1.5 MiB.
pub const MAX_OBJECT: usize = 1536 * 1024;
/// Collection of certificate signing requests.
const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// A verified server and what we authenticate with.
#[derive(Debug)]
pub struct Client {
    server: Server,
    bearer: Option<Secret>,
}

/// Answers of one round trip, each with a fate of its own; the ConfigMaps in the order asked for.
pub type Answers = (Vec<Result<ConfigMap, KubeError>>, Result<Node, KubeError>);

/// One object that can be read.
#[derive(Clone, Debug)]
pub struct Wanted {
    path: String,
    object: String,
}

impl Wanted {
    /// A ConfigMap.
    pub fn config_map(namespace: &str, name: &str) -> Self {
        Wanted {
            path: format!("/api/v1/namespaces/{namespace}/configmaps/{name}"),
            object: format!("ConfigMap {namespace}/{name}"),
        }
    }

    /// A Node.
    pub fn node(name: &str) -> Self {
        Wanted { path: format!("/api/v1/nodes/{name}"), object: format!("Node {name}") }
    }

    fn csr(name: &str) -> Self {
        Wanted { path: format!("{CSRS}/{name}"), object: csr_object(name) }
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.path
    }
}

fn csr_object(name: &str) -> String {
    format!("CertificateSigningRequest {name}")
}

impl Client {
    /// A client that authenticates with `bearer`, or with whatever the server's configuration presents.
    pub fn new(server: Server, bearer: Option<Secret>) -> Self {
        Client { server, bearer }
    }

    /// Which server.
    pub fn endpoint(&self) -> &Endpoint {
        self.server.endpoint()
    }

    /// The server, to go on with as somebody else.
    pub fn into_server(self) -> Server {
        self.server
    }

    /// ConfigMaps and a Node in one round trip: what a joining worker asks before it requests its certificate.
    pub fn config_maps_and_node(&mut self, config_maps: &[Wanted], node: &Wanted) -> Result<Answers, KubeError> {
        let requests: Vec<_> = config_maps.iter().chain([node]).map(|wanted| self.get(wanted)).collect();
        let first = config_maps.first().unwrap_or(node);
        let answers = self.server.exchange(&requests, None, MAX_OBJECT, deadline());
        let mut answers = answers.map_err(|e| net(&first.object, e))?;
        // `exchange` returns as many answers as there were requests; the Node's was the last.
        let Some(last) = answers.pop() else { return Err(not_the_object(&node.object, "no answer")) };
        let bearer = self.bearer.as_ref();
        let config_maps =
            config_maps.iter().zip(&answers).map(|(wanted, answer)| decode(&wanted.object, answer, bearer));
        Ok((config_maps.collect(), decode(&node.object, &last, bearer)))
    }

    /// Gives a Node an annotation.
    pub fn annotate(&mut self, node: &Wanted, name: &str, value: &str) -> Result<(), KubeError> {
        let body = serde_json::json!({ "metadata": { "annotations": { name: value } } }).to_string().into_bytes();
        let (path, bearer) = (node.path.clone(), self.bearer.clone());
        let request = Request { method: Method::Patch, path, bearer, body: Some(body) };
        let answers = self.server.exchange(&[request], None, MAX_OBJECT, deadline());
        match answers.map_err(|e| net(&node.object, e))?.first() {
            Some(answer) => decode::<Node>(&node.object, answer, self.bearer.as_ref()).map(drop),
            None => Err(not_the_object(&node.object, "no answer")),
        }
    }

    /// Reads a ConfigMap.
    pub fn config_map(&mut self, wanted: &Wanted) -> Result<ConfigMap, KubeError> {
        self.read(wanted)
    }

    /// Reads a Node.
    pub fn node(&mut self, wanted: &Wanted) -> Result<Node, KubeError> {
        self.read(wanted)
    }

    /// Reads a request.
    pub fn csr(&mut self, name: &str) -> Result<CertificateSigningRequest, KubeError> {
        self.read(&Wanted::csr(name))
    }

    /// Creates a request and asks to watch it in the same round trip; the watch's answer is left for [`watch_csr`](Self::watch_csr).
    pub fn create_csr(
        &mut self,
        name: &str,
        body: Vec<u8>,
        watch: Duration,
    ) -> Result<CertificateSigningRequest, KubeError> {
        let object = csr_object(name);
        let post =
            Request { method: Method::Post, path: CSRS.to_owned(), bearer: self.bearer.clone(), body: Some(body) };
        let ahead = self.watch_request(name, watch);
        let answers = self.server.exchange(&[post], Some(&ahead), MAX_OBJECT, deadline());
        match answers.map_err(|e| net(&object, e))?.first() {
            Some(answer) => decode(&object, answer, self.bearer.as_ref()),
            None => Err(not_the_object(&object, "no answer")),
        }
    }

    /// Watches a request for at most `watch`. Its first event may already be the last one.
    pub fn watch_csr(&mut self, name: &str, watch: Duration) -> Result<CsrWatch<'_>, KubeError> {
        let request = self.watch_request(name, watch);
        let object = csr_object(name);
        let bearer = self.bearer.clone();
        // The server ends the watch by itself; the margin is for a server that does not.
        let until = Instant::now() + watch + REQUEST_TIMEOUT;
        let mut streaming = self.server.stream(&request, until).map_err(|e| net(&object, e))?;
        if streaming.head.status != 200 {
            let mut body = Vec::new();
            while body.len() <= MAX_OBJECT && streaming.read_more(&mut body).map_err(|e| net(&object, e))? {}
            let response = Response { head: streaming.head.clone(), body };
            return Err(refusal(&object, &response, bearer.as_ref()));
        }
        Ok(CsrWatch { object, streaming, buffer: Vec::new(), bearer })
    }

    fn read<T: Object>(&mut self, wanted: &Wanted) -> Result<T, KubeError> {
        let requests = [self.get(wanted)];
        let answers = self.server.exchange(&requests, None, MAX_OBJECT, deadline());
        match answers.map_err(|e| net(&wanted.object, e))?.first() {
            Some(answer) => decode(&wanted.object, answer, self.bearer.as_ref()),
            None => Err(not_the_object(&wanted.object, "no answer")),
        }
    }

    fn get(&self, wanted: &Wanted) -> Request {
        Request { method: Method::Get, path: wanted.path.clone(), bearer: self.bearer.clone(), body: None }
    }

    fn watch_request(&self, name: &str, watch: Duration) -> Request {
        let path =
            format!("{CSRS}?fieldSelector=metadata.name%3D{name}&timeoutSeconds={}&watch=true", watch.as_secs().max(1));
        Request { method: Method::Get, path, bearer: self.bearer.clone(), body: None }
    }
}

/// A WATCH on one request.
#[derive(Debug)]
pub struct CsrWatch<'c> {
    object: String,
    streaming: Streaming<'c>,
    buffer: Vec<u8>,
    bearer: Option<Secret>,
}

/// What a WATCH on a request says.
#[derive(Clone, Debug)]
pub enum CsrEvent {
    /// How the request looks now.
    Now(CertificateSigningRequest),
    /// It was deleted.
    Deleted,
}

impl CsrWatch<'_> {
    /// The next event; `None` when the server has ended the watch.
    pub fn next_event(&mut self) -> Result<Option<CsrEvent>, KubeError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let event: WatchEvent = serde_json::from_slice(&line).map_err(|_| self.garbled(&line))?;
                match event.kind.as_str() {
                    "BOOKMARK" => continue,
                    "DELETED" => return Ok(Some(CsrEvent::Deleted)),
                    "ADDED" | "MODIFIED" => {
                        let csr = serde_json::from_value(event.object).map_err(|_| self.garbled(&line))?;
                        return Ok(Some(CsrEvent::Now(csr)));
                    }
                    // `ERROR` carries a Status, for instance that the watch has to be started anew.
                    _ => return Ok(None),
                }
            }
            if self.buffer.len() > MAX_OBJECT {
                return Err(self.garbled(&self.buffer));
            }
            if !self.streaming.read_more(&mut self.buffer).map_err(|e| net(&self.object, e))? {
                return Ok(None);
            }
        }
    }

    fn garbled(&self, line: &[u8]) -> KubeError {
        let text = UntrustedText::from_bytes(line, self.bearer.as_ref());
        KubeError { object: self.object.clone(), cause: KubeCause::UnexpectedObject(text) }
    }
}

/// Turns an answer into the object that was asked for. `conceal` is the credential that the peer may echo.
pub fn decode<T: Object>(object: &str, answer: &Response, conceal: Option<&Secret>) -> Result<T, KubeError> {
    if !(200..300).contains(&answer.head.status) {
        return Err(refusal(object, answer, conceal));
    }
    let wrong = || KubeError {
        object: object.to_owned(),
        cause: KubeCause::UnexpectedObject(UntrustedText::from_bytes(&answer.body, conceal)),
    };
    // Read twice rather than into a tree first: nobody has verified yet who sent it, and a tree can be forty times the text.
    let TypeMeta { kind } = serde_json::from_slice(&answer.body).map_err(|_| wrong())?;
    if kind != T::KIND {
        return Err(wrong());
    }
    serde_json::from_slice(&answer.body).map_err(|_| wrong())
}

fn refusal(object: &str, answer: &Response, conceal: Option<&Secret>) -> KubeError {
    let status: Status = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = if status.message.is_empty() {
        UntrustedText::from_bytes(&answer.body, conceal)
    } else {
        UntrustedText::new(&status.message, conceal)
    };
    let cause = match answer.head.status {
        401 => KubeCause::Unauthorized(message),
        403 => KubeCause::Forbidden(message),
        404 => KubeCause::NotFound(message),
        409 if status.reason == "AlreadyExists" => KubeCause::AlreadyExists,
        // 408 and 409 (other than above) ask for another try as plainly as 429 and the 5xx do.
        status @ (408 | 409 | 429 | 500..=599) => {
            KubeCause::Busy { status, message, retry_after: answer.head.retry_after }
        }
        status => KubeCause::Rejected { status, message },
    };
    KubeError { object: object.to_owned(), cause }
}

fn net(object: &str, error: NetError) -> KubeError {
    KubeError { object: object.to_owned(), cause: KubeCause::Net(error) }
}

fn not_the_object(object: &str, text: &str) -> KubeError {
    KubeError { object: object.to_owned(), cause: KubeCause::UnexpectedObject(UntrustedText::new(text, None)) }
}

fn deadline() -> Instant {
    Instant::now() + REQUEST_TIMEOUT
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.object)
    }
}
