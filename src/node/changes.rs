//! What a run would write differently on a node that has joined: flags, taints, patches or a KubeletConfiguration that
//! were corrected since. Found without a network, from the files that are there.
//!
//! What only the cluster can say (its own `kubelet-config`, how its release hands over the runtime's socket) stays as it is.
//! JSON patches are left out: most of them cannot be applied twice.

use serde_json::Value;

use super::paths;
use crate::kubelet::flags;
use crate::patches::PatchTarget;
use crate::plan::NodeSpec;
use crate::rootfs::{FileSet, Root, RootError, TargetPath};
use crate::text::printable;
use crate::yaml;

/// Largest file of ours that is read back, in bytes.
const READ_LIMIT: usize = 1 << 20;

/// The mode of both files.
const MODE: u32 = 0o644;

/// Flags that depend on the cluster's release, or that older kubeadm releases wrote: kept as they are.
const OF_THE_CLUSTER: [&str; 3] = ["container-runtime", "container-runtime-endpoint", "pod-infra-container-image"];

/// Fields of config.yaml that a join sets itself, whatever a patch says.
const OF_THE_JOIN: [&str; 2] = ["rotateCertificates", "containerRuntimeEndpoint"];

/// Longest flag or value that is shown, in characters.
const MAX_SHOWN: usize = 80;

/// A file that would be written differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: TargetPath,
    /// What differs, in words that follow "it would have".
    pub difference: String,
    content: String,
}

/// The files that would be written differently; none where everything is as it would be.
///
/// # Errors
/// A file cannot be read. What cannot be understood is not compared.
pub fn changes(root: &Root, node: &NodeSpec) -> Result<Vec<Change>, RootError> {
    let read = |path: &TargetPath| -> Result<Option<String>, RootError> {
        let bytes = root.read(path, READ_LIMIT)?;
        Ok(bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok().map(str::to_owned)))
    };
    let flags = read(&paths::KUBEADM_FLAGS)?.and_then(|text| flags_change(&text, node));
    let config = read(&paths::KUBELET_CONFIG)?.and_then(|text| config_change(&text, node));
    Ok(flags.into_iter().chain(config).collect())
}

/// The files as they would be.
pub fn files(changes: &[Change]) -> FileSet {
    let mut files = FileSet::new();
    for change in changes {
        files.file(change.path.clone(), MODE, change.content.as_str());
    }
    files
}

fn flags_change(text: &str, node: &NodeSpec) -> Option<Change> {
    let written = flags::parse(text)?;
    let name = format!("hostname-override={}", node.name);
    let is_kept =
        |flag: &&String| OF_THE_CLUSTER.iter().any(|name| flag.split('=').next() == Some(name)) || **flag == name;
    let hostname_override = node.override_hostname.then_some(node.name.as_str());
    let wanted = flags::parse(&flags::render(&[], hostname_override, &node.taints, &node.kubelet_extra_args))?;
    // A flag that a user gives replaces what is kept.
    let given = |flag: &&String| node.kubelet_extra_args.iter().any(|(name, _)| flag.split('=').next() == Some(name));
    let kept: Vec<_> = written.iter().filter(is_kept).filter(|flag| !given(flag)).cloned().collect();
    let wanted: Vec<_> = wanted.into_iter().filter(|flag| !kept.contains(flag)).collect();
    let now: Vec<_> = written.iter().filter(|flag| !kept.contains(flag)).cloned().collect();
    if now == wanted {
        return None;
    }
    let shown = |flags: &[String], others: &[String]| {
        let only = flags.iter().filter(|flag| !others.contains(flag));
        only.map(|flag| format!("--{}", printable(flag, MAX_SHOWN))).collect::<Vec<_>>().join(" ")
    };
    let difference = match (shown(&wanted, &now), shown(&now, &wanted)) {
        (new, old) if old.is_empty() && new.is_empty() => "the same flags in another order".to_owned(),
        (new, old) if old.is_empty() => new,
        (new, old) if new.is_empty() => format!("no {old}"),
        (new, old) => format!("{new} instead of {old}"),
    };
    let content = flags::file(kept.iter().chain(&wanted).map(String::as_str));
    Some(Change { path: paths::KUBEADM_FLAGS, difference, content })
}

fn config_change(text: &str, node: &NodeSpec) -> Option<Change> {
    let overrides = &node.kubelet_overrides;
    if overrides.kubelet_config.is_none() && !overrides.patches.has(PatchTarget::KubeletConfiguration) {
        return None;
    }
    let now = yaml::parse_one(text).ok()?.value;
    let mut wanted = now.clone();
    if let Some(raw) = &overrides.kubelet_config {
        raw.merge_into(&mut wanted);
    }
    overrides.patches.apply_again(PatchTarget::KubeletConfiguration, &mut wanted).ok()?;
    let (Value::Object(before), Value::Object(after)) = (&now, &mut wanted) else { return None };
    for field in OF_THE_JOIN {
        match before.get(field) {
            Some(value) => drop(after.insert(field.to_owned(), value.clone())),
            None => drop(after.remove(field)),
        }
    }
    let changed = after.iter().filter(|(field, value)| before.get(*field) != Some(value));
    let removed = before.keys().filter(|field| !after.contains_key(*field));
    let differences: Vec<String> = changed
        .map(|(field, value)| printable(&format!("{field}: {value}"), MAX_SHOWN))
        .chain(removed.map(|field| format!("no {}", printable(field, MAX_SHOWN))))
        .collect();
    if differences.is_empty() {
        return None;
    }
    let content = yaml::to_string(&wanted);
    Some(Change { path: paths::KUBELET_CONFIG, difference: differences.join(", "), content })
}
