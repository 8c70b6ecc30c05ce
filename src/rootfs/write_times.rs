//! How long the disk takes for a small write that has to last.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, fallocate, fdatasync, openat, unlinkat};
use rustix::io::{Errno, Result as IoResult};

use super::error::{CommitError, Operation};
use super::observe::temporary_in;
use super::path::TargetPath;
use super::resolve::Root;

/// Times of writes, each with the fdatasync(2) after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteTimes {
    /// Half of them took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

impl Root {
    /// Writes `count` pieces of `size` bytes one after the other to a file in `directory`, or in what would hold that once it
    /// is made, and takes the time of each. The file has no name, so nothing is left of it whatever happens; its space is
    /// reserved first, as what writes logs does.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn time_writes(&self, directory: &TargetPath, count: usize, size: usize) -> Result<WriteTimes, CommitError> {
        let mut place = directory.clone();
        let opened = loop {
            match (self.open_directory(&place), place.parent()) {
                (Err(Errno::NOENT), Some(parent)) => place = parent,
                (opened, _) => break opened,
            }
        };
        let path = temporary_in(&place);
        let name = path.file_name().unwrap_or_default();
        let times = opened.and_then(|directory| {
            // One that a killed run has left is nobody's.
            match unlinkat(&directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = File::from(openat(&directory, name, flags, Mode::RUSR | Mode::WUSR)?);
            unlinkat(&directory, name, AtFlags::empty())?;
            // Some file systems cannot; their writes then take the longer time that they have.
            let _ = fallocate(&file, FallocateFlags::empty(), 0, (count * size) as u64);
            times(file, count, size)
        });
        let mut times = times.map_err(|errno| CommitError::Step {
            operation: Operation::Write,
            path: self.outside(&path),
            errno,
        })?;
        times.sort_unstable();
        let at =
            |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or_default();
        Ok(WriteTimes { p50: at(50), p99: at(99) })
    }
}

fn times(mut file: File, count: usize, size: usize) -> IoResult<Vec<Duration>> {
    // No file system has less to do for these than for others.
    let piece: Vec<u8> = (0..size).map(|at| at as u8).collect();
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        file.write_all(&piece).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        fdatasync(&file)?;
        times.push(began.elapsed());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_timed_where_a_directory_would_be_and_nothing_is_left() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Root::open(temporary.path()).unwrap();
        std::fs::create_dir(temporary.path().join("var")).unwrap();
        // What a killed run has left.
        std::fs::write(temporary.path().join("var/.kubejoin.tmp"), "").unwrap();
        let times = root.time_writes(&TargetPath::fixed("/var/lib/etcd"), 20, 2300).unwrap();
        assert!(times.p50 > Duration::ZERO && times.p99 >= times.p50, "{times:?}");
        assert_eq!(root.list(&TargetPath::fixed("/var")).unwrap().unwrap(), [""; 0]);
        let one = root.time_writes(&TargetPath::fixed("/var"), 1, 1).unwrap();
        assert_eq!(one.p50, one.p99);
    }

    #[test]
    fn a_file_system_that_takes_no_writes_says_so() {
        let root = Root::open(std::path::Path::new("/proc")).unwrap();
        let error = root.time_writes(&TargetPath::fixed("/sys/kernel"), 1, 1).unwrap_err();
        assert!(matches!(error, CommitError::Step { operation: Operation::Write, .. }), "{error}");
    }
}
