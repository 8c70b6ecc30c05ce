//! The Secret `kubeadm-certs`: what all control planes share, encrypted with the certificate key (kubeadm
//! `phases/copycerts/copycerts.go`).

use std::collections::BTreeMap;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

use super::certs_error::CertsError;
use super::pki_layout::{EtcdPki, PkiLayout, SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY};
use crate::inputs::BroughtCerts;
use crate::pki::certificate::Certificate;
use crate::pki::seal::{self, SealError};
use crate::rootfs::{FileSet, TargetPath};
use crate::text::UntrustedText;
use crate::values::CertificateKey;

/// What was in the Secret, decrypted; or what was brought in its place.
#[derive(Debug)]
pub struct Downloaded(Vec<SharedFile>);

/// A file of it. Its bytes are wiped.
pub struct SharedFile {
    /// Where it goes.
    pub path: TargetPath,
    /// 0600 for a private key, 0644 for what is public.
    pub mode: u32,
    /// PEM.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl Downloaded {
    /// Decrypts `data` of the Secret, of which base64 has been undone. Every value, also one that nothing needs: all or
    /// nothing, as in kubeadm. A value may be empty, where the one who uploaded did not have the file.
    ///
    /// # Errors
    /// The key is wrong, the Secret lacks something, or it holds what is neither key nor certificate.
    pub fn open(
        data: &BTreeMap<String, Vec<u8>>,
        key: &CertificateKey,
        layout: &PkiLayout,
    ) -> Result<Self, CertsError> {
        let wanted = wanted(layout);
        let missing: Vec<_> = wanted.iter().map(|(name, _)| *name).filter(|name| !data.contains_key(*name)).collect();
        if !missing.is_empty() {
            return Err(CertsError::SecretIncomplete { missing });
        }
        let mut opened = BTreeMap::new();
        for (name, sealed) in data.iter().filter(|(_, sealed)| !sealed.is_empty()) {
            let bytes = seal::open(key.expose(), sealed).map_err(|error| match error {
                SealError::WrongKey => CertsError::WrongKey,
                SealError::TooShort => CertsError::SecretContent { name: UntrustedText::new(name, None) },
            })?;
            opened.insert(name.as_str(), bytes);
        }
        let mut files = Vec::new();
        for (name, path) in wanted {
            // One without a path is that of an etcd without TLS, which the one who uploaded did not have either.
            let (Some(bytes), Some(path)) = (opened.remove(name), path) else { continue };
            let mode =
                mode(&bytes).ok_or_else(|| CertsError::SecretContent { name: UntrustedText::new(name, None) })?;
            files.push(SharedFile { path, mode, bytes });
        }
        Ok(Downloaded(files))
    }

    /// The same of files that were brought. Whether they are all, and of use, is for
    /// [`check_shared_certs`](super::shared_certs::check_shared_certs).
    pub fn brought(files: &BroughtCerts, layout: &PkiLayout) -> Self {
        let file = |(name, path): (&str, Option<TargetPath>)| {
            let bytes = files.get(&name.replace("etcd-ca.", "etcd/ca.")).or_else(|| files.get(name))?.clone();
            Some(SharedFile { path: path?, mode: mode(&bytes).unwrap_or(0o600), bytes })
        };
        Downloaded(wanted(layout).into_iter().filter_map(file).collect())
    }

    /// The files, in kubeadm's order.
    pub fn files(&self) -> &[SharedFile] {
        &self.0
    }

    /// Adds them all; they replace what is there.
    pub fn add_to(&self, files: &mut FileSet, layout: &PkiLayout) {
        files.directory(layout.directory().clone(), 0o755);
        for file in &self.0 {
            if file.mode == 0o600 {
                files.secret_file(file.path.clone(), file.mode, file.bytes.clone());
            } else {
                files.file(file.path.clone(), file.mode, file.bytes.as_slice());
            }
        }
    }
}

impl std::fmt::Debug for SharedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedFile({})", self.path)
    }
}

/// Keys of the Secret, with the files that they become.
pub(super) fn wanted(layout: &PkiLayout) -> Vec<(&'static str, Option<TargetPath>)> {
    let shared = ["ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key"];
    let shared = shared.into_iter().chain([SERVICE_ACCOUNT_PUBLIC_KEY, SERVICE_ACCOUNT_KEY]);
    let mut wanted: Vec<_> = shared.map(|name| (name, Some(layout.path(name)))).collect();
    match layout.etcd() {
        EtcdPki::Local => wanted.extend([
            ("etcd-ca.crt", Some(layout.path("etcd/ca.crt"))),
            ("etcd-ca.key", Some(layout.path("etcd/ca.key"))),
        ]),
        EtcdPki::External { ca, certificate, key } => wanted.extend([
            ("external-etcd-ca.crt", ca.clone()),
            ("external-etcd.crt", certificate.clone()),
            ("external-etcd.key", key.clone()),
        ]),
    }
    wanted
}

/// The mode of a file by what is in it, whatever it is called: a private key is never readable by others. `None` for what is
/// neither a key nor a certificate.
fn mode(bytes: &[u8]) -> Option<u32> {
    if PrivateKeyDer::from_pem_slice(bytes).is_ok() {
        Some(0o600)
    } else if SubjectPublicKeyInfoDer::from_pem_slice(bytes).is_ok() || Certificate::all_from_pem(bytes).is_ok() {
        Some(0o644)
    } else {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pki::key_algorithm::KeyAlgorithm;
    use crate::pki::seal::tests::seal;
    use crate::pki::signing_key::SigningKey;

    const KEY: [u8; 32] = [9; 32];
    const CA: &str = include_str!("../../tests/certificates/pki/ca.crt");
    const PUBLIC: &str = include_str!("../../tests/certificates/pki/sa.pub");

    fn key() -> CertificateKey {
        "09".repeat(32).parse().unwrap()
    }

    fn layout(etcd: EtcdPki) -> PkiLayout {
        PkiLayout::new(TargetPath::fixed("/etc/kubernetes/pki"), etcd).unwrap()
    }

    fn secret(names: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let private = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap().to_pem();
        let plain = |name: &str| match name.rsplit_once('.') {
            Some((_, "crt")) => CA.to_owned(),
            Some((_, "pub")) => PUBLIC.to_owned(),
            _ => private.to_string(),
        };
        names.iter().map(|name| ((*name).to_owned(), seal(&KEY, [3; 12], plain(name).as_bytes()))).collect()
    }

    const SHARED: [&str; 6] = ["ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.pub", "sa.key"];

    #[test]
    fn every_file_goes_where_kubeadm_puts_it() {
        let mut data = secret(&[&SHARED[..], &["etcd-ca.crt", "etcd-ca.key"]].concat());
        data.insert("front-proxy-ca.key".to_owned(), Vec::new());
        let layout = layout(EtcdPki::Local);
        let downloaded = Downloaded::open(&data, &key(), &layout).unwrap();
        let files: Vec<_> = downloaded.files().iter().map(|file| (file.path.as_str(), file.mode)).collect();
        let expected = [
            ("/etc/kubernetes/pki/ca.crt", 0o644),
            ("/etc/kubernetes/pki/ca.key", 0o600),
            ("/etc/kubernetes/pki/front-proxy-ca.crt", 0o644),
            ("/etc/kubernetes/pki/sa.pub", 0o644),
            ("/etc/kubernetes/pki/sa.key", 0o600),
            ("/etc/kubernetes/pki/etcd/ca.crt", 0o644),
            ("/etc/kubernetes/pki/etcd/ca.key", 0o600),
        ];
        assert_eq!(files, expected);
        assert_eq!(*downloaded.files()[0].bytes, CA.as_bytes());
    }

    #[test]
    fn an_external_etcd_has_its_client_certificate_where_it_says() {
        let data = secret(&[&SHARED[..], &["external-etcd-ca.crt", "external-etcd.crt", "external-etcd.key"]].concat());
        let path = |path: &str| Some(path.parse().unwrap());
        let etcd = EtcdPki::External { ca: path("/e/ca.pem"), certificate: path("/e/c.pem"), key: None };
        let downloaded = Downloaded::open(&data, &key(), &layout(etcd)).unwrap();
        let files: Vec<_> = downloaded.files()[6..].iter().map(|file| (file.path.as_str(), file.mode)).collect();
        assert_eq!(files, [("/e/ca.pem", 0o644), ("/e/c.pem", 0o644)]);
    }

    #[test]
    fn what_is_wrong_with_the_secret_is_named() {
        let layout = layout(EtcdPki::Local);
        let open = |data: &BTreeMap<String, Vec<u8>>, key: &CertificateKey| Downloaded::open(data, key, &layout);
        let whole = secret(&[&SHARED[..], &["etcd-ca.crt", "etcd-ca.key"]].concat());
        assert!(open(&whole, &key()).is_ok());

        let mut data = whole.clone();
        data.remove("sa.key");
        data.remove("etcd-ca.crt");
        let missing = vec!["sa.key", "etcd-ca.crt"];
        assert_eq!(open(&data, &key()).unwrap_err(), CertsError::SecretIncomplete { missing });

        let other = "08".repeat(32).parse().unwrap();
        assert_eq!(open(&whole, &other).unwrap_err(), CertsError::WrongKey);
        // Also where only a value that nothing needs is of another key: a Secret that was uploaded twice.
        let mut data = whole.clone();
        data.insert("more".to_owned(), seal(&[8; 32], [0; 12], b"x"));
        assert_eq!(open(&data, &key()).unwrap_err(), CertsError::WrongKey);

        for (name, value) in [("ca.crt", b"short".to_vec()), ("ca.key", seal(&KEY, [1; 12], b"neither"))] {
            let mut data = whole.clone();
            data.insert(name.to_owned(), value);
            let error = open(&data, &key()).unwrap_err();
            assert_eq!(error, CertsError::SecretContent { name: UntrustedText::new(name, None) });
        }
        // A private key under the name of a certificate is still a private key.
        let mut data = whole.clone();
        data.insert("ca.crt".to_owned(), whole["sa.key"].clone());
        assert_eq!(open(&data, &key()).unwrap().files()[0].mode, 0o600);
    }
}
