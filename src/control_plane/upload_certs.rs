//! The certificate key, with which the Secret `kubeadm-certs` is encrypted (kubeadm `phases/copycerts/copycerts.go`).

use super::certs_error::CertsError;
use crate::pki::issue::IssueError;
use crate::pki::random;
use crate::pki::signing_key::SigningKeyError;
use crate::secret::Secret;

/// Hexadecimal digits of a certificate key, and how many there are.
const DIGITS: &[u8; 16] = b"0123456789abcdef";
const KEY_LENGTH: usize = 64;

/// A random certificate key.
///
/// # Errors
/// The kernel gives no random numbers.
pub fn generate_key() -> Result<Secret, CertsError> {
    let text = random::text(DIGITS, KEY_LENGTH);
    let text = text.map_err(|_| CertsError::Issue(IssueError::Key(SigningKeyError::Random)))?;
    Ok(Secret::new(text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::CertificateKey;

    #[test]
    fn a_random_key_is_one() {
        let keys: Vec<_> = (0..50).map(|_| generate_key().unwrap()).collect();
        assert!(keys.iter().all(|key| key.expose().parse::<CertificateKey>().is_ok()));
        let all: String = keys.iter().map(|key| key.expose().to_owned()).collect();
        assert!(DIGITS.iter().all(|digit| all.contains(char::from(*digit))));
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
