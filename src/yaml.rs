//! YAML in and out as Go's `sigs.k8s.io/yaml` (v1.6, go.yaml.in/yaml/v2 below it) reads and writes it.
//!
//! What counts here is what the kubelet and kubeadm read: YAML 1.1 scalars (`yes`, `on` and `y` are booleans, `012` is
//! ten), merge keys, keys turned into strings. `saphyr-parser` gives events; this room turns them into
//! [`serde_json::Value`], with line numbers for messages, duplicates for warnings, and limits for hostile text. The
//! writer quotes whatever Go would misread and otherwise gives Go's own bytes. `tests/yaml/` holds both directions
//! against the Go library.
//!
//! Not in here: any schema. Nothing in this room knows a field of Kubernetes.

mod cut_line;
mod document;
mod error;
mod limits;
mod reader;
mod scalar;
mod writer;

pub use document::Document;
pub use error::YamlError;
pub use limits::{MAX_BYTES, MAX_DEPTH};
pub use reader::{parse, parse_one};
pub use writer::to_string;
