//! The fields of Kubernetes objects that a join reads and writes. Everything else is skipped, never stored.
//! Shapes: `k8s.io/api/core/v1`, `k8s.io/api/certificates/v1`, `k8s.io/apimachinery/pkg/apis/meta/v1`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// `metadata`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ObjectMeta {
    /// `name`.
    #[serde(default)]
    pub name: String,
    /// `uid`.
    #[serde(default)]
    pub uid: String,
}

/// What an object is, and its name; all that is read of one that may be another.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PartialObject {
    /// `kind`.
    #[serde(default)]
    pub kind: String,
    /// `metadata`.
    #[serde(default)]
    pub metadata: ObjectMeta,
}

/// An object that says of itself what it is.
pub trait Object: serde::de::DeserializeOwned {
    /// `kind`.
    const KIND: &'static str;
}

/// core/v1 ConfigMap.
#[derive(Clone, Debug, Deserialize)]
pub struct ConfigMap {
    /// The entries of `data` that a join reads; see [`is_read`].
    #[serde(default, deserialize_with = "entries_that_are_read")]
    pub data: BTreeMap<String, String>,
}

/// The most entries that are kept: cluster-info has one for each bootstrap token.
const MAX_ENTRIES: usize = 256;

/// The keys of a ConfigMap that a join reads: those of cluster-info, kubelet-config and kubeadm-config.
fn is_read(key: &str) -> bool {
    matches!(key, "kubeconfig" | "kubelet" | "ClusterConfiguration") || key.starts_with("jws-kubeconfig-")
}

/// Keeps no entry that nothing reads: whoever sends cluster-info is not verified yet, and a million empty strings cost ten
/// times their text.
fn entries_that_are_read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping of strings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                if is_read(&key) && entries.len() < MAX_ENTRIES {
                    entries.insert(key, map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries)
}

impl Object for ConfigMap {
    const KIND: &'static str = "ConfigMap";
}

/// core/v1 Node.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// `status`.
    #[serde(default)]
    pub status: NodeStatus,
}

impl Object for Node {
    const KIND: &'static str = "Node";
}

/// `status` of a Node.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NodeStatus {
    /// `conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// `nodeInfo`.
    #[serde(default, rename = "nodeInfo")]
    pub node_info: NodeInfo,
}

/// `status.nodeInfo`: what the kubelet of that Node said about its machine.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NodeInfo {
    /// `machineID`.
    #[serde(default, rename = "machineID")]
    pub machine_id: String,
    /// `systemUUID`.
    #[serde(default, rename = "systemUUID")]
    pub system_uuid: String,
    /// `bootID`.
    #[serde(default, rename = "bootID")]
    pub boot_id: String,
}

impl Node {
    /// Whether a condition `Ready` has the status `True`.
    pub fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|c| c.kind == "Ready" && c.status == "True")
    }
}

/// A condition of a Node or of a request.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Condition {
    /// `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `status`.
    #[serde(default)]
    pub status: String,
    /// `reason`.
    #[serde(default)]
    pub reason: String,
    /// `message`.
    #[serde(default)]
    pub message: String,
}

/// certificates.k8s.io/v1 CertificateSigningRequest, as read.
#[derive(Clone, Debug, Deserialize)]
pub struct CertificateSigningRequest {
    /// `metadata`.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(default)]
    pub spec: CsrSpec,
    /// `status`.
    #[serde(default)]
    pub status: CsrStatus,
}

impl Object for CertificateSigningRequest {
    const KIND: &'static str = "CertificateSigningRequest";
}

/// `spec` of a request, as read.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CsrSpec {
    /// `request`: base64 of PEM.
    #[serde(default)]
    pub request: String,
    /// `signerName`.
    #[serde(default, rename = "signerName")]
    pub signer_name: String,
}

/// `status` of a request.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CsrStatus {
    /// `conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// `certificate`: base64 of PEM, leaf first.
    #[serde(default)]
    pub certificate: String,
}

/// certificates.k8s.io/v1 CertificateSigningRequest, as posted.
#[derive(Clone, Debug, Serialize)]
pub struct NewCertificateSigningRequest<'a> {
    /// `certificates.k8s.io/v1`.
    #[serde(rename = "apiVersion")]
    pub api_version: &'static str,
    /// `CertificateSigningRequest`.
    pub kind: &'static str,
    /// `metadata`, with the name we chose.
    pub metadata: NewMeta<'a>,
    /// `spec`.
    pub spec: NewCsrSpec<'a>,
}

/// `metadata`, as posted.
#[derive(Clone, Debug, Serialize)]
pub struct NewMeta<'a> {
    /// `name`.
    pub name: &'a str,
}

/// `spec`, as posted.
#[derive(Clone, Debug, Serialize)]
pub struct NewCsrSpec<'a> {
    /// Base64 of PEM.
    pub request: String,
    /// `signerName`.
    #[serde(rename = "signerName")]
    pub signer_name: &'a str,
    /// `usages`.
    pub usages: &'a [&'a str],
}

/// One event of a WATCH.
#[derive(Clone, Debug, Deserialize)]
pub struct WatchEvent {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, `ERROR`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object, or a `Status` where the type is `ERROR`.
    pub object: serde_json::Value,
}

/// meta/v1 Status: what an API server says instead of an object.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Status {
    /// `kind`: `Status`.
    #[serde(default)]
    pub kind: String,
    /// `reason`.
    #[serde(default)]
    pub reason: String,
    /// `message`.
    #[serde(default)]
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_config_map_only_what_is_read_is_kept() {
        let many = |key: &str, count| (0..count).map(|n| format!("\"{key}{n}\":\"\",")).collect::<String>();
        let text = format!("{{\"data\":{{{}\"kubeconfig\":\"k\"}}}}", many("", 100_000));
        let config_map: ConfigMap = serde_json::from_str(&text).unwrap();
        assert_eq!(config_map.data, BTreeMap::from([("kubeconfig".to_owned(), "k".to_owned())]));
        let text = format!("{{\"data\":{{\"kubeconfig\":\"k\",{}\"x\":\"\"}}}}", many("jws-kubeconfig-", 100_000));
        let config_map: ConfigMap = serde_json::from_str(&text).unwrap();
        assert_eq!(config_map.data.len(), MAX_ENTRIES);
        assert!(serde_json::from_str::<ConfigMap>("{\"data\":{\"kubelet\":7}}").is_err());
    }
}
