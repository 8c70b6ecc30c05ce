//! Where hosts keep the CA certificates that they know web servers by: the places that Go looks at, which are those of the
//! distributions (`crypto/x509/root_linux.go`, `root_unix.go`).

use std::path::PathBuf;

use super::Machine;

const FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// Places with CA certificates; none of them need be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebBundle {
    /// Files, of which the first that can be used counts.
    pub files: Vec<PathBuf>,
    /// Directories, of which every file counts, where there was no such file.
    pub directories: Vec<PathBuf>,
    /// The operator has named them: then nothing stands in for what is not there.
    pub is_given: bool,
}

impl WebBundle {
    /// The usual places; `SSL_CERT_FILE` and `SSL_CERT_DIR` (separated by colons) stand in for them, as in Go.
    pub(super) fn of(machine: &Machine) -> Self {
        let files = match &machine.ssl_cert_file {
            Some(file) => vec![file.clone()],
            None => FILES.iter().map(|path| machine.at(path)).collect(),
        };
        let directories = match &machine.ssl_cert_dir {
            Some(list) => std::env::split_paths(list).collect(),
            None => DIRECTORIES.iter().map(|path| machine.at(path)).collect(),
        };
        let is_given = machine.ssl_cert_file.is_some() || machine.ssl_cert_dir.is_some();
        WebBundle { files, directories, is_given }
    }
}
