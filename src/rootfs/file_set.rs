//! What shall be written: an ordered list of objects. Pure data.

use std::fmt;

use rustix::mount::UnmountFlags;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::path::TargetPath;

/// Everything that will be written, in the order of writing.
///
/// The order is a promise: after a crash, an entry is there only if all those before it are.
#[derive(Clone, Debug, Default)]
pub struct FileSet {
    /// Operations in commit order.
    pub entries: Vec<Entry>,
}

/// One object of the tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where.
    pub path: TargetPath,
    /// What.
    pub kind: Kind,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A directory; created where missing. An existing one of ours loses the write bits for others that `mode` does not have,
    /// and is otherwise left as it is.
    Directory {
        /// Permission bits, such as `0o755`.
        mode: u32,
    },
    /// A regular file with exactly these bytes and this mode, owned by the caller. A symbolic link that has the name is
    /// replaced, not followed.
    File {
        /// Permission bits.
        mode: u32,
        /// The bytes.
        content: Content,
    },
    /// A symbolic link with this literal target (inside the root's own view of paths).
    Symlink {
        /// What the link says.
        target: String,
    },
    /// Must not exist afterwards. Directories are not removed.
    Absent,
    /// Is removed as far as that goes, whatever it is, a directory with all that is in it; what stays is no error, but reported
    /// ([`super::Left`]). A symbolic link is removed as such, and a mount not touched.
    Gone,
    /// A directory that loses its content, in the same way, and stays. Where the name is a symbolic link, the directory that it
    /// leads to inside the root.
    Emptied,
    /// A directory below which nothing shall be mounted, in the same way. A mount on the directory itself stays.
    Unmounted {
        /// For umount2(2).
        flags: UnmountFlags,
    },
}

/// Bytes of a file; a secret one is shown as a digest and wiped from memory.
#[derive(Clone)]
pub enum Content {
    /// May be shown.
    Public(Vec<u8>),
    /// May never be shown.
    Secret(Zeroizing<Vec<u8>>),
}

impl FileSet {
    /// Nothing yet.
    pub fn new() -> FileSet {
        FileSet::default()
    }

    /// A directory of this mode where there is none.
    pub fn directory(&mut self, path: TargetPath, mode: u32) -> &mut Self {
        self.add(Entry { path, kind: Kind::Directory { mode } })
    }

    /// A file that a dry run shows in full.
    pub fn file(&mut self, path: TargetPath, mode: u32, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.add(Entry { path, kind: Kind::File { mode, content: Content::Public(bytes.into()) } })
    }

    /// A file whose bytes nobody sees.
    pub fn secret_file(&mut self, path: TargetPath, mode: u32, bytes: Zeroizing<Vec<u8>>) -> &mut Self {
        self.add(Entry { path, kind: Kind::File { mode, content: Content::Secret(bytes) } })
    }

    /// A symbolic link that says `target`.
    pub fn symlink(&mut self, path: TargetPath, target: impl Into<String>) -> &mut Self {
        self.add(Entry { path, kind: Kind::Symlink { target: target.into() } })
    }

    /// A file or link that is removed.
    pub fn absent(&mut self, path: TargetPath) -> &mut Self {
        self.add(Entry { path, kind: Kind::Absent })
    }

    /// Whatever it is, it is removed as far as that goes.
    pub fn gone(&mut self, path: TargetPath) -> &mut Self {
        self.add(Entry { path, kind: Kind::Gone })
    }

    /// A directory that is emptied as far as that goes.
    pub fn emptied(&mut self, path: TargetPath) -> &mut Self {
        self.add(Entry { path, kind: Kind::Emptied })
    }

    /// A directory below which everything is unmounted as far as that goes.
    pub fn unmounted(&mut self, path: TargetPath, flags: UnmountFlags) -> &mut Self {
        self.add(Entry { path, kind: Kind::Unmounted { flags } })
    }

    /// Everything of another set, behind what is here.
    pub fn append(&mut self, mut other: FileSet) -> &mut Self {
        self.entries.append(&mut other.entries);
        self
    }

    /// An entry made elsewhere.
    pub fn add(&mut self, entry: Entry) -> &mut Self {
        self.entries.push(entry);
        self
    }
}

impl Content {
    /// The bytes, for the one place that writes them.
    pub(super) fn expose(&self) -> &[u8] {
        match self {
            Content::Public(bytes) => bytes,
            Content::Secret(bytes) => bytes,
        }
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }

    /// Number of bytes.
    pub fn size(&self) -> u64 {
        self.expose().len() as u64
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Public(bytes) => write!(f, "Public({} bytes)", bytes.len()),
            Content::Secret(bytes) => write!(f, "Secret({} bytes)", bytes.len()),
        }
    }
}
