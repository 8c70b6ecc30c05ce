//! TLS bootstrap by ourselves: request, wait, match the certificate to the key.
//!
//! Request object and name are the kubelet's (`pkg/kubelet/certificate/bootstrap/bootstrap.go`), so that a second run with the
//! same pending key finds its own request again, and an administrator sees what they know.
//!
//! Enters: a client that may be told the token, the key, and the cluster as discovery has verified it. Leaves:
//! [`Credentials`], of which every claim has been checked. `request` posts, `wait` waits, `issued` checks; where the key
//! comes from and where the certificate goes is not in here.

mod error;
mod issued;
mod obtain;
mod request;
mod rights;
mod wait;

pub use error::{BootstrapError, Mismatch};
pub use issued::Credentials;
pub use obtain::{look_at_request, obtain};
pub use rights::{BE_APPROVED, REQUEST, right_to};
pub use wait::APPROVER_GRACE;
