//! Which source wins, and what is said where none does.

use super::*;

#[test]
fn the_printed_join_command_is_enough() {
    let flags = [("", "10.0.0.1:6443"), ("token", TOKEN), ("discovery-token-ca-cert-hash", PIN)];
    let resolved = by_flags(&flags).resolve();
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
fn everything_that_is_wrong_is_reported_at_once() {
    let flags = [
        ("", "https://10.0.0.1:6443"),
        ("token", "abcdef"),
        ("discovery-token-ca-cert-hash", "sha256:00"),
        ("node-name", "my node"),
        ("skip-phases", "addons"),
    ];
    let error = by_flags(&flags).error();
    assert_eq!(
        error.to_string(),
        "5 values are wrong or missing: the argument of join: an API server endpoint is host:port without a scheme, \
         write \"10.0.0.1:6443\"; --token: a bootstrap token has a dot after its first 6 characters, this one has none; \
         --discovery-token-ca-cert-hash: a CA certificate hash has 64 hexadecimal digits, this one has 2; --skip-phases: \
         unknown phase \"addons\"; --node-name: invalid node name \"my node\": it consists of a-z, 0-9, `-` and `.`, and \
         has a space"
    );
    assert_eq!(error.code().name, "config.invalid");
}

#[test]
fn what_is_missing_is_named_with_its_own_code() {
    let [endpoint, token, pin] = [("", "h:1"), ("token", TOKEN), ("discovery-token-ca-cert-hash", PIN)];
    let table: [(&[(&str, &str)], &str); 4] = [
        (
            &[],
            "3 values are wrong or missing: no API server endpoint is given; no bootstrap token is given; \
             no hash of the cluster's CA certificate is given",
        ),
        (&[token, pin], "no API server endpoint is given"),
        (&[endpoint, pin], "no bootstrap token is given"),
        (&[endpoint, token], "no hash of the cluster's CA certificate is given"),
    ];
    for (flags, message) in table {
        let error = by_flags(flags).error();
        assert_eq!((error.to_string().as_str(), error.code().name), (message, "config.incomplete"));
    }
}

#[test]
fn tokens_fall_back_as_in_kubeadm() {
    let [token, other] = [("token", TOKEN), ("token", OTHER)];
    let [discovery, tls] = [("discovery-token", TOKEN), ("tls-bootstrap-token", OTHER)];
    // What is given; then the ids in use for discovery and for TLS bootstrap.
    let table: [(&[(&str, &str)], &str, &str); 5] = [
        (&[token], "abcdef", "abcdef"),
        (&[discovery], "abcdef", "abcdef"),
        (&[discovery, tls], "abcdef", "zzzzzz"),
        (&[token, tls], "abcdef", "zzzzzz"),
        // kubeadm has copied the discovery token by the time it looks at --token.
        (&[other, discovery], "abcdef", "abcdef"),
    ];
    for (tokens, discovery_id, tls_id) in table {
        let flags = [tokens, &[("", "h:1"), ("discovery-token-ca-cert-hash", PIN)]].concat();
        let configuration = by_flags(&flags).resolve().configuration;
        let ids = (&*token_of(&configuration).id, &*configuration.tls_bootstrap_token.as_ref().unwrap().id);
        assert_eq!(ids, (discovery_id, tls_id));
    }
}

#[test]
fn pins_are_checked_although_skipping_them_is_asked_for() {
    let skip = [("", "h:1"), ("token", TOKEN), ("discovery-token-unsafe-skip-ca-verification", "true")];
    let both = [&skip[..], &[("discovery-token-ca-cert-hash", PIN)]].concat();
    let resolved = by_flags(&both).resolve();
    assert!(matches!(resolved.configuration.discovery, DiscoveryMethod::Token { trust: DiscoveryTrust::Pins(_), .. }));
    assert_eq!(resolved.warnings, [Warning::UnsafeSkipIgnored]);

    let resolved = by_flags(&skip).resolve();
    let DiscoveryMethod::Token { trust, .. } = resolved.configuration.discovery else { panic!("no token discovery") };
    assert!(matches!(trust, DiscoveryTrust::UnsafeSkipCaVerification) && resolved.warnings.is_empty());
}

#[test]
fn a_kernel_command_line_is_enough_and_flags_win_over_it() {
    let kernel = format!(
        "ro kubejoin.endpoint=10.0.0.1:6443 kubejoin.token={TOKEN} kubejoin.ca-cert-hash={PIN} kubejoin.rootfs=/sysroot \
         kubejoin.node-name=kernel kubejoin.clock=server kubejoin.ignore-preflight-errors=Swap kubejoin.nope=1"
    );
    let resolved = Given { kernel: Some(&kernel), ..Given::default() }.resolve();
    assert_eq!(endpoint_of(&resolved.configuration), "10.0.0.1:6443");
    assert_eq!(resolved.extras.rootfs.as_deref(), Some(Path::new("/sysroot")));
    assert_eq!(resolved.extras.clock, ClockMode::Server);
    assert_eq!(resolved.configuration.node_registration.name.as_ref().unwrap().as_str(), "kernel");
    assert_eq!(resolved.warnings, [Warning::UnknownParameter("nope".to_owned())]);
    assert_eq!(resolved.provenance[0], ("endpoint", Origin::Parameter("endpoint")));

    let flags = [
        ("token", OTHER),
        ("node-name", "Flag"),
        ("clock", "system"),
        ("rootfs", "/mnt"),
        ("ignore-preflight-errors", "Hostname"),
    ];
    let resolved = Given { kernel: Some(&kernel), ..by_flags(&flags) }.resolve();
    let node = &resolved.configuration.node_registration;
    assert_eq!(node.name.as_ref().unwrap().as_str(), "flag");
    assert_eq!(node.ignore_preflight_errors, ["hostname", "swap"]);
    assert_eq!(token_of(&resolved.configuration).id, "zzzzzz");
    assert_eq!((resolved.extras.clock, resolved.extras.rootfs), (ClockMode::System, Some("/mnt".into())));
}

#[test]
fn a_token_file_stands_for_the_token_of_its_source() {
    let pinned = [("", "h:1"), ("discovery-token-ca-cert-hash", PIN), ("token-file", "-")];
    let resolved = Given { token_file: Some(TOKEN), ..by_flags(&pinned) }.resolve();
    assert_eq!(token_of(&resolved.configuration).id, "abcdef");
    assert_eq!(resolved.provenance[1], ("discovery token", Origin::Flag("token-file")));

    let twice = [&pinned[..], &[("token", OTHER)]].concat();
    let error = Given { token_file: Some(TOKEN), ..by_flags(&twice) }.error();
    assert_eq!(error.to_string(), "--token-file: a token is given as well");

    let kernel = format!("kubejoin.token-file=/run/token kubejoin.ca-cert-hash={PIN} kubejoin.endpoint=h:1");
    let error = Given { kernel: Some(&kernel), token_file: Some("short"), ..Given::default() }.error();
    assert!(error.to_string().starts_with("kubejoin.token-file= of the kernel command line: "), "{error}");

    // The image holds the configuration, somebody else brings the token.
    let without_token = FILE.replace("    token: abcdef.0123456789abcdef\n", "");
    let given = Given { config: Some(&without_token), token_file: Some(OTHER), ..by_flags(&[("token-file", "-")]) };
    assert_eq!(token_of(&given.resolve().configuration).id, "zzzzzz");
}

/// A file that nobody needs may be missing: the token of an image that has been removed, an unplugged USB stick.
#[test]
fn a_token_file_is_not_read_where_its_token_is_not_needed() {
    let both_tokens = format!("{FILE}  tlsBootstrapToken: {OTHER}\n");
    let beside_file = Given { config: Some(&both_tokens), ..by_flags(&[("token-file", "/nowhere")]) };
    let resolved = beside_file.resolve();
    assert_eq!(resolved.configuration.tls_bootstrap_token.unwrap().id, "zzzzzz");
    assert_eq!(texts(&resolved.warnings), ["ignored --token-file: the tokens are given already"]);

    let kernel = format!("kubejoin.token-file=/nowhere kubejoin.ca-cert-hash={PIN} kubejoin.endpoint=h:1");
    let resolved = Given { kernel: Some(&kernel), ..by_flags(&[("token", TOKEN)]) }.resolve();
    assert_eq!((token_of(&resolved.configuration).id.as_str(), resolved.warnings), ("abcdef", vec![]));
}

#[test]
fn several_endpoints_are_a_list_in_every_source() {
    let by_flag = [("", "a:1,b:2 , a:1"), ("token", TOKEN), ("discovery-token-ca-cert-hash", PIN)];
    let text = FILE.replace("10.0.0.1:6443", "'a:1,b:2'");
    let by_file = Given { config: Some(&text), ..Given::default() };
    for given in [by_flags(&by_flag), by_file] {
        assert_eq!(endpoint_of(&given.resolve().configuration), "a:1 b:2");
    }
    let wrong = [("", "a:1,b"), by_flag[1], by_flag[2]];
    assert_eq!(
        by_flags(&wrong).error().to_string(),
        "the argument of join: invalid API server endpoint \"b\": the port is missing, usually it is :6443"
    );
    let none = [("", ","), by_flag[1], by_flag[2]];
    assert_eq!(by_flags(&none).error().code().name, "config.incomplete");
}

#[test]
fn another_server_may_stand_beside_a_file() {
    let resolved = Given { config: Some(FILE), ..by_flags(&[("server", "lb.example:6443")]) }.resolve();
    assert_eq!(resolved.extras.server.unwrap().to_string(), "lb.example:6443");
    let error = Given { config: Some(FILE), ..by_flags(&[("server", "https://lb")]) }.error();
    assert!(error.to_string().starts_with("join.yaml: --server: an API server endpoint is host:port"), "{error}");
}

#[test]
fn beside_a_file_only_what_kubeadm_allows_may_stand() {
    let mixed = [("token", TOKEN), ("discovery-token-ca-cert-hash", PIN), ("cri-socket", "/x")];
    let error = Given { config: Some(FILE), ..by_flags(&mixed) }.error();
    assert_eq!(
        error.to_string(),
        "these cannot stand beside a configuration file: --cri-socket, --discovery-token-ca-cert-hash, --token"
    );
    // What a weaker source says there is a warning: it may be the same for every machine of an image.
    let kernel = format!("kubejoin.cri-socket=/x kubejoin.token={OTHER} kubejoin.endpoint=h:1");
    let resolved = Given { config: Some(FILE), kernel: Some(&kernel), ..Given::default() }.resolve();
    assert_eq!((token_of(&resolved.configuration).id.as_str(), resolved.warnings.len()), ("abcdef", 3));

    let flags = [
        ("", "elsewhere:1"),
        ("node-name", "Flag"),
        ("dry-run", "false"),
        ("ignore-preflight-errors", "Hostname"),
        ("skip-phases", "preflight"),
        ("rootfs", "/mnt"),
    ];
    let text = file_with(
        "dryRun: true\nskipPhases: [kubelet-start]\nnodeRegistration: {name: file, ignorePreflightErrors: [swap]}\n",
    );
    let resolved = Given { config: Some(&text), ..by_flags(&flags) }.resolve();
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
    let wrong = [("", TOKEN), ("token", &almost), ("discovery-token-ca-cert-hash", PIN)];
    let error = by_flags(&wrong).error();
    for text in [error.to_string(), format!("{:?}", typed(&wrong)).replace(TOKEN, "")] {
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
        path.display().to_string()
    };
    let load = |flags: &[(&str, &str)]| load(&typed(flags)).map_err(|refused| refused.error);
    let token = write("token", &format!("{TOKEN}\n"));
    let config = write("join.yaml", &FILE.replace("    token: abcdef.0123456789abcdef\n", ""));
    let cmdline = write("cmdline", &format!("kubejoin.config={config} kubejoin.token-file={token}\n"));
    let by_kernel = ("kernel-command-line", cmdline.as_str());
    assert_eq!(token_of(&load(&[by_kernel]).unwrap().configuration).id, "abcdef");

    // A flag's token makes the other file unnecessary, even where it is missing.
    let line = format!("kubejoin.endpoint=h:1 kubejoin.ca-cert-hash={PIN} kubejoin.token-file=/nowhere/token");
    write("cmdline", &line);
    assert!(matches!(load(&[by_kernel]), Err(ConfigError::Read { path, .. }) if path == Path::new("/nowhere/token")));
    assert_eq!(token_of(&load(&[by_kernel, ("token", OTHER)]).unwrap().configuration).id, "zzzzzz");

    let large = write("large", &"#".repeat(1 << 20 | 1));
    assert!(matches!(load(&[("config", &large)]), Err(ConfigError::TooLarge { .. })));
    let binary = directory.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let binary = binary.display().to_string();
    assert!(matches!(load(&[("config", &binary)]), Err(ConfigError::NotUnicode { .. })));
}

#[test]
fn flags_of_older_releases_are_named_and_accepted() {
    let flags = [
        ("", "h:1"),
        ("token", TOKEN),
        ("discovery-token-ca-cert-hash", PIN),
        ("skip-preflight-checks", "true"),
        ("ignore-preflight-errors", "Swap"),
        ("experimental-patches", "/p"),
    ];
    let resolved = by_flags(&flags).resolve();
    assert_eq!(resolved.configuration.node_registration.ignore_preflight_errors, ["all"]);
    assert_eq!(resolved.configuration.patches_directory.as_deref(), Some(Path::new("/p")));
    assert_eq!(
        texts(&resolved.warnings),
        [
            "--skip-preflight-checks is a flag of older kubeadm releases, read as --ignore-preflight-errors=all",
            "--experimental-patches is a flag of older kubeadm releases, read as --patches"
        ]
    );
}

#[test]
fn a_control_plane_is_asked_for_by_flags_or_by_a_file() {
    let key = "0123456789abcdef".repeat(4);
    let flags = [
        ("", "h:1"),
        ("token", TOKEN),
        ("discovery-token-ca-cert-hash", PIN),
        ("control-plane", "true"),
        ("certificate-key", &key),
        ("apiserver-advertise-address", "198.51.100.2"),
        ("apiserver-bind-port", "443"),
    ];
    let spec = by_flags(&flags).resolve().configuration.control_plane.unwrap();
    assert_eq!((spec.advertise_address, spec.bind_port), (Some("198.51.100.2".parse().unwrap()), 443));
    assert!(spec.certificate_key.is_some());
    assert!(by_flags(&flags[..3]).resolve().configuration.control_plane.is_none());
    // As in kubeadm, the unspecified address stands for none, and no port for its own.
    let file = format!("{FILE}controlPlane: {{localAPIEndpoint: {{advertiseAddress: 0.0.0.0, bindPort: 0}}}}\n");
    let spec = Given { config: Some(&file), ..by_flags(&[]) }.resolve().configuration.control_plane.unwrap();
    assert_eq!((spec.advertise_address, spec.bind_port, spec.certificate_key.is_none()), (None, 6443, true));
    let error = by_flags(&[&flags[..4], &[("certificate-key", "0011")]].concat()).error();
    assert_eq!(error.code().name, "config.invalid");
}

/// kubeadm warns of the first three as well; a worker's script often has them.
#[test]
fn a_flag_without_effect_is_a_warning() {
    let flags = [
        ("", "h:1"),
        ("token", TOKEN),
        ("discovery-token-ca-cert-hash", PIN),
        ("apiserver-advertise-address", "192.0.2.1"),
        ("apiserver-bind-port", "6443"),
        ("certificate-key", "0123456789abcdef"),
        ("vmodule", "a=5"),
    ];
    let why = "it is for control planes, and needs --control-plane";
    let expected = [
        "ignored --vmodule: there is one level for all of this program, -v".to_owned(),
        format!("ignored --apiserver-advertise-address: {why}"),
        format!("ignored --apiserver-bind-port: {why}"),
        format!("ignored --certificate-key: {why}"),
    ];
    assert_eq!(texts(&by_flags(&flags).resolve().warnings), expected);
    // As in kubeadm, they are not for the company of a file.
    let error = Given { config: Some(FILE), ..by_flags(&flags[3..4]) }.error();
    assert_eq!(error.code().name, "config.mixed");
}
