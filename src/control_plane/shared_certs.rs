//! Without a certificate key, what all control planes share has to be on this machine already (kubeadm
//! `phases/certs/certs.go`, `SharedCertificateExists`).

use std::time::SystemTime;

use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use super::certs_error::{CertsError, SharedProblem};
use super::pki_files::PkiFiles;
use super::pki_layout::{PkiLayout, SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY};
use crate::pki::certificate::Certificate;
use crate::pki::signing_key::SigningKey;
use crate::rootfs::TargetPath;

/// Looks at all of it; gives what is worth a warning: CAs without a key here, and CAs that are not valid at `now`.
///
/// # Errors
/// Every file that is missing or not usable.
pub fn check_shared_certs(files: &PkiFiles, layout: &PkiLayout, now: SystemTime) -> Result<Vec<String>, CertsError> {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    for ca in layout.cas() {
        let (certificate, key) = layout.pair(ca.base());
        match ca_certificate(files, &certificate) {
            Ok(read) => warnings.extend(validity_warning(&read, &certificate, now)),
            Err(problem) => problems.push((certificate, problem)),
        }
        if let Err(problem) = private_key(files, &key) {
            warnings.push(format!("{key} {problem}: an external CA is assumed, which has issued all that it has to"));
        }
    }
    let (key, public) = (layout.path(SERVICE_ACCOUNT_KEY), layout.path(SERVICE_ACCOUNT_PUBLIC_KEY));
    let key_info = private_key(files, &key).map(|key| key.public_key_info().to_vec());
    let public_info = public_key(files, &public);
    match (key_info, public_info) {
        (Err(problem), other) => {
            problems.push((key, problem));
            problems.extend(other.err().map(|problem| (public, problem)));
        }
        (Ok(_), Err(problem)) => problems.push((public, problem)),
        // The algorithm comes first, and its length differs: RSA's keys are longer by far.
        (Ok(key), Ok(info)) if (key.len() > 200) != (info.len() > 200) => {
            problems.push((public, SharedProblem::OtherKind));
        }
        (Ok(key), Ok(info)) if key != info => {
            warnings
                .push(format!("{public} is not the public half of {SERVICE_ACCOUNT_KEY}: tokens may not be accepted"));
        }
        (Ok(_), Ok(_)) => {}
    }
    if problems.is_empty() { Ok(warnings) } else { Err(CertsError::Shared(problems)) }
}

/// The first certificate of a CA's file.
pub(super) fn ca_certificate(files: &PkiFiles, path: &TargetPath) -> Result<Certificate, SharedProblem> {
    let certificates = Certificate::all_from_pem(files.get(path).ok_or(SharedProblem::Missing)?);
    let mut certificates = certificates.map_err(SharedProblem::Certificate)?;
    // `all_from_pem` gives at least one.
    let first = certificates.swap_remove(0);
    match first.ca().problem() {
        Some(problem) => Err(SharedProblem::NotACa(problem.to_string())),
        None => Ok(first),
    }
}

/// The private key of a file.
pub(super) fn private_key(files: &PkiFiles, path: &TargetPath) -> Result<SigningKey, SharedProblem> {
    SigningKey::from_pem(files.get(path).ok_or(SharedProblem::Missing)?).map_err(SharedProblem::Key)
}

/// SubjectPublicKeyInfo of a file with a public key.
fn public_key(files: &PkiFiles, path: &TargetPath) -> Result<Vec<u8>, SharedProblem> {
    let bytes = files.get(path).ok_or(SharedProblem::Missing)?;
    SubjectPublicKeyInfoDer::from_pem_slice(bytes).map(|info| info.to_vec()).map_err(|_| SharedProblem::PublicKey)
}

/// kubeadm warns as well, and goes on.
pub(super) fn validity_warning(certificate: &Certificate, path: &TargetPath, now: SystemTime) -> Option<String> {
    if certificate.not_after() < now {
        Some(format!("{path} has expired"))
    } else if now < certificate.not_before() {
        Some(format!("{path} is not valid yet"))
    } else {
        None
    }
}
