//! Random texts.

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// The kernel gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandom;

/// A text of so many of these ASCII characters, each as likely as any other. Wiped when it is dropped.
///
/// # Errors
/// The kernel gives no random numbers.
pub fn text<const N: usize>(characters: &[u8; N], length: usize) -> Result<Zeroizing<String>, NoRandom> {
    // Bytes from here on would favour the first characters.
    let end = 256 - 256 % N;
    // Never longer than this: a longer one would leave its shorter copy in memory.
    let mut text = Zeroizing::new(String::with_capacity(length));
    while text.len() < length {
        let mut byte = Zeroizing::new([0_u8]);
        SystemRandom::new().fill(byte.as_mut_slice()).map_err(|_| NoRandom)?;
        let number = usize::from(byte[0]);
        if number < end {
            text.push(char::from(characters[number % N]));
        }
    }
    Ok(text)
}
