//! Tokens in the cluster.

use super::error::TokensError;
use super::listed::ListedToken;
use super::new_token::NewToken;
use super::secret::{PREFIX, TYPE};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::wanted::Wanted;
use crate::retry::{Pause, Retry};

const NAMESPACE: &str = "kube-system";

/// Creates the Secret of a token.
///
/// # Errors
/// There is one with its id, or the API server does not do it until the wait is over.
pub fn create(
    client: &mut Client,
    token: &NewToken,
    retry: Retry,
    waits: &dyn Fn(&KubeError, Pause),
) -> Result<(), TokensError> {
    let wanted = Wanted::secret(NAMESPACE, &token.name());
    let mut is_repeated = false;
    let created = retry.run(
        || {
            let created =
                client.create_secret(&wanted, token.secret().to_vec(), retry.exchange_deadline(REQUEST_TIMEOUT));
            // What a server did whose answer got lost is found at the next try.
            match created {
                Err(error) if error.cause == KubeCause::AlreadyExists && is_repeated => {
                    is_same(client, &wanted, token, retry).then_some(()).ok_or(error)
                }
                other => {
                    is_repeated = true;
                    other
                }
            }
        },
        |error, pause| waits(error, pause),
    );
    created.map_err(|error| match error.cause {
        KubeCause::AlreadyExists => TokensError::Exists(token.token.id.clone()),
        _ => error.into(),
    })
}

fn is_same(client: &mut Client, wanted: &Wanted, token: &NewToken, retry: Retry) -> bool {
    let there = client.secret(wanted, retry.exchange_deadline(REQUEST_TIMEOUT));
    there.is_ok_and(|secret| {
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
    waits: &dyn Fn(&KubeError, Pause),
) -> Result<Vec<Result<ListedToken, String>>, TokensError> {
    let wanted = Wanted::secrets_of_type(NAMESPACE, TYPE);
    let secrets = retry.run(
        || client.secrets(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT)),
        |error, pause| waits(error, pause),
    )?;
    Ok(secrets.items().map(|secret| ListedToken::read(secret.name(), &secret.data())).collect())
}

/// Deletes the token of this id.
///
/// # Errors
/// There is none, or the API server does not do it.
pub fn delete(
    client: &mut Client,
    id: &str,
    retry: Retry,
    waits: &dyn Fn(&KubeError, Pause),
) -> Result<(), TokensError> {
    let wanted = Wanted::secret(NAMESPACE, &format!("{PREFIX}{id}"));
    let deleted = retry
        .run(|| client.delete(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT)), |error, pause| waits(error, pause));
    Ok(deleted?)
}
