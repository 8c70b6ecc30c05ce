//! Opening what a path means inside the root, whatever symbolic links are on the way.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat};
use rustix::io::{Errno, Result as IoResult};

use super::error::RootError;
use super::path::TargetPath;

/// Symbolic links followed in one path before it is called a loop; Linux' own limit (`MAXSYMLINKS`, path_resolution(7)).
const LINK_BUDGET: usize = 40;

/// How often a path is tried again that changed while the kernel resolved it (`EAGAIN`, openat2(2)).
const RACES: usize = 8;

/// An open target root. Paths are resolved inside it, absolute symbolic links and `..` included, also when it is `/`.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
    resolution: Resolution,
}

/// Who resolves paths inside the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The kernel, by openat2(2) with `RESOLVE_IN_ROOT`: Linux 5.6.
    Kernel,
    /// We, component by component: older kernels, seccomp filters and emulators that do not know openat2.
    Walk,
}

impl Root {
    /// Opens the directory `path` as a root; the kernel resolves paths in it where it can.
    pub fn open(path: &Path) -> Result<Root, RootError> {
        let root = Root::open_with(path, Resolution::Kernel)?;
        match root.resolve("/", OFlags::PATH | OFlags::DIRECTORY) {
            Ok(_) => Ok(root),
            // No such call; a seccomp filter of before 2020, or one that says no to what it does not know.
            Err(Errno::NOSYS | Errno::PERM) => Ok(Root { resolution: Resolution::Walk, ..root }),
            Err(errno) => Err(RootError::Open { path: path.to_owned(), errno }),
        }
    }

    /// Opens the directory `path` as a root in which paths are resolved in just this way.
    pub fn open_with(path: &Path, resolution: Resolution) -> Result<Root, RootError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Root { fd, path: path.to_owned(), resolution }),
            Err(errno) => Err(RootError::Open { path: path.to_owned(), errno }),
        }
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How paths are resolved in it.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Where `path` is from outside, for messages: symbolic links are not resolved.
    pub fn outside(&self, path: &TargetPath) -> PathBuf {
        match path.file_name() {
            Some(_) => self.path.join(path.as_str().trim_start_matches('/')),
            None => self.path.clone(),
        }
    }

    /// The directory itself.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Opens a directory for use with the `*at` calls and for fsync, which refuses `O_PATH`.
    pub(super) fn open_directory(&self, path: &TargetPath) -> IoResult<OwnedFd> {
        self.resolve(path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Opens what `path` means, symbolic links followed. `flags` are without `O_CREAT`.
    pub(super) fn resolve(&self, path: &str, flags: OFlags) -> IoResult<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        if self.resolution == Resolution::Walk {
            return walk(self.fd.as_fd(), path, flags);
        }
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..RACES {
            match openat2(&self.fd, path, flags, Mode::empty(), inside) {
                Err(Errno::AGAIN) => {}
                done => return done,
            }
        }
        walk(self.fd.as_fd(), path, flags)
    }
}

/// What openat2 with `RESOLVE_IN_ROOT` does, in single steps of which none follows a link: a swap of a directory for a
/// link while we walk makes a step fail, never leave the root.
fn walk(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> IoResult<OwnedFd> {
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut todo: VecDeque<OsString> = components(path.as_ref());
    // The directories entered so far, below the root; `..` leaves the last of them.
    let mut entered: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        let here = entered.last().map_or(root, |fd| fd.as_fd());
        if name == ".." {
            entered.pop();
            continue;
        }
        let object = openat(here, name.as_os_str(), look, Mode::empty())?;
        match FileType::from_raw_mode(fstat(&object)?.st_mode) {
            FileType::Directory => entered.push(object),
            FileType::Symlink => {
                links += 1;
                if links > LINK_BUDGET {
                    return Err(Errno::LOOP);
                }
                let target = OsString::from_vec(readlinkat(here, name.as_os_str(), Vec::new())?.into_bytes());
                if target.as_bytes().starts_with(b"/") {
                    entered.clear();
                }
                let mut whole = components(&target);
                whole.append(&mut todo);
                todo = whole;
            }
            _ if !todo.is_empty() => return Err(Errno::NOTDIR),
            // Opened anew, because an O_PATH descriptor cannot be read from.
            _ => return openat(here, name.as_os_str(), flags | OFlags::NOFOLLOW, Mode::empty()),
        }
    }
    // It is a directory, and the one that was checked.
    openat(entered.last().map_or(root, |fd| fd.as_fd()), ".", flags, Mode::empty())
}

fn components(path: &OsStr) -> VecDeque<OsString> {
    path.as_bytes()
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
        .map(|name| OsString::from_vec(name.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    /// A root beside a file that must never be reached from inside.
    fn tree() -> tempfile::TempDir {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("root");
        fs::write(outside.path().join("secret"), "outside").unwrap();
        fs::create_dir_all(root.join("etc/kubernetes")).unwrap();
        fs::create_dir_all(root.join("var/lib/data")).unwrap();
        fs::write(root.join("etc/kubernetes/f"), "inside").unwrap();
        fs::write(root.join("var/lib/data/g"), "data").unwrap();
        fs::write(root.join("secret"), "root's").unwrap();
        let link = |name: &str, target: &str| symlink(target, root.join(name)).unwrap();
        link("absolute", "/etc/kubernetes/f");
        link("relative", "etc/./kubernetes//f");
        link("etc/up", "../../../../secret");
        link("escape", "../secret");
        link("host", outside.path().join("secret").to_str().unwrap());
        link("to-directory", "/etc/kubernetes");
        link("to-root", "/");
        link("etc/to-parent", "..");
        link("chain", "chain2");
        link("chain2", "to-directory/../../var/lib/data/g");
        link("dangling", "/nowhere");
        link("loop", "loop");
        link("hop0", "/secret");
        for hop in 1..=41 {
            link(&format!("hop{hop}"), &format!("hop{}", hop - 1));
        }
        outside
    }

    #[test]
    fn kernel_and_walk_resolve_every_path_alike_and_inside_the_root() {
        let outside = tree();
        let root = outside.path().join("root");
        let table: &[(&str, Result<&str, Errno>)] = &[
            ("/etc/kubernetes/f", Ok("inside")),
            ("/absolute", Ok("inside")),
            ("/relative", Ok("inside")),
            ("/etc/up", Ok("root's")),
            ("/escape", Ok("root's")),
            ("/host", Err(Errno::NOENT)),
            ("/to-directory/f", Ok("inside")),
            ("/to-directory/up", Err(Errno::NOENT)),
            ("/to-root/secret", Ok("root's")),
            ("/etc/to-parent/secret", Ok("root's")),
            ("/etc/to-parent/etc/to-parent/etc/kubernetes/f", Ok("inside")),
            ("/to-root/to-root/../../secret", Ok("root's")),
            ("/../../secret", Ok("root's")),
            ("/chain", Ok("data")),
            ("/dangling", Err(Errno::NOENT)),
            ("/missing", Err(Errno::NOENT)),
            ("/missing/f", Err(Errno::NOENT)),
            ("/secret/f", Err(Errno::NOTDIR)),
            ("/secret/..", Err(Errno::NOTDIR)),
            ("/loop", Err(Errno::LOOP)),
            // hop39 is 40 links from the file: Linux follows 40 and no more.
            ("/hop39", Ok("root's")),
            ("/hop40", Err(Errno::LOOP)),
        ];
        for resolution in [Resolution::Kernel, Resolution::Walk] {
            let root = Root::open_with(&root, resolution).unwrap();
            if let Err(Errno::NOSYS | Errno::PERM) = root.resolve("/", OFlags::PATH) {
                eprintln!("SKIPPED for {resolution:?}: this test needs openat2 (Linux 5.6, no seccomp filter)");
                continue;
            }
            for (path, wanted) in table {
                let found = root.resolve(path, OFlags::RDONLY).map(|fd| {
                    let mut text = String::new();
                    fs::File::from(fd).read_to_string(&mut text).unwrap();
                    text
                });
                assert_eq!(found.as_deref().map_err(|e| *e), *wanted, "{resolution:?} {path}");
            }
            for directory in ["/", "/etc", "/to-directory", "/to-root", "/etc/to-parent/..", "/.."] {
                let fd = root.resolve(directory, OFlags::RDONLY | OFlags::DIRECTORY);
                assert!(fd.is_ok(), "{resolution:?} {directory}: {fd:?}");
            }
            let fd = root.resolve("/secret", OFlags::RDONLY | OFlags::DIRECTORY);
            assert_eq!(fd.unwrap_err(), Errno::NOTDIR, "{resolution:?}");
            for upwards in ["/..", "/to-root", "/etc/to-parent", "/etc/to-parent/../.."] {
                let found = fstat(root.resolve(upwards, OFlags::PATH).unwrap()).unwrap();
                assert_eq!(found.st_ino, fstat(root.fd()).unwrap().st_ino, "{resolution:?} {upwards}");
            }
        }
    }

    #[test]
    fn the_machine_s_own_root_is_opened_like_any_other() {
        let root = Root::open(Path::new("/")).unwrap();
        assert!(root.resolve("/proc/self/stat", OFlags::RDONLY).is_ok());
        assert_eq!(root.outside(&TargetPath::fixed("/etc/hosts")), Path::new("/etc/hosts"));
    }

    #[test]
    fn a_root_that_is_no_directory_is_refused_by_name() {
        let outside = tree();
        let error = Root::open(&outside.path().join("secret")).unwrap_err();
        assert!(matches!(error, RootError::Open { errno: Errno::NOTDIR, .. }), "{error}");
        assert!(error.to_string().contains("secret"), "{error}");
        let error = Root::open(&outside.path().join("nothing")).unwrap_err();
        assert!(matches!(error, RootError::Open { errno: Errno::NOENT, .. }), "{error}");
    }
}
