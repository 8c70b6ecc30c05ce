//! A key and a certificate that were just made.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::certs_error::CertsError;
use crate::pki::certificate::Certificate;
use crate::pki::identity::{ClientIdentity, IdentityError};
use crate::pki::issue::{IssueError, Leaf, issue};
use crate::pki::key_algorithm::KeyAlgorithm;
use crate::pki::signing_key::SigningKey;

/// How far kubeadm dates back, for clocks that are behind (`constants.CertificateBackdate`).
const BACKDATE: Duration = Duration::from_secs(300);

/// A key and its certificate, in PEM.
#[derive(Debug)]
pub(super) struct Issued {
    pub certificate: Certificate,
    pub certificate_pem: String,
    pub key_pem: Zeroizing<Vec<u8>>,
}

/// Who issues.
#[derive(Debug)]
pub(super) struct Issuer {
    pub certificate: Certificate,
    pub key: SigningKey,
}

impl Issuer {
    /// A new key of this kind, and a certificate for it.
    pub fn issue(&self, leaf: &Leaf<'_>, algorithm: KeyAlgorithm) -> Result<Issued, CertsError> {
        let key = SigningKey::generate(algorithm).map_err(|error| CertsError::Issue(IssueError::Key(error)))?;
        let certificate =
            issue(leaf, &self.certificate, &self.key, key.public_key_info()).map_err(CertsError::Issue)?;
        Ok(Issued {
            certificate_pem: certificate.to_pem(),
            certificate,
            key_pem: Zeroizing::new(key.to_pem().as_bytes().to_vec()),
        })
    }
}

impl Issued {
    /// What a user of a kubeconfig authenticates with.
    pub fn as_user(&self) -> Value {
        json!({
            "client-certificate-data": STANDARD.encode(&self.certificate_pem),
            "client-key-data": STANDARD.encode(&self.key_pem),
        })
    }

    /// For TLS.
    pub fn identity(&self) -> Result<ClientIdentity, IdentityError> {
        ClientIdentity::from_pem(self.certificate_pem.as_bytes(), &self.key_pem)
    }
}

/// When the validity of a certificate begins: up to 1.30 with that of its CA, since 1.31 five minutes ago.
pub(super) fn not_before(minor: u32, ca: &Certificate, now: SystemTime) -> SystemTime {
    if minor < 31 { ca.not_before() } else { now.checked_sub(BACKDATE).unwrap_or(now) }
}
