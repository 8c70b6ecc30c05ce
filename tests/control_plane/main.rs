//! The static Pods of a control plane against those that the real kubeadm writes, of the newest release and of 1.30.
//!
//! `cases/` holds what kubeadm was given, `golden/` what it wrote (nothing where that is the same as in the case `defaults` of
//! the same kubeadm), `patches.jsonl` what it made of patches; `regenerate` makes the latter two again, and `.ci/run` compares.
//! `joined/` holds what kubeadm 1.37.2 left on the second node of a cluster (`join`, not `init`). Releases in between, of
//! which no kubeadm is built here, are held to what their sources say, in the last tests.

#![allow(clippy::unwrap_used)] // tests

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use kubejoin::for_tests::cluster::control_plane::ControlPlaneConfiguration;
use kubejoin::for_tests::control_plane::static_pods::{self, HOST_CA_DIRECTORIES, Release, StaticPodSpec};
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::inputs;
use kubejoin::for_tests::patches::Patches;
use kubejoin::for_tests::report::Report;
use kubejoin::for_tests::yaml;

const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control_plane")
}

/// What kubeadm was given.
struct Case {
    name: String,
    text: String,
    init: Value,
    cluster: ControlPlaneConfiguration,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(here().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        paths.sort();
        paths.iter().map(|path| Case::read(path)).collect()
    }

    fn read(path: &Path) -> Case {
        let text = std::fs::read_to_string(path).unwrap();
        let documents = yaml::parse(&text).unwrap();
        let init = documents.iter().find(|document| document.value["kind"] == "InitConfiguration").unwrap();
        Case {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            init: init.value.clone(),
            cluster: ControlPlaneConfiguration::read(&text).unwrap().unwrap(),
            text,
        }
    }

    fn kubeadm(&self) -> &str {
        self.name.split('-').next().unwrap()
    }

    fn setting(&self, name: &str) -> &str {
        let prefix = format!("# {name}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
    }

    /// The text that kubeadm wrote, where the component has a static Pod.
    fn golden(&self, component: &str) -> Option<String> {
        let of = |name: &str| std::fs::read_to_string(here().join(format!("golden/{name}/{component}.yaml"))).ok();
        of(&self.name).or_else(|| of(&format!("{}-defaults", self.kubeadm())))
    }

    /// Our own texts by component, of a member that is the first one, as `kubeadm init` makes it.
    fn render(&self) -> BTreeMap<&'static str, String> {
        let directory = here().join(format!("cases/{}.patches", self.name));
        let patches = if directory.exists() { read_patches(&directory).unwrap() } else { Patches::default() };
        let exists: Vec<&str> = self.setting("exists").split(' ').collect();
        let exists = |path: &&str| exists.iter().any(|there| Path::new(there).starts_with(path));
        let proxies = self.setting("environment").split(' ').filter_map(|variable| variable.split_once('='));
        let proxies = proxies.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.into(), value.into()));
        let endpoint = &self.init["localAPIEndpoint"];
        let timeout = self.init["timeouts"]["controlPlaneComponentHealthCheck"].as_str().map(|text| {
            assert_eq!(text, "5m1s", "no other is read here");
            Duration::from_secs(301)
        });
        render(&StaticPodSpec {
            cluster: &self.cluster,
            release: Release::of(&self.cluster.cluster).unwrap(),
            advertise_address: endpoint["advertiseAddress"].as_str().unwrap().parse().unwrap(),
            bind_port: endpoint["bindPort"].as_u64().map_or(6443, |port| u16::try_from(port).unwrap()),
            node_name: self.init["nodeRegistration"]["name"].as_str().unwrap(),
            // What the cluster's other members run: the image of the kubeadm that made them.
            etcd_image: match self.kubeadm() {
                "1.30" if self.cluster.image_repository == "registry.k8s.io" => Some("registry.k8s.io/etcd:3.5.12-0"),
                "1.30" => Some("mirror.test/k8s/etcd:3.5.12-0"),
                "1.36" => Some("registry.k8s.io/etcd:3.7.0-0"),
                _ => None,
            },
            host_ca_directories: &HOST_CA_DIRECTORIES.into_iter().filter(exists).collect::<Vec<_>>(),
            proxy_variables: &proxies.collect::<Vec<_>>(),
            has_ca_key: self.setting("external-ca").is_empty(),
            component_health_timeout: timeout.unwrap_or(Duration::from_secs(240)),
            patches: &patches,
        })
    }
}

fn read_patches(directory: &Path) -> Result<Patches, String> {
    let given = inputs::kubelet_overrides(None, Some(directory), &Report::new(Vec::new()));
    given.map(|given| given.patches).map_err(|error| error.to_string())
}

fn render(spec: &StaticPodSpec<'_>) -> BTreeMap<&'static str, String> {
    try_render(spec, &[]).unwrap()
}

fn try_render(
    spec: &StaticPodSpec<'_>,
    initial_cluster: &[(String, String)],
) -> Result<BTreeMap<&'static str, String>, static_pods::StaticPodError> {
    let manifests = static_pods::control_plane(spec)?;
    let etcd = static_pods::etcd(spec, initial_cluster)?;
    let texts = manifests.into_iter().chain(etcd).map(|manifest| (manifest.component.name(), manifest.text));
    Ok(texts.collect())
}

/// Without what Go's encoder writes, or leaves out, for nothing: nulls and empty mappings and lists.
fn normalized(value: &Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), normalized(value)))
            .filter(|(_, value)| !is_nothing(value))
            .collect(),
        Value::Array(items) => items.iter().map(normalized).collect(),
        other => other.clone(),
    }
}

/// The first places where two values differ.
fn differences(ours: &Value, theirs: &Value, at: &str, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let nothing = &Value::Null;
                let (a, b) = (a.get(name).unwrap_or(nothing), b.get(name).unwrap_or(nothing));
                differences(a, b, &format!("{at}/{name}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{at}/{index}"), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{at}: {a}, kubeadm: {b}")),
    }
}

#[test]
fn manifests_mean_what_kubeadm_s_mean() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for case in Case::all() {
        let ours = case.render();
        for component in COMPONENTS {
            let theirs = case.golden(component).filter(|_| component != "etcd" || case.cluster.local_etcd().is_some());
            let (Some(ours), Some(theirs)) = (ours.get(component), &theirs) else {
                assert!(!ours.contains_key(component) && theirs.is_none(), "{} {component}", case.name);
                continue;
            };
            let (ours, theirs) = (yaml::parse_one(ours).unwrap().value, yaml::parse_one(theirs).unwrap().value);
            let mut found = Vec::new();
            differences(&normalized(&ours), &normalized(&theirs), "", &mut found);
            wrong.extend(found.into_iter().map(|found| format!("{} {component} {found}", case.name)));
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 110, "the cases were not found");
}

/// Where no patch has been there, also the bytes are those of the newest kubeadm.
#[test]
fn manifests_have_the_newest_kubeadm_s_bytes() {
    for case in Case::all().iter().filter(|case| case.kubeadm() != "1.30" && !case.name.ends_with("patches")) {
        for (component, text) in case.render() {
            assert_eq!(Some(text), case.golden(component), "{} {component}", case.name);
        }
    }
}

/// A node that joins, which `kubeadm init` never is: the state of the cluster, and all the members before it.
#[test]
fn a_joining_member_has_kubeadm_s_bytes() {
    let cluster = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.37.2\n\
                   networking: {podSubnet: 10.244.0.0/16}\n";
    let cluster = ControlPlaneConfiguration::read(cluster).unwrap().unwrap();
    let patches = Patches::default();
    let spec = StaticPodSpec {
        advertise_address: "198.18.100.2".parse().unwrap(),
        node_name: "cp2",
        host_ca_directories: &HOST_CA_DIRECTORIES[3..],
        ..plain_spec(&cluster, &patches)
    };
    let members = [("cp1", "https://198.18.100.1:2380"), ("cp2", "https://198.18.100.2:2380")];
    let members = members.map(|(name, url)| (name.to_owned(), url.to_owned()));
    for (component, text) in try_render(&spec, &members).unwrap() {
        let theirs = std::fs::read_to_string(here().join(format!("joined/{component}.yaml"))).unwrap();
        assert_eq!(text, theirs, "{component}");
    }
}

/// Where kubeadm refuses a patch and we do not, or the other way round: name, and why.
const PATCH_DELTAS: &[(&str, &str)] = &[
    ("into a field that nobody knows", "kubeadm's release of the type does not know it; the kubelet's may"),
    ("ports with a port as text", "the types of all fields of a Pod are not in this program"),
    ("another kind", "kubeadm drops all patches of the component then, and says nothing"),
];

/// Fields that kubeadm's types do not know are lost there.
const LOST: [&str; 1] = ["fromTheFuture"];

#[test]
fn patches_do_what_kubeadm_s_do() {
    let case = Case::read(&here().join("cases/1.37-defaults.yaml"));
    let (mut refused, mut deltas, mut wrong) = (0, 0, Vec::new());
    for line in std::fs::read_to_string(here().join("patches.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = row["name"].as_str().unwrap();
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in row["files"].as_object().unwrap() {
            std::fs::write(directory.path().join(file), text.as_str().unwrap()).unwrap();
        }
        let ours = read_patches(directory.path()).and_then(|patches| {
            try_render(&plain_spec(&case.cluster, &patches), &[]).map_err(|error| error.to_string())
        });
        let refuses = row["result"].is_null();
        refused += usize::from(refuses);
        let is_delta = PATCH_DELTAS.iter().any(|(delta, _)| *delta == name);
        deltas += usize::from(is_delta);
        let ours = match ours {
            Ok(_) if refuses && is_delta => continue,
            Err(_) if refuses != is_delta => continue,
            Ok(ours) if !refuses && !is_delta => yaml::parse_one(&ours["kube-scheduler"]).unwrap().value,
            Ok(_) => {
                wrong.push(format!("{name}: it is taken here; kubeadm refuses it: {refuses}; a delta: {is_delta}"));
                continue;
            }
            Err(error) => {
                wrong.push(format!("{name}: {error}; kubeadm refuses it: {refuses}; a delta: {is_delta}"));
                continue;
            }
        };
        let mut ours = normalized(&ours);
        for field in LOST {
            ours["spec"].as_object_mut().unwrap().remove(field);
        }
        let mut found = Vec::new();
        differences(&ours, &normalized(&row["result"]), "", &mut found);
        wrong.extend(found.into_iter().map(|found| format!("{name} {found}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(deltas, PATCH_DELTAS.len(), "a row of the deltas is for no case");
    assert!(refused > 8, "the cases were not found");
}

fn plain_spec<'a>(cluster: &'a ControlPlaneConfiguration, patches: &'a Patches) -> StaticPodSpec<'a> {
    StaticPodSpec {
        cluster,
        release: Release::of(&cluster.cluster).unwrap(),
        advertise_address: "198.18.100.1".parse().unwrap(),
        bind_port: 6443,
        node_name: "cp1",
        etcd_image: None,
        host_ca_directories: &[],
        proxy_variables: &[],
        has_ca_key: true,
        component_health_timeout: Duration::from_secs(240),
        patches,
    }
}

/// The manifests of a release as values, from a ClusterConfiguration of its own API.
fn of_release(minor: u32, cluster: &str, etcd_image: Option<&str>) -> BTreeMap<&'static str, Value> {
    let api = if minor < 31 { "v1beta3" } else { "v1beta4" };
    let text = format!(
        "apiVersion: kubeadm.k8s.io/{api}\nkind: ClusterConfiguration\nkubernetesVersion: v1.{minor}.0\n{cluster}"
    );
    let cluster = ControlPlaneConfiguration::read(&text).unwrap().unwrap();
    let patches = Patches::default();
    let spec =
        StaticPodSpec { etcd_image, host_ca_directories: &HOST_CA_DIRECTORIES, ..plain_spec(&cluster, &patches) };
    render(&spec).into_iter().map(|(name, text)| (name, yaml::parse_one(&text).unwrap().value)).collect()
}

fn container<'a>(pods: &'a BTreeMap<&str, Value>, component: &str) -> &'a Value {
    &pods[component]["spec"]["containers"][0]
}

fn has_volume(pods: &BTreeMap<&str, Value>, component: &str, name: &str) -> bool {
    pods[component]["spec"]["volumes"].as_array().unwrap().iter().any(|volume| volume["name"] == name)
}

fn flags<'a>(pods: &'a BTreeMap<&str, Value>, component: &str) -> Vec<&'a str> {
    let command = container(pods, component)["command"].as_array().unwrap();
    command.iter().map(|argument| argument.as_str().unwrap()).collect()
}

/// What kubeadm's sources of each release say (`phases/controlplane/manifests.go`, `volumes.go`, `phases/etcd/local.go`).
#[test]
fn each_release_has_its_own_probes_volumes_and_images() {
    for minor in 28..=37 {
        let pods = of_release(minor, "networking: {podSubnet: 10.0.0.0/8}\n", None);
        let scheduler = container(&pods, "kube-scheduler");
        let path = if minor >= 32 { "/livez" } else { "/healthz" };
        assert_eq!(scheduler["livenessProbe"]["httpGet"]["path"], path, "{minor}");
        assert_eq!(scheduler["startupProbe"]["httpGet"]["path"], path, "{minor}");
        assert_eq!(scheduler.get("readinessProbe").is_some(), minor >= 32, "{minor}");
        let etcd = container(&pods, "etcd");
        let liveness = if minor >= 31 { "/livez" } else { "/health?exclude=NOSPACE&serializable=true" };
        assert_eq!(etcd["livenessProbe"]["httpGet"]["path"], liveness, "{minor}");
        assert_eq!(etcd.get("readinessProbe").is_some(), minor >= 31, "{minor}");
        for component in COMPONENTS {
            let container = container(&pods, component);
            let is_named = container["livenessProbe"]["httpGet"]["port"] == "probe-port";
            assert_eq!((is_named, container.get("ports").is_some()), (minor >= 34, minor >= 34), "{minor} {component}");
        }
        assert_eq!(has_volume(&pods, "kube-controller-manager", "flexvolume-dir"), minor < 36, "{minor}");
        assert_eq!(has_volume(&pods, "kube-apiserver", "etc-pki"), minor < 31, "{minor}");
        assert_eq!(has_volume(&pods, "kube-apiserver", "etc-pki-ca-trust"), minor >= 31, "{minor}");
        assert!(has_volume(&pods, "kube-apiserver", "usr-share-ca-certificates"), "{minor}");
        let image = etcd["image"].as_str().unwrap();
        let is_new = image.starts_with("registry.k8s.io/etcd:3.6.") || image.starts_with("registry.k8s.io/etcd:3.7.");
        assert_eq!(is_new, minor >= 34, "{minor} {image}");
        assert_eq!(flags(&pods, "etcd").contains(&"--feature-gates=InitialCorruptCheck=true"), minor >= 34, "{minor}");
    }
}

#[test]
fn etcd_s_flags_and_probes_are_those_of_the_version_that_runs() {
    let new = ["--feature-gates=InitialCorruptCheck=true", "--watch-progress-notify-interval=5s"];
    let old = ["--experimental-initial-corrupt-check=true", "--experimental-watch-progress-notify-interval=5s"];
    let table = [
        (33, "registry.k8s.io/etcd:3.5.24-0", old, "/livez"),
        (33, "registry.k8s.io/etcd:3.6.1-0", new, "/livez"),
        (33, "my.io:5000/etcd:3.5.10-0", old, "/health?exclude=NOSPACE&serializable=true"),
        (37, "registry.k8s.io/etcd:3.5.24-0", old, "/livez"),
        (37, "registry.k8s.io/etcd:3.7.0-0", new, "/livez"),
        // No version: what the release's kubeadm writes.
        (35, "my.io/etcd@sha256:00", old, "/livez"),
        (36, "my.io/etcd:latest", new, "/livez"),
    ];
    for (minor, image, wanted, liveness) in table {
        let pods = of_release(minor, "", Some(image));
        assert_eq!(container(&pods, "etcd")["image"], image);
        let flags = flags(&pods, "etcd");
        assert!(wanted.iter().all(|flag| flags.contains(flag)), "{minor} {image}: {flags:?}");
        let others = if wanted == new { old } else { new };
        assert!(!others.iter().any(|flag| flags.contains(flag)), "{minor} {image}: {flags:?}");
        assert_eq!(container(&pods, "etcd")["livenessProbe"]["httpGet"]["path"], liveness, "{minor} {image}");
    }
    // What the ClusterConfiguration says wins.
    let pods = of_release(37, "etcd: {local: {imageTag: 3.6.9-0}}\n", Some("registry.k8s.io/etcd:3.7.0-0"));
    assert_eq!(container(&pods, "etcd")["image"], "registry.k8s.io/etcd:3.6.9-0");
}

#[test]
fn arguments_have_each_release_s_order() {
    let list = "scheduler: {extraArgs: [{name: z, value: \"2\"}, {name: a, value: x}, {name: z, value: \"1\"}]}\n";
    let sorted = ["--a=x", "--authentication-kubeconfig=/etc/kubernetes/scheduler.conf"];
    assert_eq!(flags(&of_release(31, list, None), "kube-scheduler")[1..3], sorted);
    assert!(flags(&of_release(31, list, None), "kube-scheduler").ends_with(&["--leader-elect=true", "--z=1", "--z=2"]));
    for minor in [32, 35, 37] {
        assert!(flags(&of_release(minor, list, None), "kube-scheduler").ends_with(&["--z=2", "--a=x", "--z=1"]));
    }
    let merging = "scheduler: {extraArgs: [{name: leader-elect, value: \"x\", mergeMethod: append}, {name: none, value: y1, \
                   mergeMethod: prepend}]}\n";
    let flags = of_release(37, merging, None);
    let flags = self::flags(&flags, "kube-scheduler");
    assert!(flags.contains(&"--leader-elect=truex") && !flags.iter().any(|flag| flag.contains("none")), "{flags:?}");
}

#[test]
fn modes_that_nobody_knows_are_taken_out_up_to_1_29() {
    let cluster = "apiServer: {extraArgs: {authorization-mode: \"RBAC,Nonsense\"}}\n";
    for (minor, expected) in [(28, "--authorization-mode=RBAC"), (29, "--authorization-mode=RBAC")] {
        assert!(flags(&of_release(minor, cluster, None), "kube-apiserver").contains(&expected), "{minor}");
    }
    for minor in [30, 31, 37] {
        let pods = of_release(minor, cluster, None);
        assert!(flags(&pods, "kube-apiserver").contains(&"--authorization-mode=RBAC,Nonsense"), "{minor}");
    }
    let timeout = "apiServer: {timeoutForControlPlane: 1m0s}\n";
    for (minor, failures) in [(29, 6), (30, 24)] {
        let pods = of_release(minor, timeout, None);
        assert_eq!(container(&pods, "kube-apiserver")["startupProbe"]["failureThreshold"], failures, "{minor}");
    }
}

#[test]
fn a_release_whose_pods_are_not_known_is_refused() {
    let release = |version: &str| {
        let text =
            format!("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n");
        Release::of(&ControlPlaneConfiguration::read(&text).unwrap().unwrap().cluster)
    };
    assert!(release("v1.28.0").is_ok() && release("v1.37.9").is_ok());
    for (version, message) in [
        ("v1.27.16", "the cluster runs Kubernetes v1.27.16; control planes of 1.28 to 1.37 are supported"),
        ("v1.38.0", "the cluster runs Kubernetes v1.38.0; control planes of 1.28 to 1.37 are supported"),
        ("v2.30.0", "the cluster runs Kubernetes v2.30.0; control planes of 1.28 to 1.37 are supported"),
        ("latest", "the cluster runs Kubernetes latest; control planes of 1.28 to 1.37 are supported"),
        ("\"\"", "the cluster's configuration does not say which version of Kubernetes it runs"),
    ] {
        let error = release(version).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!((error.code().name, error.code().class.exit_status()), ("control-plane.release-unsupported", 2));
    }
}

#[test]
fn what_is_not_supported_is_said() {
    let case = Case::read(&here().join("cases/1.37-defaults.yaml"));
    let mut cluster = case.cluster.clone();
    cluster.feature_gates = vec![("RootlessControlPlane".to_owned(), true)];
    let patches = Patches::default();
    let error = static_pods::control_plane(&plain_spec(&cluster, &patches)).unwrap_err();
    assert_eq!(error.code().name, "control-plane.rootless-unsupported");
}

#[test]
fn a_patch_that_leaves_no_pod_is_refused_by_component_and_field() {
    let case = Case::read(&here().join("cases/1.37-defaults.yaml"));
    let table = [
        ("etcd+merge.yaml", "kind: null", "etcd: after the patches, kind must be Pod"),
        ("kube-apiserver+merge.yaml", "metadata: null", "kube-apiserver: after the patches, metadata.name must be"),
        (
            "kube-scheduler+merge.yaml",
            "spec: {containers: []}",
            "kube-scheduler: after the patches, spec.containers mus",
        ),
        (
            "kube-scheduler.yaml",
            "spec: {containers: [{image: x}]}",
            "kube-scheduler: kube-scheduler.yaml: the strategic patch at line 1 does not fit: an item of a list that is \
             merged by name has no name",
        ),
    ];
    for (file, text, message) in table {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(file), text).unwrap();
        let patches = read_patches(directory.path()).unwrap();
        let error = try_render(&plain_spec(&case.cluster, &patches), &[]).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.code().name, "patches.do-not-fit");
    }
}

#[test]
fn what_a_read_only_usr_breaks_can_be_asked_for() {
    let directory = |minor: u32, cluster: &str| {
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.{minor}.0\n{cluster}"
        );
        let cluster = ControlPlaneConfiguration::read(&text).unwrap().unwrap();
        let release = Release::of(&cluster.cluster).unwrap();
        static_pods::flex_volume_directory(&cluster, release).map(str::to_owned)
    };
    let set = "controllerManager: {extraArgs: [{name: flex-volume-plugin-dir, value: /opt/flex}]}\n";
    assert_eq!(directory(35, "").as_deref(), Some("/usr/libexec/kubernetes/kubelet-plugins/volume/exec"));
    assert_eq!(directory(35, set).as_deref(), Some("/opt/flex"));
    assert_eq!(directory(36, set), None);
}

#[test]
fn fragments_for_kustomize_are_strategic_patches() {
    let case = Case::read(&here().join("cases/1.37-defaults.yaml"));
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let pod = |name: &str, rest: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: kube-system}}\n{rest}\n")
    };
    let priority = pod("kube-scheduler", "spec: {containers: [{name: kube-scheduler, image: \"x:1\"}]}");
    let labels = pod("etcd", "spec: {priority: 7}");
    write("b.yaml", &format!("{priority}---\n{labels}"));
    write("c.yaml", &pod("other", "spec: {priority: 8}"));
    write("d.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: etcd}\n");
    write("notes.txt", "[");
    std::fs::create_dir(directory.path().join("kustomization.yaml")).unwrap();
    let mut patches = Patches::default();
    inputs::kustomize_fragments(directory.path(), &mut patches, &Report::new(Vec::new())).unwrap();
    assert_eq!(patches.count(), 2);
    let pods = render(&plain_spec(&case.cluster, &patches));
    let value = |component| yaml::parse_one(&pods[component]).unwrap().value;
    assert_eq!(value("kube-scheduler")["spec"]["containers"][0]["image"], "x:1");
    assert_eq!(value("kube-scheduler")["spec"]["containers"][0]["command"][0], "kube-scheduler");
    assert_eq!(value("etcd")["spec"]["priority"], 7);
    assert_eq!(value("kube-apiserver")["spec"]["priority"], 2_000_001_000);

    for name in ["kustomization.yml", "Kustomization"] {
        write(name, "resources: []\n");
        let error = inputs::kustomize_fragments(directory.path(), &mut patches, &Report::new(Vec::new())).unwrap_err();
        assert!(error.to_string().contains(&format!("/{name} is a kustomization")), "{error}");
        assert_eq!(error.code().name, "patches.invalid");
        std::fs::remove_file(directory.path().join(name)).unwrap();
    }
}
