//! Which keys and signatures cannot be verified here, in words. What can be is in `net/tls/algorithms.rs`: what ring does of
//! that which Go accepts.

use super::der::Oid;
use super::x509::PublicKeyInfo;

/// RSA keys that ring verifies with, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Object identifiers of keys (RFC 3279, 5480, 8410) and curves.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]; // 1.2.840.113549.1.1.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]; // 1.2.840.10045.2.1
const ED25519: &[u8] = &[0x2b, 0x65, 0x70]; // 1.3.101.112
const CURVES: [(&[u8], &str, bool); 5] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], "P-256", true), // 1.2.840.10045.3.1.7
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "P-384", true),                   // 1.3.132.0.34
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "P-521", false),                  // 1.3.132.0.35
    (&[0x2b, 0x81, 0x04, 0x00, 0x21], "P-224", false),                  // 1.3.132.0.33
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1", false),              // 1.3.132.0.10
];

/// Object identifiers of signatures (RFC 4055, 5758, 8410); what is not listed is named by its identifier.
const SIGNATURES: [(&[u8], &str, bool); 12] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], "RSA with SHA-256", true), // 1.2.840.113549.1.1.11
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], "RSA with SHA-384", true), // 1.2.840.113549.1.1.12
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], "RSA with SHA-512", true), // 1.2.840.113549.1.1.13
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "RSA-PSS", true),          // 1.2.840.113549.1.1.10
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], "ECDSA with SHA-256", true),     // 1.2.840.10045.4.3.2
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], "ECDSA with SHA-384", true),     // 1.2.840.10045.4.3.3
    (ED25519, "Ed25519", true),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "ECDSA with SHA-512", false), // 1.2.840.10045.4.3.4
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "ECDSA with SHA-1", false),         // 1.2.840.10045.4.1
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "RSA with SHA-1", false), // 1.2.840.113549.1.1.5
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "RSA with MD5", false), // 1.2.840.113549.1.1.4
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], "DSA with SHA-1", false),           // 1.2.840.10040.4.3
];

/// The kind of a key that nothing here can verify with.
pub(super) fn key_problem(key: &PublicKeyInfo<'_>) -> Option<String> {
    match key.algorithm.0 {
        RSA => match key.rsa_bits() {
            Some(bits) if RSA_BITS.contains(&bits) => None,
            Some(bits) => Some(format!("RSA with {bits} bits")),
            None => Some("RSA".to_owned()),
        },
        EC => match (key.curve, CURVES.iter().find(|(oid, ..)| key.curve == Some(Oid(oid)))) {
            (_, Some((_, _, true))) => None,
            (_, Some((_, name, false))) => Some(format!("ECDSA {name}")),
            (Some(curve), None) => Some(format!("ECDSA on the curve {curve}")),
            (None, None) => Some("ECDSA on a curve without a name".to_owned()),
        },
        ED25519 => None,
        _ => Some(format!("of the algorithm {}", key.algorithm)),
    }
}

/// The algorithm of a signature that nothing here can verify.
pub(super) fn signature_problem(algorithm: Oid<'_>) -> Option<String> {
    match SIGNATURES.iter().find(|(oid, ..)| *oid == algorithm.0) {
        Some((_, _, true)) => None,
        Some((_, name, false)) => Some((*name).to_owned()),
        None => Some(format!("the algorithm {algorithm}")),
    }
}
