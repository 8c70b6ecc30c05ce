//! `kubeadm.k8s.io/v1beta2`, written by Kubernetes 1.15 to 1.21 and read by kubeadm up to 1.26, and `v1beta1`, written by 1.13 and
//! 1.14 and read up to 1.21 (`apis/kubeadm/v1beta2/types.go` of 1.22, `v1beta1/types.go` of 1.15).
//!
//! What differs from v1beta3: v1beta2 has neither `skipPhases` nor `patches` nor `imagePullPolicy`; v1beta1 has no
//! `ignorePreflightErrors` and no `certificateKey` either.

use super::draft::Draft;
use super::fields::Reader;
use super::v1beta3;
use super::v1beta4::{self, Shape};

const SHAPE: Shape = Shape {
    root: &["apiVersion", "kind", "nodeRegistration", "caCertPath", "discovery", "controlPlane"],
    node_registration: &["name", "criSocket", "taints", "kubeletExtraArgs", "ignorePreflightErrors"],
    ..v1beta3::SHAPE
};

const V1BETA1: Shape = Shape {
    node_registration: &["name", "criSocket", "taints", "kubeletExtraArgs"],
    control_plane: &["localAPIEndpoint"],
    ..SHAPE
};

pub(super) fn read(reader: &mut Reader<'_>) -> Draft {
    v1beta4::common(reader, &SHAPE)
}

pub(super) fn read_v1beta1(reader: &mut Reader<'_>) -> Draft {
    v1beta4::common(reader, &V1BETA1)
}
