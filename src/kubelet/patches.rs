//! The user's patches of `config.yaml`, as kubeadm 1.37 reads and applies a directory given with `--patches`
//! (`cmd/kubeadm/app/util/patches/patches.go`).
//!
//! In come names and contents of files in the order of kubeadm's walk; reading them is
//! [`crate::inputs`]'s. Every patch is parsed at once, so that a broken one is refused before anything is sent.
//!
//! The three kinds are written here and not taken from crates: operators have files that work with kubeadm, whose two
//! libraries (evanphx/json-patch v4, apimachinery `strategicpatch`) go their own ways where the RFCs say otherwise
//! (`replace` of a missing member adds it, indices count from the end, nulls inside a new mapping are dropped).
//! `tests/kubelet/patches.jsonl` holds each of these ways against kubeadm's own code.

mod documents;
pub mod error;
pub mod file_name;
mod json;
mod merge;
mod strategic;

use serde_json::Value;

pub use error::{Misfit, PatchError, PatchFileError};
pub use file_name::{FileName, Ignored};

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

/// Patches for the KubeletConfiguration, in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub struct Patches {
    patches: Vec<Patch>,
    warnings: Vec<String>,
}

/// One document of a file.
#[derive(Clone, Debug)]
struct Patch {
    file: String,
    /// Where it begins, counted from 1.
    line: usize,
    kind: PatchKind,
    content: Value,
}

impl Patches {
    /// Takes in the documents of a file that [`FileName::parse`] knows. Those for other components are checked, as
    /// kubeadm checks them, and go no further: a worker has no such component.
    ///
    /// # Errors
    /// What kubeadm refuses as well: a text that is no YAML, something else on a line that begins with `---`.
    pub fn add(&mut self, file: &str, name: FileName, text: &[u8]) -> Result<(), PatchFileError> {
        for document in documents::split(file, text)? {
            for duplicate in &document.duplicates {
                let path = crate::text::printable(&duplicate.path, 80);
                let line = duplicate.line;
                self.warnings.push(format!("{file}: line {line}: {path} is given again; the last one counts"));
            }
            if name.is_for_kubelet {
                let patch =
                    Patch { file: file.to_owned(), line: document.line, kind: name.kind, content: document.value };
                self.patches.push(patch);
            }
        }
        Ok(())
    }

    /// One line each, fit for a console.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.patches.len()
    }

    /// Applies all of them, in order.
    ///
    /// # Errors
    /// The first one that does not fit what is there by then.
    pub fn apply(&self, target: &mut Value) -> Result<(), PatchError> {
        for patch in &self.patches {
            let content = patch.content.clone();
            let result = match patch.kind {
                PatchKind::Strategic => strategic::apply(target, content),
                PatchKind::Merge => merge::apply(target, content),
                PatchKind::Json => json::apply(target, content),
            };
            result.map_err(|misfit| PatchError {
                file: patch.file.clone(),
                line: patch.line,
                kind: patch.kind,
                misfit,
            })?;
        }
        Ok(())
    }
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
