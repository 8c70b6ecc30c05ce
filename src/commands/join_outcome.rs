//! How a join ended: the closing words for people, and the facts of `result.json`.

use serde_json::Value;

use crate::cli::JoinArgs;
use crate::join::{Case, CertificateSource, KubeletState, Outcome};
use crate::node::paths;
use crate::node::state::NodeIdentity;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::rootfs::{FileSet, Preview, TargetPath};

/// Prints the outcome and leaves its facts.
pub(super) fn print_outcome(outcome: &Outcome, plan: &JoinPlan, args: &JoinArgs, report: &Report) {
    match outcome {
        Outcome::Joined { case, certificate, server, kubelet } => {
            let text = joined_text(plan, certificate, server, *kubelet, args);
            let mut facts = joined_facts(plan, certificate, server, *kubelet).to_vec();
            facts.push(("case", case.name().into()));
            report.done("joined", &facts, &text);
        }
        Outcome::AlreadyJoined(identity, case) => print_already_joined(identity, *case, report),
        Outcome::DryRun(_) if args.is_rehearsal => print_rehearsal(plan, report),
        Outcome::DryRun(files) => print_dry_run(files, plan, report),
        Outcome::PhasesDone => {
            let phase = args.phase.map_or(Value::Null, |phase| phase.name.into());
            report.done("phase-done", &[("node", plan.node.name.as_str().into()), ("phase", phase)], "");
        }
    }
}

fn joined_text(
    plan: &JoinPlan,
    certificate: &CertificateSource,
    server: &str,
    kubelet: KubeletState,
    args: &JoinArgs,
) -> String {
    // kubeadm's sentence, which scripts look for; on a running system it is kubeadm's line.
    let (how, when) = match kubelet {
        KubeletState::Enabled => (", and starts when this root is booted", " once it has booted"),
        KubeletState::NotEnabled => (", but nothing starts it when this root is booted", " once its kubelet runs"),
        KubeletState::Unmanaged => (", but nothing starts its kubelet", " once its kubelet runs"),
        KubeletState::Queued => (", and its kubelet starts when this unit is done", " once its kubelet runs"),
        KubeletState::Registered | KubeletState::Healthy | KubeletState::Started => ("", ""),
    };
    let (how, administer) = match plan.control_plane {
        Some(_) => (
            " and a new control plane instance was created",
            "\nTo use kubectl on this machine as root: `export KUBECONFIG=/etc/kubernetes/admin.conf`.",
        ),
        None => (how, ""),
    };
    format!(
        "This node has joined the cluster{how}:\n\
         * {} is a node of the cluster at {server}.\n\
         * {}\n\
         * {}\n\
         {}\n\
         `kubectl get nodes` on the control plane lists it{when}.{administer}",
        plan.node.name,
        certificate_text(certificate, args),
        kubelet_text(kubelet, certificate),
        token_text(plan, certificate)
    )
}

/// That the token can go, where one was used and is not needed any more.
fn token_text(plan: &JoinPlan, certificate: &CertificateSource) -> String {
    match (&plan.access.bootstrap_token, certificate) {
        (Some(token), CertificateSource::Request(_) | CertificateSource::Kubelet { token_left: false }) => format!(
            "* The token is not needed any more; where no other node joins with it, run\n  \
             `kubeadm token delete {}` on the control plane.\n",
            token.id
        ),
        _ => String::new(),
    }
}

fn certificate_text(certificate: &CertificateSource, args: &JoinArgs) -> String {
    match certificate {
        CertificateSource::Request(name) => format!("Its certificate was requested as\n  {name}"),
        CertificateSource::Kubelet { token_left: false } => {
            "The kubelet has requested its certificate; the token for that has been removed.".to_owned()
        }
        CertificateSource::Kubelet { token_left: true } => format!(
            "The kubelet requests its certificate itself; the token for that stays in {}\n  \
             until `{} join` is run again on the started node.",
            paths::BOOTSTRAP_KUBELET_CONF,
            args.program
        ),
        CertificateSource::Existing => format!("It has the credentials that were in {}.", paths::KUBELET_CONF),
    }
}

fn kubelet_text(kubelet: KubeletState, certificate: &CertificateSource) -> &'static str {
    match kubelet {
        KubeletState::Healthy if !matches!(certificate, CertificateSource::Request(_)) => {
            "The kubelet is healthy; whether its Node is registered was not checked."
        }
        KubeletState::Registered => "The kubelet is healthy and its Node is registered.",
        KubeletState::Healthy => "The kubelet is healthy; its Node has not appeared yet.",
        KubeletState::Started => "The kubelet has been started; it was not waited for.",
        KubeletState::Queued => {
            "The kubelet starts when the unit that ran this is done; it is ordered behind\n  that unit, so it was not waited for."
        }
        KubeletState::Enabled => "The kubelet will start, with everything it needs, when this root is booted.",
        KubeletState::NotEnabled => {
            "Nothing in this root starts the kubelet when it is booted; everything else is there."
        }
        KubeletState::Unmanaged => "No init system was found; start the kubelet yourself.",
    }
}

fn joined_facts(
    plan: &JoinPlan,
    certificate: &CertificateSource,
    server: &str,
    kubelet: KubeletState,
) -> [(&'static str, Value); 6] {
    let (request, from) = match certificate {
        CertificateSource::Request(name) => (Value::from(name.as_str()), "request"),
        CertificateSource::Kubelet { .. } => (Value::Null, "kubelet"),
        CertificateSource::Existing => (Value::Null, "existing"),
    };
    [
        ("node", plan.node.name.as_str().into()),
        ("server", server.into()),
        ("csr", request),
        ("certificateFrom", from.into()),
        ("kubelet", kubelet.name().into()),
        ("nodeRegistered", (kubelet == KubeletState::Registered).into()),
    ]
}

/// A node that has joined before.
pub(super) fn print_already_joined(identity: &NodeIdentity, case: Case, report: &Report) {
    let until = httpdate::fmt_http_date(identity.not_after);
    let text = format!(
        "{} has joined already.\n\
         * Its control plane is {}.\n\
         * Its certificate expires at {until}.\n\n\
         If `kubectl get nodes` on the control plane does not list it, restart the kubelet: it registers once, when it starts.",
        identity.node, identity.server
    );
    let facts = [
        ("node", identity.node.as_str().into()),
        ("case", case.name().into()),
        ("server", identity.server.as_str().into()),
        ("certificateNotAfter", until.into()),
    ];
    report.done("already-joined", &facts, &text);
}

fn print_dry_run(files: &FileSet, plan: &JoinPlan, report: &Report) {
    // The kubelet reads its token once; in a root that is not running, that is after a reboot.
    let survives = |path: &TargetPath| *path != paths::BOOTSTRAP_KUBELET_CONF || !plan.target.is_this_system();
    let preview = Preview { files, survives: &survives };
    let facts = [("node", plan.node.name.as_str().into()), ("files", preview.json())];
    report.done("dry-run", &facts, &preview.lines().join("\n"));
}

fn print_rehearsal(plan: &JoinPlan, report: &Report) {
    let (node, rootfs) = (&plan.node.name, plan.target.rootfs().display());
    let text = format!(
        "This would have joined:\n* {node} is a name that it can have, and {rootfs} has what a node needs.\n\
         * Nothing was written, and no certificate was requested."
    );
    report.done("checked", &[("node", node.as_str().into())], &text);
}
