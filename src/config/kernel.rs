//! Settings from the kernel command line, for an initramfs.
//!
//! The text is cut into parameters as the kernel does it (`lib/cmdline.c`, `next_arg`): white space separates, double
//! quotes protect it, and are dropped around a value or around a whole parameter; there is no other escape. As there,
//! `-` and `_` are the same in a name, and the last of several wins. Other than the kernel, which stops at `--`, every
//! parameter is looked at: boot loaders append, and what belongs to init cannot be named `kubejoin.`.

use super::error::{Problem, Warning};
use super::origin::Origin;
use super::settings::{Settings, TokenFile, clock_mode, list};
use crate::secret::Secret;

/// What every parameter of ours begins with.
const PREFIX: &str = "kubejoin.";

/// What a kernel command line says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The settings.
    pub settings: Settings,
    /// Parameters that do not exist or say nothing.
    pub warnings: Vec<Warning>,
    /// Values that cannot be used.
    pub problems: Vec<Problem>,
}

/// Reads a whole kernel command line.
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (name, value) in parameters(text) {
        let name = name.replace('_', "-");
        if name.starts_with(PREFIX) {
            apply(&mut parsed, &name, value);
        }
    }
    parsed
}

fn apply(parsed: &mut Parsed, name: &str, value: Option<&str>) {
    let settings = &mut parsed.settings;
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        let warning = if PARAMETERS.contains(&name) {
            Warning::ParameterWithoutValue(name.to_owned())
        } else {
            Warning::UnknownParameter(name.to_owned())
        };
        parsed.warnings.push(warning);
        return;
    };
    match name {
        "kubejoin.endpoint" => settings.endpoint = Some(value.to_owned()),
        "kubejoin.server" => settings.server = Some(value.to_owned()),
        "kubejoin.discovery-file" => settings.discovery_file = Some(value.to_owned()),
        "kubejoin.discovery-ca-file" => settings.discovery_ca_file = Some(value.into()),
        "kubejoin.discovery-url-ca-file" => settings.discovery_url_ca_file = Some(value.into()),
        "kubejoin.token" => settings.token = Some(Secret::new(value)),
        "kubejoin.discovery-token" => settings.discovery_token = Some(Secret::new(value)),
        "kubejoin.tls-bootstrap-token" => settings.tls_bootstrap_token = Some(Secret::new(value)),
        "kubejoin.token-file" => settings.token_file = Some(TokenFile::Path(value.into())),
        "kubejoin.ca-cert-hash" => settings.ca_cert_hashes.extend(list(value)),
        "kubejoin.node-name" => settings.node_name = Some(value.to_owned()),
        "kubejoin.cri-socket" => settings.cri_socket = Some(value.to_owned()),
        "kubejoin.patches" => settings.patches = Some(value.into()),
        "kubejoin.kubelet-config" => settings.kubelet_config = Some(value.into()),
        "kubejoin.rootfs" => settings.rootfs = Some(value.into()),
        "kubejoin.ignore-preflight-errors" => settings.ignore_preflight_errors.extend(list(value)),
        "kubejoin.config" => settings.config = Some(value.into()),
        "kubejoin.clock" => match clock_mode(value) {
            Some(mode) => settings.clock = Some(mode),
            None => parsed.problems.push(Problem::Clock(Origin::Kernel("kubejoin.clock"), value.to_owned())),
        },
        _ => parsed.warnings.push(Warning::UnknownParameter(name.to_owned())),
    }
}

/// Every parameter that [`apply`] knows.
const PARAMETERS: [&str; 18] = [
    "kubejoin.endpoint",
    "kubejoin.server",
    "kubejoin.discovery-file",
    "kubejoin.discovery-ca-file",
    "kubejoin.discovery-url-ca-file",
    "kubejoin.token",
    "kubejoin.discovery-token",
    "kubejoin.tls-bootstrap-token",
    "kubejoin.token-file",
    "kubejoin.ca-cert-hash",
    "kubejoin.node-name",
    "kubejoin.cri-socket",
    "kubejoin.patches",
    "kubejoin.kubelet-config",
    "kubejoin.rootfs",
    "kubejoin.ignore-preflight-errors",
    "kubejoin.config",
    "kubejoin.clock",
];

/// Names and values, in order.
fn parameters(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = rest
            .find(|c| {
                quoted ^= c == '"';
                is_space(c) && !quoted
            })
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(name_and_value(word))
    })
}

/// One parameter without its quotes: around the whole word (`"name=a b"`), or around the value (`name="a b"`).
fn name_and_value(word: &str) -> (&str, Option<&str>) {
    let unquoted = match word.strip_prefix('"') {
        Some(inner) => inner.strip_suffix('"').unwrap_or(inner),
        None => word,
    };
    match unquoted.split_once('=') {
        // The kernel takes a word that begins with `=` for a name.
        None | Some(("", _)) => (unquoted, None),
        Some((name, value)) => match value.strip_prefix('"') {
            Some(inner) => (name, Some(inner.strip_suffix('"').unwrap_or(inner))),
            None => (name, Some(value)),
        },
    }
}

/// What separates parameters: the kernel's `isspace`, for ASCII.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_the_kernel_cuts_them() {
        let table: [(&str, &[(&str, Option<&str>)]); 10] = [
            ("", &[]),
            (" \t\n", &[]),
            ("ro quiet\n", &[("ro", None), ("quiet", None)]),
            ("a=1  b=", &[("a", Some("1")), ("b", Some(""))]),
            ("a=b=c", &[("a", Some("b=c"))]),
            ("a=\"b c\" d", &[("a", Some("b c")), ("d", None)]),
            ("\"a=b c\" d", &[("a", Some("b c")), ("d", None)]),
            ("a=b\"c d\"", &[("a", Some("b\"c d\""))]),
            ("a=\"b c", &[("a", Some("b c"))]),
            ("=x -- y", &[("=x", None), ("--", None), ("y", None)]),
        ];
        for (text, expected) in table {
            assert_eq!(parameters(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn every_parameter_is_read() {
        let parsed = parse(
            "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro kubejoin.endpoint=10.0.0.1:6443 kubejoin.token=t \
             kubejoin.discovery-token=d kubejoin.tls-bootstrap-token=b kubejoin.token-file=/run/t \
             kubejoin.ca-cert-hash=x,y kubejoin.ca_cert_hash=z kubejoin.node-name=first kubejoin.node-name=last \
             kubejoin.cri-socket=\"/run/a b.sock\" kubejoin.rootfs=/sysroot kubejoin.clock=server \
             kubejoin.ignore-preflight-errors=Swap,Hostname kubejoin.config=/boot/join.yaml \
             kubejoin.patches=/p kubejoin.kubelet-config=/k kubejoin.server=s:1 kubejoin.discovery-file=https://h/f \
             kubejoin.discovery-ca-file=/ca kubejoin.discovery_url_ca_file=/url-ca -- kubejoin.token=after",
        );
        let settings = parsed.settings;
        assert_eq!(settings.endpoint.as_deref(), Some("10.0.0.1:6443"));
        assert_eq!(settings.token.unwrap().expose(), "after");
        assert_eq!(settings.discovery_token.unwrap().expose(), "d");
        assert_eq!(settings.tls_bootstrap_token.unwrap().expose(), "b");
        assert_eq!(settings.token_file, Some(TokenFile::Path("/run/t".into())));
        assert_eq!(settings.ca_cert_hashes, ["x", "y", "z"]);
        assert_eq!(settings.node_name.as_deref(), Some("last"));
        assert_eq!(settings.cri_socket.as_deref(), Some("/run/a b.sock"));
        assert_eq!((settings.patches, settings.kubelet_config), (Some("/p".into()), Some("/k".into())));
        assert_eq!(
            (settings.server.as_deref(), settings.discovery_file.as_deref()),
            (Some("s:1"), Some("https://h/f"))
        );
        assert_eq!(settings.discovery_ca_file, Some("/ca".into()));
        assert_eq!(settings.discovery_url_ca_file, Some("/url-ca".into()));
        assert_eq!(settings.rootfs, Some("/sysroot".into()));
        assert_eq!(settings.clock, clock_mode("server"));
        assert_eq!(settings.ignore_preflight_errors, ["Swap", "Hostname"]);
        assert_eq!(settings.config, Some("/boot/join.yaml".into()));
        assert_eq!((parsed.warnings, parsed.problems), (vec![], vec![]));
    }

    #[test]
    fn every_listed_parameter_is_known() {
        for name in PARAMETERS {
            assert!(parse(&format!("{name}=auto")).warnings.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_unknown_or_empty_is_a_warning_without_its_value() {
        let parsed =
            parse("kubejoin.tokn=abcdef.0123456789abcdef kubejoin.node-name kubejoin.token= kubejoinx=1 kubejoin.");
        assert_eq!(
            parsed.warnings,
            [
                Warning::UnknownParameter("kubejoin.tokn".to_owned()),
                Warning::ParameterWithoutValue("kubejoin.node-name".to_owned()),
                Warning::ParameterWithoutValue("kubejoin.token".to_owned()),
                Warning::UnknownParameter("kubejoin.".to_owned()),
            ]
        );
        assert_eq!(parse("kubejoin.clock=gps").problems.len(), 1);
    }
}
