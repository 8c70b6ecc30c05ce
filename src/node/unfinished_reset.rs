//! A reset that was begun and has not ended: what it has settled, so that another run goes on with it.

use serde_json::{Value, json};

use super::paths;
use crate::rootfs::{FileSet, Root, RootError, TargetPath};

/// Largest file that is read, in bytes.
const LIMIT: usize = 64 * 1024;

/// What a reset has settled before it changed anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnfinishedReset {
    /// etcd's data directory, where its data is to go: its member has been removed, or nobody needs it.
    pub etcd_data: Option<TargetPath>,
    /// The directory of temporary files goes, too.
    pub cleanup_tmp_dir: bool,
}

impl UnfinishedReset {
    /// The file that says so.
    pub fn marker(&self) -> FileSet {
        let text = json!({
            "etcdData": self.etcd_data.as_ref().map(TargetPath::as_str),
            "cleanupTmpDir": self.cleanup_tmp_dir,
        });
        let mut files = FileSet::new();
        files.file(paths::UNFINISHED_RESET, 0o600, format!("{text}\n"));
        files
    }

    /// The same, and then what must not be there beside it: with that, the node would be one.
    pub fn begin(&self) -> FileSet {
        let mut files = self.marker();
        files.append(without_identity());
        files
    }
}

/// The commit point of "joined", removed.
pub fn without_identity() -> FileSet {
    let mut files = FileSet::new();
    files.absent(paths::KUBELET_CONF).absent(paths::BOOTSTRAP_KUBELET_CONF);
    files
}

/// The end of a reset.
pub fn ended() -> FileSet {
    let mut files = FileSet::new();
    files.absent(paths::UNFINISHED_RESET);
    files
}

/// The reset that was interrupted here. None where an identity is there: whoever has written that has made a node of this
/// machine since, or the reset was cut off before it had done anything.
///
/// # Errors
/// The root cannot be read.
pub fn read(root: &Root) -> Result<Option<UnfinishedReset>, RootError> {
    if root.link_metadata(&paths::KUBELET_CONF)?.is_some()
        || root.link_metadata(&paths::BOOTSTRAP_KUBELET_CONF)?.is_some()
    {
        return Ok(None);
    }
    // Of a file that somebody else can have written nothing is believed.
    let Some(text) = root.read_private(&paths::UNFINISHED_RESET, LIMIT)? else { return Ok(None) };
    let said: Value = serde_json::from_slice(&text).unwrap_or_default();
    Ok(Some(UnfinishedReset {
        etcd_data: said["etcdData"].as_str().and_then(|path| path.parse().ok()),
        cleanup_tmp_dir: said["cleanupTmpDir"] == true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_reset_is_unfinished_from_its_first_commit_to_its_last() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::create_dir_all(at("etc/kubernetes")).unwrap();
        fs::write(at("etc/kubernetes/kubelet.conf"), "").unwrap();
        let root = Root::open(temporary.path()).unwrap();
        assert_eq!(read(&root), Ok(None));
        let reset = UnfinishedReset { etcd_data: Some(TargetPath::fixed("/data/etcd")), cleanup_tmp_dir: true };
        root.commit(&reset.begin()).unwrap();
        assert!(!at("etc/kubernetes/kubelet.conf").exists());
        assert_eq!(read(&root), Ok(Some(reset)));

        // A join of somebody else's.
        for file in ["kubelet.conf", "bootstrap-kubelet.conf"] {
            fs::write(at("etc/kubernetes").join(file), "").unwrap();
            assert_eq!(read(&root), Ok(None), "{file}");
            fs::remove_file(at("etc/kubernetes").join(file)).unwrap();
        }
        let marker = at("etc/kubernetes/kubejoin-reset");
        fs::write(&marker, "half a fi").unwrap();
        assert_eq!(read(&root), Ok(Some(UnfinishedReset::default())));
        fs::set_permissions(&marker, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(read(&root), Ok(None));
        root.commit(&ended()).unwrap();
        assert!(!marker.exists());
    }
}
