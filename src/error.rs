//! What every error of this crate has in common: a stable code, an exit class, one line and one next step.
//!
//! Each room has its own enum. Its `Display` is one line that names the object (lower case, no full stop); its [`Code`]
//! comes from the one catalogue in [`codes`], which README's table is tested against.

pub mod codes;

/// The exit class: what a init system should do next. The number is the process's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A defect of kubejoin itself: stop, and report it.
    Bug = 1,
    /// Usage, configuration or preflight: stop, somebody has to change an input.
    Usage = 2,
    /// Network, not ready yet, time-out: run again.
    Transient = 3,
    /// Refused for safety (pin, signature, chain, key mismatch): stop and never retry.
    Unsafe = 4,
    /// Refused by the cluster (token, RBAC, CSR denied, name taken): stop.
    Refused = 5,
    /// This machine: read-only root, no space, kubelet unhealthy: stop.
    Machine = 6,
    /// A reset that could not do everything: run it again.
    PartialReset = 7,
}

impl Class {
    /// The process's exit status.
    pub fn exit_status(self) -> u8 {
        self as u8
    }

    /// The class's name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Class::Bug => "bug",
            Class::Usage => "usage",
            Class::Transient => "transient",
            Class::Unsafe => "unsafe",
            Class::Refused => "refused",
            Class::Machine => "machine",
            Class::PartialReset => "partial-reset",
        }
    }
}

/// One entry of the catalogue of errors. Names are stable: scripts match on them.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Dotted name, such as `discovery.ca-hash-mismatch`.
    pub name: &'static str,
    /// What the process exits with.
    pub class: Class,
    /// What it means, for README and `kubejoin help errors`.
    pub meaning: &'static str,
    /// The next step, one imperative sentence that names the command and the machine to run it on.
    pub hint: &'static str,
}

/// What an error of any room can say about itself, beyond its one line.
pub trait Explain: std::error::Error {
    /// The entry of the catalogue.
    fn code(&self) -> &'static Code;

    /// The next step for just this object; the catalogue's sentence where nothing more is known.
    fn hint(&self) -> String {
        self.code().hint.to_owned()
    }

    /// Whether the same request can succeed later without anybody changing anything.
    fn may_retry(&self) -> bool {
        self.code().class == Class::Transient
    }

    /// How long the peer asked us to stay away, where it did.
    fn retry_after(&self) -> Option<std::time::Duration> {
        None
    }
}

/// Any error of a command: what the caller needs is only that it can explain itself.
#[derive(Debug)]
pub struct Failure(pub Box<dyn Explain>);

impl<E: Explain + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(Box::new(error))
    }
}
