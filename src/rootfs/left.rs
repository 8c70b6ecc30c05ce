//! What a removal has left, and why.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::mounts::{self, Mount};

/// An object that should have gone and is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it is, from outside of the root.
    pub path: PathBuf,
    /// Why.
    pub why: LeftBecause,
}

/// Why an object is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftBecause {
    /// Something is mounted on it: its content belongs to that.
    Mounted {
        /// What, where the kernel says it.
        mount: Option<Mount>,
        /// Why it could not be unmounted, where that was tried.
        errno: Option<Errno>,
    },
    /// The kernel does not let it go.
    Refused(Errno),
    /// Somebody has moved it, or the directory that it is in, in the meantime.
    Moved,
}

impl Left {
    /// The kernel's answer.
    pub(super) fn refused(path: &Path, errno: Errno) -> Self {
        Left { path: path.to_owned(), why: LeftBecause::Refused(errno) }
    }
}

/// Says what is mounted on the objects that are left because of that; of several the one on top. Each object is named once.
pub(super) fn with_mounts(left: Vec<Left>) -> Vec<Left> {
    let mounts = mounts::read().unwrap_or_default();
    let mut named: Vec<Left> = Vec::with_capacity(left.len());
    for mut left in left {
        if named.iter().any(|named| named.path == left.path) {
            continue;
        }
        if let LeftBecause::Mounted { mount: mount @ None, .. } = &mut left.why {
            *mount = mounts.iter().rfind(|mount| mount.point == left.path).cloned();
        }
        named.push(left);
    }
    named
}

impl fmt::Display for LeftBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftBecause::Mounted { mount, errno } => {
                match mount {
                    Some(mount) => write!(f, "{mount} is mounted there")?,
                    None => f.write_str("something is mounted there")?,
                }
                match errno {
                    None => Ok(()),
                    Some(Errno::TIMEDOUT) => f.write_str(", and unmounting it does not end: its server may be lost"),
                    Some(errno) => write!(f, ": {errno}"),
                }
            }
            LeftBecause::Refused(errno) => errno.fmt(f),
            LeftBecause::Moved => f.write_str("somebody has moved it in the meantime"),
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}
