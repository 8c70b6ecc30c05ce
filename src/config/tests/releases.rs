//! Files of older releases, and of one to come.

use super::*;

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
        warnings.retain(|warning| !warning.contains("unix:// was put"));
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
    let unknown = resolved.warnings.iter().filter(|warning| matches!(warning, Warning::UnknownField(..))).count();
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
    let written = migrated.to_yaml("n", "unix:///s");
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
