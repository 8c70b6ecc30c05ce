//! Which etcd an image holds, and what its flags are called.

use super::spec::StaticPodSpec;
use crate::patches::PatchTarget;
use crate::values::Version;

/// The image of the etcd that is going to run here. What the ClusterConfiguration says wins, then what the other members
/// run, then kubeadm's table.
pub(super) fn image(spec: &StaticPodSpec<'_>) -> String {
    let local = spec.cluster.local_etcd();
    let tag = local.and_then(|etcd| etcd.image_tag.as_deref());
    match (tag, spec.etcd_image) {
        (None, Some(running)) => running.to_owned(),
        (tag, _) => {
            let repository = local.and_then(|etcd| etcd.image_repository.as_deref());
            let repository = repository.unwrap_or(&spec.cluster.image_repository);
            let tag = tag.unwrap_or_else(|| spec.release.etcd_tag());
            format!("{repository}/{}:{tag}", PatchTarget::Etcd.name())
        }
    }
}

/// The version in an image's tag, such as `3.6.6-0`; a digest has none.
fn version(image: &str) -> Option<Version> {
    let name = image.split('@').next()?;
    name.rsplit_once(':')?.1.parse().ok()
}

/// What an etcd understands.
pub(super) struct Abilities {
    /// The flags of 3.6; 3.7 has no longer those whose names begin with `experimental-`.
    pub(super) has_feature_gates: bool,
    /// `/livez` and `/readyz`, since 3.5.11.
    pub(super) has_livez: bool,
}

/// Where the version cannot be told, what the cluster's kubeadm takes for granted.
pub(super) fn abilities(image: &str, spec: &StaticPodSpec<'_>) -> Abilities {
    let version = version(image).map(|version| (version.major, version.minor, version.patch));
    Abilities {
        has_feature_gates: version.map_or(spec.release.expects_etcd_3_6(), |version| version >= (3, 6, 0)),
        has_livez: spec.release.etcd_has_livez() && version.is_none_or(|version| version >= (3, 5, 11)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_tag() {
        let of = |image| version(image).map(|version| (version.major, version.minor, version.patch));
        assert_eq!(of("registry.k8s.io/etcd:3.5.24-0"), Some((3, 5, 24)));
        assert_eq!(of("my.io:5000/etcd:v3.6.6"), Some((3, 6, 6)));
        assert_eq!(of("my.io/etcd:3.7.0-0@sha256:00"), Some((3, 7, 0)));
        for image in ["my.io:5000/etcd", "etcd", "etcd:latest", "etcd@sha256:3.5.0", "etcd:3.5"] {
            assert_eq!(of(image), None, "{image}");
        }
    }
}
