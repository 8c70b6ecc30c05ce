//! The three kinds of patches.

/// How a patch is written; the part of the file name behind `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// `strategic`, and without any: a mapping, with directives such as `$patch` and `$retainKeys`.
    Strategic,
    /// `merge`: a mapping in which null removes (RFC 7386).
    Merge,
    /// `json`: a list of operations (RFC 6902).
    Json,
}

impl PatchKind {
    /// As in a file name.
    pub fn name(self) -> &'static str {
        match self {
            PatchKind::Strategic => "strategic",
            PatchKind::Merge => "merge",
            PatchKind::Json => "json",
        }
    }
}
