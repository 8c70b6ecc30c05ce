//! How a token's Secret is called (cluster-bootstrap `token/api/types.go`).

/// What the name of a token's Secret begins with.
pub(super) const PREFIX: &str = "bootstrap-token-";

/// `type` of a token's Secret.
pub(super) const TYPE: &str = "bootstrap.kubernetes.io/token";
