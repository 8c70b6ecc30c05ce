//! The configuration that the running kernel was built with, from where kernels and distributions leave it
//! (system-validators 1.12.1 `validators/kernel_validator.go`).

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use crate::file;

/// Most that is read of a configuration, in bytes, unpacked; a distribution's has 300 KB.
const MAX_UNPACKED_BYTES: u64 = 8 << 20;

/// Options that are built in or a module, of those that were asked for.
pub(super) type Enabled = BTreeSet<&'static str>;

/// Why the configuration is not known.
#[derive(Debug)]
pub(super) enum KernelConfigError {
    /// It is in none of the places.
    NotFound,
    /// It is there, and cannot be read.
    Unreadable(PathBuf, io::Error),
}

/// The first file of kubeadm's list that is there. `prefix` stands before each path.
pub(super) fn find(prefix: &Path, release: &str) -> Option<PathBuf> {
    let candidates = [
        "proc/config.gz".to_owned(),
        format!("boot/config-{release}"),
        format!("usr/src/linux-{release}/.config"),
        "usr/src/linux/.config".to_owned(),
        format!("usr/lib/modules/{release}/config"),
        format!("usr/lib/ostree-boot/config-{release}"),
        format!("usr/lib/kernel/config-{release}"),
        format!("usr/src/linux-headers-{release}/.config"),
        format!("lib/modules/{release}/build/.config"),
    ];
    candidates.into_iter().map(|path| prefix.join(path)).find(|path| path.exists())
}

/// Which of `wanted` (names without `CONFIG_`) the configuration at `path` turns on.
pub(super) fn read(path: &Path, wanted: &[&'static str]) -> Result<Enabled, KernelConfigError> {
    let read = || {
        let file = BufReader::new(file::open(path)?);
        if path.extension().is_some_and(|extension| extension == "gz") {
            parse(BufReader::new(Gunzip::new(file)?.take(MAX_UNPACKED_BYTES)), wanted)
        } else {
            parse(file.take(MAX_UNPACKED_BYTES), wanted)
        }
    };
    read().map_err(|error| KernelConfigError::Unreadable(path.to_owned(), error))
}

/// `CONFIG_NAME=y` or `=m`; the last line of a name counts.
fn parse(text: impl BufRead, wanted: &[&'static str]) -> io::Result<Enabled> {
    let mut enabled = Enabled::new();
    for line in text.split(b'\n') {
        let line = line?;
        let line = line.trim_ascii();
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
        let Some(name) = line[..equals].strip_prefix(b"CONFIG_") else { continue };
        let Some(name) = wanted.iter().copied().find(|wanted| wanted.as_bytes() == name) else { continue };
        match line.get(equals + 1) {
            Some(b'y' | b'm') => enabled.insert(name),
            Some(b'n') => enabled.remove(name),
            _ => false,
        };
    }
    Ok(enabled)
}

/// A gzip file (RFC 1952) of one member, unpacked on the way. Its checksum is ignored: what is wanted are words, and a
/// damaged file does not have them.
struct Gunzip<R> {
    packed: R,
    state: Box<InflateState>,
    is_at_end: bool,
}

impl<R: BufRead> Gunzip<R> {
    fn new(mut packed: R) -> io::Result<Self> {
        let mut head = [0; 10];
        packed.read_exact(&mut head)?;
        let [0x1f, 0x8b, 8, flags, ..] = head else {
            return Err(io::Error::new(ErrorKind::InvalidData, "not a gzip file"));
        };
        if flags & 4 != 0 {
            let mut length = [0; 2];
            packed.read_exact(&mut length)?;
            skip(&mut packed, u16::from_le_bytes(length).into())?;
        }
        // A file name, and a comment.
        for flag in [8, 16] {
            if flags & flag != 0 {
                packed.by_ref().take(MAX_UNPACKED_BYTES).skip_until(0)?;
            }
        }
        if flags & 2 != 0 {
            skip(&mut packed, 2)?;
        }
        Ok(Gunzip { packed, state: InflateState::new_boxed(DataFormat::Raw), is_at_end: false })
    }
}

fn skip(from: &mut impl Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut from.take(bytes), &mut io::sink()).map(drop)
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_at_end && !buffer.is_empty() {
            let packed = self.packed.fill_buf()?;
            let at_end = packed.is_empty();
            let done = inflate(&mut self.state, packed, buffer, MZFlush::None);
            self.packed.consume(done.bytes_consumed);
            match done.status {
                Ok(MZStatus::StreamEnd) => self.is_at_end = true,
                Ok(_) if at_end && done.bytes_written == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(_) => return Err(io::Error::new(ErrorKind::InvalidData, "damaged gzip file")),
            }
            if done.bytes_written > 0 {
                return Ok(done.bytes_written);
            }
        }
        Ok(0)
    }
}

impl fmt::Display for KernelConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelConfigError::NotFound => {
                f.write_str("the kernel's configuration is neither in /proc/config.gz nor where distributions leave it")
            }
            KernelConfigError::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_on_when_built_in_or_a_module() {
        let text = "# CONFIG_A is not set\nCONFIG_B=y\r\n  CONFIG_C=m\nCONFIG_D=n\nCONFIG_E=\"y\"\nCONFIG_BB=y\nCONFIG_F\n\
                    CONFIG_G=y\nCONFIG_G=n\nB=y\nCONFIG_H=y";
        let wanted = ["A", "B", "C", "D", "E", "F", "G", "H"];
        let found = parse(text.as_bytes(), &wanted).unwrap();
        assert_eq!(found.into_iter().collect::<String>(), "BCH");
    }

    #[test]
    fn a_packed_configuration_is_read_like_a_plain_one() {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "{}CONFIG_MEMCG=y\n",
            "# a comment as long as a screen is wide, to fill some buffers\n".repeat(9999)
        );
        let deflated = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 6);
        let with = |head: &[u8]| [head, &deflated[..], &[0; 8]].concat();
        let plain: &[u8] = b"\x1f\x8b\x08\x00\0\0\0\0\0\x03";
        let everything: &[u8] = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\x00xyname\0comment\0cc";
        let path = directory.path().join("config.gz");
        for (bytes, expected) in [
            (with(plain), Some(1)),
            (with(everything), Some(1)),
            (with(plain)[..deflated.len()].to_vec(), None),
            (with(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03\xff"), None),
            (text.clone().into_bytes(), None),
            (Vec::new(), None),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let found = read(&path, &["MEMCG", "INET"]);
            assert_eq!(found.as_ref().ok().map(BTreeSet::len), expected, "{found:?}");
        }
    }

    #[test]
    fn the_first_place_that_has_one_counts() {
        let prefix = tempfile::tempdir().unwrap();
        assert_eq!(find(prefix.path(), "6.1.0"), None);
        for path in ["lib/modules/6.1.0/build/.config", "boot/config-6.1.0"] {
            let path = prefix.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(find(prefix.path(), "6.1.0"), Some(path));
        }
    }
}
