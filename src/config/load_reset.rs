//! What a reset is told: flags, or a configuration file and the flags that may stand beside it.

use super::document;
use super::error::{ConfigError, Refused};
use super::findings::Findings;
use super::load;
use super::origin::Origin;
use super::reset_configuration::{ResetConfiguration, ResetDraft, check};
use super::setting::{Beside, Verb};
use super::settings::Settings;
use super::settings_table::flag;
use super::warning::Warning;

/// Reads the file that the flags name, and resolves everything.
///
/// # Errors
/// The file cannot be read, or something that is given cannot be used; with what the user should know as well.
pub fn load_reset(flags: &Settings) -> Result<(ResetConfiguration, Vec<Warning>), Refused> {
    let mut findings = Findings::default();
    match resolve(flags, &mut findings) {
        Ok(configuration) => Ok((configuration, findings.warnings)),
        Err(error) => Err(Refused { error, warnings: findings.warnings }),
    }
}

fn resolve(flags: &Settings, findings: &mut Findings) -> Result<ResetConfiguration, ConfigError> {
    let mut draft = match &flags.config {
        Some(given) => {
            refuse_mixed(flags)?;
            document::read_reset(&given.value, &load::configuration(&given.value)?, findings)?
        }
        None => ResetDraft {
            force: flags.force.unwrap_or_default(),
            cleanup_tmp_dir: flags.cleanup_tmp_dir.unwrap_or_default(),
            cri_socket: flags.cri_socket.clone(),
            certificates_dir: flags.cert_dir.clone(),
            ..ResetDraft::default()
        },
    };
    draft.dry_run = flags.dry_run.unwrap_or(draft.dry_run);
    draft.ignore_preflight_errors.extend_from_slice(&flags.ignore_preflight_errors);
    if !flags.skip_phases.is_empty() {
        draft.skip_phases.clone_from(&flags.skip_phases);
    }
    let file = flags.config.as_ref().map(|given| given.value.clone());
    check(draft, findings)
        .ok_or_else(|| ConfigError::Invalid { file, problems: std::mem::take(&mut findings.problems) })
}

/// What may not stand beside a configuration file, as in kubeadm (`ValidateMixedArguments`).
fn refuse_mixed(flags: &Settings) -> Result<(), ConfigError> {
    let refused = flags.given.iter().filter_map(|origin| match origin {
        Origin::Flag(name) => flag(Verb::Reset, name).filter(|row| row.beside_config == Beside::Refused),
        _ => None,
    });
    let mut settings: Vec<_> = refused.map(|row| (format!("--{}", row.flag), row.field)).collect();
    settings.sort_unstable();
    settings.dedup();
    if settings.is_empty() { Ok(()) } else { Err(ConfigError::Mixed { settings }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings_table::typed_to;
    use crate::rootfs::UnmountFlags;

    fn with_file(text: &str, flags: &[(&str, &str)]) -> Result<(ResetConfiguration, Vec<Warning>), Refused> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut flags = flags.to_vec();
        flags.push(("config", file.path().to_str().unwrap()));
        load_reset(&typed_to(Verb::Reset, &flags))
    }

    #[test]
    fn flags_alone_are_a_configuration() {
        let (defaults, _) = load_reset(&Settings::default()).unwrap();
        assert!(!defaults.force && !defaults.dry_run && defaults.has_default_certificates_dir());
        assert_eq!((defaults.cri_socket, defaults.unmount_flags), (None, UnmountFlags::empty()));
        let flags = [
            ("force", "true"),
            ("cert-dir", "/data/pki"),
            ("cri-socket", "/run/crio/crio.sock"),
            ("skip-phases", "preflight,cleanupnode"),
            ("ignore-preflight-errors", "IsPrivilegedUser"),
        ];
        let (found, _) = load_reset(&typed_to(Verb::Reset, &flags)).unwrap();
        assert!(found.force && !found.has_default_certificates_dir());
        assert_eq!(found.cri_socket.as_deref(), Some("unix:///run/crio/crio.sock"));
        assert_eq!(found.skip_phases, ["preflight", "cleanupnode"]);
        assert_eq!(found.ignore_preflight_errors, ["isprivilegeduser"]);
    }

    #[test]
    fn a_file_says_everything_and_some_flags_may_stand_beside_it() {
        let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\ncleanupTmpDir: true\n\
            certificatesDir: /data/pki\nskipPhases: [preflight]\nunmountFlags: [MNT_FORCE, MNT_DETACH]\n\
            ignorePreflightErrors: [all]\ntimeouts: {etcdAPICall: 3s}\n";
        let (found, warnings) = with_file(text, &[("dry-run", "true"), ("skip-phases", "cleanup-node")]).unwrap();
        assert!(found.force && found.cleanup_tmp_dir && found.dry_run && warnings.is_empty());
        assert_eq!(found.certificates_dir.as_str(), "/data/pki");
        assert_eq!(found.unmount_flags, UnmountFlags::FORCE | UnmountFlags::DETACH);
        assert_eq!(found.skip_phases, ["cleanup-node"]);
        assert_eq!(found.timeouts.etcd_api_call.as_secs(), 3);
        for refused in ["force", "cri-socket", "cert-dir", "cleanup-tmp-dir"] {
            let value = if ["force", "cleanup-tmp-dir"].contains(&refused) { "true" } else { "/x" };
            let error = with_file(text, &[(refused, value)]).unwrap_err().error;
            assert!(error.to_string().ends_with(&format!(": --{refused}")), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let table = [
            ("unmountFlags: [MNT_LAZY]", "takes MNT_FORCE, MNT_DETACH"),
            ("certificatesDir: pki", "takes an absolute path"),
            ("certificatesDir: /etc/../", "takes an absolute path"),
            ("skipPhases: [kubelet-start]", "unknown phase"),
            ("criSocket: tcp://1.2.3.4", "invalid socket"),
            ("force: \"yes\"", "a boolean is needed"),
            ("ignorePreflightErrors: [all, Swap]", "stands among"),
        ];
        for (line, expected) in table {
            let text = format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n{line}\n");
            let error = with_file(&text, &[]).unwrap_err().error.to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
        let join = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n";
        let error = with_file(join, &[]).unwrap_err().error.to_string();
        assert!(error.ends_with("has no ResetConfiguration, only JoinConfiguration"), "{error}");
        let old = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ResetConfiguration\n";
        assert!(matches!(with_file(old, &[]).unwrap_err().error, ConfigError::Version { .. }));
    }
}
