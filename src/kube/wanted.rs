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

    /// A certificate signing request.
    pub fn csr(name: &str) -> Self {
        Wanted {
            path: format!("{CSRS}/{name}"),
            name: name.to_owned(),
            object: format!("CertificateSigningRequest {name}"),
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
