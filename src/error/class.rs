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
    /// Every class, by its number.
    pub const ALL: [Class; 7] = [
        Class::Bug,
        Class::Usage,
        Class::Transient,
        Class::Unsafe,
        Class::Refused,
        Class::Machine,
        Class::PartialReset,
    ];

    /// What it stands for, and what to do, for the manual page.
    pub fn meaning(self) -> &'static str {
        match self {
            Class::Bug => "A defect of kubejoin: stop",
            Class::Usage => "Command line, configuration, preflight: stop, an input has to be changed",
            Class::Transient => "Network, not ready yet, time-out: run again",
            Class::Unsafe => "Wrong pin, signature, chain, name or key: stop and never retry",
            Class::Refused => "Refused by the cluster (token, RBAC, CSR denied, name in use): stop",
            Class::Machine => "This machine (disk, kubelet, init system): stop",
            Class::PartialReset => "A reset could not remove what it lists: run again",
        }
    }

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
