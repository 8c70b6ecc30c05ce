//! kubeadm's ClusterConfiguration, as far as a joining control plane needs it.

use std::net::Ipv6Addr;
use std::time::Duration;

use serde_json::Value;

use super::cluster_configuration::ClusterConfiguration;
use super::document::{self, DocumentError, Fields, Item};
use crate::pki::key_algorithm::KeyAlgorithm;
use crate::values::{Endpoint, EndpointError, duration};
use crate::yaml::Document;

/// What a control plane takes from the ConfigMap `kube-system/kubeadm-config`, key `ClusterConfiguration`.
///
/// Read from v1beta2 to v1: what changed between them are `extraArgs`, a mapping up to v1beta3 and a list from v1beta4 on
/// (both are read in all of them), and fields that were added. What is not said has kubeadm's default.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPlaneConfiguration {
    /// What a worker takes as well: names, version, directory of certificates, subnet of services, domain.
    pub cluster: ClusterConfiguration,
    /// `controlPlaneEndpoint`, as it is written; kubeadm's joins need it.
    pub control_plane_endpoint: Option<String>,
    /// `imageRepository`.
    pub image_repository: String,
    /// `networking.podSubnet`: CIDRs with commas between.
    pub pod_subnet: Option<String>,
    /// What keys are generated.
    pub encryption_algorithm: KeyAlgorithm,
    /// `certificateValidityPeriod`; kubeadm's year where it is not said.
    pub certificate_validity: Option<Duration>,
    /// `apiServer`.
    pub api_server: ComponentConfiguration,
    /// `apiServer.certSANs`.
    pub cert_sans: Vec<String>,
    /// `apiServer.timeoutForControlPlane`, which v1beta4 does not have.
    pub timeout_for_control_plane: Option<Duration>,
    /// `controllerManager`.
    pub controller_manager: ComponentConfiguration,
    /// `scheduler`.
    pub scheduler: ComponentConfiguration,
    /// `etcd`.
    pub etcd: Etcd,
    /// `featureGates`: kubeadm's own.
    pub feature_gates: Vec<(String, bool)>,
}

/// What a component is started with beside kubeadm's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComponentConfiguration {
    /// `extraArgs`, in the order of the text.
    pub extra_args: Vec<Argument>,
    /// `extraVolumes`.
    pub extra_volumes: Vec<ExtraVolume>,
    /// `extraEnvs`.
    pub extra_envs: Vec<EnvVar>,
}

/// A flag of a component, without its dashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What it does with kubeadm's own value.
    pub merge: Merge,
}

/// `mergeMethod` of an argument, which only the experimental v1 has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// It takes the place of every default of this name.
    #[default]
    Replace,
    /// It follows the default's text.
    Append,
    /// It precedes it.
    Prepend,
}

/// A directory or file of the host in a component's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraVolume {
    /// Its name; that of a default volume replaces it.
    pub name: String,
    /// On the host.
    pub host_path: String,
    /// In the container.
    pub mount_path: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// `DirectoryOrCreate` and the like; empty for no check.
    pub path_type: String,
}

/// A core/v1 EnvVar.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// The whole of it, `name` included: `value` or `valueFrom`.
    pub content: Value,
}

/// Where the API server's data is.
#[derive(Clone, Debug, PartialEq)]
pub enum Etcd {
    /// A static Pod on every control plane node.
    Local(LocalEtcd),
    /// Elsewhere; nothing is added to it.
    External(ExternalEtcd),
}

/// `etcd.local`.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalEtcd {
    /// `dataDir`.
    pub data_dir: String,
    /// `imageRepository`, where it is another than the cluster's.
    pub image_repository: Option<String>,
    /// `imageTag`.
    pub image_tag: Option<String>,
    /// `extraArgs`.
    pub extra_args: Vec<Argument>,
    /// `extraEnvs`.
    pub extra_envs: Vec<EnvVar>,
    /// `serverCertSANs`.
    pub server_cert_sans: Vec<String>,
    /// `peerCertSANs`.
    pub peer_cert_sans: Vec<String>,
}

/// `etcd.external`; a path is empty where it is not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalEtcd {
    /// `endpoints`: URLs.
    pub endpoints: Vec<String>,
    /// `caFile`.
    pub ca_file: String,
    /// `certFile`.
    pub cert_file: String,
    /// `keyFile`.
    pub key_file: String,
}

/// Where a ClusterConfiguration is found.
const GROUP: &str = "kubeadm.k8s.io";
const KIND: &str = "ClusterConfiguration";

/// kubeadm's default repository since 1.25.
const IMAGE_REPOSITORY: &str = "registry.k8s.io";

/// kubeadm's default directory of etcd's data.
const ETCD_DATA_DIR: &str = "/var/lib/etcd";

impl ControlPlaneConfiguration {
    /// Reads the text of the ConfigMap's key. Other documents in it, and other fields, are ignored. `None` where there is no
    /// ClusterConfiguration in it: without one nothing can be made.
    ///
    /// # Errors
    /// Bad YAML, or a field of a type or with a value that kubeadm refuses too.
    pub fn read(text: &str) -> Result<Option<Self>, DocumentError> {
        document::find(text, GROUP, KIND)?.map(|document| Self::of(&document)).transpose()
    }

    /// The same, or kubeadm's defaults where there is none.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_or_default(text: &str) -> Result<Self, DocumentError> {
        match document::find(text, GROUP, KIND)? {
            Some(document) => Self::of(&document),
            None => Self::of(&Document::default()),
        }
    }

    fn of(document: &Document) -> Result<Self, DocumentError> {
        let fields = Fields(document);
        let owned = |field| fields.text(field).map(|text| text.map(str::to_owned));
        let feature_gates = gates(&fields)?;
        Ok(ControlPlaneConfiguration {
            cluster: ClusterConfiguration::of(document)?,
            control_plane_endpoint: owned("controlPlaneEndpoint")?,
            image_repository: fields.text("imageRepository")?.unwrap_or(IMAGE_REPOSITORY).to_owned(),
            pod_subnet: owned("networking.podSubnet")?,
            encryption_algorithm: encryption_algorithm(&fields, &feature_gates)?,
            certificate_validity: time(&fields, "certificateValidityPeriod")?,
            api_server: component(&fields, ["apiServer.extraArgs", "apiServer.extraVolumes", "apiServer.extraEnvs"])?,
            cert_sans: strings(&fields, "apiServer.certSANs")?,
            timeout_for_control_plane: time(&fields, "apiServer.timeoutForControlPlane")?,
            controller_manager: component(
                &fields,
                ["controllerManager.extraArgs", "controllerManager.extraVolumes", "controllerManager.extraEnvs"],
            )?,
            scheduler: component(&fields, ["scheduler.extraArgs", "scheduler.extraVolumes", "scheduler.extraEnvs"])?,
            etcd: etcd(&fields)?,
            feature_gates,
        })
    }

    /// `controlPlaneEndpoint`, where it is said; it has this port where it has none of its own.
    ///
    /// # Errors
    /// It is no endpoint.
    pub fn endpoint(&self, port: u16) -> Result<Option<Endpoint>, EndpointError> {
        let Some(text) = self.control_plane_endpoint.as_deref() else { return Ok(None) };
        let with_port = || match text.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{port}"),
            Err(_) => format!("{text}:{port}"),
        };
        text.parse().or_else(|_| with_port().parse()).map(Some)
    }

    /// `etcd.local`, unless etcd is external.
    pub fn local_etcd(&self) -> Option<&LocalEtcd> {
        match &self.etcd {
            Etcd::Local(local) => Some(local),
            Etcd::External(_) => None,
        }
    }
}

/// The last argument of a name, which is the one that counts.
pub fn last_argument<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a Argument> {
    arguments.iter().rev().find(|argument| argument.name == name)
}

fn component(fields: &Fields<'_>, names: [&'static str; 3]) -> Result<ComponentConfiguration, DocumentError> {
    let [args, volumes, envs] = names;
    let volumes = fields.items(volumes, "a list of name, hostPath, mountPath, readOnly and pathType")?;
    Ok(ComponentConfiguration {
        extra_args: arguments(fields, args)?,
        extra_volumes: volumes.iter().map(extra_volume).collect::<Result<_, _>>()?,
        extra_envs: env_vars(fields, envs)?,
    })
}

/// A mapping up to v1beta3, a list after that. Go sorts what it reads from a mapping by name.
fn arguments(fields: &Fields<'_>, field: &'static str) -> Result<Vec<Argument>, DocumentError> {
    const EXPECTED: &str = "a list of name and value, or a mapping of names to strings";
    if fields.is_list(field)? {
        return fields.items(field, EXPECTED)?.iter().map(argument).collect();
    }
    let mut arguments = Vec::new();
    for member in fields.members(field, EXPECTED)? {
        let (name, value) = (member.key().to_owned(), member.string()?.to_owned());
        arguments.push(Argument { name, value, merge: Merge::Replace });
    }
    arguments.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(arguments)
}

fn argument(item: &Item<'_>) -> Result<Argument, DocumentError> {
    let merge = match item.text("mergeMethod")? {
        "" => Merge::Replace,
        "append" => Merge::Append,
        "prepend" => Merge::Prepend,
        _ => return Err(item.wrong()),
    };
    let name = item.text("name")?;
    if name.is_empty() {
        return Err(item.wrong());
    }
    Ok(Argument { name: name.to_owned(), value: item.text("value")?.to_owned(), merge })
}

fn extra_volume(item: &Item<'_>) -> Result<ExtraVolume, DocumentError> {
    Ok(ExtraVolume {
        name: item.text("name")?.to_owned(),
        host_path: item.text("hostPath")?.to_owned(),
        mount_path: item.text("mountPath")?.to_owned(),
        read_only: item.flag("readOnly")?,
        path_type: item.text("pathType")?.to_owned(),
    })
}

fn env_vars(fields: &Fields<'_>, field: &'static str) -> Result<Vec<EnvVar>, DocumentError> {
    fields.items(field, "a list of EnvVar: name, and value or valueFrom")?.iter().map(env_var).collect()
}

fn env_var(item: &Item<'_>) -> Result<EnvVar, DocumentError> {
    let name = item.text("name")?.to_owned();
    item.text("value")?;
    let mut content = item.value.clone();
    if name.is_empty() || content.get("valueFrom").is_some_and(|from| !from.is_object() && !from.is_null()) {
        return Err(item.wrong());
    }
    // SetDefaults_EnvVar of v1beta4, and how Go's encoder writes what is empty.
    if let Some(Value::Object(field)) = content.pointer_mut("/valueFrom/fieldRef") {
        field.entry("apiVersion").or_insert_with(|| "v1".into());
    }
    if let Value::Object(content) = &mut content {
        content.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    }
    if let Some(Value::Object(field)) = content.pointer_mut("/valueFrom/resourceFieldRef") {
        field.entry("divisor").or_insert_with(|| "0".into());
    }
    Ok(EnvVar { name, content })
}

fn etcd(fields: &Fields<'_>) -> Result<Etcd, DocumentError> {
    let owned = |field| fields.text(field).map(|text| text.map(str::to_owned));
    if fields.is_mapping("etcd.external")? {
        return Ok(Etcd::External(ExternalEtcd {
            endpoints: strings(fields, "etcd.external.endpoints")?,
            ca_file: owned("etcd.external.caFile")?.unwrap_or_default(),
            cert_file: owned("etcd.external.certFile")?.unwrap_or_default(),
            key_file: owned("etcd.external.keyFile")?.unwrap_or_default(),
        }));
    }
    Ok(Etcd::Local(LocalEtcd {
        data_dir: fields.text("etcd.local.dataDir")?.unwrap_or(ETCD_DATA_DIR).to_owned(),
        image_repository: owned("etcd.local.imageRepository")?,
        image_tag: owned("etcd.local.imageTag")?,
        extra_args: arguments(fields, "etcd.local.extraArgs")?,
        extra_envs: env_vars(fields, "etcd.local.extraEnvs")?,
        server_cert_sans: strings(fields, "etcd.local.serverCertSANs")?,
        peer_cert_sans: strings(fields, "etcd.local.peerCertSANs")?,
    }))
}

fn gates(fields: &Fields<'_>) -> Result<Vec<(String, bool)>, DocumentError> {
    let gates = fields.members("featureGates", "a mapping of names to true or false")?;
    let gate = |gate: &Item<'_>| {
        let value = gate.value.as_bool().ok_or_else(|| gate.wrong())?;
        Ok((gate.key().to_owned(), value))
    };
    gates.iter().map(gate).collect()
}

/// A gate of v1beta3 wins over the field of v1beta4 that took its place (`KeyAlgorithmType`, 1.31 to 1.36).
fn encryption_algorithm(fields: &Fields<'_>, gates: &[(String, bool)]) -> Result<KeyAlgorithm, DocumentError> {
    const FIELD: &str = "encryptionAlgorithm";
    let named = fields.text(FIELD)?.unwrap_or_default().parse();
    let named = named.map_err(|_| fields.wrong(FIELD, "RSA-2048, RSA-3072, RSA-4096, ECDSA-P256 or ECDSA-P384"))?;
    Ok(match gates.iter().find(|(name, _)| name == "PublicKeysECDSA") {
        Some((_, true)) => KeyAlgorithm::EcdsaP256,
        Some((_, false)) => KeyAlgorithm::Rsa2048,
        None => named,
    })
}

fn strings(fields: &Fields<'_>, field: &'static str) -> Result<Vec<String>, DocumentError> {
    Ok(fields.list(field)?.unwrap_or_default().into_iter().map(str::to_owned).collect())
}

fn time(fields: &Fields<'_>, field: &'static str) -> Result<Option<Duration>, DocumentError> {
    let Some(text) = fields.text(field)? else { return Ok(None) };
    duration::parse(text).map(Some).map_err(|_| fields.wrong(field, "a duration, such as 8760h0m0s"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(version: &str, text: &str) -> Result<ControlPlaneConfiguration, String> {
        let text = format!("apiVersion: kubeadm.k8s.io/{version}\nkind: ClusterConfiguration\n{text}");
        ControlPlaneConfiguration::read(&text).map(Option::unwrap).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_has_kubeadm_s_default() {
        let read = read("v1beta4", "kubernetesVersion: v1.37.2\netcd: null\napiServer: {}\n").unwrap();
        assert_eq!(read.cluster.release(), Some((1, 37)));
        assert_eq!(read.image_repository, "registry.k8s.io");
        assert_eq!(read.local_etcd().unwrap().data_dir, "/var/lib/etcd");
        assert_eq!(read.encryption_algorithm, KeyAlgorithm::Rsa2048);
        assert_eq!((read.pod_subnet, read.control_plane_endpoint, read.certificate_validity), (None, None, None));
        assert_eq!(read.api_server, ComponentConfiguration::default());
        assert!(ControlPlaneConfiguration::read("apiVersion: v1\nkind: Pod\n").unwrap().is_none());
    }

    #[test]
    fn arguments_are_read_as_mapping_and_as_list() {
        let of = |version, text: &str| {
            let read = read(version, &format!("scheduler: {{extraArgs: {text}}}")).unwrap();
            read.scheduler.extra_args.into_iter().map(|arg| (arg.name, arg.value, arg.merge)).collect::<Vec<_>>()
        };
        let pair = |name: &str, value: &str, merge| (name.to_owned(), value.to_owned(), merge);
        let replace = Merge::Replace;
        for version in ["v1beta2", "v1beta3", "v1beta4", "v1"] {
            assert_eq!(of(version, "{v: \"4\", a: null}"), [pair("a", "", replace), pair("v", "4", replace)]);
            let list = "[{name: v, value: \"4\"}, {name: a, value: b}, {name: v}]";
            assert_eq!(of(version, list), [pair("v", "4", replace), pair("a", "b", replace), pair("v", "", replace)]);
        }
        let merged = of("v1", "[{name: v, value: x, mergeMethod: append}, {name: w, value: z, mergeMethod: prepend}]");
        assert_eq!(merged, [pair("v", "x", Merge::Append), pair("w", "z", Merge::Prepend)]);
    }

    #[test]
    fn every_field_is_read() {
        let text = "controlPlaneEndpoint: \"cp:6443\"\nimageRepository: my.io/k8s\nencryptionAlgorithm: ECDSA-P384\n\
                    networking: {podSubnet: 10.0.0.0/8}\ncertificateValidityPeriod: 48h0m0s\n\
                    apiServer:\n  certSANs: [a, b]\n  timeoutForControlPlane: 4m0s\n  extraVolumes:\n\
                    \x20 - {name: v, hostPath: /h, mountPath: /m, readOnly: true, pathType: File}\n\
                    \x20 extraEnvs: [{name: A, value: b}, {name: B, valueFrom: {fieldRef: {fieldPath: x}}}]\n\
                    etcd:\n  external: {endpoints: [\"https://e:2379\"], caFile: /ca, certFile: /c, keyFile: /k}\n\
                    featureGates: {X: true}\n";
        let read = read("v1beta4", text).unwrap();
        assert_eq!(read.control_plane_endpoint.as_deref(), Some("cp:6443"));
        assert_eq!((read.image_repository.as_str(), read.pod_subnet.as_deref()), ("my.io/k8s", Some("10.0.0.0/8")));
        assert_eq!(read.encryption_algorithm, KeyAlgorithm::EcdsaP384);
        assert_eq!(read.certificate_validity, Some(Duration::from_secs(172_800)));
        assert_eq!(read.timeout_for_control_plane, Some(Duration::from_secs(240)));
        assert_eq!(read.cert_sans, ["a", "b"]);
        let volume = &read.api_server.extra_volumes[0];
        assert_eq!((volume.host_path.as_str(), volume.read_only, volume.path_type.as_str()), ("/h", true, "File"));
        let from = json!({"name": "B", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "x"}}});
        assert_eq!(read.api_server.extra_envs[1].content, from);
        let Etcd::External(etcd) = read.etcd else { panic!("{:?}", read.etcd) };
        assert_eq!((etcd.endpoints.len(), etcd.key_file.as_str()), (1, "/k"));
        assert_eq!(read.feature_gates, [("X".to_owned(), true)]);
    }

    #[test]
    fn the_gate_of_v1beta3_chooses_the_algorithm() {
        let of = |text| read("v1beta3", text).unwrap().encryption_algorithm;
        assert_eq!(of("featureGates: {PublicKeysECDSA: true}"), KeyAlgorithm::EcdsaP256);
        let both = "featureGates: {PublicKeysECDSA: false}\nencryptionAlgorithm: RSA-4096";
        assert_eq!(of(both), KeyAlgorithm::Rsa2048);
    }

    #[test]
    fn what_kubeadm_refuses_is_named_with_its_line() {
        let table = [
            (
                "apiServer:\n  extraArgs:\n  - name: a\n    value: 1\n",
                "line 5: apiServer.extraArgs must be a list of name",
            ),
            (
                "apiServer:\n  extraArgs:\n    a: 1\n",
                "line 5: apiServer.extraArgs must be a list of name and value, or",
            ),
            ("apiServer:\n  extraArgs: x\n", "line 4: apiServer.extraArgs must be a list of name and value, or a"),
            ("scheduler: {extraArgs: [{value: x}]}\n", "line 3: scheduler.extraArgs must be a list of name and value"),
            ("scheduler: {extraArgs: [{name: x, mergeMethod: y}]}\n", "line 3: scheduler.extraArgs must be a list of"),
            ("scheduler: {extraVolumes: [x]}\n", "line 3: scheduler.extraVolumes must be a list of name, hostPath"),
            ("scheduler:\n  extraEnvs:\n  - value: x\n", "line 5: scheduler.extraEnvs must be a list of EnvVar: name"),
            ("etcd: {external: []}\n", "line 3: etcd.external must be a mapping"),
            ("etcd: {local: {dataDir: 5}}\n", "line 3: etcd.local.dataDir must be a string"),
            (
                "encryptionAlgorithm: RSA-1024\n",
                "line 3: encryptionAlgorithm must be RSA-2048, RSA-3072, RSA-4096, ECDSA",
            ),
            ("certificateValidityPeriod: 1y\n", "line 3: certificateValidityPeriod must be a duration, such as"),
            ("featureGates: {X: 1}\n", "line 3: featureGates must be a mapping of names to true or false"),
        ];
        for (text, message) in table {
            let error = read("v1beta4", text).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
