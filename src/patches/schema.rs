//! Which lists of a Pod a strategic patch merges, and by which key: the tags `patchStrategy` and `patchMergeKey` of
//! `k8s.io/api/core/v1/types.go` and `apimachinery/pkg/apis/meta/v1/types.go`, v1.37.
//!
//! What is not in here is merged where it is a mapping and replaced where it is a list, which is right for every other field
//! of a Pod's metadata and spec. `status` is left out: a manifest has none.

/// A mapping, as far as lists below it are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// No list below is merged: a KubeletConfiguration, and most of a Pod.
    Plain,
    Pod,
    Metadata,
    PodSpec,
    Container,
}

/// What is done with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListStrategy {
    /// It is replaced as a whole.
    Replace,
    /// A list of texts or numbers becomes a union.
    MergeScalars,
    /// Mappings with the same value of this key are merged.
    MergeBy(&'static str),
}

impl Schema {
    /// The schema of a field's mapping, or of the items of its list.
    pub(super) fn below(self, field: &str) -> Schema {
        match (self, field) {
            (Schema::Pod, "metadata") => Schema::Metadata,
            (Schema::Pod, "spec") => Schema::PodSpec,
            (Schema::PodSpec, "containers" | "initContainers" | "ephemeralContainers") => Schema::Container,
            _ => Schema::Plain,
        }
    }

    pub(super) fn list(self, field: &str) -> ListStrategy {
        let key = match (self, field) {
            (Schema::Metadata, "finalizers") => return ListStrategy::MergeScalars,
            (Schema::Metadata, "ownerReferences") => "uid",
            (
                Schema::PodSpec,
                "containers"
                | "initContainers"
                | "ephemeralContainers"
                | "volumes"
                | "imagePullSecrets"
                | "schedulingGates"
                | "resourceClaims"
                | "evictionResponders",
            ) => "name",
            (Schema::PodSpec, "hostAliases") => "ip",
            (Schema::PodSpec, "topologySpreadConstraints") => "topologyKey",
            (Schema::Container, "env") => "name",
            (Schema::Container, "ports") => "containerPort",
            (Schema::Container, "volumeMounts") => "mountPath",
            (Schema::Container, "volumeDevices") => "devicePath",
            _ => return ListStrategy::Replace,
        };
        ListStrategy::MergeBy(key)
    }
}
