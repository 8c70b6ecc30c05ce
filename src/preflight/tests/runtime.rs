//! The container runtime.

use super::bench::Bench;
use crate::cri::fake::{Fake, status};
use crate::error::{Explain, codes};
use crate::preflight::runtime;
use crate::preflight::subject::Subject;
use crate::preflight::verdict::Verdict;
use crate::report::Report;
use crate::rootfs::Root;
use crate::services::InitSystem;

#[test]
fn the_container_runtime_is_checked_as_in_kubeadm() {
    const DISABLED: (&str, &str) = ("/etc/containerd/config.toml", "version = 2\n\ndisabled_plugins = [\"cri\"]\n");
    let ready = status("RuntimeReady", true, "");
    let table: [(Option<Fake>, &str, &[(&str, &str)], &str); 7] = [
        (Some(Fake::runtime("0", &ready, "0")), "", &[], ""),
        // The network comes later.
        (Some(Fake::runtime("0", &status("NetworkReady", false, "x"), "0")), "", &[], ""),
        (
            Some(Fake::runtime("0", &status("RuntimeReady", false, "Broken"), "0")),
            "",
            &[("CRI", "container runtime condition RuntimeReady is not true: reason Broken, message ")],
            "see the log of the container runtime on this machine",
        ),
        (Some(Fake::runtime("0", &ready, "12")), "without which kubelets from 1.38 on", &[], ""),
        (
            Some(Fake::runtime("0", &ready, "13")),
            "",
            &[("ContainerRuntimeVersion", "could not check if the runtime config is available: ")],
            "see the log of",
        ),
        (
            Some(Fake::runtime("12", &ready, "0")),
            "",
            &[
                ("CRI", "could not connect to the container runtime: "),
                ("ContainerRuntimeVersion", "could not connect to the container runtime: "),
            ],
            "update the container runtime on this machine to a version that has CRI v1",
        ),
        (
            Some(Fake::saying(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], false)),
            "",
            &[("CRI", "could not connect"), ("ContainerRuntimeVersion", "could not connect")],
            "name the socket of the container runtime with --cri-socket",
        ),
    ];
    for (runtime, warning, errors, hint) in table {
        let bench = Bench { runtime, ..Bench::this_system() };
        bench.write(DISABLED.0, DISABLED.1.as_bytes());
        let said = bench.run();
        let found = said.errors();
        assert_eq!(found.len(), errors.len(), "{found:?}");
        for ((name, text), (expected_name, expected)) in found.iter().zip(errors) {
            assert!(name == expected_name && text.starts_with(expected), "{name}: {text}");
        }
        let warned = said.warnings.iter().any(|text| text.contains("RuntimeConfig") && text.contains(warning));
        assert_eq!(warned, !warning.is_empty(), "{:?}", said.warnings);
        if let Err(error) = said.result {
            let found = error.findings()[0].hint.as_deref().unwrap_or_default();
            assert!(found.starts_with(hint), "{found}");
        }
    }
}

fn hints(verdicts: &[Verdict]) -> Vec<&str> {
    verdicts.iter().filter_map(|verdict| verdict.hint.as_deref()).collect()
}

#[test]
fn the_line_that_turns_cri_off_is_named() {
    let bench = Bench::this_system();
    bench.write("/etc/containerd/config.toml", b"version = 2\n\n  disabled_plugins = [\"cri\"]\n");
    let mut plan = bench.plan();
    let fake = Fake::runtime("12", b"", "0");
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("containerd.sock");
    std::os::unix::fs::symlink(fake.endpoint().strip_prefix("unix://").unwrap(), &link).unwrap();
    plan.node.cri_socket = format!("unix://{}", link.display());
    let root = Root::open(bench.root.path()).unwrap();
    let report = Report::new(Vec::new());
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    let verdicts = runtime::ready(&subject);
    let expected = "remove \"cri\" from disabled_plugins in line 3 of /etc/containerd/config.toml and run `systemctl restart \
                    containerd` on this machine";
    assert_eq!(hints(&verdicts), [expected]);
    // And one that is not there at all.
    std::fs::remove_file(&link).unwrap();
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    let verdicts = runtime::ready(&subject);
    let found = hints(&verdicts);
    assert!(found[0].contains("`systemctl enable --now containerd`") && found.len() == 1, "{found:?}");
}

#[test]
fn a_runtime_that_is_only_not_there_yet_has_a_code_of_its_own() {
    let ready = status("RuntimeReady", true, "");
    let table = [
        (Fake::runtime("0", &status("RuntimeReady", false, "Starting"), "0"), &codes::PREFLIGHT_RUNTIME),
        // Unavailable, DeadlineExceeded: containerd before its plugins are loaded.
        (Fake::runtime("14", &ready, "0"), &codes::PREFLIGHT_RUNTIME),
        (Fake::runtime("4", &ready, "0"), &codes::PREFLIGHT_RUNTIME),
        (Fake::runtime("0", &ready, "14"), &codes::PREFLIGHT_RUNTIME),
        (Fake::saying(vec![crate::grpc::scripted::SETTINGS.to_vec()], false), &codes::PREFLIGHT_RUNTIME),
        // Says nothing: two seconds.
        (Fake::saying(Vec::new(), true), &codes::PREFLIGHT_RUNTIME),
        // No CRI, an error of its own, and something else; one that hangs up without a word does not speak gRPC.
        (Fake::runtime("12", &ready, "0"), &codes::PREFLIGHT_FAILED),
        (Fake::saying(vec![Vec::new()], false), &codes::PREFLIGHT_FAILED),
        (Fake::runtime("13", &ready, "0"), &codes::PREFLIGHT_FAILED),
        (Fake::saying(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], false), &codes::PREFLIGHT_FAILED),
    ];
    for (at, (runtime, expected)) in table.into_iter().enumerate() {
        let bench = Bench { runtime: Some(runtime), ..Bench::this_system() };
        assert_eq!(bench.run().result.unwrap_err().code(), expected, "row {at}");
    }
    let socket = |path: &str| Bench { cri_socket: Some(format!("unix://{path}")), ..Bench::this_system() };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    drop(std::os::unix::net::UnixListener::bind(at("left")).unwrap());
    std::fs::write(at("file"), "").unwrap();
    for (path, expected) in [
        (at("missing"), &codes::PREFLIGHT_RUNTIME),
        (at("missing/socket"), &codes::PREFLIGHT_RUNTIME),
        (at("left"), &codes::PREFLIGHT_RUNTIME),
        // ENOTDIR.
        (at("file/socket"), &codes::PREFLIGHT_FAILED),
    ] {
        let error = socket(&path).run().result.unwrap_err();
        assert_eq!((error.code(), error.findings().len()), (expected, 2), "{path}");
        assert!(error.hint().contains("--ignore-preflight-errors=CRI,ContainerRuntimeVersion"), "{}", error.hint());
        assert!(!error.hint().contains("systemctl"), "of which service? {}", error.hint());
    }
    // With anything else that does not go away by itself, waiting is no use.
    let mut bench = socket(&at("missing"));
    bench.host.ipv4_forwarding = Some(false);
    assert_eq!(bench.run().result.unwrap_err().code(), &codes::PREFLIGHT_FAILED);
}
