//! Where hosts keep the CA certificates that web servers are verified with: the places that Go looks at, which are those of the
//! distributions (`crypto/x509/root_linux.go`, `root_unix.go`).

use std::path::PathBuf;

use super::machine::Machine;

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
pub struct SystemCaBundle {
    /// Files, of which the first that can be used counts; every one of them where the user has named it.
    pub files: Vec<PathBuf>,
    /// Directories, of which every file counts; only where there was no such file, or where the user has named them.
    pub directories: Vec<PathBuf>,
    /// The user has named them: then nothing stands in for what is not there.
    pub is_given: bool,
}

impl SystemCaBundle {
    /// What `SSL_CERT_FILE` and `SSL_CERT_DIR` (separated by colons) name, which is all there is then: in Go, either stands
    /// in for the usual places of its kind alone. Without them, the usual places.
    pub(super) fn of(machine: &Machine) -> Self {
        let (file, list) = (&machine.ssl_cert_file, &machine.ssl_cert_dir);
        if file.is_some() || list.is_some() {
            let directories = list.iter().flat_map(std::env::split_paths).collect();
            return SystemCaBundle { files: file.iter().cloned().collect(), directories, is_given: true };
        }
        SystemCaBundle {
            files: FILES.iter().map(|path| machine.at(path)).collect(),
            directories: DIRECTORIES.iter().map(|path| machine.at(path)).collect(),
            is_given: false,
        }
    }
}
