//! From what shall be and what is to a list of steps, each about one system call. Pure.
//!
//! The list is what makes a commit survive a crash at any point, with any of the writes lost that were not synced:
//!
//! - An object gets its name by one rename, after its content and mode are synced: no name ever shows half a file.
//! - Its directory is synced before the next object is begun: objects appear in the order of the `FileSet`.
//! - The temporary has one name per directory, whatever it will become, so that a later run with other file names still
//!   finds and removes what an interrupted one left, which may be half a private key.
//! - An object that is right already is synced nevertheless, and so is every directory above, once: the run that made it
//!   may have been killed between rename and sync, or may not have been ours. Without this, a commit could report a
//!   tree that the next power cut takes back.

use std::collections::BTreeSet;

use rustix::mount::UnmountFlags;

use super::file_kind::FileKind;
use super::file_set::{Content, Entry, FileSet, Kind};
use super::observe::{Object, Seen, temporary_in};
use super::path::TargetPath;
use super::read::WRITABLE_BY_OTHERS;

/// The mode of a directory that is needed but that the `FileSet` does not mention.
const PARENT_MODE: u32 = 0o755;

/// One step of a commit. Except where said, `path` is the name the object will have in the end; until `Rename`, it is
/// the temporary in the same directory that is worked on.
#[derive(Debug, Clone)]
pub(super) enum Step<'a> {
    /// Removes the temporary `path` itself, file or empty directory.
    RemoveLeftover { path: TargetPath },
    /// Creates a temporary directory, for the owner only.
    MakeDir { path: TargetPath },
    /// Creates a temporary file, for the owner only. It must not exist.
    CreateTemp { path: TargetPath },
    /// Writes the content.
    Write { path: TargetPath, content: &'a Content },
    /// Sets the exact mode, whatever the umask.
    Chmod { path: TargetPath, mode: u32 },
    /// Sets the mode of the directory `path` itself, which is there already.
    ChmodDir { path: TargetPath, mode: u32 },
    /// Syncs content and mode.
    SyncFile { path: TargetPath },
    /// Creates a temporary symbolic link.
    Symlink { path: TargetPath, target: &'a str },
    /// Gives the temporary its name.
    Rename { path: TargetPath },
    /// Removes the file or link `path` itself.
    Unlink { path: TargetPath },
    /// Syncs the file or directory `path` itself, which is there already.
    SyncExisting { path: TargetPath },
    /// Syncs the names in the directory `path` itself.
    SyncDir { path: TargetPath },
    /// Removes the content of the directory `path`, and `path` itself unless it stays, as far as that goes: the one step that
    /// is many system calls, and that does not fail but reports what is left.
    Prune { path: TargetPath, stays: bool },
    /// Unmounts what is below the directory `path`, in the same way.
    UnmountBelow { path: TargetPath, flags: UnmountFlags },
}

/// Something of another kind is where an object shall be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InTheWay {
    pub(super) path: TargetPath,
    pub(super) wanted: FileKind,
    pub(super) found: FileKind,
}

/// The steps that make a tree that looks like `seen` into what `set` says, durably. All of `set` is checked before the
/// first step is given out.
pub(super) fn plan<'a>(set: &'a FileSet, seen: Seen) -> Result<Vec<Step<'a>>, InTheWay> {
    let mut plan = Plan { set, now: seen, synced: BTreeSet::new(), steps: Vec::new() };
    for entry in &set.entries {
        plan.entry(entry)?;
    }
    Ok(plan.steps)
}

struct Plan<'a> {
    set: &'a FileSet,
    /// The tree as it will be after the steps so far.
    now: Seen,
    /// Directories none of whose names can be lost any more.
    synced: BTreeSet<TargetPath>,
    steps: Vec<Step<'a>>,
}

impl<'a> Plan<'a> {
    fn entry(&mut self, entry: &'a Entry) -> Result<(), InTheWay> {
        let path = &entry.path;
        match &entry.kind {
            Kind::Directory { mode } => {
                self.parents(path)?;
                self.directory(path, *mode)?;
                self.tighten(path, *mode);
            }
            Kind::File { mode, content } => {
                self.parents(path)?;
                self.file(path, *mode, content)?;
            }
            Kind::Symlink { target } => {
                self.parents(path)?;
                self.symlink(path, target)?;
            }
            Kind::Absent => self.absent(path)?,
            Kind::Gone => self.gone(path),
            Kind::Emptied => self.emptied(path),
            Kind::Unmounted { flags } => {
                if self.now.at(path).is_directory() {
                    self.steps.push(Step::UnmountBelow { path: path.clone(), flags: *flags });
                }
            }
        }
        if let Some(parent) = path.parent()
            && self.now.at(&parent).is_directory()
        {
            self.sync(&parent);
        }
        Ok(())
    }

    /// Makes the directories above `path` exist, durably.
    fn parents(&mut self, path: &TargetPath) -> Result<(), InTheWay> {
        for directory in path.ancestors() {
            let named = self.set.entries.iter().find_map(|entry| match entry.kind {
                Kind::Directory { mode } if entry.path == directory => Some(mode),
                _ => None,
            });
            self.directory(&directory, named.unwrap_or(PARENT_MODE))?;
            if let Some(above) = directory.parent() {
                self.sync(&above);
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &TargetPath, mode: u32) -> Result<(), InTheWay> {
        self.remove_leftover(path);
        match self.now.at(path) {
            object if object.is_directory() => return Ok(()),
            Object::Missing => {}
            other => return in_the_way(path, FileKind::Directory, other),
        }
        self.steps.push(Step::MakeDir { path: path.clone() });
        self.steps.push(Step::Chmod { path: path.clone(), mode });
        self.steps.push(Step::SyncFile { path: path.clone() });
        self.rename(path, Object::Directory { mode, ours: true });
        // It is empty, and was synced as that.
        self.synced.insert(path.clone());
        Ok(())
    }

    /// Takes from a directory of ours the write bits for others that it should not have. Whatever they have put there is
    /// replaced by name, or was refused before.
    fn tighten(&mut self, path: &TargetPath, wanted: u32) {
        let Object::Directory { mode, ours: true } = *self.now.at(path) else { return };
        let excess = mode & WRITABLE_BY_OTHERS & !wanted;
        if excess == 0 {
            return;
        }
        let mode = mode & !excess;
        self.steps.push(Step::ChmodDir { path: path.clone(), mode });
        self.steps.push(Step::SyncExisting { path: path.clone() });
        self.now.put(path.clone(), Object::Directory { mode, ours: true });
    }

    fn file(&mut self, path: &TargetPath, mode: u32, content: &'a Content) -> Result<(), InTheWay> {
        let wanted = Object::File { mode, ours: true, digest: Some(content.digest()) };
        self.remove_leftover(path);
        match self.now.at(path) {
            object if *object == wanted => {
                self.steps.push(Step::SyncExisting { path: path.clone() });
                return Ok(());
            }
            Object::Missing | Object::File { .. } | Object::Symlink { .. } => {}
            other => return in_the_way(path, FileKind::File, other),
        }
        self.steps.push(Step::CreateTemp { path: path.clone() });
        self.steps.push(Step::Write { path: path.clone(), content });
        self.steps.push(Step::Chmod { path: path.clone(), mode });
        self.steps.push(Step::SyncFile { path: path.clone() });
        self.rename(path, wanted);
        Ok(())
    }

    fn symlink(&mut self, path: &TargetPath, target: &'a str) -> Result<(), InTheWay> {
        self.remove_leftover(path);
        match self.now.at(path) {
            Object::Symlink { target: found, .. } if found.as_os_str() == target => return Ok(()),
            Object::Missing | Object::Symlink { .. } => {}
            // A file has content that a link would lose.
            other => return in_the_way(path, FileKind::Symlink, other),
        }
        self.steps.push(Step::Symlink { path: path.clone(), target });
        // Nothing is planned below a link that this set makes: where it leads is not known before it is there.
        self.rename(path, Object::Symlink { target: target.into(), to_directory: false });
        Ok(())
    }

    fn absent(&mut self, path: &TargetPath) -> Result<(), InTheWay> {
        if !self.reaches(path) {
            return Ok(());
        }
        match self.now.at(path) {
            Object::Missing => return Ok(()),
            directory @ Object::Directory { .. } => return in_the_way(path, FileKind::File, directory),
            _ => {}
        }
        self.steps.push(Step::Unlink { path: path.clone() });
        self.changed(path, Object::Missing);
        Ok(())
    }

    fn gone(&mut self, path: &TargetPath) {
        if self.reaches(path) && *self.now.at(path) != Object::Missing {
            self.steps.push(Step::Prune { path: path.clone(), stays: false });
            self.now.remove_below(path);
            self.changed(path, Object::Missing);
        }
    }

    fn emptied(&mut self, path: &TargetPath) {
        if self.reaches(path) && self.now.at(path).is_directory() {
            self.steps.push(Step::Prune { path: path.clone(), stays: true });
            self.now.remove_below(path);
            self.synced.remove(path);
            self.sync(path);
        }
    }

    /// Whether the directories above a path that is to be removed are there: they need not be. Where they are, they are synced
    /// as for a file.
    fn reaches(&mut self, path: &TargetPath) -> bool {
        for directory in path.ancestors() {
            if !self.now.at(&directory).is_directory() {
                return false;
            }
            self.remove_leftover(&directory);
            if let Some(above) = directory.parent() {
                self.sync(&above);
            }
        }
        self.remove_leftover(path);
        true
    }

    fn remove_leftover(&mut self, path: &TargetPath) {
        let Some(parent) = path.parent() else { return };
        let leftover = temporary_in(&parent);
        if *self.now.at(&leftover) != Object::Missing {
            self.steps.push(Step::RemoveLeftover { path: leftover.clone() });
            self.changed(&leftover, Object::Missing);
        }
    }

    fn rename(&mut self, path: &TargetPath, object: Object) {
        self.steps.push(Step::Rename { path: path.clone() });
        self.changed(path, object);
    }

    /// Notes that the directory of `path` has names that may be lost.
    fn changed(&mut self, path: &TargetPath, object: Object) {
        self.now.put(path.clone(), object);
        if let Some(parent) = path.parent() {
            self.synced.remove(&parent);
        }
    }

    fn sync(&mut self, directory: &TargetPath) {
        if self.synced.insert(directory.clone()) {
            self.steps.push(Step::SyncDir { path: directory.clone() });
        }
    }
}

fn in_the_way(path: &TargetPath, wanted: FileKind, found: &Object) -> Result<(), InTheWay> {
    // Only objects that are there get here; a missing one has no kind.
    let found = found.kind().unwrap_or(FileKind::Other);
    Err(InTheWay { path: path.clone(), wanted, found })
}
