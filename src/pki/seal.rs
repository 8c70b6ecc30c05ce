//! The encryption of the Secret `kubeadm-certs`: AES-256-GCM, `nonce || ciphertext || tag`, nothing else authenticated
//! (kubeadm `util/crypto/crypto.go`).

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::random::NoRandom;
use crate::error::debug_as_display;

/// Bytes of a key.
pub const KEY_LENGTH: usize = 32;

/// Why something was not opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// It was sealed with another key, or changed since.
    WrongKey,
    /// It is shorter than whatever was sealed.
    TooShort,
}

/// Opens what was sealed with `key`.
///
/// # Errors
/// It is too short, or the key is not the one; this cannot be told from damage.
pub fn open(key: &[u8; KEY_LENGTH], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_LEN>() else { return Err(SealError::TooShort) };
    if sealed.len() < AES_256_GCM.tag_len() {
        return Err(SealError::TooShort);
    }
    let key = UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError::WrongKey)?;
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut bytes);
    let length = opened.map_err(|_| SealError::WrongKey)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// Seals `plain` with `key`, under a nonce of its own.
///
/// # Errors
/// The kernel gives no random numbers.
pub fn seal(key: &[u8; KEY_LENGTH], plain: &[u8]) -> Result<Vec<u8>, NoRandom> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| NoRandom)?;
    // Neither fails: the key has its length, and no file is as long as a cipher is good for.
    let key = UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| NoRandom)?;
    // Sized once, so that no copy of a half-sealed key is left behind in memory.
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut sealed[NONCE_LEN..]).map_err(|_| NoRandom)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SealError::WrongKey => "it was encrypted with another key",
            SealError::TooShort => "it is too short to be anything encrypted",
        })
    }
}

debug_as_display!(SealError);

impl std::error::Error for SealError {}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// As kubeadm does it, with a nonce that the test knows.
    pub fn seal(key: &[u8; KEY_LENGTH], nonce: [u8; NONCE_LEN], plain: &[u8]) -> Vec<u8> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        let mut bytes = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes).unwrap();
        [nonce.as_slice(), &bytes].concat()
    }

    #[test]
    fn a_published_vector_opens() {
        // The GCM specification (McGrew, Viega), test case 14.
        let sealed =
            [&[0u8; 12][..], &hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")].concat();
        assert_eq!(**open(&[0; 32], &sealed).unwrap(), [0; 16]);
    }

    #[test]
    fn another_key_or_any_changed_bit_is_a_wrong_key() {
        let key = [7; 32];
        let sealed = seal(&key, [1; 12], b"plain text");
        assert_eq!(**open(&key, &sealed).unwrap(), *b"plain text");
        assert_eq!(open(&[8; 32], &sealed), Err(SealError::WrongKey));
        for bit in 0..8 * sealed.len() {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, &changed), Err(SealError::WrongKey), "bit {bit}");
        }
        for length in 0..28 {
            assert_eq!(open(&key, &sealed[..length]), Err(SealError::TooShort), "{length} bytes");
        }
        assert_eq!(**open(&key, &seal(&key, [1; 12], b"")).unwrap(), *b"");
    }

    #[test]
    fn what_was_sealed_opens_and_no_two_are_alike() {
        let key = [7; 32];
        for plain in [&b""[..], b"x", &[9; 5000]] {
            let (one, other) = (super::seal(&key, plain).unwrap(), super::seal(&key, plain).unwrap());
            assert_eq!(**open(&key, &one).unwrap(), *plain);
            assert_eq!(one.len(), plain.len() + 28);
            assert_ne!(one, other);
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
