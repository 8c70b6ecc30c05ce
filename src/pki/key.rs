//! The node's private key: ECDSA P-256, the kind a kubelet makes for itself (client-go `util/keyutil/key.go`).

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivateSec1KeyDer};
use zeroize::Zeroizing;

use super::pem;
use crate::error::debug_as_display;

/// SEC1 `ECPrivateKey` (RFC 5915) up to the scalar, as Go marshals a P-256 key.
const SEC1_HEAD: [u8; 7] = [0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20];
/// Between scalar and point: `[0] namedCurve prime256v1`, `[1] BIT STRING`.
const SEC1_MIDDLE: [u8; 18] =
    [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00, 0x04];
/// SubjectPublicKeyInfo (RFC 5480) of a P-256 key up to the point.
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a scalar.
const SCALAR: usize = 32;
/// Where ring's PKCS#8 form of a P-256 key holds the scalar and the uncompressed point.
const PKCS8_SCALAR: std::ops::Range<usize> = 36..68;
const PKCS8_POINT: std::ops::Range<usize> = 73..138;

/// A P-256 private key. Cannot be printed; its memory is wiped.
pub struct PrivateKey {
    pair: EcdsaKeyPair,
    sec1: Zeroizing<Vec<u8>>,
}

/// A key that could not be made or read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The kernel gave no randomness.
    Random,
    /// The text is not a P-256 key in SEC1 PEM.
    NotP256,
}

impl PrivateKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Random)?;
        let pkcs8 = document.as_ref();
        match (pkcs8.get(PKCS8_SCALAR), pkcs8.get(PKCS8_POINT)) {
            (Some(scalar), Some(point)) => Self::from_parts(scalar, point),
            _ => Err(KeyError::NotP256),
        }
    }

    /// Reads what [`to_pem`](Self::to_pem) or a kubelet wrote.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = PrivateSec1KeyDer::from_pem_slice(text).map_err(|_| KeyError::NotP256)?;
        let sec1 = der.secret_sec1_der();
        let scalar = sec1.strip_prefix(&SEC1_HEAD).and_then(|rest| rest.get(..SCALAR)).ok_or(KeyError::NotP256)?;
        let rest = &sec1[SEC1_HEAD.len() + SCALAR..];
        // The last byte of the middle is the first of the point: 4, uncompressed.
        let point = match rest.starts_with(&SEC1_MIDDLE) {
            true => &rest[SEC1_MIDDLE.len() - 1..],
            false => return Err(KeyError::NotP256),
        };
        Self::from_parts(scalar, point)
    }

    fn from_parts(scalar: &[u8], point: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, scalar, point, &random)
                .map_err(|_| KeyError::NotP256)?;
        let mut sec1 = Zeroizing::new(Vec::with_capacity(SEC1_HEAD.len() + SCALAR + SEC1_MIDDLE.len() + point.len()));
        sec1.extend_from_slice(&SEC1_HEAD);
        sec1.extend_from_slice(scalar);
        sec1.extend_from_slice(&SEC1_MIDDLE[..SEC1_MIDDLE.len() - 1]);
        sec1.extend_from_slice(point);
        Ok(PrivateKey { pair, sec1 })
    }

    /// `EC PRIVATE KEY`, as kubelets keep theirs.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode("EC PRIVATE KEY", &self.sec1)
    }

    /// For a TLS client certificate.
    pub fn to_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(self.sec1.to_vec()))
    }

    /// DER of the SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> Vec<u8> {
        [&SPKI_HEAD, self.pair.public_key().as_ref()].concat()
    }

    /// ECDSA with SHA-256, DER-encoded.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Random)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyError::Random => "the kernel gave no random numbers",
            KeyError::NotP256 => "not a P-256 private key in SEC1 PEM form",
        })
    }
}

debug_as_display!(KeyError);

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_written_and_read() {
        let key = PrivateKey::generate().unwrap();
        let again = PrivateKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!(key.public_key_info(), again.public_key_info());
        assert_eq!(*key.to_pem(), *again.to_pem());
    }

    #[test]
    fn what_openssl_writes_is_read() {
        // openssl ecparam -name prime256v1 -genkey -noout; the digest: openssl ec -pubout -outform der | sha256sum
        let text = "-----BEGIN EC PRIVATE KEY-----\n\
MHcCAQEEIGdo7jOatIxX1GR4cbmLTNUaeRYGR/DAS/1TuHMKDTTzoAoGCCqGSM49\n\
AwEHoUQDQgAEwizq+iTowCFQdoj3LfEN+iWb7I79WtHUTMers4va/f4oxcL9OWll\n\
GIB58N+BliJk18FkwkYwT68o1396jKHcQQ==\n\
-----END EC PRIVATE KEY-----\n";
        let key = PrivateKey::from_pem(text.as_bytes()).unwrap();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(key.public_key_info());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "c9ebad1a066ca6ce9ffa6c122cae3b669c903b9e18153322cc147b57e158bf46");
        assert_eq!(*key.to_pem(), text);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n", "garbage"] {
            assert_eq!(PrivateKey::from_pem(text.as_bytes()).unwrap_err(), KeyError::NotP256, "{text:?}");
        }
    }
}
