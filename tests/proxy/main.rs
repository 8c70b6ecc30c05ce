//! `HTTPS_PROXY` and `NO_PROXY` as Go reads them: the same values, the same proxy.
//!
//! `cases.json` holds the texts, `golden.json` what Go makes of them (golang.org/x/net `http/httpproxy` below a real
//! `http.Transport`); `regenerate` makes that again. What differs is a row of [`REFUSED`] with its reason, and a row that
//! nothing needs fails.

#![allow(clippy::unwrap_used)] // tests

use std::collections::BTreeMap;

use kubejoin::for_tests::secret::Secret;
use kubejoin::for_tests::values::{Endpoint, Proxy, ProxyVariables};
use serde::Deserialize;

/// Texts of `HTTPS_PROXY` that Go makes something of and we do not, and why.
const REFUSED: &[(&str, &str)] = &[
    (" http://proxy:3128", "Go connects directly, without a word"),
    ("http://proxy:3128\n", "the same"),
    ("http://proxy:3128 ", "Go takes a host called http for the proxy"),
    ("http://", "the same"),
    ("http:///", "the same"),
    ("http://proxy:x", "the same"),
    ("http://pro%78y:3128", "the same"),
    ("http://user:p/ss@proxy", "the same"),
    ("http://user:é@proxy", "the same"),
    ("//proxy:3128", "Go takes this machine for the proxy"),
    ("/proxy", "the same"),
    (":3128", "the same"),
    ("http://:3128", "the same"),
    ("a b", "Go finds neither host nor port, and fails when it connects"),
    ("user:p ss@proxy", "the same"),
    ("user:p#ss@proxy", "the same"),
    ("user:p%4@proxy", "the same"),
    ("user:p%zz@proxy", "the same"),
    ("user:p/ss@proxy", "the same"),
    ("user:p?ss@proxy", "the same"),
    ("user:p^ss@proxy", "the same"),
    ("fd00::9", "Go fails when it connects to [fd00:]:9"),
    ("http:proxy:3128", "Go fails when it connects to [http:proxy]:3128"),
    ("http://10.0.0.300:3128", "no such address, and no such name"),
    ("http://proxy:0", "no such port"),
    ("http://proxy:65536", "no such port"),
    ("http://[fe80::9%25eth0]:3128", "an endpoint has no zone here"),
    ("ftp://proxy:21", "Go speaks HTTP to it"),
    ("socks4://proxy:1080", "the same"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cases {
    endpoints: Vec<String>,
    no_proxy: Vec<String>,
    proxies: Vec<String>,
}

#[derive(Deserialize)]
struct Golden {
    direct: BTreeMap<String, Vec<String>>,
    proxies: BTreeMap<String, Option<Theirs>>,
}

#[derive(Deserialize)]
struct Theirs {
    dial: String,
    scheme: String,
    user: Option<String>,
    password: String,
}

fn files() -> (Cases, Golden) {
    let cases = serde_json::from_str(include_str!("cases.json")).unwrap();
    (cases, serde_json::from_str(include_str!("golden.json")).unwrap())
}

#[test]
fn no_proxy_names_what_it_names_in_go() {
    let (cases, golden) = files();
    assert_eq!(golden.direct.len(), cases.no_proxy.len(), "run tests/proxy/regenerate");
    for list in cases.no_proxy {
        let variables =
            ProxyVariables { https_proxy: Some(Secret::new("http://proxy:3128")), no_proxy: Some(list.clone()) };
        let is_direct = |text: &&String| variables.for_https(&text.parse().unwrap()).unwrap().is_none();
        let direct: Vec<_> = cases.endpoints.iter().filter(is_direct).collect();
        assert_eq!(direct, golden.direct[&list].iter().collect::<Vec<_>>(), "NO_PROXY={list:?}");
    }
}

#[test]
fn https_proxy_names_the_proxy_it_names_in_go() {
    let (cases, golden) = files();
    assert_eq!(golden.proxies.len(), cases.proxies.len(), "run tests/proxy/regenerate");
    let target: Endpoint = "cp.example.com:6443".parse().unwrap();
    for text in cases.proxies {
        let variables = ProxyVariables { https_proxy: Some(Secret::new(text.as_str())), no_proxy: None };
        let ours = variables.for_https(&target);
        let refused = REFUSED.iter().any(|(delta, _)| *delta == text);
        assert_eq!(ours.is_err(), refused, "{text:?}: {ours:?}");
        match (ours, &golden.proxies[&text]) {
            (Err(_), _) | (Ok(None), None) => {}
            (Ok(Some(ours)), Some(theirs)) => assert!(is_same(&ours, theirs), "{text:?}: {ours}, not {}", theirs.dial),
            (ours, _) => panic!("{text:?}: {ours:?}"),
        }
    }
    for (text, _) in REFUSED {
        assert!(golden.proxies.contains_key(*text), "nothing needs the row {text:?}");
    }
}

fn is_same(ours: &Proxy, theirs: &Theirs) -> bool {
    let user = ours.credentials.as_ref().map(|credentials| credentials.user.expose());
    let password = ours.credentials.as_ref().map_or("", |credentials| credentials.password.expose());
    theirs.dial.parse() == Ok(ours.endpoint.clone())
        && theirs.scheme.trim_end_matches('h') == ours.scheme.to_string()
        && (theirs.user.as_deref(), theirs.password.as_str()) == (user, password)
}
