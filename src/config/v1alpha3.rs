//! The flat versions of `kubeadm.k8s.io`: JoinConfiguration v1alpha3 (Kubernetes 1.12), and before it NodeConfiguration
//! v1alpha2 (1.11) and v1alpha1 (1.5 to 1.10), with `apis/kubeadm/v1alpha1` to `v1alpha3` of 1.11 and 1.13 as the source.
//!
//! What was flat has its place under `discovery` today. `token` was for whatever had no token of its own; `clusterName`
//! and `featureGates` are set on the cluster, and kubeadm 1.13 ignored them already.

use super::args_form::ArgsForm;
use super::draft::Draft;
use super::fields::{Fields, Reader};
use super::node_registration;
use super::origin::WithOrigin;
use super::problem::Problem;
use super::v1beta4;
use super::warning::Warning;

/// Fields that all three have.
const COMMON: [&str; 13] = [
    "apiVersion",
    "kind",
    "caCertPath",
    "discoveryFile",
    "discoveryToken",
    "discoveryTokenAPIServers",
    "discoveryTimeout",
    "tlsBootstrapToken",
    "token",
    "clusterName",
    "discoveryTokenCACertHashes",
    "discoveryTokenUnsafeSkipCAVerification",
    "featureGates",
];

/// Fields of `nodeRegistration` in v1alpha2 and v1alpha3.
const NODE_REGISTRATION: [&str; 4] = ["name", "criSocket", "taints", "kubeletExtraArgs"];

pub(super) fn read(reader: &mut Reader<'_>) -> Draft {
    let Some((root, mut draft)) = flat(reader, &["nodeRegistration", "controlPlane", "apiEndpoint"]) else {
        return Draft::default();
    };
    registration(reader, &root, &mut draft);
    let is_control_plane = reader.boolean(&root, "controlPlane").unwrap_or_default();
    // kubeadm always wrote this field; without `controlPlane` it means nothing.
    let endpoint = reader.object(&root, "apiEndpoint", &v1beta4::API_ENDPOINT);
    if is_control_plane {
        let origin = reader.origin(root.child("controlPlane"));
        let control_plane = endpoint.map(|endpoint| v1beta4::api_endpoint(reader, &endpoint)).unwrap_or_default();
        draft.control_plane = Some(WithOrigin::new(control_plane, origin));
        reader.moved(&root, "apiEndpoint", "controlPlane.localAPIEndpoint");
    }
    draft
}

pub(super) fn read_v1alpha2(reader: &mut Reader<'_>) -> Draft {
    let Some((root, mut draft)) = flat(reader, &["nodeRegistration"]) else { return Draft::default() };
    registration(reader, &root, &mut draft);
    draft
}

pub(super) fn read_v1alpha1(reader: &mut Reader<'_>) -> Draft {
    let Some((root, mut draft)) = flat(reader, &["nodeName", "criSocket"]) else { return Draft::default() };
    draft.node_name = reader.string(&root, "nodeName").filter(|name| !name.value.is_empty());
    reader.moved(&root, "nodeName", "nodeRegistration.name");
    draft.cri_socket = reader.string(&root, "criSocket").filter(|socket| !socket.value.is_empty());
    reader.moved(&root, "criSocket", "nodeRegistration.criSocket");
    draft
}

fn registration<'a>(reader: &mut Reader<'a>, root: &Fields<'a>, draft: &mut Draft) {
    if let Some(node) = reader.object(root, "nodeRegistration", &NODE_REGISTRATION) {
        node_registration::read(reader, &node, draft, ArgsForm::Map);
    }
}

/// What the three have in common.
fn flat<'a>(reader: &mut Reader<'a>, further: &[&str]) -> Option<(Fields<'a>, Draft)> {
    let known: Vec<&str> = COMMON.iter().chain(further).copied().collect();
    let root = reader.root(&known)?;
    let mut draft = Draft { ca_cert_path: reader.string(&root, "caCertPath"), ..Draft::default() };

    let token = reader.secret(&root, "token");
    let discovery_token = reader.secret(&root, "discoveryToken");
    draft.file = reader.string(&root, "discoveryFile").filter(|file| !file.value.is_empty());
    draft.tls_bootstrap_token = reader.secret(&root, "tlsBootstrapToken").or_else(|| token.clone());
    match (&draft.file, &discovery_token) {
        (Some(_), Some(token)) => reader.findings.problems.push(Problem::TwoDiscoveries(token.origin.clone())),
        (Some(_), None) => {}
        (None, _) => draft.discovery_token = discovery_token.or_else(|| token.clone()),
    }
    draft.endpoints = reader.strings(&root, "discoveryTokenAPIServers");
    draft.ca_cert_hashes = reader.strings(&root, "discoveryTokenCACertHashes");
    draft.unsafe_skip_ca_verification =
        reader.boolean(&root, "discoveryTokenUnsafeSkipCAVerification").unwrap_or_default();
    if let Some(timeout) = reader.duration(&root, "discoveryTimeout") {
        draft.timeouts.discovery = timeout;
    }
    for (old, new) in [
        ("token", "discovery.bootstrapToken.token and discovery.tlsBootstrapToken"),
        ("discoveryToken", "discovery.bootstrapToken.token"),
        ("discoveryTokenAPIServers", "discovery.bootstrapToken.apiServerEndpoint"),
        ("discoveryTokenCACertHashes", "discovery.bootstrapToken.caCertHashes"),
        ("discoveryTokenUnsafeSkipCAVerification", "discovery.bootstrapToken.unsafeSkipCAVerification"),
        ("discoveryFile", "discovery.file.kubeConfigPath"),
        ("tlsBootstrapToken", "discovery.tlsBootstrapToken"),
        ("discoveryTimeout", "timeouts.discovery"),
    ] {
        reader.moved(&root, old, new);
    }
    for name in ["clusterName", "featureGates"] {
        if root.is_set(name) {
            let origin = reader.origin(root.child(name));
            reader.findings.warnings.push(Warning::Retired(origin));
        }
    }
    Some((root, draft))
}
