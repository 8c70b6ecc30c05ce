//! The service manager's socket: what is waited for as `STATUS=`, the end as `READY=1` (sd_notify(3), "Standalone
//! Implementations"). No library is needed, and no answer is waited for.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use super::event::{Event, NODE_OUTCOMES};
use super::level::Level;
use super::sink::Sink;

/// How long the manager may be busy.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The sink.
pub struct Notify {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notify {
    /// To the address of `NOTIFY_SOCKET`: a path, or a name behind `@`. `None` where it is neither.
    pub fn to(address: &OsStr) -> Option<Self> {
        let address = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(address),
            _ => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        // A manager that is busy is waited for, and one that does not read must not hold up a boot.
        socket.set_write_timeout(Some(SEND_TIMEOUT)).ok()?;
        Some(Notify { socket, address: address.ok()? })
    }

    fn send(&self, state: &str, status: &str) {
        let text = format!("{state}STATUS={}", status.replace('\n', " "));
        let _ = self.socket.send_to_addr(text.as_bytes(), &self.address);
    }
}

impl Sink for Notify {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::PhaseStarted(phase) => self.send("", phase),
            Event::Line { level: Level::Warning, section, text, .. } => self.send("", &format!("{section}: {text}")),
            Event::Done { outcome, .. } if NODE_OUTCOMES.contains(outcome) => self.send("READY=1\n", outcome),
            Event::Done { outcome, .. } => self.send("", outcome),
            Event::Failed { code, message, .. } => self.send("", &format!("{}: {message}", code.name)),
            Event::AttemptStarted | Event::PhaseEnded(..) | Event::Line { .. } | Event::Finding { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::codes;

    #[test]
    fn a_manager_hears_what_is_waited_for_and_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("kubejoin-test-{}", std::process::id());
        let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
        for (manager, address) in [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (UnixDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}").into()),
        ] {
            let mut sink = Notify::to(&address).unwrap();
            let text = "no\nlink";
            for level in [Level::Warning, Level::Info] {
                sink.accept(&Event::Line { level, section: "ensure", code: None, text, reason: None });
            }
            sink.accept(&Event::Done { outcome: "joined", facts: &[], text: "" });
            let (code, hint) = (&codes::NET_REFUSED, "");
            sink.accept(&Event::Failed { code, message: "refused", hint, findings: &[], facts: &[] });
            let received = || {
                let mut bytes = [0; 100];
                let length = manager.recv(&mut bytes).unwrap();
                String::from_utf8(bytes[..length].to_vec()).unwrap()
            };
            assert_eq!(received(), "STATUS=ensure: no link");
            assert_eq!(received(), "READY=1\nSTATUS=joined");
            assert_eq!(received(), "STATUS=net.connection-refused: refused");
        }
        assert!(Notify::to(OsStr::new("vsock:2:1")).is_none());
    }
}
