//! A kubeconfig for one more user of the cluster (kubeadm `phases/kubeconfig/kubeconfig.go`, `WriteKubeConfigWithClientCert`,
//! `WriteKubeConfigWithToken`).

use std::time::{Duration, SystemTime};

use serde_json::json;
use zeroize::Zeroizing;

use super::certs::issuer;
use super::certs_error::{CertsError, SharedProblem};
use super::kubeconfigs::document;
use super::pki_files::PkiFiles;
use super::pki_layout::{Ca, PkiLayout};
use super::shared_certs::{ca_certificate, validity_warning};
use crate::error::Failure;
use crate::pki::issue::{Leaf, Usage};
use crate::pki::key_algorithm::KeyAlgorithm;
use crate::rootfs::Root;
use crate::secret::Secret;

/// Who the user is, and where the cluster.
#[derive(Clone, Copy, Debug)]
pub struct UserSpec<'a> {
    /// The user's name; `CN` of the certificate.
    pub name: &'a str,
    /// The user's groups; `O` of the certificate.
    pub organizations: &'a [&'a str],
    /// What the user authenticates with, instead of a certificate.
    pub token: Option<&'a Secret>,
    /// `clusterName`.
    pub cluster_name: &'a str,
    /// `https://host:port` of the control plane endpoint.
    pub server: &'a str,
    /// `encryptionAlgorithm`.
    pub algorithm: KeyAlgorithm,
    /// How long the certificate is valid.
    pub validity: Duration,
    /// The time.
    pub now: SystemTime,
}

impl UserSpec<'_> {
    /// The kubeconfig, which holds a key or the token, and what the user should know. The CA's key is read only where a
    /// certificate is issued.
    ///
    /// # Errors
    /// The CA cannot be read, or has no key here.
    pub fn kubeconfig(&self, root: &Root, layout: &PkiLayout) -> Result<(Zeroizing<Vec<u8>>, Option<String>), Failure> {
        let (path, key_path) = layout.pair(Ca::Cluster.base());
        let paths = [path.clone(), key_path.clone()];
        let files = PkiFiles::read_only(root, &paths[..if self.token.is_some() { 1 } else { 2 }])?;
        let ca = ca_certificate(&files, &path).map_err(|problem| CertsError::Ca { path: path.clone(), problem })?;
        let credentials = match self.token {
            Some(token) => json!({ "token": token.expose() }),
            None => {
                let issuer = issuer(&ca, &files, &key_path)?;
                let issuer = issuer.ok_or(CertsError::Ca { path: key_path, problem: SharedProblem::Missing })?;
                let leaf = Leaf {
                    common_name: self.name,
                    organizations: self.organizations.to_vec(),
                    usages: &[Usage::Client],
                    names: &[],
                    addresses: &[],
                    // As in the other kubeconfigs, not dated back.
                    not_before: ca.not_before(),
                    not_after: self.now + self.validity,
                };
                issuer.issue(&leaf, self.algorithm)?.as_user()
            }
        };
        let text = document(self.cluster_name, self.server, &ca, self.name, credentials);
        Ok((text, validity_warning(&ca, &path, self.now)))
    }
}
