//! DER, written (X.690, 8 and 10). What is written may be a private key: nothing is copied while it grows.

use zeroize::Zeroizing;

use super::der::{BIT_STRING, INTEGER, PRINTABLE_STRING, SEQUENCE, SET};
use super::name::UTF8_STRING;

/// One element with these parts as its contents.
pub(super) fn element(tag: u8, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    head(&mut out, tag, length);
    parts.iter().for_each(|part| out.extend_from_slice(part.as_ref()));
    out
}

/// An INTEGER that is not negative, of its octets.
pub(super) fn unsigned(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    let first = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let octets = &octets[first..];
    // The highest bit is the sign; zero has one octet.
    let zero: &[u8] = if octets.first().is_none_or(|octet| *octet >= 0x80) { &[0] } else { &[] };
    Zeroizing::new(element(INTEGER, &[zero, octets]))
}

/// A BIT STRING of whole octets.
pub(super) fn bit_string(octets: &[u8]) -> Vec<u8> {
    // It begins with its number of unused bits.
    element(BIT_STRING, &[&[0u8] as &[u8], octets])
}

/// An RDN with these values of one attribute, in DER's order of a set. As in Go, a text is a PrintableString where that can
/// hold it, and else a UTF8String.
pub(super) fn name_part(oid: &[u8], values: &[&str]) -> Vec<u8> {
    let attribute = |value: &&str| {
        let tag = if value.bytes().all(is_printable) { PRINTABLE_STRING } else { UTF8_STRING };
        element(SEQUENCE, &[oid, &element(tag, &[value])])
    };
    let mut attributes: Vec<_> = values.iter().map(attribute).collect();
    attributes.sort();
    element(SET, &attributes)
}

/// X.680, 41.4.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

fn head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    match length {
        0..=0x7f => out.push(length as u8),
        _ => {
            let octets = length.to_be_bytes();
            let first = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
            out.push(0x80 | (octets.len() - first) as u8);
            out.extend_from_slice(&octets[first..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_attribute_are_a_set_in_order_of_the_text_that_go_chooses() {
        let oid = [0x06, 0x03, 0x55, 0x04, 0x0a];
        let attribute = |tag, byte| [&[0x30, 8][..], &oid, &[tag, 1, byte]].concat();
        let set = |first: Vec<u8>, second: Vec<u8>| [&[0x31, 20][..], &first, &second].concat();
        assert_eq!(name_part(&oid, &["b", "a"]), set(attribute(0x13, b'a'), attribute(0x13, b'b')));
        // What PrintableString does not hold.
        assert_eq!(name_part(&oid, &["a", "@"]), set(attribute(0x0c, b'@'), attribute(0x13, b'a')));
    }
}
