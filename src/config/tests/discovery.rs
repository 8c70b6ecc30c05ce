//! Discovery files, CA files, and what may stand beside them.

use super::*;

/// A kubeconfig for discovery in a configuration file.
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
        ("https://h:x/", Err("invalid API server endpoint \"h:x\": the port is not a number from 1 to 65535")),
    ];
    for (path, expected) in table {
        let text = file_with_discovery_file(path);
        let by_file = Given { config: Some(&text), ..Given::default() };
        let flags = [("discovery-file", path)];
        let by_flag = by_flags(&flags);
        for (given, place) in [(by_file, "discovery.file.kubeConfigPath (line 3)"), (by_flag, "--discovery-file")] {
            let found = given.try_resolve().map(|resolved| match resolved.configuration.discovery {
                DiscoveryMethod::File(path) => path.display().to_string(),
                DiscoveryMethod::Url { url, .. } => url.to_string(),
                DiscoveryMethod::Token { .. } => panic!("token discovery"),
            });
            match expected {
                Ok(expected) => assert_eq!(found.unwrap(), expected, "{path}"),
                Err(message) => {
                    let error = found.unwrap_err().error.to_string();
                    assert!(error.ends_with(&format!("{place}: {message}")), "{error}");
                }
            }
        }
    }
}

#[test]
fn any_token_beside_a_discovery_file_is_that_of_the_request() {
    for name in ["token", "discovery-token", "tls-bootstrap-token", "token-file"] {
        let flags = [("discovery-file", "/f"), (name, TOKEN)];
        let configuration = Given { token_file: Some(TOKEN), ..by_flags(&flags) }.resolve().configuration;
        assert_eq!(configuration.tls_bootstrap_token.unwrap().id, "abcdef", "{name}");
        assert!(matches!(configuration.discovery, DiscoveryMethod::File(_)));
    }
    let none = by_flags(&[("discovery-file", "/f")]).resolve().configuration;
    assert!(none.tls_bootstrap_token.is_none(), "the file may hold credentials");
    let text = format!("{}nodeRegistration: {{name: a}}\n", file_with_discovery_file("/f"));
    let beside = Given { config: Some(&text), token_file: Some(TOKEN), ..by_flags(&[("token-file", "/t")]) };
    assert_eq!(beside.resolve().configuration.tls_bootstrap_token.unwrap().id, "abcdef");
}

/// A token on the kernel command line is there for whoever boots; a file that is named by hand may have its own user.
#[test]
fn a_token_of_the_kernel_command_line_yields_to_a_typed_file() {
    let kernel = Some("kubejoin.token-file=/t");
    let text = file_with_discovery_file("/f");
    let by_flag = Given { kernel, token_file: Some(TOKEN), ..by_flags(&[("discovery-file", "/f")]) };
    let by_config = Given { config: Some(&text), ..by_flags(&[("config", "join.yaml")]) };
    for given in [by_flag, Given { kernel, token_file: Some(TOKEN), ..by_config }] {
        let configuration = given.resolve().configuration;
        assert_eq!(configuration.fallback_token.unwrap().id, "abcdef");
        assert!(configuration.tls_bootstrap_token.is_none());
    }
    let kernel = Some("kubejoin.token=abcdef.0123456789abcdef kubejoin.discovery-file=/f");
    let same_source = Given { kernel, ..Given::default() }.resolve().configuration;
    assert_eq!(same_source.tls_bootstrap_token.unwrap().id, "abcdef");
}

#[test]
fn a_discovery_file_and_an_endpoint_are_one_too_many() {
    let error = by_flags(&[("", "h:1"), ("token", TOKEN), ("discovery-file", "/f")]).error();
    assert_eq!(error.to_string(), "the argument of join: a discovery file is given as well");
    // One source says where to join: what another one says of that does not matter.
    let kernel = Some("kubejoin.endpoint=h:1 kubejoin.token=abcdef.0123456789abcdef");
    let given = Given { kernel, ..by_flags(&[("discovery-file", "/f")]) };
    assert!(matches!(given.resolve().configuration.discovery, DiscoveryMethod::File(_)));
    let flags = [("", "h:1"), ("token", TOKEN), ("discovery-token-ca-cert-hash", PIN)];
    let given = Given { kernel: Some("kubejoin.discovery-file=/f"), ..by_flags(&flags) };
    assert_eq!(endpoint_of(&given.resolve().configuration), "h:1");
}

#[test]
fn what_a_discovery_method_has_no_use_for_is_named() {
    let flags = [("discovery-file", "/f"), ("discovery-token-ca-cert-hash", PIN), ("discovery-url-ca-file", "/ca")];
    assert_eq!(
        texts(&by_flags(&flags).resolve().warnings),
        [
            "ignored --discovery-token-ca-cert-hash: a discovery file says itself which CA is trusted",
            "ignored --discovery-url-ca-file: no discovery file is fetched from a URL"
        ]
    );
}

#[test]
fn a_ca_file_stands_for_pins_in_every_source() {
    let flags = [("", "h:1"), ("token", TOKEN), ("discovery-ca-file", "/ca.crt")];
    let text = FILE.replace(&format!("    caCertHashes: [{PIN}]\n"), "");
    let beside = Given { config: Some(&text), ..by_flags(&flags[2..]) };
    let kernel =
        Some("kubejoin.endpoint=h:1 kubejoin.token=abcdef.0123456789abcdef kubejoin.discovery-ca-file=/ca.crt");
    for given in [by_flags(&flags), beside, Given { kernel, ..Given::default() }] {
        let configuration = given.resolve().configuration;
        let DiscoveryMethod::Token { trust: DiscoveryTrust::CaFile(path), .. } = configuration.discovery else {
            panic!("{given:?}")
        };
        assert_eq!(path, Path::new("/ca.crt"));
    }
    let both = Given { config: Some(FILE), ..by_flags(&flags[2..]) }.error();
    assert_eq!(both.to_string(), "join.yaml: --discovery-ca-file: hashes of CA certificates are given as well");
}
