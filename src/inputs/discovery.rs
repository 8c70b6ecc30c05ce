//! What verifies the cluster, and the servers on the way there: the kubeconfig of file discovery, files with CA certificates,
//! and the system trust store.

use std::path::{Path, PathBuf};

use super::error::InputError;
use crate::clock::Clock;
use crate::config::{DiscoveryMethod, DiscoveryTrust};
use crate::file::contents;
use crate::host::{HostFacts, Network, SystemCaBundle};
use crate::kubeconfig::ClusterAccess;
use crate::net::dial::Proxies;
use crate::net::tls::TrustRoots;
use crate::net::verification::Verification;
use crate::phase::Phase;
use crate::pki::certificate::{Certificate, CertificateError};
use crate::report::Report;
use crate::values::{BootstrapToken, CaCertHash, Endpoint, Url};

/// How the cluster is found and verified; the files that were named for it have been read.
#[derive(Clone, Debug)]
pub enum Discovery {
    /// By a token that has signed cluster-info.
    Token {
        /// The servers to ask, one after the other; at least one.
        endpoints: Vec<Endpoint>,
        /// Verifies cluster-info; a node that has joined needs none.
        token: Option<BootstrapToken>,
        /// Verifies the CA.
        trust: Trust,
    },
    /// By a kubeconfig.
    File {
        /// What it says.
        kubeconfig: Box<ClusterAccess>,
        /// What verifies its server where it has no CA itself.
        system_ca: Option<Verification>,
    },
    /// By a kubeconfig that a web server has.
    Url {
        /// Where.
        url: Url,
        /// What verifies that server.
        web_server: Verification,
        /// What verifies the API server where the kubeconfig has no CA itself.
        system_ca: Verification,
    },
}

/// What verifies the cluster CA in token discovery.
#[derive(Clone, Debug)]
pub enum Trust {
    /// A CA of one of these keys: at least one.
    Pins(Vec<CaCertHash>),
    /// The same, of the certificates in a file (`--discovery-ca-file`).
    CaFile(PathBuf, Vec<CaCertHash>),
    /// Only the token's signature vouches for the CA.
    UnsafeSkipCaVerification,
}

impl Trust {
    /// The keys of which the CA must have one; `None` where any CA will do.
    pub fn pins(&self) -> Option<&[CaCertHash]> {
        match self {
            Trust::Pins(pins) | Trust::CaFile(_, pins) => Some(pins),
            Trust::UnsafeSkipCaVerification => None,
        }
    }
}

impl Discovery {
    /// Whether a CA certificate is known to be, or not to be, the cluster's without asking anybody.
    pub fn matches_ca(&self, certificate: &Certificate) -> Option<bool> {
        match self {
            Discovery::Token { trust, .. } => {
                trust.pins().map(|pins| pins.contains(&CaCertHash(certificate.public_key_digest())))
            }
            Discovery::File { kubeconfig, .. } if !kubeconfig.ca_certificates.is_empty() => {
                let key = certificate.public_key_info();
                Some(kubeconfig.ca_certificates.iter().any(|own| own.public_key_info() == key))
            }
            Discovery::File { .. } | Discovery::Url { .. } => None,
        }
    }

    /// Whether nobody's word for the time may count but this machine's: no pin or CA that the user has chosen verifies the
    /// server.
    pub fn needs_system_clock(&self) -> bool {
        match self {
            Discovery::Token { trust, .. } => trust.pins().is_none(),
            Discovery::File { kubeconfig, .. } => kubeconfig.ca_certificates.is_empty(),
            Discovery::Url { web_server, .. } => !web_server.believes_server_time(),
        }
    }

    /// Whether the user has named this server.
    pub fn names(&self, endpoint: &Endpoint) -> bool {
        match self {
            Discovery::Token { endpoints, .. } => endpoints.contains(endpoint),
            Discovery::File { .. } | Discovery::Url { .. } => true,
        }
    }

    /// The endpoint that kubeadm's checks are about: the first one of token discovery.
    pub fn checked_endpoint(&self) -> Option<&Endpoint> {
        match self {
            Discovery::Token { endpoints, .. } => endpoints.first(),
            Discovery::File { .. } | Discovery::Url { .. } => None,
        }
    }
}

/// Reads what the discovery method names. The system trust store is read where a server has to be verified with it.
pub(super) fn read(
    method: &DiscoveryMethod,
    is_foreign: bool,
    bundle: &SystemCaBundle,
    clock: Clock,
    report: &Report,
) -> Result<Discovery, InputError> {
    Ok(match method {
        DiscoveryMethod::Token { endpoints, token, trust } => Discovery::Token {
            endpoints: endpoints.clone(),
            token: token.clone(),
            trust: match trust {
                DiscoveryTrust::Pins(pins) => Trust::Pins(pins.clone()),
                DiscoveryTrust::CaFile(path) => Trust::CaFile(path.clone(), pins(path)?),
                DiscoveryTrust::UnsafeSkipCaVerification => Trust::UnsafeSkipCaVerification,
            },
        },
        DiscoveryMethod::File(path) => {
            let (kubeconfig, system_ca) = file(path, is_foreign, bundle, clock, report)?;
            Discovery::File { kubeconfig: Box::new(kubeconfig), system_ca }
        }
        DiscoveryMethod::Url { url, ca_file } => {
            let system_ca = Verification::unpinned(system_roots(bundle, clock, report)?, clock);
            let web_server = match ca_file {
                Some(path) => Verification::pinned(ca_certificates(path)?.1, clock),
                None => system_ca.clone(),
            };
            Discovery::Url { url: url.clone(), web_server, system_ca }
        }
    })
}

/// The kubeconfig of an administrator, as a discovery by file, and what it says.
///
/// # Errors
/// It cannot be read or used.
pub fn administrators_kubeconfig(
    path: &Path,
    host: &HostFacts,
    clock: Clock,
    report: &Report,
) -> Result<(Discovery, ClusterAccess), InputError> {
    let read = file(path, false, &host.system_ca_bundle, clock, report);
    let (kubeconfig, system_ca) = read.map_err(InputError::of_administrator)?;
    Ok((Discovery::File { kubeconfig: Box::new(kubeconfig.clone()), system_ca }, kubeconfig))
}

/// A kubeconfig, and what verifies its server where it has no CA.
fn file(
    path: &Path,
    is_foreign: bool,
    bundle: &SystemCaBundle,
    clock: Clock,
    report: &Report,
) -> Result<(ClusterAccess, Option<Verification>), InputError> {
    let kubeconfig = kubeconfig(path, is_foreign)?;
    kubeconfig.conceal(report);
    let system_ca = match kubeconfig.ca_certificates.is_empty() {
        true => Some(Verification::unpinned(system_roots(bundle, clock, report)?, clock)),
        false => None,
    };
    Ok((kubeconfig, system_ca))
}

/// What is known of proxies, on this machine's network; the system trust store is read where one has to be verified.
///
/// # Errors
/// The trust store that was named cannot be used.
pub fn proxies(host: &HostFacts, clock: Clock, report: &Report) -> Result<Proxies, InputError> {
    known_proxies(host, clock, report).map(|proxies| proxies.on(Network::new(&host.prefix)))
}

fn known_proxies(host: &HostFacts, clock: Clock, report: &Report) -> Result<Proxies, InputError> {
    if !host.proxy.has_tls() {
        return Ok(Proxies::new(&host.proxy, clock, None));
    }
    match system_roots(&host.system_ca_bundle, clock, report) {
        Ok(roots) => Ok(Proxies::new(&host.proxy, clock, Some(&roots))),
        // NO_PROXY may spare every server of this join the proxy: then nothing has to be verified with them.
        Err(error) => {
            report.debug(1, Phase::Preflight, format_args!("the proxy cannot be verified: {error}"));
            Ok(Proxies::new(&host.proxy, clock, None))
        }
    }
}

fn kubeconfig(path: &Path, is_foreign: bool) -> Result<ClusterAccess, InputError> {
    let path = path.to_owned();
    let bytes = match contents(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(InputError::DiscoveryUnreadable { path, source }),
    };
    let text = String::from_utf8_lossy(&bytes);
    let read = if is_foreign { ClusterAccess::read_foreign } else { ClusterAccess::read };
    read(&text, path.parent()).map_err(|error| InputError::Discovery { path, error })
}

/// `--discovery-ca-file` is a pin written as a certificate.
fn pins(path: &Path) -> Result<Vec<CaCertHash>, InputError> {
    let (certificates, _) = ca_certificates(path)?;
    Ok(certificates.iter().map(|certificate| CaCertHash(certificate.public_key_digest())).collect())
}

/// Every certificate of a file, all of them fit to be trusted.
fn ca_certificates(path: &Path) -> Result<(Vec<Certificate>, TrustRoots), InputError> {
    let path = path.to_owned();
    let pem = match contents(&path) {
        Ok(pem) => pem,
        Err(source) => return Err(InputError::CaUnreadable { path, source }),
    };
    let read = Certificate::all_from_pem(&pem).and_then(|certificates| {
        let ders: Vec<_> = certificates.iter().map(|certificate| certificate.der().clone()).collect();
        let roots = TrustRoots::new(&ders).ok_or(CertificateError::Der)?;
        Ok((certificates, roots))
    });
    read.map_err(|error| InputError::Ca { path, error })
}

/// The host's own bundle, or the built-in one where there is none: an initramfs has none. Where the user has named one,
/// nothing is added to it: others could trust more than the user does.
fn system_roots(bundle: &SystemCaBundle, clock: Clock, report: &Report) -> Result<TrustRoots, InputError> {
    if bundle.is_given {
        let files = bundle.files.iter().filter_map(|path| contents(path).ok());
        let all: Vec<_> = files.chain(bundle.directories.iter().flat_map(all_of)).collect();
        return TrustRoots::of_bundles(&all, clock.now()).ok_or(InputError::SystemCaBundle);
    }
    for path in &bundle.files {
        let roots = contents(path).ok().and_then(|pem| TrustRoots::of_bundle(&pem, clock.now()));
        if let Some(roots) = roots {
            report.debug(1, Phase::Preflight, format_args!("Web servers are verified with {}", path.display()));
            return Ok(roots);
        }
    }
    let from_directories: Vec<_> = bundle.directories.iter().flat_map(all_of).collect();
    if let Some(roots) = TrustRoots::of_bundles(&from_directories, clock.now()) {
        return Ok(roots);
    }
    report.debug(1, Phase::Preflight, "Web servers are verified with the built-in CA certificates: this host has none");
    Ok(TrustRoots::built_in())
}

/// Every file of a directory; what cannot be read is ignored.
fn all_of(directory: &PathBuf) -> Vec<zeroize::Zeroizing<Vec<u8>>> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| contents(&entry.path()).ok()).collect()
}
