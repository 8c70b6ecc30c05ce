//! The only file that configures rustls; with which algorithms, is in [`algorithms`], by which anchors in [`roots`], and
//! what holds for every server in [`server_verifier`].
//!
//! Two configurations exist. The *strict* one verifies chain, name and validity as usual, against roots and a clock that we
//! choose. The other, [`danger_record_chain`], accepts an unknown chain, because token discovery has to read the CA from the
//! very server it does not know yet; it still verifies that the handshake is signed by the key of the certificate shown, and
//! it records the chain so that [`super::verification`] can judge *that* connection afterwards (design: trust is verified before anything
//! secret is sent). Session resumption is off in both: a resumed session would skip the verifier.

pub mod algorithms;
mod roots;
mod server_verifier;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerified;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage, OtherError};

use self::algorithms::provider;
pub use self::roots::TrustRoots;
use self::roots::is_path_too_long;
use self::server_verifier::{JudgeChain, ServerVerifier};
use super::error::{Beyond, Cause, Stage};
use crate::clock::Clock;
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// What a server showed in a handshake that it signed with the matching key.
#[derive(Clone, Debug)]
pub struct RecordedChain {
    /// The leaf.
    pub end_entity: CertificateDer<'static>,
    /// Whatever else it sent.
    pub intermediates: Vec<CertificateDer<'static>>,
}

impl RecordedChain {
    /// The algorithm of the chain that cannot be verified here, in words; `None` where there is none.
    fn unsupported(&self) -> Option<String> {
        let chain = std::iter::once(&self.end_entity).chain(&self.intermediates);
        chain.filter_map(|der| Certificate::from_der(der.clone()).ok()).find_map(|certificate| {
            let subject = certificate.subject();
            match (certificate.signature_problem(), certificate.key_problem()) {
                (Some(algorithm), _) => Some(format!("the certificate {subject:?} is signed with {algorithm}")),
                (None, Some(key)) => Some(format!("the key of the certificate {subject:?} is {key}")),
                (None, None) => None,
            }
        })
    }
}

/// A configuration and what an error under it means.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    config: Arc<ClientConfig>,
    verifies_chain: bool,
}

impl TlsConfig {
    /// What rustls is given.
    pub fn rustls(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// The same for gRPC: HTTP/2 is what the server is asked to speak (ALPN, RFC 7301), and nothing else.
    pub fn speaking_http2(mut self) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = vec![b"h2".to_vec()];
        self
    }

    /// What an error of a handshake means. A bad signature is the handshake's own where the chain is only recorded;
    /// where it is verified it is, in practice, that of another CA with the same name (every cluster's is `kubernetes`).
    pub fn cause_of_io(&self, error: &io::Error) -> Cause {
        match cause_of_io(error, Stage::Handshake) {
            Cause::HandshakeSignature if self.verifies_chain => other_ca(),
            cause => cause,
        }
    }
}

/// Verifies chain, name and validity against `roots` at the time of `clock`; presents `identity` where there is one.
pub fn strict(roots: &TrustRoots, clock: Clock, identity: Option<&ClientIdentity>) -> Result<TlsConfig, Cause> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(FixedClock(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|e| cause(&e))?
        // Dangerous is a verifier of one's own; this one asks more than rustls's, not less.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier(Box::new(roots.clone()))));
    let mut config = match identity {
        Some(identity) => {
            let chain = identity.chain().iter().map(|certificate| certificate.der().clone()).collect();
            builder.with_client_auth_cert(chain, identity.key()).map_err(|e| cause(&e))?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(TlsConfig { config: Arc::new(config), verifies_chain: true })
}

/// Where [`danger_record_chain`] puts what it saw.
#[derive(Clone, Debug, Default)]
pub struct ChainRecorder(Arc<Mutex<Option<RecordedChain>>>);

impl ChainRecorder {
    /// The chain of the last handshake that succeeded under the configuration.
    pub fn recorded(&self) -> Option<RecordedChain> {
        self.0.lock().ok()?.clone()
    }
}

/// Accepts any chain, records it, and verifies only that the handshake is signed by the leaf's key.
/// Nothing of ours may be sent over a connection made with it before [`super::verification`] has said yes.
pub fn danger_record_chain(recorder: &ChainRecorder) -> Result<TlsConfig, Cause> {
    let verifier = ServerVerifier(Box::new(DangerAcceptAnyChain(recorder.clone())));
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| cause(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(TlsConfig { config: Arc::new(config), verifies_chain: false })
}

/// Judges a recorded chain as the strict configuration would have: issued by one of `roots`, for `endpoint`'s host, valid at `at`.
pub fn verify_chain(
    chain: &RecordedChain,
    roots: &TrustRoots,
    endpoint: &Endpoint,
    at: SystemTime,
) -> Result<(), Cause> {
    let time = UnixTime::since_unix_epoch(at.duration_since(UNIX_EPOCH).unwrap_or_default());
    roots.judge(&chain.end_entity, &chain.intermediates, &server_name(endpoint)?, &[], time).map(|_| ()).map_err(|e| {
        match (&e, cause_at(&e, at)) {
            (_, Cause::HandshakeSignature | Cause::UntrustedChain(_)) if chain.unsupported().is_some() => {
                Cause::Unsupported(UntrustedText::new(&chain.unsupported().unwrap_or_default(), None))
            }
            (_, Cause::HandshakeSignature) => other_ca(),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), _) => {
                // Who that is says whether it is a middlebox or another cluster.
                let issuer = Certificate::from_der(chain.end_entity.clone()).map(|leaf| leaf.issuer().to_owned());
                let text = format!("its issuer is another CA, {:?}", issuer.unwrap_or_default());
                Cause::UntrustedChain(UntrustedText::new(&text, None))
            }
            (_, cause) => cause,
        }
    })
}

/// Judges a client certificate as an API server would: issued by one of `roots`, for client authentication, valid at `at`.
pub fn verify_client_certificate(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &TrustRoots,
    at: SystemTime,
) -> Result<(), UntrustedText> {
    let plain = |text: &str| UntrustedText::new(text, None);
    let time = UnixTime::since_unix_epoch(at.duration_since(UNIX_EPOCH).unwrap_or_default());
    let verified = roots.verify(end_entity, intermediates, |store, below| {
        WebPkiClientVerifier::builder_with_provider(Arc::clone(store), provider())
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_client_cert(end_entity, below, time)
    });
    match verified {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(problem)) => Err(plain(&plain_problem(&problem))),
        Err(other) => Err(plain(&other.to_string())),
    }
}

fn other_ca() -> Cause {
    Cause::UntrustedChain(UntrustedText::new("it is signed by another key than that of the CA of the same name", None))
}

/// The name that the server's certificate must be for.
pub fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, Cause> {
    ServerName::try_from(endpoint.host.clone()).map_err(|_| Cause::NameNotFound)
}

/// What a TLS error means for the user.
pub fn cause(error: &Error) -> Cause {
    cause_at(error, SystemTime::UNIX_EPOCH)
}

fn cause_at(error: &Error, judged_at: SystemTime) -> Cause {
    match error {
        Error::InvalidCertificate(problem) => match problem {
            CertificateError::BadSignature => Cause::HandshakeSignature,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => validity(problem, judged_at),
            CertificateError::NotValidForName => {
                Cause::NameMismatch { presented: UntrustedText::new("other names", None) }
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
                Cause::NameMismatch { presented: UntrustedText::new(&names.join(", "), None) }
            }
            other => Cause::UntrustedChain(UntrustedText::new(&plain_problem(other), None)),
        },
        Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        )
        | Error::PeerIncompatible(_) => {
            let text = "it has no version, cipher suite or kind of key in common with kubejoin (TLS 1.2 or 1.3 with AES-GCM; \
                        RSA, ECDSA P-256 or P-384, Ed25519)";
            Cause::Unsupported(UntrustedText::new(text, None))
        }
        // What servers say of a client certificate; under TLS 1.3 it comes after the handshake (RFC 8446, 6.2). The last one is
        // said where another CA of the same name has signed it.
        Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateRequired
            | AlertDescription::DecryptError,
        ) => Cause::ClientCertificate(UntrustedText::new(&error.to_string(), None)),
        // In rustls's words, it is a corrupt message.
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Cause::Tls(UntrustedText::new("what answers does not speak TLS", None))
        }
        other => Cause::Tls(UntrustedText::new(&other.to_string(), None)),
    }
}

/// An I/O error of a TLS stream: rustls wraps its own errors in `InvalidData`.
pub fn cause_of_io(error: &io::Error, stage: Stage) -> Cause {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(tls) => cause(tls),
        None => Cause::from_io(error, stage),
    }
}

fn validity(problem: &CertificateError, fallback: SystemTime) -> Cause {
    let at = |time: &UnixTime| UNIX_EPOCH + std::time::Duration::from_secs(time.as_secs());
    match problem {
        CertificateError::ExpiredContext { time, not_after } => {
            Cause::Validity { judged_at: at(time), beyond: Some(Beyond::End(at(not_after))) }
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            Cause::Validity { judged_at: at(time), beyond: Some(Beyond::Begin(at(not_before))) }
        }
        _ => Cause::Validity { judged_at: fallback, beyond: None },
    }
}

/// webpki names a subject alternative name as `DnsName("x")` or `IpAddress(10.0.0.1)`; people want `x` and `10.0.0.1`.
fn plain_name(name: &str) -> &str {
    name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')')).trim_matches('"')
}

fn plain_problem(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "its issuer is another CA".to_owned(),
        // What `openssl req -x509` makes by default.
        CertificateError::Other(OtherError(inner))
            if inner.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
        {
            "it is a CA's own certificate (CA:TRUE) and not one of a server".to_owned()
        }
        CertificateError::Other(error) if is_path_too_long(error) => error.to_string(),
        CertificateError::Other(OtherError(inner)) => words(&format!("{inner:?}")),
        other => words(&format!("{other:?}")),
    }
}

/// The name of an error of webpki or rustls, in which they are written, as words: `EndEntityUsedAsCa` is "end entity used as
/// ca". What an error carries is left out.
fn words(name: &str) -> String {
    let name = name.strip_prefix("Other(").unwrap_or(name);
    let mut words = String::new();
    for c in name.chars().take_while(|c| c.is_ascii_alphanumeric()) {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// Certificates are judged by the clock of the plan, not by whatever the system clock says at that moment.
#[derive(Debug)]
struct FixedClock(Clock);

impl TimeProvider for FixedClock {
    fn current_time(&self) -> Option<UnixTime> {
        self.0.now().duration_since(UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

#[derive(Debug)]
struct DangerAcceptAnyChain(ChainRecorder);

impl JudgeChain for DangerAcceptAnyChain {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = RecordedChain {
            end_entity: end_entity.clone().into_owned(),
            intermediates: intermediates.iter().map(|c| c.clone().into_owned()).collect(),
        };
        *self.0.0.lock().map_err(|_| Error::General("recorder poisoned".to_owned()))? = Some(chain);
        Ok(ServerCertVerified::assertion())
    }
}
