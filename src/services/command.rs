//! Running the commands of an init system.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};

use super::error::ServiceError;
use super::output::Output;
use crate::retry::{Again, Retry};
use crate::text::escaped;

/// Bytes kept of each stream of a command; the rest is read and dropped.
const MAX_OUTPUT: usize = 64 * 1024;

/// Time between two looks at a command.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How commands are run: with a bare environment, no input, and not for ever.
#[derive(Debug)]
pub struct Commands {
    path: Vec<PathBuf>,
    timeout: Duration,
}

/// The first executable of this name in these directories.
pub(crate) fn find(path: &[PathBuf], name: &str) -> Option<PathBuf> {
    path.iter().map(|directory| directory.join(name)).find(|program| {
        program.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

/// A command as a person would type it.
pub(super) fn line(program: &Path, arguments: &[&str]) -> String {
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    std::iter::once(name.as_ref()).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ")
}

impl Commands {
    /// Commands that are looked for in these directories, each ended after `timeout`.
    pub(crate) fn new(path: &[PathBuf], timeout: Duration) -> Commands {
        Commands { path: path.to_vec(), timeout }
    }

    /// The same with another time-out.
    pub(super) fn within(&self, timeout: Duration) -> Commands {
        Commands::new(&self.path, timeout)
    }

    /// The program of this name that would be run.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        find(&self.path, name)
    }

    /// Runs `program` to its end, or to ours.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> Result<Output, ServiceError> {
        self.start(program, arguments)?.output()
    }

    /// Starts `program`, to be waited for later.
    pub(crate) fn start(&self, program: &Path, arguments: &[&str]) -> Result<Running, ServiceError> {
        let cannot = |error| ServiceError::CannotRun { command: line(program, arguments), error };
        // Directories with a colon in their name cannot be said in PATH.
        let path = std::env::join_paths(&self.path).unwrap_or_default();
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that the children of a shell script end with it.
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        let (stdout, stderr) = (Capture::of(child.stdout.take()), Capture::of(child.stderr.take()));
        let command = line(program, arguments);
        let running = Running { child: Some(child), stdout, stderr, command, timeout: self.timeout };
        running.stdout.unblock().and_then(|()| running.stderr.unblock()).map_err(cannot)?;
        Ok(running)
    }
}

/// A command that has been started. It ends with this value.
#[derive(Debug)]
pub(crate) struct Running {
    /// Until it has been waited for: then its number may be another's.
    child: Option<Child>,
    stdout: Capture<ChildStdout>,
    stderr: Capture<ChildStderr>,
    command: String,
    timeout: Duration,
}

impl Running {
    /// Waits for its end, within the time-out from now on.
    pub(crate) fn output(mut self) -> Result<Output, ServiceError> {
        // The end of the command is what counts, not the end of its output: a daemon it started may keep that open.
        let status = Retry::every(POLL_INTERVAL, self.timeout).poll(
            || {
                let ended = self.child.as_mut().and_then(|child| child.try_wait().transpose()).transpose();
                let ended = ended.map_err(|error| ServiceError::CannotRun { command: self.command.clone(), error })?;
                self.stdout.drain();
                self.stderr.drain();
                let timed_out = || ServiceError::TimedOut { command: self.command.clone(), timeout: self.timeout };
                ended.ok_or_else(|| Again::not_yet(timed_out(), POLL_INTERVAL))
            },
            |_, _| {},
        )?;
        self.child = None;
        Ok(Output { status, stdout: self.stdout.text(), stderr: self.stderr.text() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

/// Ends a command and whatever it started.
fn end(child: &mut Child) {
    // It has not been waited for, so the number is still its own.
    if kill_process_group(Pid::from_child(child), Signal::KILL).is_err() {
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// The first bytes of a pipe that is never waited for.
#[derive(Debug)]
struct Capture<P> {
    pipe: Option<P>,
    bytes: Vec<u8>,
}

impl<P: Read + AsFd> Capture<P> {
    fn of(pipe: Option<P>) -> Capture<P> {
        Capture { pipe, bytes: Vec::new() }
    }

    /// Reading it never waits from now on.
    fn unblock(&self) -> std::io::Result<()> {
        if let Some(pipe) = &self.pipe {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    /// Takes what is there now.
    fn drain(&mut self) {
        let mut piece = [0; 4096];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut piece) {
                Ok(0) => self.pipe = None,
                Ok(n) => {
                    let room = MAX_OUTPUT - self.bytes.len();
                    self.bytes.extend_from_slice(&piece[..n.min(room)]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn text(&self) -> String {
        escaped(&String::from_utf8_lossy(&self.bytes), &['\n'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Longer than any of these commands takes; a command that should end is not to be taken for one that hangs.
    const LONG: Duration = Duration::from_secs(10);

    fn shell(timeout: Duration, script: &str) -> Result<Output, ServiceError> {
        Commands::new(&["/usr/bin".into(), "/bin".into()], timeout).run(Path::new("/bin/sh"), &["-c", script])
    }

    #[test]
    fn a_command_sees_the_given_path_and_nothing_else() {
        // PWD, SHLVL and _ are the shell's own.
        let output = shell(LONG, "env | grep -v -e ^PWD= -e ^SHLVL= -e ^_=; pwd; cat").unwrap();
        assert_eq!(output.stdout, "PATH=/usr/bin:/bin\n/\n");
    }

    #[test]
    fn output_is_capped_and_escaped_and_never_blocks_the_command() {
        let output = shell(LONG, "printf 'a\\033b\\n'; head -c 1000000 /dev/zero; printf x >&2; exit 7").unwrap();
        assert_eq!(output.status.code(), Some(7));
        assert!(output.stdout.starts_with("a\\u{1b}b\n\\u{0}"), "{:.20}", output.stdout);
        assert_eq!(output.stdout.matches("\\u{0}").count(), MAX_OUTPUT - 4);
        assert_eq!(output.stderr, "x");
        assert_eq!(output.first_line(), "x");
        assert_eq!(shell(LONG, "head -c 1000 /dev/zero | tr '\\0' x").unwrap().first_line().len(), 300);
    }

    #[test]
    fn a_daemon_that_keeps_the_output_open_is_not_waited_for() {
        assert_eq!(shell(LONG, "sleep 20 & echo started").unwrap().stdout, "started\n");
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let temporary = tempfile::tempdir().unwrap();
        let pid_file = temporary.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
        // A busy machine may need longer to start the child that is to be ended.
        for seconds in [1, 5, 30] {
            let error = shell(Duration::from_secs(seconds), &script).unwrap_err();
            assert!(matches!(error, ServiceError::TimedOut { .. }), "{error}");
            if pid_file.exists() {
                break;
            }
        }
        let pid = fs::read_to_string(&pid_file).unwrap();
        let stat = || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        let has_ended = |stat: &str| stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ");
        // The signal has been sent; how soon it is obeyed is the scheduler's.
        for _ in 0..6000 {
            if has_ended(&stat()) {
                return;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        panic!("it is still there: {}", stat());
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let error = Commands::new(&[], LONG).run(Path::new("/nowhere/systemctl"), &["stop", "kubelet"]).unwrap_err();
        assert!(error.to_string().starts_with("cannot run `systemctl stop kubelet`: "), "{error}");
    }
}
