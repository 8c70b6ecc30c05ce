//! When certificates expire: those of a control plane (kubeadm `phases/certs/renewal/manager.go`), and on a worker the
//! kubelet's, which kubeadm does not show. Files are read and nothing else; of a key it matters only whether it is there.

use std::time::SystemTime;

use super::certs_error::CertsError;
use super::leaves::leaves;
use super::pki_layout::{ADMIN_CONF, CONTROLLER_MANAGER_CONF, Ca, PkiLayout, SCHEDULER_CONF};
use crate::error::Failure;
use crate::kubeconfig::{Kubeconfig, decoded_ca_certificates};
use crate::node::paths;
use crate::pki::certificate::Certificate;
use crate::rootfs::{Root, TargetPath};
use crate::text::UntrustedText;

/// Only the first control plane has it.
const SUPER_ADMIN_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/super-admin.conf");

/// Largest file that is read, in bytes.
const MAX_FILE: usize = 256 * 1024;

/// What expires when, each part sorted by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Expirations {
    /// Certificates of components and users.
    pub certificates: Vec<Expiration>,
    /// Those of CAs.
    pub cas: Vec<Expiration>,
}

/// A certificate that is expected, and may be missing.
#[derive(Debug, PartialEq, Eq)]
pub struct Expiration {
    /// kubeadm's name.
    pub name: String,
    /// The CA that issues it; a CA has none.
    pub ca: Option<String>,
    /// The last moment of its validity; `None` where it is not there.
    pub not_after: Option<SystemTime>,
    /// Its CA has no key here, so that nothing here can renew it.
    pub is_external: bool,
}

impl Expirations {
    /// Reads the files of a node.
    ///
    /// # Errors
    /// A file is there that cannot be read, or holds no certificate.
    pub fn read(root: &Root, layout: &PkiLayout) -> Result<Self, Failure> {
        let is_external = |ca: Ca| {
            let (certificate, key) = layout.pair(ca.base());
            Ok::<_, Failure>(root.exists(&certificate)? && !root.exists(&key)?)
        };
        let row = |name: &str, ca: Ca, is_ca: bool, found: Option<Certificate>| {
            Ok::<_, Failure>(Expiration {
                name: name.replace('/', "-"),
                ca: (!is_ca).then(|| ca.base().replace('/', "-")),
                is_external: found.is_some() && is_external(ca)?,
                not_after: found.map(|certificate| certificate.not_after()),
            })
        };
        let (mut certificates, mut cas) = (Vec::new(), Vec::new());
        if is_worker(root, layout)? {
            let (name, path) = ("kubelet-client-current.pem", paths::CLIENT_CURRENT);
            certificates.push(row(name, Ca::Cluster, false, of_file(root, &path)?)?);
            cas.push(row(Ca::Cluster.base(), Ca::Cluster, true, of_file(root, &layout.pair(Ca::Cluster.base()).0)?)?);
            return Ok(Expirations { certificates, cas });
        }
        for leaf in leaves(layout) {
            certificates.push(row(leaf.base, leaf.ca, false, of_file(root, &layout.pair(leaf.base).0)?)?);
        }
        for path in [ADMIN_CONF, SUPER_ADMIN_CONF, CONTROLLER_MANAGER_CONF, SCHEDULER_CONF] {
            let name = path.as_str().rsplit('/').next().unwrap_or_default();
            certificates.push(row(name, Ca::Cluster, false, of_kubeconfig(root, &path)?)?);
        }
        for ca in layout.cas() {
            cas.push(row(ca.base(), *ca, true, of_file(root, &layout.pair(ca.base()).0)?)?);
        }
        certificates.sort_by(|one, other| one.name.cmp(&other.name));
        cas.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Expirations { certificates, cas })
    }
}

/// Whether the kubelet has a certificate, and nothing of a control plane is there.
fn is_worker(root: &Root, layout: &PkiLayout) -> Result<bool, Failure> {
    for path in [paths::API_SERVER_MANIFEST, ADMIN_CONF, layout.path("apiserver.crt")] {
        if root.exists(&path)? {
            return Ok(false);
        }
    }
    Ok(root.exists(&paths::CLIENT_CURRENT)?)
}

/// Whether a control plane has its data in an etcd that is not one of kubeadm's, as its files say.
///
/// # Errors
/// They cannot be looked for.
pub fn has_external_etcd(root: &Root, layout: &PkiLayout) -> Result<bool, Failure> {
    Ok(root.exists(&paths::API_SERVER_MANIFEST)?
        && !root.exists(&paths::ETCD_MANIFEST)?
        && !root.exists(&layout.pair(Ca::Etcd.base()).0)?)
}

fn of_file(root: &Root, path: &TargetPath) -> Result<Option<Certificate>, Failure> {
    let Some(bytes) = root.read(path, MAX_FILE)? else { return Ok(None) };
    match Certificate::all_from_pem(&bytes) {
        Ok(certificates) => Ok(certificates.into_iter().next()),
        Err(error) => Err(unusable(path, &format!("it holds {error}"))),
    }
}

fn of_kubeconfig(root: &Root, path: &TargetPath) -> Result<Option<Certificate>, Failure> {
    let Some(bytes) = root.read(path, MAX_FILE)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let user = Kubeconfig::parse(&text).and_then(|kubeconfig| {
        let context = kubeconfig.current_context()?;
        let user = context.map(|context| kubeconfig.user_of(context)).transpose()?;
        Ok(user.and_then(|user| user.text("client-certificate-data")).map(str::to_owned))
    });
    let user = user.map_err(|error| unusable(path, &error.to_string()))?;
    let certificates = user.and_then(|data| decoded_ca_certificates(&data).ok()).into_iter().flatten().next();
    match certificates {
        Some(certificate) => Ok(Some(certificate)),
        None => Err(unusable(path, "its user has no client-certificate-data with a certificate in it")),
    }
}

fn unusable(path: &TargetPath, why: &str) -> Failure {
    CertsError::Existing { path: path.clone(), why: UntrustedText::new(why, None) }.into()
}
