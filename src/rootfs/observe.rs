//! What is in the tree now, at the places a `FileSet` speaks of.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::error::RootError;
use super::file_kind::FileKind;
use super::file_set::{Entry, FileSet, Kind};
use super::path::TargetPath;
use super::read::Metadata;
use super::resolve::Root;

/// What an object is called until it is complete. The dot keeps it from readers of whole directories such as systemd and
/// the kubelet's static pods.
const TEMPORARY: &str = ".kubejoin.tmp";

/// The one temporary of a directory.
pub fn temporary_in(directory: &TargetPath) -> TargetPath {
    TargetPath::child(directory, TEMPORARY)
}

/// Objects by path. A path that was not checked, because it cannot exist, counts as missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<TargetPath, Object>);

/// An object as far as a plan depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Missing,
    Directory {
        /// Permission bits.
        mode: u32,
        /// Owned by the user we are.
        ours: bool,
    },
    File {
        /// Permission bits.
        mode: u32,
        /// Owned by the user we are.
        ours: bool,
        /// SHA-256 of the content; `None` where nobody asked or the size already says that it differs.
        digest: Option<[u8; 32]>,
    },
    Symlink {
        target: PathBuf,
        to_directory: bool,
    },
    Other,
}

impl Object {
    /// Whether files can be made in it.
    pub(super) fn is_directory(&self) -> bool {
        matches!(self, Object::Directory { .. } | Object::Symlink { to_directory: true, .. })
    }

    /// Its kind; `None` where nothing is there.
    pub(super) fn kind(&self) -> Option<FileKind> {
        match self {
            Object::Missing => None,
            Object::Directory { .. } => Some(FileKind::Directory),
            Object::File { .. } => Some(FileKind::File),
            Object::Symlink { .. } => Some(FileKind::Symlink),
            Object::Other => Some(FileKind::Other),
        }
    }
}

impl Seen {
    /// What is at `path` itself, symbolic links as such.
    pub(super) fn at(&self, path: &TargetPath) -> &Object {
        self.0.get(path).unwrap_or(&Object::Missing)
    }

    /// Notes what is, or will be, at `path`.
    pub(super) fn put(&mut self, path: TargetPath, object: Object) {
        self.0.insert(path, object);
    }

    /// Notes that nothing is below `path` any more.
    pub(super) fn remove_below(&mut self, path: &TargetPath) {
        let above = format!("{}/", path.as_str());
        self.0.retain(|path, _| !path.as_str().starts_with(&above));
    }

    fn look_once(&mut self, root: &Root, path: &TargetPath) -> Result<(), RootError> {
        if !self.0.contains_key(path) {
            self.put(path.clone(), look(root, path, None)?);
        }
        Ok(())
    }
}

/// Looks at every place that `set` speaks of, at the directories above, and for what an interrupted run left there.
pub(super) fn observe(root: &Root, set: &FileSet) -> Result<Seen, RootError> {
    let mut seen = Seen::default();
    for entry in &set.entries {
        let mut reachable = true;
        for directory in entry.path.ancestors() {
            seen.look_once(root, &directory)?;
            reachable = seen.at(&directory).is_directory();
            if !reachable {
                break;
            }
            seen.look_once(root, &temporary_in(&directory))?;
        }
        if reachable {
            seen.put(entry.path.clone(), look(root, &entry.path, Some(entry))?);
        }
    }
    Ok(seen)
}

fn look(root: &Root, path: &TargetPath, wanted: Option<&Entry>) -> Result<Object, RootError> {
    let Some(found) = root.link_metadata(path)? else { return Ok(Object::Missing) };
    Ok(match found.kind {
        FileKind::Directory => Object::Directory { mode: found.mode, ours: found.is_ours() },
        FileKind::Other => Object::Other,
        FileKind::File => Object::File {
            mode: found.mode,
            ours: found.is_ours(),
            digest: match wanted {
                // One of somebody else's is replaced, whatever is in it.
                Some(Entry { kind: Kind::File { content, .. }, .. })
                    if found.is_ours() && content.size() == found.size =>
                {
                    Some(digest(root, path)?)
                }
                _ => None,
            },
        },
        FileKind::Symlink => Object::Symlink {
            target: root.read_link(path)?.unwrap_or_default(),
            to_directory: matches!(root.metadata(path), Ok(Some(Metadata { kind: FileKind::Directory, .. }))),
        },
    })
}

/// SHA-256 of a file, read in small pieces so that no copy of a secret is left in a large buffer.
fn digest(root: &Root, path: &TargetPath) -> Result<[u8; 32], RootError> {
    let fail = |errno| root.look_error(path, errno);
    let directory = root.open_directory(&path.parent().unwrap_or_else(TargetPath::root)).map_err(fail)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = openat(directory, path.file_name().unwrap_or("."), flags, Mode::empty()).map_err(fail)?;
    let mut file = File::from(fd);
    let mut hash = Sha256::new();
    let mut piece = zeroize::Zeroizing::new([0; 4096]);
    loop {
        match file.read(&mut *piece) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(n) => hash.update(&piece[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
    }
}
