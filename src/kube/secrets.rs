//! Secrets as whoever makes and deletes them has them. Shapes: `k8s.io/api/core/v1`.

use std::time::Instant;

use serde::Deserialize;

use super::answer::refusal;
use super::client::Client;
use super::control_plane::Secret;
use super::error::{KubeCause, KubeError};
use super::types::Object;
use super::wanted::Wanted;
use crate::net::http::Method;

/// core/v1 SecretList.
#[derive(Deserialize)]
pub struct SecretList {
    #[serde(default)]
    items: Vec<Secret>,
}

impl Object for SecretList {
    const KIND: &'static str = "SecretList";
}

impl SecretList {
    /// `items`.
    pub fn items(&self) -> impl Iterator<Item = &Secret> {
        self.items.iter()
    }
}

/// Where an object of this path is created: without its name.
fn collection(wanted: &Wanted) -> &str {
    wanted.path().rsplit_once('/').map_or(wanted.path(), |(collection, _)| collection)
}

impl Client {
    /// Lists Secrets.
    pub fn secrets(&mut self, wanted: &Wanted, deadline: Instant) -> Result<SecretList, KubeError> {
        self.one(wanted, self.get(wanted), None, deadline)
    }

    /// Creates a Secret, which `body` is as JSON.
    ///
    /// # Errors
    /// There is one of its name, or it is refused.
    pub fn create_secret(&mut self, wanted: &Wanted, body: Vec<u8>, deadline: Instant) -> Result<(), KubeError> {
        let request = self.request(Method::Post, collection(wanted), Some(body));
        self.one::<Secret>(wanted, request, None, deadline).map(drop)
    }

    /// Creates an object, which `body` is as JSON, or replaces the one of its name (kubeadm `util/apiclient/idempotency.go`).
    ///
    /// # Errors
    /// It is refused.
    pub fn create_or_replace(&mut self, wanted: &Wanted, body: &[u8], deadline: Instant) -> Result<(), KubeError> {
        let mut ask = |method, path: &str| {
            let answer = self.answer(wanted, self.request(method, path, Some(body.to_vec())), deadline)?;
            match answer.head.status {
                200 | 201 => Ok(()),
                _ => Err(refusal(wanted, &answer, None)),
            }
        };
        match ask(Method::Post, collection(wanted)) {
            Err(error) if error.cause == KubeCause::AlreadyExists => ask(Method::Put, wanted.path()),
            other => other,
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// It is not there, or that is refused.
    pub fn delete(&mut self, wanted: &Wanted, deadline: Instant) -> Result<(), KubeError> {
        let answer = self.answer(wanted, self.request(Method::Delete, wanted.path(), None), deadline)?;
        match answer.head.status {
            // 202: what owns it waits for something else first.
            200 | 202 => Ok(()),
            _ => Err(refusal(wanted, &answer, None)),
        }
    }
}
