//! Settings from the kernel command line, for an initramfs.
//!
//! The text is cut into parameters as the kernel does it (`lib/cmdline.c`, `next_arg`): white space separates, double
//! quotes protect it, and are dropped around a value or around a whole parameter; there is no other escape. As there,
//! `-` and `_` are the same in a name, and the last of several wins. Other than the kernel, which stops at `--`, every
//! parameter is read: boot loaders append, and what belongs to init cannot be named `kubejoin.`.

use super::place::Place;

/// What every parameter of ours begins with.
pub(super) const PREFIX: &str = "kubejoin.";

/// Reads a whole kernel command line.
pub fn parse(text: &str) -> Place {
    let mut place = Place::default();
    for (name, value) in parameters(text) {
        let name = name.replace('_', "-");
        if let Some(name) = name.strip_prefix(PREFIX) {
            place.take(name, value.unwrap_or_default(), None);
        }
    }
    place
}

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
    use std::path::PathBuf;

    use super::*;
    use crate::clock::ClockMode;
    use crate::config::origin::{Origin, WithOrigin};
    use crate::config::warning::Warning;
    use crate::secret::Secret;

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
        let text = |given: &Option<WithOrigin<String>>| given.as_ref().unwrap().value.clone();
        let path = |given: &Option<WithOrigin<PathBuf>>| given.as_ref().unwrap().value.display().to_string();
        let secret = |given: &Option<WithOrigin<Secret>>| given.as_ref().unwrap().value.expose().to_owned();
        let list = |given: &[WithOrigin<String>]| given.iter().map(|item| item.value.clone()).collect::<Vec<_>>();
        assert_eq!(text(&settings.endpoint), "10.0.0.1:6443");
        assert_eq!(secret(&settings.token), "after");
        assert_eq!(secret(&settings.discovery_token), "d");
        assert_eq!(secret(&settings.tls_bootstrap_token), "b");
        assert_eq!(path(&settings.token_file), "/run/t");
        assert_eq!(list(&settings.ca_cert_hashes), ["x", "y", "z"]);
        assert_eq!(text(&settings.node_name), "last");
        assert_eq!(text(&settings.cri_socket), "/run/a b.sock");
        assert_eq!((path(&settings.patches), path(&settings.kubelet_config)), ("/p".to_owned(), "/k".to_owned()));
        assert_eq!(
            (text(&settings.server), text(&settings.discovery_file)),
            ("s:1".to_owned(), "https://h/f".to_owned())
        );
        assert_eq!(path(&settings.discovery_ca_file), "/ca");
        assert_eq!(path(&settings.discovery_url_ca_file), "/url-ca");
        assert_eq!(path(&settings.rootfs), "/sysroot");
        assert_eq!(settings.clock, Some(ClockMode::Server));
        assert_eq!(list(&settings.ignore_preflight_errors), ["Swap", "Hostname"]);
        assert_eq!(path(&settings.config), "/boot/join.yaml");
        assert_eq!((parsed.warnings, parsed.problems), (vec![], vec![]));
        assert_eq!(settings.config.unwrap().origin, Origin::Parameter("config"));
    }

    #[test]
    fn an_unknown_or_empty_parameter_is_a_warning_without_its_value() {
        let parsed =
            parse("kubejoin.tokn=abcdef.0123456789abcdef kubejoin.node-name kubejoin.token= kubejoinx=1 kubejoin.");
        assert_eq!(
            parsed.warnings,
            [
                Warning::UnknownParameter("tokn".to_owned()),
                Warning::ParameterWithoutValue(Origin::Parameter("node-name")),
                Warning::ParameterWithoutValue(Origin::Parameter("token")),
                Warning::UnknownParameter(String::new()),
            ]
        );
        let clock = parse("kubejoin.clock=gps").problems;
        let expected = "kubejoin.clock= of the kernel command line takes auto, system or server, not \"gps\"";
        assert_eq!(clock.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
}
