//! A kube-apiserver 1.37 for tests and for the demo, as far as a joining worker sees it: real TLS, a PKI made at run time,
//! cluster-info with its signatures, bootstrap tokens, RBAC as `kubeadm init` leaves it, ConfigMaps, Nodes, and
//! certificate signing requests with an approver and a signer. It behaves, until it is told to misbehave.
//!
//! ```
//! use kubejoin_apiserver::{ApiServer, Faults, Options, Presents};
//!
//! let server = ApiServer::start(Options::default());
//! println!("kubejoin join {} --token {} --discovery-token-ca-cert-hash {}",
//!     server.endpoint(), server.token(), server.ca_hash());
//! // ... something joins ...
//! assert!(!server.has_received(&server.token()), "the token was sent");
//! assert!(server.connections().len() <= 1);
//!
//! server.set_faults(Faults::presenting(Presents::WrongKey));
//! ```
//!
//! A server runs in threads of this process and stops when it is dropped. What is here: the modules below. What is not:
//! HTTP/2, YAML, protobuf, any other resource, persistence. What it shares with the real one is held by the [`contract`],
//! which runs against both.
//!
//! | module | what is in it |
//! |---|---|
//! | [`Options`], [`Faults`] | how it is set up, how it misbehaves: plain data |
//! | [`Pki`] | CA certificates and leaves, valid and invalid ones |
//! | `server`, `tls`, `http`, `exchange`, `watch` | sockets and threads; rustls; requests, replies, streams as bytes |
//! | `access` | who asks, and what they may do |
//! | `api`, `writes`, `csr`, `objects`, `status`, `store` | what is answered |
//! | `controllers` | approving and signing |
//! | `misbehave` | doing what the faults say |
//! | [`Recorded`], [`Connection`] | what was seen |

mod access;
mod api;
pub mod contract;
mod controllers;
mod csr;
mod exchange;
mod faults;
mod http;
mod misbehave;
mod objects;
mod options;
mod pki;
mod record;
mod server;
mod status;
mod store;
mod tls;
mod watch;
mod writes;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use access::{BOOTSTRAP_GROUP, User};
pub use faults::{Authority, Certificate, ClusterInfo, Faults, Jws, Presents, Reply, Rule, Watch};
pub use objects::detached_jws;
pub use options::{Approver, ConfigMap, ExistingNode, Options, Signer, Token};
pub use pki::{BACKDATE, Identity, Leaf, Pki, Unfit, Usage, pem_of_certificate};
pub use record::{Connection, Recorded};

use server::{FaultState, Shared, lock};
use status::Kind;
use store::{Key, Selector, Store};

/// A running server. It stops, and frees its port, when it is dropped.
pub struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl ApiServer {
    /// Starts a server; panics when it cannot listen.
    pub fn start(options: Options) -> Self {
        let listener = TcpListener::bind(options.listen).expect("the address can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let endpoint = options.advertise.unwrap_or_else(|| match options.sans.first() {
            Some(name) if address.ip().is_unspecified() => format!("{name}:{}", address.port()),
            _ => address.to_string(),
        });
        let mut sans: Vec<String> =
            ["kubernetes", "kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", "::1"]
                .map(str::to_owned)
                .into();
        sans.extend(options.sans);
        let shared = Arc::new(Shared {
            own: options.pki.issue(&Leaf::server(&sans)),
            ours: options.pki,
            foreign: Pki::new(),
            sans,
            endpoint,
            tls12_only: options.tls12_only,
            store: Store::default(),
            journal: Default::default(),
            tokens: Mutex::new(options.tokens),
            policies: Mutex::new((options.approver, options.signer)),
            signing_duration: Mutex::new(options.signing_duration),
            config_maps: Default::default(),
            fault_state: Mutex::new(FaultState::new(options.faults)),
            threads: Default::default(),
            sockets: Mutex::new(HashMap::new()),
        });
        let cluster_info = Key::new(Kind::CONFIG_MAP, "kube-public", "cluster-info");
        let nothing_yet = objects::config_map(&[("kubeconfig".to_owned(), String::new())].into(), "kubeadm");
        // The store is new: nothing can be in the way.
        let _ = shared.store.create(cluster_info, nothing_yet);
        shared.set_config_map("kubeadm-config", options.kubeadm_config);
        shared.set_config_map("kubelet-config", options.kubelet_config);
        shared.set_config_map("kube-proxy", options.kube_proxy);
        let (accepting, controlling) = (shared.clone(), shared.clone());
        let threads = vec![
            std::thread::spawn(move || server::accept(&accepting, &listener)),
            std::thread::spawn(move || controllers::run(&controlling)),
        ];
        let server = ApiServer { shared, address, threads };
        options.nodes.iter().for_each(|node| server.add_node(node));
        server
    }

    /// `HOST:PORT`, as cluster-info names it.
    pub fn endpoint(&self) -> String {
        self.shared.endpoint.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `sha256:...`
    pub fn ca_hash(&self) -> String {
        self.shared.ours.ca_hash()
    }

    /// The cluster's CA.
    pub fn ca_pem(&self) -> String {
        self.shared.ours.ca_pem().to_owned()
    }

    /// The cluster's CA, to sign more with.
    pub fn pki(&self) -> &Pki {
        &self.shared.ours
    }

    /// The CA of everything that [`Faults`] call foreign.
    pub fn foreign_pki(&self) -> &Pki {
        &self.shared.foreign
    }

    /// The first token as `id.secret`; empty when there is none.
    pub fn token(&self) -> String {
        lock(&self.shared.tokens).first().map(Token::full).unwrap_or_default()
    }

    /// Replaces all tokens.
    pub fn set_tokens(&self, tokens: Vec<Token>) {
        *lock(&self.shared.tokens) = tokens;
    }

    /// A new client identity of an administrator (`kubernetes-admin` in `kubeadm:cluster-admins`).
    pub fn admin(&self) -> Identity {
        self.shared.ours.issue(&Leaf::client("kubernetes-admin", &["kubeadm:cluster-admins"]))
    }

    /// An administrator's kubeconfig, as `/etc/kubernetes/admin.conf`.
    pub fn admin_kubeconfig(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let admin = self.admin();
        format!(
            include_str!("admin.conf"),
            ca = STANDARD.encode(self.ca_pem()),
            server = self.shared.endpoint,
            certificate = STANDARD.encode(admin.cert_pem()),
            key = STANDARD.encode(&admin.key_pem)
        )
    }

    /// Misbehave like this from now on (connections that are open keep the TLS they have). Counting starts anew.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.shared.fault_state) = FaultState::new(faults);
    }

    /// Approve like this from now on.
    pub fn set_approver(&self, approver: Approver) {
        lock(&self.shared.policies).0 = approver;
        self.shared.store.nudge();
    }

    /// Sign like this from now on.
    pub fn set_signer(&self, signer: Signer) {
        lock(&self.shared.policies).1 = signer;
        self.shared.store.nudge();
    }

    /// How long certificates are valid that are signed from now on.
    pub fn set_signing_duration(&self, duration: Duration) {
        *lock(&self.shared.signing_duration) = duration;
    }

    /// What is found in `kube-system` under `kubeadm-config`, `kubelet-config`, `kube-proxy` from now on.
    pub fn set_config_map(&self, name: &str, content: ConfigMap) {
        self.shared.set_config_map(name, content);
    }

    /// Adds or replaces a Node.
    pub fn add_node(&self, node: &ExistingNode) {
        let key = Key::new(Kind::NODE, "", &node.name);
        self.shared.store.delete(&key);
        // Deleted, so it is not there.
        let _ = self.shared.store.create(key, objects::existing_node(node));
    }

    /// A Node as it is stored.
    pub fn node(&self, name: &str) -> Option<Value> {
        self.shared.store.get(&Key::new(Kind::NODE, "", name))
    }

    /// All certificate signing requests, as they are stored.
    pub fn csrs(&self) -> Vec<Value> {
        self.shared.store.list(&Selector { kind: Kind::CSR, namespace: String::new(), name: None }).1
    }

    /// Waits for a certificate signing request that fulfils a condition; panics after ten seconds.
    pub fn wait_for_csr(&self, mut is: impl FnMut(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let mark = self.shared.store.mark();
            if let Some(found) = self.csrs().into_iter().find(|csr| is(csr)) {
                return found;
            }
            assert!(Instant::now() < until, "no such request within ten seconds; there are {:?}", self.csrs());
            self.shared.store.wait_for_change(mark, Some(until));
        }
    }

    /// Stores a certificate signing request as it is (and so a broken one, too); its `metadata.name` must be set.
    pub fn add_csr(&self, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = Key::new(Kind::CSR, "", &name);
        self.shared.store.delete(&key);
        // Deleted, so it is not there.
        let _ = self.shared.store.create(key, object);
    }

    /// Deletes a certificate signing request; false when there is none.
    pub fn delete_csr(&self, name: &str) -> bool {
        self.shared.store.delete(&Key::new(Kind::CSR, "", name)).is_some()
    }

    /// What `kubectl certificate approve NAME` does; panics when there is no such request.
    pub fn approve(&self, name: &str) {
        self.decide(name, "Approved", "KubectlApprove", "This CSR was approved by kubectl certificate approve.");
    }

    /// What `kubectl certificate deny NAME` does; panics when there is no such request.
    pub fn deny(&self, name: &str) {
        self.decide(name, "Denied", "KubectlDeny", "This CSR was denied by kubectl certificate deny.");
    }

    fn decide(&self, name: &str, kind: &str, reason: &str, message: &str) {
        let object = self.shared.store.get(&Key::new(Kind::CSR, "", name));
        let object = object.unwrap_or_else(|| panic!("there is no certificate signing request {name:?}"));
        controllers::add_condition(&self.shared, &object, kind, reason, message);
    }

    /// Every request so far, also those that were answered wrongly or not at all.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.journal.requests()
    }

    /// Every TCP connection so far.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.journal.connections()
    }

    /// Completed TLS handshakes so far. A client may believe its own to be complete a moment earlier.
    pub fn handshakes(&self) -> usize {
        self.connections().iter().filter(|c| c.handshake.is_some()).count()
    }

    /// Whether these characters ever came in over TLS: in a path, a header, a body, or in bytes that are no HTTP.
    pub fn has_received(&self, needle: &str) -> bool {
        self.shared.journal.has_received(needle)
    }

    /// Forgets the requests and the bytes seen so far (not the connections).
    pub fn forget_requests(&self) {
        self.shared.journal.clear();
    }

    /// Calls this after every answered request.
    pub fn log_requests_to(&self, log: impl Fn(&Recorded) + Send + 'static) {
        self.shared.journal.log_to(Box::new(log));
    }

    /// Closes all connections, as a load balancer that loses its patience does. The server goes on.
    pub fn drop_connections(&self) {
        server::hang_up(&self.shared);
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.shared.store.stop();
        server::hang_up(&self.shared);
        // Wakes the accepting thread; if nobody accepts any more, that is as good.
        let loopback = match self.address {
            SocketAddr::V4(a) if a.ip().is_unspecified() => (std::net::Ipv4Addr::LOCALHOST, a.port()).into(),
            SocketAddr::V6(a) if a.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, a.port()).into(),
            address => address,
        };
        drop(TcpStream::connect_timeout(&loopback, Duration::from_secs(1)));
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        server::hang_up(&self.shared);
        let connections: Vec<_> = lock(&self.shared.threads).drain(..).collect();
        for thread in connections {
            let _ = thread.join();
        }
    }
}
