//! The certificates of this node of the control plane: issued by the CAs that all control planes share, or kept where they
//! are there (kubeadm `phases/certs/certs.go`).

use super::certificate_spec::CertificateSpec;
use super::certs_error::{CertsError, SharedProblem};
use super::existing;
use super::leaf_files::{Issued, Issuer, not_before};
use super::leaves::{HEALTHCHECK_CLIENT, LeafSpec, leaves};
use super::pki_files::PkiFiles;
use super::pki_layout::{Ca, PkiLayout, SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY};
use super::sans::Sans;
use super::shared_certs::{ca_certificate, private_key, validity_warning};
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::pki::issue::Leaf;
use crate::rootfs::{FileSet, TargetPath};
use crate::text::UntrustedText;

/// All certificates of this node of the control plane.
#[derive(Debug)]
pub struct Certificates {
    issued: Vec<(&'static LeafSpec, Issued)>,
    kept: Vec<TargetPath>,
    warnings: Vec<String>,
    cluster_ca: Certificate,
    has_ca_key: bool,
    etcd: Option<(Certificate, ClientIdentity)>,
}

impl Certificates {
    /// Issues what is not there, and judges what is.
    ///
    /// # Errors
    /// A CA is missing or not that of the cluster, or something that is there cannot stay.
    pub fn issue(spec: &CertificateSpec<'_>, layout: &PkiLayout, files: &PkiFiles) -> Result<Self, CertsError> {
        for name in [SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY] {
            // kubeadm would make a pair that no other control plane knows.
            if files.get(&layout.path(name)).is_none() {
                return Err(CertsError::Shared(vec![(layout.path(name), SharedProblem::Missing)]));
            }
        }
        private_key(files, &layout.path(SERVICE_ACCOUNT_KEY))
            .map_err(|problem| CertsError::Shared(vec![(layout.path(SERVICE_ACCOUNT_KEY), problem)]))?;
        let mut made = Certificates {
            issued: Vec::new(),
            kept: Vec::new(),
            warnings: Vec::new(),
            cluster_ca: cluster_ca(spec, layout, files)?,
            has_ca_key: false,
            etcd: None,
        };
        for ca in layout.cas() {
            made.issue_of(*ca, spec, layout, files)?;
        }
        Ok(made)
    }

    /// All that one CA has to issue.
    fn issue_of(
        &mut self,
        ca: Ca,
        spec: &CertificateSpec<'_>,
        layout: &PkiLayout,
        files: &PkiFiles,
    ) -> Result<(), CertsError> {
        let (path, key_path) = layout.pair(ca.base());
        let certificate =
            ca_certificate(files, &path).map_err(|problem| CertsError::Ca { path: path.clone(), problem })?;
        self.warnings.extend(validity_warning(&certificate, &path, spec.now));
        let issuer = issuer(&certificate, files, &key_path)?;
        self.has_ca_key |= ca == Ca::Cluster && issuer.is_some();
        let mut missing = Vec::new();
        for leaf in leaves(layout).filter(|leaf| leaf.ca == ca) {
            let sans = Sans::of(leaf.sans, spec)?;
            self.warnings.extend(sans.ignored.iter().map(|entry| {
                let entry = UntrustedText::new(entry, None);
                format!("{entry:?} is neither an address nor a DNS name, and not in the certificate {}", leaf.base)
            }));
            let (path, key_path) = layout.pair(leaf.base);
            let there = (files.get(&path), files.get(&key_path));
            // A key alone is what an interrupted run leaves: it stands before its certificate. Both are made again.
            let is_there = there.0.is_some() || there.1.is_some() && issuer.is_none();
            let identity = if is_there {
                // Where there is no key to issue with, kubeadm does not ask for the names either.
                let sans = if issuer.is_some() { &sans } else { &Sans::default() };
                let pair = ((&path, there.0), (&key_path, there.1));
                let identity = existing::check(pair.0, pair.1, &certificate, leaf.usages, sans, spec.now)?;
                self.kept.push(path);
                Some(identity)
            } else if let Some(issuer) = &issuer {
                let issued = issuer.issue(&template(leaf, &sans, spec, &certificate), spec.algorithm)?;
                let identity = issued.identity();
                self.issued.push((leaf, issued));
                identity.ok()
            } else {
                missing.extend([path, key_path]);
                None
            };
            if let (HEALTHCHECK_CLIENT, Some(identity)) = (leaf.base, identity) {
                self.etcd = Some((certificate.clone(), identity));
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(CertsError::NotIssued { missing, ca_key: key_path }) }
    }

    /// Adds what is new: keys 0600, certificates 0644, directories 0755.
    pub fn add_to(&self, files: &mut FileSet, layout: &PkiLayout) {
        files.directory(layout.directory().clone(), 0o755);
        for (leaf, issued) in &self.issued {
            let (path, key_path) = layout.pair(leaf.base);
            // The key first: a certificate without one is in the way of the next run.
            files.secret_file(key_path, 0o600, issued.key_pem.clone());
            files.file(path, 0o644, issued.certificate_pem.as_bytes());
        }
    }

    /// Names of the certificates that were issued, below the directory and without `.crt`, with the names and addresses that
    /// they are for.
    pub fn issued(&self) -> impl Iterator<Item = (&'static str, &Certificate)> {
        self.issued.iter().map(|(leaf, issued)| (leaf.base, &issued.certificate))
    }

    /// Certificates that were there and stay.
    pub fn kept(&self) -> &[TargetPath] {
        &self.kept
    }

    /// What the user should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The cluster's CA certificate that issues: the first of `ca.crt`.
    pub fn cluster_ca(&self) -> &Certificate {
        &self.cluster_ca
    }

    /// Whether the cluster's CA can issue on this node; an external CA cannot, and the controller manager is told so.
    pub fn has_ca_key(&self) -> bool {
        self.has_ca_key
    }

    /// etcd's CA certificate, and what a client shows it; `None` where etcd is elsewhere.
    pub fn etcd(&self) -> Option<(&Certificate, &ClientIdentity)> {
        self.etcd.as_ref().map(|(ca, identity)| (ca, identity))
    }
}

/// The first certificate of `ca.crt`, once one in that file is known to be of the verified cluster: all of them are of one.
pub(super) fn cluster_ca(
    spec: &CertificateSpec<'_>,
    layout: &PkiLayout,
    files: &PkiFiles,
) -> Result<Certificate, CertsError> {
    let (path, _) = layout.pair(Ca::Cluster.base());
    let first = ca_certificate(files, &path).map_err(|problem| CertsError::Ca { path: path.clone(), problem })?;
    let all = Certificate::all_from_pem(files.get(&path).unwrap_or_default()).unwrap_or_default();
    if all.iter().any(|certificate| spec.verified.iter().any(|verified| verified.has_key_of(certificate))) {
        Ok(first)
    } else {
        Err(CertsError::OtherCluster { path })
    }
}

/// `None` without a key. kubeadm takes a key that it cannot read for none; here that is an error, as is the key of another
/// certificate there, too.
pub(super) fn issuer(
    certificate: &Certificate,
    files: &PkiFiles,
    key_path: &TargetPath,
) -> Result<Option<Issuer>, CertsError> {
    let fail = |problem| CertsError::Ca { path: key_path.clone(), problem };
    match private_key(files, key_path) {
        Err(SharedProblem::Missing) => Ok(None),
        Err(problem) => Err(fail(problem)),
        Ok(key) if key.public_key_info() != certificate.public_key_info() => Err(fail(SharedProblem::OtherKey)),
        Ok(key) => Ok(Some(Issuer { certificate: certificate.clone(), key })),
    }
}

fn template<'a>(leaf: &LeafSpec, sans: &'a Sans, spec: &CertificateSpec<'a>, ca: &Certificate) -> Leaf<'a> {
    Leaf {
        common_name: leaf.common_name.unwrap_or(spec.node_name),
        organizations: (leaf.organization)(spec.minor).into_iter().collect(),
        usages: leaf.usages,
        names: &sans.names,
        addresses: &sans.addresses,
        not_before: not_before(spec.minor, ca, spec.now),
        not_after: spec.now + spec.validity,
    }
}
