//! kubeadm's ClusterConfiguration, as far as a worker needs it.

use super::document::{self, DocumentError, Fields};
use crate::values::Version;
use crate::yaml::Document;

/// What a worker takes from the ConfigMap `kube-system/kubeadm-config`, key `ClusterConfiguration`.
///
/// Read from any version of the API: these fields have had the same names and types in all of them, from v1alpha3 to v1.
/// The default is a cluster of which nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterConfiguration {
    cluster_name: Option<String>,
    kubernetes_version: Option<String>,
    certificates_dir: Option<String>,
    service_subnet: Option<String>,
    dns_domain: Option<String>,
    node_local_cri_socket: Option<bool>,
}

impl ClusterConfiguration {
    /// Reads the text of the ConfigMap's key. Other documents in it, and other fields, are ignored.
    ///
    /// # Errors
    /// Bad YAML, or a field of a type that kubeadm's decoder refuses too. A text without a ClusterConfiguration is one of
    /// which nothing is known.
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        let Some(document) = document::find(text, "kubeadm.k8s.io", "ClusterConfiguration")? else {
            return Ok(ClusterConfiguration::default());
        };
        Self::of(&document)
    }

    /// The same of a document that has been found.
    pub(super) fn of(document: &Document) -> Result<Self, DocumentError> {
        let fields = Fields(document);
        let text = |field| fields.text(field).map(|text| text.map(str::to_owned));
        Ok(ClusterConfiguration {
            cluster_name: text("clusterName")?,
            kubernetes_version: text("kubernetesVersion")?,
            certificates_dir: text("certificatesDir")?,
            service_subnet: text("networking.serviceSubnet")?,
            dns_domain: text("networking.dnsDomain")?,
            node_local_cri_socket: fields.bool("featureGates.NodeLocalCRISocket")?,
        })
    }

    /// `clusterName`; kubeadm's default is `kubernetes`.
    pub fn cluster_name(&self) -> &str {
        self.cluster_name.as_deref().unwrap_or("kubernetes")
    }

    /// `kubernetesVersion`, such as `v1.37.2`, where it is known.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.kubernetes_version.as_deref()
    }

    /// Major and minor of `kubernetesVersion`, such as (1, 37), where it is known and readable.
    pub fn release(&self) -> Option<(u32, u32)> {
        self.kubernetes_version()?.parse().ok().map(Version::release)
    }

    /// `certificatesDir` of the control plane, which is also where the cluster-wide KubeletConfiguration expects the CA on
    /// every node.
    pub fn certificates_dir(&self) -> &str {
        self.certificates_dir.as_deref().unwrap_or("/etc/kubernetes/pki")
    }

    /// `networking.serviceSubnet`: CIDRs with commas between.
    pub fn service_subnet(&self) -> &str {
        self.service_subnet.as_deref().unwrap_or("10.96.0.0/12")
    }

    /// `networking.dnsDomain`.
    pub fn dns_domain(&self) -> &str {
        self.dns_domain.as_deref().unwrap_or("cluster.local")
    }

    /// The feature gate `NodeLocalCRISocket`, which kubeadm had from 1.32 to 1.35, where it is set.
    pub fn node_local_cri_socket(&self) -> Option<bool> {
        self.node_local_cri_socket
    }

    /// Whether the cluster itself said something, so that it can be compared with.
    pub(crate) fn is_known(&self) -> bool {
        *self != ClusterConfiguration::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_read() {
        for version in ["v1alpha3", "v1beta1", "v1beta2", "v1beta3", "v1beta4", "v1", "v2"] {
            let arguments = match version {
                "v1beta4" | "v1" | "v2" => "[{name: v, value: \"4\"}]",
                _ => "{v: \"4\"}",
            };
            let text = format!(
                "apiVersion: kubeadm.k8s.io/{version}\nkind: ClusterConfiguration\napiServer: {{extraArgs: {arguments}}}\n\
                 clusterName: prod\nkubernetesVersion: v1.37.2\ncertificatesDir: /pki\n\
                 networking: {{serviceSubnet: \"fd00::/108,10.0.0.0/16\", dnsDomain: my.domain, podSubnet: null}}\n"
            );
            let cluster = ClusterConfiguration::read(&text).unwrap();
            assert_eq!(cluster.cluster_name(), "prod");
            assert_eq!(cluster.kubernetes_version(), Some("v1.37.2"));
            assert_eq!(cluster.release(), Some((1, 37)));
            assert_eq!(cluster.certificates_dir(), "/pki");
            assert_eq!(cluster.service_subnet(), "fd00::/108,10.0.0.0/16");
            assert_eq!(cluster.dns_domain(), "my.domain");
        }
    }

    #[test]
    fn what_is_not_said_has_kubeadm_s_default() {
        let head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
        for text in ["", head, &format!("{head}networking:\nclusterName: \"\"\n"), "apiVersion: v1\nkind: Pod\n"] {
            let cluster = ClusterConfiguration::read(text).unwrap();
            assert_eq!(cluster, ClusterConfiguration::default());
            assert_eq!(cluster.cluster_name(), "kubernetes");
            assert_eq!((cluster.kubernetes_version(), cluster.release()), (None, None));
            assert_eq!(cluster.certificates_dir(), "/etc/kubernetes/pki");
            assert_eq!(cluster.service_subnet(), "10.96.0.0/12");
            assert_eq!(cluster.dns_domain(), "cluster.local");
        }
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        let head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
        let cases = [
            ("networking: 5\n", "line 3: networking.serviceSubnet must be inside a mapping"),
            ("\nnetworking:\n  dnsDomain: yes\n", "line 5: networking.dnsDomain must be a string"),
            ("clusterName: [a]\n", "line 3: clusterName must be a string"),
            ("---\na: b\n", "line 3: the document lacks apiVersion and kind"),
            ("a: [\n", "line 4: column 1: while parsing a node, did not find expected node content"),
        ];
        for (text, message) in cases {
            let error = ClusterConfiguration::read(&format!("{head}{text}")).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
