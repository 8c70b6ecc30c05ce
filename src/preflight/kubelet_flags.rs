//! Whether the kubelet takes the flags that it will be started with.

use super::given_flags::GivenFlag;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::error::codes;
use crate::rootfs::TargetPath;
use crate::values::{Version, may_be_set_by_kubelets};

/// Where flags of a kubelet stand: environment files of the packages, units and what is dropped into them.
const FLAG_FILES: [TargetPath; 6] = [
    TargetPath::fixed("/etc/default/kubelet"),
    TargetPath::fixed("/etc/sysconfig/kubelet"),
    TargetPath::fixed("/etc/conf.d/kubelet"),
    TargetPath::fixed("/etc/systemd/system/kubelet.service"),
    TargetPath::fixed("/usr/lib/systemd/system/kubelet.service"),
    TargetPath::fixed("/usr/local/lib/systemd/system/kubelet.service"),
];
const FLAG_DIRECTORIES: [TargetPath; 3] = [
    TargetPath::fixed("/etc/systemd/system/kubelet.service.d"),
    TargetPath::fixed("/usr/lib/systemd/system/kubelet.service.d"),
    TargetPath::fixed("/usr/local/lib/systemd/system/kubelet.service.d"),
];
/// Largest of these files, in bytes.
const MAX_FILE_BYTES: usize = 1 << 18;
/// The flag with the labels of the Node.
const NODE_LABELS: &str = "node-labels";
/// The first release whose kubelet ends where it is given a label that it may not set, and the first that is not known.
const ENDS_FOR_LABELS: [Version; 2] = [
    Version { major: 1, minor: 16, patch: 0, pre_release: false },
    Version { major: 1, minor: 38, patch: 0, pre_release: true },
];

/// `KubeletFlags`: the kubelet is asked whether it takes them.
pub(super) fn accepted(subject: &Subject<'_>) -> Vec<Verdict> {
    let Some(refusal) = subject.kubelet_refusal() else { return Vec::new() };
    let text = format!("the kubelet does not start with its flags: {refusal}");
    vec![refused(text, format!("correct {} on this machine", places(subject.kubelet_flags().iter())))]
}

/// `KubeletLabels`: the kubelet ends at once where it is to give its Node a label of Kubernetes that is not a kubelet's to give.
pub(super) fn labels(subject: &Subject<'_>) -> Vec<Verdict> {
    let ends =
        |version: &Version| !version.is_older_than(ENDS_FOR_LABELS[0]) && version.is_older_than(ENDS_FOR_LABELS[1]);
    if !subject.kubelet().is_ok_and(ends) {
        return Vec::new();
    }
    // A map: the label of each counts, wherever it is given.
    let given = subject.kubelet_flags().iter().filter(|flag| flag.name == NODE_LABELS);
    let labels = given.flat_map(|flag| flag.value().split(',').map(move |label| (flag, label.trim())));
    let keys = labels.map(|(flag, label)| (flag, label.split('=').next().unwrap_or_default()));
    let refused_keys = keys.filter(|(_, key)| !may_be_set_by_kubelets(key));
    let verdict = |(flag, key): (&GivenFlag, &str)| {
        let text = format!("the kubelet does not start with the label {key}, which it may not set on its own Node");
        let place = places(std::iter::once(flag));
        refused(text, format!("remove it from {place}; set it with `kubectl label node` on the control plane"))
    };
    refused_keys.map(verdict).collect()
}

fn refused(text: String, hint: String) -> Verdict {
    Verdict::error(text, hint).with_code(&codes::KUBELET_FLAGS_REFUSED)
}

/// Where flags are given, each place once.
fn places<'f>(flags: impl Iterator<Item = &'f GivenFlag>) -> String {
    let mut places = Vec::new();
    for flag in flags {
        let place = flag.file.as_ref().map_or("kubeletExtraArgs of this join".to_owned(), TargetPath::to_string);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.join(" or ")
}

/// Whether a flag, which counts more than the kubelet's configuration, is given as `false`: by what is known of its command line;
/// where that has no such flag, by the text of a file that its service may read in a way that is not understood here (a script,
/// a wrapper).
pub(super) fn says_no(subject: &Subject<'_>, name: &str) -> bool {
    let last = subject.kubelet_flags().iter().rev().find(|flag| flag.name == name);
    match last.filter(|flag| flag.is_plain()) {
        Some(flag) => is_no(flag.value()),
        None => stands_in_a_file(subject, &format!("--{name}=false")),
    }
}

/// Whether a value is false to the kubelet (Go's `strconv.ParseBool`).
pub(super) fn is_no(value: &str) -> bool {
    ["0", "f", "F", "false", "False", "FALSE"].contains(&value)
}

fn stands_in_a_file(subject: &Subject<'_>, given: &str) -> bool {
    let in_directories = FLAG_DIRECTORIES.into_iter().flat_map(|directory| {
        let names = subject.root.list(&directory).ok().flatten().unwrap_or_default();
        names.into_iter().filter(|name| name.ends_with(".conf")).filter_map(move |name| directory.join(&name).ok())
    });
    FLAG_FILES.into_iter().chain(in_directories).any(|path| {
        let text = subject.root.read(&path, MAX_FILE_BYTES).ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(given))
    })
}
