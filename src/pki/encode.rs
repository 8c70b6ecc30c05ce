//! DER, written (X.690, 8 and 10). What is written may be a private key: nothing is copied while it grows.

use zeroize::Zeroizing;

use super::der::{BIT_STRING, INTEGER, PRINTABLE_STRING, SEQUENCE, SET};

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

/// `AttributeTypeAndValue` as the one member of an RDN. Go chooses PrintableString for what it can hold, and nothing else is
/// written here: names of nodes, users and groups.
pub(super) fn name_part(oid: &[u8], value: &str) -> Vec<u8> {
    let text = element(PRINTABLE_STRING, &[value]);
    element(SET, &[element(SEQUENCE, &[oid, &text])])
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
