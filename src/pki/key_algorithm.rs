//! Kinds of keys that a control plane can be given: `encryptionAlgorithm` of a ClusterConfiguration.

use std::fmt;
use std::str::FromStr;

use crate::error::debug_as_display;

/// A kind of key (kubeadm `apis/kubeadm/types.go`, `EncryptionAlgorithmType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of 2048 bits.
    #[default]
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
}

/// A text that names no kind of key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnknownKeyAlgorithm;

const NAMES: [(KeyAlgorithm, &str); 5] = [
    (KeyAlgorithm::Rsa2048, "RSA-2048"),
    (KeyAlgorithm::Rsa3072, "RSA-3072"),
    (KeyAlgorithm::Rsa4096, "RSA-4096"),
    (KeyAlgorithm::EcdsaP256, "ECDSA-P256"),
    (KeyAlgorithm::EcdsaP384, "ECDSA-P384"),
];

/// kubeadm's names; nothing is its default.
impl FromStr for KeyAlgorithm {
    type Err = UnknownKeyAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownKeyAlgorithm> {
        match NAMES.iter().find(|(_, name)| *name == text) {
            Some((algorithm, _)) => Ok(*algorithm),
            None if text.is_empty() => Ok(KeyAlgorithm::default()),
            None => Err(UnknownKeyAlgorithm),
        }
    }
}

impl fmt::Display for UnknownKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it must be RSA-2048, RSA-3072, RSA-4096, ECDSA-P256 or ECDSA-P384")
    }
}

debug_as_display!(UnknownKeyAlgorithm);

impl std::error::Error for UnknownKeyAlgorithm {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadm_s_names_are_known_and_no_others() {
        for (algorithm, name) in NAMES {
            assert_eq!(name.parse(), Ok(algorithm));
        }
        assert_eq!("".parse(), Ok(KeyAlgorithm::Rsa2048));
        for text in ["RSA", "rsa-2048", "RSA-1024", "ECDSA-P521", "Ed25519"] {
            assert_eq!(text.parse::<KeyAlgorithm>(), Err(UnknownKeyAlgorithm), "{text}");
        }
    }
}
