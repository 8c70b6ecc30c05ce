//! What a removal would find, and where it begins: by an open directory of the root, which is not the root itself nor anything
//! above what was named.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{OFlags, fstat};
use rustix::io::{Errno, Result as IoResult};

use super::file_set::{FileSet, Kind};
use super::left::{Left, LeftBecause, with_mounts};
use super::mounts::{self, Mount};
use super::path::TargetPath;
use super::prune::{Act, Of, prune};
use super::resolve::Root;

/// What the removals of a [`FileSet`] would do.
#[derive(Debug, Default)]
pub struct Survey {
    /// Every object that would go, from outside of the root, what is in a directory before the directory.
    pub goes: Vec<PathBuf>,
    /// What would be unmounted.
    pub mounts: Vec<Mount>,
    /// What would stay.
    pub left: Vec<Left>,
}

impl Root {
    /// Looks at what [`Kind::Absent`], [`Kind::Gone`], [`Kind::Emptied`] and [`Kind::Unmounted`] entries would remove, and
    /// changes nothing. A mount that would be unmounted counts as one that goes.
    pub fn survey(&self, set: &FileSet) -> Survey {
        let mut survey = Survey::default();
        for entry in &set.entries {
            let path = &entry.path;
            let looked = match entry.kind {
                Kind::Absent | Kind::Gone => self.prune(path, false, Act::Look(&mut survey.goes), &mut survey.left),
                Kind::Emptied => self.prune(path, true, Act::Look(&mut survey.goes), &mut survey.left),
                Kind::Unmounted { .. } => self.mounts_below(path).map(|mut found| {
                    survey.mounts.append(&mut found);
                    true
                }),
                Kind::Directory { .. } | Kind::File { .. } | Kind::Symlink { .. } => Ok(false),
            };
            match looked {
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => survey.left.push(Left::refused(&self.outside(path), errno)),
            }
        }
        survey.left.retain(|left| {
            let is_mount = matches!(left.why, LeftBecause::Mounted { .. });
            !(is_mount && survey.mounts.iter().any(|mount| mount.point == left.path))
        });
        survey.left = with_mounts(survey.left);
        survey
    }

    /// Removes, or looks at, the content of the directory `path`, or `path` with it; returns whether there was any.
    ///
    /// # Errors
    /// `NOENT` where nothing is there; `BUSY` where `path` leads to the root or to something that it is below of: an accident, a
    /// link to `/`, must not become the removal of everything.
    pub(super) fn prune(&self, path: &TargetPath, stays: bool, act: Act<'_>, left: &mut Vec<Left>) -> IoResult<bool> {
        let (directory, of) = match (stays, path.file_name(), path.parent()) {
            (true, Some(_), _) => (self.open_directory(path)?, Of::Content),
            (false, Some(name), Some(parent)) => (self.open_directory(&parent)?, Of::Name(name)),
            _ => return Err(Errno::BUSY),
        };
        if stays && self.is_above(&directory, path)? {
            return Err(Errno::BUSY);
        }
        let outside = match &of {
            Of::Content => self.outside(path),
            Of::Name(_) => self.outside(&path.parent().unwrap_or_else(TargetPath::root)),
        };
        let place = mounts::path_of(&directory).unwrap_or(outside);
        prune(directory, place, of, self.resolution(), act, left)
    }

    /// Whether an open directory is the root, or one of those on the way to `path`.
    fn is_above(&self, directory: &OwnedFd, path: &TargetPath) -> IoResult<bool> {
        let found = fstat(directory)?;
        for above in path.ancestors() {
            let above = fstat(self.resolve(above.as_str(), OFlags::PATH)?)?;
            if (above.st_dev, above.st_ino) == (found.st_dev, found.st_ino) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::Resolution;
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    const KUBELET: TargetPath = TargetPath::fixed("/var/lib/kubelet");

    fn emptied() -> FileSet {
        let mut set = FileSet::new();
        set.emptied(KUBELET);
        set
    }

    /// A root whose kubelet directory is full of traps, beside data that nothing may touch.
    fn traps() -> tempfile::TempDir {
        let outside = tempfile::tempdir().unwrap();
        let at = |path: &str| outside.path().join(path);
        fs::create_dir_all(at("data/deep")).unwrap();
        fs::write(at("data/deep/file"), "data").unwrap();
        fs::create_dir_all(at("root/data")).unwrap();
        fs::write(at("root/data/file"), "data").unwrap();
        let kubelet = at("root/var/lib/kubelet");
        fs::create_dir_all(kubelet.join("pods/1/volumes")).unwrap();
        fs::write(at("root/var/lib/other"), "data").unwrap();
        symlink(at("data"), kubelet.join("absolute")).unwrap();
        symlink("../../../../data", kubelet.join("pods/up")).unwrap();
        symlink("..", kubelet.join("pods/1/parent")).unwrap();
        symlink("loop", kubelet.join("loop")).unwrap();
        fs::hard_link(at("data/deep/file"), kubelet.join("pods/1/hard")).unwrap();
        for name in [&b"a b"[..], b"line\nfeed", b"back\\slash\\040", b"\xff\xfe", b"-rf", b"*", b".kubejoin.tmp"] {
            let name = std::ffi::OsStr::from_bytes(name);
            fs::create_dir(kubelet.join("pods").join(name)).unwrap();
            fs::write(kubelet.join("pods").join(name).join(name), "x").unwrap();
        }
        rustix::fs::mknodat(
            rustix::fs::CWD,
            kubelet.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        std::os::unix::net::UnixListener::bind(kubelet.join("socket")).unwrap();
        // More than one batch.
        fs::create_dir(kubelet.join("many")).unwrap();
        for number in 0..2500 {
            fs::write(kubelet.join(format!("many/{number}")), "").unwrap();
        }
        fs::create_dir(kubelet.join("closed")).unwrap();
        fs::write(kubelet.join("closed/file"), "").unwrap();
        if rustix::process::geteuid().is_root() {
            fs::set_permissions(kubelet.join("closed"), fs::Permissions::from_mode(0o0)).unwrap();
        }
        outside
    }

    fn assert_untouched(outside: &Path) {
        for file in ["data/deep/file", "root/data/file", "root/var/lib/other"] {
            assert_eq!(fs::read(outside.join(file)).unwrap(), b"data", "{file}");
        }
    }

    #[test]
    fn a_directory_is_emptied_whatever_is_in_it_and_no_link_is_followed() {
        for resolution in [Resolution::Kernel, Resolution::Walk] {
            let outside = traps();
            let root = Root::open_with(&outside.path().join("root"), resolution).unwrap();
            let survey = root.survey(&emptied());
            assert_eq!(survey.left, []);
            assert!(survey.goes.len() > 2520, "{}", survey.goes.len());
            let before = survey.goes.len();
            assert_eq!(root.survey(&emptied()).goes.len(), before, "a look changes something");
            let committed = root.commit(&emptied()).unwrap();
            assert_eq!(committed.left(), []);
            assert_eq!(committed.changed(), [KUBELET]);
            let kubelet = outside.path().join("root/var/lib/kubelet");
            assert_eq!(fs::read_dir(&kubelet).unwrap().count(), 0);
            assert_untouched(outside.path());
            assert_eq!(root.commit(&emptied()).unwrap().changed(), []);
        }
    }

    #[test]
    fn a_tree_deeper_than_a_process_has_descriptors_is_removed() {
        let outside = tempfile::tempdir().unwrap();
        let root = Root::open(outside.path()).unwrap();
        fs::create_dir_all(outside.path().join("var/lib/kubelet")).unwrap();
        let mut here = fs::File::open(outside.path().join("var/lib/kubelet")).unwrap();
        for _ in 0..5000 {
            let mode = rustix::fs::Mode::RWXU;
            rustix::fs::mkdirat(&here, "a directory with a long name, so that no path can name it", mode).unwrap();
            let next = "a directory with a long name, so that no path can name it";
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            here = rustix::fs::openat(&here, next, flags, rustix::fs::Mode::empty()).unwrap().into();
        }
        let mut set = FileSet::new();
        set.gone(TargetPath::fixed("/var/lib/kubelet"));
        assert_eq!(root.survey(&set).goes.len(), 5001);
        assert_eq!(root.commit(&set).unwrap().left(), []);
        assert_eq!(root.list(&TargetPath::fixed("/var/lib")).unwrap().unwrap(), [""; 0]);
    }

    #[test]
    fn a_directory_that_leads_to_what_is_above_it_is_not_emptied() {
        for target in ["/", "..", "../..", "/var", "/link-to-root"] {
            let outside = tempfile::tempdir().unwrap();
            fs::create_dir_all(outside.path().join("var/lib")).unwrap();
            fs::write(outside.path().join("var/data"), "data").unwrap();
            symlink("/", outside.path().join("link-to-root")).unwrap();
            symlink(target, outside.path().join("var/lib/kubelet")).unwrap();
            let root = Root::open(outside.path()).unwrap();
            let committed = root.commit(&emptied()).unwrap();
            assert_eq!(committed.left().len(), 1, "{target}");
            assert_eq!(committed.left()[0].why, LeftBecause::Refused(Errno::BUSY), "{target}");
            assert_eq!(fs::read(outside.path().join("var/data")).unwrap(), b"data", "{target}");
        }
    }

    #[test]
    fn a_linked_directory_is_emptied_where_it_is_and_a_linked_name_goes_as_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let at = |path: &str| outside.path().join(path);
        fs::create_dir_all(at("var/lib")).unwrap();
        fs::create_dir_all(at("disk/kubelet/pods")).unwrap();
        symlink("/disk/kubelet", at("var/lib/kubelet")).unwrap();
        symlink("/disk", at("var/lib/etcd")).unwrap();
        let root = Root::open(outside.path()).unwrap();
        let mut set = emptied();
        set.gone(TargetPath::fixed("/var/lib/etcd")).gone(TargetPath::fixed("/nowhere/at/all"));
        let committed = root.commit(&set).unwrap();
        assert_eq!(committed.left(), []);
        assert!(at("disk/kubelet").is_dir() && !at("disk/kubelet/pods").exists());
        assert!(fs::symlink_metadata(at("var/lib/etcd")).is_err());
        assert!(fs::symlink_metadata(at("var/lib/kubelet")).unwrap().is_symlink());
    }
}
