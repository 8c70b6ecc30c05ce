//! The fields of a configuration file.

use super::*;

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
    assert_eq!(resolved.warnings.len(), 1, "{:?}", resolved.warnings);
    assert_eq!(
        resolved.warnings[0].to_string(),
        "nodeRegistration.criSocket (line 11): accepted as a path, unix:// was put before it"
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
            "ignored the document at line 2, \"kubelet.config.k8s.io/v1beta1\" \"KubeletConfiguration\": --patches changes what \
             the cluster says for this node, --kubelet-config replaces it",
            "caCertPath (line 16) is given twice, the last one counts",
            "ignored the unknown field NodeRegistration (line 13), perhaps nodeRegistration was meant",
            "ignored the unknown field nodeRegistration.nmae (line 14), perhaps name was meant",
        ]
    );
}

#[test]
fn a_file_that_is_no_configuration_is_refused() {
    let table = [
        ("", "join.yaml has no JoinConfiguration", "config.unreadable"),
        ("a: [", "join.yaml: line ", "config.unreadable"),
        ("kind: JoinConfiguration\n", "join.yaml: the document at line 1 has no apiVersion", "config.unreadable"),
        ("apiVersion: a/v1\n", "join.yaml: the document at line 1 has no kind", "config.unreadable"),
        (
            "apiVersion: v1\nkind: Pod\n",
            "join.yaml: the document at line 1 is \"Pod\" of \"v1\", not of kubeadm",
            "config.unreadable",
        ),
        ("apiVersion: a/v1\nkind: B\n", "join.yaml has no JoinConfiguration, only B", "config.unreadable"),
        (
            "apiVersion: a/v1\nkind: B\n---\napiVersion: a/v2\nkind: B\n",
            "join.yaml: line 3: kind \"B\" is there twice",
            "config.unreadable",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v2\nkind: JoinConfiguration\n",
            "join.yaml: unknown kind \"JoinConfiguration\" of \"kubeadm.k8s.io/v2\"",
            "config.version",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: NodeConfiguration\n",
            "join.yaml: unknown kind \"NodeConfiguration\" of \"kubeadm.k8s.io/v1beta4\"",
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
        ("timeouts: {discovery: 5 min}\n", "timeouts.discovery (line 8): invalid duration \"5 min\": the units are"),
        ("caCertPath: ca.crt\n", "caCertPath (line 8): invalid path \"ca.crt\": it is absolute and ends in .crt"),
        ("caCertPath: /ca.pem\n", "caCertPath (line 8): invalid path \"/ca.pem\": it is absolute and ends in .crt"),
        (
            "nodeRegistration: {kubeletExtraArgs: [{value: x}]}\n",
            "nodeRegistration.kubeletExtraArgs[0].value (line 8): this flag for the kubelet has no name",
        ),
        (
            "nodeRegistration: {taints: [{key: a, effect: Never}]}\n",
            "nodeRegistration.taints[0] (line 8): the effect of a taint is NoSchedule, PreferNoSchedule or NoExecute",
        ),
        (
            "nodeRegistration: {imagePullPolicy: Sometimes}\n",
            "nodeRegistration.imagePullPolicy (line 8): a pull policy is",
        ),
        ("nodeRegistration: {ignorePreflightErrors: [all, Swap]}\n", "`all` stands among the ignored preflight errors"),
        (
            "nodeRegistration: {criSocket: 'tcp://10.0.0.1:1'}\n",
            "nodeRegistration.criSocket (line 8): invalid socket \"tcp://10.0.0.1:1\": it is an absolute path",
        ),
        ("patches: {directory: 5}\n", "patches.directory (line 8): this is a number, a string is needed"),
        (
            "controlPlane: {localAPIEndpoint: {bindPort: '1'}}\n",
            "controlPlane.localAPIEndpoint.bindPort (line 8): this is a string, a whole number is needed",
        ),
        ("  file: {kubeConfigPath: /f}\n", "discovery.bootstrapToken (line 4): a discovery file is given as well"),
    ];
    for (more, message) in table {
        let error = from_file(&file_with(more)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("join.yaml: {message}")), "{error}");
    }
}

#[test]
fn a_token_that_yaml_reads_as_a_number_is_explained() {
    let error = from_file(&FILE.replace(TOKEN, "123456.1234567890123456")).unwrap_err();
    let expected = "join.yaml: discovery.bootstrapToken.token (line 5): this is a number, a string is needed";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hint(), "put the value in quotes in the configuration file");
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
fn what_a_join_warns_of_fails_validation() {
    let validate = |text: &str, allow| migrate::validate(Path::new("join.yaml"), text, allow);
    let nothing = migrate::Allow::default();
    assert_eq!(validate(FILE, nothing).unwrap(), []);
    // What a join cannot do yet is valid all the same.
    assert_eq!(validate(&file_with("controlPlane: {}\npatches: {directory: /p}\n"), nothing).unwrap(), []);

    let table = [
        (file_with("nope: 1\n"), "join.yaml: unknown field nope (line 8)"),
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
            "join.yaml: 3 values are wrong or missing: controlPlane.localAPIEndpoint.advertiseAddress (line 8): invalid IP \
             address \"h\"; controlPlane.localAPIEndpoint.bindPort (line 8): invalid port 70000: it is a number from 0 to \
             65535; controlPlane.certificateKey (line 8): a \
             certificate key has 64 hexadecimal digits",
        ),
        (
            FILE.replace("bootstrapToken:", "file: {kubeConfigPath: 'http://h/f'}").replace("    ", "# "),
            "join.yaml: discovery.file.kubeConfigPath (line 4): \"http://h/f\" is neither a path nor an https:// URL",
        ),
    ];
    for (text, message) in table {
        assert_eq!(validate(&text, nothing).unwrap_err().error.to_string(), message, "{text}");
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
fn a_name_made_of_facts_is_valid_and_stays_in_braces() {
    for name in ["Edge-{serial}", "'{mac}'"] {
        let text = file_with(&format!("nodeRegistration: \n  name: {name}\n"));
        assert_eq!(migrate::validate(Path::new("join.yaml"), &text, migrate::Allow::default()).unwrap(), []);
        let migrated = migrate::migrate(Path::new("join.yaml"), &text, migrate::Allow::default()).unwrap();
        let written = migrated.to_yaml(migrated.node_name.as_ref().unwrap().as_str(), "unix:///s");
        assert!(written.contains(&format!("  name: {}\n", name.to_lowercase())), "{}", *written);
        let again = from_file(&written).unwrap().configuration.node_registration.name;
        assert_eq!(again, migrated.node_name);
    }
    let text = file_with("nodeRegistration: {name: 'edge-{seriel}'}\n");
    let error = from_file(&text).unwrap_err();
    assert!(error.to_string().contains("what may stand in braces is {serial}"), "{error}");
    assert!(from_file(&file_with("nodeRegistration: {name: {serial}}\n")).unwrap_err().hint().contains("in quotes"));
}
