//! What an earlier run, or somebody else, has left in the target root: the first question of every run.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::paths;
use crate::error::{Code, codes};
use crate::inputs::Discovery;
use crate::kubeconfig::{
    ClientCredentials, ClusterAccess, Entry, Kubeconfig, KubeconfigError, Names, decoded_ca_certificates,
};
use crate::kubelet::kubeconfig;
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::pki::key::PrivateKey;
use crate::pki::request::NODE_USER_PREFIX;
use crate::rootfs::{Root, RootError, TargetPath};
use crate::secret::Secret;
use crate::text::mask;
use crate::values::{Endpoint, NodeName};

/// Largest file of ours that is read back, in bytes.
const LIMIT: usize = 256 * 1024;

/// How the kubelet's store names the pair in use, in whichever directory (client-go `util/certificate/certificate_store.go`).
const CURRENT: &str = "/kubelet-client-current.pem";

/// The state of a node's identity in the target root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// No `kubelet.conf`: nothing was committed.
    Nothing,
    /// A complete identity of this node in this cluster.
    Joined(NodeIdentity),
    /// `kubelet.conf` is there, but what it leads to cannot be used any more: an empty file after a power loss, an expired
    /// certificate. Joining again is what helps.
    Unusable(Unusable),
    /// `kubelet.conf` is that of another node or another cluster, or not of the kind that joins write.
    Conflict(Conflict),
    /// The same, of another node or another cluster, where what the settings say now is to replace it.
    Superseded(Conflict),
}

/// A certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Name of the Node.
    pub node: String,
    /// Where it begins.
    pub not_before: SystemTime,
    /// Where it ends.
    pub not_after: SystemTime,
    /// `server` of kubelet.conf.
    pub server: String,
    /// Where kubelet.conf has certificate and key.
    pub pair: TargetPath,
    /// Its CA is known to be that of the cluster to be joined; else nothing is known of that cluster's CA.
    pub is_compared: bool,
}

/// Why an identity of ours is none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// A file is empty or cut.
    Damaged,
    /// The certificate file, or the kubelet's configuration, is missing.
    Missing,
    /// Certificate and key do not belong together.
    KeyMismatch,
    /// The certificate has expired.
    Expired,
    /// Somebody else can change `kubelet.conf`, or read or change the key: it belongs to another user, or has permission bits
    /// for others.
    Exposed,
}

/// Whose identity it is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Its CA is none of the cluster to be joined.
    Cluster,
    /// It is that of another node name.
    Node,
    /// It authenticates in another way than with the kubelet's own certificate: an administrator has made it.
    Preexisting,
    /// Nothing can be authenticated with it.
    Unrecognized,
}

/// Reads the state. `now` judges only the end of validity, and only where the clock is plausible.
pub fn read(
    root: &Root,
    node: &NodeName,
    discovery: &Discovery,
    now: Option<SystemTime>,
) -> Result<NodeState, RootError> {
    read_expecting(root, Some(node), |ca| discovery.matches_ca(ca), now)
}

/// The state where nothing says which node and which cluster it should be: every identity that is complete will do.
pub fn read_any(root: &Root, now: Option<SystemTime>) -> Result<NodeState, RootError> {
    read_expecting(root, None, |_| None, now)
}

/// The name that a complete `kubelet.conf` of ours is for.
pub fn node_name(root: &Root) -> Result<Option<NodeName>, RootError> {
    Ok(match read_any(root, None)? {
        NodeState::Joined(identity) => identity.node.parse().ok(),
        _ => None,
    })
}

/// How the API server is reached with the identity in `kubelet.conf`; `None` where it is not of the form that joins write.
pub fn access(root: &Root) -> Result<Option<ClusterAccess>, RootError> {
    let Some(conf) = root.read(&paths::KUBELET_CONF, LIMIT)?.and_then(|text| KubeletConf::read(&text)) else {
        return Ok(None);
    };
    let Some(pair) = root.read(&conf.client, LIMIT)? else { return Ok(None) };
    Ok((|| {
        Some(ClusterAccess {
            server: conf.server.strip_prefix("https://")?.parse().ok()?,
            ca_certificates: conf.ca_certificates,
            credentials: Some(ClientCredentials {
                token: None,
                identity: Some(ClientIdentity::from_pem(&pair, &pair).ok()?),
            }),
            names: Names::default(),
            ignored: Vec::new(),
        })
    })())
}

/// `kubelet.conf` as it is, with another server; `None` where it is not what joins write.
pub fn with_server(root: &Root, server: &Endpoint) -> Result<Option<String>, RootError> {
    let Some(text) = root.read(&paths::KUBELET_CONF, LIMIT)? else { return Ok(None) };
    // What a person has added would be lost.
    let is_extended = CurrentContext::read(&text).is_some_and(|conf| {
        ["tls-server-name", "proxy-url"].into_iter().any(|field| conf.cluster_text(field).is_some())
    });
    Ok(KubeletConf::read(&text).filter(|_| !is_extended).map(|conf| {
        let ca: String = conf.ca_certificates.iter().map(Certificate::to_pem).collect();
        kubeconfig::render(&format!("https://{server}"), ca, conf.client.as_str())
    }))
}

fn read_expecting(
    root: &Root,
    node: Option<&NodeName>,
    matches_ca: impl Fn(&Certificate) -> Option<bool>,
    now: Option<SystemTime>,
) -> Result<NodeState, RootError> {
    let Some((text, metadata)) = root.read_with_metadata(&paths::KUBELET_CONF, LIMIT)? else {
        return Ok(NodeState::Nothing);
    };
    if text.iter().all(u8::is_ascii_whitespace) || text.contains(&0) {
        return Ok(NodeState::Unusable(Unusable::Damaged));
    }
    let Some(conf) = KubeletConf::read(&text) else {
        // What another user can have written is nobody's to keep.
        let has_credentials =
            metadata.is_trusted() && CurrentContext::read(&text).is_some_and(|conf| conf.has_credentials());
        return Ok(NodeState::Conflict(if has_credentials { Conflict::Preexisting } else { Conflict::Unrecognized }));
    };
    if !metadata.is_trusted() {
        return Ok(NodeState::Unusable(Unusable::Exposed));
    }
    // Where nothing is known of the cluster's CA, nothing speaks against this one either.
    let known: Vec<_> = conf.ca_certificates.iter().map(matches_ca).collect();
    if !known.iter().any(|is_known| is_known.unwrap_or(true)) {
        return Ok(NodeState::Conflict(Conflict::Cluster));
    }
    let is_compared = known.contains(&Some(true));
    let Some((pem, metadata)) = root.read_with_metadata(&conf.client, LIMIT)? else {
        return Ok(NodeState::Unusable(Unusable::Missing));
    };
    if !metadata.is_private() {
        return Ok(NodeState::Unusable(Unusable::Exposed));
    }
    let Ok(chain) = Certificate::all_from_pem(&pem) else { return Ok(NodeState::Unusable(Unusable::Damaged)) };
    let Some(leaf) = chain.first() else { return Ok(NodeState::Unusable(Unusable::Damaged)) };
    let owner = leaf.common_name().strip_prefix(NODE_USER_PREFIX);
    let Some(owner) = owner.filter(|owner| node.is_none_or(|node| node.as_str() == *owner)) else {
        return Ok(NodeState::Conflict(Conflict::Node));
    };
    match PrivateKey::from_pem(&pem) {
        Ok(key) if key.public_key_info() != leaf.public_key_info() => {
            return Ok(NodeState::Unusable(Unusable::KeyMismatch));
        }
        Ok(_) => {}
        // A kubelet may hold an RSA key; that it is a key must do then.
        Err(_) if PrivateKeyDer::from_pem_slice(&pem).is_ok() => {}
        Err(_) => return Ok(NodeState::Unusable(Unusable::Damaged)),
    }
    if now.is_some_and(|now| leaf.not_after() < now) {
        return Ok(NodeState::Unusable(Unusable::Expired));
    }
    if !root.exists(&paths::KUBELET_CONFIG)? {
        return Ok(NodeState::Unusable(Unusable::Missing));
    }
    Ok(NodeState::Joined(NodeIdentity {
        node: owner.to_owned(),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
        server: conf.server,
        pair: conf.client,
        is_compared,
    }))
}

/// What of this node nobody else may know: keys and tokens of its files. What cannot be read is not known to us either.
pub fn secrets(root: &Root) -> Vec<Secret> {
    let read = |path: &TargetPath| root.read(path, LIMIT).ok().flatten();
    let mut found = Vec::new();
    let mut keys = vec![read(&paths::CLIENT_CURRENT), read(&paths::PENDING_KEY)];
    for conf in [paths::KUBELET_CONF, paths::BOOTSTRAP_KUBELET_CONF] {
        let Some(text) = read(&conf) else { continue };
        found.extend(mask::secrets_in(&String::from_utf8_lossy(&text)));
        let Some(context) = CurrentContext::read(&text) else { continue };
        found.extend(context.text("token").map(Secret::new));
        found.extend(context.text("client-key-data").map(Secret::new));
        keys.push(context.text("client-key").and_then(absolute).and_then(|path| read(&path)));
    }
    for pem in keys.into_iter().flatten() {
        let text = String::from_utf8_lossy(&pem);
        // Behind the certificates, which are public.
        let key = text.split("-----BEGIN ").filter(|block| block.contains("PRIVATE KEY-----"));
        found.extend(key.map(Secret::new));
    }
    found
}

/// The CA certificates in `kubelet.conf`, as far as it is one that joins and kubelets write and has any.
pub fn ca_certificates(root: &Root) -> Result<Vec<Certificate>, RootError> {
    let text = root.read(&paths::KUBELET_CONF, LIMIT)?;
    Ok(text.and_then(|text| KubeletConf::read(&text)).map(|conf| conf.ca_certificates).unwrap_or_default())
}

/// Whether an API client can be made of `kubelet.conf`: it is there with everything that it refers to. What kubeadm waits
/// for when the kubelet does the TLS bootstrap (`waitForTLSBootstrappedClient`, `cmd/kubeadm/app/cmd/phases/join/kubelet.go`).
pub fn is_client(root: &Root) -> Result<bool, RootError> {
    let Some(text) = root.read(&paths::KUBELET_CONF, LIMIT)? else { return Ok(false) };
    let Some(conf) = CurrentContext::read(&text).filter(CurrentContext::has_credentials) else { return Ok(false) };
    for path in ["client-certificate", "client-key", "tokenFile"].iter().filter_map(|field| conf.text(field)) {
        let Some(path) = absolute(path) else { return Ok(false) };
        if root.read(&path, LIMIT)?.is_none_or(|content| content.is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The common name that an user's `kubelet.conf` verifies, where that is a certificate that can be read.
pub fn preexisting_name(root: &Root) -> Result<Option<String>, RootError> {
    let Some(text) = root.read(&paths::KUBELET_CONF, LIMIT)? else { return Ok(None) };
    let Some(conf) = CurrentContext::read(&text) else { return Ok(None) };
    let pem = match (conf.text("client-certificate-data"), conf.text("client-certificate").and_then(absolute)) {
        (Some(data), _) => STANDARD.decode(data).ok().map(Zeroizing::new),
        (None, Some(path)) => root.read(&path, LIMIT)?,
        (None, None) => None,
    };
    let chain = pem.and_then(|pem| Certificate::all_from_pem(&pem).ok()).unwrap_or_default();
    Ok(chain.first().map(|leaf| leaf.common_name().to_owned()))
}

/// The CA certificates of a preexisting `kubelet.conf`; `None` where it names none that can be read.
pub fn preexisting_ca(root: &Root) -> Result<Option<Vec<Certificate>>, RootError> {
    let Some(text) = root.read(&paths::KUBELET_CONF, LIMIT)? else { return Ok(None) };
    let Some(conf) = CurrentContext::read(&text) else { return Ok(None) };
    let path = conf.cluster_text("certificate-authority").and_then(absolute);
    match (conf.cluster_text("certificate-authority-data"), path) {
        (Some(data), _) => Ok(decoded_ca_certificates(data).ok()),
        (None, Some(path)) => Ok(root.read(&path, LIMIT)?.and_then(|pem| Certificate::all_from_pem(&pem).ok())),
        (None, None) => Ok(None),
    }
}

/// A path in `kubelet.conf`, as client-go takes it: from the directory of the file that says it.
fn absolute(path: &str) -> Option<TargetPath> {
    if path.starts_with('/') { path.parse().ok() } else { format!("{}/{path}", paths::KUBERNETES).parse().ok() }
}

/// A kubeconfig, and its current context in it.
struct CurrentContext(Kubeconfig);

impl CurrentContext {
    fn read(text: &[u8]) -> Option<Self> {
        let kubeconfig = Kubeconfig::parse(std::str::from_utf8(text).ok()?).ok()?;
        let context = kubeconfig.current_context().ok()??;
        // Whoever has this may ask for both.
        kubeconfig.cluster_of(context).and(kubeconfig.user_of(context)).ok()?;
        Some(CurrentContext(kubeconfig))
    }

    fn entry<'a>(
        &'a self,
        of: impl Fn(&'a Kubeconfig, Entry<'a>) -> Result<Entry<'a>, KubeconfigError>,
    ) -> Option<Entry<'a>> {
        of(&self.0, self.0.current_context().ok()??).ok()
    }

    /// A field of the cluster that is not empty.
    fn cluster_text(&self, field: &str) -> Option<&str> {
        self.entry(Kubeconfig::cluster_of)?.text(field)
    }

    /// A field of the user that is not empty.
    fn text(&self, field: &str) -> Option<&str> {
        self.entry(Kubeconfig::user_of)?.text(field)
    }

    /// Whether the user is anybody. Which ways of authentication an API server takes is not asked.
    fn has_credentials(&self) -> bool {
        let has = |field| self.text(field).is_some();
        let certificate = has("client-certificate") || has("client-certificate-data");
        let key = has("client-key") || has("client-key-data");
        let runs_a_program = self.entry(Kubeconfig::user_of).is_some_and(|user| user.says("exec"));
        certificate && key || has("token") || has("tokenFile") || runs_a_program
    }
}

/// The fields of a kubelet.conf as kubelets and joins write it.
struct KubeletConf {
    server: String,
    ca_certificates: Vec<Certificate>,
    client: TargetPath,
}

impl KubeletConf {
    /// `None` where it is another's: kubelets and joins keep certificate and key in one file, of one name.
    fn read(text: &[u8]) -> Option<Self> {
        let conf = CurrentContext::read(text)?;
        let client = conf.text("client-certificate")?;
        if conf.text("client-key") != Some(client) || !client.ends_with(CURRENT) {
            return None;
        }
        Some(KubeletConf {
            server: conf.cluster_text("server")?.to_owned(),
            ca_certificates: decoded_ca_certificates(conf.cluster_text("certificate-authority-data")?).ok()?,
            client: client.parse().ok()?,
        })
    }
}

impl Unusable {
    /// What it is in the catalogue of errors.
    pub fn code(self) -> &'static Code {
        match self {
            Unusable::Expired => &codes::NODE_CERTIFICATE_EXPIRED,
            _ => &codes::NODE_FILES_UNUSABLE,
        }
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unusable::Damaged => "a file of it is empty or damaged",
            Unusable::Missing => "its certificate or the kubelet's configuration is missing",
            Unusable::KeyMismatch => "its certificate and key do not belong together",
            Unusable::Expired => "its certificate has expired",
            Unusable::Exposed => "its owner or mode lets others change it, or read its key",
        })
    }
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Conflict::Cluster => "it belongs to another cluster: its CA is none of the one to be joined",
            Conflict::Node => "it belongs to a node of another name",
            Conflict::Preexisting => "it holds credentials that no join and no kubelet wrote",
            Conflict::Unrecognized => "it is not of the form that a join or a kubelet writes",
        })
    }
}
