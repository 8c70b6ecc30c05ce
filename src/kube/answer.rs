//! From an answer of HTTP to the object that was asked for, or to the reason why there is none.

use super::error::{KubeCause, KubeError};
use super::types::{Object, PartialObject, Status};
use super::wanted::Wanted;
use crate::net::http::Response;
use crate::net::status::is_transient;
use crate::secret::Secret;
use crate::text::UntrustedText;

/// Largest object that is read, in bytes; etcd's own default limit for a request is 1.5 MiB.
pub const MAX_OBJECT: usize = 1536 * 1024;

/// The object in an answer. `conceal` is the credential that the peer may echo.
///
/// # Errors
/// The answer is a refusal, or something else than the object of that kind and name.
pub fn decode<T: Object>(wanted: &Wanted, answer: &Response, conceal: Option<&Secret>) -> Result<T, KubeError> {
    let said = || UntrustedText::from_bytes(&answer.body, conceal);
    match answer.head.status {
        200 | 201 => {}
        // Part of an object, or what a proxy has made of it.
        status @ 202..300 => {
            return Err(KubeError::unexpected(
                wanted,
                UntrustedText::new(&format!("status {status}: {}", said()), None),
            ));
        }
        _ => return Err(refusal(wanted, answer, conceal)),
    }
    let unexpected = || KubeError::unexpected(wanted, said());
    // Read twice rather than into a tree first: the sender may not be verified yet, and a tree can be forty times the text.
    let PartialObject { kind, metadata } = serde_json::from_slice(&answer.body).map_err(|_| unexpected())?;
    if kind != T::KIND || metadata.name != wanted.name() {
        return Err(unexpected());
    }
    serde_json::from_slice(&answer.body).map_err(|_| unexpected())
}

/// The reason in an answer that is no success.
pub(super) fn refusal(wanted: &Wanted, answer: &Response, conceal: Option<&Secret>) -> KubeError {
    let status = status_of(answer);
    let message = message(answer, conceal);
    let cause = match answer.head.status {
        401 => KubeCause::Unauthorized(message),
        403 => KubeCause::Forbidden(message),
        404 => KubeCause::NotFound { message, is_status: status.is_some() },
        409 if status.is_some_and(|status| status.reason == "AlreadyExists") => KubeCause::AlreadyExists,
        // Of an API server, any other conflict is that of two writers.
        status if status == 409 || is_transient(status) => {
            KubeCause::Busy { status, message, retry_after: answer.head.retry_after }
        }
        status => KubeCause::Rejected { status, message },
    };
    KubeError { object: wanted.to_string(), cause }
}

/// The Status that an API server answers with instead of an object; `None` where something else has answered.
pub fn status_of(answer: &Response) -> Option<Status> {
    serde_json::from_slice(&answer.body).ok().filter(|status: &Status| status.kind == "Status")
}

/// What an answer says that holds no object: the words of its Status, else all of it.
pub fn message(answer: &Response, conceal: Option<&Secret>) -> UntrustedText {
    match status_of(answer).map(|status| status.message).filter(|message| !message.is_empty()) {
        Some(message) => UntrustedText::new(&message, conceal),
        None => UntrustedText::from_bytes(&answer.body, conceal),
    }
}
