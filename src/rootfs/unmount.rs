//! Unmounting what is below a directory, and nothing else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, Result as IoResult};
use rustix::mount::{UnmountFlags, unmount};

use super::left::{Left, LeftBecause};
use super::mounts::{self, Mount, is_below};
use super::path::TargetPath;
use super::resolve::Root;

impl Root {
    /// The mounts below the directory `path`, each before the one that it is mounted on; that on the directory itself is none
    /// of them. Nothing where there is no such directory.
    ///
    /// # Errors
    /// The directory or `/proc` cannot be read.
    pub fn mounts_below(&self, path: &TargetPath) -> IoResult<Vec<Mount>> {
        let mut left = match self.open_directory(path) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
            directory => below(&place(directory?)?)?,
        };
        let mut ordered = Vec::with_capacity(left.len());
        while let Some(at) = left.iter().rposition(|mount| !left.iter().any(|other| other.parent == mount.id)) {
            ordered.push(left.remove(at));
        }
        Ok(ordered)
    }
}

/// Unmounts what is mounted below the directory `path`, each before the one that it is mounted on. Adds what cannot be
/// unmounted to `left`, and returns how many went.
pub(super) fn unmount_below(
    root: &Root,
    path: &TargetPath,
    flags: UnmountFlags,
    left: &mut Vec<Left>,
) -> IoResult<usize> {
    let directory = match root.open_directory(path) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(0),
        directory => place(directory?)?,
    };
    let mut gone = 0;
    // A mount that is hidden by another one can be reached once that is gone: as long as something goes, all are tried again.
    loop {
        let mut tried: BTreeMap<u64, Errno> = BTreeMap::new();
        let before = gone;
        loop {
            let mounts = below(&directory)?;
            let is_free =
                |mount: &&Mount| !tried.contains_key(&mount.id) && !mounts.iter().any(|other| other.parent == mount.id);
            let Some(next) = mounts.iter().rev().find(is_free) else { break };
            match unmount_one(&next.point, flags) {
                Ok(()) => gone += 1,
                Err(errno) => drop(tried.insert(next.id, errno)),
            }
        }
        if gone == before {
            left.extend(below(&directory)?.into_iter().map(|mount| {
                let errno = tried.get(&mount.id).copied();
                Left { path: mount.point.clone(), why: LeftBecause::Mounted { mount: Some(mount), errno } }
            }));
            return Ok(gone);
        }
    }
}

/// Unmounts the topmost mount on `point`. What is above it is opened without following a link: whoever can replace a
/// directory on the way by a link cannot choose what is unmounted. The mount itself is not looked at, which could hang.
fn unmount_one(point: &Path, flags: UnmountFlags) -> IoResult<()> {
    let flags = flags | UnmountFlags::NOFOLLOW;
    let (Some(parent), Some(name)) = (point.parent(), point.file_name()) else { return Err(Errno::BUSY) };
    let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let at = match openat2(CWD, parent, open, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(parent) => {
            let mut at = OsString::from(format!("/proc/self/fd/{}/", parent.as_raw_fd()));
            at.push(name);
            return call(at.as_ref(), flags);
        }
        Err(Errno::NOSYS | Errno::PERM) => point,
        Err(errno) => return Err(errno),
    };
    call(at, flags)
}

fn call(at: &Path, flags: UnmountFlags) -> IoResult<()> {
    match unmount(at, flags) {
        // MNT_EXPIRE marks a mount that is not used, and unmounts it the second time (umount2(2)).
        Err(Errno::AGAIN) if flags.contains(UnmountFlags::EXPIRE) => unmount(at, flags),
        done => done,
    }
}

/// Where an open directory is. What is below the root itself is the whole system.
fn place(directory: impl std::os::fd::AsFd) -> IoResult<std::path::PathBuf> {
    let place = mounts::path_of(directory).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if place == Path::new("/") { Err(Errno::BUSY) } else { Ok(place) }
}

fn below(directory: &Path) -> IoResult<Vec<Mount>> {
    let mounts = mounts::read().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(mounts.into_iter().filter(|mount| is_below(&mount.point, directory)).collect())
}
