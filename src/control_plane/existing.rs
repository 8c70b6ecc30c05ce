//! What is on the disk already is kept as in kubeadm, but not because it is there: it has to be of this CA, for these names,
//! with its own key (kubeadm `phases/certs/certs.go`, `writeCertificateFilesIfNotExist`).

use std::time::SystemTime;

use super::certs_error::CertsError;
use super::sans::Sans;
use crate::net::error::Cause;
use crate::net::tls::{self, RecordedChain, TrustRoots};
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::pki::issue::Usage;
use crate::rootfs::TargetPath;
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// Reads a certificate and its key, and judges them.
pub(super) fn check(
    (path, certificate): (&TargetPath, Option<&[u8]>),
    (key_path, key): (&TargetPath, Option<&[u8]>),
    ca: &Certificate,
    usages: &[Usage],
    sans: &Sans,
    now: SystemTime,
) -> Result<ClientIdentity, CertsError> {
    let fail =
        |path: &TargetPath, why: &str| CertsError::Existing { path: path.clone(), why: UntrustedText::new(why, None) };
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, _) => return Err(fail(key_path, "its certificate is not")),
        (_, None) => return Err(fail(path, "its key is not")),
    };
    let identity = ClientIdentity::from_pem(certificate, key).map_err(|error| fail(path, &error.to_string()))?;
    judge(identity.chain(), ca, usages, sans, now).map_err(|why| CertsError::Existing { path: path.clone(), why })?;
    Ok(identity)
}

/// Whether a chain is of this CA, valid, and for all of these uses and names.
pub(super) fn judge(
    chain: &[Certificate],
    ca: &Certificate,
    usages: &[Usage],
    sans: &Sans,
    now: SystemTime,
) -> Result<(), UntrustedText> {
    let plain = |text: &str| UntrustedText::new(text, None);
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(plain("it holds no certificate")) };
    // kubeadm warns of this, and then refuses it as not being signed by the CA.
    if leaf.not_after() < now {
        return Err(plain("it has expired"));
    }
    if now < leaf.not_before() {
        return Err(plain("it is not valid yet"));
    }
    let roots = TrustRoots::new(&[ca.der().clone()]).ok_or_else(|| plain("its CA cannot be verified with"))?;
    let intermediates: Vec<_> = intermediates.iter().map(|c| c.der().clone()).collect();
    if usages.contains(&Usage::Client) {
        tls::verify_client_certificate(leaf.der(), &intermediates, &roots, now)?;
    }
    let shown = RecordedChain { end_entity: leaf.der().clone(), intermediates };
    let addresses = sans.addresses.iter().map(ToString::to_string);
    for host in sans.names.iter().cloned().chain(addresses) {
        // A name with a wildcard is there where it holds for any one label in its place.
        let asked = host.strip_prefix('*').map_or_else(|| host.clone(), |rest| format!("kubejoin{rest}"));
        tls::verify_chain(&shown, &roots, &Endpoint { host: asked, port: 443 }, now).map_err(|cause| match cause {
            Cause::UntrustedChain(why) | Cause::Unsupported(why) => why,
            Cause::NameMismatch { presented } => plain(&format!("it is not for {host:?} but for {presented}")),
            _ => plain(&format!("it cannot be verified for {host:?}")),
        })?;
    }
    Ok(())
}
