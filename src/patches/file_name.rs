//! What a file in the directory of patches is for: `target[suffix][+kind].extension`.

use std::fmt;

use super::error::PatchFileError;
use super::kind::PatchKind;
use super::target::{PatchTarget, TARGETS};

const KINDS: [PatchKind; 3] = [PatchKind::Json, PatchKind::Merge, PatchKind::Strategic];

/// What the name of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// What is patched.
    pub target: PatchTarget,
    /// The part behind `+`.
    pub kind: PatchKind,
}

/// Why a file is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Neither `.json` nor `.yaml`.
    Extension,
    /// Begins with the name of no target.
    Target,
    /// Nothing in it.
    Empty,
}

impl FileName {
    /// Reads a name without its directories, by kubeadm's regular expressions: a target at the beginning, anything but `+`
    /// and `.` behind it, and then, where a `+` follows, a kind at least at the beginning of what follows that.
    ///
    /// # Errors
    /// A `+` that no kind follows.
    pub fn parse(name: &str) -> Result<Result<FileName, Ignored>, PatchFileError> {
        let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".json"));
        if stem.is_none_or(|stem| stem.is_empty() || stem.ends_with('\n')) {
            return Ok(Err(Ignored::Extension));
        }
        let Some((target, rest)) =
            TARGETS.into_iter().find_map(|target| Some((target, name.strip_prefix(target.name())?)))
        else {
            return Ok(Err(Ignored::Target));
        };
        let kind = match rest.trim_start_matches(|c| !matches!(c, '.' | '+' | '\n')).strip_prefix('+') {
            None => PatchKind::Strategic,
            Some(rest) => match KINDS.into_iter().find(|kind| rest.starts_with(kind.name())) {
                Some(kind) => kind,
                None => return Err(PatchFileError::Kind { file: name.to_owned() }),
            },
        };
        Ok(Ok(FileName { target, kind }))
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ignored::Extension => "its name ends neither in .yaml nor in .json",
            Ignored::Target => "its name begins with nothing that kubeadm patches, such as kubeletconfiguration",
            Ignored::Empty => "it is empty",
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_by_kubeadm_s_rules() {
        use PatchKind::{Json, Merge, Strategic};
        let kubelet = |kind| Ok(FileName { target: PatchTarget::KubeletConfiguration, kind });
        let other = |target, kind| Ok(FileName { target, kind });
        let table = [
            ("kubeletconfiguration.yaml", kubelet(Strategic)),
            ("kubeletconfiguration.json", kubelet(Strategic)),
            ("kubeletconfiguration0.yaml", kubelet(Strategic)),
            ("kubeletconfiguration+json.yaml", kubelet(Json)),
            ("kubeletconfiguration1+merge.json", kubelet(Merge)),
            ("kubeletconfiguration_any suffix-2+strategic.yaml", kubelet(Strategic)),
            ("kubeletconfigurationmerge.yaml", kubelet(Strategic)),
            ("kubeletconfiguration+mergeall.yaml", kubelet(Merge)),
            ("kubeletconfiguration.d+json.yaml", kubelet(Strategic)),
            ("kubeletconfiguration+json+merge.yaml", kubelet(Json)),
            ("kube-apiserver+json.yaml", other(PatchTarget::KubeApiserver, Json)),
            ("etcd.yaml", other(PatchTarget::Etcd, Strategic)),
            ("kubeproxydaemonset9.json", other(PatchTarget::KubeproxyDaemonset, Strategic)),
            ("kubeletconfiguration.yml", Err(Ignored::Extension)),
            ("kubeletconfiguration.YAML", Err(Ignored::Extension)),
            ("kubeletconfiguration.yaml~", Err(Ignored::Extension)),
            ("kubeletconfiguration", Err(Ignored::Extension)),
            (".yaml", Err(Ignored::Extension)),
            ("KubeletConfiguration.yaml", Err(Ignored::Target)),
            ("10-kubeletconfiguration.yaml", Err(Ignored::Target)),
            ("kubelet.yaml", Err(Ignored::Target)),
        ];
        for (name, expected) in table {
            assert_eq!(FileName::parse(name).unwrap(), expected, "{name}");
        }
        for name in ["kubeletconfiguration+.yaml", "kubeletconfiguration+Json.yaml", "etcd++json.yaml"] {
            assert_eq!(FileName::parse(name).unwrap_err(), PatchFileError::Kind { file: name.to_owned() });
        }
    }
}
