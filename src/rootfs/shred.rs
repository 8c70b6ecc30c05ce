//! Removing a file that holds a secret: overwritten first, by descriptor, so that no link leads elsewhere.

use std::fs::File;
use std::io::{self, Read};

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, unlinkat};
use rustix::io::Errno;

use super::path::TargetPath;
use super::resolve::Root;

impl Root {
    /// Overwrites a regular file with zeros and removes it, each as durable as the file system makes it; `false` where nothing
    /// is there. FAT, flash and file systems that copy on write may keep the old content all the same.
    ///
    /// # Errors
    /// `InvalidInput` for anything but a regular file itself, and for one that has another name: that may be somebody else's.
    /// Otherwise whatever opening, writing and removing give.
    pub fn shred(&self, path: &TargetPath) -> io::Result<bool> {
        let Some((directory, name)) = self.holder(path).map_err(|error| io::Error::other(error.to_string()))? else {
            return Ok(false);
        };
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut file = match openat(&directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || std::os::unix::fs::MetadataExt::nlink(&metadata) != 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file with one name"));
        }
        io::copy(&mut io::repeat(0).take(metadata.len()), &mut file)?;
        file.sync_all()?;
        unlinkat(&directory, name, AtFlags::empty())?;
        fsync(&directory)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_the_file_of_this_very_root_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |path: &str| temporary.path().join(path);
        for directory in ["host", "root/host", "root/etc"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for file in ["host/token", "root/host/token", "root/etc/other"] {
            fs::write(at(file), "secret").unwrap();
        }
        // Absolute: the root's own /host.
        symlink("/host", at("root/etc/kubejoin")).unwrap();
        symlink("other", at("root/etc/link")).unwrap();
        let root = Root::open(&at("root")).unwrap();
        let path = TargetPath::fixed("/etc/kubejoin/token");
        assert!(root.shred(&path).unwrap());
        assert!(!root.shred(&path).unwrap() && !at("root/host/token").exists());
        assert_eq!(fs::read(at("host/token")).unwrap(), b"secret");
        assert!(root.shred(&TargetPath::fixed("/etc/link")).is_err());
        assert!(root.shred(&TargetPath::fixed("/etc/kubejoin")).is_err());

        fs::hard_link(at("root/etc/other"), at("root/etc/same")).unwrap();
        assert!(root.shred(&TargetPath::fixed("/etc/other")).is_err());
        assert_eq!(fs::read(at("root/etc/same")).unwrap(), b"secret");
    }

    #[test]
    fn the_content_is_overwritten_before_the_name_goes() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("token");
        fs::write(&path, "secret").unwrap();
        let held = File::open(&path).unwrap();
        assert!(Root::open(temporary.path()).unwrap().shred(&TargetPath::fixed("/token")).unwrap());
        let mut left = Vec::new();
        { held }.read_to_end(&mut left).unwrap();
        assert_eq!(left, [0; 6]);
    }
}
