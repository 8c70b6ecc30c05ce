//! `admin.conf`, `controller-manager.conf`, `scheduler.conf` (kubeadm `phases/kubeconfig/kubeconfig.go`).

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::certs::issuer;
use super::certs_error::{CertsError, SharedProblem};
use super::existing::judge;
use super::leaf_files::Issued;
use super::leaves::admin_organization;
use super::pki_files::PkiFiles;
use super::pki_layout::{ADMIN_CONF, CONTROLLER_MANAGER_CONF, Ca, PkiLayout, SCHEDULER_CONF};
use super::sans::Sans;
use crate::kubeconfig::{ClientCredentials, ClusterAccess, Kubeconfig, decoded_ca_certificates};
use crate::pki::certificate::Certificate;
use crate::pki::issue::{Leaf, Usage};
use crate::pki::key_algorithm::KeyAlgorithm;
use crate::rootfs::{FileSet, TargetPath};
use crate::text::UntrustedText;
use crate::yaml;

/// What the kubeconfigs are made of.
#[derive(Clone, Copy, Debug)]
pub struct KubeconfigSpec<'a> {
    /// `clusterName`.
    pub cluster_name: &'a str,
    /// `https://host:port` of the control plane endpoint, for `admin.conf`.
    pub endpoint: &'a str,
    /// `https://host:port` of this node's own API server, for the other two.
    pub local_endpoint: &'a str,
    /// `encryptionAlgorithm`.
    pub algorithm: KeyAlgorithm,
    /// `certificateValidityPeriod`.
    pub validity: Duration,
    /// The minor release of the cluster.
    pub minor: u32,
    /// The cluster's CA certificate that issues.
    pub ca: &'a Certificate,
    /// The time.
    pub now: SystemTime,
}

/// The three files, made or kept.
#[derive(Debug)]
pub struct Kubeconfigs {
    made: Vec<(TargetPath, Zeroizing<Vec<u8>>)>,
    kept: Vec<TargetPath>,
    warnings: Vec<String>,
    admin: ClientCredentials,
}

/// One of them.
struct File<'a> {
    path: TargetPath,
    server: &'a str,
    user: &'static str,
    organization: Option<&'static str>,
}

impl Kubeconfigs {
    /// Makes what is not there, and judges what is.
    ///
    /// # Errors
    /// A file that is there is of another cluster, or the administrator's certificate in it is of no use; or it is not there
    /// and the CA has no key here.
    pub fn issue(spec: &KubeconfigSpec<'_>, layout: &PkiLayout, files: &PkiFiles) -> Result<Self, CertsError> {
        let all = [
            File {
                path: ADMIN_CONF,
                server: spec.endpoint,
                user: "kubernetes-admin",
                organization: Some(admin_organization(spec.minor)),
            },
            File {
                path: CONTROLLER_MANAGER_CONF,
                server: spec.local_endpoint,
                user: "system:kube-controller-manager",
                organization: None,
            },
            File {
                path: SCHEDULER_CONF,
                server: spec.local_endpoint,
                user: "system:kube-scheduler",
                organization: None,
            },
        ];
        let (_, ca_key) = layout.pair(Ca::Cluster.base());
        let issuer = issuer(spec.ca, files, &ca_key)?;
        // Up to 1.30 the feature gate PublicKeysECDSA is not asked here.
        let algorithm = if spec.minor < 31 { KeyAlgorithm::Rsa2048 } else { spec.algorithm };
        let (mut made, mut kept, mut warnings, mut missing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut admin = None;
        for file in all {
            let credentials = if let Some(bytes) = files.get(&file.path) {
                let credentials = file.check(bytes, spec, &mut warnings);
                let credentials = credentials.map_err(|why| CertsError::Existing { path: file.path.clone(), why })?;
                kept.push(file.path.clone());
                credentials
            } else if let Some(issuer) = &issuer {
                let leaf = Leaf {
                    common_name: file.user,
                    organizations: file.organization.into_iter().collect(),
                    usages: &[Usage::Client],
                    names: &[],
                    addresses: &[],
                    // Not dated back as the other certificates: kubeadm leaves this to the CA's own beginning.
                    not_before: spec.ca.not_before(),
                    not_after: spec.now + spec.validity,
                };
                let issued = issuer.issue(&leaf, algorithm)?;
                made.push((file.path.clone(), file.render(spec, &issued)));
                issued.identity().ok().map(|identity| ClientCredentials { token: None, identity: Some(identity) })
            } else {
                missing.push(file.path.clone());
                None
            };
            if file.path == ADMIN_CONF {
                admin = credentials;
            }
        }
        match admin {
            Some(admin) if missing.is_empty() => Ok(Kubeconfigs { made, kept, warnings, admin }),
            _ if missing.is_empty() => Err(CertsError::Ca { path: ADMIN_CONF, problem: SharedProblem::OtherKey }),
            _ => Err(CertsError::NotIssued { missing, ca_key }),
        }
    }

    /// Adds what is new; 0600.
    pub fn add_to(&self, files: &mut FileSet) {
        for (path, bytes) in &self.made {
            files.secret_file(path.clone(), 0o600, bytes.clone());
        }
    }

    /// Files that were made, in kubeadm's order.
    pub fn made(&self) -> impl Iterator<Item = &TargetPath> {
        self.made.iter().map(|(path, _)| path)
    }

    /// Files that were there and stay.
    pub fn kept(&self) -> &[TargetPath] {
        &self.kept
    }

    /// What the user should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What `admin.conf` authenticates with.
    pub fn admin(&self) -> &ClientCredentials {
        &self.admin
    }
}

/// A kubeconfig with one context. `ca` is the first certificate of ca.crt alone.
pub(super) fn document(
    cluster: &str,
    server: &str,
    ca: &Certificate,
    user: &str,
    credentials: Value,
) -> Zeroizing<Vec<u8>> {
    let context = format!("{user}@{cluster}");
    let text = yaml::to_string(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca.to_pem()) },
        }],
        "contexts": [{ "name": context, "context": { "cluster": cluster, "user": user } }],
        "current-context": context,
        "users": [{ "name": user, "user": credentials }],
    }));
    Zeroizing::new(text.into_bytes())
}

impl File<'_> {
    fn render(&self, spec: &KubeconfigSpec<'_>, issued: &Issued) -> Zeroizing<Vec<u8>> {
        document(spec.cluster_name, self.server, spec.ca, self.user, issued.as_user())
    }

    /// kubeadm asks for the CA, and warns of another server. The administrator's credentials are used by the join itself, so
    /// that they are looked at as well; `None` for the others.
    fn check(
        &self,
        bytes: &[u8],
        spec: &KubeconfigSpec<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<ClientCredentials>, UntrustedText> {
        let plain = |text: &str| UntrustedText::new(text, None);
        let text = std::str::from_utf8(bytes).map_err(|_| plain("it is not text"))?;
        let kubeconfig = Kubeconfig::parse(text).map_err(|error| plain(&error.to_string()))?;
        let cluster = match kubeconfig.current_context() {
            Ok(Some(context)) => kubeconfig.cluster_of(context).map_err(|error| plain(&error.to_string()))?,
            Ok(None) => return Err(plain("it has no current context")),
            Err(error) => return Err(plain(&error.to_string())),
        };
        let data = cluster.text("certificate-authority-data");
        let cas = match data {
            Some(data) => decoded_ca_certificates(data).map_err(|error| plain(&error.to_string()))?,
            // A file that it names is read where its user is, which need not be here.
            None if cluster.text("certificate-authority").is_some() => vec![spec.ca.clone()],
            None => return Err(plain("it has no CA certificate")),
        };
        if cas.first().is_none_or(|first| first.der() != spec.ca.der()) {
            return Err(plain("its CA certificate is not the one in ca.crt"));
        }
        let server = cluster.text("server").unwrap_or_default();
        if server != self.server {
            let server = UntrustedText::new(server, None);
            warnings.push(format!("{} is for the server {server}, and not for {}", self.path, self.server));
        }
        if self.path != ADMIN_CONF {
            return Ok(None);
        }
        let access = ClusterAccess::read(text, None).map_err(|error| plain(&error.to_string()))?;
        let credentials = access.credentials.ok_or_else(|| plain("its user has no credentials"))?;
        if let Some(identity) = &credentials.identity {
            judge(identity.chain(), spec.ca, &[Usage::Client], &Sans::default(), spec.now)?;
        }
        Ok(Some(credentials))
    }
}
