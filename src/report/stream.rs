//! What a stream of this process ends in: the journal, a console that the kernel writes to as well, a terminal with colours.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Stat, fstat, major, minor};

use crate::file;

/// A character device.
type Device = (u32, u32);

/// `/dev/console`.
const CONSOLE: Device = (5, 1);

/// Whether the stream is the one that `JOURNAL_STREAM` names (systemd.exec(5)): the journal gets what is written there, and
/// passes it on to the console where the unit or `ForwardToConsole=` says so.
pub(super) fn is_journal(stream: &impl AsFd, journal_stream: Option<&str>) -> bool {
    let named = |stat: Stat| journal_stream == Some(&format!("{}:{}", stat.st_dev, stat.st_ino));
    fstat(stream).is_ok_and(named)
}

/// Whether the kernel's log is shown on the same device. `sys` is where sysfs is mounted.
pub(super) fn is_kernel_console(stream: &impl AsFd, sys: &Path) -> bool {
    device(stream).is_some_and(|device| device == CONSOLE || consoles(sys).contains(&device))
}

/// Whether it is a terminal that somebody looks at on a screen: a pseudo terminal or a virtual console
/// (Documentation/admin-guide/devices.txt). A serial line, and `/dev/console`, which may be one, end in a log as often.
pub(super) fn has_colours(stream: &impl AsFd) -> bool {
    device(stream).is_some_and(is_screen)
}

fn is_screen(device: Device) -> bool {
    matches!(device, (4, 0..=63) | (136..=143, _))
}

fn device(stream: &impl AsFd) -> Option<Device> {
    let stat = fstat(stream).ok()?;
    let is_device = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::CharacterDevice;
    is_device.then(|| (major(stat.st_rdev), minor(stat.st_rdev)))
}

/// The devices that the kernel's log is shown on (`console=`); of `tty0`, the one on the screen.
fn consoles(sys: &Path) -> Vec<Device> {
    let read = |name: &str| {
        let text = file::contents(&sys.join("class/tty").join(name)).ok()?;
        Some(String::from_utf8_lossy(&text).trim().to_owned())
    };
    let device = |name: &str| {
        let shown = read(&format!("{name}/active")).unwrap_or(name.to_owned());
        let device = read(&format!("{shown}/dev"))?;
        let (major, minor) = device.split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    read("console/active").unwrap_or_default().split(' ').filter_map(device).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_journal_is_the_stream_that_systemd_names() {
        let file = tempfile::tempfile().unwrap();
        let found = file.metadata().unwrap();
        let named = format!("{}:{}", found.dev(), found.ino());
        for (value, expected) in [
            (Some(named.as_str()), true),
            (Some("1:2"), false),
            (Some(""), false),
            (None, false),
            (Some(&named[..named.len() - 1]), false),
        ] {
            assert_eq!(is_journal(&file, value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_consoles_of_the_kernel_are_found() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(consoles(sys.path()), []);
        for (name, text) in [
            ("console/active", "tty0 ttyS0\n"),
            ("tty0/active", "tty2\n"),
            ("tty0/dev", "4:0\n"),
            ("tty2/dev", "4:2\n"),
            ("ttyS0/dev", "4:64\n"),
            ("ttyS1/dev", "4:65\n"),
        ] {
            let path = sys.path().join("class/tty").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(consoles(sys.path()), [(4, 2), (4, 64)]);
        let null = fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        assert!(!is_kernel_console(&null, sys.path()));
        fs::write(sys.path().join("class/tty/ttyS0/dev"), "1:3\n").unwrap();
        assert!(is_kernel_console(&null, sys.path()), "/dev/null has this number");
        assert!(!is_kernel_console(&tempfile::tempfile().unwrap(), sys.path()));
    }

    #[test]
    fn only_screens_have_colours() {
        for (device, expected) in [
            ((136, 0), true),
            ((143, 255), true),
            ((4, 1), true),
            ((4, 63), true),
            // ttyS0, /dev/console, /dev/tty, ttyAMA0, hvc0, ttyUSB0, ttyACM0.
            ((4, 64), false),
            (CONSOLE, false),
            ((5, 0), false),
            ((204, 64), false),
            ((229, 0), false),
            ((188, 0), false),
            ((166, 0), false),
        ] {
            assert_eq!(is_screen(device), expected, "{device:?}");
        }
    }
}
