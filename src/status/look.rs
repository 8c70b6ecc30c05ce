//! Looks at everything once, and finds the first thing that is wrong.

use std::path::Path;

use super::certificate::{CertificateFacts, time};
use super::facts::{Membership, Status};
use super::kubelet::{KubeletFacts, Running, configuration};
use super::last_run::LastRun;
use super::trouble::Trouble;
use super::unseen::Unseen;
use crate::clock::{Clock, apart};
use crate::error::codes;
use crate::node::state::{self, Conflict, NodeIdentity, NodeState, Unusable};
use crate::node::{paths, unfinished_reset};
use crate::pki::certificate::Certificate;
use crate::pki::request::NODE_USER_PREFIX;
use crate::rootfs::{Root, RootError, TargetPath};
use crate::text::printable;
use crate::values::CaCertHash;

/// Characters of a name that are shown.
const MAX_NAME: usize = 253;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The root.
    pub root: &'a Root,
    /// The clock that the end of validity is judged by, where it can be right.
    pub clock: Clock,
    /// This user may see everything: what belongs to another is then wrong, and not only unseen.
    pub is_root: bool,
    /// The system that runs, where the root is its.
    pub running: Option<Running<'a>>,
    /// Where the last run has left its result, where that is known.
    pub result_file: Option<&'a Path>,
}

/// Looks.
pub fn look(scope: Scope<'_>) -> Status {
    let Scope { root, clock, .. } = scope;
    let mut unseen = Unseen::default();
    let (membership, mut trouble) = membership(scope, &mut unseen);
    // The facts of a certificate that has expired, too.
    let identity = match unseen.seen(state::read_any(root, None)) {
        Some(NodeState::Joined(identity)) if membership != Membership::Unseen => Some(identity),
        _ => None,
    };
    let kubelet_configuration = configuration(root, &mut unseen);
    let rotates = kubelet_configuration.as_ref().map(|read| read.rotates_certificates());
    let certificate =
        identity.as_ref().and_then(|identity| CertificateFacts::read(root, identity, rotates, clock, &mut unseen));
    let kubelet = KubeletFacts::read(root, kubelet_configuration.as_ref(), scope.running);
    let last_run = scope.result_file.and_then(|path| {
        LastRun::read(path).unwrap_or_else(|why| {
            unseen.add(why);
            None
        })
    });
    if let (Some(identity), Some(Trouble { code, message, .. })) = (&identity, &mut trouble)
        && *code == &codes::NODE_CERTIFICATE_EXPIRED
    {
        *message = expired(identity, clock);
    }
    let is_control_plane = unseen.seen(root.exists(&paths::API_SERVER_MANIFEST));
    let trouble = unseen.broken.take().or(trouble);
    let of_kubelet = || kubelet.trouble().filter(|_| matches!(membership, Membership::Joined | Membership::Unseen));
    let trouble = trouble.or_else(of_kubelet).or_else(|| unseen.trouble());
    Status {
        membership,
        // The part of a machine that is no node is anything.
        is_control_plane: is_control_plane.filter(|is_control_plane| {
            *is_control_plane || matches!(membership, Membership::Joined | Membership::Unusable | Membership::Unseen)
        }),
        node: node_name(root, identity.as_ref()),
        server: identity.as_ref().map(|identity| printable(&identity.server, MAX_NAME)),
        ca_cert_hashes: ca_certificates(root).iter().map(|ca| CaCertHash(ca.public_key_digest()).to_string()).collect(),
        certificate,
        kubelet,
        last_run,
        unseen: unseen.lines,
        trouble,
    }
}

/// Whether it has joined, and what is wrong with that.
fn membership(scope: Scope<'_>, unseen: &mut Unseen) -> (Membership, Option<Trouble>) {
    let Scope { root, clock, is_root, .. } = scope;
    let conf = unseen.seen(root.metadata(&paths::KUBELET_CONF)).flatten();
    if conf.is_some_and(|found| !found.is_ours()) && !is_root {
        // Whoever owns it may well be root: it is not this user who can tell.
        unseen.add(format!("{} belongs to another user", root.outside(&paths::KUBELET_CONF).display()));
        return (Membership::Unseen, None);
    }
    let now = clock.is_plausible().then(|| clock.now());
    let Some(state) = unseen.seen(state::read_any(root, now)) else { return (Membership::Unseen, None) };
    match state {
        NodeState::Nothing => not_joined(root, unseen),
        NodeState::Joined(_) if is_there(root, &paths::UNFINISHED_CONTROL_PLANE, unseen) => {
            let text = "the join of this control plane was begun and has not ended".to_owned();
            (Membership::JoinUnfinished, Some(Trouble::new(&codes::NODE_JOIN_UNFINISHED, text)))
        }
        // An administrator's credentials are not judged, as a join does not.
        NodeState::Joined(_) | NodeState::Conflict(Conflict::Preexisting) => (Membership::Joined, None),
        NodeState::Unusable(why) => {
            let text = format!("{} cannot be used: {why}", paths::KUBELET_CONF);
            (Membership::Unusable, Some(Trouble::new(why.code(), text)))
        }
        NodeState::Conflict(conflict) | NodeState::Superseded(conflict) => {
            let message = format!("{} cannot be used: {conflict}", paths::KUBELET_CONF);
            let hint = format!(
                "move {} away if nothing needs it, or run `kubejoin reset`; then join again",
                paths::KUBELET_CONF
            );
            (Membership::Unusable, Some(Trouble { code: Unusable::Damaged.code(), message, hint }))
        }
    }
}

/// Without `kubelet.conf`: what is there instead.
fn not_joined(root: &Root, unseen: &mut Unseen) -> (Membership, Option<Trouble>) {
    let has_begun_reset = match unfinished_reset::read(root) {
        Ok(found) => found.is_some(),
        // Whoever may not read it sees that it is there.
        Err(_) => is_there(root, &paths::UNFINISHED_RESET, unseen),
    };
    if has_begun_reset {
        let message = "a reset of this machine was begun and has not ended".to_owned();
        let hint = "run `kubejoin reset` on this machine again, or join: either ends it first".to_owned();
        return (Membership::ResetUnfinished, Some(Trouble { code: &codes::RESET_PARTIAL, message, hint }));
    }
    if is_there(root, &paths::BOOTSTRAP_KUBELET_CONF, unseen) {
        let text = "the kubelet requests its certificate itself, and has none yet".to_owned();
        return (Membership::JoinUnfinished, Some(Trouble::new(&codes::KUBELET_NOT_BOOTSTRAPPED, text)));
    }
    let begun = [&paths::PENDING_KEY, &paths::UNFINISHED_CONTROL_PLANE];
    if begun.into_iter().any(|path| is_there(root, path, unseen)) {
        let text = "a join of this machine was begun and has not ended".to_owned();
        return (Membership::JoinUnfinished, Some(Trouble::new(&codes::NODE_JOIN_UNFINISHED, text)));
    }
    let text = format!("this is not a node: there is no {}", root.outside(&paths::KUBELET_CONF).display());
    (Membership::NotJoined, Some(Trouble::new(&codes::NODE_NOT_JOINED, text)))
}

fn is_there(root: &Root, path: &TargetPath, unseen: &mut Unseen) -> bool {
    unseen.seen(root.link_metadata(path)).flatten().is_some()
}

fn expired(identity: &NodeIdentity, clock: Clock) -> String {
    let (at, ago) = (time(identity.not_after), apart(clock.now(), identity.not_after));
    format!("the certificate of {} expired at {at}, {ago} ago", printable(&identity.node, MAX_NAME))
}

fn node_name(root: &Root, identity: Option<&NodeIdentity>) -> Option<String> {
    let of_certificate = || {
        let name = state::preexisting_name(root).ok()??;
        name.strip_prefix(NODE_USER_PREFIX).map(str::to_owned)
    };
    let name = identity.map(|identity| identity.node.clone()).or_else(of_certificate)?;
    Some(printable(&name, MAX_NAME))
}

fn ca_certificates(root: &Root) -> Vec<Certificate> {
    let read = |root| -> Result<Vec<Certificate>, RootError> {
        let own = state::ca_certificates(root)?;
        Ok(if own.is_empty() { state::preexisting_ca(root)?.unwrap_or_default() } else { own })
    };
    // Whoever may not read it has been told above.
    read(root).unwrap_or_default()
}
