//! Keys and values of labels; the key of a taint has the same form (apimachinery `util/validation`).

use std::fmt;

use super::misprint::Misprint;
use super::node_name::is_subdomain;

/// The longest name or value, in characters.
const MAX_LENGTH: usize = 63;

/// The labels of Kubernetes that a kubelet may set on its own Node (`pkg/kubelet/apis/well_known_labels.go`, the same from
/// 1.16 to 1.37).
const KUBELET_LABELS: [&str; 11] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// Why a text cannot be a key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelError {
    /// There is no name.
    Empty,
    /// What stands before the slash is not a DNS name.
    Prefix,
    /// There is more than one slash.
    Slash,
    /// Longer than 63 characters.
    Length,
    /// Something else than letters, digits, `-`, `_` and `.`, which begins and ends with a letter or a digit.
    Form,
    /// A character that nobody typed, or a template.
    Misprint(Misprint),
}

/// Checks `[prefix/]name`.
///
/// # Errors
/// What is wrong with it.
pub fn check_label_key(key: &str) -> Result<(), LabelError> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let result = match prefix {
        _ if name.contains('/') => Err(LabelError::Slash),
        Some(prefix) if !is_subdomain(prefix) => Err(LabelError::Prefix),
        _ if name.is_empty() => Err(LabelError::Empty),
        _ => check(name),
    };
    result.map_err(|error| Misprint::find(key).map_or(error, LabelError::Misprint))
}

/// Checks a value, which may be empty.
///
/// # Errors
/// What is wrong with it.
pub fn check_label_value(value: &str) -> Result<(), LabelError> {
    if value.is_empty() {
        return Ok(());
    }
    check(value).map_err(|error| Misprint::find(value).map_or(error, LabelError::Misprint))
}

/// Whether a kubelet of 1.16 up to 1.37 takes a label with this key for its own Node: it ends at once with any other.
pub fn may_be_set_by_kubelets(key: &str) -> bool {
    is_of_kubelet(key) || !["kubernetes.io", "k8s.io"].iter().any(|domain| has_prefix_in(key, domain))
}

fn is_of_kubelet(key: &str) -> bool {
    let namespaces = ["kubelet.kubernetes.io", "node.kubernetes.io"];
    KUBELET_LABELS.contains(&key) || namespaces.iter().any(|domain| has_prefix_in(key, domain))
}

/// Whether the prefix of a key is this domain, or below it.
fn has_prefix_in(key: &str, domain: &str) -> bool {
    key.split_once('/')
        .and_then(|(prefix, _)| prefix.strip_suffix(domain))
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn check(text: &str) -> Result<(), LabelError> {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    let allowed = |c: char| is_end(c) || matches!(c, '-' | '_' | '.');
    if !text.chars().all(allowed) || !text.starts_with(is_end) || !text.ends_with(is_end) {
        return Err(LabelError::Form);
    }
    if text.len() > MAX_LENGTH { Err(LabelError::Length) } else { Ok(()) }
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelError::Empty => f.write_str("it is empty"),
            LabelError::Prefix => f.write_str("what stands before the slash is not a DNS name in lower case"),
            LabelError::Slash => f.write_str("it has more than one slash"),
            LabelError::Length => write!(f, "it is longer than {MAX_LENGTH} characters"),
            LabelError::Form => f.write_str(
                "it consists of letters, digits, `-`, `_` and `.`, and begins and ends with a letter or a digit",
            ),
            LabelError::Misprint(misprint) => write!(f, "it {misprint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_as_kubernetes_checks_them() {
        let long = "a".repeat(64);
        let table = [
            ("pool", Ok(())),
            ("Pool_1.x", Ok(())),
            ("example.com/pool", Ok(())),
            ("", Err(LabelError::Empty)),
            ("example.com/", Err(LabelError::Empty)),
            ("Example.com/pool", Err(LabelError::Prefix)),
            ("/pool", Err(LabelError::Prefix)),
            ("a/b/c", Err(LabelError::Slash)),
            ("-pool", Err(LabelError::Form)),
            ("gpu:NoSchedule", Err(LabelError::Form)),
            ("my pool", Err(LabelError::Form)),
            (&long, Err(LabelError::Length)),
            ("{{ pool }}", Err(LabelError::Misprint(Misprint::Template))),
        ];
        for (key, expected) in table {
            assert_eq!(check_label_key(key), expected, "{key}");
        }
    }

    #[test]
    fn values_are_checked_as_kubernetes_checks_them() {
        let table = [
            ("", Ok(())),
            ("a_b.c-1", Ok(())),
            ("a/b", Err(LabelError::Form)),
            ("a b", Err(LabelError::Form)),
            ("'a'", Err(LabelError::Misprint(Misprint::First('\'')))),
        ];
        for (value, expected) in table {
            assert_eq!(check_label_value(value), expected, "{value}");
        }
    }
}
