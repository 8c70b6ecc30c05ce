//! Private keys of a control plane: RSA, and ECDSA on P-256 and P-384. Read in every form that kubeadm reads (client-go
//! `util/keyutil/key.go`), written in the one that it writes: PKCS#1 or SEC1.

use std::fmt;

use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::der::{INTEGER, OCTET_STRING, Oid, Reader, SEQUENCE, read_all};
use super::encode::{bit_string, element};
use super::key_algorithm::KeyAlgorithm;
use super::{pem, rsa};
use crate::error::debug_as_display;

/// `rsaEncryption` and `ecPublicKey` (RFC 3279), without tag and length.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `AlgorithmIdentifier { rsaEncryption, NULL }`.
const RSA_IDENTIFIER: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `ecPublicKey`, with tag and length.
const EC_IDENTIFIER: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `AlgorithmIdentifier { sha256WithRSAEncryption, NULL }` (RFC 4055).
const SHA256_WITH_RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];

/// `[0]` and `[1]` of `ECPrivateKey` (RFC 5915), both explicit.
const PARAMETERS: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0xa1;

/// A curve, what Go signs with on it (`crypto/x509/x509.go`, `signingParamsForKey`), and how all that is written.
struct Curve {
    algorithm: &'static EcdsaSigningAlgorithm,
    /// `namedCurve`, with tag and length.
    oid: &'static [u8],
    /// `AlgorithmIdentifier` of its signatures (RFC 5758).
    signature: &'static [u8],
}

static P256: Curve = Curve {
    algorithm: &ECDSA_P256_SHA256_ASN1_SIGNING,
    oid: &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    signature: &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
};
static P384: Curve = Curve {
    algorithm: &ECDSA_P384_SHA384_ASN1_SIGNING,
    oid: &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
    signature: &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
};

/// A private key to sign with. Cannot be printed; its memory is wiped.
pub struct SigningKey {
    pair: Pair,
    /// PKCS#1 or SEC1.
    der: Zeroizing<Vec<u8>>,
    public_key_info: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair, &'static Curve),
}

/// A key that could not be made, read or used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SigningKeyError {
    /// The kernel gave no random numbers.
    Random,
    /// There is no private key in PEM form.
    NoKey,
    /// It is broken, or of a kind that nothing here signs with.
    Kind,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// [`SigningKeyError::Random`].
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, SigningKeyError> {
        let bits = match algorithm {
            KeyAlgorithm::EcdsaP256 => return SigningKey::generate_on(&P256),
            KeyAlgorithm::EcdsaP384 => return SigningKey::generate_on(&P384),
            KeyAlgorithm::Rsa2048 => 2048,
            KeyAlgorithm::Rsa3072 => 3072,
            KeyAlgorithm::Rsa4096 => 4096,
        };
        loop {
            let key = SigningKey::from_pkcs1(&rsa::generate(bits).map_err(|_| SigningKeyError::Random)?);
            if let Ok(key) = key
                && key.is_sound()?
            {
                return Ok(key);
            }
        }
    }

    fn generate_on(curve: &Curve) -> Result<Self, SigningKeyError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(curve.algorithm, &SystemRandom::new()).map_err(|_| SigningKeyError::Random)?;
        SigningKey::from_pkcs8(document.as_ref())
    }

    /// Whether what it signs can be verified: with RSA that is so only where both of its factors are prime.
    fn is_sound(&self) -> Result<bool, SigningKeyError> {
        let Pair::Rsa(pair) = &self.pair else { return Ok(true) };
        let signature = self.sign(&self.public_key_info)?;
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
        Ok(public.verify(&self.public_key_info, &signature).is_ok())
    }

    /// Reads the first private key of a PEM text: `RSA PRIVATE KEY`, `EC PRIVATE KEY` or `PRIVATE KEY`.
    ///
    /// # Errors
    /// There is none, or not one to sign with: RSA of 2048 to 4096 bits with an exponent of 65537 or more, P-256 and P-384.
    pub fn from_pem(text: &[u8]) -> Result<Self, SigningKeyError> {
        match PrivateKeyDer::from_pem_slice(text).map_err(|_| SigningKeyError::NoKey)? {
            PrivateKeyDer::Pkcs1(der) => SigningKey::from_pkcs1(der.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(der) => SigningKey::from_sec1(der.secret_sec1_der(), None),
            PrivateKeyDer::Pkcs8(der) => SigningKey::from_pkcs8(der.secret_pkcs8_der()),
            _ => Err(SigningKeyError::Kind),
        }
    }

    /// `PrivateKeyInfo` (RFC 5208).
    fn from_pkcs8(der: &[u8]) -> Result<Self, SigningKeyError> {
        let read = read_all(der, |der| {
            der.sequence(|info| {
                info.number()?; // version
                let (algorithm, curve) = info.sequence(|identifier| {
                    let algorithm = identifier.oid()?;
                    Ok((algorithm, if identifier.is_empty() { None } else { Some(identifier.any()?.encoding) }))
                })?;
                let key = info.element(OCTET_STRING)?.contents;
                // Attributes may follow, and in version 2 the public key again.
                while !info.is_empty() {
                    info.any()?;
                }
                Ok((algorithm, curve, key))
            })
        });
        match read {
            Ok((Oid(RSA), _, key)) => SigningKey::from_pkcs1(key),
            Ok((Oid(EC), curve, key)) => SigningKey::from_sec1(key, curve),
            _ => Err(SigningKeyError::Kind),
        }
    }

    /// `RSAPrivateKey` (RFC 8017).
    fn from_pkcs1(der: &[u8]) -> Result<Self, SigningKeyError> {
        let pair = RsaKeyPair::from_der(der).map_err(|_| SigningKeyError::Kind)?;
        let key = bit_string(pair.public().as_ref());
        let public_key_info = element(SEQUENCE, &[RSA_IDENTIFIER, &key]);
        Ok(SigningKey { pair: Pair::Rsa(pair), der: Zeroizing::new(der.to_vec()), public_key_info })
    }

    /// `ECPrivateKey` (RFC 5915), whose curve PKCS#8 names outside of it. ring does not work out the public key, so that it
    /// has to be there; Go and OpenSSL write it.
    fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Result<Self, SigningKeyError> {
        let read = read_all(der, |der| {
            der.sequence(|key| {
                key.number()?; // version
                let scalar = key.element(OCTET_STRING)?.contents;
                let parameters = key.optional(PARAMETERS)?.map(|parameters| parameters.contents);
                let public = key.element(PUBLIC_KEY)?.contents;
                Ok((scalar, parameters, read_all(public, Reader::octets_in_bits)?))
            })
        });
        let (scalar, parameters, point) = read.map_err(|_| SigningKeyError::Kind)?;
        let oid = curve.or(parameters).unwrap_or_default();
        let curve = [&P256, &P384].into_iter().find(|curve| curve.oid == oid).ok_or(SigningKeyError::Kind)?;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(curve.algorithm, scalar, point, &random)
            .map_err(|_| SigningKeyError::Kind)?;
        let public = element(PUBLIC_KEY, &[bit_string(point)]);
        let scalar = Zeroizing::new(element(OCTET_STRING, &[scalar]));
        let version = element(INTEGER, &[[1]]);
        let parts: [&[u8]; 4] = [&version, &scalar, &element(PARAMETERS, &[curve.oid]), &public];
        let der = Zeroizing::new(element(SEQUENCE, &parts));
        let identifier = element(SEQUENCE, &[EC_IDENTIFIER, curve.oid]);
        let public_key_info = element(SEQUENCE, &[identifier, bit_string(point)]);
        Ok(SigningKey { pair: Pair::Ecdsa(pair, curve), der, public_key_info })
    }

    /// `RSA PRIVATE KEY` or `EC PRIVATE KEY`.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let label = match self.pair {
            Pair::Rsa(_) => "RSA PRIVATE KEY",
            Pair::Ecdsa(..) => "EC PRIVATE KEY",
        };
        pem::encode(label, &self.der)
    }

    /// DER of the SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    /// `AlgorithmIdentifier` of what [`sign`](Self::sign) makes.
    pub(super) fn signature_algorithm(&self) -> &'static [u8] {
        match &self.pair {
            Pair::Rsa(_) => SHA256_WITH_RSA,
            Pair::Ecdsa(_, curve) => curve.signature,
        }
    }

    /// PKCS#1 v1.5 with SHA-256; ECDSA with SHA-256 on P-256, with SHA-384 on P-384.
    ///
    /// # Errors
    /// [`SigningKeyError::Random`].
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| SigningKeyError::Random)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair, _) => {
                pair.sign(&random, message).map(|made| made.as_ref().to_vec()).map_err(|_| SigningKeyError::Random)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SigningKeyError::Random => "the kernel gave no random numbers",
            SigningKeyError::NoKey => "no unencrypted private key in PEM form",
            SigningKeyError::Kind => {
                "a private key that is broken or of a kind that kubejoin does not sign with (RSA of 2048 to 4096 bits, \
                 ECDSA P-256 or P-384)"
            }
        })
    }
}

debug_as_display!(SigningKeyError);

impl std::error::Error for SigningKeyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What openssl prints; `None` where it is not there.
    fn openssl(arguments: &str) -> Option<Vec<u8>> {
        let output = Command::new("openssl").args(arguments.split(' ')).output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(output.stdout)
    }

    #[test]
    fn every_form_that_openssl_writes_is_read() {
        let table = [
            ("genrsa -traditional 2048", "RSA PRIVATE KEY", true),
            ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "RSA PRIVATE KEY", true),
            ("ecparam -genkey -name prime256v1 -noout", "EC PRIVATE KEY", true),
            ("ecparam -genkey -name secp384r1", "EC PRIVATE KEY", true),
            ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", "EC PRIVATE KEY", true),
            ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "EC PRIVATE KEY", true),
            ("ecparam -genkey -name secp521r1 -noout", "", false),
            ("genpkey -algorithm ED25519", "", false),
            ("genrsa -traditional 1024", "", false),
        ];
        for (arguments, label, is_read) in table {
            let Some(text) = openssl(arguments) else { return eprintln!("SKIPPED: it needs openssl") };
            let key = match SigningKey::from_pem(&text) {
                Ok(key) if is_read => key,
                Err(error) if !is_read => {
                    assert_eq!(error, SigningKeyError::Kind, "{arguments}");
                    continue;
                }
                other => panic!("{arguments}: {other:?}"),
            };
            let written = key.to_pem();
            assert!(written.starts_with(&format!("-----BEGIN {label}-----\n")), "{arguments}");
            let again = SigningKey::from_pem(written.as_bytes()).unwrap();
            assert_eq!(again.public_key_info(), key.public_key_info());
            assert_eq!(*again.to_pem(), *written);
            assert!(!key.sign(b"message").unwrap().is_empty());
        }
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        for text in ["", "garbage", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"] {
            assert_eq!(SigningKey::from_pem(text.as_bytes()).unwrap_err(), SigningKeyError::NoKey, "{text:?}");
        }
        let broken = "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(SigningKey::from_pem(broken.as_bytes()).unwrap_err(), SigningKeyError::Kind);
        assert_eq!(format!("{:?}", SigningKey::generate(KeyAlgorithm::EcdsaP384).unwrap()), "SigningKey(..)");
    }
}
