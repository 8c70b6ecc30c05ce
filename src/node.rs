//! This machine as a node: where its files are, what state it is in, what a join writes, and how it is waited for.

pub mod changes;
pub mod files;
pub mod health;
pub mod kubelet_bootstrap;
pub mod name_check;
pub mod paths;
pub mod registration;
pub mod state;
pub mod unfinished_reset;
