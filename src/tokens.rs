//! Bootstrap tokens as an administrator has them: made, listed, deleted, and told to whoever joins
//! (kubeadm `cmd/kubeadm/app/cmd/token.go`). In the cluster a token is a Secret of `kube-system`
//! (cluster-bootstrap `token/api/types.go`); its secret half leaves only through what the user has asked for.

mod api;
mod error;
mod join_command;
mod listed;
mod new_token;
mod secret;
mod table;

pub use api::{Waits, create, delete, list, persist};
pub use error::TokensError;
pub use join_command::JoinCommand;
pub use listed::{as_json, as_yaml};
pub use new_token::{NewToken, generate, id_of};
pub use table::as_table;
