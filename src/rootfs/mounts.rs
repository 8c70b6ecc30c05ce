//! What is mounted where, as the kernel says it (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A mount of this process's mount namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number; the kernel gives it to another mount once this one is gone.
    pub(super) id: u64,
    /// The mount that it is mounted on.
    pub(super) parent: u64,
    /// Where, as this process sees it; symbolic links are resolved, any byte but zero may be in it.
    pub point: PathBuf,
    /// Type of the file system, such as `tmpfs`.
    pub kind: String,
    /// What is mounted, such as `/dev/vda1` or `server:/export`.
    pub source: String,
}

/// `nfs4 of server:/export`.
impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.source)
    }
}

/// Every mount, in the kernel's order.
pub(super) fn read() -> io::Result<Vec<Mount>> {
    let mut bytes = Vec::new();
    File::open("/proc/self/mountinfo")?.read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

/// Reads the lines that can be read; the kernel writes no others.
fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw`: before the dash any number of optional fields.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    let (id, parent) = (number()?, number()?);
    let point = unescaped(fields.nth(2)?);
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let mut text = || Some(String::from_utf8_lossy(&unescaped(fields.next()?)).into_owned());
    let (kind, source) = (text()?, text()?);
    Some(Mount { id, parent, point: OsString::from_vec(point).into(), kind, source })
}

/// The bytes of a field: the kernel writes space, tab, line feed, `\` and `#` as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, behind @ ..] = rest {
        match behind.first_chunk::<3>() {
            Some(digits) if *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) => {
                bytes.push(digits.iter().fold(0, |value: u8, digit| value.wrapping_mul(8) | (digit - b'0')));
                rest = &behind[3..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

/// Whether a path is below a directory, both without symbolic links.
pub(super) fn is_below(path: &Path, directory: &Path) -> bool {
    let rest = path.as_os_str().as_bytes().strip_prefix(directory.as_os_str().as_bytes());
    rest.is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
}

/// The path of an open object as the kernel has it, without symbolic links.
pub(super) fn path_of(object: impl AsFd) -> io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", object.as_fd().as_raw_fd()))
}

/// The number of the mount that an open object is reached by (proc_pid_fdinfo(5), Linux 3.15).
pub(super) fn mount_of(object: impl AsFd) -> io::Result<u64> {
    let mut text = String::new();
    File::open(format!("/proc/self/fdinfo/{}", object.as_fd().as_raw_fd()))?.read_to_string(&mut text)?;
    let number = text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_optional_fields_and_octal_escapes() {
        let text = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue\n\
            37 36 0:5 / /a\\040b\\011c\\012d\\134e\\043 rw - tmpfs my\\040disk rw\n\
            38 36 0:6 / /bytes-\xff\\1 rw - fuse.x x rw\n\
            39 36 0:7 / /unfinished rw\n\n";
        let found = parse(text);
        let points: Vec<_> = found.iter().map(|mount| mount.point.as_os_str().as_bytes()).collect();
        assert_eq!(points, [&b"/mnt2"[..], b"/a b\tc\nd\\e#", b"/bytes-\xff\\1"]);
        assert_eq!((found[0].id, found[0].parent), (36, 35));
        assert_eq!(found[0].to_string(), "ext3 of /dev/root");
        assert_eq!(found[1].to_string(), "tmpfs of my disk");
    }

    #[test]
    fn below_means_below_and_not_beside() {
        let table = [("/a/b", true), ("/a/b/c", true), ("/a", false), ("/ab", false), ("/a/", false), ("/", false)];
        for (path, expected) in table {
            assert_eq!(is_below(Path::new(path), Path::new("/a")), expected, "{path}");
        }
    }

    #[test]
    fn the_kernel_s_own_lines_are_read() {
        let mounts = read().unwrap();
        let own = mount_of(File::open("/proc").unwrap()).unwrap();
        let proc = mounts.iter().find(|mount| mount.id == own).unwrap();
        assert_eq!((proc.point.as_path(), proc.kind.as_str()), (Path::new("/proc"), "proc"));
    }
}
