//! What the sender of a request may do, asked of the API server itself, which keeps nothing of that
//! (`k8s.io/api/authorization/v1`, SelfSubjectAccessReview). Every user who is known may ask (`system:basic-user`).

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;
use super::error::{KubeCause, KubeError};
use super::types::Object;
use super::wanted::Wanted;
use crate::net::http::Method;
use crate::text::UntrustedText;

#[derive(Deserialize)]
#[serde(transparent)]
struct Review(Value);

impl Object for Review {
    const KIND: &'static str = "SelfSubjectAccessReview";
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// `create`, ...
    pub verb: &'static str,
    /// API group.
    pub group: &'static str,
    /// Resource, in the plural.
    pub resource: &'static str,
    /// Subresource; empty for none.
    pub subresource: &'static str,
}

/// What the API server says to it.
#[derive(Debug)]
pub enum Right {
    /// Yes.
    Granted,
    /// No; `Forbidden`, of the resource.
    Refused(KubeError),
    /// The question was not answered, or may not be asked.
    Unknown(KubeError),
}

impl Client {
    /// Asks whether we may do this.
    pub fn may(&mut self, act: Act, deadline: Instant) -> Right {
        let Act { verb, group, resource, subresource } = act;
        let wanted = Wanted::access_review();
        let attributes = json!({ "verb": verb, "group": group, "resource": resource, "subresource": subresource });
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": Review::KIND, "spec": { "resourceAttributes": attributes },
        });
        let request = self.request(Method::Post, wanted.path(), Some(body.to_string().into_bytes()));
        let review = match self.one(&wanted, request, None, deadline) {
            Ok(Review(review)) => review,
            Err(error) => return Right::Unknown(error),
        };
        match is_allowed(&review) {
            Some(true) => return Right::Granted,
            Some(false) => {}
            None => {
                let text = UntrustedText::new("the answer has no verdict", None);
                return Right::Unknown(KubeError::unexpected(&wanted, text));
            }
        }
        let slash = if subresource.is_empty() { "" } else { "/" };
        let reason = review.pointer("/status/reason").and_then(Value::as_str).unwrap_or_default();
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let text = format!("may not {verb} {resource}{slash}{subresource}{reason}");
        let object = wanted.to_string();
        Right::Refused(KubeError { object, cause: KubeCause::Forbidden(UntrustedText::new(&text, None)) })
    }
}

/// The verdict; `None` where there is none: an authorizer that could not be asked has said nothing.
fn is_allowed(review: &Value) -> Option<bool> {
    let says = |field: &str| review.pointer(field).and_then(Value::as_bool);
    let has_erred =
        review.pointer("/status/evaluationError").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let is_allowed = says("/status/allowed")?;
    (is_allowed || !has_erred || says("/status/denied") == Some(true)).then_some(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authorizer_that_could_not_be_asked_has_refused_nothing() {
        let table = [
            (json!({"status": {"allowed": true}}), Some(true)),
            (json!({"status": {"allowed": true, "evaluationError": "webhook"}}), Some(true)),
            (json!({"status": {"allowed": false, "reason": "no"}}), Some(false)),
            (json!({"status": {"allowed": false, "denied": true, "evaluationError": "webhook"}}), Some(false)),
            (json!({"status": {"allowed": false, "evaluationError": "webhook"}}), None),
            (json!({"status": {"allowed": "yes"}}), None),
            (json!({}), None),
        ];
        for (review, expected) in table {
            assert_eq!(is_allowed(&review), expected, "{review}");
        }
    }
}
