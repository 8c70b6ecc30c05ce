//! What a server is started with.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::access::BOOTSTRAP_GROUP;
use crate::faults::Faults;
use crate::pki::Pki;

/// What a server is started with. Every field has a sensible default: `Options::default()` is a cluster fresh from
/// `kubeadm init`, listening on a free port of the loopback.
pub struct Options {
    /// Where to listen. Default: `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Names and addresses of the serving certificate, beside `kubernetes`, `localhost`, `127.0.0.1` and `::1`.
    pub sans: Vec<String>,
    /// `HOST:PORT` that cluster-info and kubeadm-config name. Default: what is listened on, or the first of `sans`
    /// when that is the unspecified address.
    pub advertise: Option<String>,
    /// The cluster's CA. Default: a new one.
    pub pki: Pki,
    /// Bootstrap tokens. Default: [`Token::default`].
    pub tokens: Vec<Token>,
    /// `kube-system/kubeadm-config`
    pub kubeadm_config: ConfigMap,
    /// `kube-system/kubelet-config`
    pub kubelet_config: ConfigMap,
    /// `kube-system/kube-proxy`. Default: forbidden, which is what a cluster without that add-on answers.
    pub kube_proxy: ConfigMap,
    /// Nodes that exist already.
    pub nodes: Vec<ExistingNode>,
    /// Who approves certificate signing requests, and when.
    pub approver: Approver,
    /// Who signs approved requests, and when.
    pub signer: Signer,
    /// How long issued certificates are valid. Default: a year, as `--cluster-signing-duration`.
    pub signing_duration: Duration,
    /// Speaks TLS 1.2 only, as an old proxy in front would.
    pub tls12_only: bool,
    /// How to misbehave. Default: not at all. Can be changed later: [`crate::ApiServer::set_faults`].
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            sans: Vec::new(),
            advertise: None,
            pki: Pki::new(),
            tokens: vec![Token::default()],
            kubeadm_config: ConfigMap::Kubeadm,
            kubelet_config: ConfigMap::Kubeadm,
            kube_proxy: ConfigMap::Forbidden,
            nodes: Vec::new(),
            approver: Approver::default(),
            signer: Signer::default(),
            signing_duration: Duration::from_secs(365 * 24 * 3600),
            tls12_only: false,
            faults: Faults::default(),
        }
    }
}

/// A bootstrap token, as its Secret in `kube-system` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// 6 characters, public.
    pub id: String,
    /// 16 characters.
    pub secret: String,
    /// From when on it counts no more, neither for authentication nor for signing.
    pub expires: Option<SystemTime>,
    /// `usage-bootstrap-signing`: cluster-info gets a signature by this token.
    pub signing: bool,
    /// `usage-bootstrap-authentication`
    pub authentication: bool,
    /// `auth-extra-groups`
    pub groups: Vec<String>,
}

impl Default for Token {
    /// The token of kubeadm's documentation, `abcdef.0123456789abcdef`, with every usage.
    fn default() -> Self {
        Token::new("abcdef", "0123456789abcdef")
    }
}

impl Token {
    /// A token with both usages, the default group, and no end.
    pub fn new(id: &str, secret: &str) -> Self {
        Token {
            id: id.into(),
            secret: secret.into(),
            expires: None,
            signing: true,
            authentication: true,
            groups: vec![BOOTSTRAP_GROUP.into()],
        }
    }

    /// `id.secret`; `None` when it is not of that shape.
    pub fn parse(text: &str) -> Option<Self> {
        let is = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let (id, secret) = text.split_once('.')?;
        (is(id, 6) && is(secret, 16)).then(|| Token::new(id, secret))
    }

    /// `id.secret`
    pub fn full(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.expires.is_some_and(|end| end <= SystemTime::now())
    }
}

/// What there is under a ConfigMap's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConfigMap {
    /// As `kubeadm init` 1.37.2 writes it.
    #[default]
    Kubeadm,
    /// These keys and values.
    Data(BTreeMap<String, String>),
    /// 404: it does not exist, and one may know.
    NotFound,
    /// 403: no Role allows reading it, whether it exists or not.
    Forbidden,
}

impl ConfigMap {
    /// One key and its value.
    pub fn one(key: &str, value: &str) -> Self {
        ConfigMap::Data(BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }
}

/// A Node that exists already.
#[derive(Clone, Debug)]
pub struct ExistingNode {
    /// Its name.
    pub name: String,
    /// The status of its Ready condition: `True`, `False`, `Unknown`; `None` when there is no such condition.
    pub ready: Option<&'static str>,
    /// `status.nodeInfo.systemUUID`
    pub system_uuid: String,
    /// `status.nodeInfo.machineID`
    pub machine_id: String,
}

impl ExistingNode {
    /// A Ready Node of another machine.
    pub fn ready(name: &str) -> Self {
        ExistingNode {
            name: name.into(),
            ready: Some("True"),
            system_uuid: "6e1c8d0f-4d5e-4a6b-8f00-3c1b4b1f0001".into(),
            machine_id: "0123456789abcdef0123456789abcdef".into(),
        }
    }

    /// The same, not Ready.
    pub fn not_ready(name: &str) -> Self {
        ExistingNode { ready: Some("False"), ..Self::ready(name) }
    }

    /// The same Node, of the machine with these identities.
    pub fn of_machine(mut self, system_uuid: &str, machine_id: &str) -> Self {
        (self.system_uuid, self.machine_id) = (system_uuid.into(), machine_id.into());
        self
    }
}

/// Who approves certificate signing requests, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approver {
    /// kube-controller-manager's rules for node client certificates, after this delay.
    /// Source: `pkg/controller/certificates/approver/sarapprove.go`.
    Auto(Duration),
    /// Nobody: requests stay pending until [`crate::ApiServer::approve`] or an administrator's PUT.
    Manual,
    /// Everything is denied.
    Deny {
        /// `status.conditions[].reason`
        reason: String,
        /// `status.conditions[].message`
        message: String,
    },
}

impl Default for Approver {
    fn default() -> Self {
        Approver::Auto(Duration::ZERO)
    }
}

/// Who signs approved requests, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// After this delay.
    After(Duration),
    /// Never: requests stay approved and unsigned.
    Off,
    /// Approved requests get a `Failed` condition.
    Fail {
        /// `status.conditions[].reason`
        reason: String,
        /// `status.conditions[].message`
        message: String,
    },
}

impl Default for Signer {
    fn default() -> Self {
        Signer::After(Duration::ZERO)
    }
}
