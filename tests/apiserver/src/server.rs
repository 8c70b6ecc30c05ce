//! Sockets and threads: one that accepts, one per connection, one for the controllers. What a request means is in `api.rs`.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use serde_json::json;

use crate::access::{self, User};
use crate::api::{self, Answer};
use crate::exchange::{Exchange, date, write_now};
use crate::faults::{Faults, Presents, Reply};
use crate::http::{self, Ended, Request, Response};
use crate::misbehave;
use crate::objects;
use crate::options::{Approver, ConfigMap, Signer, Token};
use crate::pki::{Identity, Pki};
use crate::record::{Journal, Meter, Recorded};
use crate::status::{self, Kind};
use crate::store::{Key, Store};
use crate::tls;
use crate::watch;

/// What all threads of a server share.
pub(crate) struct Shared {
    pub ours: Pki,
    /// The CA of everything that is foreign.
    pub foreign: Pki,
    pub own: Identity,
    pub sans: Vec<String>,
    /// `HOST:PORT` as cluster-info names it.
    pub endpoint: String,
    pub tls12_only: bool,
    pub store: Store,
    pub journal: Journal,
    pub tokens: Mutex<Vec<Token>>,
    pub policies: Mutex<(Approver, Signer)>,
    pub signing_duration: Mutex<Duration>,
    pub config_maps: Mutex<BTreeMap<String, ConfigMap>>,
    pub fault_state: Mutex<FaultState>,
    pub threads: Mutex<Vec<JoinHandle<()>>>,
    pub sockets: Mutex<HashMap<u64, TcpStream>>,
}

/// The faults, and how often they have struck since they were set.
#[derive(Default)]
pub(crate) struct FaultState {
    pub faults: Faults,
    connections: u32,
    cluster_info_asked: u32,
    hits: Vec<u32>,
}

impl FaultState {
    pub fn new(faults: Faults) -> Self {
        FaultState { hits: vec![0; faults.replies.len()], faults, ..Self::default() }
    }

    /// What the next connection gets; `None`: it is closed.
    fn next_connection(&mut self) -> Option<Presents> {
        self.connections += 1;
        let number = self.connections.checked_sub(self.faults.close_connections).filter(|n| *n > 0)?;
        match &self.faults.presents_later {
            Some((first, later)) if number > *first => Some(later.clone()),
            _ => Some(self.faults.presents.clone()),
        }
    }

    fn next_reply(&mut self, request: &Request) -> Option<Reply> {
        for (rule, hits) in self.faults.replies.iter().zip(&mut self.hits) {
            let authorized = request.header("authorization").is_some();
            let matches = rule.method.is_none_or(|m| m == request.method)
                && request.path.contains(&rule.path)
                && rule.authorized.is_none_or(|a| a == authorized);
            if !matches {
                continue;
            }
            *hits += 1;
            if *hits > rule.after && rule.times.is_none_or(|times| *hits - rule.after <= times) {
                return Some(rule.reply.clone());
            }
        }
        None
    }
}

/// Locks although another thread panicked: a second panic would only hide the first.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn faults<T>(&self, look: impl FnOnce(&mut FaultState) -> T) -> T {
        look(&mut lock(&self.fault_state))
    }

    pub fn policies(&self) -> (Approver, Signer) {
        lock(&self.policies).clone()
    }

    pub fn signing_duration(&self) -> Duration {
        *lock(&self.signing_duration)
    }

    pub fn config_map(&self, namespace: &str, name: &str) -> Option<ConfigMap> {
        lock(&self.config_maps).get(name).filter(|_| namespace == "kube-system").cloned()
    }

    /// Stores what is to be found under a name in `kube-system`.
    pub fn set_config_map(&self, name: &str, content: ConfigMap) {
        let key = Key::new(Kind::CONFIG_MAP, "kube-system", name);
        self.store.delete(&key);
        let data = match &content {
            ConfigMap::Kubeadm if name == "kubeadm-config" => Some(objects::kubeadm_config(&self.endpoint)),
            ConfigMap::Kubeadm if name == "kubelet-config" => Some(objects::kubelet_config()),
            ConfigMap::Data(data) => Some(data.clone()),
            ConfigMap::Kubeadm | ConfigMap::NotFound | ConfigMap::Forbidden => None,
        };
        lock(&self.config_maps).insert(name.to_owned(), content);
        if let Some(data) = data {
            // Deleted above, so it is not there.
            let _ = self.store.create(key, objects::config_map(&data, "kubeadm"));
        }
    }

    /// The data of cluster-info for the request at hand.
    pub fn cluster_info(&self) -> BTreeMap<String, String> {
        let (faults, asked) = self.faults(|state| {
            state.cluster_info_asked += 1;
            (state.faults.cluster_info.clone(), state.cluster_info_asked)
        });
        let tokens = lock(&self.tokens).clone();
        objects::cluster_info(&self.ours, &self.foreign, &self.endpoint, &tokens, &faults, asked)
    }
}

/// Accepts until the store is stopped.
pub(crate) fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for stream in listener.incoming() {
        if shared.store.is_stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let (id, meter) = shared.journal.connected();
        let Some(presents) = shared.faults(FaultState::next_connection) else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        lock(&shared.sockets).insert(id, handle);
        let of_thread = shared.clone();
        let thread = std::thread::spawn(move || {
            // An error is the end of this connection, which both sides notice anyway.
            let _ = connection(&of_thread, id, meter, stream, &presents);
            lock(&of_thread.sockets).remove(&id);
        });
        let mut threads = lock(&shared.threads);
        threads.retain(|t| !t.is_finished());
        threads.push(thread);
    }
}

/// Ends every connection.
pub(crate) fn hang_up(shared: &Shared) {
    for socket in lock(&shared.sockets).values() {
        // One that is closed already needs no shutdown.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

fn connection(shared: &Shared, id: u64, meter: Meter, stream: TcpStream, presents: &Presents) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = Metered { stream, meter };
    let Some(identity) = tls::identity(presents, &shared.ours, &shared.foreign, &shared.own, &shared.sans) else {
        return match presents {
            Presents::PlainHttp => plain_http(&mut stream),
            _ => {
                while !shared.store.sleep(Duration::from_secs(3600)) {}
                Ok(())
            }
        };
    };
    let config = tls::config(&identity, &shared.ours, shared.tls12_only);
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    if let Some(version) = tls.protocol_version() {
        shared.journal.shook_hands(id, format!("{version:?}"));
    }
    let certificate = tls.peer_certificates().and_then(|chain| chain.first()).map(|c| c.to_vec());
    let mut stream = Tapped { stream: StreamOwned::new(tls, stream), journal: &shared.journal };
    let ended = serve(shared, id, &mut stream, certificate.as_deref());
    stream.stream.conn.send_close_notify();
    stream.stream.flush()?;
    ended
}

/// What Go answers to a client that speaks something else.
fn plain_http(stream: &mut Metered) -> io::Result<()> {
    let mut ignored = [0; 4096];
    let _ = stream.read(&mut ignored)?;
    let body = "Client sent an HTTPS request to an HTTP server.\n";
    write_now(
        stream,
        format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .as_bytes(),
    )
}

fn serve(shared: &Shared, id: u64, stream: &mut (impl Read + Write), certificate: Option<&[u8]>) -> io::Result<()> {
    let mut pending = Vec::new();
    loop {
        let request = match http::read_request(stream, &mut pending) {
            Ok(request) => request,
            Err(Ended::Closed | Ended::Io) => return Ok(()),
            Err(Ended::Malformed) => {
                let reply = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request";
                return write_now(stream, reply);
            }
        };
        let tokens = lock(&shared.tokens).clone();
        let authorization = request.header("authorization");
        let user = access::authenticate(shared.ours.ca_der(), &tokens, certificate, authorization);
        let number = shared.journal.asked(Recorded {
            connection: id,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            user: user.as_ref().map(|u| u.name.clone()).unwrap_or_default(),
            status: 0,
        });
        let sending = |status| shared.journal.answering(number, status);
        let answered = answer(shared, stream, &sending, &request, user);
        shared.journal.answered(number);
        answered?;
        if !request.keep_alive {
            return Ok(());
        }
    }
}

fn answer(
    shared: &Shared,
    stream: &mut dyn Write,
    sending: &dyn Fn(u16),
    request: &Request,
    user: Option<User>,
) -> io::Result<()> {
    let date = shared.faults(|state| date(&state.faults));
    let mut exchange = Exchange::new(stream, sending, request, user.is_some(), date);
    let fault = shared.faults(|state| state.next_reply(request));
    let right = || match &user {
        Some(user) => api::answer(shared, user, request),
        None => status::unauthorized().into(),
    };
    let Some(fault) = fault else {
        return match right() {
            Answer::Response(response) => exchange.send(&response),
            Answer::Watch(watch) => watch::stream(shared, &mut exchange, watch),
        };
    };
    misbehave::reply(shared, &mut exchange, request, &fault, || match right() {
        Answer::Response(response) => response,
        // A watch that is to be misshapen as a whole has nothing to say.
        Answer::Watch(_) => Response::json(200, json!({})),
    })
}

/// Counts what goes over the wire.
struct Metered {
    stream: TcpStream,
    meter: Meter,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.meter.bytes_in.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Write for Metered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.meter.bytes_out.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Shows the journal every decrypted byte that comes in.
struct Tapped<'a> {
    stream: StreamOwned<ServerConnection, Metered>,
    journal: &'a Journal,
}

impl Read for Tapped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.journal.received(&buffer[..read]);
        Ok(read)
    }
}

impl Write for Tapped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
