//! From what is known to the text of a manifest.

use serde_json::Value;

use super::error::StaticPodError;
use super::pod::Component;
use super::spec::StaticPodSpec;
use super::{etcd as etcd_pod, etcd_version, kubernetes};
use crate::patches::PatchTarget;
use crate::yaml;

/// A file of the directory of manifests; its mode is 0600, the directory's 0700.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The component.
    pub component: PatchTarget,
    /// The file's name.
    pub file_name: String,
    /// Its content.
    pub text: String,
}

/// kube-apiserver, kube-controller-manager and kube-scheduler, in kubeadm's order.
///
/// # Errors
/// What of the cluster is not supported, or a patch that does not fit.
pub fn control_plane(spec: &StaticPodSpec<'_>) -> Result<[Manifest; 3], StaticPodError> {
    if spec.cluster.feature_gates.iter().any(|(name, on)| name == "RootlessControlPlane" && *on) {
        return Err(StaticPodError::Rootless);
    }
    Ok([
        manifest(spec, kubernetes::api_server(spec))?,
        manifest(spec, kubernetes::controller_manager(spec))?,
        manifest(spec, kubernetes::scheduler(spec))?,
    ])
}

/// etcd, as a member that joins those in `initial_cluster`, itself among them: names and peer URLs, in the order in which
/// etcd has them. `None` where etcd is external.
///
/// # Errors
/// A patch that does not fit.
pub fn etcd(
    spec: &StaticPodSpec<'_>,
    initial_cluster: &[(String, String)],
) -> Result<Option<Manifest>, StaticPodError> {
    let Some(local) = spec.cluster.local_etcd() else { return Ok(None) };
    manifest(spec, etcd_pod::etcd(spec, local, initial_cluster)).map(Some)
}

/// The image of the etcd that is going to run here.
pub fn etcd_image(spec: &StaticPodSpec<'_>) -> String {
    etcd_version::image(spec)
}

/// The images of the static Pods, before patches; without etcd where that is external.
pub fn images(spec: &StaticPodSpec<'_>) -> Vec<String> {
    let components = [PatchTarget::KubeApiserver, PatchTarget::KubeControllerManager, PatchTarget::KubeScheduler];
    let images = components.into_iter().map(|component| kubernetes::image(spec, component));
    images.chain(spec.cluster.local_etcd().map(|_| etcd_version::image(spec))).collect()
}

fn manifest(spec: &StaticPodSpec<'_>, component: Component) -> Result<Manifest, StaticPodError> {
    let target = component.target;
    let mut pod = component.pod(spec);
    if spec.patches.has(target) {
        spec.patches
            .apply(target, &mut pod)
            .map_err(|error| StaticPodError::Patch { component: target, error: Box::new(error) })?;
        drop_nulls(&mut pod);
        check(&pod, target)?;
    }
    Ok(Manifest { component: target, file_name: format!("{}.yaml", target.name()), text: yaml::to_string(&pod) })
}

/// What the kubelet could not read after a patch, as far as it can be known without the whole type.
fn check(pod: &Value, component: PatchTarget) -> Result<(), StaticPodError> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let wrong = |field, expected| Err(StaticPodError::Patched { component, field, expected });
    if text(pod, "/apiVersion").as_deref() != Some("v1") {
        return wrong("apiVersion", "v1");
    }
    if text(pod, "/kind").as_deref() != Some("Pod") {
        return wrong("kind", "Pod");
    }
    if text(pod, "/metadata/name").is_none() {
        return wrong("metadata.name", "a string");
    }
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let complete = |container: &Value| text(container, "/name").is_some() && text(container, "/image").is_some();
    if !containers.is_some_and(|containers| !containers.is_empty() && containers.iter().all(complete)) {
        return wrong("spec.containers", "a list of containers with a name and an image each");
    }
    Ok(())
}

/// Go's decoder takes a null for nothing; kubeadm decodes what patches have made, and encodes it again.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
