//! What a reset leaves on purpose: not a join's, or nobody knows whose it is. Each with the command that removes it.

use super::files::{CNI_CONFIGURATION, CNI_STATE};
use super::plan::ResetPlan;
use crate::phase::ResetPhase;
use crate::rootfs::{Root, RootError, TargetPath};

/// Something that stays on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What.
    pub what: String,
    /// What removes it; none where nothing has to.
    pub command: Option<String>,
}

impl Leftover {
    pub(super) fn new(what: impl Into<String>, command: impl Into<String>) -> Self {
        Leftover { what: what.into(), command: Some(command.into()) }
    }
}

/// The kubeconfig of root on this machine, which somebody has made by hand.
const ROOT_HOME: TargetPath = TargetPath::fixed("/root");
const KUBECONFIG: &str = ".kube/config";

/// Users and groups that kubeadm makes for a control plane whose ClusterConfiguration turns RootlessControlPlane on, and that its
/// reset takes away (`util/users/users_linux.go`).
const USERS: [&str; 4] = ["kubeadm-etcd", "kubeadm-kas", "kubeadm-kcm", "kubeadm-ks"];
const GROUP: &str = "kubeadm-sa-key-readers";

/// Largest list of users or groups that is read, in bytes.
const MAX_USERS: usize = 4 << 20;

/// What is there and stays. `node` is the name of the Node.
///
/// # Errors
/// The root cannot be read.
pub(super) fn leftovers(plan: &ResetPlan, root: &Root, node: Option<&str>) -> Result<Vec<Leftover>, RootError> {
    let mut found = Vec::new();
    if !plan.phases.contains(ResetPhase::CleanupNode) {
        return Ok(found);
    }
    let node = node.unwrap_or("NAME");
    found.push(Leftover::new(
        "the Node object in the cluster, which a node cannot delete; on a control plane:",
        format!("kubectl delete node {node}"),
    ));
    let has_content = |path: &TargetPath| Ok::<_, RootError>(root.list(path)?.is_some_and(|names| !names.is_empty()));
    let outside = |path: &TargetPath| root.outside(path).display().to_string();
    if !plan.cni {
        for (path, what) in [(CNI_CONFIGURATION, "the configuration of CNI plug-ins"), (CNI_STATE, "their state")] {
            if has_content(&path)? {
                let place = outside(&path);
                found.push(Leftover::new(format!("{what}, {place}:"), format!("rm -rf {place}/*  # or reset --cni")));
            }
        }
    }
    let certificates = &plan.configuration.certificates_dir;
    if !plan.configuration.has_default_certificates_dir() && has_content(certificates)? {
        let place = outside(certificates);
        found.push(Leftover::new(format!("what is not kubeadm's in {place}:"), format!("ls -lR {place}")));
    }
    if let Ok(kubeconfig) = ROOT_HOME.join(KUBECONFIG)
        && root.exists(&kubeconfig)?
    {
        let place = outside(&kubeconfig);
        found.push(Leftover::new(format!("a kubeconfig of a user, {place}:"), format!("rm {place}")));
    }
    let listed = |path: &'static str, names: &[&'static str]| {
        let text = root.read(&TargetPath::fixed(path), MAX_USERS)?.unwrap_or_default();
        let is_there = |name: &&str| text.split(|byte| *byte == b'\n').any(|line| is_entry(line, name));
        Ok::<Vec<_>, RootError>(names.iter().copied().filter(is_there).collect())
    };
    let (users, group) = (listed("/etc/passwd", &USERS)?, listed("/etc/group", &[GROUP])?);
    if !users.is_empty() || !group.is_empty() {
        let inside =
            if plan.target.is_this_system() { String::new() } else { format!("--prefix {} ", root.path().display()) };
        let delete = |program: &'static str, names: Vec<&'static str>| {
            names.into_iter().map(move |name| (program, name)).collect::<Vec<_>>()
        };
        let commands = [delete("userdel", users), delete("groupdel", group)].concat();
        let commands: Vec<_> = commands.iter().map(|(program, name)| format!("{program} {inside}{name}")).collect();
        found.push(Leftover::new("users and groups of a control plane without root:", commands.join("; ")));
    }
    let of_root =
        if plan.target.is_this_system() { String::new() } else { format!("--root={} ", root.path().display()) };
    found.push(Leftover::new("the kubelet as a program and a service:", format!("systemctl {of_root}disable kubelet")));
    if plan.target.is_this_system() {
        if !plan.images {
            found.push(Leftover::new("images of the container runtime:", "crictl rmi --all  # or reset --images"));
        }
        found.push(Leftover {
            what: "interfaces and rules of netfilter and IPVS, of kube-proxy and CNI plug-ins: gone after a reboot"
                .to_owned(),
            command: None,
        });
    }
    Ok(found)
}

/// Whether a line of passwd(5) or group(5) is that of this name.
fn is_entry(line: &[u8], name: &str) -> bool {
    line.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b":"))
}
