//! A version of Kubernetes.

use std::fmt;
use std::str::FromStr;

/// A version of Kubernetes, as far as it matters for an order: `v1.37.2`, perhaps with `-pre.release` and `+build`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
    /// Whether a pre-release's name follows.
    pub pre_release: bool,
}

impl Version {
    /// Major and minor.
    pub fn release(self) -> (u32, u32) {
        (self.major, self.minor)
    }

    /// Pre-releases of a version are all taken for its first.
    pub fn is_older_than(self, other: Version) -> bool {
        let key = |version: Version| (version.major, version.minor, version.patch, !version.pre_release);
        key(self) < key(other)
    }
}

/// With or without `v`; three numbers without needless zeros, as kubeadm reads them (`util/version/version.go`).
impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        parse(text.strip_prefix('v').unwrap_or(text)).ok_or(())
    }
}

fn parse(text: &str) -> Option<Version> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let numbers_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(numbers_end);
    if !rest.chars().all(allowed) {
        return None;
    }
    let number = |text: &str| {
        let plain = text == "0" || !text.starts_with('0');
        text.parse().ok().filter(|_| plain)
    };
    let mut parts = numbers.splitn(3, '.');
    let (major, minor, patch) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Version {
        major: number(major)?,
        minor: number(minor)?,
        patch: number(patch)?,
        pre_release: rest.starts_with('-'),
    })
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version { major, minor, patch, pre_release } = self;
        write!(f, "{major}.{minor}.{patch}{}", if *pre_release { " (pre-release)" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_kubeadm_reads_them() {
        let table = [
            ("v1.37.2", Some((1, 37, 2, false))),
            ("1.23.0-rc.1", Some((1, 23, 0, true))),
            ("v1.40.0-alpha.1+abc", Some((1, 40, 0, true))),
            ("v1.37.2+k3s1", Some((1, 37, 2, false))),
            ("v1.37", None),
            ("v1.037.2", None),
            ("v1.37.2 dirty", None),
            ("v1.37.2.1", None),
            ("stable-1.37", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = text.parse::<Version>().ok().map(|v| (v.major, v.minor, v.patch, v.pre_release));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_pre_release_is_older_than_its_release() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("v1.34.0-rc.1").is_older_than(version("v1.34.0")));
        assert!(version("v1.33.9").is_older_than(version("v1.34.0-alpha.0")));
        assert!(!version("v1.34.0").is_older_than(version("v1.34.0")));
    }
}
