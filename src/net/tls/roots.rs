//! Trust anchors, and what Go asks of them (`crypto/x509/verify.go`) that webpki does not: that one is a CA, and that no more
//! CAs stand below it than its `pathLenConstraint` allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, OtherError, RootCertStore};

use super::algorithms::provider;
use super::server_verifier::JudgeChain;
use crate::error::debug_as_display;
use crate::pki::certificate::Certificate;

/// CA certificates that something is verified with: those of a cluster, or those that web servers are known by. Never empty.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    anchors: BTreeMap<Reach, Arc<RootCertStore>>,
}

/// What a trust anchor may vouch for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// A leaf, with any number of CAs in between.
    Any,
    /// A leaf, with so many CAs in between at most: `pathLenConstraint`.
    Between(u32),
    /// This certificate alone: it is no CA, such as the self-signed one of a web server.
    Itself(Vec<u8>),
}

/// More CAs stand below an anchor than it allows.
struct PathTooLong;

impl TrustRoots {
    /// Takes certificates as trust anchors; `None` where one of them cannot be one or there is none.
    pub fn new(certificates: &[CertificateDer<'static>]) -> Option<Self> {
        let mut anchors = BTreeMap::new();
        for der in certificates {
            let certificate = Certificate::from_der(der.clone()).ok()?;
            add(&mut anchors, &certificate).ok()?;
        }
        TrustRoots::of(anchors)
    }

    /// The CA certificates of a host's bundle (PEM) that are valid at `now`. What no TLS library could use is ignored,
    /// as Go does; `None` where nothing is left.
    pub fn of_bundle(pem: &[u8], now: SystemTime) -> Option<Self> {
        TrustRoots::of_bundles(&[pem], now)
    }

    /// The same of several files: one that is cut short takes nothing of the next with it.
    pub fn of_bundles(pems: &[impl AsRef<[u8]>], now: SystemTime) -> Option<Self> {
        let mut anchors = BTreeMap::new();
        for pem in pems {
            for der in CertificateDer::pem_slice_iter(pem.as_ref()).flatten() {
                // TLS does not ask a trust anchor for its validity, but Go does: nobody guards the key of an expired CA
                // certificate.
                if let Ok(certificate) = Certificate::from_der(der)
                    && now <= certificate.not_after()
                {
                    let _ = add(&mut anchors, &certificate);
                }
            }
        }
        TrustRoots::of(anchors)
    }

    /// Mozilla's CA certificates as they were when this was built, for hosts without a bundle.
    pub fn built_in() -> Self {
        let mut store = RootCertStore::empty();
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        TrustRoots { anchors: BTreeMap::from([(Reach::Any, Arc::new(store))]) }
    }

    fn of(anchors: BTreeMap<Reach, RootCertStore>) -> Option<Self> {
        let anchors: BTreeMap<_, _> = anchors.into_iter().map(|(reach, store)| (reach, Arc::new(store))).collect();
        (!anchors.is_empty()).then_some(TrustRoots { anchors })
    }

    /// Asks for a chain, of each kind of anchor with the certificates that may stand below it. Servers send them from the leaf
    /// on (RFC 5246, 7.4.2).
    ///
    /// # Errors
    /// The one that says most: any other than that the issuer is unknown.
    pub(super) fn verify<T>(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        mut ask: impl FnMut(&Arc<RootCertStore>, &[CertificateDer<'_>]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut refused = unknown_issuer();
        for (reach, store) in &self.anchors {
            let below = match reach {
                Reach::Any => intermediates,
                Reach::Between(most) => {
                    intermediates.get(..usize::try_from(*most).unwrap_or(usize::MAX)).unwrap_or(intermediates)
                }
                Reach::Itself(der) if **der == **end_entity => &[],
                Reach::Itself(_) => continue,
            };
            match ask(store, below) {
                Ok(yes) => return Ok(yes),
                Err(error) if error != unknown_issuer() => refused = error,
                Err(_) if below.len() < intermediates.len() && ask(store, intermediates).is_ok() => {
                    refused = Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(PathTooLong))));
                }
                Err(_) => {}
            }
        }
        Err(refused)
    }
}

/// Adds a certificate as an anchor of its kind.
fn add(anchors: &mut BTreeMap<Reach, RootCertStore>, certificate: &Certificate) -> Result<(), Error> {
    let reach = match (certificate.ca().problem(), certificate.ca().max_path_length()) {
        (Some(_), _) => Reach::Itself(certificate.der().to_vec()),
        (None, Some(most)) => Reach::Between(most),
        (None, None) => Reach::Any,
    };
    let mut store = RootCertStore::empty();
    store.add(certificate.der().clone())?;
    anchors.entry(reach).or_insert_with(RootCertStore::empty).roots.append(&mut store.roots);
    Ok(())
}

fn unknown_issuer() -> Error {
    Error::InvalidCertificate(CertificateError::UnknownIssuer)
}

impl std::fmt::Display for PathTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("more CAs stand between it and the trusted CA than the pathLenConstraint of that allows")
    }
}

debug_as_display!(PathTooLong);

impl std::error::Error for PathTooLong {}

/// Whether an error of a verification says that the path is too long.
pub(super) fn is_path_too_long(error: &OtherError) -> bool {
    error.0.is::<PathTooLong>()
}

/// As rustls does, by anchors that vouch for no more than they may.
impl JudgeChain for TrustRoots {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, |store, below| {
            WebPkiServerVerifier::builder_with_provider(Arc::clone(store), provider())
                .build()
                .map_err(|error| Error::General(error.to_string()))?
                .verify_server_cert(end_entity, below, name, ocsp, now)
        })
    }
}
