//! The kubelet's files against those that the real kubeadm 1.37.2 and the real kubelet write.
//!
//! `cases/` holds what kubeadm was given: an InitConfiguration for the node's registration, a ClusterConfiguration for
//! `kubeadm-config`, and a KubeletConfiguration for `kubelet-config` where the case has one. `golden/` holds what it wrote;
//! `regenerate` makes that again, and `.ci/run` compares. A case may have patches in the directory NAME.patches. `patches.jsonl` holds what kubeadm's own code makes of many more such directories.

#![allow(clippy::unwrap_used)] // tests

use std::path::Path;

use serde_json::{Map, Value};

use kubejoin::for_tests::cluster::cluster_configuration::ClusterConfiguration;
use kubejoin::for_tests::inputs;
use kubejoin::for_tests::kubelet::configuration::{KubeletConfiguration, KubeletInputs};
use kubejoin::for_tests::kubelet::raw::RawKubeletConfig;
use kubejoin::for_tests::kubelet::{flags, instance, kubeconfig};
use kubejoin::for_tests::patches::{PatchTarget, Patches};
use kubejoin::for_tests::report::Report;
use kubejoin::for_tests::yaml;

/// Name, what kubeadm was given, and the three files that it wrote.
macro_rules! cases {
    ($($name:literal)*) => {
        &[$(Case {
            name: $name,
            given: include_str!(concat!("cases/", $name, ".yaml")),
            config: include_str!(concat!("golden/", $name, "/config.yaml")),
            instance: include_str!(concat!("golden/", $name, "/instance-config.yaml")),
            flags: include_str!(concat!("golden/", $name, "/kubeadm-flags.env")),
        }),*]
    };
}

struct Case {
    name: &'static str,
    given: &'static str,
    config: &'static str,
    instance: &'static str,
    flags: &'static str,
}

const CASES: &[Case] = cases! {
    "defaults" "cluster" "deviations" "content" "unknown" "resolved" "resolved-elsewhere" "flags" "hostname-override"
    "patched" "resolved-patched"
};

/// Where the decoded configurations differ on purpose: case, field, what is here, and why.
const DELTAS: &[(&str, &str, &str, &str)] = &[
    ("unknown", "fromTheFuture", r#"{"a":1}"#, "kubeadm's types drop it; a newer kubelet may know it"),
    ("unknown", "clusterDNS", "[]", "kubeadm's encoder omits an empty list; it means the same to the kubelet"),
];

impl Case {
    fn registration(&self) -> Value {
        self.document("InitConfiguration").unwrap()["nodeRegistration"].take()
    }

    fn document(&self, kind: &str) -> Option<Value> {
        let documents = yaml::parse(self.given).unwrap();
        documents.into_iter().map(|document| document.value).find(|value| value["kind"] == kind)
    }

    /// The text of a document, as the ConfigMap holds it.
    fn text(&self, kind: &str) -> Option<&'static str> {
        self.given.split("---\n").find(|text| text.contains(&format!("kind: {kind}\n")))
    }

    fn patches(&self) -> Patches {
        let directory =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/kubelet/cases/{}.patches", self.name));
        if directory.exists() { read_patches(&directory).unwrap() } else { Patches::default() }
    }

    fn build(&self) -> KubeletConfiguration {
        let cluster = ClusterConfiguration::read(self.text("ClusterConfiguration").unwrap()).unwrap();
        let registration = self.registration();
        let inputs = KubeletInputs {
            cluster: &cluster,
            cri_socket: registration["criSocket"].as_str().unwrap(),
            resolved_active: self.name.starts_with("resolved"),
            patches: &self.patches(),
        };
        let raw = self.text("KubeletConfiguration");
        let raw = raw.map(|text| RawKubeletConfig::parse(text, self.name.to_owned()).unwrap());
        KubeletConfiguration::build(raw.as_ref(), inputs).unwrap().config
    }
}

fn read_patches(directory: &Path) -> Result<Patches, String> {
    let given = inputs::kubelet_overrides(None, Some(directory), &Report::new(Vec::new()));
    given.map(|given| given.patches).map_err(|error| error.to_string())
}

/// Go's zero value, and mappings of nothing else: what the encoder writes for a field that was never set. Without
/// pointers it decodes to the same as nothing.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => ["", "0", "0s"].contains(&text.as_str()),
        Value::Object(map) => map.values().all(is_zero),
        _ => false,
    }
}

/// Takes away what kubeadm's encoder adds to `ours`.
fn without_added_zeros(theirs: &Map<String, Value>, ours: &Map<String, Value>) -> Map<String, Value> {
    let kept = theirs.iter().filter(|(key, value)| ours.contains_key(*key) || !is_zero(value));
    let kept = kept.map(|(key, value)| match (value, ours.get(key)) {
        (Value::Object(theirs), Some(Value::Object(ours))) => {
            (key.clone(), Value::Object(without_added_zeros(theirs, ours)))
        }
        _ => (key.clone(), value.clone()),
    });
    kept.collect()
}

#[test]
fn config_yaml_means_what_kubeadm_s_means() {
    for case in CASES {
        let ours = yaml::parse_one(&case.build().to_yaml()).unwrap().value;
        let mut ours = ours.as_object().unwrap().clone();
        let theirs = yaml::parse_one(case.config).unwrap().value;
        let theirs = without_added_zeros(theirs.as_object().unwrap(), &ours);
        for (name, field, here, _) in DELTAS.iter().filter(|(name, ..)| *name == case.name) {
            assert_ne!(ours.get(*field), theirs.get(*field), "nothing needs the delta {name} {field}");
            assert_eq!(ours.remove(*field).unwrap().to_string(), *here);
        }
        assert_eq!(ours, theirs, "{}", case.name);
    }
}

#[test]
fn the_other_files_have_kubeadm_s_bytes() {
    for case in CASES {
        let registration = case.registration();
        let extra: Vec<(String, String)> = registration["kubeletExtraArgs"]
            .as_array()
            .unwrap_or(&Vec::new())
            .iter()
            .map(|arg| (arg["name"].as_str().unwrap().to_owned(), arg["value"].as_str().unwrap().to_owned()))
            .collect();
        // No case has this machine's name.
        let name = registration["name"].as_str();
        assert_eq!(flags::render(&[], name, &[], &extra), case.flags, "{}", case.name);
        assert_eq!(instance::render(registration["criSocket"].as_str().unwrap()), case.instance, "{}", case.name);
    }
}

#[test]
fn kubelet_conf_has_the_kubelet_s_bytes() {
    let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    let ours = kubeconfig::render("https://[fd00::1]:6443", include_str!("ca.crt"), current);
    assert_eq!(ours, include_str!("golden/kubelet.conf"));
}

/// What Go writes, our reader reads and our writer writes again in the same bytes.
#[test]
fn go_s_files_come_back_in_go_s_bytes() {
    let files = CASES.iter().map(|case| case.config).chain([include_str!("golden/kubelet.conf")]);
    for file in files {
        assert_eq!(yaml::to_string(&yaml::parse_one(file).unwrap().value), file);
    }
}

#[test]
fn what_was_written_is_read_again() {
    for case in CASES {
        let built = case.build();
        for text in [built.to_yaml().as_bytes(), case.config.as_bytes()] {
            let read = KubeletConfiguration::read(text).unwrap();
            assert_eq!(read.healthz(), built.healthz(), "{}", case.name);
            assert_eq!(read.static_pod_path(), built.static_pod_path(), "{}", case.name);
            assert_eq!(read.fail_swap_on(), built.fail_swap_on(), "{}", case.name);
        }
    }
}

/// Where kubeadm refuses a patch and we do not: case, what kubeadm says, and why.
const PATCH_DELTAS: &[(&str, &str, &str)] = &[
    ("strategic: into a mapping of the future", "unable to find api field", "a newer kubelet may know the field"),
    ("strategic: into a header", "data type is not struct", "a field of the kubelet's like any other"),
];

/// Applies the files of a case to a target.
fn patched(files: &Map<String, Value>, target: &Value) -> Result<Value, String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.as_str().unwrap()).unwrap();
    }
    let mut target = target.clone();
    read_patches(directory.path())?
        .apply(PatchTarget::KubeletConfiguration, &mut target)
        .map_err(|error| error.to_string())?;
    Ok(target)
}

#[test]
fn patches_do_what_kubeadm_s_code_does() {
    let mut base = None;
    let mut refused = 0;
    for line in include_str!("patches.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        let base = base.get_or_insert_with(|| case["target"].clone());
        let target = case.get("target").unwrap_or(base);
        let ours = patched(case["files"].as_object().unwrap(), target);
        if let Some(theirs) = case["error"].as_str() {
            refused += 1;
            match PATCH_DELTAS.iter().find(|(delta, ..)| *delta == name) {
                Some((_, says, _)) => assert!(theirs.contains(says) && ours.is_ok(), "{name}: {ours:?}"),
                None => assert!(ours.is_err(), "{name}: {ours:?}, kubeadm says {theirs}"),
            }
            continue;
        }
        let mut theirs = target.clone();
        match (case.get("result"), &mut theirs) {
            (Some(result), theirs) => *theirs = result.clone(),
            (None, Value::Object(fields)) => {
                fields.extend(case["set"].as_object().cloned().unwrap_or_default());
                let removed = case["removed"].as_array().cloned().unwrap_or_default();
                fields.retain(|name, _| !removed.iter().any(|removed| removed == name));
            }
            _ => panic!("{name}: the target is no mapping"),
        }
        assert_eq!(ours.as_ref(), Ok(&theirs), "{name}");
    }
    assert!(refused > 50, "the cases were not found");
}

#[test]
fn a_directory_of_patches_is_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link, missing) =
        (directory.path().join("file"), directory.path().join("link"), directory.path().join("missing"));
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(directory.path(), &link).unwrap();
    for (path, message) in [
        (&file, "is no directory"),
        (&link, "is no directory"),
        (&missing, "cannot be read: no such file or directory"),
    ] {
        let error = read_patches(path).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
    // A link to a file is one, as it is to kubeadm.
    let patches = tempfile::tempdir().unwrap();
    std::fs::write(&file, "maxPods: 1\n").unwrap();
    std::os::unix::fs::symlink(&file, patches.path().join("kubeletconfiguration.yaml")).unwrap();
    assert_eq!(read_patches(patches.path()).unwrap().count(), 1);
}
