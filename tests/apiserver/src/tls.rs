//! The server's side of TLS, right and wrong: the only file that configures rustls.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use crate::faults::Presents;
use crate::pki::{Identity, Leaf, Pki};

/// What TLS presents; `None` where no TLS is spoken.
pub(crate) fn identity(
    presents: &Presents,
    ours: &Pki,
    foreign: &Pki,
    own: &Identity,
    sans: &[String],
) -> Option<Identity> {
    let leaf = Leaf::server(sans);
    Some(match presents {
        Presents::Own => own.clone(),
        Presents::WrongKey => own.clone().with_key_of(&foreign.issue(&leaf)),
        Presents::ForeignCa => foreign.issue(&leaf),
        Presents::ForeignCaWithOwnAppended => foreign.issue(&leaf).with_extra(ours.ca_der().clone()),
        Presents::WrongName => ours.issue(&Leaf::server(["elsewhere.invalid"])),
        Presents::Expired => ours.issue(&leaf.expired()),
        Presents::NotYetValid => ours.issue(&leaf.not_yet_valid()),
        Presents::ClientCertificate => {
            let mut leaf = Leaf::client("system:node:n1", &["system:nodes"]);
            leaf.sans = sans.to_vec();
            ours.issue(&leaf)
        }
        Presents::Other(identity) => identity.clone(),
        Presents::PlainHttp | Presents::Silence => return None,
    })
}

/// The configuration for one connection.
pub(crate) fn config(identity: &Identity, ca: &Pki, tls12_only: bool) -> Arc<ServerConfig> {
    let provider = Arc::new(default_provider());
    let key = any_supported_type(&identity.key()).expect("a P-256 key is supported");
    // `CertifiedKey::new` does not compare key and certificate: that is what `Presents::WrongKey` needs.
    let certified = CertifiedKey::new(identity.chain.clone(), key);
    let versions: &[_] =
        if tls12_only { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS12, &rustls::version::TLS13] };
    let verifier =
        AnyClient { algorithms: provider.signature_verification_algorithms, hints: vec![issuer_name(ca.ca_der())] };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring does both versions")
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn issuer_name(ca: &CertificateDer<'_>) -> DistinguishedName {
    let subject = x509_parser::parse_x509_certificate(ca).map(|(_, c)| c.subject().as_raw().to_vec());
    DistinguishedName::in_sequence(&unwrapped(&subject.unwrap_or_default()))
}

/// The content of a short DER sequence.
fn unwrapped(der: &[u8]) -> Vec<u8> {
    der.get(2..).unwrap_or_default().to_vec()
}

/// Asks for a client certificate and takes any whose key the client holds. Whether it is a good one is decided per
/// request, as in the real server, which answers 401 instead of failing the handshake.
#[derive(Debug)]
struct AnyClient {
    algorithms: WebPkiSupportedAlgorithms,
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
