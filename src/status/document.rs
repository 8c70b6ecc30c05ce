//! The same for programs: one JSON document. Fields are added and never change; what was not seen, or is not there, is null.
//!
//! ```text
//! version           1
//! state             joined, not-joined, join-unfinished, reset-unfinished, unusable or unseen
//! role              worker or control-plane
//! node              the Node's name
//! server            https://HOST:PORT of kubelet.conf
//! caCertHashes      pins of the CAs in kubelet.conf, sha256:HEX
//! certificate       subject, notBefore, notAfter (RFC 3339), secondsLeft (below 0: expired), file, rotates, renewal (words)
//! kubelet           program, version, active, healthz (HOST:PORT), healthy
//! lastRun           at (RFC 3339), verb, outcome, exit, code
//! unseen            what this user may not see, one line each
//! trouble           code, class, exit, message, hint: the first thing that is wrong
//! ```

use serde_json::{Value, json};

use super::certificate::time;
use super::facts::Status;

impl Status {
    /// The document, with its last newline.
    pub fn document(&self) -> String {
        let role = self.is_control_plane.map(|is_control_plane| match is_control_plane {
            true => "control-plane",
            false => "worker",
        });
        let certificate = self.certificate.as_ref().map(|found| {
            json!({
                "subject": found.subject,
                "notBefore": time(found.not_before),
                "notAfter": time(found.not_after),
                "secondsLeft": found.seconds_left,
                "file": found.link,
                "rotates": found.rotates,
                "renewal": found.renewal(),
            })
        });
        let kubelet = &self.kubelet;
        let last_run = self.last_run.as_ref().map(|run| {
            json!({
                "at": run.at.map(time),
                "verb": run.verb,
                "outcome": run.outcome,
                "exit": run.exit,
                "code": run.code,
            })
        });
        let trouble = self.trouble.as_ref().map(|trouble| {
            json!({
                "code": trouble.code.name,
                "class": trouble.code.class.name(),
                "exit": trouble.code.class.exit_status(),
                "message": trouble.message,
                "hint": trouble.hint,
            })
        });
        let document: Value = json!({
            "version": 1,
            "state": self.membership.name(),
            "role": role,
            "node": self.node,
            "server": self.server,
            "caCertHashes": self.ca_cert_hashes,
            "certificate": certificate,
            "kubelet": {
                "program": kubelet.program.as_ref().map(|path| path.to_string_lossy()),
                "version": kubelet.version,
                "active": kubelet.is_active,
                "healthz": kubelet.healthz,
                "healthy": kubelet.is_healthy,
            },
            "lastRun": last_run,
            "unseen": self.unseen,
            "trouble": trouble,
        });
        format!("{document:#}\n")
    }
}
