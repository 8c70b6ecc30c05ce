//! What all static Pods of a control plane look like (`util/staticpod/utils.go`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::spec::StaticPodSpec;
use crate::cluster::control_plane::EnvVar;
use crate::patches::PatchTarget;

/// The name of a container's port that is probed.
const PROBE_PORT: &str = "probe-port";

/// What differs between the Pods.
pub(super) struct Component {
    pub(super) target: PatchTarget,
    pub(super) image: String,
    pub(super) command: Value,
    pub(super) env: Vec<Value>,
    pub(super) probes: Probes,
    /// `resources.requests`.
    pub(super) requests: Value,
    pub(super) mounts: Value,
    pub(super) volumes: Value,
    pub(super) annotation: Option<(&'static str, String)>,
}

/// Where the kubelet asks how a component is.
pub(super) struct Probes {
    pub(super) scheme: &'static str,
    /// Empty for the Pod's own address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) liveness: &'static str,
    pub(super) readiness: Option<&'static str>,
    pub(super) startup: &'static str,
}

impl Component {
    pub(super) fn pod(self, spec: &StaticPodSpec<'_>) -> Value {
        let name = self.target.name();
        let mut container = json!({
            "name": name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": self.command,
            "volumeMounts": self.mounts,
            "resources": {"requests": self.requests},
        });
        let mut metadata = json!({
            "name": name,
            "namespace": "kube-system",
            "labels": {"component": name, "tier": "control-plane"},
        });
        if let Some((key, value)) = self.annotation {
            metadata["annotations"] = json!({key: value});
        }
        if !self.env.is_empty() {
            container["env"] = self.env.into();
        }
        if let Value::Object(container) = &mut container {
            self.probes.add_to(container, spec);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {
                "containers": [container],
                "hostNetwork": true,
                "priority": 2_000_001_000,
                "priorityClassName": "system-node-critical",
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                "volumes": self.volumes,
            },
            "status": {},
        })
    }
}

impl Probes {
    fn add_to(&self, container: &mut Map<String, Value>, spec: &StaticPodSpec<'_>) {
        let port: Value = if spec.release.names_probe_port() {
            let port = json!({"name": PROBE_PORT, "containerPort": self.port, "protocol": "TCP"});
            container.insert("ports".to_owned(), Value::Array(vec![port]));
            PROBE_PORT.into()
        } else {
            self.port.into()
        };
        let probe = |path: &str, initial_delay: u32, failures: u64, period: u32| {
            let mut get = json!({"path": path, "port": port, "scheme": self.scheme});
            if !self.host.is_empty() {
                get["host"] = self.host.as_str().into();
            }
            let mut probe =
                json!({"httpGet": get, "timeoutSeconds": 15, "failureThreshold": failures, "periodSeconds": period});
            if initial_delay != 0 {
                probe["initialDelaySeconds"] = initial_delay.into();
            }
            probe
        };
        container.insert("livenessProbe".to_owned(), probe(self.liveness, 10, 8, 10));
        if let Some(readiness) = self.readiness {
            container.insert("readinessProbe".to_owned(), probe(readiness, 0, 3, 1));
        }
        container.insert("startupProbe".to_owned(), probe(self.startup, 10, startup_failures(spec), 10));
    }
}

/// How often, every ten seconds, a component may fail until it has started.
fn startup_failures(spec: &StaticPodSpec<'_>) -> u64 {
    let of_the_cluster =
        spec.cluster.timeout_for_control_plane.filter(|_| spec.release.has_timeout_for_control_plane());
    let timeout = of_the_cluster.unwrap_or(spec.component_health_timeout);
    (timeout + Duration::from_nanos(9_999_999_999)).as_secs() / 10
}

/// The address to probe where a component listens on this one.
pub(super) fn probe_host(bind_address: &str) -> String {
    if matches!(bind_address, "0.0.0.0" | "::") { String::new() } else { bind_address.to_owned() }
}

/// The variables of a container, by name; later ones win.
pub(super) fn environment(proxies: &[(String, String)], extra: &[EnvVar]) -> Vec<Value> {
    let proxies = proxies.iter().map(|(name, value)| (name.as_str(), json!({"name": name, "value": value})));
    let extra = extra.iter().map(|variable| (variable.name.as_str(), variable.content.clone()));
    proxies.chain(extra).collect::<BTreeMap<_, _>>().into_values().collect()
}
