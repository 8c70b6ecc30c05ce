//! The kubeconfig inside cluster-info: one cluster, usually without a name, with a server and a CA bundle.
//! Source: `cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go`.

use crate::kubeconfig::{Kubeconfig, KubeconfigError, decoded_ca_certificates, server};
use crate::pki::certificate::Certificate;
use crate::values::Endpoint;

/// What cluster-info says, before any of it is trusted.
#[derive(Clone, Debug)]
pub struct UnverifiedClusterInfo {
    /// `server`.
    pub server: Endpoint,
    /// `certificate-authority-data`, every certificate of it.
    pub ca_certificates: Vec<Certificate>,
}

/// Reads the text that the JWS was made over.
///
/// # Errors
/// It is no kubeconfig of exactly one cluster with server and CA.
pub fn read(text: &str) -> Result<UnverifiedClusterInfo, KubeconfigError> {
    let kubeconfig = Kubeconfig::parse(text)?;
    let mut clusters = kubeconfig.clusters();
    let cluster = match (clusters.next(), clusters.count()) {
        (None, _) => return Err(KubeconfigError::NoCluster),
        (Some(one), 0) => one,
        (Some(_), others) => return Err(KubeconfigError::SeveralClusters(others + 1)),
    };
    let server = server(cluster)?;
    let data = cluster.text("certificate-authority-data").ok_or(KubeconfigError::NoCaCertificate)?;
    Ok(UnverifiedClusterInfo { server, ca_certificates: decoded_ca_certificates(data)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::certificate::CertificateError;
    use crate::text::UntrustedText;

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
                KubeconfigError::Server(UntrustedText::new("http://10.0.0.1:6443", None)),
            ),
            (
                cluster("server: https://10.0.0.1:6443/path"),
                KubeconfigError::Server(UntrustedText::new("https://10.0.0.1:6443/path", None)),
            ),
            (cluster("server: https://10.0.0.1:6443"), KubeconfigError::NoCaCertificate),
            (
                cluster("{server: 'https://10.0.0.1:6443', certificate-authority-data: '!'}"),
                KubeconfigError::CaCertificate(CertificateError::Pem),
            ),
            (
                cluster("{server: 'https://10.0.0.1:6443', certificate-authority-data: bm90aGluZw==}"),
                KubeconfigError::CaCertificate(CertificateError::None),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(&text).unwrap_err(), expected, "{text}");
        }
    }
}
