//! `ImagePull`: the images of a control plane are there before its etcd is a member: a learner that waits for an image is in
//! everybody's way.

use std::time::Duration;

use super::engine::{Check, Engine, Scope};
use super::error::PreflightError;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::config::ImagePullPolicy;
use crate::cri::{CALL_TIMEOUT, Runtime};
use crate::phase::Phase;

/// How long one image may take. kubeadm sets no limit.
const PULL_TIMEOUT: Duration = Duration::from_secs(600);

struct Wanted<'a> {
    machine: &'a Subject<'a>,
    images: &'a [String],
    policy: ImagePullPolicy,
}

/// Lets the container runtime pull what it does not have.
pub(super) fn run(
    engine: &Engine<'_>,
    machine: &Subject<'_>,
    images: &[String],
    policy: ImagePullPolicy,
) -> Result<(), PreflightError> {
    let check = Check::new("ImagePull", Scope::RunningSystem, pull);
    engine.run(&[check], &Wanted { machine, images, policy })
}

fn pull(wanted: &Wanted<'_>) -> Vec<Verdict> {
    if wanted.policy == ImagePullPolicy::Never {
        return Vec::new();
    }
    let plan = wanted.machine.plan;
    let mut runtime = match Runtime::connect(&plan.node.cri_socket, CALL_TIMEOUT) {
        Ok((runtime, _)) => runtime,
        Err(error) => return vec![Verdict::could_not_check(error)],
    };
    let mut verdicts = Vec::new();
    for image in wanted.images {
        let is_there = wanted.policy == ImagePullPolicy::IfNotPresent && runtime.has_image(image).unwrap_or(false);
        if is_there {
            continue;
        }
        wanted.machine.report.info(Phase::Preflight, format_args!("Pulling {image}"));
        if let Err(error) = runtime.pull_image(image, PULL_TIMEOUT) {
            verdicts.push(Verdict::error(
                format!("failed to pull image {image}: {error}"),
                "check imageRepository in kubeadm-config, and that this machine reaches it; or import the images before",
            ));
        }
    }
    verdicts
}
