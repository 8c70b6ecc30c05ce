//! `kubelet.conf` as the kubelet writes it after its own TLS bootstrap
//! (`pkg/kubelet/certificate/bootstrap/bootstrap.go`, client-go `tools/clientcmd`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::yaml;

/// The file for this server (`https://host:port`), these authorities (PEM, as they are), and the one file that holds
/// certificate and key.
pub fn render(server: &str, ca_pem: impl AsRef<[u8]>, certificate_and_key: &str) -> String {
    yaml::to_string(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "default-cluster",
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca_pem) },
        }],
        "users": [{
            "name": "default-auth",
            "user": { "client-certificate": certificate_and_key, "client-key": certificate_and_key },
        }],
        "contexts": [{
            "name": "default-context",
            "context": { "cluster": "default-cluster", "namespace": "default", "user": "default-auth" },
        }],
        "current-context": "default-context",
    }))
}

/// `bootstrap-kubelet.conf` as kubeadm writes it (`cmd/kubeadm/app/discovery/discovery.go`): the token for the kubelet's own
/// TLS bootstrap. kubeadm gives the cluster its name later than the context, which keeps the first one.
pub fn render_bootstrap(server: &str, ca_pem: impl AsRef<[u8]>, cluster: &str, token: &Secret) -> Zeroizing<Vec<u8>> {
    const USER: &str = "tls-bootstrap-token-user";
    const CONTEXT: &str = "tls-bootstrap-token-user@kubernetes";
    let text = yaml::to_string(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca_pem) },
        }],
        "contexts": [{ "name": CONTEXT, "context": { "cluster": cluster, "user": USER } }],
        "current-context": CONTEXT,
        "users": [{ "name": USER, "user": { "token": token.expose() } }],
    }));
    Zeroizing::new(text.into_bytes())
}
