//! Patches of several files, parsed and applied in their order.

use serde_json::Value;

use super::error::{PatchError, PatchFileError};
use super::file_name::FileName;
use super::kind::PatchKind;
use super::{documents, json, merge, strategic};
use crate::text::printable;

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
                let path = printable(&duplicate.path, 80);
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

    /// Applies those that change nothing when they have been applied before: all but JSON patches.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_again(&self, target: &mut Value) -> Result<(), PatchError> {
        let patches = self.patches.iter().filter(|patch| patch.kind != PatchKind::Json).cloned().collect();
        Patches { patches, warnings: Vec::new() }.apply(target)
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
