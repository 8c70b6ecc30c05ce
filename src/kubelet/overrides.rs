//! What users put in the place of, or on top of, the cluster's KubeletConfiguration.

use super::patches::Patches;
use super::raw::RawKubeletConfig;

/// Files that shape `config.yaml`, read and checked.
#[derive(Clone, Debug, Default)]
pub struct KubeletOverrides {
    /// `--kubelet-config`: used instead of the cluster's ConfigMap.
    pub kubelet_config: Option<RawKubeletConfig>,
    /// `--patches`.
    pub patches: Patches,
}
