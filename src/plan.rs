//! Where configuration and host meet: every default resolved, every name checked. Pure; after it nothing reads argv, the
//! environment, `/proc` or the wall clock.
//!
//! A plan has four parts, and a function takes the part that it uses: [`Target`] (which root, and whether it is this system),
//! [`Access`] (how the cluster is found, verified and reached), [`NodeSpec`] (what the node is going to be) and [`run_options`]
//! (what this run does, and how long it waits).

mod access;
mod control_plane;
mod error;
mod join_plan;
mod node_name;
mod node_spec;
mod run_options;
mod target;

pub use access::Access;
pub use control_plane::ControlPlaneSpec;
pub use error::PlanError;
pub use join_plan::JoinPlan;
pub use node_name::node_name;
pub use node_spec::{DEFAULT_CRI_SOCKET, NodeSpec, cri_socket};
pub use run_options::{ChangePolicy, Mode, Phases, RunOptions, TlsBootstrapBy};
pub use target::Target;
