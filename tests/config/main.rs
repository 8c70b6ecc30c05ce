//! `config validate` and `config migrate` against the real kubeadm: the same files, the same verdicts, the same bytes.
//!
//! `cases/` holds the files, `golden/` what kubeadm makes of them: 1.37.2 of all, and 1.36 and 1.22 of those that were
//! current in their time (1.22 writes v1beta3, which 1.36 then reads). `regenerate` makes that again. Every difference is
//! a row of [`DELTAS`] with its reason, and a row that nothing needs fails.

#![allow(clippy::unwrap_used)] // tests

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kubejoin::for_tests::config::migrate::{self, Allow};

const KUBEJOIN: &str = env!("CARGO_BIN_EXE_kubejoin");

/// What `regenerate` calls the machine, and what kubeadm takes for a runtime where there is none.
const HOST: &str = "worker-1";
const SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

/// How a verdict or a file differs from kubeadm's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Delta {
    /// `validate` says the other thing.
    Validate,
    /// `migrate` accepts what kubeadm refuses, or vice versa.
    Migrate,
    /// Both accept and write different bytes.
    Bytes,
}

use Delta::{Bytes, Migrate, Validate};

/// Case, what differs, and why.
const DELTAS: &[(&str, &[Delta], &str)] = &[
    ("control-plane-anywhere", &[Bytes], "kubeadm writes an address of the machine that migrates, here none at all"),
    ("extra-args-map", &[Migrate], "guides show the mapping under v1beta4; migrate writes the list that is meant"),
    ("missing-file", &[Validate, Migrate], "the machine that validates need not be the one that joins"),
    ("negative-duration", &[Validate, Migrate], "no time-out is negative; kubeadm would give up at once"),
    ("no-token", &[Validate, Migrate], "an image without secrets can be checked; a join gets its token from elsewhere"),
    ("nothing", &[Validate, Migrate], "a file without a JoinConfiguration cannot be joined with"),
    ("only-component", &[Validate, Migrate], "as above; what kubeadm migrates is an empty file"),
    ("pin", &[Validate, Migrate], "kubeadm looks at pins only while it joins"),
    ("reset-tcp-socket", &[Validate, Migrate], "as tcp-socket: no runtime could be asked there"),
    ("reset-unknown-phase", &[Validate, Migrate], "kubeadm refuses it only when it resets"),
    ("taint-effect", &[Validate, Migrate], "the kubelet would refuse to start"),
    ("tcp-socket", &[Validate, Migrate], "kubeadm makes unix://tcp://... of it, and the kubelet fails"),
    ("unknown-phase", &[Validate, Migrate], "kubeadm refuses it only when it joins"),
    ("v1-merge-method", &[Validate, Migrate], "v1beta4 cannot say it; kubeadm drops it without a word"),
    ("v1beta2-unknown-field", &[Validate, Migrate], "kubeadm 1.22 was not strict yet, 1.37 is"),
];

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

/// What the release of a case's time says: whether validate and migrate accept it, and what migrate writes.
struct Theirs {
    validate: bool,
    migrate: bool,
    text: Option<String>,
}

/// kubeadm's answers; those of an older release where that has been asked.
fn theirs() -> BTreeMap<String, Theirs> {
    let mut answers = BTreeMap::new();
    for release in ["1.37", "1.36", "1.22"] {
        let golden = directory("golden").join(release);
        for line in std::fs::read_to_string(golden.join("verdicts")).unwrap().lines() {
            let [case, validate, migrate] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let text = std::fs::read_to_string(golden.join(case).with_extension("yaml")).ok();
            let (validate, migrate) = (validate == "validate=ok", migrate == "migrate=ok");
            assert_eq!(text.is_some(), migrate, "{release}/{case}");
            answers.insert(case.to_owned(), Theirs { validate, migrate, text });
        }
    }
    answers
}

/// What differs in one case.
fn differences(case: &str, theirs: &Theirs) -> Vec<Delta> {
    let path = directory("cases").join(case).with_extension("yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let allow = Allow { experimental: case == "v1" || case.starts_with("v1-"), ..Allow::default() };
    let mut found = Vec::new();
    if migrate::validate(&path, &text, allow).is_ok() != theirs.validate {
        found.push(Validate);
    }
    let ours = migrate::migrate(&path, &text, allow).ok().map(|migration| {
        let name = migration.node_name.as_ref().map_or(HOST, |name| name.as_str());
        migration.to_yaml(name, migration.cri_socket.as_deref().unwrap_or(SOCKET))
    });
    if ours.is_some() != theirs.migrate {
        found.push(Migrate);
    } else if ours.as_deref() != theirs.text.as_ref() {
        found.push(Bytes);
    }
    found
}

#[test]
fn files_are_validated_and_migrated_as_kubeadm_does() {
    let theirs = theirs();
    let cases = std::fs::read_dir(directory("cases")).unwrap().count();
    assert_eq!(theirs.len(), cases, "run tests/config/regenerate");
    let mut wrong = Vec::new();
    for (case, theirs) in &theirs {
        let expected = DELTAS.iter().find(|(name, ..)| name == case).map_or(&[][..], |(_, deltas, _)| deltas);
        let found = differences(case, theirs);
        if found != expected {
            wrong.push(format!("{case}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (name, deltas, _) in DELTAS {
        assert!(theirs.contains_key(*name) && !deltas.is_empty(), "nothing needs the row {name}");
    }
}

#[test]
fn the_defaults_of_join_have_kubeadm_s_bytes() {
    let golden = std::fs::read_to_string(directory("golden/1.37/join-defaults")).unwrap();
    assert_eq!(*migrate::join_defaults(&HOST.parse().unwrap(), SOCKET), golden);
    // The binary says the same with this machine's name.
    let output = kubejoin(&["config", "print", "join-defaults"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let name = printed.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
    assert_eq!(printed.replace(&format!("  name: {name}\n"), &format!("  name: {HOST}\n")), golden);
}

#[test]
fn the_defaults_of_reset_have_kubeadm_s_bytes() {
    let golden = std::fs::read_to_string(directory("golden/1.37/reset-defaults")).unwrap();
    assert_eq!(*migrate::reset_defaults(SOCKET), golden);
    assert_eq!(String::from_utf8(kubejoin(&["config", "print", "reset-defaults"]).stdout).unwrap(), golden);
}

/// What was migrated is what is read: by us, and as kubeadm reads it.
#[test]
fn what_kubeadm_has_migrated_stays_as_it_is() {
    for (case, theirs) in theirs() {
        let Some(text) = theirs.text.filter(|_| !DELTAS.iter().any(|(name, ..)| *name == case)) else { continue };
        let migration = migrate::migrate(Path::new(&case), &text, Allow::default()).unwrap();
        assert_eq!(migration.warnings, [], "{case}");
        // A reset has no name.
        let name = migration.node_name.as_ref().map_or("", |name| name.as_str());
        assert_eq!(*migration.to_yaml(name, migration.cri_socket.as_ref().unwrap()), text, "{case}");
    }
}

fn kubejoin(arguments: &[&str]) -> Output {
    Command::new(KUBEJOIN).args(arguments).output().unwrap()
}

#[test]
fn the_config_commands_answer_as_a_script_expects() {
    let work = tempfile::tempdir().unwrap();
    let old = directory("cases/v1beta2.yaml");
    let (old, new) = (old.to_str().unwrap(), work.path().join("new.yaml"));

    let migrated = kubejoin(&["config", "migrate", "--old-config", old, "--new-config", new.to_str().unwrap()]);
    assert!(migrated.status.success() && migrated.stdout.is_empty());
    let said = String::from_utf8(migrated.stderr).unwrap();
    assert!(
        said.contains("[config] WARNING: read JoinConfiguration of kubeadm.k8s.io/v1beta2, which kubeadm knows"),
        "{said}"
    );
    let golden = std::fs::read_to_string(directory("golden/1.22/v1beta2.yaml")).unwrap();
    assert_eq!(std::fs::read_to_string(&new).unwrap(), golden);
    // It holds a token.
    assert_eq!(std::fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);

    let validated = kubejoin(&["config", "validate", "--config", new.to_str().unwrap()]);
    assert_eq!((validated.status.code(), &*validated.stdout, &*validated.stderr), (Some(0), &b"ok\n"[..], &b""[..]));

    let unknown = directory("cases/unknown-field.yaml");
    let refused = kubejoin(&["config", "validate", "--config", unknown.to_str().unwrap()]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && refused.stdout.is_empty());
    assert!(said.contains("unknown field nodeRegistration.nmae (line 8)"), "{said}");

    let nowhere = work.path().join("no/such/new.yaml");
    let refused = kubejoin(&["config", "migrate", "--old-config", old, "--new-config", nowhere.to_str().unwrap()]);
    assert!(!refused.status.success() && !nowhere.exists());
}
