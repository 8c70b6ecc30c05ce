//! The kubelet's version and service.

use std::path::Path;

use super::bench::Bench;
use crate::error::{Explain, codes};
use crate::preflight::error::PreflightError;
use crate::preflight::{ClusterRequirements, run};
use crate::report::Report;
use crate::rootfs::Root;

/// Runs the checks of a join, and looks at the machine again after discovery.
fn before_and_after(bench: &Bench, between: impl FnOnce()) -> (Result<(), PreflightError>, Option<PreflightError>) {
    let report = Report::new(Vec::new());
    let root = Root::open(bench.root.path()).unwrap();
    let plan = bench.plan();
    let passed = match run(&plan, &root, &bench.state, &report) {
        Ok(passed) => passed,
        Err(error) => return (Err(error), None),
    };
    between();
    let text = b"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let kubelet = crate::kubelet::configuration::KubeletConfiguration::read(text).unwrap();
    let requirements = ClusterRequirements { kubelet: &kubelet, api_server: None, ca_certificates: &[] };
    (Ok(()), passed.after_discovery(&requirements).err())
}

#[test]
fn the_kubelet_loads_beside_the_network() {
    let bench = Bench::this_system();
    let at = |name: &str| bench.root.path().join(name).display().to_string();
    let (begun, go) = (at("begun"), at("go"));
    bench.program(
        "kubelet",
        &format!("echo > {begun}; until [ -e {go} ]; do /bin/sleep 0.01; done; echo Kubernetes v1.33.9"),
    );
    let (before, after) = before_and_after(&bench, || {
        while !Path::new(&begun).exists() {
            std::thread::yield_now();
        }
        std::fs::write(&go, "").unwrap();
    });
    assert_eq!(before, Ok(()), "what is asked for has not been waited for");
    let after = after.unwrap();
    let found: Vec<_> = after.findings().iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(found, ["KubeletVersion"]);
    assert!(after.to_string().contains("kubelet 1.33.9 is older than 1.34.0"), "{after}");
}

#[test]
fn a_kubelet_that_is_not_waited_for_is_ended() {
    let bench = Bench::this_system();
    let pid = bench.root.path().join("pid");
    bench.program("kubelet", &format!("echo $$ > {0}.new; /bin/mv {0}.new {0}; exec /bin/sleep 1000", pid.display()));
    let mut number = String::new();
    let report = Report::new(Vec::new());
    let root = Root::open(bench.root.path()).unwrap();
    let plan = bench.plan();
    let passed = run(&plan, &root, &bench.state, &report).map_err(|error| error.to_string()).unwrap();
    while number.is_empty() {
        number = std::fs::read_to_string(&pid).unwrap_or_default().trim().to_owned();
    }
    let process = Path::new("/proc").join(number);
    assert!(process.exists());
    drop(passed);
    assert!(!process.exists());
}

#[test]
fn a_missing_kubelet_is_found_before_anything_is_sent() {
    let bench = Bench::this_system();
    std::fs::remove_file(bench.root.path().join("bin/kubelet")).unwrap();
    let (before, _) = before_and_after(&bench, || panic!("nothing comes after"));
    assert_eq!(before.unwrap_err().code(), &codes::KUBELET_NOT_INSTALLED);
}

#[test]
fn a_program_that_only_path_leaves_out_is_not_called_missing() {
    let bench = Bench::this_system();
    for (name, directory) in [("losetup", "usr/sbin"), ("kubelet", "opt/bin")] {
        let elsewhere = bench.root.path().join(directory);
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::fs::rename(bench.root.path().join("bin").join(name), elsewhere.join(name)).unwrap();
    }
    let said = bench.run();
    let shown =
        |path: &str| format!("not found in system path; it is installed as {}/{path}", bench.host.prefix.display());
    let errors = said.errors();
    assert_eq!(errors[0], ("FileExisting-losetup".to_owned(), format!("losetup {}", shown("usr/sbin/losetup"))));
    assert!(
        errors.contains(&("KubeletVersion".to_owned(), format!("kubelet {}", shown("opt/bin/kubelet")))),
        "{errors:?}"
    );
    let error = said.result.unwrap_err();
    assert_eq!(error.code(), &codes::PREFLIGHT_FAILED, "a kubelet is installed");
    assert!(error.hint().contains("to PATH where kubejoin is started"), "{}", error.hint());
}

#[test]
fn a_missing_or_disabled_kubelet_service_is_a_warning() {
    let table = [
        (
            "case $1 in status) echo 'Unit kubelet.service could not be found.';; esac",
            Some("kubelet service does not exist"),
        ),
        (
            "case $1 in is-enabled) exit 1;; esac",
            Some("kubelet service is not enabled, please run 'systemctl enable kubelet.service'"),
        ),
        (
            "case $1 in is-enabled) exit 1;; show) printf 'RequiredBy=\\nWantedBy=\\n';; esac",
            Some("kubelet service is not enabled, please run 'systemctl enable kubelet.service'"),
        ),
        ("case $1 in is-enabled) exit 1;; show) printf 'RequiredBy=\\nUpheldBy=multi-user.target\\n';; esac", None),
        ("case $1 in is-enabled) exit 1;; show) printf 'WantedBy=kubejoin.target\\nRequiredBy=\\n';; esac", None),
        ("exit 0", None),
    ];
    for (script, expected) in table {
        let bench = Bench::this_system();
        bench.program("systemctl", script);
        let said = bench.run();
        let found = said.warnings.iter().find_map(|text| text.strip_prefix("[WARNING Service-kubelet]: "));
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn a_missing_kubelet_alone_has_a_code_of_its_own() {
    let bench = Bench::this_system();
    std::fs::remove_file(bench.root.path().join("bin/kubelet")).unwrap();
    let said = bench.run();
    let names: Vec<_> = said.errors().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["SystemVerification", "KubeletVersion"]);
    assert_eq!(said.result.unwrap_err().code(), &codes::KUBELET_NOT_INSTALLED);
}

/// A kubelet that writes down what it is asked, and refuses `--gone`.
fn particular_kubelet(bench: &Bench) -> std::path::PathBuf {
    let asked = bench.root.path().join("asked");
    bench.program(
        "kubelet",
        &format!(
            "echo \"$@\" >> {}; for flag; do case $flag in --gone*) echo \"Error: unknown flag: $flag\" >&2; exit 1;; esac; done; \
             echo Kubernetes v1.37.2",
            asked.display()
        ),
    );
    asked
}

#[test]
fn the_kubelet_is_asked_whether_it_takes_its_flags_in_one_question() {
    let bench = Bench::this_system();
    let asked = particular_kubelet(&bench);
    let look = || {
        let found = match before_and_after(&bench, || {}) {
            (Ok(()), Some(error)) => error.findings().to_vec(),
            (Ok(()), None) => Vec::new(),
            (Err(error), _) => panic!("{error}"),
        };
        let questions = std::fs::read_to_string(&asked).unwrap();
        std::fs::remove_file(&asked).unwrap();
        (found, questions)
    };
    assert_eq!(look(), (Vec::new(), "--version\n".to_owned()));
    bench.write(
        "/etc/default/kubelet",
        b"# KUBELET_EXTRA_ARGS=--gone\nKUBELET_EXTRA_ARGS=\"--v=2 --node-ip 10.0.0.1 --hostname-override=$HOSTNAME\"\n",
    );
    assert_eq!(look(), (Vec::new(), "--version --v=2 --node-ip=10.0.0.1\n".to_owned()));
    bench.write("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS=--gone=1\n");
    let (found, questions) = look();
    assert_eq!(questions, "--version --gone=1\n--version\n", "the version is known all the same");
    assert_eq!((found.len(), found[0].code), (1, Some(&codes::KUBELET_FLAGS_REFUSED)), "{found:?}");
    assert_eq!(found[0].check, "KubeletFlags");
    assert!(found[0].message.ends_with("Error: unknown flag: --gone=1"), "{found:?}");
    assert_eq!(found[0].hint.as_deref(), Some("correct /etc/default/kubelet on this machine"));
    // With that it would not print its version and end, but run.
    bench.write("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS='--gone=1 --version=false'\n");
    assert_eq!(look(), (Vec::new(), "--version\n".to_owned()));
}

#[test]
fn a_label_that_a_kubelet_may_not_set_is_refused_wherever_it_is_given() {
    let table = [
        ("1.37.2", "pool=a,node.kubernetes.io/x=y,topology.kubernetes.io/zone=b", None),
        ("1.37.2", "pool=a, node-role.kubernetes.io/worker=", Some("node-role.kubernetes.io/worker")),
        ("1.15.9", "node-role.kubernetes.io/worker=", None),
        ("1.38.0-alpha.1", "node-role.kubernetes.io/worker=", None),
    ];
    for (release, labels, refused) in table {
        let bench = Bench { ignore: vec!["port-10250".into(), "kubeletversion".into()], ..Bench::this_system() };
        bench.program("kubelet", &format!("echo Kubernetes v{release}"));
        bench.write("/etc/default/kubelet", format!("KUBELET_EXTRA_ARGS='--node-labels=\"{labels}\"'\n").as_bytes());
        let (before, after) = before_and_after(&bench, || {});
        assert_eq!(before, Ok(()));
        let said = after.map(|error| error.findings()[0].clone());
        match (&said, refused) {
            (None, None) => {}
            (Some(finding), Some(key)) => {
                assert_eq!(
                    (finding.check.as_str(), finding.code),
                    ("KubeletLabels", Some(&codes::KUBELET_FLAGS_REFUSED))
                );
                assert!(finding.message.contains(&format!("the label {key},")), "{finding:?}");
                assert!(
                    finding.hint.as_ref().unwrap().starts_with("remove it from /etc/default/kubelet;"),
                    "{finding:?}"
                );
            }
            _ => panic!("{release} {labels}: {said:?}"),
        }
    }
}
