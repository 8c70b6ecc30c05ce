//! The name that this binary was called by.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// The name this binary was called by: help texts and hints show it, and as kubeadm it has kubeadm's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Any name but kubeadm.
    Kubejoin,
    /// Called `kubeadm`, by a symbolic link or a copy.
    Kubeadm,
}

impl Program {
    /// By the first element of argv.
    pub fn of(argv0: Option<&OsString>) -> Self {
        let name = argv0.and_then(|text| Path::new(text).file_name());
        if name.is_some_and(|name| name == "kubeadm") { Program::Kubeadm } else { Program::Kubejoin }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Program::Kubejoin => "kubejoin",
            Program::Kubeadm => "kubeadm",
        })
    }
}
