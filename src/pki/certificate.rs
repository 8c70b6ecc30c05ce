//! What is read of an X.509 certificate (RFC 5280). Trust is not decided here.

use std::fmt;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::algorithms;
use super::ca::CaFacts;
use super::pem;
use super::x509;
use crate::error::debug_as_display;

/// A certificate and the facts about it that a join turns on.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: CertificateDer<'static>,
    public_key_info: Vec<u8>,
    subject: String,
    issuer: String,
    common_name: String,
    organizations: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
    ca: CaFacts,
    key_problem: Option<String>,
    signature_problem: Option<String>,
}

/// Why text holds no certificates that can be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CertificateError {
    /// There is no `CERTIFICATE` block.
    None,
    /// The PEM is broken.
    Pem,
    /// A block is not an X.509 certificate.
    Der,
}

impl Certificate {
    /// Every `CERTIFICATE` block of a PEM text; at least one, and all of them readable.
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let found: Vec<_> = CertificateDer::pem_slice_iter(text)
            .map(|block| block.map_err(|_| CertificateError::Pem).and_then(Self::from_der))
            .collect::<Result<_, _>>()?;
        if found.is_empty() { Err(CertificateError::None) } else { Ok(found) }
    }

    /// Reads one certificate.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let fields = x509::certificate(&der).map_err(|_| CertificateError::Der)?;
        Ok(Certificate {
            public_key_info: fields.public_key.encoding.to_vec(),
            subject: fields.subject.text,
            issuer: fields.issuer.text,
            common_name: fields.subject.common_name,
            organizations: fields.subject.organizations,
            not_before: fields.not_before,
            not_after: fields.not_after,
            ca: fields.ca,
            key_problem: algorithms::key_problem(&fields.public_key),
            signature_problem: algorithms::signature_problem(fields.signature_algorithm),
            der,
        })
    }

    /// The DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// One PEM block.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der).to_string()
    }

    /// DER of the SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    /// Whether it is of the same key as another.
    pub fn has_key_of(&self, other: &Certificate) -> bool {
        self.public_key_info == other.public_key_info
    }

    /// SHA-256 over the SubjectPublicKeyInfo: what a pin names.
    pub fn public_key_digest(&self) -> [u8; 32] {
        Sha256::digest(&self.public_key_info).into()
    }

    /// The subject, as text.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer, as text.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject's `CN`.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// The subject's `O`s.
    pub fn organizations(&self) -> &[String] {
        &self.organizations
    }

    /// First moment of validity.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// Last moment of validity.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// What it says of itself as a CA.
    pub fn ca(&self) -> &CaFacts {
        &self.ca
    }

    /// Why nothing that its key has signed can be verified here: the kind of the key.
    pub fn key_problem(&self) -> Option<&str> {
        self.key_problem.as_deref()
    }

    /// Why its own signature cannot be verified here: the algorithm.
    pub fn signature_problem(&self) -> Option<&str> {
        self.signature_problem.as_deref()
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CertificateError::None => "no CERTIFICATE block",
            CertificateError::Pem => "broken PEM",
            CertificateError::Der => "a block that is not an X.509 certificate",
        })
    }
}

debug_as_display!(CertificateError);

impl std::error::Error for CertificateError {}
