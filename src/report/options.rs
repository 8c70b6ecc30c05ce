//! Where and in which form a run is reported.

use std::ffi::OsString;
use std::path::PathBuf;

/// `--logging-format`, `--output`, `-v`, `--result-file`, and what the environment says about colours.
#[derive(Clone, Debug, Default)]
pub struct ReportOptions {
    /// `-v`: debug lines up to this level are shown.
    pub verbosity: u8,
    /// `--logging-format=json`: JSON lines on standard error instead of lines for people.
    pub json: bool,
    /// `--output=json`: the end as one JSON document on standard output, and nothing else there.
    pub document: bool,
    /// A terminal may get colour codes.
    pub colour: bool,
    /// The verb that runs, for the result: `join`, `ensure`, `reset`.
    pub verb: &'static str,
    /// Where the result is left, `/run/kubejoin/result.json` for a join. Without a place for it there is neither a result nor a
    /// line in the kernel log.
    pub result: Option<PathBuf>,
    /// Where Cluster API is told of the end.
    pub cluster_api: Option<PathBuf>,
    /// `NOTIFY_SOCKET`: where the service manager is told.
    pub notify: Option<OsString>,
}
