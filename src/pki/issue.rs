//! A certificate of a control plane: what kubeadm asks of Go (`util/pkiutil/pki_helpers.go`, `NewSignedCert`), with the bytes
//! of Go's encoder (`crypto/x509/x509.go`, `CreateCertificate`): version 3, extensions in its order.

use std::fmt;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;

use super::certificate::Certificate;
use super::der::{BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, SEQUENCE};
use super::encode::{bit_string, element, name_part, unsigned};
use super::request::{OID_COMMON_NAME, OID_ORGANIZATION};
use super::signing_key::{SigningKey, SigningKeyError};
use super::x509::{self, EXTENSIONS, GENERALIZED_TIME, UTC_TIME, VERSION};
use crate::error::debug_as_display;

/// Extensions by what follows 2.5.29, with tag and length of the whole.
const KEY_USAGE: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 15];
const EXTENDED_KEY_USAGE: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 37];
const BASIC_CONSTRAINTS: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 19];
const AUTHORITY_KEY_ID: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 35];
const SUBJECT_ALTERNATIVE_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 17];
/// `digitalSignature` and `keyEncipherment`, bits 0 and 2 from the left; the five lowest bits are not used.
const USAGE_BITS: [u8; 2] = [5, 0x80 | 0x80 >> 2];
/// `keyIdentifier [0]` of AuthorityKeyIdentifier, `dNSName [2]` and `iPAddress [7]` of GeneralName (RFC 5280, 4.2.1).
const KEY_IDENTIFIER: u8 = 0x80;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// What the key of a certificate may be used for in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// `serverAuth`.
    Server = 1,
    /// `clientAuth`.
    Client = 2,
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// `CN`.
    pub common_name: &'a str,
    /// `O`, as one part of the name.
    pub organizations: Vec<&'a str>,
    /// Extended key usages, in this order.
    pub usages: &'a [Usage],
    /// DNS names that it is for.
    pub names: &'a [String],
    /// Addresses that it is for.
    pub addresses: &'a [IpAddr],
    /// First moment of validity; parts of a second are cut off.
    pub not_before: SystemTime,
    /// Last moment of validity.
    pub not_after: SystemTime,
}

/// Why a CA did not issue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IssueError {
    /// The key is not that of the CA certificate.
    KeyOfAnother,
    /// The key did not sign, or the kernel gave no random numbers.
    Key(SigningKeyError),
    /// What was made cannot be read again: a time that X.509 has no form for, for one.
    Unreadable,
}

/// Issues a certificate for a public key, which is a SubjectPublicKeyInfo in DER.
///
/// # Errors
/// The CA's key is another, or something failed that should not.
pub fn issue(
    leaf: &Leaf<'_>,
    ca: &Certificate,
    key: &SigningKey,
    public_key_info: &[u8],
) -> Result<Certificate, IssueError> {
    if ca.public_key_info() != key.public_key_info() {
        return Err(IssueError::KeyOfAnother);
    }
    let issuer = x509::certificate(ca.der()).map_err(|_| IssueError::Unreadable)?.subject_encoding;
    let algorithm = key.signature_algorithm();
    let validity = element(SEQUENCE, &[time(leaf.not_before)?, time(leaf.not_after)?]);
    let mut subject = Vec::new();
    if !leaf.organizations.is_empty() {
        subject.push(name_part(&OID_ORGANIZATION, &leaf.organizations));
    }
    subject.push(name_part(&OID_COMMON_NAME, &[leaf.common_name]));
    let to_be_signed: [&[u8]; 8] = [
        &element(VERSION, &[element(INTEGER, &[[2]])]),
        &serial_number()?,
        algorithm,
        issuer,
        &validity,
        &element(SEQUENCE, &subject),
        public_key_info,
        &element(EXTENSIONS, &[element(SEQUENCE, &extensions(leaf, ca.ca().subject_key_id()))]),
    ];
    let to_be_signed = element(SEQUENCE, &to_be_signed);
    let signature = bit_string(&key.sign(&to_be_signed).map_err(IssueError::Key)?);
    let der = element(SEQUENCE, &[&to_be_signed as &[u8], algorithm, &signature]);
    Certificate::from_der(der.into()).map_err(|_| IssueError::Unreadable)
}

/// At random from 1 to 2^63 - 2, as kubeadm draws it.
fn serial_number() -> Result<Vec<u8>, IssueError> {
    loop {
        let mut octets = [0; 8];
        SystemRandom::new().fill(&mut octets).map_err(|_| IssueError::Key(SigningKeyError::Random))?;
        let number = u64::from_be_bytes(octets) >> 1;
        if (1..i64::MAX as u64).contains(&number) {
            return Ok(unsigned(&number.to_be_bytes()).to_vec());
        }
    }
}

/// In Go's order (`buildCertExtensions`).
fn extensions(leaf: &Leaf<'_>, authority: Option<&[u8]>) -> Vec<Vec<u8>> {
    let mut extensions = vec![extension(&KEY_USAGE, true, &element(BIT_STRING, &[USAGE_BITS]))];
    // id-kp, 1.3.6.1.5.5.7.3.
    let usages: Vec<_> = leaf.usages.iter().map(|usage| [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, *usage as u8]).collect();
    extensions.push(extension(&EXTENDED_KEY_USAGE, false, &element(SEQUENCE, &usages)));
    // CA:FALSE is the default, which DER leaves out.
    extensions.push(extension(&BASIC_CONSTRAINTS, true, &element(SEQUENCE, &[[]])));
    if let Some(id) = authority {
        let id = element(KEY_IDENTIFIER, &[id]);
        extensions.push(extension(&AUTHORITY_KEY_ID, false, &element(SEQUENCE, &[id])));
    }
    let names = leaf.names.iter().map(|name| element(DNS_NAME, &[name]));
    let addresses = leaf.addresses.iter().map(|address| match address.to_canonical() {
        IpAddr::V4(address) => element(IP_ADDRESS, &[address.octets()]),
        IpAddr::V6(address) => element(IP_ADDRESS, &[address.octets()]),
    });
    let names: Vec<_> = names.chain(addresses).collect();
    if !names.is_empty() {
        extensions.push(extension(&SUBJECT_ALTERNATIVE_NAME, false, &element(SEQUENCE, &names)));
    }
    extensions
}

fn extension(oid: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = element(BOOLEAN, &[[0xff]]);
    let critical: &[u8] = if is_critical { &critical } else { &[] };
    element(SEQUENCE, &[oid, critical, &element(OCTET_STRING, &[value])])
}

/// `Time` (RFC 5280, 4.1.2.5): UTCTime up to 2049.
fn time(time: SystemTime) -> Result<Vec<u8>, IssueError> {
    let seconds = time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let time = time.ok_or(IssueError::Unreadable)?;
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let digits = format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second());
    Ok(if year < 2050 { element(UTC_TIME, &[&digits[2..]]) } else { element(GENERALIZED_TIME, &[&digits]) })
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueError::KeyOfAnother => f.write_str("the key is not that of the CA certificate"),
            IssueError::Key(error) => error.fmt(f),
            IssueError::Unreadable => f.write_str("its validity does not end before the year 10000"),
        }
    }
}

debug_as_display!(IssueError);

impl std::error::Error for IssueError {}
