//! Exit classes.

/// What an init system should do next. The number is the process's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A defect of kubejoin itself: stop, and report it.
    Bug = 1,
    /// Usage, configuration or preflight: stop, an input has to be changed.
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
