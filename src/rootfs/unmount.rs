//! Unmounting what is below a directory, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rustix::io::{Errno, Result as IoResult};
use rustix::mount::UnmountFlags;

use super::left::{Left, LeftBecause};
use super::mounts::{self, Mount, is_below};
use super::path::TargetPath;
use super::resolve::Root;
use super::unmount_process::unmount_within;

/// How long an unmount may take: what has been written is written back. Once one has taken longer, its server is taken for
/// lost, and those that may be of the same server get less.
const PATIENCE: Duration = Duration::from_secs(20);
const PATIENCE_AFTER_A_LOST_ONE: Duration = Duration::from_secs(2);

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
    let mut lost: BTreeMap<u64, Errno> = BTreeMap::new();
    // A mount that is hidden by another one can be reached once that is gone: as long as something goes, all are tried again.
    loop {
        let mut tried = lost.clone();
        let before = gone;
        loop {
            let mounts = below(&directory)?;
            let is_free =
                |mount: &&Mount| !tried.contains_key(&mount.id) && !mounts.iter().any(|other| other.parent == mount.id);
            let Some(next) = mounts.iter().rev().find(is_free) else { break };
            let patience = if lost.is_empty() { PATIENCE } else { PATIENCE_AFTER_A_LOST_ONE };
            match unmount_within(&next.point, flags, patience) {
                Ok(()) => gone += 1,
                // Nobody sees it any more; it is only that the kernel has not done with it.
                Err(Errno::TIMEDOUT) if !below(&directory)?.contains(next) => gone += 1,
                Err(errno) => {
                    if errno == Errno::TIMEDOUT {
                        lost.insert(next.id, errno);
                    }
                    tried.insert(next.id, errno);
                }
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

/// Where an open directory is. What is below the root itself is the whole system.
fn place(directory: impl std::os::fd::AsFd) -> IoResult<std::path::PathBuf> {
    let place = mounts::path_of(directory).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if place == Path::new("/") { Err(Errno::BUSY) } else { Ok(place) }
}

fn below(directory: &Path) -> IoResult<Vec<Mount>> {
    let mounts = mounts::read().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(mounts.into_iter().filter(|mount| is_below(&mount.point, directory)).collect())
}
