//! Where facts are read from.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::secret::Secret;
use crate::values::ProxyVariables;

/// Where facts are read from, apart from the target root: data, so that a test can point elsewhere.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What stands before `/proc`, `/sys` and `/var/run`; `/` outside of tests.
    pub prefix: PathBuf,
    /// The search path, `PATH`.
    pub path: Option<OsString>,
    /// The proxy variables.
    pub proxy: ProxyVariables,
    /// Every variable whose name ends in `_proxy`, in any case, and that is not empty, sorted.
    pub proxy_variables: Vec<(String, Secret)>,
    /// `SSL_CERT_FILE`.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`.
    pub ssl_cert_dir: Option<OsString>,
}

impl Machine {
    /// This machine and this process's environment, with the given search path.
    pub fn this(path: Option<&OsStr>) -> Self {
        let variable = |names: [&str; 2]| {
            let values = names.into_iter().filter_map(std::env::var_os);
            // What is not UTF-8 names no proxy, but must not count as absent.
            values.map(|value| value.to_string_lossy().into_owned()).find(|value| !value.is_empty())
        };
        let path_variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Machine {
            prefix: PathBuf::from("/"),
            path: path.map(OsStr::to_owned),
            proxy: ProxyVariables {
                https_proxy: variable(["HTTPS_PROXY", "https_proxy"]).map(Secret::new),
                no_proxy: variable(["NO_PROXY", "no_proxy"]),
            },
            proxy_variables: proxy_variables(),
            ssl_cert_file: path_variable("SSL_CERT_FILE").map(PathBuf::from),
            ssl_cert_dir: path_variable("SSL_CERT_DIR"),
        }
    }

    /// A path of the running system.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.prefix.join(path.trim_start_matches('/'))
    }
}

/// What kubeadm hands on to static pods (`cmd/kubeadm/app/util/env.go`, `GetProxyEnvVars`).
fn proxy_variables() -> Vec<(String, Secret)> {
    let text = |value: OsString| value.into_string().ok().filter(|value| !value.is_empty());
    let named = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
    let mut found: Vec<_> = named
        .filter(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy"))
        .map(|(name, value)| (name, Secret::new(value)))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}
