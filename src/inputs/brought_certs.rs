//! What all control planes share, brought to this machine in a directory or a tar archive: for a delivery that takes longer than
//! the two hours of the Secret.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::InputError;
use super::tar;
use crate::file;
use crate::phase::Phase;
use crate::report::Report;

/// Names below the directory of certificates; those of an etcd elsewhere are the Secret's.
const NAMES: [&str; 11] = [
    "ca.crt",
    "ca.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "sa.pub",
    "sa.key",
    "etcd/ca.crt",
    "etcd/ca.key",
    "external-etcd-ca.crt",
    "external-etcd.crt",
    "external-etcd.key",
];

/// The files that were brought. Cannot be printed; their bytes are wiped.
#[derive(Clone)]
pub struct BroughtCerts(BTreeMap<&'static str, Zeroizing<Vec<u8>>>);

impl BroughtCerts {
    /// The bytes of a file, by its name below the directory of certificates.
    pub fn get(&self, name: &str) -> Option<&Zeroizing<Vec<u8>>> {
        self.0.get(name)
    }
}

impl fmt::Debug for BroughtCerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads what is at `path`. Where nothing is there any more, what an earlier run has written counts.
///
/// # Errors
/// It cannot be read, is no archive, or holds none of the files.
pub(super) fn read(path: &Path, report: &Report) -> Result<Option<BroughtCerts>, InputError> {
    let fail = |why: String| InputError::BroughtCerts { path: path.to_owned(), why };
    let unreadable = |error: io::Error| fail(format!("it cannot be read: {}", file::reason(error.kind())));
    let mut found = BTreeMap::new();
    if path.is_dir() {
        for name in NAMES {
            match file::contents(&path.join(name)) {
                Ok(bytes) => drop(found.insert(name, bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(fail(format!("{name} in it cannot be read: {}", file::reason(error.kind())))),
            }
        }
    } else {
        match file::contents(path) {
            Ok(archive) => found = tar::files(&archive, &NAMES).map_err(|error| fail(error.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = format!("{} is not there: what is on this machine counts", path.display());
                report.warn(Phase::DownloadCerts, None, text);
                return Ok(None);
            }
            Err(error) => return Err(unreadable(error)),
        }
    }
    if found.is_empty() {
        return Err(fail(format!("it holds none of {}", NAMES.join(", "))));
    }
    Ok(Some(BroughtCerts(found)))
}
