//! A JoinConfiguration as a document of `kubeadm.k8s.io/v1beta4`, with every default in it: what `kubeadm config migrate`
//! and `config print` write, field by field (`apis/kubeadm/v1beta4/types.go`, `defaults.go`).

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::check::kubeconfig_path;
use super::draft::{ControlPlane, DEFAULT_CA_CERT_PATH, Draft, DraftTaint};
use super::origin::WithOrigin;
use super::settings::list;
use crate::values::{NodeName, duration};
use crate::yaml;

/// The port of an API server that says nothing else (kubeadm `KubeAPIServerPort`).
const DEFAULT_BIND_PORT: i32 = 6443;

/// The taint of a control plane that says nothing else (kubeadm `ControlPlaneTaint`).
const CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/control-plane";

/// The document. It holds the tokens; whoever gets it has them.
pub(super) fn to_yaml(draft: &Draft, node_name: &NodeName, cri_socket: &str) -> Zeroizing<String> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("apiVersion", json!("kubeadm.k8s.io/v1beta4"));
    put("kind", json!("JoinConfiguration"));
    let ca_cert_path = draft.ca_cert_path.as_ref().map(|given| given.value.as_str()).filter(|path| !path.is_empty());
    put("caCertPath", json!(ca_cert_path.unwrap_or(DEFAULT_CA_CERT_PATH)));
    put("discovery", discovery(draft));
    put("nodeRegistration", node_registration(draft, node_name, cri_socket));
    put("timeouts", timeouts(draft));
    if let Some(given) = &draft.control_plane {
        put("controlPlane", control_plane(&given.value));
    }
    if draft.patches.is_some() {
        let directory = draft.patches_directory.as_ref();
        put("patches", directory.map_or(json!({}), |directory| json!({ "directory": directory })));
    }
    if !draft.skip_phases.is_empty() {
        put("skipPhases", draft.skip_phases.iter().map(|given| json!(given.value)).collect());
    }
    if draft.dry_run {
        put("dryRun", json!(true));
    }
    Zeroizing::new(yaml::to_string(&Value::Object(fields)))
}

fn discovery(draft: &Draft) -> Value {
    let mut fields = Map::new();
    if let Some(token) = &draft.tls_bootstrap_token {
        fields.insert("tlsBootstrapToken".to_owned(), json!(token.value.expose()));
    }
    if let Some(file) = &draft.file {
        // Checked before: what is refused is not rendered.
        let path = kubeconfig_path(file, &mut Vec::new()).unwrap_or_default();
        fields.insert("file".to_owned(), json!({ "kubeConfigPath": path }));
        return Value::Object(fields);
    }
    let mut token = Map::new();
    if let Some(discovery_token) = &draft.discovery_token {
        token.insert("token".to_owned(), json!(discovery_token.value.expose()));
    }
    // kubeadm has room for one.
    if let Some(first) = draft.endpoints.iter().flat_map(|given| list(&given.value)).next() {
        token.insert("apiServerEndpoint".to_owned(), json!(first));
    }
    if !draft.ca_cert_hashes.is_empty() {
        let hashes = draft.ca_cert_hashes.iter().map(|given| json!(given.value)).collect();
        token.insert("caCertHashes".to_owned(), hashes);
    }
    if draft.unsafe_skip_ca_verification {
        token.insert("unsafeSkipCAVerification".to_owned(), json!(true));
    }
    fields.insert("bootstrapToken".to_owned(), Value::Object(token));
    Value::Object(fields)
}

fn node_registration(draft: &Draft, node_name: &NodeName, cri_socket: &str) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("name", json!(node_name.as_str()));
    put("criSocket", json!(cri_socket));
    put("imagePullPolicy", json!(draft.image_pull_policy.name()));
    put("imagePullSerial", json!(draft.image_pull_serial.unwrap_or(true)));
    let of_role = || match draft.control_plane {
        Some(_) => json!([{ "key": CONTROL_PLANE_TAINT, "effect": "NoSchedule" }]),
        None => Value::Null,
    };
    put("taints", draft.taints.as_ref().map_or_else(of_role, |taints| taints.iter().map(taint).collect()));
    if !draft.kubelet_extra_args.is_empty() {
        let argument = |(name, given): &(String, WithOrigin<String>)| json!({ "name": name, "value": given.value });
        put("kubeletExtraArgs", draft.kubelet_extra_args.iter().map(argument).collect());
    }
    if !draft.ignore_preflight_errors.is_empty() {
        put("ignorePreflightErrors", draft.ignore_preflight_errors.iter().map(|given| json!(given.value)).collect());
    }
    Value::Object(fields)
}

fn taint(taint: &DraftTaint) -> Value {
    let DraftTaint { taint, time_added, .. } = taint;
    let mut fields = json!({ "key": taint.key, "effect": taint.effect });
    if !taint.value.is_empty() {
        fields["value"] = json!(taint.value);
    }
    if let Some(time) = time_added {
        fields["timeAdded"] = json!(time);
    }
    fields
}

/// An address that is not given stays away: kubeadm writes the address of the machine that migrates.
fn control_plane(control_plane: &ControlPlane) -> Value {
    let port = control_plane.bind_port.as_ref().map(|given| given.value).filter(|port| *port != 0);
    let mut fields = json!({ "localAPIEndpoint": { "bindPort": port.unwrap_or(DEFAULT_BIND_PORT) } });
    if let Some(address) = control_plane.advertise_address.as_ref().filter(|given| !given.value.is_empty()) {
        fields["localAPIEndpoint"]["advertiseAddress"] = json!(address.value);
    }
    if let Some(key) = &control_plane.certificate_key {
        fields["certificateKey"] = json!(key.value.expose());
    }
    fields
}

fn timeouts(draft: &Draft) -> Value {
    let timeouts = &draft.timeouts;
    let fields = [
        ("controlPlaneComponentHealthCheck", timeouts.control_plane_component_health_check),
        ("discovery", timeouts.discovery),
        ("etcdAPICall", timeouts.etcd_api_call),
        ("kubeletHealthCheck", timeouts.kubelet_health_check),
        ("kubernetesAPICall", timeouts.kubernetes_api_call),
        ("tlsBootstrap", timeouts.tls_bootstrap),
        ("upgradeManifests", timeouts.upgrade_manifests),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), json!(duration::format(value)))).collect()
}
