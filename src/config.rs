//! What the user asked for: JoinConfiguration of every version, ResetConfiguration, tokens, pins, endpoints, and the precedence of their
//! sources. Knows nothing of the network and nothing of this machine.
//!
//! [`settings_table`] defines every setting once. Command line and kernel command line become [`settings::Settings`], a file becomes a
//! draft, and [`resolve::resolve`] weighs them against each other.

mod args_form;
mod check;
mod document;
mod draft;
mod error;
mod extras;
mod fields;
mod findings;
mod join_configuration;
pub mod kernel;
mod kubelet_checks;
pub mod load;
mod load_reset;
pub mod migrate;
mod node_registration;
pub mod origin;
mod place;
pub mod places;
mod problem;
mod render;
mod reset_configuration;
mod resolve;
pub mod setting;
pub mod settings;
pub mod settings_table;
#[cfg(test)]
mod tests;
mod timeouts;
mod token_need;
pub mod token_spec;
mod v1alpha3;
mod v1beta2;
mod v1beta3;
mod v1beta4;
mod warning;
mod yaml_cause;

pub use error::{ConfigError, Refused};
pub use extras::Extras;
pub use join_configuration::{
    ControlPlaneSettings, DiscoveryMethod, DiscoveryTrust, ImagePullPolicy, JoinConfiguration, Taint,
};
pub use load::{load, load_unattended};
pub use load_reset::load_reset;
pub use place::Place;
pub use reset_configuration::ResetConfiguration;
pub use resolve::{Resolved, names_cluster};
pub use timeouts::Timeouts;
pub use token_spec::TokenSpec;

/// For the tests of other rooms.
#[cfg(test)]
pub(crate) use {
    origin::{Origin, WithOrigin},
    resolve::{Sources, resolve},
    token_need::TokenNeed,
};
