//! `kubeadm.k8s.io/v1beta4`, the version that Kubernetes 1.31 to 1.37 write (`apis/kubeadm/v1beta4/types.go`), and what
//! every version since v1beta1 has in common with it.

use super::args_form::ArgsForm;
use super::draft::{ControlPlane, Draft};
use super::fields::{Fields, Reader};
use super::node_registration;
use super::origin::WithOrigin;
use super::timeouts::Timeouts;

/// Which fields a version has, where versions differ.
pub(super) struct Shape {
    /// Of the document.
    pub(super) root: &'static [&'static str],
    /// Of `nodeRegistration`.
    pub(super) node_registration: &'static [&'static str],
    /// How `kubeletExtraArgs` is written.
    pub(super) extra_args: ArgsForm,
    /// Of `discovery`.
    pub(super) discovery: &'static [&'static str],
    /// Of `controlPlane`.
    pub(super) control_plane: &'static [&'static str],
}

const SHAPE: Shape = Shape {
    root: &[
        "apiVersion",
        "kind",
        "dryRun",
        "nodeRegistration",
        "caCertPath",
        "discovery",
        "controlPlane",
        "skipPhases",
        "patches",
        "timeouts",
    ],
    node_registration: &[
        "name",
        "criSocket",
        "taints",
        "kubeletExtraArgs",
        "ignorePreflightErrors",
        "imagePullPolicy",
        "imagePullSerial",
    ],
    extra_args: ArgsForm::List,
    discovery: &["bootstrapToken", "file", "tlsBootstrapToken"],
    control_plane: &["localAPIEndpoint", "certificateKey"],
};

pub(super) fn read(reader: &mut Reader<'_>) -> Draft {
    common(reader, &SHAPE)
}

/// The experimental `kubeadm.k8s.io/v1` of Kubernetes 1.37 (`apis/kubeadm/v1/types.go`): v1beta4, and `mergeMethod` for
/// arguments, which has no counterpart there.
pub(super) fn read_v1(reader: &mut Reader<'_>) -> Draft {
    common(reader, &Shape { extra_args: ArgsForm::ListWithMergeMethod, ..SHAPE })
}

/// What v1beta1 and every version since have, each with its own fields.
pub(super) fn common(reader: &mut Reader<'_>, shape: &Shape) -> Draft {
    let mut draft = Draft::default();
    let Some(root) = reader.root(shape.root) else { return draft };
    discovery(reader, &root, &mut draft, shape.discovery);
    if let Some(node) = reader.object(&root, "nodeRegistration", shape.node_registration) {
        node_registration::read(reader, &node, &mut draft, shape.extra_args);
    }
    draft.ca_cert_path = reader.string(&root, "caCertPath");
    draft.control_plane = control_plane(reader, &root, shape.control_plane);
    // Where a version does not have one of these, it has been named as unknown, and does not count.
    let has = |name| shape.root.contains(&name);
    if has("skipPhases") {
        draft.skip_phases = reader.strings(&root, "skipPhases");
    }
    if has("patches")
        && let Some(patches) = reader.object(&root, "patches", &["directory"])
    {
        draft.patches = Some(reader.origin(root.child("patches")));
        let directory = reader.string(&patches, "directory").filter(|given| !given.value.is_empty());
        draft.patches_directory = directory.map(|given| given.value.into());
    }
    if has("dryRun") {
        draft.dry_run = reader.boolean(&root, "dryRun").unwrap_or_default();
    }
    if has("timeouts")
        && let Some(timeouts) = timeouts(reader, &root)
    {
        draft.timeouts = timeouts;
    }
    draft
}

fn discovery<'a>(reader: &mut Reader<'a>, root: &Fields<'a>, draft: &mut Draft, known: &[&str]) {
    let Some(discovery) = reader.object(root, "discovery", known) else { return };
    draft.tls_bootstrap_token = reader.secret(&discovery, "tlsBootstrapToken");
    if known.contains(&"timeout")
        && let Some(timeout) = reader.duration(&discovery, "timeout")
    {
        draft.timeouts.discovery = timeout;
        reader.moved(&discovery, "timeout", "timeouts.discovery");
    }
    if let Some(file) = reader.object(&discovery, "file", &["kubeConfigPath"]) {
        let missing = WithOrigin::new(String::new(), reader.origin(discovery.child("file")));
        draft.file = Some(reader.string(&file, "kubeConfigPath").unwrap_or(missing));
    }
    let known = ["token", "apiServerEndpoint", "caCertHashes", "unsafeSkipCAVerification"];
    let Some(bootstrap_token) = reader.object(&discovery, "bootstrapToken", &known) else { return };
    draft.bootstrap_token = Some(reader.origin(discovery.child("bootstrapToken")));
    draft.endpoints = reader.string(&bootstrap_token, "apiServerEndpoint").into_iter().collect();
    draft.discovery_token = reader.secret(&bootstrap_token, "token");
    draft.ca_cert_hashes = reader.strings(&bootstrap_token, "caCertHashes");
    draft.unsafe_skip_ca_verification =
        reader.boolean(&bootstrap_token, "unsafeSkipCAVerification").unwrap_or_default();
}

fn control_plane<'a>(reader: &mut Reader<'a>, root: &Fields<'a>, known: &[&str]) -> Option<WithOrigin<ControlPlane>> {
    let fields = reader.object(root, "controlPlane", known)?;
    let origin = reader.origin(root.child("controlPlane"));
    let certificate_key = reader.secret(&fields, "certificateKey").filter(|_| known.contains(&"certificateKey"));
    let endpoint = reader.object(&fields, "localAPIEndpoint", &API_ENDPOINT);
    let mut control_plane = endpoint.map_or_else(ControlPlane::default, |endpoint| api_endpoint(reader, &endpoint));
    control_plane.certificate_key = certificate_key;
    Some(WithOrigin::new(control_plane, origin))
}

/// Fields of `localAPIEndpoint`.
pub(super) const API_ENDPOINT: [&str; 2] = ["advertiseAddress", "bindPort"];

pub(super) fn api_endpoint<'a>(reader: &mut Reader<'a>, endpoint: &Fields<'a>) -> ControlPlane {
    ControlPlane {
        advertise_address: reader.string(endpoint, "advertiseAddress"),
        bind_port: reader.integer(endpoint, "bindPort"),
        certificate_key: None,
    }
}

pub(super) fn timeouts<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> Option<Timeouts> {
    let known = [
        "controlPlaneComponentHealthCheck",
        "kubeletHealthCheck",
        "kubernetesAPICall",
        "etcdAPICall",
        "tlsBootstrap",
        "discovery",
        "upgradeManifests",
    ];
    let default = Timeouts::default();
    let fields = reader.object(root, "timeouts", &known)?;
    let mut timeout = |name, default| reader.duration(&fields, name).unwrap_or(default);
    Some(Timeouts {
        discovery: timeout("discovery", default.discovery),
        tls_bootstrap: timeout("tlsBootstrap", default.tls_bootstrap),
        kubelet_health_check: timeout("kubeletHealthCheck", default.kubelet_health_check),
        kubernetes_api_call: timeout("kubernetesAPICall", default.kubernetes_api_call),
        control_plane_component_health_check: timeout(
            "controlPlaneComponentHealthCheck",
            default.control_plane_component_health_check,
        ),
        etcd_api_call: timeout("etcdAPICall", default.etcd_api_call),
        upgrade_manifests: timeout("upgradeManifests", default.upgrade_manifests),
    })
}
