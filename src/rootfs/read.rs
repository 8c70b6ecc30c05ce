//! Reading from the root.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat, fstat, readlinkat, statat};
use rustix::io::{Errno, Result as IoResult};
use zeroize::Zeroizing;

use super::error::RootError;
use super::file_kind::FileKind;
use super::path::TargetPath;
use super::resolve::Root;
use crate::file::read_bounded;

/// The permission bits that let somebody else change an object.
pub(super) const WRITABLE_BY_OTHERS: u32 = 0o022;

/// What is known of an object without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// Bytes, for a file.
    pub size: u64,
    /// The owner's user id.
    pub uid: u32,
    /// When the content was last changed, in seconds since 1970.
    pub modified: i64,
}

impl Metadata {
    /// Whether it belongs to the user that this program runs as.
    pub fn is_ours(&self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }

    /// Whether nobody else can change it: it is ours, and has no write bits for others.
    pub fn is_trusted(&self) -> bool {
        self.is_ours() && self.mode & WRITABLE_BY_OTHERS == 0
    }

    /// Whether nobody else can read or change it: it is ours, and has no permission bits for others.
    pub fn is_private(&self) -> bool {
        self.is_ours() && self.mode & 0o077 == 0
    }
}

impl Root {
    /// The bytes of the file at `path`, symbolic links followed; `None` where nothing is there. What is read is wiped when it
    /// is dropped.
    ///
    /// # Errors
    /// [`RootError::TooLarge`] beyond `limit` bytes, [`RootError::NotAFile`] for anything else than a file.
    pub fn read(&self, path: &TargetPath, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, RootError> {
        Ok(self.read_with_metadata(path, limit)?.map(|(bytes, _)| bytes))
    }

    /// The same, and what is known of the very file that was read.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with_metadata(
        &self,
        path: &TargetPath,
        limit: usize,
    ) -> Result<Option<(Zeroizing<Vec<u8>>, Metadata)>, RootError> {
        let Some((file, found)) = self.open_file(path)? else { return Ok(None) };
        match read_bounded(file, found.size, limit) {
            Ok(bytes) => Ok(Some((bytes, found))),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                Err(RootError::TooLarge { path: self.outside(path), limit })
            }
            Err(error) => Err(self.look_error(path, Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
    }

    /// The first `limit` bytes of the file at `path`, or all that it has; `None` where nothing is there.
    ///
    /// # Errors
    /// As [`read`](Self::read), but that no file is too large.
    pub fn read_head(&self, path: &TargetPath, limit: usize) -> Result<Option<Vec<u8>>, RootError> {
        let Some((file, _)) = self.open_file(path)? else { return Ok(None) };
        let mut head = Vec::new();
        match file.take(limit as u64).read_to_end(&mut head) {
            Ok(_) => Ok(Some(head)),
            Err(error) => Err(self.look_error(path, Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
    }

    fn open_file(&self, path: &TargetPath) -> Result<Option<(File, Metadata)>, RootError> {
        // O_NONBLOCK: opening a pipe must not wait for its writer. Files do not know the flag.
        let fd = match self.resolve(path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            // What open(2) answers for a socket, and for a device that is not there.
            Err(Errno::NXIO) => return Err(RootError::NotAFile { path: self.outside(path), found: FileKind::Other }),
            Err(errno) => return Err(self.look_error(path, errno)),
        };
        let found = fstat(&fd).map(Metadata::from).map_err(|errno| self.look_error(path, errno))?;
        match found.kind {
            FileKind::File => Ok(Some((File::from(fd), found))),
            kind => Err(RootError::NotAFile { path: self.outside(path), found: kind }),
        }
    }

    /// A private key, or another secret of ours; `None` where nothing is there, and where what is there may be known to, or
    /// come from, somebody else: it is no regular file itself, belongs to another user, or has permission bits for others.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_private(&self, path: &TargetPath, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, RootError> {
        if self.link_metadata(path)?.is_none_or(|found| found.kind != FileKind::File) {
            return Ok(None);
        }
        let read = self.read_with_metadata(path, limit)?;
        Ok(read.filter(|(_, metadata)| metadata.is_private()).map(|(bytes, _)| bytes))
    }

    /// What the symbolic link at `path` says; `None` where nothing is there or something else is.
    pub fn read_link(&self, path: &TargetPath) -> Result<Option<PathBuf>, RootError> {
        let Some((directory, name)) = self.holder(path)? else { return Ok(None) };
        match readlinkat(directory, name, Vec::new()) {
            Ok(target) => {
                use std::os::unix::ffi::OsStringExt;
                Ok(Some(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes()))))
            }
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(errno) => Err(self.look_error(path, errno)),
        }
    }

    /// What `path` means, symbolic links followed; `None` where nothing is there, also at the end of a dangling link.
    pub fn metadata(&self, path: &TargetPath) -> Result<Option<Metadata>, RootError> {
        match self.resolve(path.as_str(), OFlags::PATH).and_then(fstat) {
            Ok(stat) => Ok(Some(Metadata::from(stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.look_error(path, errno)),
        }
    }

    /// What is at `path` itself, a symbolic link as such; `None` where nothing is there.
    pub fn link_metadata(&self, path: &TargetPath) -> Result<Option<Metadata>, RootError> {
        let Some((directory, name)) = self.holder(path)? else { return Ok(None) };
        match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Metadata::from(stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.look_error(path, errno)),
        }
    }

    /// Whether `path` means anything, symbolic links followed.
    pub fn exists(&self, path: &TargetPath) -> Result<bool, RootError> {
        self.metadata(path).map(|found| found.is_some())
    }

    /// The names in a directory, sorted, without `.`, `..` and what is not UTF-8; `None` where nothing is there.
    pub fn list(&self, path: &TargetPath) -> Result<Option<Vec<String>>, RootError> {
        let names = |fd| -> IoResult<Vec<String>> {
            let mut names = Vec::new();
            for entry in Dir::new(fd)? {
                match entry?.file_name().to_str() {
                    Ok("." | "..") | Err(_) => {}
                    Ok(name) => names.push(name.to_owned()),
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        match self.open_directory(path).and_then(names) {
            Ok(names) => Ok(Some(names)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.look_error(path, errno)),
        }
    }

    /// The open directory that holds `path`, and the name in it; `None` where there is no such directory.
    pub(super) fn holder<'p>(
        &self,
        path: &'p TargetPath,
    ) -> Result<Option<(std::os::fd::OwnedFd, &'p str)>, RootError> {
        let parent = path.parent().unwrap_or_else(TargetPath::root);
        match self.open_directory(&parent) {
            Ok(directory) => Ok(Some((directory, path.file_name().unwrap_or(".")))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.look_error(path, errno)),
        }
    }

    /// The error of looking at `path`.
    pub(super) fn look_error(&self, path: &TargetPath, errno: Errno) -> RootError {
        RootError::Look { path: self.outside(path), errno }
    }
}

impl From<Stat> for Metadata {
    fn from(stat: Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::Other,
        };
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Metadata { kind, mode: stat.st_mode & 0o7777, size, uid: stat.st_uid, modified: stat.st_mtime }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::File => "a file",
            FileKind::Directory => "a directory",
            FileKind::Symlink => "a symbolic link",
            FileKind::Other => "a device, socket or pipe",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::Resolution;
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn reading_tells_missing_from_unreadable_and_never_goes_beyond_the_limit() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("directory/file"), "12345").unwrap();
        symlink("/directory/file", at("link")).unwrap();
        symlink("/nowhere", at("dangling")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, 0o600.into(), 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for open in [Root::open, |path: &Path| Root::open_with(path, Resolution::Walk)] {
            let root = open(temporary.path()).unwrap();
            let read = |path: &'static str, limit| {
                root.read(&TargetPath::fixed(path), limit).map(|read| read.map(|bytes| bytes.to_vec()))
            };
            let not_a_file = |path, found| Err(RootError::NotAFile { path: at(path), found });

            assert_eq!(read("/directory/file", 5), Ok(Some(b"12345".to_vec())));
            assert_eq!(read("/link", 5), Ok(Some(b"12345".to_vec())));
            assert_eq!(read("/link", 4), Err(RootError::TooLarge { path: at("link"), limit: 4 }));
            assert_eq!(read("/dangling", 5), Ok(None));
            assert_eq!(read("/nowhere/file", 5), Ok(None));
            assert_eq!(read("/directory", 5), not_a_file("directory", FileKind::Directory));
            assert_eq!(read("/pipe", 5), not_a_file("pipe", FileKind::Other));
            assert_eq!(read("/socket", 5), not_a_file("socket", FileKind::Other));
            let below_a_file = Err(RootError::Look { path: at("directory/file/x"), errno: Errno::NOTDIR });
            assert_eq!(read("/directory/file/x", 5), below_a_file);

            let head = |path: &'static str, limit| root.read_head(&TargetPath::fixed(path), limit);
            assert_eq!(head("/link", 4), Ok(Some(b"1234".to_vec())));
            assert_eq!(head("/link", 6), Ok(Some(b"12345".to_vec())));
            assert_eq!(head("/nowhere/file", 5), Ok(None));
            assert_eq!(head("/pipe", 5), Err(RootError::NotAFile { path: at("pipe"), found: FileKind::Other }));

            let link = |path: &'static str| root.read_link(&TargetPath::fixed(path)).unwrap();
            assert_eq!(link("/link").as_deref(), Some(Path::new("/directory/file")));
            assert_eq!(link("/directory"), None);
            assert_eq!(link("/nowhere"), None);

            assert!(root.exists(&TargetPath::fixed("/link")).unwrap());
            assert!(!root.exists(&TargetPath::fixed("/dangling")).unwrap());
            assert_eq!(root.metadata(&TargetPath::fixed("/link")).unwrap().unwrap().size, 5);
            let dangling = root.link_metadata(&TargetPath::fixed("/dangling")).unwrap().unwrap();
            assert_eq!(dangling.kind, FileKind::Symlink);
            assert_eq!(root.link_metadata(&TargetPath::root()).unwrap().unwrap().kind, FileKind::Directory);

            let names = root.list(&TargetPath::root()).unwrap().unwrap();
            assert_eq!(names, ["dangling", "directory", "link", "pipe", "socket"]);
            assert_eq!(root.list(&TargetPath::fixed("/nowhere")), Ok(None));
        }
    }

    #[test]
    fn files_that_say_they_are_empty_are_read_nevertheless() {
        let root = Root::open(Path::new("/")).unwrap();
        let found = root.read(&TargetPath::fixed("/proc/sys/kernel/ostype"), 100).unwrap();
        assert_eq!(**found.unwrap(), *b"Linux\n");
    }

    #[test]
    fn a_secret_is_only_what_nobody_else_can_read_or_write() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        let root = Root::open(temporary.path()).unwrap();
        fs::write(at("key"), "key").unwrap();
        symlink("key", at("link")).unwrap();
        let read = |path: &'static str| root.read_private(&TargetPath::fixed(path), 10).unwrap();
        for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o602, false), (0o666, false)] {
            fs::set_permissions(at("key"), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read("/key").is_some(), is_read, "{mode:o}");
        }
        fs::set_permissions(at("key"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read("/link").is_none() && read("/nothing").is_none());
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(at("key"), Some(65534), None).unwrap();
            assert!(read("/key").is_none(), "a key of somebody else is used");
        } else {
            eprintln!("SKIPPED in part: giving a file to another user needs root");
        }
    }
}
