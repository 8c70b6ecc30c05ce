//! `KubeletDropIns`: what of the machine's own overrides fields of the kubelet's configuration that the cluster needs. The kubelet
//! starts with it: a warning. A drop-in counts more than `config.yaml`, and a flag more than a drop-in (`cmd/kubelet/app/server.go`).

use serde_json::Value;

use super::kubelet_flags::is_no;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::rootfs::{FileKind, Root, TargetPath};
use crate::yaml;

/// The flag that names the directory of drop-ins; without it there are none (1.28 and newer).
const CONFIG_DIR: &str = "config-dir";
/// Largest drop-in that is read, in bytes.
const MAX_FILE_BYTES: usize = 1 << 18;
/// How far below it a drop-in may be.
const MAX_DEPTH: usize = 8;

/// What the cluster or a join sets: the field, its flag, and what follows where somebody else sets it.
const OF_THE_JOIN: [(&str, &str, &str); 3] = [
    ("clusterDNS", "cluster-dns", "pods ask another name server than the cluster's"),
    ("staticPodPath", "pod-manifest-path", "static pods are looked for elsewhere"),
    ("rotateCertificates", "rotate-certificates", "this decides whether the kubelet renews its certificate"),
];

/// What overrides this configuration.
pub(super) fn overrides(subject: &Subject<'_>, configuration: &KubeletConfiguration) -> Vec<Verdict> {
    let drop_ins = drop_ins(subject);
    let mut verdicts = Vec::new();
    for (field, flag, consequence) in OF_THE_JOIN {
        let given: Vec<_> = subject.kubelet_flags().iter().filter(|given| given.name == flag).collect();
        // What the settings of the join say themselves is what somebody wants; and what is not known overrides nothing.
        if given.iter().any(|given| given.file.is_none() || !given.is_plain()) {
            continue;
        }
        let in_flags = given.last().and_then(|last| {
            // A list is made longer by each.
            let values: Vec<_> = given.iter().map(|given| given.value()).collect();
            let value = if field == "clusterDNS" { values.join(",") } else { last.value().to_owned() };
            Some((last.file.as_ref()?, value))
        });
        let in_drop_ins = drop_ins.iter().rev().find_map(|(path, value)| Some((path, shown(value.get(field)?))));
        let Some((place, value)) = in_flags.or(in_drop_ins) else { continue };
        let wanted = configuration.value().get(field).map(shown).unwrap_or_default();
        if !is_same(&value, &wanted) {
            let wanted = if wanted.is_empty() { "nothing" } else { &wanted };
            verdicts.push(Verdict::warning(format!(
                "{place} sets {field} to {value}, where the cluster's configuration has {wanted}: {consequence}"
            )));
        }
    }
    verdicts
}

/// Whether a drop-in says `false` of a field; the last one that names it counts.
pub(super) fn say_no(subject: &Subject<'_>, field: &str) -> bool {
    drop_ins(subject).iter().rev().find_map(|(_, value)| value.get(field)) == Some(&Value::Bool(false))
}

fn is_same(value: &str, wanted: &str) -> bool {
    let yes = |text: &str| ["1", "t", "T", "true", "True", "TRUE"].contains(&text);
    value.trim_end_matches('/') == wanted.trim_end_matches('/')
        || is_no(value) && is_no(wanted)
        || yes(value) && yes(wanted)
}

/// The drop-ins in the order in which they are merged. What is no YAML is the kubelet's to refuse.
fn drop_ins(subject: &Subject<'_>) -> Vec<(TargetPath, Value)> {
    let named = subject.kubelet_flags().iter().rev().find(|flag| flag.name == CONFIG_DIR);
    let mut found = Vec::new();
    if let Some(value) = named.map(|flag| flag.value())
        && let Ok(directory) = value.parse::<TargetPath>()
        // A link to it is not entered.
        && (value.ends_with('/') || is_directory(subject.root, &directory))
    {
        add_drop_ins(subject.root, &directory, MAX_DEPTH, &mut found);
    }
    found
}

/// Those of a directory by their names, and where one is a directory, those in it, as Go's `filepath.WalkDir` has them.
fn add_drop_ins(root: &Root, directory: &TargetPath, depth: usize, found: &mut Vec<(TargetPath, Value)>) {
    for name in root.list(directory).ok().flatten().unwrap_or_default() {
        let Ok(path) = directory.join(&name) else { continue };
        if depth > 0 && is_directory(root, &path) {
            add_drop_ins(root, &path, depth - 1, found);
        } else if name.ends_with(".conf")
            && let Ok(Some(bytes)) = root.read(&path, MAX_FILE_BYTES)
            && let Ok(read) = yaml::parse_one(&String::from_utf8_lossy(&bytes))
        {
            found.push((path, read.value));
        }
    }
}

fn is_directory(root: &Root, path: &TargetPath) -> bool {
    root.link_metadata(path).is_ok_and(|found| found.is_some_and(|found| found.kind == FileKind::Directory))
}

/// A value as a flag has it.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
