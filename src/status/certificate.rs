//! The kubelet's client certificate, and who renews it when.

use std::time::{Duration, SystemTime};

use super::unseen::Unseen;
use crate::clock::{Clock, apart};
use crate::join::renewal_due_from;
use crate::node::state::NodeIdentity;
use crate::pki::certificate::Certificate;
use crate::rootfs::Root;
use crate::text::printable;
use crate::values::rfc3339;

/// Largest file with a certificate and its key that is read, in bytes.
const MAX_PAIR: usize = 256 * 1024;

/// Longest text of the disk that is shown, in bytes.
const MAX_SHOWN: usize = 512;

/// From which share of its life on a kubelet renews its certificate, in percent (client-go `certificate_manager.go`,
/// `jitteryDuration`); it has done so at the latest when the certificate is about to expire.
const FIRST_RENEWAL: u32 = 70;

/// A certificate, and its renewal.
#[derive(Debug)]
pub struct CertificateFacts {
    /// The subject, such as `O=system:nodes, CN=system:node:worker-1`.
    pub subject: String,
    /// First moment of validity.
    pub not_before: SystemTime,
    /// Last moment of validity.
    pub not_after: SystemTime,
    /// Seconds that are left, below 0 where it has expired; `None` where this machine's clock cannot be right.
    pub seconds_left: Option<i64>,
    /// The file that the link to the current pair leads to; `None` where it is no link.
    pub link: Option<String>,
    /// `rotateCertificates` of the kubelet's configuration; `None` where that cannot be read.
    pub rotates: Option<bool>,
    now: Option<SystemTime>,
}

impl CertificateFacts {
    /// That of an identity.
    pub fn read(
        root: &Root,
        identity: &NodeIdentity,
        rotates: Option<bool>,
        clock: Clock,
        unseen: &mut Unseen,
    ) -> Option<Self> {
        let pem = unseen.seen(root.read(&identity.pair, MAX_PAIR))??;
        let leaf = Certificate::all_from_pem(&pem).ok()?.into_iter().next()?;
        let link = unseen.seen(root.read_link(&identity.pair)).flatten();
        let now = clock.is_plausible().then(|| clock.now());
        let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
        Some(CertificateFacts {
            subject: printable(leaf.subject(), MAX_SHOWN),
            not_before,
            not_after,
            seconds_left: now.map(|now| seconds(not_after, now)),
            link: link.map(|link| printable(&link.to_string_lossy(), MAX_SHOWN)),
            rotates,
            now,
        })
    }

    /// How long it lasts, in words.
    pub fn left(&self) -> String {
        match self.now {
            Some(now) if now > self.not_after => format!("expired {} ago", apart(now, self.not_after)),
            Some(now) => format!("{} left", apart(now, self.not_after)),
            None => "this machine's clock cannot be right, so that nothing is said of what is left".to_owned(),
        }
    }

    /// What happens to it next, in words.
    pub fn renewal(&self) -> String {
        let due = renewal_due_from(self.not_before, self.not_after);
        let life = self.not_after.duration_since(self.not_before).unwrap_or_default();
        let first = self.not_before + life / 100 * FIRST_RENEWAL;
        let is_over = |time: SystemTime| self.now.is_some_and(|now| now > time);
        match self.rotates {
            _ if is_over(self.not_after) => {
                "nobody renews it any more: a join replaces it, with a valid token".to_owned()
            }
            Some(true) if is_over(due) => format!(
                "the kubelet should have renewed it by {}: see its log, and whether its CertificateSigningRequest is approved",
                time(due)
            ),
            Some(true) => format!("the kubelet renews it between {} and {}", time(first), time(due)),
            Some(false) => format!(
                "the kubelet does not renew it (rotateCertificates is off); `kubejoin ensure` does, at a boot from {} on",
                time(due)
            ),
            None => "it is not known whether the kubelet renews it".to_owned(),
        }
    }
}

/// A time, as RFC 3339 writes it.
pub fn time(at: SystemTime) -> String {
    rfc3339::of(at).unwrap_or_else(|| "1970 or before".to_owned())
}

fn seconds(then: SystemTime, now: SystemTime) -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    then.duration_since(now).map_or_else(|error| -whole(error.duration()), whole)
}
