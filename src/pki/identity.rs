//! A client certificate and its key, of whatever kind: what a discovery file or a join authenticates with in TLS.

use std::fmt;

use rustls::crypto::ring::sign;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::certificate::{Certificate, CertificateError};
use super::key::PrivateKey;
use crate::error::debug_as_display;

/// A certificate, the chain behind it, and the key that belongs to it. Cannot be printed.
pub struct ClientIdentity {
    chain: Vec<Certificate>,
    key: PrivateKeyDer<'static>,
    /// The key as it came.
    key_pem: Zeroizing<Vec<u8>>,
}

/// Why certificate and key are no identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IdentityError {
    /// The certificate cannot be read.
    Certificate(CertificateError),
    /// There is no private key in PEM form (PKCS#1, SEC1 or PKCS#8, unencrypted).
    NoKey,
    /// A kind of key that TLS has no use for.
    KeyKind,
    /// The key is that of another certificate.
    Mismatch,
}

impl ClientIdentity {
    /// Reads PEM; the leaf comes first among the certificates.
    ///
    /// # Errors
    /// One of the two cannot be used, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key_pem: &[u8]) -> Result<Self, IdentityError> {
        let chain = Certificate::all_from_pem(certificates).map_err(IdentityError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| IdentityError::NoKey)?;
        let signing = sign::any_supported_type(&key).map_err(|_| IdentityError::KeyKind)?;
        let public = signing.public_key().ok_or(IdentityError::KeyKind)?;
        // `all_from_pem` gives at least one.
        if chain.first().is_none_or(|leaf| leaf.public_key_info() != public.as_ref()) {
            return Err(IdentityError::Mismatch);
        }
        Ok(ClientIdentity { chain, key, key_pem: Zeroizing::new(key_pem.to_vec()) })
    }

    /// A certificate that was requested with this key, and the chain behind it.
    pub fn of_key(chain: &[Certificate], key: &PrivateKey) -> Self {
        let key_pem = Zeroizing::new(key.to_pem().as_bytes().to_vec());
        ClientIdentity { chain: chain.to_vec(), key: key.to_der(), key_pem }
    }

    /// The leaf first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The key, for TLS.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    /// The key as it came.
    pub fn key_pem(&self) -> &[u8] {
        &self.key_pem
    }
}

impl Clone for ClientIdentity {
    fn clone(&self) -> Self {
        ClientIdentity { chain: self.chain.clone(), key: self.key.clone_key(), key_pem: self.key_pem.clone() }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientIdentity({})", self.chain.first().map_or("", Certificate::subject))
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityError::Certificate(error) => write!(f, "it holds {error}"),
            IdentityError::NoKey => f.write_str("its key is not an unencrypted private key in PEM form"),
            IdentityError::KeyKind => f.write_str("its key is of a kind that TLS does not sign with"),
            IdentityError::Mismatch => f.write_str("its key is that of another certificate"),
        }
    }
}

debug_as_display!(IdentityError);

impl std::error::Error for IdentityError {}
