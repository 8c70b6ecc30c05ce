//! What can go wrong with a tree, and whose fault it is.

use std::fmt;
use std::path::PathBuf;

use rustix::io::Errno;

use super::file_kind::FileKind;
use crate::error::{Code, Explain, codes, debug_as_display};

/// The root or something in it cannot be read. Paths are the caller's view: the root's own path comes first.
#[derive(PartialEq, Eq)]
pub enum RootError {
    /// The directory given as the root cannot be opened.
    Open {
        /// As given.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// An object in the root cannot be read.
    Look {
        /// Which.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A file is larger than anything we expect under that name.
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The most that would have been read, in bytes.
        limit: usize,
    },
    /// There is something, but no regular file.
    NotAFile {
        /// Which.
        path: PathBuf,
        /// What it is.
        found: FileKind,
    },
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RootError::Open { path, errno } => write!(f, "cannot open target root {}: {errno}", path.display()),
            RootError::Look { path, errno } => write!(f, "cannot read {}: {errno}", path.display()),
            RootError::TooLarge { path, limit } => write!(f, "{} is larger than {limit} bytes", path.display()),
            RootError::NotAFile { path, found } => write!(f, "{} is {found}, not a file", path.display()),
        }
    }
}

debug_as_display!(RootError);

impl std::error::Error for RootError {}

impl Explain for RootError {
    fn code(&self) -> &'static Code {
        match self {
            RootError::Open { errno, .. } | RootError::Look { errno, .. } if is_permission(*errno) => {
                &codes::MACHINE_PERMISSION
            }
            RootError::Open { .. } => &codes::ROOTFS_UNUSABLE,
            RootError::Look { errno: Errno::NOTDIR, .. } => &codes::ROOTFS_IN_THE_WAY,
            RootError::Look { .. } => &codes::MACHINE_IO,
            RootError::TooLarge { .. } | RootError::NotAFile { .. } => &codes::ROOTFS_IN_THE_WAY,
        }
    }

    fn hint(&self) -> String {
        match self {
            RootError::Look { path, errno: Errno::NOTDIR } => {
                format!(
                    "move the file that has the name of a directory above {} out of the way and run again",
                    path.display()
                )
            }
            RootError::TooLarge { path, .. } | RootError::NotAFile { path, .. } => {
                format!("move {} out of the way on this machine and run again", path.display())
            }
            _ => self.code().hint.to_owned(),
        }
    }
}

/// The tree could not be brought into the wanted state. What was committed before the error stays, in order; running
/// again goes on from there.
#[derive(PartialEq, Eq)]
pub enum CommitError {
    /// Somebody else commits to this root right now.
    Busy {
        /// The root.
        root: PathBuf,
    },
    /// The tree cannot be read; nothing was changed.
    Observe(RootError),
    /// Something of another kind has the name; nothing was changed.
    InTheWay {
        /// Where.
        path: PathBuf,
        /// What shall be there.
        wanted: FileKind,
        /// What is there.
        found: FileKind,
    },
    /// The kernel refused a step.
    Step {
        /// What was being done.
        operation: Operation,
        /// To what.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
}

/// What a step of a commit does, as a verb for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operation {
    CreateDirectory,
    CreateFile,
    Write,
    SetMode,
    Sync,
    Rename,
    CreateSymlink,
    Remove,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::CreateDirectory => "create directory",
            Operation::CreateFile => "create a temporary file beside",
            Operation::Write => "write",
            Operation::SetMode => "set the mode of",
            Operation::Sync => "sync",
            Operation::Rename => "rename to",
            Operation::CreateSymlink => "create symbolic link",
            Operation::Remove => "remove",
        })
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::Busy { root } => write!(f, "another process is writing to target root {}", root.display()),
            CommitError::Observe(error) => error.fmt(f),
            CommitError::InTheWay { path, wanted, found } => {
                write!(f, "{} is {found}, but must become {wanted}", path.display())
            }
            CommitError::Step { operation, path, errno } => {
                write!(f, "cannot {operation} {}: {errno}", path.display())
            }
        }
    }
}

debug_as_display!(CommitError);

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CommitError::Observe(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RootError> for CommitError {
    fn from(error: RootError) -> Self {
        CommitError::Observe(error)
    }
}

impl Explain for CommitError {
    fn code(&self) -> &'static Code {
        match self {
            CommitError::Busy { .. } => &codes::ROOTFS_BUSY,
            CommitError::Observe(error) => error.code(),
            CommitError::InTheWay { .. } => &codes::ROOTFS_IN_THE_WAY,
            CommitError::Step { errno, .. } => match *errno {
                Errno::NOSPC => &codes::MACHINE_NO_SPACE,
                Errno::DQUOT => &codes::MACHINE_QUOTA,
                Errno::ROFS => &codes::MACHINE_READ_ONLY,
                errno if is_permission(errno) => &codes::MACHINE_PERMISSION,
                _ => &codes::MACHINE_IO,
            },
        }
    }

    fn hint(&self) -> String {
        match self {
            CommitError::Observe(error) => error.hint(),
            CommitError::InTheWay { path, .. } => {
                format!("move {} out of the way on this machine and run again", path.display())
            }
            CommitError::Step { errno: Errno::NOSPC, path, .. } => {
                format!(
                    "free space or inodes on the file system of {} (see `df` and `df -i`) and run again",
                    path.display()
                )
            }
            CommitError::Step { errno: Errno::ROFS, path, .. } => {
                format!("mount the file system of {} read-write on this machine and run again", path.display())
            }
            _ => self.code().hint.to_owned(),
        }
    }
}

/// EPERM is what an immutable file (`chattr +i`) and some sandboxes answer with.
fn is_permission(errno: Errno) -> bool {
    matches!(errno, Errno::ACCESS | Errno::PERM)
}
