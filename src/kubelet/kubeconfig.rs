//! `kubelet.conf` as the kubelet writes it after its own TLS bootstrap
//! (`pkg/kubelet/certificate/bootstrap/bootstrap.go`, client-go `tools/clientcmd`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, json};
use zeroize::Zeroizing;

use crate::kubeconfig::{ClientCredentials, Names};
use crate::pki::certificate::Certificate;
use crate::yaml;

/// The file for this server (`https://host:port`), these CA certificates (PEM, as they are), and the one file that holds
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

/// `bootstrap-kubelet.conf` as kubeadm writes it (`cmd/kubeadm/app/discovery/discovery.go`): what the kubelet's own TLS
/// bootstrap authenticates with, files embedded. kubeadm gives the cluster its name later than the context, which keeps its
/// own.
pub fn render_bootstrap(
    server: &str,
    ca_pem: impl AsRef<[u8]>,
    cluster: &str,
    names: &Names,
    credentials: &ClientCredentials,
) -> Zeroizing<Vec<u8>> {
    let mut user = Map::new();
    if let Some(token) = &credentials.token {
        user.insert("token".to_owned(), json!(token.expose()));
    }
    if let Some(identity) = &credentials.identity {
        let chain: String = identity.chain().iter().map(Certificate::to_pem).collect();
        user.insert("client-certificate-data".to_owned(), json!(STANDARD.encode(chain)));
        user.insert("client-key-data".to_owned(), json!(STANDARD.encode(identity.key_pem())));
    }
    let text = yaml::to_string(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca_pem) },
        }],
        "contexts": [{ "name": names.context, "context": { "cluster": cluster, "user": names.user } }],
        "current-context": names.context,
        "users": [{ "name": names.user, "user": user }],
    }));
    Zeroizing::new(text.into_bytes())
}
