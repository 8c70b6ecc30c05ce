//! How much YAML is read.

/// The longest text that is read, in bytes: what a ConfigMap may hold.
pub const MAX_BYTES: usize = 1 << 20;

/// The deepest nesting of mappings and lists. A KubeletConfiguration needs 6; serde_json's own limit is 128.
pub const MAX_DEPTH: usize = 100;

/// How much aliases and merges may repeat altogether, in bytes of a rough estimate.
pub const MAX_EXPANSION_BYTES: usize = 1 << 20;
