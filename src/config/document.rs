//! A configuration file: which of its documents is read, and by which version's reader.

use std::path::Path;

use serde_json::Value;

use super::draft::Draft;
use super::error::ConfigError;
use super::fields::Reader;
use super::findings::Findings;
use super::reset_configuration::{self, ResetDraft};
use super::warning::Warning;
use super::yaml_cause::YamlCause;
use super::{v1alpha3, v1beta2, v1beta3, v1beta4};
use crate::yaml::{self, Document};

/// The API group of kubeadm.
const GROUP: &str = "kubeadm.k8s.io";

/// The kind that a join reads, and what it was called before v1alpha3.
pub(super) const KIND: &str = "JoinConfiguration";
pub(super) const OLD_KIND: &str = "NodeConfiguration";
/// The kind that a reset reads.
pub(super) const RESET_KIND: &str = "ResetConfiguration";

/// What is known of a version. A reader is one file.
struct Version {
    api_version: &'static str,
    kind: &'static str,
    read: fn(&mut Reader<'_>) -> Draft,
    status: Status,
}

enum Status {
    Current,
    /// kubeadm does not read it any more; the last release that did.
    Old(&'static str),
    /// kubeadm reads it only where it is told to.
    Experimental,
}

const fn version(
    api_version: &'static str,
    kind: &'static str,
    read: fn(&mut Reader<'_>) -> Draft,
    status: Status,
) -> Version {
    Version { api_version, kind, read, status }
}

/// The group's versions; the releases are those of `util/config/common.go`, `validateSupportedVersion`.
const VERSIONS: [Version; 8] = [
    version("kubeadm.k8s.io/v1beta4", KIND, v1beta4::read, Status::Current),
    version("kubeadm.k8s.io/v1beta3", KIND, v1beta3::read, Status::Old("v1.36")),
    version("kubeadm.k8s.io/v1beta2", KIND, v1beta2::read, Status::Old("v1.26")),
    version("kubeadm.k8s.io/v1beta1", KIND, v1beta2::read_v1beta1, Status::Old("v1.21")),
    version("kubeadm.k8s.io/v1alpha3", KIND, v1alpha3::read, Status::Old("v1.14")),
    version("kubeadm.k8s.io/v1alpha2", OLD_KIND, v1alpha3::read_v1alpha2, Status::Old("v1.12")),
    version("kubeadm.k8s.io/v1alpha1", OLD_KIND, v1alpha3::read_v1alpha1, Status::Old("v1.11")),
    version("kubeadm.k8s.io/v1", KIND, v1beta4::read_v1, Status::Experimental),
];

/// Versions whose documents kubeadm knows besides: those of the components it configures.
const COMPONENTS: [&str; 2] = ["kubelet.config.k8s.io/v1beta1", "kubeproxy.config.k8s.io/v1alpha1"];

/// Whether some kubeadm has read documents of this version.
pub(super) fn kubeadm_knows(api_version: &str) -> bool {
    VERSIONS.iter().any(|version| version.api_version == api_version) || COMPONENTS.contains(&api_version)
}

/// Reads the JoinConfiguration of a file.
///
/// # Errors
/// What is wrong with the file as a whole. What is wrong with its values is added to the findings.
pub(super) fn read(path: &Path, text: &str, findings: &mut Findings) -> Result<Draft, ConfigError> {
    let documents = documents(path, text)?;
    let (document, api_version, kind) = choose(path, &documents, KIND, &mut findings.warnings)?;
    let known = VERSIONS.iter().find(|version| version.api_version == api_version && version.kind == kind);
    let Some(version) = known else { return Err(ConfigError::Version { path: path.to_owned(), api_version, kind }) };
    let mut reader = Reader::new(document);
    let draft = (version.read)(&mut reader);
    match version.status {
        Status::Current => {}
        Status::Old(last_kubeadm) => {
            let moved = reader.moved;
            findings.warnings.push(Warning::OldVersion { api_version, kind, last_kubeadm, moved });
        }
        Status::Experimental => findings.warnings.push(Warning::ExperimentalVersion(api_version)),
    }
    findings.problems.append(&mut reader.findings.problems);
    findings.warnings.append(&mut reader.findings.warnings);
    Ok(draft)
}

/// Reads the ResetConfiguration of a file. It exists since v1beta4.
///
/// # Errors
/// As for [`read`].
pub(super) fn read_reset(path: &Path, text: &str, findings: &mut Findings) -> Result<ResetDraft, ConfigError> {
    let documents = documents(path, text)?;
    let (document, api_version, kind) = choose(path, &documents, RESET_KIND, &mut findings.warnings)?;
    let known = VERSIONS.iter().find(|version| version.api_version == api_version);
    match known.map(|version| &version.status) {
        Some(Status::Current) => {}
        Some(Status::Experimental) => findings.warnings.push(Warning::ExperimentalVersion(api_version)),
        Some(Status::Old(_)) | None => {
            return Err(ConfigError::Version { path: path.to_owned(), api_version, kind });
        }
    }
    let mut reader = Reader::new(document);
    let draft = reset_configuration::read(&mut reader);
    findings.problems.append(&mut reader.findings.problems);
    findings.warnings.append(&mut reader.findings.warnings);
    Ok(draft)
}

fn documents(path: &Path, text: &str) -> Result<Vec<Document>, ConfigError> {
    yaml::parse(text).map_err(|error| {
        let cause = error.line().and_then(|line| YamlCause::find(text, line));
        ConfigError::Yaml { path: path.to_owned(), error, cause }
    })
}

/// The document of a kind, its apiVersion and its kind, which may be the old one of a join. The rules are kubeadm's (`util/marshal.go`): every
/// document has a group, a version and a kind, and no kind is there twice, in whichever versions.
fn choose<'a>(
    path: &Path,
    documents: &'a [Document],
    wanted: &'static str,
    warnings: &mut Vec<Warning>,
) -> Result<(&'a Document, String, String), ConfigError> {
    let mut seen: Vec<&str> = Vec::new();
    let mut chosen = None;
    for document in documents.iter().filter(|document| !document.value.is_null()) {
        let line = document.line;
        let text = |name| document.value.get(name).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let has_group =
            api_version.split_once('/').is_some_and(|(group, version)| !group.is_empty() && !version.is_empty());
        if !has_group || kind.is_empty() {
            let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
            return Err(ConfigError::NoKind { path: path.to_owned(), line, api_version, kind });
        }
        if seen.contains(&kind) {
            return Err(ConfigError::KindTwice { path: path.to_owned(), kind: kind.to_owned(), line });
        }
        seen.push(kind);
        let is_old_kind =
            wanted == KIND && kind == OLD_KIND && api_version.split_once('/').is_some_and(|(group, _)| group == GROUP);
        if kind == wanted || is_old_kind {
            if chosen.is_some() {
                return Err(ConfigError::KindTwice { path: path.to_owned(), kind: kind.to_owned(), line });
            }
            chosen = Some((document, api_version.to_owned(), kind.to_owned()));
        } else {
            let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
            warnings.push(Warning::IgnoredDocument { api_version, kind, line });
        }
    }
    chosen.ok_or_else(|| {
        let kinds = seen.iter().map(|kind| (*kind).to_owned()).collect();
        ConfigError::NoConfiguration { path: path.to_owned(), wanted, kinds }
    })
}
