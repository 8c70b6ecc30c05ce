//! Directories and files of the host in a component's container (`phases/controlplane/volumes.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::release::Release;
use super::spec::StaticPodSpec;
use crate::cluster::control_plane::{
    ComponentConfiguration, ControlPlaneConfiguration, Etcd, ExternalEtcd, ExtraVolume, last_argument,
};

pub(super) const DIRECTORY: &str = "DirectoryOrCreate";
pub(super) const FILE: &str = "FileOrCreate";

/// The system's CA certificates.
const CA_CERTS: &str = "/etc/ssl/certs";

/// Volumes by their name: one of the user's takes the place of a default with the same name.
#[derive(Default)]
pub(super) struct Volumes(BTreeMap<String, ExtraVolume>);

impl Volumes {
    /// Mounts a path at the same path.
    pub(super) fn add(&mut self, name: &str, path: &str, read_only: bool, path_type: &str) {
        let (path, name, path_type) = (path.to_owned(), name.to_owned(), path_type.to_owned());
        self.insert(ExtraVolume { name, host_path: path.clone(), mount_path: path, read_only, path_type });
    }

    fn insert(&mut self, volume: ExtraVolume) {
        self.0.insert(volume.name.clone(), volume);
    }

    /// What the API server and the controller manager have in common.
    pub(super) fn add_certificates(&mut self, spec: &StaticPodSpec<'_>) {
        self.add("k8s-certs", spec.cluster.cluster.certificates_dir(), true, DIRECTORY);
        self.add("ca-certs", CA_CERTS, true, DIRECTORY);
        for path in spec.release.ca_directories().filter(|path| spec.host_ca_directories.contains(path)) {
            self.add(&path[1..].replace('/', "-"), path, true, DIRECTORY);
        }
    }

    /// The directories of the files that an external etcd is reached with.
    pub(super) fn add_external_etcd(&mut self, spec: &StaticPodSpec<'_>) {
        let Etcd::External(ExternalEtcd { ca_file, cert_file, key_file, .. }) = &spec.cluster.etcd else { return };
        let certificates_dir = spec.cluster.cluster.certificates_dir();
        let is_covered = |directory: &str| {
            // Prefixes of texts, not of paths, as in kubeadm.
            let mut of_host = spec.release.ca_directories().chain([CA_CERTS]);
            directory.starts_with(certificates_dir) || of_host.any(|covered| directory.starts_with(covered))
        };
        let mut directories = BTreeSet::new();
        for file in [ca_file, cert_file, key_file] {
            let directory = Path::new(file).parent().and_then(Path::to_str).unwrap_or_default();
            if directory.is_empty() || is_covered(directory) {
                continue;
            }
            directories.retain(|other: &&str| !other.starts_with(directory));
            if !directories.iter().any(|other| directory.starts_with(other)) {
                directories.insert(directory);
            }
        }
        for (number, directory) in directories.into_iter().enumerate() {
            self.add(&format!("etcd-certs-{number}"), directory, true, DIRECTORY);
        }
    }

    /// Adds the user's own.
    pub(super) fn add_extra(&mut self, configuration: &ComponentConfiguration) {
        configuration.extra_volumes.iter().for_each(|volume| self.insert(volume.clone()));
    }

    /// `volumes` of the Pod, by name.
    pub(super) fn volumes(&self) -> Value {
        let volume = |volume: &ExtraVolume| json!({"name": volume.name, "hostPath": {"path": volume.host_path, "type": volume.path_type}});
        self.0.values().map(volume).collect()
    }

    /// `volumeMounts` of the container, by name.
    pub(super) fn mounts(&self) -> Value {
        let mount = |volume: &ExtraVolume| {
            let mut mount = json!({"name": volume.name, "mountPath": volume.mount_path});
            if volume.read_only {
                mount["readOnly"] = true.into();
            }
            mount
        };
        self.0.values().map(mount).collect()
    }
}

/// The directory of flexible volume plugins that the controller manager mounts, up to 1.35. The kubelet creates it where it
/// is missing, which fails below a read-only `/usr`: then the cluster has to name another one in
/// `controllerManager.extraArgs`, `flex-volume-plugin-dir`.
pub fn flex_volume_directory(cluster: &ControlPlaneConfiguration, release: Release) -> Option<&str> {
    let named = last_argument(&cluster.controller_manager.extra_args, "flex-volume-plugin-dir");
    let path = named.map_or("/usr/libexec/kubernetes/kubelet-plugins/volume/exec", |argument| &argument.value);
    release.mounts_flex_volumes().then_some(path)
}
