//! What a file system of the tree can still take.

use rustix::fs::{OFlags, StatVfsMountFlags, fstatvfs};
use rustix::io::Errno;

use super::error::RootError;
use super::path::TargetPath;
use super::resolve::Root;

/// What can still be written to a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// It is mounted read-only.
    pub read_only: bool,
    /// Bytes that this user may still write.
    pub bytes: u64,
    /// Files that can still be made; `None` where the file system does not count them (btrfs).
    pub inodes: Option<u64>,
}

impl Root {
    /// What is left on the file system that holds `path`, or that would hold it once it is made.
    ///
    /// # Errors
    /// [`RootError::Look`] where something on the way cannot be read.
    pub fn space(&self, path: &TargetPath) -> Result<Space, RootError> {
        let mut place = path.clone();
        loop {
            match self.resolve(place.as_str(), OFlags::PATH).and_then(fstatvfs) {
                Ok(found) => {
                    // Root may use the reserve of the file system, too.
                    let is_root = rustix::process::geteuid().is_root();
                    let blocks = if is_root { found.f_bfree } else { found.f_bavail };
                    let inodes = if is_root { found.f_ffree } else { found.f_favail };
                    return Ok(Space {
                        read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
                        bytes: blocks.saturating_mul(found.f_frsize),
                        inodes: (found.f_files != 0).then_some(inodes),
                    });
                }
                Err(Errno::NOENT) => match place.parent() {
                    Some(parent) => place = parent,
                    None => return Err(self.look_error(path, Errno::NOENT)),
                },
                Err(errno) => return Err(self.look_error(path, errno)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_path_that_is_not_there_yet_has_the_space_of_what_will_hold_it() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::write(temporary.path().join("file"), "").unwrap();
        let root = Root::open(temporary.path()).unwrap();
        let space = |path| root.space(&TargetPath::fixed(path));
        assert!(space("/").unwrap().bytes > 0);
        assert_eq!(space("/etc/kubernetes/pki").unwrap().read_only, space("/").unwrap().read_only);
        assert!(matches!(space("/file/below"), Err(RootError::Look { errno: Errno::NOTDIR, .. })));
    }

    #[test]
    fn what_takes_nothing_says_so() {
        // sysfs has neither blocks nor inodes to give.
        let root = Root::open(Path::new("/sys")).unwrap();
        let space = root.space(&TargetPath::fixed("/kernel")).unwrap();
        assert_eq!((space.bytes, space.inodes), (0, None));
    }
}
