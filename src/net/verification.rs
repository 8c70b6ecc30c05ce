//! What a server is verified with.

use super::tls::TrustRoots;
use crate::clock::Clock;

/// Whose certificates are trusted, at which time they are judged, and whether the server's own time counts.
#[derive(Clone, Debug)]
pub struct Verification {
    roots: TrustRoots,
    clock: Clock,
    server_time: ServerTime,
}

/// What becomes of the `Date` of a server whose chain ends in the roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerTime {
    /// It replaces a clock that cannot be right.
    MayCorrect,
    /// Nothing.
    Ignored,
}

impl Verification {
    /// By roots that a user has chosen: a pin, a CA file, the CA of a discovery file. Whoever holds their keys may say what
    /// time it is where this machine's clock cannot be right.
    pub fn pinned(roots: TrustRoots, clock: Clock) -> Self {
        Verification { roots, clock, server_time: ServerTime::MayCorrect }
    }

    /// By roots that nobody has chosen for this server: the system trust store, or a CA that only a token's signature vouches
    /// for. Any of a hundred CAs, and whoever has an expired certificate of one, would tell us the time: the system clock
    /// alone counts.
    pub fn unpinned(roots: TrustRoots, clock: Clock) -> Self {
        Verification { roots, clock: clock.as_system(), server_time: ServerTime::Ignored }
    }

    /// The trust anchors.
    pub fn roots(&self) -> &TrustRoots {
        &self.roots
    }

    /// The clock that judges before any server has been verified.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether the server's `Date` may replace a clock that cannot be right.
    pub fn believes_server_time(&self) -> bool {
        self.server_time == ServerTime::MayCorrect
    }
}
