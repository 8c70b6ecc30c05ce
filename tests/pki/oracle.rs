//! What both readers say of a certificate, and what of it is compared.

use std::panic::catch_unwind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kubejoin::for_tests::pki::ca::CaProblem;
use kubejoin::for_tests::pki::certificate::Certificate;
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, Class, Oid, Tag};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate, X509CertificationRequest};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

/// What the program uses of a certificate. `None` in the expected facts is a fact that x509-parser gets wrong, which is why
/// it is not compared; each of the functions below says what that is.
#[derive(Debug, PartialEq)]
pub struct Facts {
    pub public_key_info: Vec<u8>,
    pub subject: Option<String>,
    pub issuer: Option<String>,
    pub common_name: String,
    pub organizations: Vec<String>,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    pub ca: Option<Option<CaProblem>>,
    pub max_path_length: Option<u32>,
    pub key: Option<Option<String>>,
    pub signature: Option<Option<String>>,
}

impl Facts {
    pub fn ours(der: &[u8]) -> Option<Self> {
        let read = Certificate::from_der(CertificateDer::from(der.to_vec())).ok()?;
        Some(Facts {
            public_key_info: read.public_key_info().to_vec(),
            subject: Some(read.subject().to_owned()),
            issuer: Some(read.issuer().to_owned()),
            common_name: read.common_name().to_owned(),
            organizations: read.organizations().to_vec(),
            not_before: read.not_before(),
            not_after: read.not_after(),
            ca: Some(read.ca().problem().cloned()),
            max_path_length: read.ca().max_path_length(),
            key: Some(read.key_problem().map(str::to_owned)),
            signature: Some(read.signature_problem().map(str::to_owned)),
        })
    }

    /// The same of x509-parser; a panic of it is a refusal.
    pub fn theirs(der: &[u8]) -> Option<Self> {
        let der = der.to_vec();
        catch_unwind(move || {
            let (rest, read) = X509Certificate::from_der(&der).ok()?;
            rest.is_empty().then(|| Self::of(&read))
        })
        .ok()?
    }

    fn of(read: &X509Certificate<'_>) -> Self {
        let subject = read.subject();
        let text = |attribute: &AttributeTypeAndValue<'_>| attribute.as_str().unwrap_or_default().to_owned();
        let time = |seconds: i64| UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0));
        let (ca, max_path_length) = ca(read);
        Facts {
            public_key_info: read.public_key().raw.to_vec(),
            subject: name(subject),
            issuer: name(read.issuer()),
            common_name: subject.iter_common_name().map(text).last().unwrap_or_default(),
            organizations: subject.iter_organization().map(text).collect(),
            not_before: time(read.validity().not_before.timestamp()),
            not_after: time(read.validity().not_after.timestamp()),
            ca,
            max_path_length,
            key: key(read.public_key()),
            signature: signature(&read.signature_algorithm.algorithm),
        }
    }
}

/// Compares all that is to be compared.
pub fn assert_same(ours: &Facts, theirs: &Facts, der: &[u8]) {
    let hex = || der.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let ours = Facts {
        public_key_info: ours.public_key_info.clone(),
        subject: ours.subject.clone().filter(|_| theirs.subject.is_some()),
        issuer: ours.issuer.clone().filter(|_| theirs.issuer.is_some()),
        common_name: ours.common_name.clone(),
        organizations: ours.organizations.clone(),
        ca: ours.ca.clone().filter(|_| theirs.ca.is_some()),
        key: ours.key.clone().filter(|_| theirs.key.is_some()),
        signature: ours.signature.clone().filter(|_| theirs.signature.is_some()),
        ..*ours
    };
    if ours != *theirs {
        let lines = |facts: &Facts| format!("{facts:#?}").lines().map(str::to_owned).collect::<Vec<_>>();
        let pairs: Vec<_> =
            lines(&ours).into_iter().zip(lines(theirs)).filter(|(ours, theirs)| ours != theirs).collect();
        panic!("ours and x509-parser's differ in {pairs:#?} of\n{}", hex());
    }
}

/// SubjectPublicKeyInfo of a request.
pub fn request_key(der: &[u8]) -> Option<Vec<u8>> {
    let der = der.to_vec();
    catch_unwind(move || {
        let (rest, read) = X509CertificationRequest::from_der(&der).ok()?;
        rest.is_empty().then(|| read.certification_request_info.subject_pki.raw.to_vec())
    })
    .ok()?
}

/// Dotted form. x509-parser takes the first two numbers out of one octet of any value, which is wrong from 2.40 on, and of a
/// single zero it makes one number.
fn dotted(oid: &Oid<'_>) -> Option<String> {
    let has_one_octet = oid.as_bytes().first().is_some_and(|first| *first < 120) && oid.as_bytes() != [0];
    // Ours prints no number of more than nine octets, 63 bits, in decimal.
    let is_short = oid.as_bytes().split_inclusive(|octet| octet & 0x80 == 0).all(|number| number.len() <= 9);
    (has_one_octet && is_short).then(|| oid.to_id_string())
}

fn name(name: &X509Name<'_>) -> Option<String> {
    name.iter_attributes().all(is_text_of_its_type).then(|| name.to_string())
}

/// Whether x509-parser's text of an attribute is to be had. Where it is not text of its type, x509-parser prints "Invalid X.509
/// name" for all of the name (and takes half a character of a BMPString for one); ours prints that attribute in hexadecimal.
/// It also knows object identifiers that are no attribute types (algorithms, extensions) by name.
fn is_text_of_its_type(attribute: &AttributeTypeAndValue<'_>) -> bool {
    let (kind, value) = (attribute.attr_type(), attribute.attr_value());
    let is_text = match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> =
                value.data.chunks(2).map(|unit| unit.iter().fold(0, |n, o| n << 8 | u16::from(*o))).collect();
            value.data.len() % 2 == 0 && String::from_utf16(&units).is_ok()
        }
        Tag::NumericString
        | Tag::VisibleString
        | Tag::PrintableString
        | Tag::GeneralString
        | Tag::ObjectDescriptor
        | Tag::GraphicString
        | Tag::T61String
        | Tag::VideotexString
        | Tag::Utf8String
        | Tag::Ia5String => std::str::from_utf8(value.data).is_ok(),
        _ => true,
    };
    let is_attribute_type = kind.as_bytes().starts_with(&[0x55, 4]) && kind.as_bytes().len() == 3
        || x509_parser::objects::oid2abbrev(kind, x509_parser::objects::oid_registry())
            .is_ok_and(|label| ["uid", "DC", "Email", "unstructuredName"].contains(&label) || label.starts_with("msJ"))
        || x509_parser::objects::oid2abbrev(kind, x509_parser::objects::oid_registry()).is_err();
    is_text && is_attribute_type && dotted(kind).is_some()
}

/// Extensions that Go handles (`crypto/x509/parser.go`, `processExtensions`).
const KNOWN: [&str; 13] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
];

fn ca(read: &X509Certificate<'_>) -> (Option<Option<CaProblem>>, Option<u32>) {
    let (mut constraints, mut key_usage, mut unknown) = (None, None, None);
    for extension in read.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(found) => constraints = Some((found.ca, found.path_len_constraint)),
            ParsedExtension::KeyUsage(found) => key_usage = Some(found.key_cert_sign()),
            _ => {}
        }
        let oid = dotted(&extension.oid);
        if extension.critical && oid.as_deref().is_none_or(|oid| !KNOWN.contains(&oid)) {
            unknown.get_or_insert(oid);
        }
    }
    let is_version_3 = read.version().0 == 2;
    let problem = match (constraints, key_usage) {
        _ if unknown.is_some() => unknown.flatten().map(|oid| Some(CaProblem::UnknownCriticalExtension(oid))),
        (Some((false, _)), _) => Some(Some(CaProblem::NotACa)),
        (None, _) if is_version_3 => Some(Some(CaProblem::NoBasicConstraints)),
        (_, Some(false)) => Some(Some(CaProblem::NoKeyCertSign)),
        _ => Some(None),
    };
    (problem, constraints.and_then(|(_, length)| length))
}

/// The curves and signatures of `src/pki/algorithms.rs`, in dotted form; `true` for those that ring verifies with.
const CURVES: [(&str, &str, bool); 5] = [
    ("1.2.840.10045.3.1.7", "P-256", true),
    ("1.3.132.0.34", "P-384", true),
    ("1.3.132.0.35", "P-521", false),
    ("1.3.132.0.33", "P-224", false),
    ("1.3.132.0.10", "secp256k1", false),
];
const SIGNATURES: [(&str, &str, bool); 12] = [
    ("1.2.840.113549.1.1.11", "RSA with SHA-256", true),
    ("1.2.840.113549.1.1.12", "RSA with SHA-384", true),
    ("1.2.840.113549.1.1.13", "RSA with SHA-512", true),
    ("1.2.840.113549.1.1.10", "RSA-PSS", true),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256", true),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384", true),
    ("1.3.101.112", "Ed25519", true),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512", false),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1", false),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1", false),
    ("1.2.840.113549.1.1.4", "RSA with MD5", false),
    ("1.2.840.10040.4.3", "DSA with SHA-1", false),
];

fn key(key: &SubjectPublicKeyInfo<'_>) -> Option<Option<String>> {
    Some(match dotted(&key.algorithm.algorithm)?.as_str() {
        "1.2.840.113549.1.1.1" => match key.parsed() {
            // x509-parser counts the octets behind the first, whatever that is, and reads neither the exponent nor the end.
            Ok(PublicKey::RSA(rsa)) => match (rsa.modulus, rsa.exponent) {
                ([0, 0x80..=0xff, ..], [1..=0x7f, ..]) if is_all(&key.subject_public_key.data) => {
                    (!(2048..=8192).contains(&rsa.key_size())).then(|| format!("RSA with {} bits", rsa.key_size()))
                }
                _ => return None,
            },
            _ => Some("RSA".to_owned()),
        },
        "1.2.840.10045.2.1" => {
            // `as_oid` takes any type for an object identifier.
            let parameters = key.algorithm.parameters.as_ref().filter(|parameters| is_oid(parameters));
            let curve = parameters.and_then(|parameters| parameters.as_oid().ok());
            let Some(curve) = curve else { return Some(Some("ECDSA on a curve without a name".to_owned())) };
            let curve = dotted(&curve)?;
            match CURVES.iter().find(|(oid, ..)| *oid == curve) {
                Some((_, _, true)) => None,
                Some((_, name, false)) => Some(format!("ECDSA {name}")),
                None => Some(format!("ECDSA on the curve {curve}")),
            }
        }
        "1.3.101.112" => None,
        other => Some(format!("of the algorithm {other}")),
    })
}

fn is_oid(value: &Any<'_>) -> bool {
    value.tag() == Tag::Oid && value.class() == Class::Universal && !value.header.is_constructed()
}

/// Whether an RSA key is a SEQUENCE of a modulus and an exponent, and nothing more; x509-parser looks at the numbers of tags
/// only, not at their classes.
fn is_all(key: &[u8]) -> bool {
    use x509_parser::asn1_rs::{FromDer, Sequence};
    let Ok((rest, fields)) = Sequence::from_der(key) else { return false };
    let integer = |fields| match Any::from_der(fields) {
        Ok((rest, value)) if fields[0] == 2 && !matches!(value.data, [] | [0, 0..=0x7f, ..]) => Some(rest),
        _ => None,
    };
    key[0] == 0x30 && rest.is_empty() && integer(&fields.content).and_then(integer).is_some_and(<[u8]>::is_empty)
}

fn signature(algorithm: &Oid<'_>) -> Option<Option<String>> {
    let algorithm = dotted(algorithm)?;
    Some(match SIGNATURES.iter().find(|(oid, ..)| *oid == algorithm) {
        Some((_, _, true)) => None,
        Some((_, name, false)) => Some((*name).to_owned()),
        None => Some(format!("the algorithm {algorithm}")),
    })
}
