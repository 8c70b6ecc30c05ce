//! The flags that the kubelet will be started with, wherever they are given.

use crate::kubelet::flags;
use crate::node::paths;
use crate::node::state::NodeState;
use crate::plan::JoinPlan;
use crate::rootfs::{Root, TargetPath};
use crate::services::{KUBELET, service_flags};

/// Largest `kubeadm-flags.env`, in bytes.
const MAX_FILE_BYTES: usize = 1 << 18;

/// A flag of the kubelet.
#[derive(Clone, Debug)]
pub(super) struct GivenFlag {
    /// Without dashes.
    pub(super) name: String,
    /// Its value; none for a switch.
    pub(super) value: Option<String>,
    /// The file of this machine that gives it; none where the join itself does.
    pub(super) file: Option<TargetPath>,
}

impl GivenFlag {
    /// Whether the value is what the kubelet will be given: nothing that systemd or a shell puts something in the place of.
    pub(super) fn is_plain(&self) -> bool {
        self.value.as_ref().is_none_or(|value| !value.contains(['$', '%', '\\', '`']))
    }

    /// The value, that of a switch being `true`.
    pub(super) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or("true")
    }
}

/// The flags, in the order in which they count. First those of `kubeadm-flags.env`: as it is written on a node, and as it will
/// be on a machine that joins.
pub(super) fn given(plan: &JoinPlan, root: &Root, state: &NodeState) -> Vec<GivenFlag> {
    let split = |flag: &str| {
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        GivenFlag { name: name.to_owned(), value: value.map(str::to_owned), file: None }
    };
    let mut given: Vec<GivenFlag> = match state {
        NodeState::Joined(_) => {
            let bytes = root.read(&paths::KUBEADM_FLAGS, MAX_FILE_BYTES).ok().flatten().unwrap_or_default();
            let written = flags::parse(&String::from_utf8_lossy(&bytes)).unwrap_or_default();
            written.iter().map(|flag| split(flag)).collect()
        }
        _ => {
            let extra = plan.node.kubelet_extra_args.iter();
            extra
                .map(|(name, value)| GivenFlag { name: name.clone(), value: Some(value.clone()), file: None })
                .collect()
        }
    };
    // What cannot be read is found by the checks that are about it.
    let of_service = service_flags(root, KUBELET, &paths::KUBEADM_FLAGS).unwrap_or_default();
    given.extend(of_service.into_iter().map(|flag| GivenFlag {
        name: flag.name,
        value: flag.value,
        file: Some(flag.file),
    }));
    given
}

/// The flags as the kubelet is asked about them. What systemd or a shell would still put something in the place of is left out.
pub(super) fn askable(given: &[GivenFlag]) -> Vec<String> {
    let shown = |flag: &GivenFlag| match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    };
    given.iter().filter(|flag| flag.is_plain()).map(shown).collect()
}
