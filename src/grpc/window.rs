//! Flow control (RFC 9113 5.2): what either side may send before the other has said that there is room again.

use super::error::GrpcError;

/// Window of a connection, and of a stream where no setting says otherwise, in bytes (RFC 9113 6.9.2).
pub(super) const INITIAL_WINDOW: u32 = 65535;
/// Largest window (RFC 9113 6.9.1).
const MAX_WINDOW: i64 = 0x7fff_ffff;

/// What we may send.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendWindow {
    /// Below zero where the peer has made its windows smaller meanwhile.
    left: i64,
}

impl SendWindow {
    pub(super) fn new(size: u32) -> Self {
        SendWindow { left: size.into() }
    }

    /// How much of `wanted` bytes may be sent.
    pub(super) fn allows(&self, wanted: usize) -> usize {
        wanted.min(usize::try_from(self.left).unwrap_or(0))
    }

    /// So much was sent, which was allowed.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.left -= bytes as i64;
    }

    /// The peer has made room.
    pub(super) fn widen(&mut self, bytes: u32) -> Result<(), GrpcError> {
        if bytes == 0 {
            return Err(GrpcError::Protocol("a window widened by nothing"));
        }
        self.change(bytes.into())
    }

    /// The peer has changed the size of windows.
    pub(super) fn resize(&mut self, from: u32, to: u32) -> Result<(), GrpcError> {
        self.change(i64::from(to) - i64::from(from))
    }

    fn change(&mut self, by: i64) -> Result<(), GrpcError> {
        self.left += by;
        if self.left > MAX_WINDOW { Err(GrpcError::Protocol("a window too large")) } else { Ok(()) }
    }
}

/// What the peer may send: [`INITIAL_WINDOW`] bytes, of which some have come and are to be made room for again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReceiveWindow {
    used: u32,
}

impl ReceiveWindow {
    /// So much has come, and has been read. The bytes to widen the window by, once they are worth a frame.
    pub(super) fn received(&mut self, bytes: usize) -> Result<Option<u32>, GrpcError> {
        // The payload of one frame.
        self.used += bytes as u32;
        if self.used > INITIAL_WINDOW {
            return Err(GrpcError::Protocol("more than its window"));
        }
        Ok((self.used > INITIAL_WINDOW / 2).then(|| std::mem::take(&mut self.used)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_sent_follows_the_peers_word() {
        let mut window = SendWindow::new(10);
        assert_eq!((window.allows(4), window.allows(20)), (4, 10));
        window.sent(10);
        assert_eq!(window.allows(1), 0);
        // RFC 9113 6.9.2: a window may become negative, and has to be filled up from there.
        window.resize(10, 5).unwrap();
        window.widen(4).unwrap();
        assert_eq!(window.allows(1), 0);
        window.widen(3).unwrap();
        assert_eq!(window.allows(9), 2);
        assert!(window.widen(0).is_err());
        assert!(window.widen(u32::MAX).is_err());
    }

    #[test]
    fn room_is_made_in_halves_and_never_taken_for_granted() {
        let mut window = ReceiveWindow::default();
        assert_eq!(window.received(32767).unwrap(), None);
        assert_eq!(window.received(1).unwrap(), Some(32768));
        assert_eq!(window.received(16384).unwrap(), None);
        assert_eq!(window.received(16384).unwrap(), Some(32768));
        assert!(ReceiveWindow::default().received(65536).is_err());
    }
}
