//! The name that this binary was called by.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use crate::error::{Code, codes};

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

impl Program {
    /// What the process exits with after an error. As kubeadm it is 1 for every error, as kubeadm's: bootstrap scripts read
    /// other numbers in their own way, such as 3 for "give up". What kubeadm has and this program does not keeps its own
    /// status, so that a script can tell the two apart.
    pub fn exit_status(self, code: &Code) -> u8 {
        match self {
            Program::Kubeadm if code != &codes::USAGE_NOT_YET_SUPPORTED => 1,
            _ => code.class.exit_status(),
        }
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
