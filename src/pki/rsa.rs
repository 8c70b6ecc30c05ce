//! RSA keys, which ring signs with but does not make.
//!
//! Only this is done here: numbers are drawn until two are prime (FIPS 186-5, A.1.3), and the rest of the key is worked out
//! of them. The key is then judged by ring: it multiplies the primes out again, and [`SigningKey`](super::signing_key) lets
//! nothing out before a signature of it has been verified, which in ring's arithmetic is a Fermat test of both primes.
//!
//! No crate does it, because each costs more than the hundred lines of arithmetic that it saves. What it adds to a stripped
//! static program at `opt-level = "z"`, and the processor's time for a key of 2048 bits on one x86_64 core: `rsa` 0.10 192 KB
//! and 66 ms, `crypto-primes` 0.7 135 KB and 74 ms, `rsa` 0.9 86 KB and longer, `crypto-bigint` 0.7 alone 82 KB and
//! 78 ms, `num-bigint` 0.4 alone 65 KB (at `opt-level = 3`) and 86 ms; this file 12 KB and 108 ms, with the signature.

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::der::SEQUENCE;
use super::encode::{element, unsigned};

/// The public exponent that Go takes (`crypto/rsa`): a prime, 2^16 + 1.
const EXPONENT: u64 = 65537;
/// Rounds of Miller and Rabin with random bases: for primes of 1024 bits and more, a composite number then passes with a
/// probability below 2^-100 (FIPS 186-5, table B.1).
const ROUNDS: usize = 5;
/// Divisors up to here are tried first: less work than the fifth of the candidates that they leave out.
const SMALL: u32 = 2048;

/// A non-negative number, the lowest limb first, of a length that its use fixes. Wiped when dropped.
type Number = Zeroizing<Vec<u64>>;

/// The kernel gave no random numbers.
pub(super) struct NoRandom;

/// `RSAPrivateKey` (RFC 8017, A.1.2) of a new key with a modulus of `bits`, a multiple of 128.
pub(super) fn generate(bits: usize) -> Result<Zeroizing<Vec<u8>>, NoRandom> {
    let small: Vec<u32> =
        (3..SMALL).step_by(2).filter(|n| (3..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).collect();
    loop {
        let (mut p, mut q) = (prime(bits / 2, &small)?, prime(bits / 2, &small)?);
        if is_less(&p, &q) {
            std::mem::swap(&mut p, &mut q);
        }
        let (p_1, q_1) = (minus_one(&p), minus_one(&q));
        let (Some(d_p), Some(d_q), Some(d)) = (inverse(&p_1), inverse(&q_1), inverse(&product(&p_1, &q_1))) else {
            continue;
        };
        let q_inverse = Modulus::new(&p).inverse(&q);
        let numbers = [&number_of(0, 1), &product(&p, &q), &number_of(EXPONENT, 1), &d, &p, &q, &d_p, &d_q, &q_inverse];
        let numbers = numbers.map(|number| unsigned(&big_endian(number)));
        return Ok(Zeroizing::new(element(SEQUENCE, &numbers)));
    }
}

/// A random prime of `bits`, of which the two highest are set: the product of two then has twice as many.
fn prime(bits: usize, small: &[u32]) -> Result<Number, NoRandom> {
    loop {
        let mut candidate = random(bits / 64)?;
        if let [first, .., last] = candidate.as_mut_slice() {
            *first |= 1;
            *last |= 3 << 62;
        }
        if small.iter().all(|divisor| remainder(&candidate, u64::from(*divisor)) != 0)
            && Modulus::new(&candidate).is_probably_prime()?
        {
            return Ok(candidate);
        }
    }
}

fn random(limbs: usize) -> Result<Number, NoRandom> {
    let mut bytes = Zeroizing::new(vec![0; 8 * limbs]);
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    let (chunks, _) = bytes.as_chunks::<8>();
    Ok(Zeroizing::new(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect()))
}

/// An odd number whose highest bit is set, to multiply by in Montgomery's form: a number x stands for itself times R, which is
/// 2 to the power of the modulus's length (Montgomery 1985; Koç, Acar, Kaliski 1996, CIOS).
struct Modulus<'a> {
    number: &'a [u64],
    /// -1 / number, modulo 2^64.
    negative_inverse: u64,
    /// 1 in Montgomery's form, R - number.
    one: Number,
}

impl<'a> Modulus<'a> {
    fn new(number: &'a [u64]) -> Self {
        let lowest = number.first().copied().unwrap_or(1);
        // Newton: each step doubles the bits that are right, of which an odd number has three to begin with.
        let inverse = (0..5).fold(lowest, |x, _| x.wrapping_mul(2u64.wrapping_sub(lowest.wrapping_mul(x))));
        let mut one = Zeroizing::new(vec![0; number.len()]);
        subtract(&mut one, number);
        Modulus { number, negative_inverse: inverse.wrapping_neg(), one }
    }

    /// Miller and Rabin (FIPS 186-5, B.3.1), with the base 2 first, in which most of what is not prime fails, as it needs
    /// only squares.
    fn is_probably_prime(&self) -> Result<bool, NoRandom> {
        let minus_one = {
            let mut number = Zeroizing::new(self.number.to_vec());
            subtract(&mut number, &self.one);
            number
        };
        // number - 1 = 2^zeros * odd; the bits of `odd` are those of the number from `zeros` on.
        let zeros = (1..).find(|bit| self.bit(*bit)).unwrap_or(1);
        let passes = |power: Number| {
            let mut power = power;
            let is_end = |power: &Number| **power == *minus_one;
            *power == *self.one
                || is_end(&power)
                || (1..zeros).any(|_| {
                    power = self.multiply(&power, &power);
                    is_end(&power)
                })
        };
        let mut two = self.one.clone();
        self.double(&mut two);
        if !passes(self.power(&two, self.number, zeros, |power| self.double(power))) {
            return Ok(false);
        }
        for _ in 0..ROUNDS {
            let mut base = random(self.number.len())?;
            // Any number below the modulus is Montgomery's form of some base.
            if !is_less(&base, self.number) {
                subtract(&mut base, self.number);
            }
            let power = self.power(&base, self.number, zeros, |power| *power = self.multiply(power, &base));
            if !passes(power) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// 1 / `number`, modulo this prime, by Fermat: to the power of the prime less two.
    fn inverse(&self, number: &[u64]) -> Number {
        let mut base = Zeroizing::new(number.to_vec());
        (0..64 * number.len()).for_each(|_| self.double(&mut base));
        let mut exponent = Zeroizing::new(self.number.to_vec());
        subtract(&mut exponent, &number_of(2, self.number.len()));
        let power = self.power(&base, &exponent, 0, |power| *power = self.multiply(power, &base));
        self.multiply(&power, &number_of(1, self.number.len()))
    }

    /// `base` to the power of `exponent`, whose highest bit is set, without its `skipped` lowest bits; `times_base` multiplies
    /// by the base.
    fn power(&self, base: &Number, exponent: &[u64], skipped: usize, times_base: impl Fn(&mut Number)) -> Number {
        let mut power = base.clone();
        for bit in (skipped..64 * exponent.len() - 1).rev() {
            power = self.multiply(&power, &power);
            if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
                times_base(&mut power);
            }
        }
        power
    }

    fn bit(&self, bit: usize) -> bool {
        self.number.get(bit / 64).is_none_or(|limb| limb >> (bit % 64) & 1 == 1)
    }

    /// a * b / R.
    fn multiply(&self, a: &[u64], b: &[u64]) -> Number {
        let n = self.number.len();
        let mut sum = Zeroizing::new(vec![0; n + 1]);
        for limb in a {
            let carry = add_product(&mut sum[..n], b, *limb);
            let (top, over) = sum[n].overflowing_add(carry);
            let factor = sum[0].wrapping_mul(self.negative_inverse);
            let carry = add_product(&mut sum[..n], self.number, factor);
            let (top, over_again) = top.overflowing_add(carry);
            // The lowest limb is zero now.
            sum.copy_within(1..n, 0);
            sum[n - 1] = top;
            sum[n] = u64::from(over) + u64::from(over_again);
        }
        let over = sum.pop() != Some(0);
        if over || !is_less(&sum, self.number) {
            subtract(&mut sum, self.number);
        }
        sum
    }

    /// 2 * x.
    fn double(&self, x: &mut Number) {
        let mut carry = 0;
        for limb in x.iter_mut() {
            let next = *limb >> 63;
            *limb = *limb << 1 | carry;
            carry = next;
        }
        if carry == 1 || !is_less(x, self.number) {
            subtract(x, self.number);
        }
    }
}

/// Adds `number` * `factor`; returns what is carried out.
fn add_product(sum: &mut [u64], number: &[u64], factor: u64) -> u64 {
    let mut carry = 0;
    for (limb, other) in sum.iter_mut().zip(number) {
        let wide = u128::from(*other) * u128::from(factor) + u128::from(*limb) + u128::from(carry);
        *limb = wide as u64;
        carry = (wide >> 64) as u64;
    }
    carry
}

/// Subtracts, modulo 2 to the power of the length.
fn subtract(number: &mut [u64], less: &[u64]) {
    let mut borrow = false;
    for (limb, other) in number.iter_mut().zip(less) {
        let (difference, under) = limb.overflowing_sub(*other);
        let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
        *limb = difference;
        borrow = under || under_again;
    }
}

/// Whether a < b, of the same length.
fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn product(a: &[u64], b: &[u64]) -> Number {
    let mut product = Zeroizing::new(vec![0; a.len() + b.len()]);
    for (at, limb) in a.iter().enumerate() {
        product[at + b.len()] = add_product(&mut product[at..at + b.len()], b, *limb);
    }
    product
}

/// The number less one; it is odd.
fn minus_one(odd: &[u64]) -> Number {
    let mut number = Zeroizing::new(odd.to_vec());
    number[0] &= !1;
    number
}

fn number_of(value: u64, limbs: usize) -> Number {
    let mut number = Zeroizing::new(vec![0; limbs]);
    number[0] = value;
    number
}

/// Divides by a number below 2^32; the remainder.
fn divide(number: &mut [u64], divisor: u64) -> u64 {
    let mut rest = 0;
    for limb in number.iter_mut().rev() {
        let high = rest << 32 | *limb >> 32;
        let low = (high % divisor) << 32 | *limb & 0xffff_ffff;
        *limb = ((high / divisor) << 32) | (low / divisor);
        rest = low % divisor;
    }
    rest
}

fn remainder(number: &[u64], divisor: u64) -> u64 {
    number.iter().rev().fold(0, |rest, limb| {
        let high = (rest << 32 | limb >> 32) % divisor;
        (high << 32 | limb & 0xffff_ffff) % divisor
    })
}

/// 1 / [`EXPONENT`], modulo `modulus`; `None` where there is none. It is (1 + k * modulus) / EXPONENT, with the k that makes
/// this a whole number.
fn inverse(modulus: &[u64]) -> Option<Number> {
    let rest = remainder(modulus, EXPONENT);
    let k = (1..EXPONENT).find(|k| k * rest % EXPONENT == EXPONENT - 1)?;
    let mut number = number_of(1, modulus.len() + 1);
    let carry = add_product(&mut number[..modulus.len()], modulus, k);
    number[modulus.len()] = carry;
    divide(&mut number, EXPONENT);
    Some(number)
}

fn big_endian(number: &[u64]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miller and Rabin with bases that decide every number below 2^64 (Sorenson, Webster 2015).
    fn is_prime(n: u64) -> bool {
        let multiply = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(n)) as u64;
        let odd = (n - 1) >> (n - 1).trailing_zeros();
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().all(|base| {
            let mut power = (0..64 - odd.leading_zeros()).rev().fold(1, |power, bit| {
                let square = multiply(power, power);
                if odd >> bit & 1 == 1 { multiply(square, base) } else { square }
            });
            power == 1
                || (0..(n - 1).trailing_zeros()).any(|_| {
                    let is_end = power == n - 1;
                    power = multiply(power, power);
                    is_end
                })
        })
    }

    #[test]
    fn primes_are_told_from_other_numbers() {
        let mut primes = 0;
        for start in [u64::MAX - 6000, 1 << 63, 3 << 62] {
            for number in (start | 1..).step_by(2).take(2500) {
                let found = Modulus::new(&[number]).is_probably_prime().is_ok_and(|yes| yes);
                assert_eq!(found, is_prime(number), "{number}");
                primes += u32::from(found);
            }
        }
        assert!(primes > 200, "{primes}");
    }

    #[test]
    fn products_and_inverses_are_right() {
        // 2^128 - 159 and 2^64 - 59 are prime.
        let prime = [u64::MAX - 158, u64::MAX];
        let modulus = Modulus::new(&prime);
        for number in [[2, 0], [3, 7], [u64::MAX, 1 << 40], [5, u64::MAX - 1]] {
            let inverse = modulus.inverse(&number);
            // (number * inverse) mod prime, by subtracting multiples: 2^128 = 159 modulo the prime.
            let wide = product(&number, &inverse);
            let mut sum = [wide[0], wide[1], 0];
            let carry = add_product(&mut sum[..2], &wide[2..], 159);
            let mut rest = vec![sum[0], sum[1]];
            let over = add_product(&mut rest, &[159, 0], carry);
            assert_eq!(over, 0);
            if !is_less(&rest, &prime) {
                subtract(&mut rest, &prime);
            }
            assert_eq!(rest, [1, 0], "{number:?}");
        }
        let modulus = [0xffff_ffff_ffff_fffe, 7];
        let found = inverse(&modulus).map(|found| (found[0], found[1], found[2]));
        let (low, high, top) = found.unwrap();
        assert_eq!(top, 0);
        let value = u128::from(high) << 64 | u128::from(low);
        let modulus = u128::from(modulus[1]) << 64 | u128::from(modulus[0]);
        assert_eq!(value * u128::from(EXPONENT) % modulus, 1);
        assert!(inverse(&[EXPONENT * 6]).is_none());
    }
}
