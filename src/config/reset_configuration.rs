//! ResetConfiguration (`kubeadm.k8s.io/v1beta4`, `apis/kubeadm/v1beta4/types.go`): read, checked, written.

use serde_json::Value;
use zeroize::Zeroizing;

use super::check::{cri_socket, ignored_checks};
use super::fields::Reader;
use super::findings::Findings;
use super::origin::WithOrigin;
use super::problem::Problem;
use super::render::{Object, timeouts};
use super::timeouts::Timeouts;
use super::v1beta4;
use crate::phase;
use crate::rootfs::{TargetPath, UnmountFlags};
use crate::yaml;

/// kubeadm's default of `certificatesDir`.
const CERTIFICATES_DIR: TargetPath = TargetPath::fixed("/etc/kubernetes/pki");

/// Flags of umount2(2) by kubeadm's names.
const UNMOUNT_FLAGS: [(&str, UnmountFlags); 4] = [
    ("MNT_FORCE", UnmountFlags::FORCE),
    ("MNT_DETACH", UnmountFlags::DETACH),
    ("MNT_EXPIRE", UnmountFlags::EXPIRE),
    ("UMOUNT_NOFOLLOW", UnmountFlags::NOFOLLOW),
];

/// Everything a reset can be told.
#[derive(Clone, Debug)]
pub struct ResetConfiguration {
    /// `force`: nobody is asked, and what only an administrator may decide is decided.
    pub force: bool,
    /// `dryRun`.
    pub dry_run: bool,
    /// `cleanupTmpDir`.
    pub cleanup_tmp_dir: bool,
    /// `criSocket`, with its `unix://`; found where absent.
    pub cri_socket: Option<String>,
    /// `certificatesDir`.
    pub certificates_dir: TargetPath,
    /// `ignorePreflightErrors`, lower case.
    pub ignore_preflight_errors: Vec<String>,
    /// `skipPhases`.
    pub skip_phases: Vec<String>,
    /// `unmountFlags`.
    pub unmount_flags: UnmountFlags,
    /// `timeouts`.
    pub timeouts: Timeouts,
}

impl Default for ResetConfiguration {
    fn default() -> Self {
        ResetConfiguration {
            force: false,
            dry_run: false,
            cleanup_tmp_dir: false,
            cri_socket: None,
            certificates_dir: CERTIFICATES_DIR,
            ignore_preflight_errors: Vec::new(),
            skip_phases: Vec::new(),
            unmount_flags: UnmountFlags::empty(),
            timeouts: Timeouts::default(),
        }
    }
}

impl ResetConfiguration {
    /// Whether the certificates are where kubeadm puts them.
    pub fn has_default_certificates_dir(&self) -> bool {
        self.certificates_dir == CERTIFICATES_DIR
    }
}

/// The fields, unchecked.
#[derive(Clone, Debug, Default)]
pub(super) struct ResetDraft {
    pub(super) force: bool,
    pub(super) dry_run: bool,
    pub(super) cleanup_tmp_dir: bool,
    pub(super) cri_socket: Option<WithOrigin<String>>,
    pub(super) certificates_dir: Option<WithOrigin<String>>,
    pub(super) ignore_preflight_errors: Vec<WithOrigin<String>>,
    pub(super) skip_phases: Vec<WithOrigin<String>>,
    pub(super) unmount_flags: Vec<WithOrigin<String>>,
    pub(super) timeouts: Timeouts,
}

pub(super) fn read(reader: &mut Reader<'_>) -> ResetDraft {
    let known = [
        "apiVersion",
        "kind",
        "cleanupTmpDir",
        "certificatesDir",
        "criSocket",
        "dryRun",
        "force",
        "ignorePreflightErrors",
        "skipPhases",
        "unmountFlags",
        "timeouts",
    ];
    let mut draft = ResetDraft::default();
    let Some(root) = reader.root(&known) else { return draft };
    let is_given = |given: &WithOrigin<String>| !given.value.is_empty();
    draft.force = reader.boolean(&root, "force").unwrap_or_default();
    draft.dry_run = reader.boolean(&root, "dryRun").unwrap_or_default();
    draft.cleanup_tmp_dir = reader.boolean(&root, "cleanupTmpDir").unwrap_or_default();
    draft.cri_socket = reader.string(&root, "criSocket").filter(is_given);
    draft.certificates_dir = reader.string(&root, "certificatesDir").filter(is_given);
    draft.ignore_preflight_errors = reader.strings(&root, "ignorePreflightErrors");
    draft.skip_phases = reader.strings(&root, "skipPhases");
    draft.unmount_flags = reader.strings(&root, "unmountFlags");
    if let Some(timeouts) = v1beta4::timeouts(reader, &root) {
        draft.timeouts = timeouts;
    }
    draft
}

/// Checks everything. There is a configuration only where no problem has been found, here or before.
pub(super) fn check(draft: ResetDraft, findings: &mut Findings) -> Option<ResetConfiguration> {
    let certificates_dir = match draft.certificates_dir {
        None => CERTIFICATES_DIR,
        Some(WithOrigin { value, origin }) => value.parse().unwrap_or_else(|_| {
            let expected = "an absolute path without `..`";
            findings.problems.push(Problem::Expected { origin, expected, found: value });
            CERTIFICATES_DIR
        }),
    };
    let mut unmount_flags = UnmountFlags::empty();
    for WithOrigin { value, origin } in draft.unmount_flags {
        match UNMOUNT_FLAGS.iter().find(|(name, _)| *name == value) {
            Some((_, flag)) => unmount_flags |= *flag,
            None => {
                let expected = "MNT_FORCE, MNT_DETACH, MNT_EXPIRE or UMOUNT_NOFOLLOW";
                findings.problems.push(Problem::Expected { origin, expected, found: value });
            }
        }
    }
    for WithOrigin { value, origin } in &draft.skip_phases {
        if phase::find_of_reset(value).is_none() {
            findings.problems.push(Problem::Phase(origin.clone(), value.clone()));
        }
    }
    let configuration = ResetConfiguration {
        force: draft.force,
        dry_run: draft.dry_run,
        cleanup_tmp_dir: draft.cleanup_tmp_dir,
        cri_socket: draft.cri_socket.and_then(|given| cri_socket(given, findings)),
        certificates_dir,
        ignore_preflight_errors: ignored_checks(&draft.ignore_preflight_errors, findings),
        skip_phases: draft.skip_phases.into_iter().map(|given| given.value).collect(),
        unmount_flags,
        timeouts: draft.timeouts,
    };
    findings.problems.is_empty().then_some(configuration)
}

/// The document as kubeadm writes it, with every default; `socket` stands where the draft has none.
pub(super) fn to_yaml(draft: &ResetDraft, socket: &str) -> Zeroizing<String> {
    let mut fields = Object::default();
    fields.text("apiVersion", "kubeadm.k8s.io/v1beta4");
    fields.text("kind", "ResetConfiguration");
    let text = |given: &Option<WithOrigin<String>>| given.as_ref().map(|given| given.value.clone());
    let directory = text(&draft.certificates_dir);
    fields.text("certificatesDir", directory.as_deref().unwrap_or(CERTIFICATES_DIR.as_str()));
    let socket = text(&draft.cri_socket).unwrap_or_else(|| socket.to_owned());
    let scheme = if socket.starts_with("unix:") { "" } else { "unix://" };
    fields.text("criSocket", &format!("{scheme}{socket}"));
    for (name, is_set) in [("force", draft.force), ("dryRun", draft.dry_run), ("cleanupTmpDir", draft.cleanup_tmp_dir)]
    {
        if is_set {
            fields.put(name, Value::Bool(true));
        }
    }
    fields.texts("ignorePreflightErrors", &draft.ignore_preflight_errors);
    fields.texts("skipPhases", &draft.skip_phases);
    fields.texts("unmountFlags", &draft.unmount_flags);
    fields.put("timeouts", timeouts(&draft.timeouts));
    Zeroizing::new(yaml::to_string(&fields.value()))
}
