//! Removing a directory's content by descriptor, from the leaves up.
//!
//! What is removed is what is in the tree on its own mount, and nothing else:
//!
//! - A directory is opened as a child of one that is open, never by a path, never through a symbolic link, and never across a
//!   mount (openat2(2), `RESOLVE_NO_XDEV`; on older kernels the numbers of the mounts are compared). A link is removed as
//!   such.
//! - Nothing is looked at before: the kernel is asked to remove a name, and what it answers says what that is. So a mount that
//!   hangs is not touched, and nothing can be exchanged between a look and a deed.
//! - On the way up, the directory that `..` leads to has to be the one that was come from; else somebody has moved the tree,
//!   and it ends there.
//! - One directory is open at a time, whatever the depth: whoever writes into a volume chooses how deep it is.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, fsync, openat, openat2, unlinkat};
use rustix::io::{Errno, Result as IoResult};

use super::left::{Left, LeftBecause};
use super::mounts;
use super::resolve::Resolution;

/// How many names of a directory are read at a time.
const BATCH: usize = 1024;

/// How often a directory is emptied again that somebody else fills meanwhile, all directories together.
const MAX_REFILLS: usize = 100;

/// How often a path is tried again that changed while the kernel resolved it (`EAGAIN`, openat2(2)).
const RACES: usize = 8;

/// What is done with what is found.
pub(super) enum Act<'a> {
    /// It is removed.
    Remove,
    /// It is named: what would be removed, what is in a directory before the directory.
    Look(&'a mut Vec<PathBuf>),
}

/// What goes of an open directory.
pub(super) enum Of<'a> {
    /// Everything in it; the directory stays.
    Content,
    /// What has this name in it, whatever that is, with all that is in it.
    Name(&'a str),
}

/// Removes what goes of the open directory `here`, which is at `place`. Adds what cannot be removed to `left`; returns whether
/// anything went.
pub(super) fn prune(
    here: OwnedFd,
    place: PathBuf,
    of: Of<'_>,
    resolution: Resolution,
    act: Act<'_>,
    left: &mut Vec<Left>,
) -> IoResult<bool> {
    let todo: Vec<OsString> = match of {
        Of::Content => Vec::new(),
        Of::Name(name) => vec![name.into()],
    };
    let reads_top = matches!(of, Of::Content);
    let level = Level { id: id_of(&here)?, name: OsString::new(), todo, kept: BTreeSet::new() };
    let mut walk =
        Walk { here, levels: vec![level], place, reads_top, resolution, act, left, refills: 0, removed: false };
    walk.run();
    Ok(walk.removed)
}

/// What the kernel makes of a request to remove a name.
enum Answer {
    Gone,
    /// It is a directory with something in it.
    NotEmpty,
    Kept(LeftBecause),
}

struct Walk<'a> {
    /// The directory that is worked in.
    here: OwnedFd,
    /// From the top down to it.
    levels: Vec<Level>,
    /// Where it is.
    place: PathBuf,
    /// Whether the content of the top is what goes.
    reads_top: bool,
    resolution: Resolution,
    act: Act<'a>,
    left: &'a mut Vec<Left>,
    refills: usize,
    removed: bool,
}

/// A directory on the way down.
struct Level {
    /// Device and inode.
    id: (u64, u64),
    /// In the one above.
    name: OsString,
    /// Names that were read and are not done with; the next one is the last.
    todo: Vec<OsString>,
    /// Names that stay.
    kept: BTreeSet<OsString>,
}

impl Walk<'_> {
    fn run(&mut self) {
        if self.reads_top {
            self.read();
        }
        loop {
            match self.levels.last_mut().and_then(|level| level.todo.pop()) {
                Some(name) => match self.remove(&name) {
                    Answer::Gone => {}
                    Answer::NotEmpty => self.enter(&name),
                    Answer::Kept(why) => self.keep(&name, why),
                },
                None if self.has_more() => {}
                None if self.leave() => {}
                None => return,
            }
        }
    }

    /// Whether there were more names than one batch. What does not go has been read before, and is none of them.
    fn has_more(&mut self) -> bool {
        let is_read_in_parts = matches!(self.act, Act::Remove) && (self.reads_top || self.levels.len() > 1);
        is_read_in_parts && self.read()
    }

    /// Reads names that have not been seen to stay; `false` where there are none.
    fn read(&mut self) -> bool {
        let limit = if matches!(self.act, Act::Remove) { BATCH } else { usize::MAX };
        let Some(level) = self.levels.last_mut() else { return false };
        let mut read = || -> IoResult<()> {
            // Opened anew, so that it is read from its beginning.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            for entry in Dir::new(openat(&self.here, ".", flags, Mode::empty())?)? {
                let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
                if name != "." && name != ".." && !level.kept.contains(&name) {
                    level.todo.push(name);
                }
                if level.todo.len() == limit {
                    break;
                }
            }
            Ok(())
        };
        if let Err(errno) = read() {
            // It is not emptied, and so stays; its own name in the one above is not said a second time.
            level.todo.clear();
            level.kept.insert(OsString::from("."));
            self.left.push(Left::refused(&self.place, errno));
            return false;
        }
        !level.todo.is_empty()
    }

    fn remove(&mut self, name: &OsStr) -> Answer {
        if let Act::Look(_) = self.act {
            return self.look(name);
        }
        let answer = match unlinkat(&self.here, name, AtFlags::empty()) {
            // Linux says ISDIR; PERM is POSIX, and an object that is immutable.
            Err(refused @ (Errno::ISDIR | Errno::PERM)) => match unlinkat(&self.here, name, AtFlags::REMOVEDIR) {
                Err(Errno::NOTDIR) => Err(refused),
                done => done,
            },
            done => done,
        };
        match answer {
            Ok(()) => {
                self.removed = true;
                Answer::Gone
            }
            Err(Errno::NOENT) => Answer::Gone,
            Err(Errno::NOTEMPTY | Errno::EXIST) => Answer::NotEmpty,
            // The kernel's answer for what something is mounted on, file or directory.
            Err(Errno::BUSY) => Answer::Kept(LeftBecause::Mounted { mount: None, errno: None }),
            Err(errno) => Answer::Kept(LeftBecause::Refused(errno)),
        }
    }

    /// What a removal would find, as far as that can be seen without one.
    fn look(&mut self, name: &OsStr) -> Answer {
        match self.open(name, OFlags::PATH | OFlags::NOFOLLOW).and_then(fstat) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => Answer::NotEmpty,
            Ok(_) => {
                self.found(name);
                Answer::Gone
            }
            Err(Errno::NOENT) => Answer::Gone,
            Err(Errno::XDEV) => Answer::Kept(LeftBecause::Mounted { mount: None, errno: None }),
            Err(errno) => Answer::Kept(LeftBecause::Refused(errno)),
        }
    }

    fn found(&mut self, name: &OsStr) {
        self.removed = true;
        if let Act::Look(found) = &mut self.act {
            found.push(self.place.join(name));
        }
    }

    fn keep(&mut self, name: &OsStr, why: LeftBecause) {
        self.left.push(Left { path: self.place.join(name), why });
        self.levels.last_mut().map(|level| level.kept.insert(name.to_owned()));
    }

    /// Goes into a directory. One that cannot be opened in just this place is not gone into.
    fn enter(&mut self, name: &OsStr) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let opened = self.open(name, flags).and_then(|fd| Ok((id_of(&fd)?, fd)));
        match opened {
            Ok((id, fd)) => {
                self.here = fd;
                self.place.push(name);
                self.levels.push(Level { id, name: name.to_owned(), todo: Vec::new(), kept: BTreeSet::new() });
                self.read();
            }
            Err(Errno::NOENT) => {}
            Err(Errno::XDEV) => self.keep(name, LeftBecause::Mounted { mount: None, errno: None }),
            Err(errno) => self.keep(name, LeftBecause::Refused(errno)),
        }
    }

    /// Goes up, and removes the directory that is left behind; `false` at the top, and where somebody has moved the tree.
    fn leave(&mut self) -> bool {
        let Some(done) = self.levels.pop() else { return false };
        let Some(id) = self.levels.last().map(|above| above.id) else { return false };
        if !done.kept.is_empty() && matches!(self.act, Act::Remove) {
            // What was removed beside what stays shall stay removed. Some file systems have nothing to sync.
            let _ = fsync(&self.here);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        match self.open("..".as_ref(), flags).and_then(|fd| Ok((id_of(&fd)?, fd))) {
            Ok((found, fd)) if found == id => self.here = fd,
            _ => {
                self.left.push(Left { path: self.place.clone(), why: LeftBecause::Moved });
                return false;
            }
        }
        self.place.pop();
        let name = done.name;
        if !done.kept.is_empty() {
            self.levels.last_mut().map(|level| level.kept.insert(name));
            return true;
        }
        if let Act::Look(_) = self.act {
            self.found(&name);
            return true;
        }
        match self.remove(&name) {
            Answer::Gone => {}
            Answer::NotEmpty if self.refills < MAX_REFILLS => {
                self.refills += 1;
                self.enter(&name);
            }
            Answer::NotEmpty => self.keep(&name, LeftBecause::Refused(Errno::NOTEMPTY)),
            Answer::Kept(why) => self.keep(&name, why),
        }
        true
    }

    /// Opens a name in the directory that is worked in, unless it is a link or on another mount (`XDEV`).
    fn open(&self, name: &OsStr, flags: OFlags) -> IoResult<OwnedFd> {
        open_in(&self.here, name, flags, self.resolution)
    }
}

/// Opens a name in an open directory.
fn open_in(here: &OwnedFd, name: &OsStr, flags: OFlags, resolution: Resolution) -> IoResult<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    if resolution == Resolution::Walk {
        // Opened so, nothing of a file system that hangs is touched.
        let object = openat(here, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let mount = |fd: &OwnedFd| mounts::mount_of(fd).map_err(|_| Errno::NOSYS);
        if mount(here)? != mount(&object)? {
            return Err(Errno::XDEV);
        }
        // What is read is a directory, and the one that was checked.
        return if flags.contains(OFlags::PATH) { Ok(object) } else { openat(&object, ".", flags, Mode::empty()) };
    }
    // A link that is opened by name only (`O_PATH`) is opened as such.
    let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    for _ in 0..RACES {
        match openat2(here, name, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            done => return done,
        }
    }
    Err(Errno::AGAIN)
}

/// Device and inode.
fn id_of(object: impl AsFd) -> IoResult<(u64, u64)> {
    let found = fstat(object)?;
    Ok((found.st_dev, found.st_ino))
}
