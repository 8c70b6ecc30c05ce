//! Command lines: kubeadm's defaults, and what the ClusterConfiguration puts in their place (`util/arguments.go`).

use serde_json::Value;

use super::release::Release;
use crate::cluster::control_plane::{Argument, Merge, last_argument};

/// kubeadm's own arguments of a component.
#[derive(Default)]
pub(super) struct Defaults(Vec<(&'static str, String)>);

impl Defaults {
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    /// Adds many that say the same wherever they are.
    pub(super) fn add_all(&mut self, all: &[(&'static str, &str)]) {
        for (name, value) in all {
            self.add(name, *value);
        }
    }

    /// The command of a container.
    pub(super) fn command(mut self, program: &str, own: &[Argument], release: Release) -> Value {
        self.0.sort();
        let mut arguments: Vec<(&str, String)> = Vec::new();
        for (name, value) in self.0 {
            match last_argument(own, name) {
                None => arguments.push((name, value)),
                Some(argument) if argument.merge == Merge::Replace => {}
                Some(argument) => arguments.push((name, merged(&value, argument))),
            }
        }
        // One that merges with a default that is not there vanishes, as in kubeadm.
        let replacing = own.iter().filter(|argument| argument.merge == Merge::Replace);
        arguments.extend(replacing.map(|argument| (argument.name.as_str(), argument.value.clone())));
        if release.sorts_all_arguments() {
            arguments.sort();
        }
        let flags = arguments.iter().map(|(name, value)| format!("--{name}={value}"));
        std::iter::once(program.to_owned()).chain(flags).collect()
    }
}

/// What an argument makes of a default.
pub(super) fn merged(default: &str, argument: &Argument) -> String {
    match argument.merge {
        Merge::Replace => argument.value.clone(),
        Merge::Append => format!("{default}{}", argument.value),
        Merge::Prepend => format!("{}{default}", argument.value),
    }
}
