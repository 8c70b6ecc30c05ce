//! The fields of a certificate (RFC 5280, 4.1) and of a certification request (RFC 2986, 4), read from DER. What the fields
//! mean is in the modules that use them.
//!
//! Go (`crypto/x509/parser.go`) is the measure of strictness, because the API server and the kubelet read the same files: what
//! it refuses may be refused here. Signatures, and whether a certificate may be used, are for webpki.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, PrimitiveDateTime, Time};

use super::ca::CaFacts;
use super::der::{Element, Malformed, OBJECT_IDENTIFIER, Oid, Reader, SEQUENCE, SET, bits, read_all};
use super::name::Name;

/// `UTCTime` and `GeneralizedTime`.
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// `version [0]`, `extensions [3]` of a certificate, both explicit.
pub(super) const VERSION: u8 = 0xa0;
pub(super) const EXTENSIONS: u8 = 0xa3;
/// `issuerUniqueID [1]`, `subjectUniqueID [2]`, both implicit BIT STRINGs.
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];
/// `attributes [0]` of a request, implicit.
const ATTRIBUTES: u8 = 0xa0;

/// What is read of a certificate.
#[derive(Debug)]
pub(super) struct CertificateFields<'a> {
    pub issuer: Name,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    pub subject: Name,
    /// All of the subject, from the tag on: what is issued has the same bytes as its issuer.
    pub subject_encoding: &'a [u8],
    pub public_key: PublicKeyInfo<'a>,
    pub ca: CaFacts,
    pub signature_algorithm: Oid<'a>,
}

/// `SubjectPublicKeyInfo`.
#[derive(Debug)]
pub(super) struct PublicKeyInfo<'a> {
    /// All of it, from the tag on: what a pin is the hash of.
    pub encoding: &'a [u8],
    pub algorithm: Oid<'a>,
    /// The parameters of the algorithm, where they are an object identifier: the curve of an ECDSA key (RFC 5480, 2.1.1).
    pub curve: Option<Oid<'a>>,
    /// The key, in a form that its algorithm has chosen.
    pub key: &'a [u8],
}

/// Reads a certificate, to its last byte.
pub(super) fn certificate(der: &[u8]) -> Result<CertificateFields<'_>, Malformed> {
    read_all(der, |der| {
        der.sequence(|certificate| {
            let (signed_algorithm, fields) = certificate.sequence(tbs_certificate)?;
            let algorithm = algorithm(certificate)?;
            certificate.octets_in_bits()?;
            // RFC 5280, 4.1.1.2: the algorithm outside of what is signed is the one inside.
            if algorithm.encoding != signed_algorithm { Err(Malformed) } else { Ok(fields) }
        })
    })
}

/// `TBSCertificate`, and its signature algorithm with parameters.
fn tbs_certificate<'a>(fields: &mut Reader<'a>) -> Result<(&'a [u8], CertificateFields<'a>), Malformed> {
    // DER leaves out the default, v1 (X.690, 11.5); Go reads it.
    let version = match fields.optional(VERSION)? {
        Some(version) => read_all(version.contents, Reader::number)?,
        None => 0,
    };
    // v1 to v3.
    if version > 2 {
        return Err(Malformed);
    }
    fields.integer()?; // serialNumber
    let signature = algorithm(fields)?;
    let issuer = Name::read(fields)?;
    let (not_before, not_after) = fields.sequence(|validity| Ok((time(validity)?, time(validity)?)))?;
    let mut at_subject = *fields;
    let subject = Name::read(fields)?;
    let subject_encoding = at_subject.any()?.encoding;
    let public_key = PublicKeyInfo::read(fields)?;
    for tag in UNIQUE_IDS {
        if let Some(id) = fields.optional(tag)? {
            bits(id.contents)?;
        }
    }
    let extensions = fields.optional(EXTENSIONS)?.map(|element| element.contents);
    let ca = CaFacts::read(version, extensions)?;
    let signature_algorithm = signature.oid;
    Ok((
        signature.encoding,
        CertificateFields {
            issuer,
            not_before,
            not_after,
            subject,
            subject_encoding,
            public_key,
            ca,
            signature_algorithm,
        },
    ))
}

/// Reads a certification request (PKCS#10), to its last byte.
pub(super) fn request(der: &[u8]) -> Result<PublicKeyInfo<'_>, Malformed> {
    read_all(der, |der| {
        der.sequence(|request| {
            let key = request.sequence(|info| {
                // The only version there is.
                if info.number()? != 0 {
                    return Err(Malformed);
                }
                Name::read(info)?;
                let key = PublicKeyInfo::read(info)?;
                read_all(info.element(ATTRIBUTES)?.contents, attributes)?;
                Ok(key)
            })?;
            algorithm(request)?;
            request.octets_in_bits()?;
            Ok(key)
        })
    })
}

/// `Attributes`, of which none is used.
fn attributes(attributes: &mut Reader<'_>) -> Result<(), Malformed> {
    while !attributes.is_empty() {
        attributes.sequence(|attribute| attribute.oid().and_then(|_| attribute.element(SET)))?;
    }
    Ok(())
}

impl<'a> PublicKeyInfo<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, Malformed> {
        let info = fields.element(SEQUENCE)?;
        let (algorithm, key) = read_all(info.contents, |info| Ok((algorithm(info)?, info.octets_in_bits()?)))?;
        let curve = match algorithm.parameters {
            Some(parameters) if parameters.tag == OBJECT_IDENTIFIER => {
                Some(read_all(parameters.encoding, Reader::oid)?)
            }
            _ => None,
        };
        Ok(PublicKeyInfo { encoding: info.encoding, algorithm: algorithm.oid, curve, key })
    }

    /// The bits of an RSA key's modulus (RFC 8017, A.1.1), in whole octets, as ring counts them; `None` where it is no RSA key.
    pub fn rsa_bits(&self) -> Option<usize> {
        let modulus = read_all(self.key, |key| {
            key.sequence(|key| {
                let modulus = key.unsigned()?;
                key.unsigned()?; // publicExponent
                Ok(modulus)
            })
        });
        modulus.ok().map(|modulus| 8 * modulus.len())
    }
}

/// `AlgorithmIdentifier`.
struct Algorithm<'a> {
    encoding: &'a [u8],
    oid: Oid<'a>,
    parameters: Option<Element<'a>>,
}

fn algorithm<'a>(fields: &mut Reader<'a>) -> Result<Algorithm<'a>, Malformed> {
    let algorithm = fields.element(SEQUENCE)?;
    let (oid, parameters) = read_all(algorithm.contents, |fields| {
        let oid = fields.oid()?;
        Ok((oid, if fields.is_empty() { None } else { Some(fields.any()?) }))
    })?;
    Ok(Algorithm { encoding: algorithm.encoding, oid, parameters })
}

/// `Time` (RFC 5280, 4.1.2.5): with seconds, without fractions, in UTC. What is before 1970 is 1970.
fn time(fields: &mut Reader<'_>) -> Result<SystemTime, Malformed> {
    let time = fields.any()?;
    let (year, rest) = match (time.tag, time.contents) {
        (UTC_TIME, [a, b, rest @ ..]) => {
            let year = two_digits(*a, *b)?;
            (if year < 50 { 2000 } else { 1900 } + i32::from(year), rest)
        }
        (GENERALIZED_TIME, [a, b, c, d, rest @ ..]) => {
            (100 * i32::from(two_digits(*a, *b)?) + i32::from(two_digits(*c, *d)?), rest)
        }
        _ => return Err(Malformed),
    };
    let Some((digits, b"Z")) = rest.split_first_chunk::<10>() else { return Err(Malformed) };
    let mut numbers = [0; 5];
    for (number, digits) in numbers.iter_mut().zip(digits.chunks_exact(2)) {
        *number = two_digits(digits[0], digits[1])?;
    }
    let [month, day, hour, minute, second] = numbers;
    let date = Month::try_from(month).and_then(|month| Date::from_calendar_date(year, month, day));
    let (Ok(date), Ok(clock)) = (date, Time::from_hms(hour, minute, second)) else { return Err(Malformed) };
    let seconds = PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp();
    Ok(UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

fn two_digits(tens: u8, ones: u8) -> Result<u8, Malformed> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() { Ok(10 * (tens - b'0') + ones - b'0') } else { Err(Malformed) }
}
