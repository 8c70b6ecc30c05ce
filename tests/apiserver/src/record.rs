//! What the server has seen: every request, every connection, every byte that came in. Tests assert on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decrypted bytes that are kept to be searched; a peer that sends more than this is not one of ours.
const KEPT_BYTES: usize = 8 << 20;

/// One request that the server has read, and what it answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Counts connections from 1.
    pub connection: u64,
    /// `GET`, ...
    pub method: String,
    /// Percent-decoded, without the query.
    pub path: String,
    /// As sent, without the question mark.
    pub query: String,
    /// As sent, in order.
    pub headers: Vec<(String, String)>,
    /// The body as sent (chunks joined).
    pub body: Vec<u8>,
    /// Who the server took the sender for; empty after a 401.
    pub user: String,
    /// The status of the answer; 0 when a fault left none.
    pub status: u16,
}

impl Recorded {
    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// The first header of this name, compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// `GET /path?query`
    pub fn line(&self) -> String {
        let question_mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{question_mark}{}", self.method, self.path, self.query)
    }
}

/// One TCP connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Counts from 1.
    pub id: u64,
    /// Whether the TLS handshake was completed, and how: `TLSv1_3`, `TLSv1_2`.
    pub handshake: Option<String>,
    /// Bytes on the wire, from the client to the server.
    pub bytes_in: u64,
    /// Bytes on the wire, from the server to the client.
    pub bytes_out: u64,
    /// Requests read from it.
    pub requests: usize,
}

/// Counts the bytes of one connection while it runs.
#[derive(Clone, Default)]
pub(crate) struct Meter {
    pub bytes_in: Arc<AtomicU64>,
    pub bytes_out: Arc<AtomicU64>,
}

/// Is told about every answered request.
pub(crate) type Log = Box<dyn Fn(&Recorded) + Send>;

#[derive(Default)]
struct Inner {
    requests: Vec<Recorded>,
    /// Requests that were forgotten: numbers go on counting.
    forgotten: usize,
    connections: Vec<(Meter, Option<String>)>,
    received: Vec<u8>,
    log: Option<Log>,
}

#[derive(Default)]
pub(crate) struct Journal(Mutex<Inner>);

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every answered request goes to `log` too.
    pub fn log_to(&self, log: Log) {
        self.lock().log = Some(log);
    }

    /// A new connection's number and meter.
    pub fn connected(&self) -> (u64, Meter) {
        let mut inner = self.lock();
        let meter = Meter::default();
        inner.connections.push((meter.clone(), None));
        (inner.connections.len() as u64, meter)
    }

    pub fn shook_hands(&self, connection: u64, version: String) {
        self.lock().connections[connection as usize - 1].1 = Some(version);
    }

    /// Notes a request before it is answered, so that one which is never answered is seen too; returns its number.
    pub fn asked(&self, request: Recorded) -> usize {
        let mut inner = self.lock();
        inner.requests.push(request);
        inner.forgotten + inner.requests.len() - 1
    }

    /// Notes what is answered, before the client can know it.
    pub fn answering(&self, number: usize, status: u16) {
        let mut inner = self.lock();
        let index = number.checked_sub(inner.forgotten);
        if let Some(request) = index.and_then(|i| inner.requests.get_mut(i)) {
            request.status = status;
        }
    }

    /// The answer is over.
    pub fn answered(&self, number: usize) {
        let inner = self.lock();
        let index = number.checked_sub(inner.forgotten);
        if let (Some(log), Some(request)) = (&inner.log, index.and_then(|i| inner.requests.get(i))) {
            log(request);
        }
    }

    pub fn received(&self, bytes: &[u8]) {
        let mut inner = self.lock();
        let room = KEPT_BYTES.saturating_sub(inner.received.len());
        inner.received.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    pub fn connections(&self) -> Vec<Connection> {
        let inner = self.lock();
        let requests_of = |id: u64| inner.requests.iter().filter(|r| r.connection == id).count();
        (1..)
            .zip(&inner.connections)
            .map(|(id, (meter, handshake))| Connection {
                id,
                handshake: handshake.clone(),
                bytes_in: meter.bytes_in.load(Ordering::Relaxed),
                bytes_out: meter.bytes_out.load(Ordering::Relaxed),
                requests: requests_of(id),
            })
            .collect()
    }

    /// Whether any decrypted byte sequence that came in holds `needle`: heads and bodies, parsed or not.
    pub fn has_received(&self, needle: &str) -> bool {
        self.lock().received.windows(needle.len()).any(|window| window == needle.as_bytes())
    }

    /// Forgets requests and bytes, not connections.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.forgotten += inner.requests.len();
        inner.requests.clear();
        inner.received.clear();
    }
}
