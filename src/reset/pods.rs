//! The end of the Pods: by the container runtime, or, where none answers, by their control groups.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::error::left;
use super::plan::ResetPlan;
use crate::cri::{CriError, Runtime, Sandbox};
use crate::error::Finding;
use crate::host::{self, HostFacts};
use crate::node::paths;
use crate::phase::ResetPhase;
use crate::plan::{self, PlanError};
use crate::report::Report;
use crate::rootfs::{Root, TargetPath};
use crate::yaml;

/// A runtime that stops a container kills it in the end; that takes longer than an answer (kubeadm waits for 2 s, five times).
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a sandbox is tried (kubeadm `constants.RemoveContainerRetry`).
const ATTEMPTS: usize = 5;

/// Largest file of the kubelet that is read, in bytes.
const LIMIT: usize = 64 * 1024;

/// What runs here.
pub(super) enum Pods {
    /// The target is not this system.
    Offline,
    /// The runtime says it.
    Sandboxes {
        /// The connection.
        runtime: Box<Runtime>,
        /// Those of the kubelet.
        own: Vec<Sandbox>,
        /// Those of others.
        others: usize,
    },
    /// No runtime answers.
    Cgroups {
        /// Why.
        why: String,
        /// Control groups in which something runs.
        groups: Vec<PathBuf>,
    },
}

impl Pods {
    /// Asks the runtime, or looks at the control groups.
    ///
    /// # Errors
    /// Several runtimes answer, and nothing says which one the kubelet uses.
    pub(super) fn find(plan: &ResetPlan, root: &Root, host: &HostFacts) -> Result<Pods, PlanError> {
        if !plan.target.is_this_system() {
            return Ok(Pods::Offline);
        }
        let configured = plan.configuration.cri_socket.clone().or_else(|| socket_of_kubelet(root));
        let socket = plan::cri_socket(configured, host)?;
        let by_cgroups = |error: CriError| Pods::Cgroups { why: error.to_string(), groups: host::pod_cgroups() };
        Ok(sandboxes(&socket).unwrap_or_else(by_cgroups))
    }

    /// Those that end by the runtime, for people.
    pub(super) fn sandboxes(&self) -> Vec<String> {
        match self {
            Pods::Sandboxes { own, .. } => {
                own.iter().map(|sandbox| format!("{} ({})", sandbox.pod, sandbox.id())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Those that are killed by their control group.
    pub(super) fn cgroups(&self) -> Vec<String> {
        match self {
            Pods::Cgroups { groups, .. } => groups.iter().map(|group| group.display().to_string()).collect(),
            _ => Vec::new(),
        }
    }

    /// Ends them; what does not end is returned.
    pub(super) fn end(&mut self, report: &Report) -> Vec<Finding> {
        let section = ResetPhase::CleanupNode;
        match self {
            Pods::Offline => Vec::new(),
            Pods::Sandboxes { runtime, own, others } => {
                if *others > 0 {
                    report.info(section, format_args!("{others} sandboxes are not of the kubelet, and stay"));
                }
                if !own.is_empty() {
                    report.info(section, format_args!("Ending {} Pods", own.len()));
                }
                own.iter().filter_map(|sandbox| end(runtime, sandbox)).collect()
            }
            Pods::Cgroups { why, groups } => {
                let text = format_args!("the container runtime does not answer: {why}");
                report.warn(section, None, text);
                let kill = |group: &PathBuf| {
                    report.info(section, format_args!("Killing what runs in {}", group.display()));
                    let error = host::kill_cgroup(group).err()?;
                    let hint = "start the container runtime on this machine, or reboot it, and run again".to_owned();
                    Some(left(format!("processes of a Pod in {}: {error}", group.display()), Some(hint)))
                };
                groups.iter().filter_map(kill).collect()
            }
        }
    }

    /// Images that go: all, but only where no other user of the runtime has a sandbox.
    pub(super) fn images(&mut self) -> Result<Vec<String>, String> {
        match self {
            Pods::Sandboxes { others: 0, runtime, .. } => runtime.images().map_err(|error| error.to_string()),
            Pods::Sandboxes { .. } => Err("the container runtime has sandboxes that are not of Kubernetes".to_owned()),
            Pods::Cgroups { why, .. } => Err(format!("the container runtime does not answer: {why}")),
            Pods::Offline => Err("nothing runs in that root".to_owned()),
        }
    }

    /// Removes images; what stays is returned.
    pub(super) fn remove_images(&mut self, images: &[String]) -> Vec<Finding> {
        let Pods::Sandboxes { runtime, .. } = self else { return Vec::new() };
        let remove = |image: &String| {
            let error = runtime.remove_image(image).err()?;
            Some(left(format!("image {image}: {error}"), None))
        };
        images.iter().filter_map(remove).collect()
    }
}

fn end(runtime: &mut Runtime, sandbox: &Sandbox) -> Option<Finding> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match runtime.remove_sandbox(sandbox) {
            Ok(()) => return None,
            Err(error) => last = Some(error),
        }
    }
    let hint =
        format!("look at the log of the container runtime on this machine, or run `crictl rmp -f {}`", sandbox.id());
    last.map(|error| left(format!("Pod {} ({}): {error}", sandbox.pod, sandbox.id()), Some(hint)))
}

fn sandboxes(socket: &str) -> Result<Pods, CriError> {
    let (mut runtime, _) = Runtime::connect(socket, STOP_TIMEOUT)?;
    let (own, others): (Vec<_>, Vec<_>) = runtime.sandboxes()?.into_iter().partition(|sandbox| sandbox.is_of_kubelet);
    Ok(Pods::Sandboxes { runtime: Box::new(runtime), own, others: others.len() })
}

/// The socket that the kubelet of this node was given: in its configuration, or by a flag.
fn socket_of_kubelet(root: &Root) -> Option<String> {
    let read = |path: &TargetPath| {
        let bytes = root.read(path, LIMIT).ok()??;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let field = |path: &TargetPath| {
        let document = yaml::parse_one(&read(path)?).ok()?;
        let socket = document.value.get("containerRuntimeEndpoint").and_then(Value::as_str)?;
        (!socket.is_empty()).then(|| socket.to_owned())
    };
    let flag = || {
        let flags = crate::kubelet::flags::parse(&read(&paths::KUBEADM_FLAGS)?)?;
        flags.iter().find_map(|flag| flag.strip_prefix("container-runtime-endpoint=").map(str::to_owned))
    };
    let found = field(&paths::INSTANCE_CONFIG).or_else(|| field(&paths::KUBELET_CONFIG)).or_else(flag)?;
    Some(if found.starts_with('/') { format!("unix://{found}") } else { found })
}
