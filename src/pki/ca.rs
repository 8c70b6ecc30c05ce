//! Whether a certificate may be a cluster's CA: what Go's verifier (`crypto/x509/verify.go`), and with it the API server and
//! every kubelet, asks of the one that has signed. A TLS library that takes it for a trust anchor asks nothing of it.

use std::fmt;

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::X509Certificate;

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

/// What a certificate says of itself as a CA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaFacts {
    problem: Option<CaProblem>,
    /// `pathLenConstraint`: how many CAs may stand between it and a leaf.
    max_path_length: Option<u32>,
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
    /// More CAs stand between it and a leaf than `pathLenConstraint` allows.
    PathTooLong {
        /// What it allows.
        allowed: u32,
        /// How many there are.
        found: u32,
    },
}

impl CaFacts {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Self {
        let (mut constraints, mut key_usage, mut unknown) = (None, None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(found) => constraints = Some((found.ca, found.path_len_constraint)),
                ParsedExtension::KeyUsage(found) => key_usage = Some(found.key_cert_sign()),
                _ => {}
            }
            let oid = extension.oid.to_id_string();
            if extension.critical && !KNOWN.contains(&oid.as_str()) {
                unknown.get_or_insert(oid);
            }
        }
        let is_version_3 = certificate.version().0 == 2;
        let problem = match (constraints, key_usage) {
            _ if unknown.is_some() => unknown.map(CaProblem::UnknownCriticalExtension),
            (Some((false, _)), _) => Some(CaProblem::NotACa),
            (None, _) if is_version_3 => Some(CaProblem::NoBasicConstraints),
            (_, Some(false)) => Some(CaProblem::NoKeyCertSign),
            _ => None,
        };
        CaFacts { problem, max_path_length: constraints.and_then(|(_, length)| length) }
    }

    /// Why Go refuses what it has signed; `None` where it does not.
    pub fn problem(&self) -> Option<&CaProblem> {
        self.problem.as_ref()
    }

    /// How many CAs may stand between it and a leaf; `None` for any number.
    pub fn max_path_length(&self) -> Option<u32> {
        self.max_path_length
    }
}

impl fmt::Display for CaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaProblem::NotACa => f.write_str("it is not a CA certificate (CA:FALSE)"),
            CaProblem::NoBasicConstraints => f.write_str("it does not say that it is a CA (no basicConstraints)"),
            CaProblem::NoKeyCertSign => f.write_str("its key may not sign certificates (keyUsage without keyCertSign)"),
            CaProblem::PathTooLong { allowed, found } => {
                write!(
                    f,
                    "it allows {allowed} CAs between itself and a certificate (pathLenConstraint), and there are {found}"
                )
            }
            CaProblem::UnknownCriticalExtension(oid) => {
                write!(f, "it has the critical extension {oid}, which no kubelet knows")
            }
        }
    }
}
