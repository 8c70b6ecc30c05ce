//! One unmount in a process of its own, which is not waited for for ever.
//!
//! A file system whose server is gone (NFS, FUSE) can hold whoever walks through it, or writes its last pages back, in the
//! kernel, where no signal reaches; a thread there would keep its whole process from ending. So this program runs itself
//! again, and leaves that process behind where it does not answer in time. That has no open file of ours, and no lock; only
//! what whoever has started us has left open.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, Result as IoResult};
use rustix::mount::{UnmountFlags, unmount};

/// What such a process is called; a name that nobody calls this program by.
const NAME: &str = "kubejoin-unmount";

/// Unmounts the topmost mount on `point`, which is an absolute path without symbolic links.
///
/// # Errors
/// The kernel's answer; `TIMEDOUT` where there is none within `patience`.
pub(super) fn unmount_within(point: &Path, flags: UnmountFlags, patience: Duration) -> IoResult<()> {
    // That no process can be made, which is a "would block" as well, says nothing about the mount.
    ask(point, flags, patience).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?
}

fn ask(point: &Path, flags: UnmountFlags, patience: Duration) -> std::io::Result<IoResult<()>> {
    let (mut answer, theirs) = UnixStream::pair()?;
    let mut process = Command::new("/proc/self/exe")
        .arg0(NAME)
        .arg(flags.bits().to_string())
        .arg(point)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(OwnedFd::from(theirs))
        .stderr(Stdio::piped())
        .spawn()?;
    answer.set_read_timeout(Some(patience))?;
    let mut errno = [0];
    match answer.read_exact(&mut errno) {
        Ok(()) => {
            process.wait()?;
            Ok(if errno[0] == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(errno[0].into())) })
        }
        Err(error) => {
            // It ends now or never.
            process.kill()?;
            process.try_wait()?;
            if error.kind() == std::io::ErrorKind::WouldBlock { Ok(Err(Errno::TIMEDOUT)) } else { Err(error) }
        }
    }
}

/// Whether this process is one of those; then it has done its work.
pub fn was_unmount_process(argv: &[OsString]) -> bool {
    let [name, flags, point] = argv else { return false };
    if name != OsStr::new(NAME) {
        return false;
    }
    let flags = flags.to_str().and_then(|flags| flags.parse().ok()).map(UnmountFlags::from_bits_retain);
    let done = flags.ok_or(Errno::INVAL).and_then(|flags| unmount_one(Path::new(point), flags));
    // The kernel's numbers that can come of this are less than 134.
    let errno = done.map_or_else(|errno| u8::try_from(errno.raw_os_error()).unwrap_or(u8::MAX), |()| 0);
    let _ = std::io::stdout().write_all(&[errno]).and_then(|()| std::io::stdout().flush());
    true
}

/// What is above the mount is opened without following a link: whoever can replace a directory on the way by a link cannot
/// choose what is unmounted. The mount itself is not looked at.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_name_and_its_two_arguments_make_an_unmount_process() {
        let table: [&[&str]; 4] =
            [&[], &["kubejoin", "0", "/nowhere"], &["kubejoin-unmount"], &["kubejoin-unmount", "0", "/nowhere", "x"]];
        for argv in table {
            let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
            assert!(!was_unmount_process(&argv), "{argv:?}");
        }
    }

    #[test]
    fn what_is_not_mounted_is_refused_by_the_kernel() {
        let directory = tempfile::tempdir().unwrap();
        let flags = UnmountFlags::empty();
        let table = [
            (directory.path().join("nowhere"), [Errno::NOENT, Errno::PERM]),
            (directory.path().join("no/way"), [Errno::NOENT, Errno::NOENT]),
            (directory.path().to_owned(), [Errno::INVAL, Errno::PERM]),
            ("/".into(), [Errno::BUSY, Errno::BUSY]),
        ];
        for (point, expected) in table {
            let errno = unmount_one(&point, flags).unwrap_err();
            assert!(expected.contains(&errno), "{}: {errno}", point.display());
        }
    }
}
