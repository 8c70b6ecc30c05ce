//! Files of known names in a tar archive (POSIX.1-2017, `pax`, ustar Interchange Format). Nothing is unpacked: a name only says
//! which of the known files it is, so that it leads nowhere.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

const BLOCK: usize = 512;

/// Fields of a header.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..263;
const PREFIX: std::ops::Range<usize> = 345..500;

/// Types of what only says something of the next file, which pax and GNU tar write: what that is does not matter here, and a
/// name that needs it is none of the known ones.
const EXTENSIONS: &[u8] = b"xgLK";

/// Why an archive is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TarError {
    /// A header is none.
    NotTar,
    /// It ends before its end.
    Cut,
    /// A known name is that of a link, a directory or a device.
    NotAFile(&'static str),
    /// A known name is there twice.
    Twice(&'static str),
    /// A name leads out of the archive.
    Outside,
}

/// The files of these names, a `./` before them or not. Others are passed over.
///
/// # Errors
/// It is no whole archive, or not one that only holds files.
pub fn files(archive: &[u8], names: &[&'static str]) -> Result<BTreeMap<&'static str, Zeroizing<Vec<u8>>>, TarError> {
    let mut found = BTreeMap::new();
    let mut rest = archive;
    loop {
        let (header, behind) = rest.split_first_chunk::<BLOCK>().ok_or(TarError::Cut)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(found);
        }
        if octal(&header[CHECKSUM]) != Some(checksum(header)) {
            return Err(TarError::NotTar);
        }
        let size = octal(&header[SIZE]).ok_or(TarError::NotTar)?;
        let content = behind.get(..size).ok_or(TarError::Cut)?;
        rest = behind.get(size.next_multiple_of(BLOCK)..).ok_or(TarError::Cut)?;
        let kind = header[TYPE];
        if EXTENSIONS.contains(&kind) {
            continue;
        }
        let path = path(header);
        if path.split('/').any(|part| part == "..") {
            return Err(TarError::Outside);
        }
        let Some(name) = names.iter().find(|name| path.trim_start_matches("./") == **name) else { continue };
        // Before ustar, a file was of type NUL.
        if kind != b'0' && kind != 0 {
            return Err(TarError::NotAFile(name));
        }
        if found.insert(*name, Zeroizing::new(content.to_vec())).is_some() {
            return Err(TarError::Twice(name));
        }
    }
}

/// The name, with what POSIX puts before a long one.
fn path(header: &[u8; BLOCK]) -> String {
    let name = text(&header[NAME]);
    match text(&header[PREFIX]) {
        prefix if header[MAGIC] == *b"ustar\0" && !prefix.is_empty() => format!("{prefix}/{name}"),
        _ => name,
    }
}

fn text(field: &[u8]) -> String {
    let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(field).into_owned()
}

/// A number in octal digits; GNU tar's other form is for what is longer than anything here.
fn octal(field: &[u8]) -> Option<usize> {
    let text = text(field);
    usize::from_str_radix(text.trim_matches(' '), 8).ok()
}

/// The sum of the header's bytes, its own field as blanks.
fn checksum(header: &[u8; BLOCK]) -> usize {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| usize::from(if CHECKSUM.contains(&at) { b' ' } else { *byte })).sum()
}

impl fmt::Display for TarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TarError::NotTar => f.write_str("it is not a tar archive, or a compressed one"),
            TarError::Cut => f.write_str("it ends before its end"),
            TarError::NotAFile(name) => write!(f, "{name} in it is not a file"),
            TarError::Twice(name) => write!(f, "{name} is in it twice"),
            TarError::Outside => f.write_str("a name in it has .. as a part"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["ca.crt", "etcd/ca.key"];

    fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[SIZE].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[TYPE] = kind;
        header[MAGIC].copy_from_slice(b"ustar\0");
        let sum = checksum(&header);
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let padding = vec![0; content.len().next_multiple_of(BLOCK) - content.len()];
        [&header[..], content, &padding].concat()
    }

    fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
        [entries.concat(), vec![0; 2 * BLOCK]].concat()
    }

    #[test]
    fn known_files_are_found_and_others_are_passed_over() {
        let archive = archive(&[
            entry("./", b'5', b""),
            entry("././@PaxHeader", b'x', b"30 mtime=1700000000.123456789\n"),
            entry("./ca.crt", b'0', &[b'c'; 700]),
            entry("apiserver.key", b'0', b"of another node"),
            entry("sa.pub", b'2', b""),
            entry("etcd/ca.key", 0, b"k"),
        ]);
        let found = files(&archive, &NAMES).unwrap();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), NAMES);
        assert_eq!((found["ca.crt"].len(), found["etcd/ca.key"].as_slice()), (700, &b"k"[..]));
        for length in 0..archive.len() - BLOCK - 1 {
            assert!(files(&archive[..length], &NAMES).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_no_archive_of_files_is_refused() {
        let one = entry("ca.crt", b'0', b"c");
        let mut damaged = one.clone();
        damaged[3] ^= 1;
        let rows = [
            (archive(&[one.clone(), one.clone()]), TarError::Twice("ca.crt")),
            (archive(&[entry("ca.crt", b'2', b"")]), TarError::NotAFile("ca.crt")),
            (archive(&[entry("ca.crt", b'1', b"")]), TarError::NotAFile("ca.crt")),
            (archive(&[entry("etcd/ca.key", b'5', b"")]), TarError::NotAFile("etcd/ca.key")),
            (archive(&[entry("a/../ca.crt", b'0', b"")]), TarError::Outside),
            (archive(&[damaged]), TarError::NotTar),
            (one, TarError::Cut),
            (vec![b'x'; 4 * BLOCK], TarError::NotTar),
            ([&[0x1f, 0x8b][..], &[7; BLOCK]].concat(), TarError::NotTar),
            (Vec::new(), TarError::Cut),
        ];
        for (archive, expected) in rows {
            assert_eq!(files(&archive, &NAMES).unwrap_err(), expected);
        }
    }
}
