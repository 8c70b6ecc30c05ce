//! How a discovery file says that a cluster is reached: server, CA and credentials, with everything read that it names.
//! Source: `cmd/kubeadm/app/discovery/file/file.go`, `cmd/kubeadm/app/util/kubeconfig/kubeconfig.go`.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::document::{Entry, Kubeconfig};
use super::error::{Field, KubeconfigError};
use crate::file::contents;
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::report::Report;
use crate::secret::Secret;
use crate::text::UntrustedText;
use crate::values::{Endpoint, without_secrets};

/// A cluster, and how to get in.
#[derive(Clone, Debug)]
pub struct ClusterAccess {
    /// `server`.
    pub server: Endpoint,
    /// Every certificate of the CA; none where the file leaves that to others.
    pub ca_certificates: Vec<Certificate>,
    /// What the user of the current context authenticates with, where there is one that does.
    pub credentials: Option<ClientCredentials>,
    /// Names for the file that the kubelet is given, should it get these credentials.
    pub names: Names,
    /// Fields that are ignored.
    pub ignored: Vec<Field>,
}

/// Names in a kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of the context.
    pub context: String,
    /// Of the user.
    pub user: String,
}

/// What a user authenticates with: a token, a certificate, or both.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// A bearer token.
    pub token: Option<Secret>,
    /// A certificate and its key.
    pub identity: Option<ClientIdentity>,
}

impl ClusterAccess {
    /// Reads a kubeconfig and the files that it names; a relative path is one in `directory`, beside the kubeconfig, as for
    /// kubectl. Without a directory the text is from elsewhere, and names no `tokenFile` of this machine: what is in that would
    /// be sent to the server that it names.
    ///
    /// # Errors
    /// Whatever of it cannot be used.
    pub fn read(text: &str, directory: Option<&Path>) -> Result<Self, KubeconfigError> {
        ClusterAccess::read_with(text, &Files { directory, has_secrets: directory.is_some() })
    }

    /// The same of a kubeconfig that lies on this machine, and may have been put there by who is not its root.
    ///
    /// # Errors
    /// As for [`read`](Self::read); and it names a `tokenFile`.
    pub fn read_foreign(text: &str, directory: Option<&Path>) -> Result<Self, KubeconfigError> {
        ClusterAccess::read_with(text, &Files { directory, has_secrets: false })
    }

    fn read_with(text: &str, files: &Files<'_>) -> Result<Self, KubeconfigError> {
        let kubeconfig = Kubeconfig::parse(text)?;
        let context = kubeconfig.current_context()?;
        let cluster = match (kubeconfig.unnamed_cluster()?, context) {
            (Some(unnamed), _) => unnamed,
            (None, Some(context)) => kubeconfig.cluster_of(context)?,
            (None, None) => return Err(KubeconfigError::NoCluster),
        };
        // The user of a context is one of the context's cluster: what it holds is not for another cluster's server.
        let is_of_cluster = |context: &Entry<'_>| context.text("cluster").unwrap_or_default() == cluster.name;
        let user = match context.filter(is_of_cluster) {
            Some(context) if context.text("user").is_some() => Some(kubeconfig.user_of(context)?),
            _ => None,
        };
        if cluster.says("insecure-skip-tls-verify") {
            return Err(KubeconfigError::DangerSkipTlsVerify);
        }
        Ok(ClusterAccess {
            server: server(cluster)?,
            ca_certificates: ca_certificates(cluster, files)?,
            credentials: user.map(|user| credentials(user, files)).transpose()?.flatten(),
            names: Names {
                context: context.map(|context| context.name.to_owned()).unwrap_or_default(),
                user: user.map(|user| user.name.to_owned()).unwrap_or_default(),
            },
            // A kubelet.conf has neither: what a join reaches with them, its node would not.
            ignored: ["tls-server-name", "proxy-url"].into_iter().filter(|field| cluster.says(field)).collect(),
        })
    }
}

impl ClusterAccess {
    /// Makes sure that the token among it is never printed.
    pub fn conceal(&self, report: &Report) {
        let token = self.credentials.as_ref().and_then(|credentials| credentials.token.as_ref());
        token.into_iter().for_each(|token| report.conceal(token));
    }
}

/// `server` of a cluster.
///
/// # Errors
/// It is missing, or none that a node can reach.
pub fn server(cluster: Entry<'_>) -> Result<Endpoint, KubeconfigError> {
    let url = cluster.text("server").unwrap_or_default();
    server_endpoint(url).ok_or_else(|| KubeconfigError::Server(UntrustedText::new(&without_secrets(url), None)))
}

/// `https://host[:port]` with nothing behind it but a slash; the port is 443 where none is given.
pub(super) fn server_endpoint(url: &str) -> Option<Endpoint> {
    let authority = url.strip_prefix("https://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    authority.parse().or_else(|_| format!("{authority}:443").parse()).ok()
}

fn ca_certificates(cluster: Entry<'_>, files: &Files<'_>) -> Result<Vec<Certificate>, KubeconfigError> {
    match (cluster.text("certificate-authority-data"), cluster.text("certificate-authority")) {
        (Some(_), Some(_)) => Err(KubeconfigError::TwoAuthorities),
        (Some(data), None) => decoded_ca_certificates(data),
        (None, Some(path)) => {
            let pem = files.read("certificate-authority", path)?;
            Certificate::all_from_pem(&pem).map_err(KubeconfigError::CaCertificate)
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// Every certificate of `certificate-authority-data`.
///
/// # Errors
/// It is not base64 of PEM with at least one certificate, or one of them cannot be read.
pub fn decoded_ca_certificates(data: &str) -> Result<Vec<Certificate>, KubeconfigError> {
    let pem = base64(data).ok_or(KubeconfigError::CaCertificate(crate::pki::certificate::CertificateError::Pem))?;
    Certificate::all_from_pem(&pem).map_err(KubeconfigError::CaCertificate)
}

/// Go's decoder skips line feeds, so people write them.
fn base64(data: &str) -> Option<Zeroizing<Vec<u8>>> {
    let data: Zeroizing<String> = Zeroizing::new(data.chars().filter(|c| !matches!(c, '\n' | '\r')).collect());
    STANDARD.decode(data.as_bytes()).ok().map(Zeroizing::new)
}

/// Ways to authenticate that are refused: programs and plugins, which a half-booted machine does not have; passwords,
/// which no API server takes since 1.19; being another user.
const UNSUPPORTED: [Field; 8] =
    ["exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"];

/// What a user authenticates with; `None` where there is nothing.
fn credentials(user: Entry<'_>, files: &Files<'_>) -> Result<Option<ClientCredentials>, KubeconfigError> {
    if let Some(field) = UNSUPPORTED.into_iter().find(|field| user.says(field)) {
        return Err(KubeconfigError::Unsupported(field));
    }
    let token = match (user.text("token"), user.text("tokenFile")) {
        (Some(token), _) => Some(checked_token("token", token)?),
        (None, Some(_)) if !files.has_secrets => return Err(KubeconfigError::TokenFileFromElsewhere),
        (None, Some(path)) => {
            let bytes = files.read("tokenFile", path)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| KubeconfigError::Token("tokenFile"))?;
            Some(checked_token("tokenFile", text.trim())?)
        }
        (None, None) => None,
    };
    let certificate = data_or_file(user, "client-certificate-data", "client-certificate", files)?;
    let key = data_or_file(user, "client-key-data", "client-key", files)?;
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(ClientIdentity::from_pem(&certificate, &key).map_err(KubeconfigError::Pair)?)
        }
        (None, None) => None,
        _ => return Err(KubeconfigError::HalfPair),
    };
    let is_somebody = token.is_some() || identity.is_some();
    Ok(is_somebody.then_some(ClientCredentials { token, identity }))
}

/// A bearer token goes into a header (RFC 6750, 2.1): printable, without white space.
fn checked_token(field: Field, text: &str) -> Result<Secret, KubeconfigError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KubeconfigError::Token(field));
    }
    Ok(Secret::new(text))
}

/// Data wins over a file, as in client-go.
fn data_or_file(
    user: Entry<'_>,
    data: Field,
    file: Field,
    files: &Files<'_>,
) -> Result<Option<Zeroizing<Vec<u8>>>, KubeconfigError> {
    match (user.text(data), user.text(file)) {
        (Some(text), _) => base64(text).map(Some).ok_or(KubeconfigError::Base64(data)),
        (None, Some(path)) => files.read(file, path).map(Some),
        (None, None) => Ok(None),
    }
}

/// Where the files are that a kubeconfig names.
struct Files<'a> {
    directory: Option<&'a Path>,
    /// A file with a token may be among them.
    has_secrets: bool,
}

impl Files<'_> {
    /// A relative path is one beside the kubeconfig, as for kubectl (client-go `ResolveLocalPaths`), and nowhere else: a file
    /// that somebody has put into the working directory must not decide whom this node trusts.
    fn read(&self, field: Field, path: &str) -> Result<Zeroizing<Vec<u8>>, KubeconfigError> {
        let path = self.directory.map_or_else(|| PathBuf::from(path), |directory| directory.join(path));
        contents(&path).map_err(|error| KubeconfigError::Unreadable { field, path, kind: error.kind() })
    }
}
