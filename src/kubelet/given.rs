//! What the operator gives for the kubelet's configuration, read.

use std::path::PathBuf;

use super::patches::Patches;

/// Files of the operator that shape `config.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--kubelet-config`: used instead of the cluster's ConfigMap.
    pub kubelet_config: Option<GivenConfiguration>,
    /// `--patches`.
    pub patches: Patches,
}

/// A KubeletConfiguration that came with the image.
#[derive(Clone, Debug)]
pub struct GivenConfiguration {
    /// Its file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}
