use std::path::Path;

use super::*;
use crate::error::Explain;
use crate::secret::Secret;

const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const TOKEN: &str = "abcdef.0123456789abcdef";
const OTHER: &str = "zzzzzz.0123456789abcdef";

/// The sources of one join, as a person would give them.
#[derive(Debug, Default)]
struct Given<'a> {
    flags: Settings,
    kernel: Option<&'a str>,
    config: Option<&'a str>,
    token_file: Option<&'a str>,
}

impl Given<'_> {
    fn resolve(&self) -> Result<Resolved, ConfigError> {
        resolve(&Sources {
            flags: &self.flags,
            kernel: self.kernel,
            config: self.config.map(|text| (Path::new("join.yaml"), text)),
            token_file: self.token_file.map(Secret::new),
        })
    }

    fn error(&self) -> ConfigError {
        self.resolve().expect_err("no error")
    }
}

fn flags(endpoint: &str, token: &str, pin: &str) -> Settings {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Settings {
        endpoint: some(endpoint),
        token: some(token).map(Secret::new),
        ca_cert_hashes: some(pin).into_iter().collect(),
        ..Settings::default()
    }
}

fn token_of(configuration: &JoinConfiguration) -> &BootstrapToken {
    let DiscoveryMethod::Token { token, .. } = &configuration.discovery else { panic!("no token discovery") };
    token
}

fn endpoint_of(configuration: &JoinConfiguration) -> String {
    let DiscoveryMethod::Token { endpoints, .. } = &configuration.discovery else { panic!("no token discovery") };
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    endpoints.join(" ")
}

const FILE: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    token: abcdef.0123456789abcdef
    apiServerEndpoint: 10.0.0.1:6443
    caCertHashes: [sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff]
";

fn file_with(more: &str) -> String {
    format!("{FILE}{more}")
}

fn from_file(text: &str) -> Result<Resolved, ConfigError> {
    Given { config: Some(text), ..Given::default() }.resolve()
}

#[test]
fn the_printed_join_command_is_enough() {
    let resolved = Given { flags: flags("10.0.0.1:6443", TOKEN, PIN), ..Given::default() }.resolve().unwrap();
    let configuration = resolved.configuration;
    assert_eq!(endpoint_of(&configuration), "10.0.0.1:6443");
    assert_eq!(token_of(&configuration), configuration.tls_bootstrap_token.as_ref().unwrap());
    assert!(
        matches!(&configuration.discovery, DiscoveryMethod::Token { trust: DiscoveryTrust::Pins(pins), .. } if pins.len() == 1)
    );
    assert_eq!(configuration.ca_cert_path, Path::new("/etc/kubernetes/pki/ca.crt"));
    assert_eq!(configuration.timeouts, Timeouts::default());
    assert!(!configuration.dry_run && configuration.node_registration.name.is_none());
    assert_eq!((resolved.extras, resolved.warnings), (Extras::default(), vec![]));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut flags = flags("https://10.0.0.1:6443", "abcdef", "sha256:00");
    flags.node_name = Some("my node".to_owned());
    flags.skip_phases = vec!["addons".to_owned()];
    let error = Given { flags, ..Given::default() }.error();
    assert_eq!(
        error.to_string(),
        "5 values are wrong or missing: the argument of join: an API server endpoint is host:port without a scheme, \
         write \"10.0.0.1:6443\"; --token: a bootstrap token has a dot after its first 6 characters, this one has none; \
         --discovery-token-ca-cert-hash: a CA certificate hash has 64 hexadecimal digits, this one has 2; --skip-phases: \
         \"addons\" is no phase of join; --node-name: \"my node\" is no node name: it consists of a-z, 0-9, `-` and `.`, \
         and has a ' '"
    );
    assert_eq!(error.code().name, "config.invalid");
}

#[test]
fn what_is_missing_is_named_with_its_own_code() {
    let table = [
        (
            flags("", "", ""),
            "3 values are wrong or missing: no API server endpoint is given; no bootstrap token is given; \
                             no hash of the cluster's CA certificate is given",
        ),
        (flags("", TOKEN, PIN), "no API server endpoint is given"),
        (flags("h:1", "", PIN), "no bootstrap token is given"),
        (flags("h:1", TOKEN, ""), "no hash of the cluster's CA certificate is given"),
    ];
    for (flags, message) in table {
        let error = Given { flags, ..Given::default() }.error();
        assert_eq!((error.to_string().as_str(), error.code().name), (message, "config.incomplete"));
    }
}

#[test]
fn tokens_fall_back_as_in_kubeadm() {
    // --token, --discovery-token, --tls-bootstrap-token; then the ids in use for discovery and for TLS bootstrap.
    let table = [
        (Some(TOKEN), None, None, "abcdef", "abcdef"),
        (None, Some(TOKEN), None, "abcdef", "abcdef"),
        (None, Some(TOKEN), Some(OTHER), "abcdef", "zzzzzz"),
        (Some(TOKEN), None, Some(OTHER), "abcdef", "zzzzzz"),
        // kubeadm has copied the discovery token by the time it looks at --token.
        (Some(OTHER), Some(TOKEN), None, "abcdef", "abcdef"),
    ];
    for (token, discovery, tls, discovery_id, tls_id) in table {
        let flags = Settings {
            token: token.map(Secret::new),
            discovery_token: discovery.map(Secret::new),
            tls_bootstrap_token: tls.map(Secret::new),
            ..flags("h:1", "", PIN)
        };
        let configuration = Given { flags, ..Given::default() }.resolve().unwrap().configuration;
        let ids = (&*token_of(&configuration).id, &*configuration.tls_bootstrap_token.as_ref().unwrap().id);
        assert_eq!(ids, (discovery_id, tls_id));
    }
}

#[test]
fn pins_are_checked_even_when_skipping_them_is_asked_for() {
    let mut both = flags("h:1", TOKEN, PIN);
    both.unsafe_skip_ca_verification = Some(true);
    let resolved = Given { flags: both, ..Given::default() }.resolve().unwrap();
    assert!(matches!(resolved.configuration.discovery, DiscoveryMethod::Token { trust: DiscoveryTrust::Pins(_), .. }));
    assert_eq!(resolved.warnings, [Warning::UnsafeSkipIgnored]);

    let mut skip = flags("h:1", TOKEN, "");
    skip.unsafe_skip_ca_verification = Some(true);
    let resolved = Given { flags: skip, ..Given::default() }.resolve().unwrap();
    let DiscoveryMethod::Token { trust, .. } = resolved.configuration.discovery else { panic!("no token discovery") };
    assert!(matches!(trust, DiscoveryTrust::UnsafeSkipCaVerification) && resolved.warnings.is_empty());
}

#[test]
fn a_kernel_command_line_is_enough_and_flags_win_over_it() {
    let kernel = format!(
        "ro kubejoin.endpoint=10.0.0.1:6443 kubejoin.token={TOKEN} kubejoin.ca-cert-hash={PIN} kubejoin.rootfs=/sysroot \
         kubejoin.node-name=kernel kubejoin.clock=server kubejoin.ignore-preflight-errors=Swap kubejoin.nope=1"
    );
    let resolved = Given { kernel: Some(&kernel), ..Given::default() }.resolve().unwrap();
    assert_eq!(endpoint_of(&resolved.configuration), "10.0.0.1:6443");
    assert_eq!(resolved.extras.rootfs.as_deref(), Some(Path::new("/sysroot")));
    assert_eq!(resolved.extras.clock, ClockMode::Server);
    assert_eq!(resolved.configuration.node_registration.name.as_ref().unwrap().as_str(), "kernel");
    assert_eq!(resolved.warnings, [Warning::UnknownParameter("kubejoin.nope".to_owned())]);
    assert_eq!(resolved.provenance[0], ("endpoint", Origin::Kernel("kubejoin.endpoint")));

    let flags = Settings {
        token: Some(Secret::new(OTHER)),
        node_name: Some("Flag".to_owned()),
        clock: Some(ClockMode::System),
        rootfs: Some("/mnt".into()),
        ignore_preflight_errors: vec!["Hostname".to_owned()],
        ..Settings::default()
    };
    let resolved = Given { flags, kernel: Some(&kernel), ..Given::default() }.resolve().unwrap();
    let node = &resolved.configuration.node_registration;
    assert_eq!(node.name.as_ref().unwrap().as_str(), "flag");
    assert_eq!(node.ignore_preflight_errors, ["hostname", "swap"]);
    assert_eq!(token_of(&resolved.configuration).id, "zzzzzz");
    assert_eq!((resolved.extras.clock, resolved.extras.rootfs), (ClockMode::System, Some("/mnt".into())));
}

#[test]
fn a_token_file_stands_for_the_token_of_its_source() {
    let mut from_flags = flags("h:1", "", PIN);
    from_flags.token_file = Some(TokenFile::Stdin);
    let given = Given { flags: from_flags, token_file: Some(TOKEN), ..Given::default() };
    let resolved = given.resolve().unwrap();
    assert_eq!(token_of(&resolved.configuration).id, "abcdef");
    assert_eq!(resolved.provenance[1], ("discovery token", Origin::Flag("--token-file")));

    let mut twice = flags("h:1", OTHER, PIN);
    twice.token_file = Some(TokenFile::Stdin);
    let error = Given { flags: twice, token_file: Some(TOKEN), ..Given::default() }.error();
    assert_eq!(error.to_string(), "--token-file: a token is given as well");

    let kernel = format!("kubejoin.token-file=/run/token kubejoin.ca-cert-hash={PIN} kubejoin.endpoint=h:1");
    let error = Given { kernel: Some(&kernel), token_file: Some("short"), ..Given::default() }.error();
    assert!(error.to_string().starts_with("kubejoin.token-file= of the kernel command line: "), "{error}");

    // The image holds the configuration, somebody else brings the token.
    let without_token = FILE.replace("    token: abcdef.0123456789abcdef\n", "");
    let flags = Settings { token_file: Some(TokenFile::Stdin), ..Settings::default() };
    let given = Given { flags, config: Some(&without_token), token_file: Some(OTHER), ..Given::default() };
    assert_eq!(token_of(&given.resolve().unwrap().configuration).id, "zzzzzz");
}

#[test]
fn every_field_of_v1beta4_is_read() {
    let text = file_with(
        "  tlsBootstrapToken: zzzzzz.0123456789abcdef
nodeRegistration:
  name: Pi-1
  criSocket: /run/containerd/containerd.sock
  taints: [{key: a, value: b, effect: NoSchedule}, {key: c, effect: NoExecute, timeAdded: null}]
  kubeletExtraArgs: [{name: v, value: '4'}, {name: node-labels, value: x=y}, {name: v, value: '5'}]
  ignorePreflightErrors: [Swap]
  imagePullPolicy: Never
  imagePullSerial: false
caCertPath: /var/ca.crt
skipPhases: [preflight, control-plane-join/mark-control-plane]
dryRun: true
controlPlane: null
timeouts: {discovery: 1m0s, tlsBootstrap: 2m0s, kubeletHealthCheck: 3m0s, kubernetesAPICall: 4s, etcdAPICall: 5s, \
controlPlaneComponentHealthCheck: 6s, upgradeManifests: 7s}
",
    );
    let resolved = from_file(&text).unwrap();
    let configuration = resolved.configuration;
    let node = &configuration.node_registration;
    assert_eq!(configuration.tls_bootstrap_token.as_ref().unwrap().id, "zzzzzz");
    assert_eq!(node.name.as_ref().unwrap().as_str(), "pi-1");
    assert_eq!(node.cri_socket.as_deref(), Some("unix:///run/containerd/containerd.sock"));
    let taint = |key: &str, value: &str, effect: &str| Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
    };
    assert_eq!(node.taints, Some(vec![taint("a", "b", "NoSchedule"), taint("c", "", "NoExecute")]));
    let args: Vec<_> = node.kubelet_extra_args.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(args, [("v", "4"), ("node-labels", "x=y"), ("v", "5")]);
    assert_eq!(node.ignore_preflight_errors, ["swap"]);
    assert_eq!(configuration.ca_cert_path, Path::new("/var/ca.crt"));
    assert_eq!(configuration.skip_phases, ["preflight", "control-plane-join/mark-control-plane"]);
    assert!(configuration.dry_run);
    let seconds = |timeouts: Timeouts| {
        let kubelet = [timeouts.kubelet_health_check, timeouts.kubernetes_api_call, timeouts.etcd_api_call];
        let others = [timeouts.control_plane_component_health_check, timeouts.upgrade_manifests];
        let all = [timeouts.discovery, timeouts.tls_bootstrap].into_iter().chain(kubelet).chain(others);
        all.map(|duration| duration.as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(seconds(configuration.timeouts), [60, 120, 180, 4, 5, 6, 7]);
    assert_eq!((node.image_pull_policy, node.image_pull_serial), (ImagePullPolicy::Never, false));
    assert_eq!(resolved.warnings.len(), 1, "{:?}", resolved.warnings);
    assert_eq!(
        resolved.warnings[0].to_string(),
        "nodeRegistration.criSocket (line 11): took the socket as a path and put unix:// before it"
    );
}

#[test]
fn null_and_empty_taints_differ() {
    let taints = |more: &str| from_file(&file_with(more)).unwrap().configuration.node_registration.taints;
    assert_eq!(taints("nodeRegistration: {taints: null}\n"), None);
    assert_eq!(taints("nodeRegistration: {taints: []}\n"), Some(vec![]));
    assert_eq!(taints(""), None);
}

#[test]
fn json_and_the_version_before_are_read() {
    let json = serde_json::json!({
        "apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": { "token": TOKEN, "apiServerEndpoint": "h:1", "unsafeSkipCAVerification": true },
            "timeout": "90s",
        },
        "nodeRegistration": { "kubeletExtraArgs": { "v": "4", "node-ip": "10.0.0.2" } },
    });
    let resolved = from_file(&json.to_string()).unwrap();
    assert_eq!(resolved.configuration.timeouts.discovery, Duration::from_secs(90));
    let args = &resolved.configuration.node_registration.kubelet_extra_args;
    assert_eq!(*args, [("node-ip".to_owned(), "10.0.0.2".to_owned()), ("v".to_owned(), "4".to_owned())]);
    assert!(matches!(resolved.warnings[..], [Warning::OldVersion { last_kubeadm: "v1.36", .. }]));

    let newer = FILE.replace("v1beta4", "v1beta3") + "dryRun: true\ntimeouts: {}\n";
    let warnings: Vec<_> = from_file(&newer).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings[1..],
        ["ignored the unknown field dryRun (line 8)", "ignored the unknown field timeouts (line 9)"]
    );
}

#[test]
fn unknown_and_repeated_fields_and_other_kinds_are_warnings() {
    let text = format!(
        "# comment\n---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n---\n{FILE}NodeRegistration: {{}}\n\
         nodeRegistration: {{nmae: x}}\ncaCertPath: /a.crt\ncaCertPath: /b.crt\n"
    );
    let resolved = from_file(&text).unwrap();
    assert_eq!(resolved.configuration.ca_cert_path, Path::new("/b.crt"));
    let warnings: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "ignored the document at line 2, \"kubelet.config.k8s.io/v1beta1\" \"KubeletConfiguration\"",
            "caCertPath (line 16) is given twice, the last one counts",
            "ignored the unknown field NodeRegistration (line 13)",
            "ignored the unknown field nodeRegistration.nmae (line 14)",
        ]
    );
}

#[test]
fn a_file_that_is_no_configuration_is_refused() {
    let table = [
        ("", "join.yaml has no JoinConfiguration", "config.unreadable"),
        ("a: [", "join.yaml: line ", "config.unreadable"),
        ("kind: JoinConfiguration\n", "join.yaml: the document at line 1 has no apiVersion", "config.unreadable"),
        ("apiVersion: v1\nkind: Pod\n", "join.yaml: the document at line 1 has no apiVersion", "config.unreadable"),
        ("apiVersion: a/v1\nkind: B\n", "join.yaml has no JoinConfiguration", "config.unreadable"),
        (
            "apiVersion: a/v1\nkind: B\n---\napiVersion: a/v2\nkind: B\n",
            "join.yaml: line 3: kind \"B\" is there twice",
            "config.unreadable",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v2\nkind: JoinConfiguration\n",
            "join.yaml: \"JoinConfiguration\" of \"kubeadm.k8s.io/v2\" does not exist",
            "config.version",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: NodeConfiguration\n",
            "join.yaml: \"NodeConfiguration\" of \"kubeadm.k8s.io/v1beta4\" does not exist",
            "config.version",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1alpha1\nkind: NodeConfiguration\n---\n\
             apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n",
            "join.yaml: line 3: kind \"JoinConfiguration\" is there twice",
            "config.unreadable",
        ),
    ];
    for (text, message, code) in table {
        let error = from_file(text).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.code().name, code, "{text}");
    }
}

#[test]
fn values_of_a_file_are_refused_with_their_line() {
    let table = [
        ("nodeRegistration: {name: 7}\n", "nodeRegistration.name (line 8): this is a number, a string is needed"),
        ("dryRun: 'yes'\n", "dryRun (line 8): this is a string, a boolean is needed"),
        ("skipPhases: preflight\n", "skipPhases (line 8): this is a string, a list is needed"),
        ("nodeRegistration: []\n", "nodeRegistration (line 8): this is a list, a mapping is needed"),
        ("timeouts: {discovery: 5 min}\n", "timeouts.discovery (line 8): \"5 min\" is no duration: the units are"),
        ("caCertPath: ca.crt\n", "caCertPath (line 8): \"ca.crt\" is no absolute path that ends in .crt"),
        ("caCertPath: /ca.pem\n", "caCertPath (line 8): \"/ca.pem\" is no absolute path that ends in .crt"),
        (
            "nodeRegistration: {kubeletExtraArgs: [{value: x}]}\n",
            "nodeRegistration.kubeletExtraArgs[0].value (line 8): the argument has no name",
        ),
        (
            "nodeRegistration: {taints: [{key: a, effect: Never}]}\n",
            "nodeRegistration.taints[0].effect (line 8): the effect of a taint is NoSchedule, PreferNoSchedule or NoExecute",
        ),
        (
            "nodeRegistration: {imagePullPolicy: Sometimes}\n",
            "nodeRegistration.imagePullPolicy (line 8): a pull policy is",
        ),
        ("nodeRegistration: {ignorePreflightErrors: [all, Swap]}\n", "`all` stands among the ignored preflight errors"),
        (
            "nodeRegistration: {criSocket: 'tcp://10.0.0.1:1'}\n",
            "nodeRegistration.criSocket (line 8): \"tcp://10.0.0.1:1\" is no absolute path of a socket",
        ),
        ("controlPlane: {}\n", "controlPlane (line 8) is not supported yet"),
        ("patches: {directory: 5}\n", "patches.directory (line 8): this is a number, a string is needed"),
        (
            "controlPlane: {localAPIEndpoint: {bindPort: '1'}}\n",
            "2 values are wrong or missing: \
            controlPlane.localAPIEndpoint.bindPort (line 8): this is a string, a whole number is needed",
        ),
        ("  file: {kubeConfigPath: /f}\n", "discovery.bootstrapToken (line 4): a discovery file is given as well"),
    ];
    for (more, message) in table {
        let error = from_file(&file_with(more)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("join.yaml: {message}")), "{error}");
    }
}

/// A kubeconfig for discovery on the command line.
fn discovery_file(path: &str) -> Settings {
    Settings { discovery_file: Some(path.to_owned()), ..Settings::default() }
}

/// The same in a configuration file.
fn file_with_discovery_file(path: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {{file: {{kubeConfigPath: '{path}'}}}}\n"
    )
}

#[test]
fn a_discovery_file_is_a_path_or_an_https_url() {
    let table = [
        ("/etc/disc.conf", Ok("/etc/disc.conf")),
        ("disc.conf", Ok("disc.conf")),
        ("file:///etc/disc.conf", Ok("/etc/disc.conf")),
        ("file://somewhere/etc/disc.conf", Ok("/etc/disc.conf")),
        ("https://h/disc.conf?sig=x", Ok("https://h/disc.conf?...")),
        ("HTTPS://h", Ok("https://h/")),
        ("http://h/disc.conf?sig=x", Err("\"http://h/disc.conf\" is neither a path nor an https:// URL")),
        ("ftp://h/disc.conf", Err("\"ftp://h/disc.conf\" is neither a path nor an https:// URL")),
        ("https://u:p@h/disc.conf", Err("user and password in a URL are not sent")),
        ("https://h:x/", Err("\"h:x\" is no API server endpoint: the port is no number from 1 to 65535")),
    ];
    for (path, expected) in table {
        let text = file_with_discovery_file(path);
        let by_file = Given { config: Some(&text), ..Given::default() };
        let by_flag = Given { flags: discovery_file(path), ..Given::default() };
        for (given, place) in [(by_file, "discovery.file.kubeConfigPath (line 3)"), (by_flag, "--discovery-file")] {
            let found = given.resolve().map(|resolved| match resolved.configuration.discovery {
                DiscoveryMethod::File(path) => path.display().to_string(),
                DiscoveryMethod::Url { url, .. } => url.to_string(),
                DiscoveryMethod::Token { .. } => panic!("token discovery"),
            });
            match expected {
                Ok(expected) => assert_eq!(found.unwrap(), expected, "{path}"),
                Err(message) => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.ends_with(&format!("{place}: {message}")), "{error}");
                }
            }
        }
    }
}

#[test]
fn any_token_beside_a_discovery_file_is_that_of_the_request() {
    for name in ["--token", "--discovery-token", "--tls-bootstrap-token", "a token file"] {
        let mut flags = discovery_file("/f");
        let token = Some(Secret::new(TOKEN));
        match name {
            "--token" => flags.token = token,
            "--discovery-token" => flags.discovery_token = token,
            "--tls-bootstrap-token" => flags.tls_bootstrap_token = token,
            _ => flags.token_file = Some(TokenFile::Path("/t".into())),
        }
        let token_file = flags.token_file.is_some().then_some(TOKEN);
        let configuration = Given { flags, token_file, ..Given::default() }.resolve().unwrap().configuration;
        assert_eq!(configuration.tls_bootstrap_token.unwrap().id, "abcdef", "{name}");
        assert!(matches!(configuration.discovery, DiscoveryMethod::File(_)));
    }
    let none = Given { flags: discovery_file("/f"), ..Given::default() }.resolve().unwrap().configuration;
    assert!(none.tls_bootstrap_token.is_none(), "the file may hold credentials");
    let text = format!("{}nodeRegistration: {{name: a}}\n", file_with_discovery_file("/f"));
    let beside = Given { config: Some(&text), token_file: Some(TOKEN), ..Given::default() };
    assert_eq!(beside.resolve().unwrap().configuration.tls_bootstrap_token.unwrap().id, "abcdef");
}

#[test]
fn a_discovery_file_and_an_endpoint_are_one_too_many() {
    let mut flags = flags("h:1", TOKEN, "");
    flags.discovery_file = Some("/f".to_owned());
    let error = Given { flags, ..Given::default() }.error();
    assert_eq!(error.to_string(), "the argument of join: a discovery file is given as well");
    // One source says where to join: what another one says of that does not matter.
    let kernel = Some("kubejoin.endpoint=h:1 kubejoin.token=abcdef.0123456789abcdef");
    let given = Given { flags: discovery_file("/f"), kernel, ..Given::default() };
    assert!(matches!(given.resolve().unwrap().configuration.discovery, DiscoveryMethod::File(_)));
    let kernel = Some("kubejoin.discovery-file=/f");
    let configuration = Given { flags: self::flags("h:1", TOKEN, PIN), kernel, ..Given::default() }.resolve().unwrap();
    assert_eq!(endpoint_of(&configuration.configuration), "h:1");
}

#[test]
fn what_a_way_of_discovery_has_no_use_for_is_named() {
    let mut with_pin = discovery_file("/f");
    with_pin.ca_cert_hashes = vec![PIN.to_owned()];
    with_pin.discovery_url_ca_file = Some("/ca".into());
    let warnings = Given { flags: with_pin, ..Given::default() }.resolve().unwrap().warnings;
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "ignored --discovery-token-ca-cert-hash: a discovery file says itself which CA is trusted",
            "ignored --discovery-url-ca-file: no discovery file is fetched from a URL"
        ]
    );
}

#[test]
fn a_ca_file_stands_for_pins_in_every_source() {
    let ca_file = |mut settings: Settings| {
        settings.discovery_ca_file = Some("/ca.crt".into());
        settings
    };
    let by_flag = Given { flags: ca_file(flags("h:1", TOKEN, "")), ..Given::default() };
    let text = FILE.replace(&format!("    caCertHashes: [{PIN}]\n"), "");
    let beside = Given { flags: ca_file(Settings::default()), config: Some(&text), ..Given::default() };
    let kernel =
        Some("kubejoin.endpoint=h:1 kubejoin.token=abcdef.0123456789abcdef kubejoin.discovery-ca-file=/ca.crt");
    for given in [by_flag, beside, Given { kernel, ..Given::default() }] {
        let configuration = given.resolve().unwrap().configuration;
        let DiscoveryMethod::Token { trust: DiscoveryTrust::CaFile(path), .. } = configuration.discovery else {
            panic!("{given:?}")
        };
        assert_eq!(path, Path::new("/ca.crt"));
    }
    let both = Given { flags: ca_file(Settings::default()), config: Some(FILE), ..Given::default() }.error();
    assert_eq!(both.to_string(), "join.yaml: --discovery-ca-file: hashes of CA certificates are given as well");
}

#[test]
fn several_endpoints_are_a_list_in_every_source() {
    let by_flag = Given { flags: flags("a:1,b:2 , a:1", TOKEN, PIN), ..Given::default() };
    let text = FILE.replace("10.0.0.1:6443", "'a:1,b:2'");
    let by_file = Given { config: Some(&text), ..Given::default() };
    for given in [by_flag, by_file] {
        assert_eq!(endpoint_of(&given.resolve().unwrap().configuration), "a:1 b:2");
    }
    let wrong = Given { flags: flags("a:1,b", TOKEN, PIN), ..Given::default() }.error();
    assert_eq!(
        wrong.to_string(),
        "the argument of join: \"b\" is no API server endpoint: the port is missing, usually it is :6443"
    );
    let none = Given { flags: flags(",", TOKEN, PIN), ..Given::default() }.error();
    assert_eq!(none.code().name, "config.incomplete");
}

#[test]
fn another_server_may_stand_beside_a_file() {
    let flags = Settings { server: Some("lb.example:6443".to_owned()), ..Settings::default() };
    let resolved = Given { flags, config: Some(FILE), ..Given::default() }.resolve().unwrap();
    assert_eq!(resolved.extras.server.unwrap().to_string(), "lb.example:6443");
    let flags = Settings { server: Some("https://lb".to_owned()), ..Settings::default() };
    let error = Given { flags, config: Some(FILE), ..Given::default() }.error();
    assert!(error.to_string().starts_with("join.yaml: --server: an API server endpoint is host:port"), "{error}");
}

#[test]
fn a_token_that_yaml_reads_as_a_number_is_explained() {
    let error = from_file(&FILE.replace(TOKEN, "123456.1234567890123456")).unwrap_err();
    let expected = "join.yaml: discovery.bootstrapToken.token (line 5): this is a number, a string is needed";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hint(), "put the value in quotes in the configuration file");
}

#[test]
fn beside_a_file_only_what_kubeadm_allows_may_stand() {
    let mut mixed = flags("", TOKEN, PIN);
    mixed.cri_socket = Some("/x".to_owned());
    let kernel = format!("kubejoin.discovery-token={TOKEN}");
    let error = Given { flags: mixed, config: Some(FILE), kernel: Some(&kernel), ..Given::default() }.error();
    assert_eq!(
        error.to_string(),
        "these cannot stand beside a configuration file: --cri-socket, --discovery-token-ca-cert-hash, --token, \
         kubejoin.discovery-token= of the kernel command line"
    );

    let flags = Settings {
        endpoint: Some("elsewhere:1".to_owned()),
        node_name: Some("Flag".to_owned()),
        dry_run: Some(false),
        ignore_preflight_errors: vec!["Hostname".to_owned()],
        skip_phases: vec!["preflight".to_owned()],
        rootfs: Some("/mnt".into()),
        ..Settings::default()
    };
    let text = file_with(
        "dryRun: true\nskipPhases: [kubelet-start]\nnodeRegistration: {name: file, ignorePreflightErrors: [swap]}\n",
    );
    let resolved = Given { flags, config: Some(&text), ..Given::default() }.resolve().unwrap();
    let configuration = resolved.configuration;
    assert_eq!(endpoint_of(&configuration), "10.0.0.1:6443");
    assert_eq!(configuration.node_registration.name.as_ref().unwrap().as_str(), "flag");
    assert_eq!(configuration.node_registration.ignore_preflight_errors, ["hostname", "swap"]);
    assert_eq!(configuration.skip_phases, ["preflight"]);
    assert!(!configuration.dry_run);
    assert_eq!(resolved.extras.rootfs, Some("/mnt".into()));
    assert_eq!(resolved.warnings, [Warning::EndpointIgnored(Origin::Argument)]);
}

#[test]
fn no_error_and_no_debug_text_repeats_a_secret() {
    let secret = "0123456789abcdef";
    let almost = format!("abcdef.{secret}X");
    let mut wrong = flags("", &almost, PIN);
    wrong.endpoint = Some(TOKEN.to_owned());
    let error = Given { flags: wrong.clone(), ..Given::default() }.error();
    for text in [error.to_string(), format!("{wrong:?}").replace(TOKEN, "")] {
        assert!(!text.contains(secret), "{text}");
    }
    let resolved = from_file(FILE).unwrap();
    assert!(!format!("{resolved:?}").contains(secret));
}

#[test]
fn files_are_found_through_the_kernel_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let token = write("token", &format!("{TOKEN}\n"));
    let config = write("join.yaml", &FILE.replace("    token: abcdef.0123456789abcdef\n", ""));
    let line = format!("kubejoin.config={} kubejoin.token-file={}\n", config.display(), token.display());
    let cmdline = write("cmdline", &line);
    let flags = Settings { kernel_command_line: Some(cmdline), ..Settings::default() };
    assert_eq!(token_of(&load(&flags).unwrap().configuration).id, "abcdef");

    // A flag's token makes the other file unnecessary, even where it is missing.
    let line = format!("kubejoin.endpoint=h:1 kubejoin.ca-cert-hash={PIN} kubejoin.token-file=/nowhere/token");
    let cmdline = Some(write("cmdline", &line));
    let flags = Settings { kernel_command_line: cmdline.clone(), ..Settings::default() };
    assert!(matches!(load(&flags), Err(ConfigError::Read { path, .. }) if path == Path::new("/nowhere/token")));
    let flags = Settings { kernel_command_line: cmdline, token: Some(Secret::new(OTHER)), ..Settings::default() };
    assert_eq!(token_of(&load(&flags).unwrap().configuration).id, "zzzzzz");

    let large = write("large", &"#".repeat(1 << 20 | 1));
    let flags = Settings { config: Some(large), ..Settings::default() };
    assert!(matches!(load(&flags), Err(ConfigError::TooLarge { .. })));
    let binary = directory.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let flags = Settings { config: Some(binary), ..Settings::default() };
    assert!(matches!(load(&flags), Err(ConfigError::NotUnicode { .. })));
}

/// The files of older releases: what is read, and what is said about it.
#[test]
fn files_of_every_release_are_read() {
    let pin = format!("[{PIN}]");
    let nested = |version: &str, discovery: &str, more: &str| {
        format!(
            "apiVersion: kubeadm.k8s.io/{version}\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken: {{token: {TOKEN}, \
             apiServerEndpoint: 'h:1', caCertHashes: {pin}}}\n{discovery}nodeRegistration:\n  name: node\n  criSocket: /s\n  \
             kubeletExtraArgs: {{v: '4'}}\n{more}"
        )
    };
    let flat = |version: &str, kind: &str, registration: &str| {
        format!(
            "apiVersion: kubeadm.k8s.io/{version}\nkind: {kind}\ntoken: {TOKEN}\ndiscoveryTokenAPIServers: ['h:1']\n\
             discoveryTokenCACertHashes: {pin}\ndiscoveryTokenUnsafeSkipCAVerification: false\ndiscoveryFile: \"\"\n\
             discoveryTimeout: 7s\nfeatureGates: {{CoreDNS: true}}\nclusterName: kubernetes\n{registration}"
        )
    };
    let object = "nodeRegistration:\n  name: node\n  criSocket: /s\n  kubeletExtraArgs: {v: '4'}\n";
    let read = |kind: &str, version: &str, last: &str, moved: &str| {
        format!(
            "read {kind} of kubeadm.k8s.io/{version}, which kubeadm knows up to {last}, as JoinConfiguration of \
             kubeadm.k8s.io/v1beta4{moved}; `kubejoin config migrate` writes it so"
        )
    };
    let timeout = ": discovery.timeout (line 5) as timeouts.discovery";
    let flat_moved = ": token (line 3) as discovery.bootstrapToken.token and discovery.tlsBootstrapToken, \
                      discoveryTokenAPIServers (line 4) as discovery.bootstrapToken.apiServerEndpoint, \
                      discoveryTokenCACertHashes (line 5) as discovery.bootstrapToken.caCertHashes, \
                      discoveryTimeout (line 8) as timeouts.discovery";
    let v1alpha1_moved = format!(
        "{flat_moved}, nodeName (line 11) as nodeRegistration.name, criSocket (line 12) as nodeRegistration.criSocket"
    );
    let seven = "  timeout: 7s\n";
    let none: &[&str] = &[];
    let old = &[
        "ignored clusterName (line 10): the cluster knows it today",
        "ignored featureGates (line 9): the cluster knows it today",
    ];
    let table = [
        (
            nested("v1beta3", seven, "skipPhases: [preflight]\n"),
            read("JoinConfiguration", "v1beta3", "v1.36", timeout),
            none,
        ),
        (nested("v1beta2", seven, ""), read("JoinConfiguration", "v1beta2", "v1.26", timeout), none),
        (nested("v1beta1", seven, ""), read("JoinConfiguration", "v1beta1", "v1.21", timeout), none),
        (
            flat(
                "v1alpha3",
                "JoinConfiguration",
                &format!("{object}controlPlane: false\napiEndpoint: {{bindPort: 6443}}\n"),
            ),
            read("JoinConfiguration", "v1alpha3", "v1.14", flat_moved),
            old,
        ),
        (
            flat("v1alpha2", "NodeConfiguration", object),
            read("NodeConfiguration", "v1alpha2", "v1.12", flat_moved),
            old,
        ),
        (
            flat("v1alpha1", "NodeConfiguration", "nodeName: node\ncriSocket: /s\n"),
            read("NodeConfiguration", "v1alpha1", "v1.11", &v1alpha1_moved),
            old,
        ),
    ];
    for (text, said, more) in table {
        let resolved = from_file(&text).unwrap();
        let configuration = &resolved.configuration;
        let node = &configuration.node_registration;
        assert_eq!(
            (token_of(configuration).id.as_str(), endpoint_of(configuration).as_str()),
            ("abcdef", "h:1"),
            "{text}"
        );
        assert_eq!(configuration.tls_bootstrap_token.as_ref().unwrap().id, "abcdef");
        assert!(
            matches!(&configuration.discovery, DiscoveryMethod::Token { trust: DiscoveryTrust::Pins(pins), .. } if pins.len() == 1)
        );
        assert_eq!(configuration.timeouts, Timeouts { discovery: Duration::from_secs(7), ..Timeouts::default() });
        assert_eq!((node.name.as_ref().unwrap().as_str(), node.cri_socket.as_deref()), ("node", Some("unix:///s")));
        assert_eq!(node.kubelet_extra_args.len(), usize::from(!text.contains("v1alpha1")));
        let mut warnings: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
        warnings.retain(|warning| !warning.contains("put unix://"));
        assert_eq!(warnings.remove(0), said);
        warnings.sort();
        assert_eq!(warnings, more, "{text}");
    }
}

#[test]
fn a_version_has_no_fields_of_later_ones() {
    let text = |version: &str| {
        FILE.replace("v1beta4", version)
            + "dryRun: true\ntimeouts: {discovery: 1s}\nskipPhases: [nope]\npatches: {directory: /p}\nnodeRegistration:\n  \
               ignorePreflightErrors: [all, x]\n  imagePullPolicy: Sometimes\n  imagePullSerial: 1\n"
    };
    let resolved = from_file(&text("v1beta1")).unwrap();
    let unknown = resolved.warnings.iter().filter(|warning| matches!(warning, Warning::UnknownField(_))).count();
    assert_eq!(unknown, 7);
    let configuration = resolved.configuration;
    assert!(
        !configuration.dry_run && configuration.skip_phases.is_empty() && configuration.patches_directory.is_none()
    );
    assert!(configuration.node_registration.ignore_preflight_errors.is_empty());
    assert_eq!(configuration.timeouts, Timeouts::default());
    assert!(from_file(&text("v1beta2")).unwrap_err().to_string().contains("`all`"));
}

#[test]
fn old_tokens_files_and_endpoints_fall_back_as_they_did() {
    let head = "apiVersion: kubeadm.k8s.io/v1alpha2\nkind: NodeConfiguration\n";
    let pin = format!("discoveryTokenCACertHashes: [{PIN}]\n");
    let text =
        format!("{head}{pin}token: {OTHER}\ndiscoveryToken: {TOKEN}\ndiscoveryTokenAPIServers: ['h:1', 'h:2']\n");
    let resolved = from_file(&text).unwrap();
    assert_eq!(token_of(&resolved.configuration).id, "abcdef");
    assert_eq!(resolved.configuration.tls_bootstrap_token.unwrap().id, "zzzzzz");
    assert_eq!(endpoint_of(&from_file(&text).unwrap().configuration), "h:1 h:2");
    let migrated = migrate::migrate(Path::new("old.yaml"), &text, migrate::Allow::default()).unwrap();
    let further = "discoveryTokenAPIServers[1] (line 6): of several API servers only the first is written, kubeadm has room for one";
    assert!(migrated.warnings.iter().any(|warning| warning.to_string() == further));
    let written = migrated.to_yaml(&"n".parse().unwrap(), "unix:///s");
    assert!(written.contains("apiServerEndpoint: h:1\n"), "{}", *written);

    let both = format!("{head}discoveryFile: /f\ntoken: {TOKEN}\ndiscoveryToken: {TOKEN}\n");
    assert!(
        from_file(&both)
            .unwrap_err()
            .to_string()
            .contains("discoveryToken (line 5): a discovery file is given as well")
    );

    let dockershim = format!("{text}nodeRegistration: {{criSocket: /var/run/dockershim.sock}}\n");
    let resolved = from_file(&dockershim).unwrap();
    assert_eq!(resolved.configuration.node_registration.cri_socket, None);
    assert!(resolved.warnings.iter().any(|warning| matches!(warning, Warning::Dockershim(_))));
}

#[test]
fn arguments_of_the_kubelet_are_read_in_both_forms() {
    let map = "nodeRegistration:\n  kubeletExtraArgs:\n    v: '4'\n    node-ip: 10.0.0.2\n";
    let list =
        "nodeRegistration:\n  kubeletExtraArgs:\n  - {name: node-ip, value: 10.0.0.2}\n  - {name: v, value: '4'}\n";
    let table = [
        ("v1beta4", map, Some("a list of `{name: NAME, value: VALUE}`")),
        ("v1beta4", list, None),
        ("v1", map, Some("a list of `{name: NAME, value: VALUE}`")),
        ("v1", list, None),
        ("v1beta3", map, None),
        ("v1beta3", list, Some("a mapping of names to values")),
        ("v1beta1", list, Some("a mapping of names to values")),
    ];
    for (version, args, wanted) in table {
        let resolved = from_file(&file_with(args).replace("v1beta4", version)).unwrap();
        let found: Vec<_> = resolved.configuration.node_registration.kubelet_extra_args;
        assert_eq!(found, [("node-ip".to_owned(), "10.0.0.2".to_owned()), ("v".to_owned(), "4".to_owned())]);
        let said: Vec<_> = resolved.warnings.iter().filter(|w| matches!(w, Warning::ExtraArgsForm(..))).collect();
        assert_eq!(said.len(), usize::from(wanted.is_some()), "{version} {args}");
        assert!(wanted.is_none_or(|wanted| said[0].to_string().ends_with(wanted)));
    }
}

#[test]
fn the_experimental_v1_is_read_where_it_is_v1beta4() {
    let v1 = FILE.replace("v1beta4", "v1");
    assert_eq!(from_file(&v1).unwrap().warnings, [Warning::ExperimentalVersion("kubeadm.k8s.io/v1".to_owned())]);
    let merge = |method: &str| {
        format!("{v1}nodeRegistration: {{kubeletExtraArgs: [{{name: a, value: b, mergeMethod: {method}}}]}}\n")
    };
    assert_eq!(from_file(&merge("''")).unwrap().warnings.len(), 1);
    let error = from_file(&merge("append")).unwrap_err().to_string();
    assert!(error.contains("kubeletExtraArgs[0].mergeMethod (line 8): only the experimental v1"), "{error}");
}

#[test]
fn what_a_join_warns_of_fails_validation() {
    let validate = |text: &str, allow| migrate::validate(Path::new("join.yaml"), text, allow);
    let nothing = migrate::Allow::default();
    assert_eq!(validate(FILE, nothing).unwrap(), []);
    // What a join cannot do yet is valid all the same.
    assert_eq!(validate(&file_with("controlPlane: {}\npatches: {directory: /p}\n"), nothing).unwrap(), []);

    let table = [
        (file_with("nope: 1\n"), "join.yaml: there is no field nope (line 8)"),
        (file_with("caCertPath: /a.crt\ncaCertPath: /a.crt\n"), "join.yaml: caCertPath (line 9) is given twice"),
        (
            file_with("nodeRegistration: {kubeletExtraArgs: {v: '4'}}\n"),
            "join.yaml: nodeRegistration.kubeletExtraArgs (line 8): a list of `{name: NAME, value: VALUE}` is needed in this version",
        ),
        (
            file_with("---\napiVersion: apps/v1\nkind: Deployment\n"),
            "join.yaml: kubeadm does not know \"apps/v1\" \"Deployment\", the document at line 8",
        ),
        (FILE.replace("v1beta4", "v1"), "join.yaml: kubeadm.k8s.io/v1 is experimental"),
        (
            file_with(
                "controlPlane: {localAPIEndpoint: {advertiseAddress: h, bindPort: 70000}, certificateKey: abc}\n",
            ),
            "join.yaml: 3 values are wrong or missing: controlPlane.localAPIEndpoint.advertiseAddress (line 8): \"h\" is no IP \
             address; controlPlane.localAPIEndpoint.bindPort (line 8): 70000 is no port; controlPlane.certificateKey (line 8): a \
             certificate key has 64 hexadecimal digits",
        ),
        (
            FILE.replace("bootstrapToken:", "file: {kubeConfigPath: 'http://h/f'}").replace("    ", "# "),
            "join.yaml: discovery.file.kubeConfigPath (line 4): \"http://h/f\" is neither a path nor an https:// URL",
        ),
    ];
    for (text, message) in table {
        assert_eq!(validate(&text, nothing).unwrap_err().to_string(), message, "{text}");
    }

    let old = FILE.replace("v1beta4", "v1beta3");
    assert!(matches!(validate(&old, nothing).unwrap()[..], [Warning::OldVersion { .. }]));
    assert_eq!(validate(&old, migrate::Allow { deprecated: true, ..nothing }).unwrap(), []);
    let experimental = migrate::Allow { experimental: true, ..nothing };
    assert!(validate(&FILE.replace("v1beta4", "v1"), experimental).is_ok());
    // The documents of components are kubeadm's affair.
    let components = file_with("---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n");
    assert!(matches!(validate(&components, nothing).unwrap()[..], [Warning::IgnoredDocument { .. }]));
}

#[test]
fn flags_of_older_releases_are_named_and_obeyed() {
    let mut flags = flags("h:1", TOKEN, PIN);
    flags.skip_preflight_checks = true;
    flags.ignore_preflight_errors = vec!["Swap".to_owned()];
    flags.retired = vec![settings::RetiredFlag { flag: "--skip-preflight-checks", instead: "read as x" }];
    let resolved = Given { flags, ..Given::default() }.resolve().unwrap();
    assert_eq!(resolved.configuration.node_registration.ignore_preflight_errors, ["all"]);
    let said = "--skip-preflight-checks is a flag of older kubeadm releases, read as x";
    assert_eq!(resolved.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
}
