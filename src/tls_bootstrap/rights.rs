//! Whether a certificate may be requested, asked without requesting one.

use crate::kube::access_review::{Act, Right};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::retry::Retry;

const CSRS: &str = "certificatesigningrequests";
const GROUP: &str = "certificates.k8s.io";

/// What a join does.
pub const REQUEST: Act = Act { verb: "create", group: GROUP, resource: CSRS, subresource: "" };
/// What lets the controller manager approve it (kubeadm's `kubeadm:node-autoapprove-bootstrap`).
pub const BE_APPROVED: Act = Act { verb: "create", group: GROUP, resource: CSRS, subresource: "nodeclient" };

/// Whether the credentials of this client may do it.
pub fn right_to(act: Act, client: &mut Client) -> Right {
    client.may(act, Retry::once(REQUEST_TIMEOUT).exchange_deadline(REQUEST_TIMEOUT))
}
