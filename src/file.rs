//! Files that the user named, and files of this machine: one way to read them, bounded, and never a pipe without a writer.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The longest file that is read, in bytes: what a ConfigMap may hold.
pub const MAX_BYTES: usize = 1 << 20;

/// Room for what says no size beforehand: a pipe, a file of `/proc`.
const MIN_CAPACITY: usize = 4096;

/// Descriptors that the process which started this one has handed over (`/dev/stdin`, a shell's `<(...)`): the one kind of pipe
/// that is read, because its writer is there.
const HANDED_OVER: [&str; 3] = ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"];

/// The whole content of a file of at most [`MAX_BYTES`] bytes. It may hold a token or a key: what is read is wiped when it
/// is dropped.
///
/// # Errors
/// `FileTooLarge` for a longer one, `InvalidInput` for anything but a regular file, and whatever opening or reading gives.
pub fn contents(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    contents_up_to(path, MAX_BYTES)
}

/// The same with another limit, in bytes.
///
/// # Errors
/// As for [`contents`].
pub fn contents_up_to(path: &Path, max_bytes: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = open(path)?;
    let size = file.metadata()?.len();
    read_bounded(file, size, max_bytes)
}

/// The end of a file.
#[derive(Debug)]
pub struct Tail {
    /// Its last bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// There are more before them.
    pub is_cut: bool,
}

/// The last `max_bytes` bytes of a file that may be of any length, and may be growing.
///
/// # Errors
/// `InvalidInput` for anything but a regular file, and whatever opening or reading gives.
pub fn tail(path: &Path, max_bytes: usize) -> io::Result<Tail> {
    let mut file = open(path)?;
    let size = file.metadata()?.len();
    let start = size.saturating_sub(max_bytes as u64);
    file.seek(SeekFrom::Start(start))?;
    let bytes = read_bounded(file.take(max_bytes as u64), size, max_bytes)?;
    Ok(Tail { bytes, is_cut: start > 0 })
}

/// The same file, to be read piece by piece by a reader with a limit of its own.
///
/// # Errors
/// `InvalidInput` for anything but a regular file, and whatever opening gives.
pub fn open(path: &Path) -> io::Result<File> {
    let handed_over =
        HANDED_OVER.iter().any(|prefix| path.as_os_str().as_encoded_bytes().starts_with(prefix.as_bytes()));
    // Opening a FIFO without a writer would wait for one.
    let flags = if handed_over { OFlags::empty() } else { OFlags::NONBLOCK | OFlags::NOCTTY };
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() && !(handed_over && (kind.is_fifo() || kind.is_socket() || kind.is_char_device())) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// The reason of an error in the words of errno(3), without its number.
pub fn reason(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::InvalidInput => "not a regular file".to_owned(),
        io::ErrorKind::FileTooLarge => format!("longer than {MAX_BYTES} bytes"),
        kind => kind.to_string(),
    }
}

/// The same of what is open already, such as standard input.
///
/// # Errors
/// `FileTooLarge` for more than [`MAX_BYTES`] bytes, and whatever reading gives.
pub fn bounded(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    read_bounded(source, 0, MAX_BYTES)
}

/// The same with another limit. `size` is what the source says of itself: a guess for the allocation only.
///
/// # Errors
/// `FileTooLarge` for more than `limit` bytes, and whatever reading gives.
pub fn read_bounded(mut source: impl Read, size: u64, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // One byte more than there is: the read that finds the end needs room.
    let capacity = usize::try_from(size).unwrap_or(limit).min(limit).max(MIN_CAPACITY) + 1;
    let mut bytes = Zeroizing::new(vec![0; capacity]);
    let mut length = 0;
    loop {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if length > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if length == bytes.len() {
            // Not grown in place: a vector that moves leaves a copy behind that is not wiped.
            let mut larger = Zeroizing::new(vec![0; length * 2]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(**contents(&at("file")).unwrap(), *b"text");
        assert_eq!(**contents(&at("link")).unwrap(), *b"text");
        for (name, kind) in [
            ("pipe", io::ErrorKind::InvalidInput),
            (".", io::ErrorKind::IsADirectory),
            ("missing", io::ErrorKind::NotFound),
        ] {
            assert_eq!(contents(&at(name)).unwrap_err().kind(), kind, "{name}");
        }
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        assert_eq!(bounded(io::repeat(b'x').take(MAX_BYTES as u64)).unwrap().len(), MAX_BYTES);
        assert_eq!(bounded(io::repeat(b'x')).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_limit_holds_for_what_says_no_length_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(**contents_up_to(&path, 5).unwrap(), *b"12345");
        assert_eq!(contents_up_to(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // The kernel says that it has no bytes.
        let status = Path::new("/proc/self/status");
        assert!(contents(status).unwrap().len() > 10);
        assert_eq!(contents_up_to(status, 10).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn the_end_of_a_file_says_whether_there_is_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        for (max_bytes, end, is_cut) in [(2, "45", true), (5, "12345", false), (9, "12345", false)] {
            let tail = tail(&path, max_bytes).unwrap();
            assert_eq!((&**tail.bytes, tail.is_cut), (end.as_bytes(), is_cut));
        }
        assert!(tail(directory.path(), 9).is_err());
    }
}
