//! One screen for people: at most 80 columns, no colours. What is longer than a line (a name, a path) stays whole.

use super::certificate::time;
use super::facts::Status;
use crate::text::{printable, wrap};

/// Characters of one fact that are shown.
const MAX_FACT: usize = 300;

impl Status {
    /// The screen, with its last newline.
    pub fn screen(&self) -> String {
        let mut text = String::new();
        let mut row = |label: &str, value: &str| wrap(&mut text, label, &printable(value, MAX_FACT));
        let role = match self.is_control_plane {
            Some(true) => "control plane, ",
            Some(false) => "worker, ",
            None => "",
        };
        let name = self.node.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        row("node     ", &format!("{name}{role}{}", self.membership.words()));
        if let Some(server) = &self.server {
            row("cluster  ", server);
        }
        for hash in &self.ca_cert_hashes {
            row("CA       ", hash);
        }
        if let Some(certificate) = &self.certificate {
            row("cert     ", &certificate.subject);
            let (from, until) = (time(certificate.not_before), time(certificate.not_after));
            row("         ", &format!("{from} to {until}, {}", certificate.left()));
            row("renewal  ", &certificate.renewal());
        }
        row("kubelet  ", &self.kubelet.words());
        if let Some(run) = &self.last_run {
            let verb = run.verb.as_deref().unwrap_or("kubejoin");
            let at = run.at.map(|at| format!("{} ", time(at))).unwrap_or_default();
            let code = run.code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
            let exit = run.exit.map(|exit| format!(" (exit {exit})")).unwrap_or_default();
            row("last run ", &format!("{at}{verb}: {}{code}{exit}", run.outcome));
        }
        for line in &self.unseen {
            row("not seen ", line);
        }
        match &self.trouble {
            Some(trouble) => {
                row("wrong    ", &trouble.message);
                row("code     ", &format!("{} (exit {})", trouble.code.name, trouble.code.class.exit_status()));
                row("next     ", &trouble.hint);
            }
            None => row("wrong    ", "nothing that was looked at"),
        }
        text
    }
}
