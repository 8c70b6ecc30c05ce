//! A KubeletConfiguration as the cluster or a file holds it: parsed once, before any default is set.

use serde_json::Value;

use super::defaults;
use super::error::KubeletConfigError;
use crate::cluster::document::{self, Fields};
use crate::text::UntrustedText;
use crate::yaml::{self, Document};

const GROUP: &str = "kubelet.config.k8s.io";
/// The one version there is (kubelet `pkg/kubelet/apis/config`).
pub(super) const VERSION: &str = "kubelet.config.k8s.io/v1beta1";
pub(super) const KIND: &str = "KubeletConfiguration";

/// The document, and where it came from.
#[derive(Clone, Debug)]
pub struct RawKubeletConfig {
    /// The ConfigMap or the file, for messages.
    origin: String,
    /// `None` where the text holds no KubeletConfiguration.
    document: Option<Document>,
}

impl RawKubeletConfig {
    /// Reads key `kubelet` of a ConfigMap, or a file.
    ///
    /// # Errors
    /// Bad YAML, a document without apiVersion and kind, two of this kind, another version of the API.
    pub fn parse(text: &str, origin: String) -> Result<Self, KubeletConfigError> {
        let document = document::find(text, GROUP, KIND)?;
        document.as_ref().map_or(Ok(()), check_version)?;
        Ok(RawKubeletConfig { origin, document })
    }

    /// The ConfigMap or the file, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a field is unset that only the ClusterConfiguration can fill. A field of a wrong type needs nothing:
    /// [`super::configuration::KubeletConfiguration::build`] says what is wrong with it.
    pub fn needs_cluster_configuration(&self) -> bool {
        let Some(document) = &self.document else { return true };
        defaults::leaves_unset(&Fields(document)).unwrap_or(false)
    }

    /// Sets what it sets in a configuration that is there; what it leaves unset stays.
    pub fn merge_into(&self, target: &mut Value) {
        if let Some(document) = &self.document {
            merge(target, &document.value);
        }
    }

    pub(super) fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }
}

fn merge(target: &mut Value, from: &Value) {
    match (target, from) {
        (_, Value::Null) => {}
        (Value::Object(target), Value::Object(from)) => {
            for (field, value) in from.iter().filter(|(_, value)| !value.is_null()) {
                merge(target.entry(field.as_str()).or_insert(Value::Null), value);
            }
        }
        (target, from) => *target = from.clone(),
    }
}

/// A configuration in which nothing is set.
pub(super) fn empty() -> Result<Document, KubeletConfigError> {
    let text = format!("{{apiVersion: {VERSION}, kind: {KIND}}}");
    yaml::parse_one(&text).map_err(|error| KubeletConfigError::Document(error.into()))
}

/// The one KubeletConfiguration of a text that has to hold one.
pub(super) fn read(text: &str) -> Result<Document, KubeletConfigError> {
    let document = document::find(text, GROUP, KIND)?.ok_or(document::DocumentError::NoKind { line: 1 })?;
    check_version(&document)?;
    Ok(document)
}

fn check_version(document: &Document) -> Result<(), KubeletConfigError> {
    match Fields(document).text("apiVersion")?.unwrap_or("") {
        VERSION => Ok(()),
        other => {
            let version = UntrustedText::new(other, None);
            Err(KubeletConfigError::Version { line: document.line_of("apiVersion"), version })
        }
    }
}
