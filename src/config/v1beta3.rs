//! `kubeadm.k8s.io/v1beta3`, written by Kubernetes 1.22 to 1.30 and read by kubeadm up to 1.36
//! (`apis/kubeadm/v1beta3/types.go` there).
//!
//! What differs from v1beta4: `discovery.timeout` instead of `timeouts`, `kubeletExtraArgs` as a mapping, no `dryRun`, no
//! `imagePullSerial`.

use super::args_form::ArgsForm;
use super::draft::Draft;
use super::fields::Reader;
use super::v1beta4::{self, Shape};

pub(super) const SHAPE: Shape = Shape {
    root: &[
        "apiVersion",
        "kind",
        "nodeRegistration",
        "caCertPath",
        "discovery",
        "controlPlane",
        "skipPhases",
        "patches",
    ],
    node_registration: &["name", "criSocket", "taints", "kubeletExtraArgs", "ignorePreflightErrors", "imagePullPolicy"],
    extra_args: ArgsForm::Map,
    discovery: &["bootstrapToken", "file", "tlsBootstrapToken", "timeout"],
    control_plane: &["localAPIEndpoint", "certificateKey"],
};

pub(super) fn read(reader: &mut Reader<'_>) -> Draft {
    v1beta4::common(reader, &SHAPE)
}
