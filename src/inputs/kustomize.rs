//! `--experimental-kustomize DIR`, which kubeadm had from 1.16 to 1.18 and old scripts still have: fragments of static Pods,
//! which `--patches` has replaced.

use std::fs;
use std::path::Path;

use super::kubelet::patch_file;
use crate::patches::{PatchFileError, Patches};
use crate::phase::Phase;
use crate::report::Report;
use crate::text::printable;

/// The names that kustomize gives its own file.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Adds the fragments of a directory to the patches, in the order of the files' names; directories in it are left out, as
/// kubeadm left them out.
///
/// # Errors
/// The directory, or a file in it, cannot be read or parsed; there is a kustomization, which would have to be carried out.
pub fn read(directory: &Path, patches: &mut Patches, report: &Report) -> Result<(), PatchFileError> {
    let unreadable =
        |error: std::io::Error| PatchFileError::Directory { path: directory.to_owned(), kind: error.kind() };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let text = "--experimental-kustomize is read as strategic patches; --patches has replaced it since kubeadm 1.19";
    let mut warnings = vec![text.to_owned()];
    for entry in entries.iter().filter(|entry| !entry.path().is_dir()) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if KUSTOMIZATIONS.contains(&name.as_str()) {
            return Err(PatchFileError::Kustomization { path });
        }
        let shown = printable(&name, 80);
        if !name.ends_with(".yaml") && !name.ends_with(".yml") && !name.ends_with(".json") {
            warnings.push(format!("the file {shown} is ignored: its name ends in neither .yaml, .yml nor .json"));
            continue;
        }
        for line in patches.add_fragments(&name, &patch_file(&path)?)? {
            warnings.push(format!("{shown}: line {line} is ignored: it is no Pod with the name of a component"));
        }
    }
    report.warn_each(Phase::Preflight, &warnings);
    Ok(())
}
