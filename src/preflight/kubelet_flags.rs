//! Whether the kubelet that is installed accepts the flags that it will be started with. It is asked itself: whatever it has been
//! told beside `--version`, it reads all flags, prints its version and ends (`cmd/kubelet/app/server.go`).

use super::kubelet_version::VERSION_TIMEOUT;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::error::codes;
use crate::kubelet::flags;
use crate::node::paths;
use crate::rootfs::TargetPath;
use crate::services::{Commands, find};

/// Environment files of the packages, and the variable in them.
const EXTRA_FILES: [TargetPath; 3] = [
    TargetPath::fixed("/etc/default/kubelet"),
    TargetPath::fixed("/etc/sysconfig/kubelet"),
    TargetPath::fixed("/etc/conf.d/kubelet"),
];
const EXTRA_ARGS: &str = "KUBELET_EXTRA_ARGS=";
/// Largest of these files, in bytes.
const MAX_FILE_BYTES: usize = 1 << 18;
const VERSION: &str = "--version";

/// `KubeletFlags`.
pub(super) fn accepted(subject: &Subject<'_>) -> Vec<Verdict> {
    let read = |path: &TargetPath| {
        let bytes = subject.root.read(path, MAX_FILE_BYTES).ok().flatten()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let written = read(&paths::KUBEADM_FLAGS).and_then(|text| flags::parse(&text)).unwrap_or_default();
    let mut words: Vec<String> = written.iter().map(|flag| format!("--{flag}")).collect();
    words.extend(subject.plan.node.kubelet_extra_args.iter().map(|(name, value)| format!("--{name}={value}")));
    let mut from = Vec::new();
    for path in EXTRA_FILES {
        let found = extra_args(&read(&path).unwrap_or_default());
        if !found.is_empty() {
            from.push(path.to_string());
            words.extend(found);
        }
    }
    // One that takes the question back would start a kubelet.
    let Some(kubelet) = find(&subject.plan.host.path, "kubelet") else { return Vec::new() };
    if words.is_empty() || words.iter().any(|word| word.starts_with(VERSION) || word == "--") {
        return Vec::new();
    }
    let arguments: Vec<&str> = [VERSION].into_iter().chain(words.iter().map(String::as_str)).collect();
    let output = match Commands::new(&subject.plan.host.path, VERSION_TIMEOUT).run(&kubelet, &arguments) {
        Ok(output) => output,
        Err(error) => return vec![Verdict::could_not_check(error)],
    };
    if output.status.success() {
        return Vec::new();
    }
    let place = if from.is_empty() { paths::KUBEADM_FLAGS.to_string() } else { from.join(" and ") };
    let text = format!("the kubelet does not start with its flags: {}", output.first_line());
    let hint = format!("correct KUBELET_EXTRA_ARGS in {place} on this machine");
    vec![Verdict::error(text, hint).with_code(&codes::KUBELET_UNHEALTHY)]
}

/// The words of the last assignment, as systemd reads an environment file: quotes around the whole value are no part of it.
fn extra_args(text: &str) -> Vec<String> {
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(EXTRA_ARGS)).unwrap_or_default().trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    quoted.unwrap_or(value).split_whitespace().map(str::to_owned).collect()
}
