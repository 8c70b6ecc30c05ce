//! Whether a certificate may be a cluster's CA: what Go's verifier (`crypto/x509/verify.go`), and with it the API server and
//! every kubelet, asks of the one that has signed. A TLS library that takes it for a trust anchor asks nothing of it.

use std::fmt;

use super::der::{Malformed, OCTET_STRING, Oid, Reader, read_all};

/// Extensions of RFC 5280, by what follows 2.5.29.
const ID_CE: [u8; 2] = [0x55, 0x1d];
const SUBJECT_KEY_ID: u8 = 14;
const KEY_USAGE: u8 = 15;
const BASIC_CONSTRAINTS: u8 = 19;
/// Those that Go handles (`crypto/x509/parser.go`, `processExtensions`).
const KNOWN: [u8; 12] = [SUBJECT_KEY_ID, KEY_USAGE, 17, BASIC_CONSTRAINTS, 30, 31, 32, 33, 35, 36, 37, 54];
/// And one more, `authorityInfoAccess`: 1.3.6.1.5.5.7.1.1.
const AUTHORITY_INFO_ACCESS: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];

/// Version 3, as it is encoded.
const VERSION_3: u32 = 2;
/// `keyCertSign` in the first octet of `KeyUsage`: bit 5, counted from the left (RFC 5280, 4.2.1.3).
const KEY_CERT_SIGN: u8 = 0x80 >> 5;

/// What a certificate says of itself as a CA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaFacts {
    problem: Option<CaProblem>,
    /// `pathLenConstraint`: how many CAs may stand between it and a leaf.
    max_path_length: Option<u32>,
    subject_key_id: Option<Vec<u8>>,
}

/// Why Go refuses what a certificate has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaProblem {
    /// `basicConstraints` says CA:FALSE.
    NotACa,
    /// There is no `basicConstraints`, which a version 3 certificate needs.
    NoBasicConstraints,
    /// `keyUsage` is there, without `keyCertSign`.
    NoKeyCertSign,
    /// A critical extension that Go does not know; its identifier.
    UnknownCriticalExtension(String),
}

impl CaFacts {
    /// Reads the extensions of a certificate: the contents of `extensions [3]`.
    pub(super) fn read(version: u32, extensions: Option<&[u8]>) -> Result<Self, Malformed> {
        let mut found = Extensions::default();
        match extensions {
            // Only version 3 has them (RFC 5280, 4.1.2.9).
            Some(_) if version != VERSION_3 => return Err(Malformed),
            Some(extensions) => read_all(extensions, |extensions| extensions.sequence(|all| found.read(all)))?,
            None => {}
        }
        let problem = match (found.constraints, found.key_cert_sign) {
            _ if found.unknown.is_some() => found.unknown.map(CaProblem::UnknownCriticalExtension),
            (Some((false, _)), _) => Some(CaProblem::NotACa),
            (None, _) if version == VERSION_3 => Some(CaProblem::NoBasicConstraints),
            (_, Some(false)) => Some(CaProblem::NoKeyCertSign),
            _ => None,
        };
        let max_path_length = found.constraints.and_then(|(_, length)| length);
        Ok(CaFacts { problem, max_path_length, subject_key_id: found.subject_key_id })
    }

    /// Why Go refuses what it has signed; `None` where it does not.
    pub fn problem(&self) -> Option<&CaProblem> {
        self.problem.as_ref()
    }

    /// How many CAs may stand between it and a leaf; `None` for any number.
    pub fn max_path_length(&self) -> Option<u32> {
        self.max_path_length
    }

    /// `subjectKeyIdentifier`: what it issues names it by that, too.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }
}

/// What is read of a certificate's extensions.
#[derive(Default)]
struct Extensions {
    /// `cA` and `pathLenConstraint` of `basicConstraints`.
    constraints: Option<(bool, Option<u32>)>,
    key_cert_sign: Option<bool>,
    subject_key_id: Option<Vec<u8>>,
    /// The first critical extension that Go does not know.
    unknown: Option<String>,
}

impl Extensions {
    fn read(&mut self, extensions: &mut Reader<'_>) -> Result<(), Malformed> {
        // At least one (RFC 5280, 4.1.2.9).
        loop {
            let (oid, is_critical, value) = extensions.sequence(|extension| {
                Ok((extension.oid()?, extension.boolean_or_false()?, extension.element(OCTET_STRING)?.contents))
            })?;
            self.add(oid, is_critical, value)?;
            if extensions.is_empty() {
                return Ok(());
            }
        }
    }

    fn add(&mut self, oid: Oid<'_>, is_critical: bool, value: &[u8]) -> Result<(), Malformed> {
        let number = match oid.0.strip_prefix(&ID_CE) {
            Some([number]) => Some(*number),
            _ => None,
        };
        // None may be there twice (RFC 5280, 4.2); of those that nothing here reads, it does not matter.
        let is_repeated = match number {
            Some(BASIC_CONSTRAINTS) => self.constraints.replace(read_all(value, basic_constraints)?).is_some(),
            Some(KEY_USAGE) => self.key_cert_sign.replace(read_all(value, key_cert_sign)?).is_some(),
            Some(SUBJECT_KEY_ID) => {
                // Nothing but the certificates that it issues turns on it: one that cannot be read is none.
                let id = read_all(value, |value| value.element(OCTET_STRING));
                self.subject_key_id = id.ok().map(|id| id.contents.to_vec());
                false
            }
            _ => false,
        };
        let is_known = number.is_some_and(|number| KNOWN.contains(&number)) || oid.0 == AUTHORITY_INFO_ACCESS;
        if is_critical && !is_known && self.unknown.is_none() {
            self.unknown = Some(oid.to_string());
        }
        if is_repeated { Err(Malformed) } else { Ok(()) }
    }
}

/// `BasicConstraints` (RFC 5280, 4.2.1.9).
fn basic_constraints(value: &mut Reader<'_>) -> Result<(bool, Option<u32>), Malformed> {
    value.sequence(|fields| {
        let is_ca = fields.boolean_or_false()?;
        Ok((is_ca, if fields.is_empty() { None } else { Some(fields.number()?) }))
    })
}

/// Whether `KeyUsage` has the bit; trailing zeros, which DER leaves out (X.690, 11.2.2), are read, as Go does.
fn key_cert_sign(value: &mut Reader<'_>) -> Result<bool, Malformed> {
    let (_, octets) = value.bits()?;
    Ok(octets.first().is_some_and(|first| first & KEY_CERT_SIGN != 0))
}

impl fmt::Display for CaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaProblem::NotACa => f.write_str("it is not a CA certificate (CA:FALSE)"),
            CaProblem::NoBasicConstraints => f.write_str("it does not say that it is a CA (no basicConstraints)"),
            CaProblem::NoKeyCertSign => f.write_str("its key may not sign certificates (keyUsage without keyCertSign)"),
            CaProblem::UnknownCriticalExtension(oid) => {
                write!(f, "it has the critical extension {oid}, which no kubelet knows")
            }
        }
    }
}
