//! The kubeconfig inside cluster-info: one cluster, usually without a name, with a server and a CA bundle.
//! Source: `cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::config::Endpoint;
use crate::pki::certificate::{Certificate, CertificateError};
use crate::text::ForeignText;
use crate::yaml;

/// What cluster-info says, before any of it is trusted.
#[derive(Clone, Debug)]
pub struct Announced {
    /// `server`.
    pub server: Endpoint,
    /// `certificate-authority-data`, every certificate of it.
    pub authorities: Vec<Certificate>,
}

/// Why the kubeconfig cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeconfigError {
    /// It is not YAML.
    Yaml(ForeignText),
    /// It has no cluster.
    NoCluster,
    /// It has several clusters: which one was meant would be a guess.
    SeveralClusters(usize),
    /// The cluster has no `server`, or it is not `https://host:port`.
    Server(ForeignText),
    /// The cluster has no `certificate-authority-data`.
    NoAuthority,
    /// `certificate-authority-data` is not base64 of PEM certificates.
    Authority(CertificateError),
}

/// Reads the text that the JWS was made over.
pub fn read(text: &str) -> Result<Announced, KubeconfigError> {
    let documents = yaml::parse(text).map_err(|e| KubeconfigError::Yaml(ForeignText::new(&e.to_string(), None)))?;
    let clusters = documents.first().and_then(|d| d.value.get("clusters")).and_then(Value::as_array);
    let cluster = match clusters.map(Vec::as_slice).unwrap_or_default() {
        [] => return Err(KubeconfigError::NoCluster),
        [one] => one.get("cluster").unwrap_or(&Value::Null),
        several => return Err(KubeconfigError::SeveralClusters(several.len())),
    };
    let field = |name| cluster.get(name).and_then(Value::as_str).unwrap_or_default();
    let server = server_endpoint(field("server"))
        .ok_or_else(|| KubeconfigError::Server(ForeignText::new(field("server"), None)))?;
    let data = field("certificate-authority-data");
    if data.is_empty() {
        return Err(KubeconfigError::NoAuthority);
    }
    // Go's decoder skips line feeds, so people write them.
    let data: String = data.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let pem = STANDARD.decode(data).map_err(|_| KubeconfigError::Authority(CertificateError::Pem))?;
    let authorities = Certificate::all_from_pem(&pem).map_err(KubeconfigError::Authority)?;
    Ok(Announced { server, authorities })
}

/// `https://host[:port]` with nothing behind it but a slash; the port is 443 where none is given.
fn server_endpoint(url: &str) -> Option<Endpoint> {
    let authority = url.strip_prefix("https://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    authority.parse().or_else(|_| format!("{authority}:443").parse()).ok()
}

impl fmt::Display for KubeconfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KubeconfigError::Yaml(text) => write!(f, "it is not YAML: {text}"),
            KubeconfigError::NoCluster => f.write_str("it names no cluster"),
            KubeconfigError::SeveralClusters(count) => write!(f, "it names {count} clusters instead of one"),
            KubeconfigError::Server(url) => write!(f, "its server {url:?} is not https://host:port"),
            KubeconfigError::NoAuthority => f.write_str("it has no certificate-authority-data"),
            KubeconfigError::Authority(error) => write!(f, "its certificate-authority-data holds {error}"),
        }
    }
}

impl std::error::Error for KubeconfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_cluster_with_a_server_and_a_ca_is_usable() {
        let cluster =
            |body: &str| format!("apiVersion: v1\nclusters:\n- cluster:\n    {body}\n  name: \"\"\nkind: Config\n");
        let cases = [
            ("apiVersion: v1\nkind: Config\n".to_owned(), KubeconfigError::NoCluster),
            ("clusters: []\n".to_owned(), KubeconfigError::NoCluster),
            ("clusters: [{cluster: {}}, {cluster: {}}]\n".to_owned(), KubeconfigError::SeveralClusters(2)),
            (
                cluster("server: http://10.0.0.1:6443"),
                KubeconfigError::Server(ForeignText::new("http://10.0.0.1:6443", None)),
            ),
            (
                cluster("server: https://10.0.0.1:6443/path"),
                KubeconfigError::Server(ForeignText::new("https://10.0.0.1:6443/path", None)),
            ),
            (cluster("server: https://10.0.0.1:6443"), KubeconfigError::NoAuthority),
            (
                cluster("{server: 'https://10.0.0.1:6443', certificate-authority-data: '!'}"),
                KubeconfigError::Authority(CertificateError::Pem),
            ),
            (
                cluster("{server: 'https://10.0.0.1:6443', certificate-authority-data: bm90aGluZw==}"),
                KubeconfigError::Authority(CertificateError::None),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(&text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn a_server_is_an_endpoint_and_nothing_more() {
        for (url, endpoint) in [
            ("https://10.0.0.1:6443", Some("10.0.0.1:6443")),
            ("https://k8s.example.com", Some("k8s.example.com:443")),
            ("https://[fd00::1]:6443/", Some("[fd00::1]:6443")),
            ("https://user@host:1", None),
            ("host:6443", None),
        ] {
            assert_eq!(server_endpoint(url).map(|e| e.to_string()).as_deref(), endpoint, "{url}");
        }
    }
}
