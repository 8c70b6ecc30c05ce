//! What users put in the place of, or on top of, the cluster's KubeletConfiguration.

use super::raw::RawKubeletConfig;
use crate::patches::Patches;

/// Files that shape `config.yaml`, read and checked.
#[derive(Clone, Debug, Default)]
pub struct KubeletOverrides {
    /// `--kubelet-config`: used instead of the cluster's ConfigMap.
    pub kubelet_config: Option<RawKubeletConfig>,
    /// `--patches`.
    pub patches: Patches,
}
