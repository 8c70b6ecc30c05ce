//! A cluster for tests, of which nothing is real but the wire: TLS with client certificates, HTTP/2, gRPC. What it answers is
//! what etcd answers, as far as one machine's join goes.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use kubejoin_apiserver::{Leaf, Pki};
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::client::Access;
use super::message::Member;
use crate::clock::{Clock, ClockMode};
use crate::grpc::protobuf::{Value, append_bytes, append_number, fields};
use crate::grpc::scripted::{SETTINGS, frame};
use crate::net::tls::TrustRoots;
use crate::pki::identity::ClientIdentity;

pub(super) const CLUSTER: u64 = 0xc1;

/// What etcd knows of itself.
#[derive(Default)]
pub(super) struct State {
    pub(super) members: Vec<Member>,
    /// What is answered instead, to calls of this method, one after the other: a code and a text.
    pub(super) errors: VecDeque<(&'static str, u32, &'static str)>,
    /// Every call: the member that was asked, and the method.
    pub(super) calls: Vec<(u64, String)>,
    /// What learners have applied, of 100: taken from the front, the last one stays.
    pub(super) applied: VecDeque<u64>,
    /// What takes all of them fails.
    pub(super) has_no_leader: bool,
    next_id: u64,
}

/// A cluster whose members listen, one thread each.
pub(super) struct Fake {
    pub(super) pki: Pki,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// Voters `cp1`, `cp2`, ... that all answer.
    pub(super) fn new(voters: u64) -> Self {
        let fake = Fake { pki: Pki::named("etcd-ca"), state: Arc::default() };
        fake.state().next_id = 0x100;
        for id in 1..=voters {
            fake.member(id, &format!("cp{id}"), false, true);
        }
        fake
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// One more member; its client URL.
    pub(super) fn member(&self, id: u64, name: &str, is_learner: bool, answers: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client_url = format!("https://{}", listener.local_addr().unwrap());
        self.state().members.push(Member {
            id,
            name: name.to_owned(),
            peer_urls: vec![format!("https://10.0.0.{id}:2380")],
            client_urls: vec![client_url.clone()],
            is_learner,
        });
        if answers {
            self.listen(listener, id, &self.pki);
        }
        client_url
    }

    /// Answers for a member whose certificate and clients are of this CA.
    pub(super) fn listen(&self, listener: TcpListener, id: u64, pki: &Pki) {
        let (config, state) = (tls(pki), Arc::clone(&self.state));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, state) = (Arc::clone(&config), Arc::clone(&state));
                std::thread::spawn(move || serve(stream.unwrap(), config, &state, id));
            }
        });
    }

    /// What a joining control plane has of it.
    pub(super) fn access(&self) -> Access {
        access(&self.pki, &self.pki)
    }

    /// The client URLs of all members.
    pub(super) fn urls(&self) -> Vec<String> {
        self.state().members.iter().flat_map(|member| member.client_urls.clone()).collect()
    }

    /// The methods that were called, in order, without those that only look.
    pub(super) fn changes(&self) -> Vec<String> {
        let looks = ["MemberList", "Status"];
        let state = self.state();
        let methods = state.calls.iter().map(|(_, method)| method.clone());
        methods.filter(|method| !looks.contains(&method.as_str())).collect()
    }
}

/// Verifies by one CA, and has a certificate of the other.
pub(super) fn access(roots: &Pki, client: &Pki) -> Access {
    let roots = TrustRoots::new(&[CertificateDer::from(roots.ca_der().to_vec())]).unwrap();
    let identity = client.issue(&Leaf::client("kube-etcd-healthcheck-client", &[]));
    let identity = ClientIdentity::from_pem(identity.cert_pem().as_bytes(), identity.key_pem.as_bytes()).unwrap();
    Access::new(&roots, &identity, Clock::read(ClockMode::System, None)).unwrap()
}

fn tls(pki: &Pki) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pki.ca_der().clone()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build().unwrap();
    let identity = pki.issue(&Leaf::server(["127.0.0.1", "localhost"]));
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_client_cert_verifier(clients);
    let mut config = builder.with_single_cert(identity.chain.clone(), identity.key()).unwrap();
    // As Go's server: nothing else is spoken.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// Reads frames until the client goes, and answers every call that is complete.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &Mutex<State>, id: u64) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).is_err() || stream.write_all(SETTINGS).is_err() {
        return;
    }
    let mut method = String::new();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let [a, b, c, kind, flags, stream_number @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).unwrap();
        let number = u32::from_be_bytes(stream_number);
        match kind {
            1 => method = method_of(&payload),
            0 if flags & 1 != 0 => {
                let answer = answer(&mut state.lock().unwrap(), id, &method, &payload[5..]);
                if stream.write_all(&frames(u8::try_from(number).unwrap(), answer)).is_err() {
                    return;
                }
            }
            _ => {}
        }
    }
}

/// Our own client writes header fields as they are.
fn method_of(headers: &[u8]) -> String {
    let text = String::from_utf8_lossy(headers).into_owned();
    let path = text.split("/etcdserverpb.").nth(1).unwrap();
    path.split('/').nth(1).unwrap().chars().take_while(char::is_ascii_alphabetic).collect()
}

fn frames(stream: u8, answer: Result<Vec<u8>, (u32, &str)>) -> Vec<u8> {
    let field = |name: &str, value: &str| {
        [
            &[0, u8::try_from(name.len()).unwrap()],
            name.as_bytes(),
            &[u8::try_from(value.len()).unwrap()],
            value.as_bytes(),
        ]
        .concat()
    };
    match answer {
        Ok(message) => {
            let data = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
            [frame(1, 4, stream, b"\x88"), frame(0, 0, stream, &data), frame(1, 5, stream, &field("grpc-status", "0"))]
                .concat()
        }
        Err((code, text)) => {
            let trailers = [b"\x88".to_vec(), field("grpc-status", &code.to_string()), field("grpc-message", text)];
            frame(1, 5, stream, &trailers.concat())
        }
    }
}

fn answer(state: &mut State, id: u64, method: &str, message: &[u8]) -> Result<Vec<u8>, (u32, &'static str)> {
    state.calls.push((id, method.to_owned()));
    if let Some(at) = state.errors.iter().position(|(of, ..)| *of == method) {
        let (_, code, text) = state.errors.remove(at).unwrap();
        return Err((code, text));
    }
    let own = state.members.iter().find(|member| member.id == id).cloned();
    let is_learner = own.is_some_and(|member| member.is_learner);
    if is_learner && method != "Status" {
        return Err((9, "etcdserver: rpc not supported for learner"));
    }
    let number = |wanted| {
        fields(message).find_map(|(found, value)| match value {
            Value::Number(number) if found == wanted => Some(number),
            _ => None,
        })
    };
    let target = state.members.iter().position(|member| Some(member.id) == number(1));
    match method {
        "MemberList" if state.has_no_leader && number(1) == Some(1) => return Err((14, "etcdserver: no leader")),
        "MemberList" => {}
        "Status" => {
            let applied = match (is_learner, state.applied.len()) {
                (false, _) | (true, 0) => 100,
                (true, 1) => state.applied[0],
                (true, _) => state.applied.pop_front().unwrap(),
            };
            return Ok(status(id, applied, is_learner));
        }
        "MemberAdd" => {
            let url = fields(message).find_map(|(found, value)| match value {
                Value::Bytes(bytes) if found == 1 => Some(String::from_utf8(bytes.to_vec()).unwrap()),
                _ => None,
            });
            let url = url.unwrap();
            assert_eq!(number(2), Some(1), "it is added as a learner");
            if state.members.iter().any(|member| member.peer_urls.contains(&url)) {
                return Err((9, "etcdserver: Peer URLs already exists"));
            }
            if state.members.iter().any(|member| member.is_learner) {
                return Err((9, "etcdserver: too many learner members in cluster"));
            }
            state.next_id += 1;
            let id = state.next_id;
            state.members.push(Member { id, peer_urls: vec![url], is_learner: true, ..Member::default() });
        }
        "MemberPromote" => {
            let Some(at) = target else { return Err((5, "etcdserver: member not found")) };
            if !state.members[at].is_learner {
                return Err((9, "etcdserver: can only promote a learner member"));
            }
            state.members[at].is_learner = false;
        }
        "MemberRemove" => {
            let Some(at) = target else { return Err((5, "etcdserver: member not found")) };
            state.members.remove(at);
        }
        other => panic!("{other}"),
    }
    Ok(list(&state.members, id, if method == "MemberAdd" { 3 } else { 2 }))
}

fn header(id: u64) -> Vec<u8> {
    let mut header = Vec::new();
    append_number(&mut header, 1, CLUSTER);
    append_number(&mut header, 2, id);
    append_number(&mut header, 3, 77);
    append_number(&mut header, 4, 3);
    header
}

/// As field `number` of an answer.
pub(super) fn list(members: &[Member], id: u64, number: u32) -> Vec<u8> {
    let mut out = Vec::new();
    append_bytes(&mut out, 1, &header(id));
    for member in members {
        let mut bytes = Vec::new();
        append_number(&mut bytes, 1, member.id);
        append_bytes(&mut bytes, 2, member.name.as_bytes());
        member.peer_urls.iter().for_each(|url| append_bytes(&mut bytes, 3, url.as_bytes()));
        member.client_urls.iter().for_each(|url| append_bytes(&mut bytes, 4, url.as_bytes()));
        append_number(&mut bytes, 5, member.is_learner.into());
        append_bytes(&mut out, number, &bytes);
    }
    out
}

pub(super) fn status(id: u64, applied: u64, is_learner: bool) -> Vec<u8> {
    let mut out = Vec::new();
    append_bytes(&mut out, 1, &header(id));
    append_bytes(&mut out, 2, b"3.7.3");
    for (number, value) in [(3, 20_480), (4, 1), (5, 100), (6, 3), (7, applied), (9, 20_480), (10, is_learner.into())] {
        append_number(&mut out, number, value);
    }
    out
}
