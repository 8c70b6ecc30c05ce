//! Inputs as people write them: copied from web pages, left by templates, meant for another release or another file.

use super::*;

/// The one error of a file with these lines in it.
fn error_of(more: &str) -> String {
    from_file(&file_with(more)).unwrap_err().to_string().replace("join.yaml: ", "")
}

/// What is said about a file with these lines in it that can be used.
fn warnings_of(more: &str) -> Vec<String> {
    texts(&from_file(&file_with(more)).unwrap().warnings)
}

fn kubelet_flag(name: &str, value: &str) -> String {
    format!("nodeRegistration: {{kubeletExtraArgs: [{{name: '{name}', value: '{value}'}}]}}\n")
}

#[test]
fn a_socket_is_a_url_with_one_slash_or_three() {
    for socket in ["unix:/run/x.sock", "unix:///run/x.sock"] {
        let resolved = from_file(&file_with(&format!("nodeRegistration: {{criSocket: '{socket}'}}\n"))).unwrap();
        let found = resolved.configuration.node_registration.cri_socket;
        assert_eq!((found.as_deref(), resolved.warnings), (Some("unix:///run/x.sock"), vec![]), "{socket}");
    }
    for socket in ["unix:run/x.sock", "unix://run/x.sock", "unix:", "tcp:/run/x.sock"] {
        assert!(
            error_of(&format!("nodeRegistration: {{criSocket: '{socket}'}}\n")).contains("invalid socket"),
            "{socket}"
        );
    }
}

/// Its default up to kubeadm 1.23: onto a root that does not run, nobody would have noticed before the first boot.
#[test]
fn dockershim_is_ignored_in_every_source() {
    let sockets = ["/var/run/dockershim.sock", "unix:///var/run/dockershim.sock", "unix:///run/dockershim.sock"];
    for version in ["v1beta4", "v1beta3", "v1beta1"] {
        for socket in sockets {
            let text = file_with(&format!("nodeRegistration: {{criSocket: {socket}}}\n")).replace("v1beta4", version);
            let resolved = from_file(&text).unwrap();
            assert_eq!(resolved.configuration.node_registration.cri_socket, None);
            assert!(resolved.warnings.iter().any(|warning| matches!(warning, Warning::Dockershim(_))), "{text}");
        }
    }
    let flags = [("", "h:1"), ("token", TOKEN), ("discovery-token-ca-cert-hash", PIN), ("cri-socket", sockets[0])];
    assert_eq!(by_flags(&flags).resolve().warnings, [Warning::Dockershim(Origin::Flag("cri-socket"))]);
}

#[test]
fn docker_s_own_socket_is_refused() {
    let error = error_of("nodeRegistration: {criSocket: /var/run/docker.sock}\n");
    assert!(error.contains("which no kubelet speaks; that of cri-dockerd is /run/cri-dockerd.sock"), "{error}");
    assert_eq!(warnings_of("nodeRegistration: {criSocket: 'unix:///run/cri-dockerd.sock'}\n"), [""; 0]);
}

/// The next step fits the value: who follows it must not meet the next error.
#[test]
fn a_value_of_another_type_has_its_own_next_step() {
    let table = [
        (FILE.replace(TOKEN, "123456.1234567890123456"), "put the value in quotes in the configuration file"),
        (file_with("dryRun: 'true'\n"), "write the value without quotes in the configuration file"),
        (FILE.replace(&format!("[{PIN}]"), PIN), "write it as a list, one item a line behind `- `"),
        (FILE.replace("[sha256:", "[sha256: "), "put the value in quotes, or write it without a space after its colon"),
        (
            file_with("nodeRegistration: name\n"),
            "write fields below it, one a line and indented, each with a space after its",
        ),
    ];
    for (text, hint) in table {
        let found = from_file(&text).unwrap_err().hint();
        assert!(found.starts_with(hint), "{found}");
    }
}

#[test]
fn another_file_than_kubeadm_s_is_named() {
    let kubeconfig = from_file("apiVersion: v1\nkind: Config\nclusters: []\n").unwrap_err();
    assert_eq!(kubeconfig.to_string(), "join.yaml: the document at line 1 is \"Config\" of \"v1\", not of kubeadm");
    assert_eq!(kubeconfig.hint(), "pass a kubeconfig with --discovery-file");
    let home = load(&typed(&[("config", "~/join.yaml")])).unwrap_err().error;
    assert!(home.hint().starts_with("write the path without `~`"), "{}", home.hint());
}

#[test]
fn a_label_that_a_kubelet_may_not_set_is_a_warning() {
    let of = "nodeRegistration.kubeletExtraArgs[0].value (line 8): kubelets from 1.16 up to at least 1.37 do not start";
    for key in
        ["node-role.kubernetes.io/worker", "kubernetes.io/role", "x.k8s.io/y", "node-restriction.kubernetes.io/a"]
    {
        let found = warnings_of(&kubelet_flag("node-labels", &format!("pool=a,{key}=")));
        assert!(found[0].starts_with(of) && found[0].contains(key), "{found:?}");
    }
    let allowed = "topology.kubernetes.io/zone=a,node.kubernetes.io/x=1,a.node.kubernetes.io/y=,kubernetes.io/os=linux,\
                   example.com/z=,notkubernetes.io/x=, plain=";
    let allowed = allowed.replace(' ', "");
    assert_eq!(warnings_of(&kubelet_flag("node-labels", &allowed)), [""; 0]);
}

#[test]
fn a_flag_that_kills_every_kubelet_is_refused() {
    let at = "nodeRegistration.kubeletExtraArgs[0].value (line 8)";
    let table = [
        (
            "node-labels",
            "a=b c=d",
            "the value of --node-labels has white space in it, at which it is cut when the kubelet is",
        ),
        ("eviction-hard", "a<1%, b<2%", "the value of --eviction-hard has white space in it"),
        ("--node-labels", "a=b", "flags for the kubelet are named without dashes, write \"node-labels\""),
        ("node labels", "a=b", "invalid name \"node labels\" of a flag for the kubelet"),
        ("node-labels", "a={{ x }}", "the value of --node-labels has white space in it"),
        ("node-labels", "a={{x}}", "invalid label \"a={{x}}\" of node-labels: it looks like a template"),
        ("node-labels", "a=b/c", "invalid label \"a=b/c\" of node-labels: it consists of letters"),
        (
            "node-labels",
            "a=\u{201c}b\u{201d}",
            "invalid label \"a=\u{201c}b\u{201d}\" of node-labels: it begins with a typo",
        ),
        ("register-with-taints", "gpu", "the effect of a taint is NoSchedule, PreferNoSchedule or NoExecute, not \"\""),
        ("register-with-taints", "a b=c:NoSchedule", "the value of --register-with-taints has white space in it"),
    ];
    for (name, value, message) in table {
        let error = error_of(&kubelet_flag(name, value));
        assert!(error.starts_with(&format!("{at}: {message}")), "{error}");
    }
    // What the kubelet reads is not touched, and what is quoted stays together.
    for (name, value) in [
        ("provider-id", "aws:///eu-central-1a/i-0a1b"),
        ("eviction-hard", "nodefs.available<0%,imagefs.available<5%"),
        ("node-labels", ""),
        ("register-with-taints", "a=b:NoSchedule,c:NoExecute"),
        ("v", "4 "),
        ("node-ip", "192.0.2.2,fd00::3"),
        ("cloud-provider", "external"),
        ("tls-cipher-suites", "\"A B\""),
    ] {
        assert_eq!(warnings_of(&kubelet_flag(name, value)), [""; 0], "{name}={value}");
    }
}

#[test]
fn a_flag_that_depends_on_the_kubelet_s_release_is_a_warning() {
    let table = [
        ("network-plugin", "cni", "kubelets of 1.24 and newer have no flag --network-plugin, and do not start with it"),
        ("container-runtime", "remote", "kubelets of 1.27 and newer have no flag --container-runtime,"),
        ("pod-infra-container-image", "pause", "kubelets of 1.35 and newer have no flag --pod-infra-container-image,"),
        ("logtostderr", "true", "kubelets of 1.26 and newer have no flag --logtostderr,"),
        ("allow-privileged", "true", "kubelets of 1.15 and newer have no flag --allow-privileged,"),
        ("cloud-provider", "aws", "kubelets of 1.29 and newer have no cloud providers,"),
        ("provider-id", "${ID}", "the value of --provider-id looks like a template that has not been filled in"),
    ];
    for (name, value, message) in table {
        let found = warnings_of(&kubelet_flag(name, value));
        let expected = format!("nodeRegistration.kubeletExtraArgs[0].value (line 8): {message}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
    }
}

#[test]
fn a_taint_that_kills_every_kubelet_is_refused() {
    let table = [
        ("{effect: NoSchedule}", "invalid key \"\" of a taint: it is empty"),
        ("{key: 'gpu:NoSchedule', effect: NoSchedule}", "invalid key \"gpu:NoSchedule\" of a taint: it consists of"),
        ("{key: a, value: 'b c', effect: NoSchedule}", "invalid value \"b c\" of a taint: it consists of"),
        (
            "{key: a, effect: NoSchedul}",
            "the effect of a taint is NoSchedule, PreferNoSchedule or NoExecute, not \"NoSchedul\"",
        ),
    ];
    for (taint, message) in table {
        let error = error_of(&format!("nodeRegistration: {{taints: [{{key: ok, effect: NoExecute}}, {taint}]}}\n"));
        assert!(error.starts_with(&format!("nodeRegistration.taints[1] (line 8): {message}")), "{error}");
    }
}

/// The field or document that was ignored is the cause of what is missing.
#[test]
fn warnings_come_with_the_error_that_they_explain() {
    let head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n";
    let refused = |text: &str| Given { config: Some(text), ..Given::default() }.try_resolve().unwrap_err();
    let misplaced = refused(&format!("{head}bootstrapTokens: [{{token: {TOKEN}}}]\n"));
    assert_eq!(texts(&misplaced.warnings), ["ignored the unknown field bootstrapTokens (line 3)"]);
    assert_eq!(misplaced.error.code().name, "config.incomplete");

    let of_init = refused(&format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n---\n{}",
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
    ));
    assert_eq!(
        of_init.error.to_string(),
        "join.yaml has no JoinConfiguration, only InitConfiguration, ClusterConfiguration"
    );
    assert!(of_init.error.hint().contains("config print join-defaults"), "{}", of_init.error.hint());
    assert_eq!(of_init.warnings.len(), 2);

    let flags = [("", "h:1"), ("token", ""), ("node-name", ""), ("discovery-token-ca-cert-hash", PIN)];
    let empty = by_flags(&flags).try_resolve().unwrap_err();
    assert_eq!(
        texts(&empty.warnings),
        [
            "ignored --token: its value is empty; perhaps a variable is not set",
            "ignored --node-name: its value is empty; perhaps a variable is not set"
        ]
    );
}

/// Flags of the cluster are refused beside a file, so that its user must not be sent to them.
#[test]
fn the_user_of_a_file_is_told_its_fields() {
    let without = |line: &str| {
        let text = FILE.lines().filter(|found| !found.contains(line)).collect::<Vec<_>>().join("\n");
        from_file(&text).unwrap_err().hint()
    };
    for (line, field) in [
        ("caCertHashes", "caCertHashes"),
        ("    token:", "discovery.bootstrapToken.token"),
        ("apiServerEndpoint", "apiServerEndpoint"),
    ] {
        let hint = without(line);
        assert!(hint.contains(field) && !hint.contains("--discovery-token"), "{hint}");
    }
    let nothing = from_file("apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n").unwrap_err();
    assert!(nothing.hint().starts_with("add discovery.bootstrapToken with apiServerEndpoint, token and caCertHashes"));

    let flags = [("", "h:1"), ("token", TOKEN), ("discovery-token-ca-cert-hash", PIN)];
    let mixed = Given { config: Some(FILE), ..by_flags(&flags) }.error();
    assert_eq!(
        mixed.hint(),
        "write discovery.bootstrapToken.caCertHashes, discovery.bootstrapToken.token, discovery.tlsBootstrapToken into the \
         configuration file, or leave the file out"
    );
}

#[test]
fn yaml_that_is_none_is_explained_by_what_was_meant() {
    let table = [
        (
            FILE.replace("10.0.0.1:6443", "[2001:db8::10]:6443"),
            "line 6: an address in brackets needs quotes, as in \"[fd00::1]:6443\"",
        ),
        (
            file_with("nodeRegistration:\n  name: {{ ds.local_hostname }}\n"),
            "line 9: a template has not been filled in; what begins with `{` needs quotes",
        ),
        (FILE.replace("token: abc", "token:abc"), "line 5: a space is missing after the colon"),
        (FILE.replace("    token", "\ttoken"), "line 5: a tab (U+0009) stands before the field, where spaces belong"),
    ];
    for (text, message) in table {
        let error = from_file(&text).unwrap_err();
        assert_eq!(error.to_string(), format!("join.yaml: {message}"), "{text}");
        assert!(!error.to_string().contains("0123456789abcdef"));
    }
    let utf16: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [&[0xff, 0xfe][..], &utf16].concat()).unwrap();
    let error = load(&typed(&[("config", file.path().to_str().unwrap())])).unwrap_err().error;
    assert!(error.to_string().ends_with(" is UTF-16, not UTF-8"), "{error}");
}

/// Copied from a web page, the line looks right and is a field of another name.
#[test]
fn a_field_with_a_no_break_space_is_named_with_it() {
    let text = file_with("nodeRegistration:\n\u{a0}\u{a0}name: worker-1\n");
    let expected = "unknown field \"\\u{a0}\\u{a0}name\" (line 9): its name begins with a no-break space (U+00A0)";
    assert_eq!(texts(&from_file(&text).unwrap().warnings), [format!("ignored the {expected}")]);
    let refused = migrate::validate(Path::new("join.yaml"), &text, migrate::Allow::default()).unwrap_err();
    assert_eq!(refused.error.to_string(), format!("join.yaml: {expected}"));
}

#[test]
fn values_of_a_file_are_explained_as_those_of_flags() {
    let token = |token: &str| from_file(&FILE.replace(TOKEN, token)).unwrap_err().to_string();
    assert!(token("|\n      abcdef.0123456789abcdef").ends_with("the bootstrap token ends with a line break (U+000A)"));
    assert!(token("\"'abcdef.0123456789abcdef'\"").ends_with("token begins with a single quotation mark (U+0027)"));
    assert!(
        token("\"{{ token }}\"").ends_with("the bootstrap token looks like a template that has not been filled in")
    );
    assert_eq!(
        error_of("timeouts: {discovery: 300}\n"),
        "timeouts.discovery (line 8): invalid duration \"300\": the unit is missing, as in 300s"
    );
    assert_eq!(
        error_of("nodeRegistration: {name: CI_MISSING_JINJA_VAR/local_hostname}\n"),
        "nodeRegistration.name (line 8): invalid node name \"CI_MISSING_JINJA_VAR/local_hostname\": it consists of a-z, 0-9, \
         `-` and `.`, and has `_`; it looks like a template that has not been filled in"
    );
    let endpoint = from_file(&FILE.replace("10.0.0.1:6443", "<control-plane>:6443")).unwrap_err().to_string();
    assert!(
        endpoint.ends_with("nor an IP address; it looks like a template that has not been filled in"),
        "{endpoint}"
    );
}

/// `--token $TOKEN 10.0.0.1:6443` with TOKEN not set.
#[test]
fn an_endpoint_in_the_place_of_a_token_is_recognized() {
    let error = by_flags(&[("token", "10.0.0.1:6443"), ("discovery-token-ca-cert-hash", PIN)]).error().to_string();
    assert!(error.contains("an API server endpoint stands in the place of the bootstrap token"), "{error}");
}
