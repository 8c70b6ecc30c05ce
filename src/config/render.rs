//! A JoinConfiguration as a document of `kubeadm.k8s.io/v1beta4`, with every default in it: what `kubeadm config migrate`
//! and `config print` write, field by field (`apis/kubeadm/v1beta4/types.go`, `defaults.go`).

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::check::kubeconfig_path;
use super::draft::{ControlPlane, DEFAULT_CA_CERT_PATH, Draft, DraftTaint};
use super::join_configuration::Taint;
use super::origin::{Origin, WithOrigin};
use super::settings::list;
use super::timeouts::Timeouts;
use crate::values::duration;
use crate::yaml;

/// The port of an API server that says nothing else (kubeadm `KubeAPIServerPort`).
const DEFAULT_BIND_PORT: i32 = 6443;

/// The taint of a control plane that says nothing else (kubeadm `ControlPlaneTaint`).
const CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/control-plane";

/// The document. It holds the tokens; whoever gets it has them.
pub(super) fn to_yaml(draft: &Draft, node_name: &str, cri_socket: &str) -> Zeroizing<String> {
    let ca_cert_path = draft.ca_cert_path.as_ref().map(|given| given.value.as_str()).filter(|path| !path.is_empty());
    let mut fields = Object::default();
    fields.text("apiVersion", "kubeadm.k8s.io/v1beta4");
    fields.text("kind", "JoinConfiguration");
    fields.text("caCertPath", ca_cert_path.unwrap_or(DEFAULT_CA_CERT_PATH));
    fields.put("discovery", discovery(draft));
    fields.put("nodeRegistration", node_registration(draft, node_name, cri_socket));
    fields.put("timeouts", timeouts(&draft.timeouts));
    if let Some(given) = &draft.control_plane {
        fields.put("controlPlane", control_plane(&given.value));
    }
    if draft.patches.is_some() {
        let mut patches = Object::default();
        if let Some(directory) = &draft.patches_directory {
            patches.text("directory", &directory.to_string_lossy());
        }
        fields.put("patches", patches.value());
    }
    fields.texts("skipPhases", &draft.skip_phases);
    if draft.dry_run {
        fields.put("dryRun", Value::Bool(true));
    }
    Zeroizing::new(yaml::to_string(&fields.value()))
}

fn discovery(draft: &Draft) -> Value {
    let mut fields = Object::default();
    if let Some(token) = &draft.tls_bootstrap_token {
        fields.text("tlsBootstrapToken", token.value.expose());
    }
    if let Some(file) = &draft.file {
        // Checked before: what is refused is not rendered.
        let path = kubeconfig_path(file, &mut Vec::new()).unwrap_or_default();
        let mut file = Object::default();
        file.text("kubeConfigPath", &path);
        fields.put("file", file.value());
        return fields.value();
    }
    let mut token = Object::default();
    if let Some(discovery_token) = &draft.discovery_token {
        token.text("token", discovery_token.value.expose());
    }
    // kubeadm has room for one.
    if let Some(first) = draft.endpoints.iter().flat_map(|given| list(&given.value)).next() {
        token.text("apiServerEndpoint", &first);
    }
    token.texts("caCertHashes", &draft.ca_cert_hashes);
    if draft.unsafe_skip_ca_verification {
        token.put("unsafeSkipCAVerification", Value::Bool(true));
    }
    fields.put("bootstrapToken", token.value());
    fields.value()
}

fn node_registration(draft: &Draft, node_name: &str, cri_socket: &str) -> Value {
    let mut fields = Object::default();
    fields.text("name", node_name);
    fields.text("criSocket", cri_socket);
    fields.text("imagePullPolicy", draft.image_pull_policy.name());
    fields.put("imagePullSerial", Value::Bool(draft.image_pull_serial.unwrap_or(true)));
    let taints = match (&draft.taints, &draft.control_plane) {
        (Some(taints), _) => taints.iter().map(taint).collect(),
        (None, Some(_)) => Value::Array(vec![taint(&DraftTaint {
            taint: Taint { key: CONTROL_PLANE_TAINT.to_owned(), value: String::new(), effect: "NoSchedule".to_owned() },
            origin: Origin::Default,
            time_added: None,
        })]),
        (None, None) => Value::Null,
    };
    fields.put("taints", taints);
    if !draft.kubelet_extra_args.is_empty() {
        let argument = |(name, given): &(String, WithOrigin<String>)| {
            let mut argument = Object::default();
            argument.text("name", name);
            argument.text("value", &given.value);
            argument.value()
        };
        fields.put("kubeletExtraArgs", draft.kubelet_extra_args.iter().map(argument).collect());
    }
    fields.texts("ignorePreflightErrors", &draft.ignore_preflight_errors);
    fields.value()
}

fn taint(taint: &DraftTaint) -> Value {
    let DraftTaint { taint, time_added, .. } = taint;
    let mut fields = Object::default();
    fields.text("key", &taint.key);
    fields.text("effect", &taint.effect);
    if !taint.value.is_empty() {
        fields.text("value", &taint.value);
    }
    if let Some(time) = time_added {
        fields.text("timeAdded", time);
    }
    fields.value()
}

/// An address that is not given stays away: kubeadm writes the address of the machine that migrates.
fn control_plane(control_plane: &ControlPlane) -> Value {
    let port = control_plane.bind_port.as_ref().map(|given| given.value).filter(|port| *port != 0);
    let mut endpoint = Object::default();
    endpoint.put("bindPort", port.unwrap_or(DEFAULT_BIND_PORT).into());
    if let Some(address) = control_plane.advertise_address.as_ref().filter(|given| !given.value.is_empty()) {
        endpoint.text("advertiseAddress", &address.value);
    }
    let mut fields = Object::default();
    fields.put("localAPIEndpoint", endpoint.value());
    if let Some(key) = &control_plane.certificate_key {
        fields.text("certificateKey", key.value.expose());
    }
    fields.value()
}

pub(super) fn timeouts(timeouts: &Timeouts) -> Value {
    let mut fields = Object::default();
    for (name, value) in [
        ("controlPlaneComponentHealthCheck", timeouts.control_plane_component_health_check),
        ("discovery", timeouts.discovery),
        ("etcdAPICall", timeouts.etcd_api_call),
        ("kubeletHealthCheck", timeouts.kubelet_health_check),
        ("kubernetesAPICall", timeouts.kubernetes_api_call),
        ("tlsBootstrap", timeouts.tls_bootstrap),
        ("upgradeManifests", timeouts.upgrade_manifests),
    ] {
        fields.text(name, &duration::format(value));
    }
    fields.value()
}

/// An object that is being written.
#[derive(Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.put(name, Value::String(text.to_owned()));
    }

    /// A list; an empty one is left out.
    pub(super) fn texts(&mut self, name: &str, items: &[WithOrigin<String>]) {
        if !items.is_empty() {
            self.put(name, items.iter().map(|item| Value::String(item.value.clone())).collect());
        }
    }

    pub(super) fn value(self) -> Value {
        Value::Object(self.0)
    }
}
