//! The bytes of every file that this room decides about, read once.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::download_certs::Downloaded;
use super::leaves::leaves;
use super::pki_layout::{
    ADMIN_CONF, CONTROLLER_MANAGER_CONF, EtcdPki, PkiLayout, SCHEDULER_CONF, SERVICE_ACCOUNT_KEY,
    SERVICE_ACCOUNT_PUBLIC_KEY,
};
use crate::rootfs::{Root, RootError, TargetPath};

/// Largest file that is read, in bytes: a bundle of CAs has some thousands.
const MAX_FILE: usize = 256 * 1024;

/// What the files hold. Cannot be printed.
#[derive(Default)]
pub struct PkiFiles(BTreeMap<TargetPath, Zeroizing<Vec<u8>>>);

impl PkiFiles {
    /// Reads what is there: CAs, the service account's key pair, leaves, kubeconfigs.
    ///
    /// # Errors
    /// Something is there and cannot be read.
    pub fn read(root: &Root, layout: &PkiLayout) -> Result<Self, RootError> {
        let mut paths = vec![ADMIN_CONF, CONTROLLER_MANAGER_CONF, SCHEDULER_CONF];
        paths.extend([SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY].map(|name| layout.path(name)));
        let bases = layout.cas().iter().map(|ca| ca.base());
        for base in bases.chain(leaves(layout).map(|leaf| leaf.base)) {
            paths.extend(<[TargetPath; 2]>::from(layout.pair(base)));
        }
        if let EtcdPki::External { ca, certificate, key } = layout.etcd() {
            paths.extend([ca, certificate, key].into_iter().flatten().cloned());
        }
        PkiFiles::read_only(root, &paths)
    }

    /// Reads these alone, where they are there.
    ///
    /// # Errors
    /// Something is there and cannot be read.
    pub fn read_only(root: &Root, paths: &[TargetPath]) -> Result<Self, RootError> {
        let mut files = PkiFiles::default();
        for path in paths {
            if let Some(bytes) = root.read(path, MAX_FILE)? {
                files.0.insert(path.clone(), bytes);
            }
        }
        Ok(files)
    }

    /// Puts what was downloaded over what is on the disk, as it will be written over it.
    pub fn replace(&mut self, downloaded: &Downloaded) {
        for file in downloaded.files() {
            self.0.insert(file.path.clone(), file.bytes.clone());
        }
    }

    /// The bytes of a file, where it is there.
    pub fn get(&self, path: &TargetPath) -> Option<&[u8]> {
        self.0.get(path).map(|bytes| bytes.as_slice())
    }

    /// For tests, which have no disk.
    #[cfg(test)]
    pub fn insert(&mut self, path: TargetPath, bytes: &[u8]) {
        self.0.insert(path, Zeroizing::new(bytes.to_vec()));
    }
}

impl fmt::Debug for PkiFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
