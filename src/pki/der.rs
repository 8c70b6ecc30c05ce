//! A reader of DER (X.690), for the few structures of `x509.rs`, `name.rs`, `ca.rs`, `request.rs` and `signing_key.rs`.
//!
//! Strict where BER is not: one form of a length, whole elements within the bounds of the one around them, nothing behind the
//! last one. It borrows from its input, and never goes deeper than its caller asks: there is no recursion. What it refuses is
//! one error, because nobody mends DER by hand.

use std::fmt;

/// `BOOLEAN`
pub(super) const BOOLEAN: u8 = 0x01;
/// `INTEGER`
pub(super) const INTEGER: u8 = 0x02;
/// `BIT STRING`, primitive, as DER wants it (X.690, 10.2).
pub(super) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`, primitive.
pub(super) const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// `SEQUENCE` and `SEQUENCE OF`
pub(super) const SEQUENCE: u8 = 0x30;
/// `PrintableString`
pub(super) const PRINTABLE_STRING: u8 = 0x13;
/// `SET` and `SET OF`
pub(super) const SET: u8 = 0x31;

/// The bytes are not the DER of what was to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Elements, one behind the other, of which some have been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// The identifier octet: class, constructed or not, number (X.690, 8.1.2).
    pub tag: u8,
    /// What is in it.
    pub contents: &'a [u8],
    /// All of it, with identifier and length.
    pub encoding: &'a [u8],
}

/// An object identifier: its contents octets, which are what is compared. [`fmt::Display`] gives the dotted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oid<'a>(pub &'a [u8]);

/// Reads elements with `read`, to the last byte.
pub(super) fn read_all<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let mut reader = Reader(bytes);
    let read = read(&mut reader)?;
    if reader.is_empty() { Ok(read) } else { Err(Malformed) }
}

impl<'a> Reader<'a> {
    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let all = self.0;
        let [tag, length, rest @ ..] = all else { return Err(Malformed) };
        // Numbers from 31 on take more octets (X.690, 8.1.2.4), and no field of X.509 has one; 0 is the end-of-contents of BER.
        if tag & 0x1f == 0x1f || *tag == 0 {
            return Err(Malformed);
        }
        let (length, rest) = match *length {
            length @ 0..=0x7f => (usize::from(length), rest),
            // Four octets of length are more than any file that is read. 0x80 is the indefinite form of BER.
            form @ 0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(form & 0x7f)).ok_or(Malformed)?;
                let length = octets.iter().fold(0u32, |length, octet| length << 8 | u32::from(*octet));
                // The shortest form (X.690, 10.1): no leading zero, nor this form where one octet does.
                if octets.first() == Some(&0) || length < 0x80 {
                    return Err(Malformed);
                }
                (usize::try_from(length).map_err(|_| Malformed)?, rest)
            }
            _ => return Err(Malformed),
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Element { tag: *tag, contents, encoding: &all[..all.len() - rest.len()] })
    }

    /// The next element, which must have this tag.
    pub fn element(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        self.any().and_then(|element| if element.tag == tag { Ok(element) } else { Err(Malformed) })
    }

    /// The next element where it has this tag, and `None` where another or none comes.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.0.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// A SEQUENCE, which `read` must read to its end.
    pub fn sequence<T>(&mut self, read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>) -> Result<T, Malformed> {
        read_all(self.element(SEQUENCE)?.contents, read)
    }

    /// An OBJECT IDENTIFIER (X.690, 8.19): no number is cut off at the end, and none is longer than it need be.
    pub fn oid(&mut self) -> Result<Oid<'a>, Malformed> {
        let oid = self.element(OBJECT_IDENTIFIER)?.contents;
        let is_whole = oid.last().is_some_and(|octet| octet & 0x80 == 0);
        let mut begins = true;
        let is_padded = oid.iter().any(|octet| {
            let is_padding = begins && *octet == 0x80;
            begins = octet & 0x80 == 0;
            is_padding
        });
        if is_whole && !is_padded { Ok(Oid(oid)) } else { Err(Malformed) }
    }

    /// The two's complement of an INTEGER, as short as can be (X.690, 8.3.2).
    pub fn integer(&mut self) -> Result<&'a [u8], Malformed> {
        let octets = self.element(INTEGER)?.contents;
        match octets {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(Malformed),
            _ => Ok(octets),
        }
    }

    /// The octets of an INTEGER that is not negative, without the zero that only says so.
    pub fn unsigned(&mut self) -> Result<&'a [u8], Malformed> {
        match self.integer()? {
            [0x80..=0xff, ..] => Err(Malformed),
            [0, octets @ ..] => Ok(octets),
            octets => Ok(octets),
        }
    }

    /// A small INTEGER that is not negative.
    pub fn number(&mut self) -> Result<u32, Malformed> {
        let octets = self.unsigned()?;
        if octets.len() > size_of::<u32>() {
            return Err(Malformed);
        }
        Ok(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }

    /// A BOOLEAN that is FALSE where it is left out. DER forbids to encode the default (X.690, 11.5), but many certificates
    /// do, and Go reads them.
    pub fn boolean_or_false(&mut self) -> Result<bool, Malformed> {
        match self.optional(BOOLEAN)?.map(|element| element.contents) {
            None | Some([0]) => Ok(false),
            // X.690, 11.1: all bits are set.
            Some([0xff]) => Ok(true),
            Some(_) => Err(Malformed),
        }
    }

    /// The octets of a BIT STRING, without the first, which counts the unused bits of the last: they are zero (X.690, 11.2.1).
    pub fn bits(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        bits(self.element(BIT_STRING)?.contents)
    }

    /// A BIT STRING that holds octets.
    pub fn octets_in_bits(&mut self) -> Result<&'a [u8], Malformed> {
        match self.bits()? {
            (0, octets) => Ok(octets),
            _ => Err(Malformed),
        }
    }
}

/// Unused bits and octets of the contents of a BIT STRING.
pub(super) fn bits(contents: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    match contents {
        [0, octets @ ..] => Ok((0, octets)),
        [unused @ 1..=7, octets @ ..]
            if octets.last().is_some_and(|octet| octet.trailing_zeros() >= u32::from(*unused)) =>
        {
            Ok((*unused, octets))
        }
        _ => Err(Malformed),
    }
}

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octets) in self.0.split_inclusive(|octet| octet & 0x80 == 0).enumerate() {
            let number = octets.iter().fold(0u64, |number, octet| number << 7 | u64::from(octet & 0x7f));
            if index == 0 {
                // The first two numbers are one (X.690, 8.19.4).
                let first = (number / 40).min(2);
                write!(f, "{first}.{}", number - first * 40)?;
            } else if octets.len() <= 9 {
                write!(f, ".{number}")?;
            } else {
                // No standard limits a number. One of more than 63 bits (those under 2.25 are UUIDs) is not worth the code
                // that prints it in decimal; its octets tell it from others as well.
                f.write_str(".0x")?;
                octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_whole_and_their_lengths_as_short_as_can_be() {
        let long = |length: &[u8], contents: usize| [&[OCTET_STRING], length, &vec![7; contents]].concat();
        let whole = [(&[0][..], 0), (&[0x7f], 0x7f), (&[0x81, 0x80], 0x80), (&[0x82, 1, 0], 0x100)];
        for (length, contents) in whole {
            let der = long(length, contents);
            let element = read_all(&der, Reader::any).unwrap();
            assert_eq!((element.contents.len(), element.encoding), (contents, der.as_slice()), "{length:?}");
        }
        let broken = [
            (&[][..], 0),
            (&[1], 0),
            (&[1], 2),
            (&[0x80], 0),
            (&[0x81], 0),
            (&[0x81, 0x7f], 0x7f),
            (&[0x82, 0, 0x80], 0x80),
            (&[0x84, 0xff, 0xff, 0xff, 0xff], 0x80),
            (&[0x85, 0, 0, 0, 0, 0x80], 0x80),
            (&[0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0x80),
            (&[0xff], 0x80),
        ];
        for (length, contents) in broken {
            assert!(read_all(&long(length, contents), Reader::any).is_err(), "{length:?}");
        }
        for tag in [0x00, 0x1f, 0x3f, 0xbf] {
            assert!(read_all(&[tag, 0], Reader::any).is_err(), "{tag:#x}");
        }
    }

    #[test]
    fn numbers_are_as_short_as_can_be() {
        let number = |octets: &[u8]| {
            let der = [&[INTEGER, octets.len() as u8], octets].concat();
            read_all(&der, Reader::number).ok()
        };
        assert_eq!(number(&[0]), Some(0));
        assert_eq!(number(&[0x7f]), Some(127));
        assert_eq!(number(&[0, 0x80]), Some(128));
        assert_eq!(number(&[0, 0xff, 0xff, 0xff, 0xff]), Some(u32::MAX));
        for wrong in [&[][..], &[0x80], &[0xff, 0x80], &[0, 0], &[0, 0x7f], &[1, 0, 0, 0, 0]] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn unused_bits_are_zero() {
        for right in [&[0][..], &[0, 0xff], &[7, 0x80], &[1, 0xfe], &[3, 1, 0]] {
            assert_eq!(bits(right), Ok((right[0], &right[1..])));
        }
        for wrong in [&[][..], &[1], &[8, 0], &[1, 0xff], &[7, 0xc0], &[0xff, 0]] {
            assert_eq!(bits(wrong), Err(Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn object_identifiers_print_in_dotted_form() {
        let table: [(&[u8], &str); 7] = [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], "1.2.840.113549.1.1.11"),
            (&[0x55, 0x1d, 0x13], "2.5.29.19"),
            (&[0x00], "0.0"),
            (&[0x77], "2.39"),
            (&[0x78], "2.40"),
            // X.690, 8.19.5
            (&[0x81, 0x34, 0x03], "2.100.3"),
            (&[0x69, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "2.25.0x83ffffffffffffffff7f"),
        ];
        for (octets, text) in table {
            let der = [&[OBJECT_IDENTIFIER, octets.len() as u8], octets].concat();
            assert_eq!(read_all(&der, Reader::oid).unwrap().to_string(), text);
        }
        for wrong in [&[][..], &[0x80], &[0x55, 0x80, 0x01], &[0x80, 0x55], &[0x55, 0x9d]] {
            let der = [&[OBJECT_IDENTIFIER, wrong.len() as u8], wrong].concat();
            assert_eq!(read_all(&der, Reader::oid), Err(Malformed), "{wrong:?}");
        }
    }
}
