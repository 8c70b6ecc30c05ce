//! Paths inside the target root.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Explain, codes, debug_as_display};

/// Linux `NAME_MAX`: bytes in one component.
const NAME_MAX: usize = 255;
/// Linux `PATH_MAX`, less the terminating zero: bytes in a whole path.
const PATH_MAX: usize = 4095;

/// A path inside the target root: absolute, normal (no `.`, `..`, empty component), valid UTF-8, no control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetPath(Cow<'static, str>);

impl TargetPath {
    /// A path that is written in the source. Meant for constants: a literal that is no target path then does not
    /// compile.
    ///
    /// # Panics
    /// Outside a constant, where the literal is not absolute and normal.
    pub const fn fixed(path: &'static str) -> TargetPath {
        assert!(is_normal(path.as_bytes()), "not an absolute, normal path");
        TargetPath(Cow::Borrowed(path))
    }

    /// The root itself.
    pub const fn root() -> TargetPath {
        TargetPath(Cow::Borrowed("/"))
    }

    /// The text, which begins with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of something below this one; `relative` may have several components.
    pub fn join(&self, relative: &str) -> Result<TargetPath, TargetPathError> {
        format!("{}/{relative}", self.0).parse()
    }

    /// The directory that holds it; the root is in none.
    pub fn parent(&self) -> Option<TargetPath> {
        let (parent, name) = self.0.rsplit_once('/')?;
        match (parent, name) {
            ("", "") => None,
            ("", _) => Some(TargetPath::root()),
            _ => Some(TargetPath(Cow::Owned(parent.to_owned()))),
        }
    }

    /// The last component; the root has none.
    pub fn file_name(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(_, name)| name).filter(|name| !name.is_empty())
    }

    /// The directories above it, from the root down.
    pub fn ancestors(&self) -> Vec<TargetPath> {
        let mut above: Vec<TargetPath> = std::iter::successors(self.parent(), TargetPath::parent).collect();
        above.reverse();
        above
    }

    /// A sibling of what is in the directory `directory`, whose name is known to be one good component.
    pub(super) fn child(directory: &TargetPath, name: &'static str) -> TargetPath {
        match directory.as_str() {
            "/" => TargetPath(Cow::Owned(format!("/{name}"))),
            path => TargetPath(Cow::Owned(format!("{path}/{name}"))),
        }
    }
}

/// `const` twin of the checks in `FromStr`, without the repairs.
const fn is_normal(path: &[u8]) -> bool {
    if path.is_empty() || path[0] != b'/' || path.len() > PATH_MAX {
        return false;
    }
    if path.len() == 1 {
        return true;
    }
    let mut start = 1;
    let mut i = 1;
    while i <= path.len() {
        if i == path.len() || path[i] == b'/' {
            let length = i - start;
            let dots =
                (length == 1 && path[start] == b'.') || (length == 2 && path[start] == b'.' && path[start + 1] == b'.');
            if length == 0 || length > NAME_MAX || dots {
                return false;
            }
            start = i + 1;
        } else if path[i] < 0x20 || path[i] == 0x7f {
            return false;
        }
        i += 1;
    }
    true
}

impl FromStr for TargetPath {
    type Err = TargetPathError;

    /// Repairs what has one meaning only (`//`, `/./`, a trailing `/`) and refuses `..`, which has two where a symbolic
    /// link comes before it.
    fn from_str(text: &str) -> Result<Self, TargetPathError> {
        let refuse = |fault| Err(TargetPathError { path: text.to_owned(), fault });
        if !text.starts_with('/') {
            return refuse(Fault::NotAbsolute);
        }
        if text.chars().any(char::is_control) {
            return refuse(Fault::ControlCharacter);
        }
        let mut normal = String::with_capacity(text.len());
        for name in text.split('/').filter(|name| !name.is_empty() && *name != ".") {
            if name == ".." {
                return refuse(Fault::DotDot);
            }
            if name.len() > NAME_MAX {
                return refuse(Fault::TooLong);
            }
            normal.push('/');
            normal.push_str(name);
        }
        if normal.len() > PATH_MAX {
            return refuse(Fault::TooLong);
        }
        Ok(if normal.is_empty() { TargetPath::root() } else { TargetPath(Cow::Owned(normal)) })
    }
}

impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is no [`TargetPath`].
#[derive(PartialEq, Eq)]
pub struct TargetPathError {
    path: String,
    fault: Fault,
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    NotAbsolute,
    DotDot,
    ControlCharacter,
    TooLong,
}

impl fmt::Display for TargetPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::NotAbsolute => "is not absolute",
            Fault::DotDot => "has a `..` in it",
            Fault::ControlCharacter => "has a control character in it",
            Fault::TooLong => "is too long (4095 bytes, 255 between slashes)",
        };
        // Debug, because this path has not been found free of control characters.
        write!(f, "path {:?} {fault}", self.path)
    }
}

debug_as_display!(TargetPathError);

impl std::error::Error for TargetPathError {}

impl Explain for TargetPathError {
    fn code(&self) -> &'static Code {
        &codes::CONFIG_INVALID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_repaired_where_it_has_one_meaning_and_refused_where_it_has_two() {
        let long = format!("/{}", "x".repeat(256));
        let deep = "/x".repeat(2048);
        let table: &[(&str, Result<&str, Fault>)] = &[
            ("/", Ok("/")),
            ("//", Ok("/")),
            ("/etc/kubernetes/kubelet.conf", Ok("/etc/kubernetes/kubelet.conf")),
            ("//etc//./kubernetes/", Ok("/etc/kubernetes")),
            ("/a/.b/..c", Ok("/a/.b/..c")),
            ("", Err(Fault::NotAbsolute)),
            ("etc", Err(Fault::NotAbsolute)),
            ("/etc/../root", Err(Fault::DotDot)),
            ("/..", Err(Fault::DotDot)),
            ("/a\nb", Err(Fault::ControlCharacter)),
            ("/a\0b", Err(Fault::ControlCharacter)),
            (&long, Err(Fault::TooLong)),
            (&deep, Err(Fault::TooLong)),
        ];
        for (text, wanted) in table {
            let found = text.parse::<TargetPath>();
            match wanted {
                Ok(normal) => assert_eq!(found.unwrap().as_str(), *normal, "{text:?}"),
                Err(fault) => assert_eq!(found.unwrap_err().fault, *fault, "{text:?}"),
            }
        }
    }

    #[test]
    fn a_literal_is_held_to_the_same_rules_without_repairs() {
        for good in ["/", "/a", "/a/b.c/..d"] {
            assert!(is_normal(good.as_bytes()), "{good}");
        }
        for bad in ["", "a", "/a/", "//a", "/./a", "/..", "/a/..", "/a\n"] {
            assert!(!is_normal(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn a_path_knows_its_parts() {
        let path = TargetPath::fixed("/etc/kubernetes/pki");
        assert_eq!(path.file_name(), Some("pki"));
        assert_eq!(
            path.ancestors().iter().map(TargetPath::as_str).collect::<Vec<_>>(),
            ["/", "/etc", "/etc/kubernetes"]
        );
        assert_eq!(path.join("ca.crt").unwrap().as_str(), "/etc/kubernetes/pki/ca.crt");
        assert_eq!(TargetPath::root().join("etc").unwrap().as_str(), "/etc");
        assert_eq!(TargetPath::root().parent(), None);
        assert_eq!(TargetPath::root().file_name(), None);
        assert!(TargetPath::root().ancestors().is_empty());
        assert!(path.join("../..").is_err());
    }
}
