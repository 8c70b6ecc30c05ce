//! `config.yaml`: the cluster's KubeletConfiguration, completed as kubeadm 1.37 completes it on a joining node
//! (`cmd/kubeadm/app/componentconfigs/kubelet.go`, `cmd/kubeadm/app/phases/kubelet/config.go`).
//!
//! Two things differ from kubeadm, which decodes into Go types and encodes them again. Fields that its types do not know
//! are lost there and kept here: the kubelet may be newer than we are. Zero values that its encoder always writes (`0s`,
//! `logging.verbosity: 0`, ...) are kept where they are in the ConfigMap and not added where they are not: none of those
//! fields is a pointer, so that zero and absent are the same to the kubelet.

use serde_json::Value;

use super::cri_socket::CriSocketHandover;
use super::defaults::{self, MAX_SHOWN};
pub use super::error::KubeletConfigError;
pub use super::inputs::KubeletInputs;
use super::raw::{self, KIND, RawKubeletConfig, VERSION};
use crate::cluster::cluster_configuration::ClusterConfiguration;
use crate::cluster::document::{self, DocumentError, Fields};
use crate::patches::{PatchTarget, Patches};
use crate::text::printable;
use crate::values::Endpoint;
use crate::yaml::{self, Document};

/// The file, and where it differs from what kubeadm recommends.
#[derive(Clone, Debug)]
pub struct Built {
    /// What the kubelet will run with.
    pub config: KubeletConfiguration,
    /// One line each, fit for a console.
    pub warnings: Vec<String>,
}

/// A KubeletConfiguration whose fields of ours have the right types.
#[derive(Clone, Debug)]
pub struct KubeletConfiguration {
    value: Value,
    healthz: Option<Endpoint>,
    fail_swap_on: bool,
    static_pod_path: String,
}

impl KubeletConfiguration {
    /// Makes the configuration of a node that joins.
    ///
    /// # Errors
    /// Where kubeadm or the kubelet would refuse the ConfigMap: bad YAML, another version of the API, a field of a wrong
    /// type. A patch that does not fit, or leaves what the kubelet cannot read: kubeadm finds the latter only when the
    /// kubelet has been started.
    pub fn build(raw: Option<&RawKubeletConfig>, inputs: KubeletInputs<'_>) -> Result<Built, KubeletConfigError> {
        let mut warnings = Vec::new();
        let mut document = match raw.map(RawKubeletConfig::document) {
            None => raw::empty()?,
            Some(Some(document)) => document.clone(),
            Some(None) => {
                warnings.push(format!("the kubelet-config holds no {KIND}; kubeadm's defaults apply"));
                raw::empty()?
            }
        };
        for duplicate in &document.duplicates {
            let path = printable(&duplicate.path, MAX_SHOWN);
            warnings.push(format!(
                "line {} of the kubelet-config: {path} is given again; the last one counts",
                duplicate.line
            ));
        }
        let set = defaults::run(Fields(&document), &inputs, &mut warnings)?;
        if let Value::Object(root) = &mut document.value {
            for (field, value) in set {
                document::set(root, field, value);
            }
        }
        let is_patched = inputs.patches.has(PatchTarget::KubeletConfiguration);
        if is_patched {
            // So that what is wrong before any patch is not taken for a patch's fault.
            Self::of(document.clone())?;
            let patched = inputs.patches.apply(PatchTarget::KubeletConfiguration, &mut document.value);
            patched.map_err(|error| KubeletConfigError::Patch(Box::new(error)))?;
        }
        if let (Value::Object(root), true) = (&mut document.value, CriSocketHandover::of(inputs.cluster).is_in_config())
        {
            document::set(root, "containerRuntimeEndpoint", inputs.cri_socket.into());
        }
        let config = if is_patched { Self::of_patched(document) } else { Self::of(document) }?;
        Ok(Built { config, warnings })
    }

    /// Finds what is wrong with a configuration that is built from later, as far as that can be known without a cluster.
    ///
    /// # Errors
    /// As [`build`](Self::build); also where it holds no KubeletConfiguration at all.
    pub fn check(raw: &RawKubeletConfig) -> Result<(), KubeletConfigError> {
        if raw.document().is_none() {
            return Err(DocumentError::NoKind { line: 1 }.into());
        }
        let (cluster, patches) = (ClusterConfiguration::default(), Patches::default());
        let inputs = KubeletInputs { cluster: &cluster, cri_socket: "", resolved_active: false, patches: &patches };
        Self::build(Some(raw), inputs).map(drop)
    }

    /// Reads a `config.yaml` that is there.
    ///
    /// # Errors
    /// Where it is not a KubeletConfiguration, or a field that we look at has a wrong type.
    pub fn read(text: &[u8]) -> Result<Self, KubeletConfigError> {
        let text = std::str::from_utf8(text).map_err(|_| KubeletConfigError::Encoding)?;
        Self::of(raw::read(text)?)
    }

    /// The same for what patches have changed: it may be of another kind by now, and its lines are no one's.
    fn of_patched(document: Document) -> Result<Self, KubeletConfigError> {
        let says = |field: &str, expected| document.value.get(field).and_then(Value::as_str) == Some(expected);
        for (field, expected) in [("apiVersion", VERSION), ("kind", KIND)] {
            if !says(field, expected) {
                return Err(KubeletConfigError::Patched { field, expected });
            }
        }
        Self::of(document).map_err(|error| match error {
            KubeletConfigError::Document(DocumentError::Field { field, expected, .. }) => {
                KubeletConfigError::Patched { field, expected }
            }
            other => other,
        })
    }

    /// Defaults here are the kubelet's own (`pkg/kubelet/apis/config/v1beta1/defaults.go`).
    fn of(document: Document) -> Result<Self, KubeletConfigError> {
        let fields = Fields(&document);
        let host = fields.text("healthzBindAddress")?.unwrap_or("127.0.0.1").to_owned();
        let port = fields.port("healthzPort")?.unwrap_or(10248);
        Ok(KubeletConfiguration {
            healthz: (port != 0).then_some(Endpoint { host, port }),
            fail_swap_on: fields.bool("failSwapOn")?.unwrap_or(true),
            static_pod_path: fields.text("staticPodPath")?.unwrap_or("").to_owned(),
            value: document.value,
        })
    }

    /// Where the kubelet answers `/healthz`; `None` where that is turned off.
    pub fn healthz(&self) -> Option<Endpoint> {
        self.healthz.clone()
    }

    /// `rotateCertificates`: whether the kubelet renews its own certificate.
    pub fn rotates_certificates(&self) -> bool {
        self.value().get("rotateCertificates").and_then(Value::as_bool).unwrap_or_default()
    }

    /// `failSwapOn`: whether the kubelet refuses to start with swap on.
    pub fn fail_swap_on(&self) -> bool {
        self.fail_swap_on
    }

    /// `staticPodPath`; empty where the kubelet takes no static Pods.
    pub fn static_pod_path(&self) -> &str {
        &self.static_pod_path
    }

    /// The content.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The file's text.
    pub fn to_yaml(&self) -> String {
        yaml::to_string(&self.value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::patches::FileName;

    const HEAD: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

    fn cluster() -> ClusterConfiguration {
        let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificatesDir: /pki/\n\
                    networking: {serviceSubnet: 172.20.0.0/16, dnsDomain: my.domain}\n";
        ClusterConfiguration::read(text).unwrap()
    }

    fn raw(text: &str) -> Result<RawKubeletConfig, KubeletConfigError> {
        RawKubeletConfig::parse(text, "test".to_owned())
    }

    fn build(config_map: Option<&str>, cluster: &ClusterConfiguration) -> Result<Built, KubeletConfigError> {
        patched(config_map, cluster, &[])
    }

    fn patched(
        config_map: Option<&str>,
        cluster: &ClusterConfiguration,
        files: &[(&str, &str)],
    ) -> Result<Built, KubeletConfigError> {
        let mut patches = Patches::default();
        for (name, text) in files {
            patches.add(name, FileName::parse(name).unwrap().unwrap(), text.as_bytes()).unwrap();
        }
        let cri_socket = "unix:///run/x.sock";
        let inputs = KubeletInputs { cluster, cri_socket, resolved_active: !files.is_empty(), patches: &patches };
        let raw = config_map.map(raw).transpose()?;
        KubeletConfiguration::build(raw.as_ref(), inputs)
    }

    #[test]
    fn patches_come_after_the_defaults_and_before_the_socket() {
        let patch = "healthzPort: 10555\nhealthzBindAddress: 10.0.0.9\ncontainerRuntimeEndpoint: unix:///other\n\
                     resolvConf: null\nfailSwapOn: false\nstaticPodPath: null\nclusterDomain: null\n";
        let built = patched(None, &cluster(), &[("kubeletconfiguration.yaml", patch)]).unwrap();
        assert_eq!(built.config.healthz().unwrap().to_string(), "10.0.0.9:10555");
        assert_eq!((built.config.fail_swap_on(), built.config.static_pod_path()), (false, ""));
        assert_eq!(built.config.value()["containerRuntimeEndpoint"], "unix:///run/x.sock");
        assert_eq!(built.config.value().get("resolvConf"), None);
        assert_eq!(built.config.value().get("clusterDomain"), None);
        assert_eq!(built.warnings, Vec::<String>::new());
    }

    #[test]
    fn what_patches_may_not_leave_is_refused() {
        let cases = [
            ("kubeletconfiguration+merge.yaml", "kind: null", "after the patches, kind must be KubeletConfiguration"),
            ("kubeletconfiguration.yaml", "$patch: delete", "after the patches, apiVersion must be kubelet.config.k8s"),
            ("kubeletconfiguration+merge.yaml", "[a]", "after the patches, apiVersion must be kubelet.config.k8s.io/"),
            (
                "kubeletconfiguration.yaml",
                "healthzPort: x",
                "after the patches, healthzPort must be a number from 0 to",
            ),
            (
                "kubeletconfiguration+json.yaml",
                "[{op: test, path: /maxPods, value: 1}]",
                "kubeletconfiguration+json.yaml: the json patch at line 1 does not fit: operation 1: the test of \
                 /maxPods finds something else",
            ),
        ];
        for (name, text, message) in cases {
            let error = patched(None, &cluster(), &[(name, text)]).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn without_a_config_map_there_are_kubeadm_s_defaults() {
        let built = build(None, &ClusterConfiguration::default()).unwrap();
        let expected = "\
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/x.sock
healthzBindAddress: 127.0.0.1
healthzPort: 10248
kind: KubeletConfiguration
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
";
        assert_eq!(built.config.to_yaml(), expected);
        assert_eq!(built.warnings, Vec::<String>::new());
        let config = KubeletConfiguration::read(expected.as_bytes()).unwrap();
        assert_eq!(config.value(), built.config.value());
        assert_eq!(config.healthz().unwrap().to_string(), "127.0.0.1:10248");
        assert_eq!((config.fail_swap_on(), config.static_pod_path()), (true, "/etc/kubernetes/manifests"));
    }

    #[test]
    fn open_fields_come_from_the_cluster_and_given_ones_stay() {
        let text =
            format!("{HEAD}clusterDNS: null\nauthentication:\nfutureField: {{a: [yes, 012]}}\nhealthzPort: null\n");
        let built = build(Some(&text), &cluster()).unwrap();
        let value = built.config.value();
        assert_eq!(value["clusterDNS"], json!(["172.20.0.10"]));
        assert_eq!(value["clusterDomain"], "my.domain");
        assert_eq!(value["authentication"]["x509"]["clientCAFile"], "/pki/ca.crt");
        assert_eq!(value["futureField"], json!({ "a": [true, 10] }));
        assert_eq!(value["healthzPort"], 10248);
        assert_eq!(built.warnings, Vec::<String>::new());
    }

    #[test]
    fn what_differs_from_the_recommendation_is_kept_with_a_warning() {
        let cases = [
            (
                "staticPodPath: /x",
                "staticPodPath is \"/x\" in the kubelet-config; kubeadm recommends \"/etc/kubernetes/manifests\"",
            ),
            ("clusterDNS: []", "clusterDNS is [] in the kubelet-config; kubeadm recommends [\"172.20.0.10\"]"),
            (
                "clusterDNS: [172.20.0.10, 1.1.1.1]",
                "clusterDNS is [\"172.20.0.10\",\"1.1.1.1\"] in the kubelet-config; kubeadm recommends [\"172.20.0.10\"]",
            ),
            (
                "clusterDomain: other",
                "clusterDomain is \"other\" in the kubelet-config; kubeadm recommends \"my.domain\"",
            ),
            (
                "authentication: {x509: {clientCAFile: /c}}",
                "authentication.x509.clientCAFile is \"/c\" in the kubelet-config; kubeadm recommends \"/pki/ca.crt\"",
            ),
            (
                "authentication: {anonymous: {enabled: on}}",
                "authentication.anonymous.enabled is true in the kubelet-config; kubeadm recommends false",
            ),
            (
                "authentication: {webhook: {enabled: n}}",
                "authentication.webhook.enabled is false in the kubelet-config; kubeadm recommends true",
            ),
            (
                "authorization: {mode: AlwaysAllow}",
                "authorization.mode is \"AlwaysAllow\" in the kubelet-config; kubeadm recommends \"Webhook\"",
            ),
            (
                "healthzBindAddress: \"::\"",
                "healthzBindAddress is \"::\" in the kubelet-config; kubeadm recommends \"127.0.0.1\"",
            ),
            ("healthzPort: 1", "healthzPort is 1 in the kubelet-config; kubeadm recommends 10248"),
            ("readOnlyPort: 10255", "readOnlyPort is 10255 in the kubelet-config; kubeadm recommends 0"),
            (
                "rotateCertificates: false",
                "the kubelet-config has rotateCertificates false; a join always makes it true",
            ),
            ("maxPods: 1\nmaxPods: 2", "line 4 of the kubelet-config: maxPods is given again; the last one counts"),
            (
                "clusterDomain: \"a\\e[31m\"",
                "clusterDomain is \"a\\u001b[31m\" in the kubelet-config; kubeadm recommends \"my.domain\"",
            ),
        ];
        for (line, warning) in cases {
            let text = format!("{HEAD}{line}\n");
            let built = build(Some(&text), &cluster()).unwrap();
            assert_eq!(built.warnings, [warning]);
            if line.starts_with("rotate") {
                assert_eq!(built.config.value()["rotateCertificates"], true);
                continue;
            }
            assert!(is_part(&yaml::parse_one(&text).unwrap().value, built.config.value()), "{line}");
        }
    }

    fn is_part(part: &Value, whole: &Value) -> bool {
        match (part, whole) {
            (Value::Object(part), Value::Object(whole)) => {
                part.iter().all(|(key, value)| whole.get(key).is_some_and(|whole| is_part(value, whole)))
            }
            _ => part == whole,
        }
    }

    #[test]
    fn a_cluster_of_which_nothing_is_known_is_not_compared_with() {
        let text = format!(
            "{HEAD}clusterDNS: [10.0.0.53]\nclusterDomain: x\nauthentication: {{x509: {{clientCAFile: /c}}}}\n"
        );
        assert_eq!(build(Some(&text), &ClusterConfiguration::default()).unwrap().warnings, Vec::<String>::new());
        assert_eq!(build(Some(&text), &cluster()).unwrap().warnings.len(), 3);
    }

    #[test]
    fn resolv_conf_is_that_of_systemd_resolved_where_it_runs() {
        let ours = "/run/systemd/resolve/resolv.conf";
        let cases = [
            ("", true, json!(ours), 0),
            ("resolvConf: null", true, json!(ours), 0),
            ("resolvConf: /run/systemd/resolve/resolv.conf", true, json!(ours), 0),
            ("resolvConf: /x", true, json!("/x"), 1),
            // A pointer in Go: an empty one is given, and means no search domains and no servers.
            ("resolvConf: \"\"", true, json!(""), 1),
            ("", false, Value::Null, 0),
            ("resolvConf: /x", false, json!("/x"), 0),
        ];
        for (line, resolved_active, expected, warnings) in cases {
            let text = format!("{HEAD}{line}\n");
            let cluster = ClusterConfiguration::default();
            let patches = Patches::default();
            let inputs = KubeletInputs { cluster: &cluster, cri_socket: "s", resolved_active, patches: &patches };
            let built = KubeletConfiguration::build(Some(&raw(&text).unwrap()), inputs).unwrap();
            assert_eq!(built.config.value()["resolvConf"], expected, "{line}");
            assert_eq!(built.warnings.len(), warnings, "{line}");
        }
    }

    #[test]
    fn kubeadm_config_is_wanted_only_where_something_is_open() {
        let full = format!("{HEAD}clusterDNS: [a]\nclusterDomain: b\nauthentication: {{x509: {{clientCAFile: /c}}}}\n");
        let cases = [
            (full.clone(), false),
            (full.replace("[a]", "null"), true),
            (full.replace("clusterDomain: b", "clusterDomain: \"\""), true),
            (full.replace("clientCAFile", "other"), true),
            (HEAD.to_owned(), true),
            (String::new(), true),
        ];
        for (text, wanted) in cases {
            assert_eq!(raw(&text).unwrap().needs_cluster_configuration(), wanted, "{text}");
        }
    }

    #[test]
    fn the_document_is_found_among_others() {
        let other = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
        let text = format!("---\n{other}---\n{HEAD}maxPods: 7\n---\n");
        assert_eq!(build(Some(&text), &cluster()).unwrap().config.value()["maxPods"], 7);
        let built = build(Some(other), &cluster()).unwrap();
        assert_eq!(built.warnings, ["the kubelet-config holds no KubeletConfiguration; kubeadm's defaults apply"]);
        assert_eq!(built.config.value()["clusterDomain"], "my.domain");
    }

    #[test]
    fn what_kubeadm_would_refuse_is_named_with_its_line() {
        let cases = [
            (
                HEAD.replace("v1beta1", "v1"),
                "line 1: apiVersion kubelet.config.k8s.io/v1 is not supported, only kubelet.config.k8s.io/v1beta1 is",
            ),
            (format!("{HEAD}---\n{HEAD}"), "line 3: a second document of the same kind begins"),
            ("maxPods: 1\n".to_owned(), "line 1: the document lacks apiVersion and kind"),
            ("- 1\n".to_owned(), "line 1: the document lacks apiVersion and kind"),
            (format!("{HEAD}\nhealthzPort: \"1\"\n"), "line 4: healthzPort must be a number from 0 to 65535"),
            (format!("{HEAD}healthzPort: 70000\n"), "line 3: healthzPort must be a number from 0 to 65535"),
            (format!("{HEAD}clusterDNS: 10.0.0.1\n"), "line 3: clusterDNS must be a list of strings"),
            (format!("{HEAD}clusterDNS: [1.5]\n"), "line 3: clusterDNS must be a list of strings"),
            (
                format!("{HEAD}authentication:\n  x509: 5\n"),
                "line 4: authentication.x509.clientCAFile must be inside a mapping",
            ),
            (
                format!("{HEAD}authentication:\n  anonymous:\n    enabled: \"no\"\n"),
                "line 5: authentication.anonymous.enabled must be true or false",
            ),
            (format!("{HEAD}staticPodPath: yes\n"), "line 3: staticPodPath must be a string"),
            (format!("{HEAD}failSwapOn: 0\n"), "line 3: failSwapOn must be true or false"),
            (
                format!("{HEAD}a: \"\n"),
                "line 3: column 4: while scanning a quoted scalar, found unexpected end of stream",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(build(Some(&text), &cluster()).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(KubeletConfiguration::read(b"\xff").unwrap_err(), KubeletConfigError::Encoding);
        assert!(KubeletConfiguration::read(b"").is_err());
    }

    #[test]
    fn healthz_can_be_turned_off() {
        for (line, address) in [("healthzPort: 0", None), ("healthzBindAddress: \"::1\"", Some("[::1]:10248"))] {
            let built = build(Some(&format!("{HEAD}{line}\n")), &cluster()).unwrap();
            assert_eq!(built.config.healthz().map(|address| address.to_string()).as_deref(), address);
        }
    }
}
