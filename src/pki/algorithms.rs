//! Which keys and signatures cannot be verified here, in words. What can be is in `net/tls/algorithms.rs`: what ring does of
//! that which Go accepts.

use x509_parser::der_parser::oid::Oid;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// RSA keys that ring verifies with, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Object identifiers of keys (RFC 3279, 5480, 8410) and curves.
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";
const CURVES: [(&str, &str, bool); 5] = [
    ("1.2.840.10045.3.1.7", "P-256", true),
    ("1.3.132.0.34", "P-384", true),
    ("1.3.132.0.35", "P-521", false),
    ("1.3.132.0.33", "P-224", false),
    ("1.3.132.0.10", "secp256k1", false),
];

/// Object identifiers of signatures (RFC 4055, 5758, 8410); what is not listed is named by its identifier.
const SIGNATURES: [(&str, &str, bool); 12] = [
    ("1.2.840.113549.1.1.11", "RSA with SHA-256", true),
    ("1.2.840.113549.1.1.12", "RSA with SHA-384", true),
    ("1.2.840.113549.1.1.13", "RSA with SHA-512", true),
    ("1.2.840.113549.1.1.10", "RSA-PSS", true),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256", true),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384", true),
    (ED25519, "Ed25519", true),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512", false),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1", false),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1", false),
    ("1.2.840.113549.1.1.4", "RSA with MD5", false),
    ("1.2.840.10040.4.3", "DSA with SHA-1", false),
];

/// The kind of a key that nothing here can verify with.
pub(super) fn key_problem(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    match key.algorithm.algorithm.to_id_string().as_str() {
        RSA => match key.parsed() {
            Ok(PublicKey::RSA(rsa)) if RSA_BITS.contains(&rsa.key_size()) => None,
            Ok(PublicKey::RSA(rsa)) => Some(format!("RSA with {} bits", rsa.key_size())),
            _ => Some("RSA".to_owned()),
        },
        EC => {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            let curve = curve.map(|oid| oid.to_id_string()).unwrap_or_default();
            match CURVES.iter().find(|(oid, ..)| *oid == curve) {
                Some((_, _, true)) => None,
                Some((_, name, false)) => Some(format!("ECDSA {name}")),
                None => Some(format!("ECDSA on the curve {curve}")),
            }
        }
        ED25519 => None,
        other => Some(format!("of the algorithm {other}")),
    }
}

/// The algorithm of a signature that nothing here can verify.
pub(super) fn signature_problem(algorithm: &Oid<'_>) -> Option<String> {
    let algorithm = algorithm.to_id_string();
    match SIGNATURES.iter().find(|(oid, ..)| *oid == algorithm) {
        Some((_, _, true)) => None,
        Some((_, name, false)) => Some((*name).to_owned()),
        None => Some(format!("the algorithm {algorithm}")),
    }
}
