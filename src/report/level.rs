//! How loud a line is.

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown at `-v` of at least this number.
    Debug(u8),
    /// What kubeadm prints without `-v`.
    Info,
    /// Something the user should know; the run goes on.
    Warning,
}
