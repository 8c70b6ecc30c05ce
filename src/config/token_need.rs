//! Whether a configuration is one without a token.

/// Whether there must be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenNeed {
    /// There must be one.
    Now,
    /// It may come later, or from another source; a node that has joined needs none.
    Later,
}
