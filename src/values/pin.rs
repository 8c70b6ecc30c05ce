//! Pins of the cluster CA, as `--discovery-token-ca-cert-hash` takes them.

use std::fmt;
use std::str::FromStr;

use super::misprint::Misprint;
use crate::error::debug_as_display;

/// A pin: SHA-256 over the DER SubjectPublicKeyInfo of the CA certificate (RFC 7469, section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaCertHash(pub [u8; 32]);

impl fmt::Display for CaCertHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// kubeadm's rule (`util/pubkeypin/pubkeypin.go`): exactly one colon, the type in any case, 64 hexadecimal digits in any case.
impl FromStr for CaCertHash {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        CaCertHash::parse(text).map_err(|error| Misprint::find(text).map_or(error, PinError::Misprint))
    }
}

impl CaCertHash {
    fn parse(text: &str) -> Result<Self, PinError> {
        let Some((kind, digits)) = text.split_once(':') else {
            return Err(if is_sha256_hex(text) { PinError::NoType } else { PinError::NoColon });
        };
        if digits.contains(':') {
            return Err(PinError::SecondColon);
        }
        if !kind.eq_ignore_ascii_case("sha256") {
            return Err(PinError::Type);
        }
        if digits.chars().count() != 64 {
            return Err(PinError::Length { digits: digits.chars().count() });
        }
        if let Some(index) = digits.chars().position(|c| !c.is_ascii_hexdigit()) {
            return Err(PinError::Digit { position: index + 1 });
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
        }
        Ok(CaCertHash(hash))
    }
}

/// The value of a hexadecimal digit; 0 for anything else, which the caller has excluded.
fn nibble(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Why a text is not a pin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PinError {
    /// 64 hexadecimal digits without their type.
    NoType,
    /// No colon at all.
    NoColon,
    /// More than one colon.
    SecondColon,
    /// A type other than `sha256`.
    Type,
    /// Another number of digits than 64.
    Length {
        /// Characters after the colon.
        digits: usize,
    },
    /// A character that is not a hexadecimal digit.
    Digit {
        /// Where after the colon, counted from 1.
        position: usize,
    },
    /// A character that nobody typed, or a template.
    Misprint(Misprint),
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinError::NoType => f.write_str("a CA certificate hash starts with its type, `sha256:`"),
            PinError::NoColon => f.write_str("a CA certificate hash has the form sha256:<64 hexadecimal digits>"),
            PinError::SecondColon => f.write_str("a CA certificate hash has one colon, this one has several"),
            PinError::Type => f.write_str("the only type of a CA certificate hash is sha256"),
            PinError::Length { digits } => {
                write!(f, "a CA certificate hash has 64 hexadecimal digits, this one has {digits}")
            }
            PinError::Digit { position } => {
                write!(f, "digit {position} of the CA certificate hash is not hexadecimal")
            }
            PinError::Misprint(misprint) => write!(f, "the CA certificate hash {misprint}"),
        }
    }
}

debug_as_display!(PinError);

impl std::error::Error for PinError {}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn a_pin_is_read_in_any_case_and_shown_in_lower_case() {
        for text in [format!("sha256:{DIGITS}"), format!("SHA256:{}", DIGITS.to_uppercase())] {
            let pin: CaCertHash = text.parse().unwrap();
            assert_eq!(pin.0[..3], [0x00, 0x11, 0x22]);
            assert_eq!(pin.to_string(), format!("sha256:{DIGITS}"));
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let table = [
            (DIGITS.to_owned(), PinError::NoType),
            (String::new(), PinError::NoColon),
            ("sha256".to_owned(), PinError::NoColon),
            (format!("sha512:{DIGITS}"), PinError::Type),
            (format!(":{DIGITS}"), PinError::Type),
            (format!("sha256::{DIGITS}"), PinError::SecondColon),
            ("sha256:".to_owned(), PinError::Length { digits: 0 }),
            (format!("sha256:{DIGITS}00"), PinError::Length { digits: 66 }),
            (format!("sha256:{DIGITS}\n"), PinError::Misprint(Misprint::Last('\n'))),
            (format!("\"sha256:{DIGITS}\""), PinError::Misprint(Misprint::First('"'))),
            ("sha256:<hash>".to_owned(), PinError::Misprint(Misprint::Template)),
            (format!("sha256:g{}", &DIGITS[1..]), PinError::Digit { position: 1 }),
            (format!("sha256:{}é", &DIGITS[1..]), PinError::Digit { position: 64 }),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<CaCertHash>().unwrap_err(), expected, "{text:?}");
        }
    }
}
