//! What can be asked for: a path, and how messages call what is there.

use std::fmt;
use std::time::Duration;

/// Collection of certificate signing requests.
pub(super) const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// One object that can be read.
#[derive(Clone, Debug)]
pub struct Wanted {
    path: String,
    name: String,
    object: String,
}

impl Wanted {
    /// A ConfigMap.
    pub fn config_map(namespace: &str, name: &str) -> Self {
        Wanted {
            path: format!("/api/v1/namespaces/{namespace}/configmaps/{name}"),
            name: name.to_owned(),
            object: format!("ConfigMap {namespace}/{name}"),
        }
    }

    /// A Node.
    pub fn node(name: &str) -> Self {
        Wanted { path: format!("/api/v1/nodes/{name}"), name: name.to_owned(), object: format!("Node {name}") }
    }

    /// A Secret.
    pub fn secret(namespace: &str, name: &str) -> Self {
        Wanted {
            path: format!("/api/v1/namespaces/{namespace}/secrets/{name}"),
            name: name.to_owned(),
            object: format!("Secret {namespace}/{name}"),
        }
    }

    /// A Role or a RoleBinding, by its kind.
    pub fn rbac(kind: &str, namespace: &str, name: &str) -> Self {
        let kinds = kind.to_lowercase();
        Wanted {
            path: format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{kinds}s/{name}"),
            name: name.to_owned(),
            object: format!("{kind} {namespace}/{name}"),
        }
    }

    /// The Secrets of one type.
    pub fn secrets_of_type(namespace: &str, of_type: &str) -> Self {
        let of_type = of_type.replace('/', "%2F");
        Wanted {
            path: format!("/api/v1/namespaces/{namespace}/secrets?fieldSelector=type%3D{of_type}"),
            // A list has none.
            name: String::new(),
            object: format!("Secrets of {namespace}"),
        }
    }

    /// The static pods of control planes: of one component, of one node, or all.
    pub fn control_plane_pods(component: Option<&str>, node: Option<&str>) -> Self {
        let component = component.map_or(String::new(), |name| format!("component%3D{name}%2C"));
        let node = node.map_or(String::new(), |name| format!("&fieldSelector=spec.nodeName%3D{name}"));
        Wanted {
            path: format!("/api/v1/namespaces/kube-system/pods?labelSelector={component}tier%3Dcontrol-plane{node}"),
            // A list has none.
            name: String::new(),
            object: "pods of the control plane".to_owned(),
        }
    }

    /// The health of an API server.
    pub fn health(path: &str) -> Self {
        Wanted { path: path.to_owned(), name: String::new(), object: format!("{path} of the API server") }
    }

    /// A certificate signing request.
    pub fn csr(name: &str) -> Self {
        Wanted {
            path: format!("{CSRS}/{name}"),
            name: name.to_owned(),
            object: format!("CertificateSigningRequest {name}"),
        }
    }

    /// What the sender of a request may do.
    pub fn access_review() -> Self {
        Wanted {
            path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
            // It is answered, and not kept.
            name: String::new(),
            object: "SelfSubjectAccessReview".to_owned(),
        }
    }

    /// The pods of one node that have this label.
    pub fn pods_of_node(namespace: &str, label: &str, node: &str) -> Self {
        let label = label.replace('=', "%3D");
        Wanted {
            path: format!(
                "/api/v1/namespaces/{namespace}/pods?labelSelector={label}&fieldSelector=spec.nodeName%3D{node}"
            ),
            // A list has none.
            name: String::new(),
            object: format!("pods of Node {node}"),
        }
    }

    /// `metadata.name`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same, for an answer from the API server's memory: a question to etcd costs the control plane three times as much
    /// (reference/using-api/api-concepts, "resourceVersion=0": any version).
    pub fn cached_path(&self) -> String {
        format!("{}?resourceVersion=0", self.path)
    }
}

/// Path and query of a WATCH on one certificate signing request.
pub(super) fn csr_watch_path(name: &str, timeout: Duration) -> String {
    format!("{CSRS}?fieldSelector=metadata.name%3D{name}&timeoutSeconds={}&watch=true", timeout.as_secs().max(1))
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)
    }
}
