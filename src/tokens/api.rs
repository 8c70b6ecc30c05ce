//! Tokens in the cluster.

use std::time::Instant;

use super::error::TokensError;
use super::listed::ListedToken;
use super::new_token::NewToken;
use super::secret::{PREFIX, TYPE};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::wanted::Wanted;
use crate::retry::{Pause, Retry};

const NAMESPACE: &str = "kube-system";

/// Who hears of a pause between two tries.
pub type Waits<'a> = &'a dyn Fn(&KubeError, Pause);

/// Creates the Secret of a token.
///
/// # Errors
/// There is one with its id, or the API server does not do it until the wait is over.
pub fn create(client: &mut Client, token: &NewToken, retry: Retry, waits: Waits<'_>) -> Result<(), TokensError> {
    let wanted = Wanted::secret(NAMESPACE, &token.name());
    let mut is_repeated = false;
    let created = persist(retry, waits, &mut |deadline| {
        match client.create_secret(&wanted, token.secret().to_vec(), deadline) {
            // What a server did whose answer got lost is found at the next try.
            Err(error) if error.cause == KubeCause::AlreadyExists && is_repeated => {
                is_same(client, &wanted, token, deadline).then_some(()).ok_or(error)
            }
            other => {
                is_repeated = true;
                other
            }
        }
    });
    created.map_err(|error| match error.cause {
        KubeCause::AlreadyExists => TokensError::Exists(token.token.id.clone()),
        _ => error.into(),
    })
}

fn is_same(client: &mut Client, wanted: &Wanted, token: &NewToken, deadline: Instant) -> bool {
    client.secret(wanted, deadline).is_ok_and(|secret| {
        secret.data().get("token-secret").is_some_and(|bytes| bytes == token.token.secret.expose().as_bytes())
    })
}

/// Every token of the cluster, in its order; and why a Secret of that type is none.
///
/// # Errors
/// The API server does not say.
pub fn list(
    client: &mut Client,
    retry: Retry,
    waits: Waits<'_>,
) -> Result<Vec<Result<ListedToken, String>>, TokensError> {
    let wanted = Wanted::secrets_of_type(NAMESPACE, TYPE);
    let mut found = Vec::new();
    persist(retry, waits, &mut |deadline| {
        let secrets = client.secrets(&wanted, deadline)?;
        found = secrets.items().map(|secret| ListedToken::read(secret.name(), &secret.data())).collect();
        Ok(())
    })?;
    Ok(found)
}

/// Deletes the token of this id.
///
/// # Errors
/// There is none, or the API server does not do it.
pub fn delete(client: &mut Client, id: &str, retry: Retry, waits: Waits<'_>) -> Result<(), TokensError> {
    let wanted = Wanted::secret(NAMESPACE, &format!("{PREFIX}{id}"));
    Ok(persist(retry, waits, &mut |deadline| client.delete(&wanted, deadline))?)
}

/// Asks until it is answered. Once in the program, not once for every question.
///
/// # Errors
/// The last answer, once the wait is over or a retry cannot help.
pub fn persist(
    retry: Retry,
    waits: Waits<'_>,
    ask: &mut dyn FnMut(Instant) -> Result<(), KubeError>,
) -> Result<(), KubeError> {
    retry.run(|| ask(retry.exchange_deadline(REQUEST_TIMEOUT)), |error, pause| waits(error, pause))
}
