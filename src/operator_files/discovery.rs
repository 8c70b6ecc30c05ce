//! What proves the cluster, and what lies on the way there: the kubeconfig of file discovery, files with CA certificates,
//! and the certificates that this host knows web servers by.

use std::path::{Path, PathBuf};

use super::{OperatorFileError, contents};
use crate::clock::Clock;
use crate::config::{self};
use crate::host::{HostFacts, WebBundle};
use crate::kubeconfig::ClusterAccess;
use crate::net::dial::Proxies;
use crate::net::tls::TrustRoots;
use crate::phase::Phase;
use crate::pki::certificate::{Certificate, CertificateError};
use crate::plan::{Discovery, Trust, UrlRoots};
use crate::report::Report;
use crate::values::CaCertHash;

/// Reads what the configuration's way of discovery names. `bundle` is read where web servers have to be proved.
///
/// # Errors
/// The first file that cannot be read or used.
pub fn discovery(
    configured: &config::Discovery,
    bundle: &WebBundle,
    report: &Report,
) -> Result<Discovery, OperatorFileError> {
    Ok(match configured {
        config::Discovery::Token { endpoints, token, trust } => Discovery::Token {
            endpoints: endpoints.clone(),
            token: token.clone(),
            trust: match trust {
                config::Trust::Pins(pins) => Trust::Pins(pins.clone()),
                config::Trust::CaFile(path) => Trust::Pins(pins(path)?),
                config::Trust::UnsafeSkipCaVerification => Trust::UnsafeSkipCaVerification,
            },
        },
        config::Discovery::File(path) => {
            let access = kubeconfig(path)?;
            access.conceal(report);
            let web_roots = access.authorities.is_empty().then(|| web_roots(bundle, report)).transpose()?;
            Discovery::File { access: Box::new(access), web_roots }
        }
        config::Discovery::Url { url, ca_file } => {
            let web_roots = web_roots(bundle, report)?;
            let roots = match ca_file {
                Some(path) => UrlRoots::Given(authorities(path)?.1),
                None => UrlRoots::Web(web_roots.clone()),
            };
            Discovery::Url { url: url.clone(), roots, web_roots }
        }
    })
}

/// What is known of proxies; `host`'s bundle is read where one has to be proved.
///
/// # Errors
/// The bundle that the operator has named cannot be used.
pub fn proxies(host: &HostFacts, clock: Clock, report: &Report) -> Result<Proxies, OperatorFileError> {
    let roots = host.proxy.has_tls().then(|| web_roots(&host.web_bundle, report)).transpose()?;
    Ok(Proxies::new(&host.proxy, clock, roots.as_ref()))
}

fn kubeconfig(path: &Path) -> Result<ClusterAccess, OperatorFileError> {
    let path = path.to_owned();
    let bytes = match contents(&path) {
        Ok(bytes) => zeroize::Zeroizing::new(bytes),
        Err(source) => return Err(OperatorFileError::DiscoveryUnreadable { path, source }),
    };
    let text = String::from_utf8_lossy(&bytes);
    ClusterAccess::read(&text, path.parent()).map_err(|error| OperatorFileError::Discovery { path, error })
}

/// `--discovery-ca-file` is a pin written as a certificate.
fn pins(path: &Path) -> Result<Vec<CaCertHash>, OperatorFileError> {
    let (certificates, _) = authorities(path)?;
    Ok(certificates.iter().map(|certificate| CaCertHash(certificate.public_key_digest())).collect())
}

/// Every certificate of a file, all of them fit to be trusted.
fn authorities(path: &Path) -> Result<(Vec<Certificate>, TrustRoots), OperatorFileError> {
    let path = path.to_owned();
    let pem = match contents(&path) {
        Ok(pem) => pem,
        Err(source) => return Err(OperatorFileError::CaUnreadable { path, source }),
    };
    let read = Certificate::all_from_pem(&pem).and_then(|certificates| {
        let ders: Vec<_> = certificates.iter().map(|certificate| certificate.der().clone()).collect();
        let roots = TrustRoots::new(&ders).ok_or(CertificateError::Der)?;
        Ok((certificates, roots))
    });
    read.map_err(|error| OperatorFileError::Ca { path, error })
}

/// The host's own bundle, or the built-in one where there is none: an initramfs has none. What the operator has named is
/// all of it: others could trust more than he does.
fn web_roots(bundle: &WebBundle, report: &Report) -> Result<TrustRoots, OperatorFileError> {
    if bundle.is_given {
        let files = bundle.files.iter().filter_map(|path| contents(path).ok());
        let all: Vec<_> = files.chain(bundle.directories.iter().flat_map(all_of)).collect();
        return TrustRoots::of_bundles(&all).ok_or(OperatorFileError::WebBundle);
    }
    for path in &bundle.files {
        let roots = contents(path).ok().and_then(|pem| TrustRoots::of_bundle(&pem));
        if let Some(roots) = roots {
            let text = format_args!("Web servers are proved by {}", path.display());
            report.debug(1, Phase::Preflight, text);
            return Ok(roots);
        }
    }
    let from_directories: Vec<_> = bundle.directories.iter().flat_map(all_of).collect();
    if let Some(roots) = TrustRoots::of_bundles(&from_directories) {
        return Ok(roots);
    }
    report.debug(1, Phase::Preflight, "Web servers are proved by the built-in CA certificates: this host has none");
    Ok(TrustRoots::built_in())
}

/// Every file of a directory; what cannot be read is passed over, and so is what is no file: a pipe would be waited for.
fn all_of(directory: &PathBuf) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    files.filter_map(|path| contents(&path).ok()).collect()
}
