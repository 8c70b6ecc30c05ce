//! The fields of Kubernetes objects that a join reads and writes. Everything else is skipped, never stored.
//! Shapes: `k8s.io/api/core/v1`, `k8s.io/api/certificates/v1`, `k8s.io/apimachinery/pkg/apis/meta/v1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// `data`.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
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
