//! Patches of several files, parsed and applied in their order.

use serde_json::Value;

use super::error::{PatchError, PatchFileError};
use super::file_name::FileName;
use super::kind::PatchKind;
use super::schema::Schema;
use super::target::PatchTarget;
use super::{documents, json, merge, strategic};
use crate::text::printable;
use crate::yaml::Document;

/// Patches for whatever a join writes, in the order in which they are applied.
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
    target: PatchTarget,
    kind: PatchKind,
    content: Value,
}

impl Patches {
    /// Takes in the documents of a file that [`FileName::parse`] knows. All of them are checked here, as kubeadm checks them,
    /// those for what this node does not have as well.
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
            self.push(file, document.line, name, document.value);
        }
        Ok(())
    }

    /// One line each, fit for a console.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Takes in a file of `--experimental-kustomize`, as kubeadm 1.16 to 1.18 had it: every document is a fragment of the
    /// static Pod that its `metadata.name` says, and a strategic patch of that. Returns the lines of those that are of
    /// none.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_fragments(&mut self, file: &str, text: &[u8]) -> Result<Vec<usize>, PatchFileError> {
        let mut others = Vec::new();
        for Document { value, line, .. } in documents::split(file, text)? {
            let text = |pointer| value.pointer(pointer).and_then(Value::as_str);
            let is_pod = text("/apiVersion") == Some("v1") && text("/kind") == Some("Pod");
            let is_there = text("/metadata/namespace").is_none_or(|namespace| namespace == "kube-system");
            match text("/metadata/name").and_then(PatchTarget::component).filter(|_| is_pod && is_there) {
                Some(target) => self.push(file, line, FileName { target, kind: PatchKind::Strategic }, value),
                None if value.is_null() => {}
                None => others.push(line),
            }
        }
        Ok(others)
    }

    /// Takes in one document of a file, from the line on where it begins.
    fn push(&mut self, file: &str, line: usize, name: FileName, content: Value) {
        self.patches.push(Patch { file: file.to_owned(), line, target: name.target, kind: name.kind, content });
    }

    /// Whether there are any for a target.
    pub fn has(&self, target: PatchTarget) -> bool {
        self.of(target).next().is_some()
    }

    /// How many there are, for whatever target.
    pub fn count(&self) -> usize {
        self.patches.len()
    }

    fn of(&self, target: PatchTarget) -> impl Iterator<Item = &Patch> {
        self.patches.iter().filter(move |patch| patch.target == target)
    }

    /// Applies those that change nothing when they have been applied before: all but JSON patches.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_again(&self, target: PatchTarget, value: &mut Value) -> Result<(), PatchError> {
        self.of(target).filter(|patch| patch.kind != PatchKind::Json).try_for_each(|patch| patch.apply(value))
    }

    /// Applies all of a target, in order.
    ///
    /// # Errors
    /// The first one that does not fit what is there by then.
    pub fn apply(&self, target: PatchTarget, value: &mut Value) -> Result<(), PatchError> {
        self.of(target).try_for_each(|patch| patch.apply(value))
    }
}

impl Patch {
    fn apply(&self, value: &mut Value) -> Result<(), PatchError> {
        let content = self.content.clone();
        let schema = if self.target.is_component() { Schema::Pod } else { Schema::Plain };
        let result = match self.kind {
            PatchKind::Strategic => strategic::apply(value, content, schema),
            PatchKind::Merge => merge::apply(value, content),
            PatchKind::Json => json::apply(value, content),
        };
        result.map_err(|misfit| PatchError { file: self.file.clone(), line: self.line, kind: self.kind, misfit })
    }
}
