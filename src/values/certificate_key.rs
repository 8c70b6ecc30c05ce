//! The certificate key, with which kubeadm encrypts the Secret `kubeadm-certs`. No error of this file repeats what was typed.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::misprint::Misprint;
use super::pin::CaCertHash;
use super::token::BootstrapToken;
use crate::error::debug_as_display;

/// Bytes of a key, for AES-256 (kubeadm `constants.CertificateKeySize`).
const LENGTH: usize = 32;

/// A certificate key: 32 bytes, written as 64 hexadecimal digits (kubeadm `apis/kubeadm/validation/validation.go`). Cannot be
/// printed; its memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateKey(Zeroizing<[u8; LENGTH]>);

impl CertificateKey {
    /// The bytes, for the one place that decrypts with them.
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateKey(..)")
    }
}

impl FromStr for CertificateKey {
    type Err = CertificateKeyError;

    fn from_str(text: &str) -> Result<Self, CertificateKeyError> {
        CertificateKey::parse(text).map_err(|error| {
            let misprint = Misprint::find(text).map(CertificateKeyError::Misprint);
            let other = || another_value(text).map(CertificateKeyError::AnotherValue);
            misprint.or_else(other).unwrap_or(error)
        })
    }
}

/// What stands where the key should: the next argument, as the variable before it was empty.
fn another_value(text: &str) -> Option<&'static str> {
    if text.starts_with("--") {
        Some("a flag")
    } else if text.parse::<CaCertHash>().is_ok() {
        Some("a CA certificate hash")
    } else if text.parse::<BootstrapToken>().is_ok() {
        Some("a bootstrap token")
    } else {
        None
    }
}

impl CertificateKey {
    fn parse(text: &str) -> Result<Self, CertificateKeyError> {
        if text.is_empty() {
            return Err(CertificateKeyError::Empty);
        }
        if let Some(index) = text.chars().position(|c| !c.is_ascii_hexdigit()) {
            return Err(CertificateKeyError::Digit { position: index + 1 });
        }
        let mut key = Zeroizing::new([0; LENGTH]);
        if text.len() != 2 * LENGTH {
            return Err(CertificateKeyError::Length { digits: text.len() });
        }
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
        }
        Ok(CertificateKey(key))
    }
}

/// The value of a hexadecimal digit; 0 for anything else, which the caller has excluded.
fn nibble(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

/// Why a text is not a certificate key; says where, never what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CertificateKeyError {
    /// Nothing was given.
    Empty,
    /// Another number of digits than 64.
    Length {
        /// How many there are.
        digits: usize,
    },
    /// A character that is not a hexadecimal digit.
    Digit {
        /// Where, counted from 1.
        position: usize,
    },
    /// A character that nobody typed, or a template.
    Misprint(Misprint),
    /// A value of another kind.
    AnotherValue(&'static str),
}

impl fmt::Display for CertificateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateKeyError::Empty => f.write_str("the certificate key is empty"),
            CertificateKeyError::Length { digits } => {
                write!(f, "a certificate key has {} hexadecimal digits, this one has {digits}", 2 * LENGTH)
            }
            CertificateKeyError::Digit { position } => {
                write!(f, "a certificate key consists of hexadecimal digits, its character {position} is none")
            }
            CertificateKeyError::Misprint(misprint) => write!(f, "the certificate key {misprint}"),
            CertificateKeyError::AnotherValue(what) => {
                write!(f, "{what} stands in the place of the certificate key; perhaps the variable before it is empty")
            }
        }
    }
}

debug_as_display!(CertificateKeyError);

impl std::error::Error for CertificateKeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn a_key_is_read_in_any_case() {
        for text in [DIGITS.to_owned(), DIGITS.to_uppercase()] {
            let key: CertificateKey = text.parse().unwrap();
            assert_eq!(key.expose()[..3], [0x00, 0x11, 0x22]);
            assert_eq!(key.expose()[31], 0xff);
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let table = [
            (String::new(), CertificateKeyError::Empty),
            // 16 and 24 bytes are keys of AES as well, but not of kubeadm.
            (DIGITS[..32].to_owned(), CertificateKeyError::Length { digits: 32 }),
            (DIGITS[..48].to_owned(), CertificateKeyError::Length { digits: 48 }),
            (DIGITS[..63].to_owned(), CertificateKeyError::Length { digits: 63 }),
            (format!("{DIGITS}00"), CertificateKeyError::Length { digits: 66 }),
            (format!("g{}", &DIGITS[1..]), CertificateKeyError::Digit { position: 1 }),
            (format!("0x{}", &DIGITS[2..]), CertificateKeyError::Digit { position: 2 }),
            (format!("{}é", &DIGITS[..62]), CertificateKeyError::Digit { position: 63 }),
            (format!("{DIGITS}\n"), CertificateKeyError::Misprint(Misprint::Last('\n'))),
            ("<key>".to_owned(), CertificateKeyError::Misprint(Misprint::Template)),
            ("--control-plane".to_owned(), CertificateKeyError::AnotherValue("a flag")),
            (format!("sha256:{DIGITS}"), CertificateKeyError::AnotherValue("a CA certificate hash")),
            ("abcdef.0123456789abcdef".to_owned(), CertificateKeyError::AnotherValue("a bootstrap token")),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<CertificateKey>().unwrap_err(), expected, "{text:?}");
        }
    }

    #[test]
    fn neither_debug_nor_an_error_repeats_the_key() {
        let key: CertificateKey = DIGITS.parse().unwrap();
        assert_eq!(format!("{key:?}"), "CertificateKey(..)");
        for text in [&DIGITS[..60], &format!("{DIGITS}00"), &format!("{}-", &DIGITS[1..])] {
            let error = text.parse::<CertificateKey>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains(&DIGITS[2..12]));
        }
    }
}
