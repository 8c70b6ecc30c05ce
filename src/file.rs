//! Files that the user named, and files of this machine: one way to read them, bounded, and never a pipe that nobody feeds.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The longest file that is read, in bytes: what a ConfigMap may hold.
pub const MAX_BYTES: usize = 1 << 20;

/// Room for what says no size beforehand: a pipe, a file of `/proc`.
const FIRST_CAPACITY: usize = 4096;

/// Descriptors that whoever started this program has handed over (`/dev/stdin`, a shell's `<(...)`): the one kind of pipe
/// that is read, because somebody is there to feed it.
const HANDED_OVER: [&str; 3] = ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"];

/// The whole content of a file of at most [`MAX_BYTES`] bytes. It may hold a token or a key: what is read is wiped when it
/// is dropped.
///
/// # Errors
/// `FileTooLarge` for a longer one, `InvalidInput` for anything but a regular file, and whatever opening or reading gives.
pub fn contents(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let handed_over =
        HANDED_OVER.iter().any(|prefix| path.as_os_str().as_encoded_bytes().starts_with(prefix.as_bytes()));
    // Opening a FIFO without a writer would wait for one.
    let flags = if handed_over { OFlags::empty() } else { OFlags::NONBLOCK | OFlags::NOCTTY };
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() && !(handed_over && (kind.is_fifo() || kind.is_socket() || kind.is_char_device())) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // One byte more than there is: the read that finds the end needs room.
    read_bounded(file, usize::try_from(metadata.len()).unwrap_or(MAX_BYTES).clamp(FIRST_CAPACITY, MAX_BYTES) + 1)
}

/// The same of what is open already, such as standard input.
///
/// # Errors
/// `FileTooLarge` for more than [`MAX_BYTES`] bytes, and whatever reading gives.
pub fn bounded(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    read_bounded(source, FIRST_CAPACITY)
}

fn read_bounded(mut source: impl Read, capacity: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; capacity]);
    let mut length = 0;
    loop {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if length > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if length == bytes.len() {
            // Not grown in place: a vector that moves leaves a copy behind that nobody wipes.
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
}
