//! The version of the kubelet that will run here, and whether it takes the flags that it will be started with. One question asks for
//! both: whatever a kubelet is told beside `--version`, it reads all flags, prints its version and ends
//! (`cmd/kubelet/app/server.go`).

use std::cell::{Cell, OnceCell};
use std::path::PathBuf;
use std::time::Duration;

use super::verdict::Verdict;
use crate::error::codes;
use crate::host::HostFacts;
use crate::services::{Commands, Output, Running, ServiceError, find};
use crate::values::{Quoted, Version};

const ARGUMENT: &str = "--version";

/// Longest time for `kubelet --version`: 90 MB from a slow card, on a machine that starts everything else as well. Shorter, and
/// each attempt could be ended before it is done.
pub(super) const VERSION_TIMEOUT: Duration = Duration::from_secs(180);

/// For a kubelet that is missing or too old.
pub(super) const INSTALL: &str =
    "install a kubelet of Kubernetes 1.34 or newer on this machine, in one of the directories of PATH";

/// Why the version of the kubelet is not known.
#[derive(Debug)]
pub(super) enum NoVersion {
    /// There is none.
    NotInstalled,
    /// There is one, in a directory that PATH leaves out.
    NotInPath(PathBuf),
    /// It does not print one.
    Unknown(String),
    /// It has not printed one yet: the program is read from slow storage, or the machine is starting.
    TimedOut(ServiceError),
}

impl NoVersion {
    /// An error of each check that needs it.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            NoVersion::NotInstalled => {
                let text = "the kubelet's version is not known: kubelet not found in system path";
                Verdict::error(text, INSTALL).with_code(&codes::KUBELET_NOT_INSTALLED)
            }
            NoVersion::NotInPath(elsewhere) => Verdict::not_in_path("kubelet", elsewhere),
            NoVersion::Unknown(why) => Verdict::error(format!("the kubelet's version is not known: {why}"), INSTALL),
            NoVersion::TimedOut(error) => {
                let code = &codes::PREFLIGHT_KUBELET_TIMEOUT;
                Verdict::error(format!("the kubelet's version is not known: {error}"), code.hint).with_code(code)
            }
        }
    }
}

/// The version of the kubelet, asked for once: 90 MB take seconds from a slow card.
#[derive(Default)]
pub(super) struct KubeletVersion {
    asked: Cell<Option<Question>>,
    answer: OnceCell<Result<Answer, NoVersion>>,
}

/// A kubelet that has been asked.
struct Question {
    running: Running,
    has_flags: bool,
}

/// What a kubelet says.
struct Answer {
    version: Version,
    /// What it says to its flags, where it does not take them.
    refusal: Option<String>,
}

impl KubeletVersion {
    /// Begins to ask, and does not wait for the answer. `flags` are those that it will be started with, with their dashes.
    pub(super) fn ask(&self, host: &HostFacts, flags: &[String]) {
        match start(host, flags) {
            Ok(question) => self.asked.set(Some(question)),
            Err(why) => drop(self.answer.set(Err(why))),
        }
    }

    /// The version, where that is known without waiting: there is no kubelet.
    pub(super) fn known(&self) -> Option<Result<&Version, &NoVersion>> {
        self.answer.get().map(|answer| answer.as_ref().map(|answer| &answer.version))
    }

    /// The version. `flags` gives them where nobody has asked yet.
    pub(super) fn get(&self, host: &HostFacts, flags: impl FnOnce() -> Vec<String>) -> Result<&Version, &NoVersion> {
        self.answer(host, flags).map(|answer| &answer.version)
    }

    /// What it says to its flags, where it does not take them.
    pub(super) fn refusal(&self, host: &HostFacts, flags: impl FnOnce() -> Vec<String>) -> Option<&str> {
        self.answer(host, flags).ok().and_then(|answer| answer.refusal.as_deref())
    }

    fn answer(&self, host: &HostFacts, flags: impl FnOnce() -> Vec<String>) -> Result<&Answer, &NoVersion> {
        let wait = || finish(self.asked.take().map_or_else(|| start(host, &flags()), Ok)?, || start(host, &[]));
        self.answer.get_or_init(wait).as_ref()
    }
}

impl From<ServiceError> for NoVersion {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::TimedOut { .. } => NoVersion::TimedOut(error),
            _ => NoVersion::Unknown(error.to_string()),
        }
    }
}

/// With a flag that takes the question back, it would run: such flags are not asked about.
fn start(host: &HostFacts, flags: &[String]) -> Result<Question, NoVersion> {
    let program = find(&host.path, "kubelet").ok_or_else(|| match host.find_outside_path("kubelet") {
        Some(elsewhere) => NoVersion::NotInPath(elsewhere),
        None => NoVersion::NotInstalled,
    })?;
    let has_flags = !flags.is_empty() && flags.iter().all(|flag| !flag.starts_with(ARGUMENT));
    let flags = flags.iter().filter(|_| has_flags).map(String::as_str);
    let arguments: Vec<&str> = [ARGUMENT].into_iter().chain(flags).collect();
    let running = Commands::new(&host.path, VERSION_TIMEOUT).start(&program, &arguments)?;
    Ok(Question { running, has_flags })
}

/// `again` asks without flags, where it is they that have failed.
fn finish(question: Question, again: impl FnOnce() -> Result<Question, NoVersion>) -> Result<Answer, NoVersion> {
    let output = question.running.output()?;
    if output.status.success() || !question.has_flags {
        return Ok(Answer { version: printed(&output)?, refusal: None });
    }
    let version = printed(&again()?.running.output()?)?;
    // Whoever was ended by a signal has refused nothing.
    let refusal = output.status.code().map(|_| reason(&output));
    Ok(Answer { version, refusal })
}

/// What a kubelet has against its flags: in a line of its log, or before its usage. A word on each flag that is deprecated may
/// stand before that.
fn reason(output: &Output) -> String {
    let lines = || output.stderr.lines().map(str::trim);
    let of_log = lines().find_map(|line| Some(line.split_once("err=\"")?.1.trim_end_matches('"')));
    let of_usage = lines().find(|line| line.starts_with("Error: "));
    let other = lines().find(|line| !line.is_empty() && !line.starts_with("Flag --"));
    of_log.or(of_usage).or(other).map_or_else(|| output.first_line().to_owned(), str::to_owned)
}

fn printed(output: &Output) -> Result<Version, NoVersion> {
    if !output.status.success() {
        let (ending, line) = (output.ending(), output.first_line());
        return Err(NoVersion::Unknown(format!("`kubelet --version` failed ({ending}): {line}")));
    }
    read(&output.stdout)
}

/// What `kubelet --version` has printed.
pub(super) fn read(output: &str) -> Result<Version, NoVersion> {
    let version = output.trim().strip_prefix("Kubernetes v").and_then(|version| version.parse().ok());
    version.ok_or_else(|| NoVersion::Unknown(format!("it prints {}", Quoted(output.trim()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn the_reason_is_found_among_what_else_a_kubelet_says() {
        let path = ["/usr/bin".into(), "/bin".into()];
        let sh = find(&path, "sh").unwrap();
        let answer = |script: &str| {
            let start = |script: &str, has_flags| {
                let running = Commands::new(&path, VERSION_TIMEOUT).start(&sh, &["-c", script]).unwrap();
                Question { running, has_flags }
            };
            finish(start(script, true), || Ok(start("echo Kubernetes v1.37.2", false))).ok().unwrap().refusal
        };
        let deprecated = "echo Flag --cluster-dns has been deprecated >&2; ";
        let log =
            format!("{deprecated} echo 'E1130 1 run.go:72] \"command failed\" err=\"unknown flag: --x\"' >&2; exit 1");
        assert_eq!(answer(&log).as_deref(), Some("unknown flag: --x"));
        let usage = format!("{deprecated} echo 'Error: unknown flag: --x' >&2; echo Usage: >&2; exit 1");
        assert_eq!(answer(&usage).as_deref(), Some("Error: unknown flag: --x"));
        assert_eq!(answer("echo unknown flag >&2; exit 1").as_deref(), Some("unknown flag"));
        assert_eq!(answer("kill -KILL $$"), None, "out of memory, say");
    }

    #[test]
    fn a_kubelet_that_takes_too_long_is_asked_again() {
        let path = ["/usr/bin".into(), "/bin".into()];
        let sleep = find(&path, "sleep").unwrap();
        let verdict = |timeout, argument| {
            let running = Commands::new(&path, timeout).start(&sleep, &[argument]).unwrap();
            let why = finish(Question { running, has_flags: false }, || unreachable!("it has no flags")).err().unwrap();
            why.verdict()
        };
        let late = verdict(Duration::from_millis(50), "1000");
        assert_eq!(late.code.unwrap().class, Class::Transient, "{late:?}");
        let broken = verdict(VERSION_TIMEOUT, "nothing");
        assert_eq!(broken.code, None, "{broken:?}");
    }
}
