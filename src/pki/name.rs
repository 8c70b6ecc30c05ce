//! Distinguished names (RFC 5280, 4.1.2.4): as text, and the attributes that say who a certificate is for.

use std::fmt::Write;

use super::der::{Element, Malformed, Oid, PRINTABLE_STRING, Reader, SET, read_all};

/// Attribute types of X.520 (RFC 4519) by what follows 2.5.4, with the name that is printed.
const ID_AT: [u8; 2] = [0x55, 0x04];
const COMMON_NAME: u8 = 3;
const ORGANIZATION: u8 = 10;
const X520: [(u8, &str); 24] = [
    (0, "objectClass"),
    (1, "aliasedEntryName"),
    (2, "knowledgeInformation"),
    (COMMON_NAME, "CN"),
    (4, "surname"),
    (5, "serialNumber"),
    (6, "C"),
    (7, "L"),
    (8, "ST"),
    (9, "streetAddress"),
    (ORGANIZATION, "O"),
    (11, "OU"),
    (12, "title"),
    (13, "description"),
    (14, "searchGuide"),
    (15, "businessCategory"),
    (16, "postalAddress"),
    (17, "postalCode"),
    (41, "name"),
    (42, "givenName"),
    (43, "initials"),
    (44, "generationQualifier"),
    (45, "uniqueIdentifier"),
    (46, "dnQualifier"),
];

/// Other attribute types that certificates name people, hosts and companies with.
const OTHERS: [(&[u8], &str); 7] = [
    // 0.9.2342.19200300.100.1.1 and .25 (RFC 4519)
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "uid"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
    // 1.2.840.113549.1.9.1 and .2 (PKCS#9, RFC 2985)
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01], "Email"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x02], "unstructuredName"),
    // 1.3.6.1.4.1.311.60.2.1.1 to .3 (CA/Browser Forum, EV guidelines, 9.2.4)
    (&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, 0x01], "msJurisdictionLocality"),
    (&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, 0x02], "msJurisdictionStateOrProvince"),
    (&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, 0x03], "msJurisdictionCountry"),
];

/// String types by tag, all of them primitive.
pub(super) const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const T61_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1e;
/// Those of no certificate of this century: ObjectDescriptor, Videotex-, Graphic-, Visible-, GeneralString.
const OLD_STRINGS: [u8; 5] = [0x07, 0x15, 0x19, 0x1a, 0x1b];

/// A distinguished name.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// All attributes in their order: `O=system:nodes, CN=system:node:n1`; ` + ` within one RDN.
    pub text: String,
    /// The last `CN`.
    pub common_name: String,
    /// Every `O`.
    pub organizations: Vec<String>,
}

impl Name {
    /// Reads `RDNSequence`.
    pub fn read(fields: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut name = Name::default();
        fields.sequence(|rdns| {
            while !rdns.is_empty() {
                let rdn = rdns.element(SET)?.contents;
                let mut separator = ", ";
                read_all(rdn, |rdn| {
                    // At least one (RFC 5280, Appendix A).
                    loop {
                        let (kind, value) = rdn.sequence(|attribute| Ok((attribute.oid()?, attribute.any()?)))?;
                        name.push(separator, kind, &value)?;
                        separator = " + ";
                        if rdn.is_empty() {
                            return Ok(());
                        }
                    }
                })?;
            }
            Ok(())
        })?;
        Ok(name)
    }

    fn push(&mut self, separator: &str, kind: Oid<'_>, value: &Element<'_>) -> Result<(), Malformed> {
        if !self.text.is_empty() {
            self.text.push_str(separator);
        }
        match label(kind) {
            Some(label) => self.text.push_str(label),
            // Writing into a string cannot fail.
            None => _ = write!(self.text, "OID({kind})"),
        }
        self.text.push('=');
        match text(value)? {
            Some(text) => self.text.push_str(&text),
            None => value.contents.iter().for_each(|octet| _ = write!(self.text, "{octet:02X}")),
        }
        match kind.0 {
            [0x55, 0x04, COMMON_NAME] => self.common_name = identity(value),
            [0x55, 0x04, ORGANIZATION] => self.organizations.push(identity(value)),
            _ => {}
        }
        Ok(())
    }
}

/// What an attribute type is called.
fn label(kind: Oid<'_>) -> Option<&'static str> {
    match kind.0.strip_prefix(&ID_AT) {
        Some([number]) => X520.iter().find(|(known, _)| known == number).map(|(_, label)| *label),
        _ => OTHERS.iter().find(|(known, _)| *known == kind.0).map(|(_, label)| *label),
    }
}

/// A value as text; `None` where it is not text of the type that it says, and where its type is none of text.
fn text(value: &Element<'_>) -> Result<Option<String>, Malformed> {
    let utf8 = || std::str::from_utf8(value.contents).ok().map(str::to_owned);
    match value.tag {
        UTF8_STRING | NUMERIC_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING => Ok(utf8()),
        tag if OLD_STRINGS.contains(&tag) => Ok(utf8()),
        BMP_STRING => {
            let (units, odd) = value.contents.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            Ok(String::from_utf16(&units).ok().filter(|_| odd.is_empty()))
        }
        // Every attribute is of a type of its own, in the universal class; and DER has no strings in pieces.
        tag if tag & 0xc0 != 0 || is_string(tag & 0x1f) => Err(Malformed),
        _ => Ok(None),
    }
}

fn is_string(tag: u8) -> bool {
    matches!(tag, UTF8_STRING | NUMERIC_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING | BMP_STRING)
        || OLD_STRINGS.contains(&tag)
}

/// A value that says who somebody is: of a type in which every byte has one meaning, and empty otherwise.
fn identity(value: &Element<'_>) -> String {
    match value.tag {
        UTF8_STRING | NUMERIC_STRING | PRINTABLE_STRING | IA5_STRING => {
            std::str::from_utf8(value.contents).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}
