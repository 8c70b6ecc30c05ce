//! The one durable writer: runs the steps of a plan.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fsync, mkdirat, openat, renameat, statat, symlinkat, unlinkat};
use rustix::io::{Errno, Result as IoResult};

use super::error::{CommitError, Operation};
use super::file_kind::FileKind;
use super::file_set::FileSet;
use super::left::{Left, with_mounts};
use super::observe::{observe, temporary_in};
use super::path::TargetPath;
use super::plan::{InTheWay, Step, plan};
use super::prune::Act;
use super::read::Metadata;
use super::resolve::Root;
use super::unmount::unmount_below;

/// Proof that a whole `FileSet` is in the tree and will still be there after a power cut. Only [`Root::commit`] makes it.
#[derive(Debug)]
pub struct Committed {
    changed: Vec<TargetPath>,
    left: Vec<Left>,
}

impl Committed {
    /// What [`Kind::Gone`](super::Kind::Gone), [`Kind::Emptied`](super::Kind::Emptied) and
    /// [`Kind::Unmounted`](super::Kind::Unmounted) should have removed and could not.
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    /// What was not as it should be before, in the order of writing, directories above included; what was removed with all that
    /// was in it comes last.
    pub fn changed(&self) -> &[TargetPath] {
        &self.changed
    }
}

impl Root {
    /// Brings the tree into the state that `set` describes, and makes it durable.
    ///
    /// Everything is checked before anything is changed. A crash at any point leaves the first few entries done, the
    /// others as they were, and possibly one temporary; committing again ends in the same tree as if nothing had
    /// happened. What is right already is left alone, but synced.
    ///
    /// # Errors
    /// After an error no temporary is left, and what was committed before it stays. See [`CommitError`].
    pub fn commit(&self, set: &FileSet) -> Result<Committed, CommitError> {
        let seen = observe(self, set)?;
        let steps = plan(set, seen).map_err(|InTheWay { path, wanted, found }| CommitError::InTheWay {
            path: self.outside(&path),
            wanted,
            found,
        })?;
        let mut changed: Vec<TargetPath> = steps.iter().filter_map(Step::change).cloned().collect();
        let mut writer = Writer::new(self);
        match writer.run(steps) {
            Ok(()) => {
                changed.append(&mut writer.pruned);
                let left = if writer.left.is_empty() { Vec::new() } else { with_mounts(writer.left) };
                Ok(Committed { changed, left })
            }
            Err(error) => {
                writer.remove_temporary();
                Err(error)
            }
        }
    }
}

impl<'a> Step<'a> {
    /// The path whose object this step makes or removes for good.
    fn change(&self) -> Option<&TargetPath> {
        match self {
            Step::Rename { path } | Step::Unlink { path } | Step::ChmodDir { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// Runs steps, and remembers what they share: the open temporary and its directory.
pub(super) struct Writer<'r> {
    root: &'r Root,
    /// The directory last worked in.
    directory: Option<(TargetPath, OwnedFd)>,
    /// The temporary file or directory, open.
    temporary: Option<File>,
    /// Where a temporary exists.
    unfinished: Option<TargetPath>,
    /// What something was removed of, or unmounted below.
    pruned: Vec<TargetPath>,
    /// What should have been removed and is still there.
    left: Vec<Left>,
}

impl<'r> Writer<'r> {
    pub(super) fn new(root: &'r Root) -> Self {
        Writer { root, directory: None, temporary: None, unfinished: None, pruned: Vec::new(), left: Vec::new() }
    }

    /// Runs the steps up to the first that fails. An interrupted run is one that was given fewer steps.
    pub(super) fn run<'a>(&mut self, steps: impl IntoIterator<Item = Step<'a>>) -> Result<(), CommitError> {
        for step in steps {
            let (operation, path) = step.names();
            self.step(&step).map_err(|errno| CommitError::Step { operation, path: self.root.outside(path), errno })?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step<'_>) -> IoResult<()> {
        match step {
            Step::RemoveLeftover { path } => {
                let (directory, name) = self.holder(path)?;
                remove_temporary(directory, name)
            }
            Step::MakeDir { path } => {
                let temporary = self.begin(path);
                let (directory, name) = self.holder(&temporary)?;
                mkdirat(directory, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                self.temporary = Some(openat(directory, name, flags, Mode::empty())?.into());
                Ok(())
            }
            Step::CreateTemp { path } => {
                let temporary = self.begin(path);
                let (directory, name) = self.holder(&temporary)?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                self.temporary = Some(openat(directory, name, flags, Mode::RUSR | Mode::WUSR)?.into());
                Ok(())
            }
            Step::Write { content, .. } => {
                let written = self.opened()?.write_all(content.expose());
                written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
            }
            Step::Chmod { mode, .. } => fchmod(self.opened()?, Mode::from_raw_mode(*mode)),
            Step::ChmodDir { path, mode } => {
                let (directory, name) = self.holder(path)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                fchmod(openat(directory, name, flags, Mode::empty())?, Mode::from_raw_mode(*mode))
            }
            Step::SyncFile { .. } => fsync(self.opened()?),
            Step::Symlink { path, target } => {
                let temporary = self.begin(path);
                let (directory, name) = self.holder(&temporary)?;
                symlinkat(*target, directory, name)
            }
            Step::Rename { path } => {
                self.temporary = None;
                let temporary = self.unfinished.clone().ok_or(Errno::BADF)?;
                let old = temporary.file_name().ok_or(Errno::BADF)?.to_owned();
                let (directory, name) = self.holder(path)?;
                match renameat(directory, &old, directory, name) {
                    // Somebody else made the directory since we looked, and is using it: as good as ours.
                    Err(Errno::EXIST | Errno::NOTEMPTY) if is_directory(directory, name) => {
                        remove_temporary(directory, &old)?;
                    }
                    done => done?,
                }
                self.unfinished = None;
                Ok(())
            }
            Step::Unlink { path } => {
                let (directory, name) = self.holder(path)?;
                match unlinkat(directory, name, AtFlags::empty()) {
                    Err(Errno::NOENT) => Ok(()),
                    done => done,
                }
            }
            Step::SyncExisting { path } => {
                let (directory, name) = self.holder(path)?;
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                unless_unsyncable(fsync(openat(directory, name, flags, Mode::empty())?))
            }
            Step::SyncDir { path } => unless_unsyncable(fsync(self.enter(path)?)),
            Step::Prune { path, stays } => {
                // Whatever goes wrong is something that is left.
                match self.root.prune(path, *stays, Act::Remove, &mut self.left) {
                    Ok(true) => self.pruned.push(path.clone()),
                    Ok(false) | Err(Errno::NOENT) => {}
                    Err(errno) => self.left.push(Left::refused(&self.root.outside(path), errno)),
                }
                Ok(())
            }
            Step::UnmountBelow { path, flags } => {
                match unmount_below(self.root, path, *flags, &mut self.left) {
                    Ok(0) => {}
                    Ok(_) => self.pruned.push(path.clone()),
                    Err(errno) => self.left.push(Left::refused(&self.root.outside(path), errno)),
                }
                Ok(())
            }
        }
    }

    /// Notes that a temporary for `path` comes into being, and returns its path.
    fn begin(&mut self, path: &TargetPath) -> TargetPath {
        let temporary = temporary_in(&path.parent().unwrap_or_else(TargetPath::root));
        self.temporary = None;
        self.unfinished = Some(temporary.clone());
        temporary
    }

    /// The open temporary. A plan opens one before each step that works on it.
    fn opened(&mut self) -> IoResult<&mut File> {
        self.temporary.as_mut().ok_or(Errno::BADF)
    }

    /// The open directory that holds `path`, and the name in it.
    fn holder<'s, 'p>(&'s mut self, path: &'p TargetPath) -> IoResult<(&'s OwnedFd, &'p str)> {
        let name = path.file_name().ok_or(Errno::ISDIR)?;
        let directory = self.enter(&path.parent().unwrap_or_else(TargetPath::root))?;
        Ok((directory, name))
    }

    /// Opens a directory, or takes the one that is open.
    fn enter(&mut self, path: &TargetPath) -> IoResult<&OwnedFd> {
        let open = match self.directory.take() {
            Some(open) if open.0 == *path => open,
            _ => (path.clone(), self.root.open_directory(path)?),
        };
        Ok(&self.directory.insert(open).1)
    }

    /// After an error: leaves no temporary behind, as far as the file system still lets us.
    fn remove_temporary(&mut self) {
        self.temporary = None;
        let Some(temporary) = self.unfinished.take() else { return };
        if let Ok((directory, name)) = self.holder(&temporary) {
            let _ = remove_temporary(directory, name);
        }
    }
}

impl<'a> Step<'a> {
    /// The verb and the object of an error message.
    fn names(&self) -> (Operation, &TargetPath) {
        match self {
            Step::RemoveLeftover { path } | Step::Unlink { path } => (Operation::Remove, path),
            Step::MakeDir { path } => (Operation::CreateDirectory, path),
            Step::CreateTemp { path } => (Operation::CreateFile, path),
            Step::Write { path, .. } => (Operation::Write, path),
            Step::Chmod { path, .. } | Step::ChmodDir { path, .. } => (Operation::SetMode, path),
            Step::Symlink { path, .. } => (Operation::CreateSymlink, path),
            Step::Rename { path } => (Operation::Rename, path),
            Step::SyncFile { path } | Step::SyncExisting { path } | Step::SyncDir { path } => (Operation::Sync, path),
            Step::Prune { path, .. } | Step::UnmountBelow { path, .. } => (Operation::Remove, path),
        }
    }
}

/// Removes a temporary, whatever it would have become.
fn remove_temporary(directory: &OwnedFd, name: &str) -> IoResult<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        // Linux says ISDIR, POSIX says PERM.
        Err(Errno::ISDIR | Errno::PERM) => unlinkat(directory, name, AtFlags::REMOVEDIR),
        done => done,
    }
}

fn is_directory(directory: impl AsFd, name: &str) -> bool {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| Metadata::from(stat).kind == FileKind::Directory)
}

/// Forgives a file system that has nothing to sync: read-only images (squashfs, erofs) and some virtual ones answer
/// EINVAL. Only for what exists already and for directories; a file of ours whose content cannot be synced is an error.
fn unless_unsyncable(result: IoResult<()>) -> IoResult<()> {
    match result {
        Err(Errno::INVAL | Errno::ROFS | Errno::OPNOTSUPP) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::Resolution;
    use super::*;
    use crate::error::Explain;
    use crate::error::codes;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;
    use zeroize::Zeroizing;

    fn set() -> FileSet {
        let mut set = FileSet::new();
        set.file(TargetPath::fixed("/etc/kubernetes/pki/ca.crt"), 0o666, "ca\n")
            .directory(TargetPath::fixed("/var/lib/kubelet/pki"), 0o700)
            .secret_file(TargetPath::fixed("/var/lib/kubelet/pki/key.pem"), 0o600, Zeroizing::new(b"key".to_vec()))
            .symlink(TargetPath::fixed("/var/lib/kubelet/pki/current.pem"), "/var/lib/kubelet/pki/key.pem")
            .directory(TargetPath::fixed("/var/lib/kubelet"), 0o777)
            .absent(TargetPath::fixed("/etc/kubernetes/bootstrap-kubelet.conf"))
            .absent(TargetPath::fixed("/nowhere/at/all"))
            .file(TargetPath::fixed("/etc/kubernetes/kubelet.conf"), 0o600, "conf\n");
        set
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_set_becomes_the_tree_with_exact_modes_and_a_second_time_nothing_changes() {
        for open in [Root::open, |path: &Path| Root::open_with(path, Resolution::Walk)] {
            let temporary = tempfile::tempdir().unwrap();
            let at = |path: &str| temporary.path().join(path);
            fs::create_dir_all(at("etc/kubernetes")).unwrap();
            fs::write(at("etc/kubernetes/bootstrap-kubelet.conf"), "token").unwrap();
            fs::write(at("etc/kubernetes/kubelet.conf"), "older and longer\n").unwrap();
            fs::write(at("etc/kubernetes/.kubejoin.tmp"), "half a ke").unwrap();

            let root = open(temporary.path()).unwrap();
            let changed = root.commit(&set()).unwrap().changed().len();
            // 2 parents, 3 directories, 3 files, 1 link, 1 removal; /etc/kubernetes was there.
            assert_eq!(changed, 10);
            assert_eq!(fs::read(at("etc/kubernetes/pki/ca.crt")).unwrap(), b"ca\n");
            assert_eq!(fs::read(at("etc/kubernetes/kubelet.conf")).unwrap(), b"conf\n");
            assert_eq!(fs::read(at("var/lib/kubelet/pki/key.pem")).unwrap(), b"key");
            assert_eq!(
                fs::read_link(at("var/lib/kubelet/pki/current.pem")).unwrap(),
                Path::new("/var/lib/kubelet/pki/key.pem")
            );
            assert!(!at("etc/kubernetes/bootstrap-kubelet.conf").exists());
            assert!(!at("etc/kubernetes/.kubejoin.tmp").exists());
            assert!(!at("nowhere").exists());
            for (path, wanted) in [
                ("etc/kubernetes/pki", 0o755),
                ("etc/kubernetes/pki/ca.crt", 0o666),
                ("var/lib/kubelet", 0o777),
                ("var/lib/kubelet/pki", 0o700),
                ("var/lib/kubelet/pki/key.pem", 0o600),
                ("etc/kubernetes/kubelet.conf", 0o600),
            ] {
                assert_eq!(mode(&at(path)), wanted, "{path}");
            }

            let inode = fs::metadata(at("etc/kubernetes/kubelet.conf")).unwrap().ino();
            assert!(root.commit(&set()).unwrap().changed().is_empty());
            assert_eq!(fs::metadata(at("etc/kubernetes/kubelet.conf")).unwrap().ino(), inode);
        }
    }

    #[test]
    fn content_mode_or_link_that_differ_are_replaced_and_an_existing_directory_is_not_touched() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::create_dir(at("d")).unwrap();
        fs::set_permissions(at("d"), fs::Permissions::from_mode(0o711)).unwrap();
        fs::write(at("same-size"), "aaa").unwrap();
        fs::write(at("mode"), "aaa").unwrap();
        fs::set_permissions(at("mode"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(at("behind"), "untouched").unwrap();
        symlink("behind", at("link-to-file")).unwrap();
        symlink("old", at("link")).unwrap();

        let mut set = FileSet::new();
        set.directory(TargetPath::fixed("/d"), 0o755)
            .file(TargetPath::fixed("/same-size"), 0o600, "bbb")
            .file(TargetPath::fixed("/mode"), 0o600, "aaa")
            .file(TargetPath::fixed("/link-to-file"), 0o600, "file")
            .symlink(TargetPath::fixed("/link"), "new");
        let root = Root::open(temporary.path()).unwrap();
        let committed = root.commit(&set).unwrap();
        let changed: Vec<_> = committed.changed().iter().map(TargetPath::as_str).collect();
        assert_eq!(changed, ["/same-size", "/mode", "/link-to-file", "/link"]);
        assert_eq!(mode(&at("d")), 0o711);
        assert_eq!(fs::read(at("same-size")).unwrap(), b"bbb");
        assert_eq!(mode(&at("mode")), 0o600);
        assert!(fs::symlink_metadata(at("link-to-file")).unwrap().is_file());
        assert_eq!(fs::read(at("behind")).unwrap(), b"untouched");
        assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("new"));
    }

    #[test]
    fn parents_that_are_symbolic_links_lead_to_where_they_say_inside_the_root() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::create_dir_all(at("persistent/kubernetes")).unwrap();
        fs::create_dir(at("etc")).unwrap();
        symlink("/persistent/kubernetes", at("etc/kubernetes")).unwrap();
        let root = Root::open(temporary.path()).unwrap();
        let path = TargetPath::fixed("/etc/kubernetes/pki/ca.crt");
        root.commit(FileSet::new().file(path, 0o644, "ca")).unwrap();
        assert_eq!(fs::read(at("persistent/kubernetes/pki/ca.crt")).unwrap(), b"ca");
        assert!(fs::symlink_metadata(at("etc/kubernetes")).unwrap().is_symlink());
    }

    #[test]
    fn what_is_of_another_kind_is_refused_before_anything_is_written() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("file"), "content").unwrap();
        symlink("/nowhere", at("dangling")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .unwrap();
        let root = Root::open(temporary.path()).unwrap();
        let first = || {
            let mut set = FileSet::new();
            set.file(TargetPath::fixed("/first"), 0o644, "first");
            set
        };
        let table: &[(FileSet, FileKind, FileKind)] = &[
            (first().file(TargetPath::fixed("/directory"), 0o644, "").clone(), FileKind::File, FileKind::Directory),
            (first().file(TargetPath::fixed("/pipe"), 0o644, "").clone(), FileKind::File, FileKind::Other),
            (first().file(TargetPath::root(), 0o644, "").clone(), FileKind::File, FileKind::Directory),
            (first().symlink(TargetPath::fixed("/directory"), "x").clone(), FileKind::Symlink, FileKind::Directory),
            (first().symlink(TargetPath::fixed("/file"), "x").clone(), FileKind::Symlink, FileKind::File),
            (first().absent(TargetPath::fixed("/directory")).clone(), FileKind::File, FileKind::Directory),
            (first().directory(TargetPath::fixed("/file"), 0o755).clone(), FileKind::Directory, FileKind::File),
            (first().file(TargetPath::fixed("/file/x"), 0o644, "").clone(), FileKind::Directory, FileKind::File),
            (first().file(TargetPath::fixed("/dangling/x"), 0o644, "").clone(), FileKind::Directory, FileKind::Symlink),
        ];
        for (set, wanted, found) in table {
            let error = root.commit(set).unwrap_err();
            assert!(
                matches!(&error, CommitError::InTheWay { wanted: w, found: f, .. } if w == wanted && f == found),
                "{set:?}: {error:?}"
            );
            assert_eq!(error.code(), &codes::ROOTFS_IN_THE_WAY);
            assert!(!at("first").exists(), "{set:?}");
        }
    }

    #[test]
    fn a_step_that_fails_leaves_no_temporary_and_keeps_what_was_there() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        fs::write(at("file"), "old").unwrap();
        let root = Root::open(temporary.path()).unwrap();
        let mut set = FileSet::new();
        set.file(TargetPath::fixed("/file"), 0o644, "new");
        let steps = plan(&set, observe(&root, &set).unwrap()).unwrap();
        let rename = steps.iter().position(|step| matches!(step, Step::Rename { .. })).unwrap();
        let mut writer = Writer::new(&root);
        writer.run(steps[..rename].iter().cloned()).unwrap();
        assert!(at(".kubejoin.tmp").exists());
        // Somebody puts a directory there in the meantime.
        fs::remove_file(at("file")).unwrap();
        fs::create_dir(at("file")).unwrap();
        let error = writer.run(steps[rename..].iter().cloned()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot rename to {}: {}", at("file").display(), Errno::ISDIR));
        writer.remove_temporary();
        assert!(!at(".kubejoin.tmp").exists());
        assert!(at("file").is_dir());
    }

    #[test]
    fn each_answer_of_the_kernel_has_its_own_code() {
        let table = [
            (Errno::NOSPC, &codes::MACHINE_NO_SPACE),
            (Errno::DQUOT, &codes::MACHINE_QUOTA),
            (Errno::ROFS, &codes::MACHINE_READ_ONLY),
            (Errno::ACCESS, &codes::MACHINE_PERMISSION),
            (Errno::PERM, &codes::MACHINE_PERMISSION),
            (Errno::IO, &codes::MACHINE_IO),
        ];
        for (errno, code) in table {
            let error = CommitError::Step { operation: Operation::Write, path: "/sysroot/etc/f".into(), errno };
            assert_eq!(error.code(), code);
            assert!(error.to_string().starts_with("cannot write /sysroot/etc/f: "), "{error}");
        }
    }
}
