//! A small HTTPS client that shows everything: framing, single watch lines, several requests in one write. It has
//! nothing in common with the client under test.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// How long one read may take; only reached when the server is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who the client is.
#[derive(Clone)]
pub enum Credential {
    /// Nobody.
    None,
    /// `Authorization: Bearer ...`
    Bearer(String),
    /// A client certificate and its key, PEM.
    Certificate {
        /// The chain.
        certificate: String,
        /// The key.
        key: String,
    },
}

/// One connection.
pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    pending: Vec<u8>,
    /// Of a watch: what came in chunks and is no whole line yet.
    lines: Vec<u8>,
    host: String,
    authorization: Option<String>,
}

/// A whole reply, or the head of a watch.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status
    pub status: u16,
    /// In order.
    pub headers: Vec<(String, String)>,
    /// Chunks joined.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The body as JSON; panics when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self}"))
    }

    /// Whether the body came in chunks.
    pub fn is_chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Client {
    /// Connects and shakes hands; panics when the server is not who it should be.
    pub fn connect(endpoint: &str, ca_pem: &str, credential: Credential) -> Self {
        let config = config(ca_pem, &credential, rustls::ALL_VERSIONS);
        let client = Self::open(endpoint, config).expect("a handshake with the right server");
        match credential {
            Credential::Bearer(token) => client.authorization(&format!("Bearer {token}")),
            Credential::None | Credential::Certificate { .. } => client,
        }
    }

    /// Connects and shakes hands as somebody else has configured it.
    pub fn open(endpoint: &str, config: Arc<ClientConfig>) -> io::Result<Self> {
        let (host, _) = endpoint.rsplit_once(':').expect("HOST:PORT");
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).expect("a host name");
        let address = endpoint.to_socket_addrs()?.next().expect("an address");
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Client {
            stream: StreamOwned::new(tls, socket),
            pending: Vec::new(),
            lines: Vec::new(),
            host: endpoint.to_owned(),
            authorization: None,
        })
    }

    /// The same connection with another `Authorization` header.
    pub fn authorization(mut self, value: &str) -> Self {
        self.authorization = Some(value.to_owned());
        self
    }

    /// Which TLS was agreed on.
    pub fn tls_version(&self) -> Option<rustls::ProtocolVersion> {
        self.stream.conn.protocol_version()
    }

    /// A GET and its reply.
    pub fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, &[], None)
    }

    /// A POST of JSON and its reply.
    pub fn post(&mut self, path: &str, object: &Value) -> Reply {
        self.request("POST", path, &[("Content-Type", "application/json")], Some(object.to_string().as_bytes()))
    }

    /// A PUT of JSON and its reply.
    pub fn put(&mut self, path: &str, object: &Value) -> Reply {
        self.request("PUT", path, &[("Content-Type", "application/json")], Some(object.to_string().as_bytes()))
    }

    /// A DELETE and its reply.
    pub fn delete(&mut self, path: &str) -> Reply {
        self.request("DELETE", path, &[], None)
    }

    /// Any request and its reply.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Reply {
        let bytes = self.bytes_of(method, path, headers, body);
        self.send(&bytes);
        self.receive()
    }

    /// What a request looks like on the wire.
    pub fn bytes_of(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: contract\r\n", self.host);
        if let Some(value) = &self.authorization {
            head.push_str(&format!("Authorization: {value}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body.unwrap_or_default()].concat()
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
        self.stream.flush().expect("the server reads");
    }

    /// Reads one reply to its end.
    pub fn receive(&mut self) -> Reply {
        let mut reply = self.receive_head();
        if reply.is_chunked() {
            while let Some(chunk) = self.next_chunk() {
                reply.body.extend(chunk);
            }
        } else if let Some(length) = reply.header("content-length") {
            let length = length.parse().expect("a length");
            reply.body = self.take(length);
        } else {
            while self.fill() {}
            reply.body = std::mem::take(&mut self.pending);
        }
        reply
    }

    /// Asks for a watch and reads the head of the reply.
    pub fn watch(&mut self, path: &str) -> Reply {
        let bytes = self.bytes_of("GET", path, &[], None);
        self.send(&bytes);
        self.receive_head()
    }

    /// The next event of a watch; `None` when the stream is complete.
    pub fn next_event(&mut self) -> Option<Value> {
        // Chunks and lines have nothing to do with each other: the real server sends several events in one chunk.
        loop {
            if let Some(end) = self.lines.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.lines.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("an event is JSON"));
            }
            let Some(chunk) = self.next_chunk() else {
                assert!(self.lines.is_empty(), "half an event: {}", String::from_utf8_lossy(&self.lines));
                return None;
            };
            self.lines.extend(chunk);
        }
    }

    /// Everything the server sends until it closes, or until there are this many bytes.
    pub fn receive_raw(&mut self, limit: usize) -> Vec<u8> {
        while self.pending.len() < limit && self.fill() {}
        std::mem::take(&mut self.pending)
    }

    fn receive_head(&mut self) -> Reply {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut parsed = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = parsed.parse(&self.pending).expect("an HTTP reply") {
                let reply = Reply {
                    status: parsed.code.expect("a complete head"),
                    headers: parsed
                        .headers
                        .iter()
                        .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
                        .collect(),
                    body: Vec::new(),
                };
                self.pending.drain(..length);
                return reply;
            }
            assert!(self.fill(), "the server closed before a reply");
        }
    }

    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        let (used, size) = loop {
            match httparse::parse_chunk_size(&self.pending).expect("a chunk size") {
                httparse::Status::Complete(found) => break found,
                httparse::Status::Partial => assert!(self.fill(), "the server closed within a body"),
            }
        };
        self.pending.drain(..used);
        let chunk = self.take(size as usize);
        assert_eq!(self.take(2), b"\r\n");
        (size > 0).then_some(chunk)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.pending.len() < length {
            assert!(self.fill(), "the server closed within a body");
        }
        self.pending.drain(..length).collect()
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = match self.stream.read(&mut buffer) {
            // A server that closes without saying so at the TLS level.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other.expect("the server answers in time"),
        };
        self.pending.extend_from_slice(&buffer[..read]);
        read > 0
    }
}

/// A configuration that trusts these CA certificates and no others.
pub fn config(
    ca_pem: &str,
    credential: &Credential,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.expect("a PEM certificate")).expect("an authority");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .expect("ring does these versions")
        .with_root_certificates(roots);
    Arc::new(match credential {
        Credential::Certificate { certificate, key } => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a PEM key");
            builder.with_client_auth_cert(chain.expect("a PEM chain"), key).expect("a key ring understands")
        }
        Credential::None | Credential::Bearer(_) => builder.with_no_client_auth(),
    })
}

/// Standard base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Text in standard base64.
pub(crate) fn base64_text(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
