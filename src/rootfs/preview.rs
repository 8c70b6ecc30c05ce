//! A `FileSet` for people and programs to read, instead of being committed.

use std::fmt::Write;

use serde_json::{Value, json};

use super::file_set::{Content, Entry, FileSet, Kind};
use super::path::TargetPath;
use crate::text::escaped;

/// A `FileSet` that is only shown.
#[derive(Clone, Copy)]
pub struct Preview<'a> {
    /// What would be written.
    pub files: &'a FileSet,
    /// Whether the object has to be there after a reboot, too: what a root that forgets everything has to keep.
    pub survives: &'a dyn Fn(&TargetPath) -> bool,
}

impl Preview<'_> {
    /// Every path, with mode and owner, and public content in full, indented. A secret is shown as its size and SHA-256.
    /// Control characters are escaped.
    pub fn lines(self) -> Vec<String> {
        self.files.entries.iter().flat_map(|entry| self.entry_lines(entry)).collect()
    }

    /// The same for programs: an array of objects in the order of writing, with `path`, `type`, and, as they apply, `mode`
    /// (octal digits), `uid`, `gid`, `size` (bytes), `sha256`, `content`, `secret`, `target`, `mustSurviveReboot`. A secret
    /// that is not known before the join has neither size nor digest.
    pub fn json(self) -> Value {
        self.files.entries.iter().map(|entry| self.entry_json(entry)).collect()
    }

    fn entry_lines(self, entry: &Entry) -> Vec<String> {
        let path = &entry.path;
        let (uid, gid) = owner();
        let keep = if (self.survives)(path) { "must survive reboots" } else { "need not survive a reboot" };
        let about = |mode: u32| format!("mode {mode:04o}, owner {uid}:{gid}");
        match &entry.kind {
            Kind::Directory { mode } => vec![format!("{path}/ (directory, {}, {keep})", about(*mode))],
            Kind::Symlink { target } => vec![format!("{path} -> {} (owner {uid}:{gid}, {keep})", escape(target))],
            Kind::Absent | Kind::Gone => vec![format!("{path} (removed)")],
            Kind::Emptied => vec![format!("{path}/ (emptied)")],
            Kind::Unmounted { .. } => vec![format!("{path}/ (nothing stays mounted below it)")],
            Kind::File { mode, content } if is_not_known_yet(content) => {
                vec![format!("{path} ({}, secret, made by the join, {keep})", about(*mode))]
            }
            Kind::File { mode, content: content @ Content::Secret(_) } => {
                let (size, digest) = (content.size(), hex(content));
                vec![format!("{path} ({}, secret, {size} bytes, sha256:{digest}, {keep})", about(*mode))]
            }
            Kind::File { mode, content: Content::Public(bytes) } => {
                let mut lines = vec![format!("{path} ({}, {} bytes, {keep})", about(*mode), bytes.len())];
                lines.extend(String::from_utf8_lossy(bytes).lines().map(|line| format!("    {}", escape(line))));
                lines
            }
        }
    }

    fn entry_json(self, entry: &Entry) -> Value {
        let (uid, gid) = owner();
        let (kind, particulars) = match &entry.kind {
            Kind::Absent | Kind::Gone => return json!({ "path": entry.path.as_str(), "type": "absent" }),
            Kind::Emptied => return json!({ "path": entry.path.as_str(), "type": "emptied" }),
            Kind::Unmounted { .. } => return json!({ "path": entry.path.as_str(), "type": "unmounted" }),
            Kind::Directory { mode } => ("directory", json!({ "mode": format!("{mode:04o}") })),
            Kind::Symlink { target } => ("symlink", json!({ "target": target })),
            Kind::File { mode, content } => {
                let mut fields =
                    json!({ "mode": format!("{mode:04o}"), "secret": matches!(content, Content::Secret(_)) });
                if !is_not_known_yet(content) {
                    fields["size"] = content.size().into();
                    fields["sha256"] = hex(content).into();
                }
                if let Content::Public(bytes) = content {
                    fields["content"] = String::from_utf8_lossy(bytes).into();
                }
                ("file", fields)
            }
        };
        let mut object = json!({
            "path": entry.path.as_str(), "type": kind, "uid": uid, "gid": gid,
            "mustSurviveReboot": (self.survives)(&entry.path),
        });
        if let (Value::Object(object), Value::Object(particulars)) = (&mut object, particulars) {
            object.extend(particulars);
        }
        object
    }
}

/// Files belong to whoever commits them.
fn owner() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// A secret is never empty; one that is stands for one that the join will make.
fn is_not_known_yet(content: &Content) -> bool {
    matches!(content, Content::Secret(bytes) if bytes.is_empty())
}

fn hex(content: &Content) -> String {
    content.digest().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Leaves tabs, which files have, and nothing else that a terminal would obey.
fn escape(text: &str) -> String {
    escaped(text, &['\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    /// FIPS 180-2, appendix B.1: the digest of `abc`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn set() -> FileSet {
        let mut set = FileSet::new();
        set.directory(TargetPath::fixed("/etc/kubernetes"), 0o755)
            .file(TargetPath::fixed("/etc/kubernetes/c"), 0o644, "a:\tb\n  c: \x1b[31m\n")
            .secret_file(TargetPath::fixed("/k"), 0o600, Zeroizing::new(b"abc".to_vec()))
            .secret_file(TargetPath::fixed("/later"), 0o600, Zeroizing::default())
            .symlink(TargetPath::fixed("/l"), "k")
            .absent(TargetPath::fixed("/gone"));
        set
    }

    fn survives(path: &TargetPath) -> bool {
        path.as_str() != "/k"
    }

    #[test]
    fn a_preview_shows_everything_but_secrets_and_escapes_control_characters() {
        let (uid, gid) = owner();
        let wanted = [
            format!("/etc/kubernetes/ (directory, mode 0755, owner {uid}:{gid}, must survive reboots)"),
            format!("/etc/kubernetes/c (mode 0644, owner {uid}:{gid}, 16 bytes, must survive reboots)"),
            "    a:\tb".to_owned(),
            "      c: \\u{1b}[31m".to_owned(),
            format!("/k (mode 0600, owner {uid}:{gid}, secret, 3 bytes, sha256:{ABC}, need not survive a reboot)"),
            format!("/later (mode 0600, owner {uid}:{gid}, secret, made by the join, must survive reboots)"),
            format!("/l -> k (owner {uid}:{gid}, must survive reboots)"),
            "/gone (removed)".to_owned(),
        ];
        assert_eq!(Preview { files: &set(), survives: &survives }.lines(), wanted);
    }

    #[test]
    fn programs_get_the_same() {
        let value = Preview { files: &set(), survives: &survives }.json();
        assert_eq!(value[1]["content"], "a:\tb\n  c: \x1b[31m\n");
        assert_eq!(
            (&value[1]["mode"], &value[1]["size"], &value[1]["secret"]),
            (&json!("0644"), &json!(16), &json!(false))
        );
        let secret = (&value[2]["sha256"], &value[2]["content"], &value[2]["mustSurviveReboot"]);
        assert_eq!(secret, (&json!(ABC), &Value::Null, &json!(false)));
        assert_eq!((&value[3]["secret"], &value[3]["sha256"]), (&json!(true), &Value::Null));
        assert_eq!((&value[4]["type"], &value[4]["target"]), (&json!("symlink"), &json!("k")));
        assert_eq!(value[5], json!({ "path": "/gone", "type": "absent" }));
        let owned = value.as_array().unwrap().iter().take(5).all(|entry| entry["uid"] == owner().0);
        assert!(owned, "{value:#}");
    }
}
