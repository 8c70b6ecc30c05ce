//! One run at a time on one root: the temporary of a directory has one owner, and so has a pending key.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, statat};
use rustix::io::Errno;

use super::error::CommitError;
use super::read::Metadata;
use super::resolve::Root;

/// Held by a run that changes a root. The kernel drops it with the process.
#[derive(Debug)]
pub struct Lock {
    _file: OwnedFd,
}

impl Root {
    /// Locks this root against other runs of this program. The lock is a file in `directory`, which is made where it is
    /// missing: only the user of this program can open it, so that nobody else can hold the lock and block every join. Its
    /// name is that of the root's inode, whatever path it was reached by.
    ///
    /// Where there is no such directory (no `/run`, or not root), it is a lock on the root's own directory: better than none.
    ///
    /// # Errors
    /// [`CommitError::Busy`] where another run holds it.
    pub fn lock(&self, directory: &Path) -> Result<Lock, CommitError> {
        let file = match self.lock_file(directory) {
            Ok(file) => file,
            Err(_) => self.fd().try_clone_to_owned().map_err(|_| self.busy())?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(self.busy()),
            // Some network and user-space file systems know no locks. Those are not shared by two joins.
            Ok(()) | Err(_) => Ok(Lock { _file: file }),
        }
    }

    fn lock_file(&self, directory: &Path) -> Result<OwnedFd, Errno> {
        match mkdirat(CWD, directory, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(CWD, directory, flags, Mode::empty())?;
        // Somebody else's directory may hold somebody else's lock.
        if !Metadata::from(fstat(&directory)?).is_trusted() {
            return Err(Errno::PERM);
        }
        let root = statat(self.fd(), "", rustix::fs::AtFlags::EMPTY_PATH)?;
        let name = format!("lock-{:x}-{:x}", root.st_dev, root.st_ino);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(directory.as_fd(), name.as_str(), flags, Mode::RUSR | Mode::WUSR)?;
        if !Metadata::from(fstat(&file)?).is_private() {
            return Err(Errno::PERM);
        }
        Ok(file)
    }

    fn busy(&self) -> CommitError {
        CommitError::Busy { root: self.path().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn one_run_at_a_time_holds_a_root_by_whatever_path() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::create_dir(at("root")).unwrap();
        std::os::unix::fs::symlink("root", at("link")).unwrap();
        let held = Root::open(&at("root")).unwrap().lock(&at("run")).unwrap();
        let other = Root::open(&at("link")).unwrap();
        let error = other.lock(&at("run")).unwrap_err();
        assert!(matches!(error, CommitError::Busy { .. }) && crate::error::Explain::may_retry(&error), "{error}");
        drop(held);
        other.lock(&at("run")).unwrap();
    }

    #[test]
    fn nobody_else_can_open_the_lock() {
        let temporary = tempfile::tempdir().unwrap();
        let run = temporary.path().join("run");
        let root = Root::open(temporary.path()).unwrap();
        let _held = root.lock(&run).unwrap();
        let file = fs::read_dir(&run).unwrap().next().unwrap().unwrap().path();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(&run).unwrap().permissions().mode() & 0o022, 0);
        // A lock that anybody can take, on the root's own directory, blocks nobody.
        let foreign = fs::File::open(temporary.path()).unwrap();
        rustix::fs::flock(&foreign, FlockOperation::NonBlockingLockExclusive).unwrap();
        drop(_held);
        root.lock(&run).unwrap();
    }
}
