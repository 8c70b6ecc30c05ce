//! The flags that a service is started with, as far as files say them: its unit with its drop-ins, and the environment files that
//! these name (systemd.service(5), systemd.exec(5)); where there is no unit, the files that an init script reads.

use super::offline::{Found, MAX_UNIT_FILE, drop_ins, find_unit};
use super::unit_file::{assignments, logical_lines, words};
use crate::rootfs::{Root, RootError, TargetPath};

/// Where packages keep the environment of their services.
const ENVIRONMENT_DIRECTORIES: [TargetPath; 3] =
    [TargetPath::fixed("/etc/default"), TargetPath::fixed("/etc/sysconfig"), TargetPath::fixed("/etc/conf.d")];

/// A flag of a service, in the file that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFlag {
    /// Without dashes.
    pub name: String,
    /// What follows `=`, or comes as the next word; variables and specifiers of systemd are left in it.
    pub value: Option<String>,
    /// The file.
    pub file: TargetPath,
}

/// A word, and the file that it stands in.
type Word = (String, TargetPath);

/// Programs that are given another's command line as one word.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "busybox"];
/// What a shell does not hand to the program as it stands.
const SHELL_SYNTAX: [char; 9] = [';', '|', '&', '<', '>', '(', ')', '{', '}'];

/// The flags that `service` is started with, in their order, but for what stands in the environment file `but_not`. Nothing of a
/// service that is masked, or that is started as something else than a program of its name, by itself or by a shell. A variable that no
/// file sets stays as it is written: `$NAME`.
///
/// # Errors
/// A unit file cannot be read.
pub fn service_flags(root: &Root, service: &str, but_not: &TargetPath) -> Result<Vec<ServiceFlag>, RootError> {
    let unit_name = format!("{service}.service");
    let words = match find_unit(root, &unit_name)? {
        Found::Masked(_) => Vec::new(),
        Found::Nothing => environment_of_script(root, service),
        Found::Unit(unit) => {
            let mut command = Command::default();
            for part in std::iter::once(unit).chain(drop_ins(root, &unit_name)?) {
                command.add(&text(root, &part)?, &part);
            }
            command.words(root, service, but_not)
        }
    };
    Ok(flags_among(words))
}

/// An assignment; of two with one name the last one counts.
struct Variable {
    name: String,
    value: String,
    file: TargetPath,
}

impl Variable {
    fn new(assigned: (&str, &str), file: &TargetPath) -> Variable {
        let (name, value) = (assigned.0.trim().to_owned(), assigned.1.to_owned());
        Variable { name, value, file: file.clone() }
    }
}

/// What the unit and its drop-ins say, as each adds to it.
#[derive(Default)]
struct Command {
    started: Vec<(Vec<String>, TargetPath)>,
    environment: Vec<Variable>,
    environment_files: Vec<TargetPath>,
}

impl Command {
    /// Adds a file. An empty assignment takes back what was said before.
    fn add(&mut self, text: &str, file: &TargetPath) {
        for (key, value) in assignments(text, "Service") {
            let words = words(&value);
            match key.as_str() {
                "ExecStart" if words.is_empty() => self.started.clear(),
                "ExecStart" => self.started.push((words, file.clone())),
                "Environment" if words.is_empty() => self.environment.clear(),
                "Environment" => {
                    let assigned = words.iter().filter_map(|word| word.split_once('='));
                    self.environment.extend(assigned.map(|assigned| Variable::new(assigned, file)));
                }
                "EnvironmentFile" if words.is_empty() => self.environment_files.clear(),
                "EnvironmentFile" => {
                    let named = words.iter().filter_map(|word| word.trim_start_matches('-').parse().ok());
                    self.environment_files.extend(named);
                }
                _ => {}
            }
        }
    }

    /// The words behind the program, with the variables' in the place of `$NAME` and `${NAME}`.
    fn words(mut self, root: &Root, service: &str, but_not: &TargetPath) -> Vec<Word> {
        for file in &self.environment_files {
            self.environment.extend(variables(root, file));
        }
        self.environment.retain(|variable| variable.file != *but_not);
        let mut found = Vec::new();
        for (command, file) in &self.started {
            for word in arguments(command, service) {
                match word.strip_prefix('$').and_then(|name| self.variable(name)) {
                    // On its own it becomes as many words as it has.
                    Some(variable) => {
                        found.extend(words(&variable.value).into_iter().map(|word| (word, variable.file.clone())));
                    }
                    None => found.push((self.substituted(word), file.clone())),
                }
            }
        }
        found
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.environment.iter().rev().find(|variable| variable.name == name)
    }

    /// A word with what is known of `${NAME}` in its place.
    fn substituted(&self, mut word: String) -> String {
        for variable in self.environment.iter().rev() {
            word = word.replace(&format!("${{{}}}", variable.name), &variable.value);
        }
        word
    }
}

/// The arguments of the program `service` in a command line; none where that starts something else.
fn arguments(command: &[String], service: &str) -> Vec<String> {
    let name = |word: &str| {
        word.trim_start_matches(['@', '-', ':', '+', '!']).rsplit('/').next().unwrap_or_default().to_owned()
    };
    let Some((first, rest)) = command.split_first() else { return Vec::new() };
    if name(first) == service {
        return rest.to_vec();
    }
    let script = rest.iter().find(|word| word.contains(char::is_whitespace));
    let Some(script) = script.filter(|_| SHELLS.contains(&&*name(first))) else { return Vec::new() };
    // What another program prints may be anything.
    if script.contains("$(") || script.contains('`') {
        return Vec::new();
    }
    let parts = words(script);
    let begins = |at: usize| at == 0 || parts[at - 1] == "exec" || parts[at - 1].ends_with(SHELL_SYNTAX);
    let Some(at) = (0..parts.len()).find(|at| name(&parts[*at]) == service && begins(*at)) else { return Vec::new() };
    parts[at + 1..].iter().take_while(|part| !part.contains(SHELL_SYNTAX)).cloned().collect()
}

/// What an init script reads: every variable that begins as flags do.
fn environment_of_script(root: &Root, service: &str) -> Vec<Word> {
    let files = ENVIRONMENT_DIRECTORIES.into_iter().filter_map(|directory| directory.join(service).ok());
    let all = files.flat_map(|file| variables(root, &file));
    let given = all.filter(|variable| variable.value.starts_with("--"));
    given
        .flat_map(|variable| words(&variable.value).into_iter().map(move |word| (word, variable.file.clone())))
        .collect()
}

/// The assignments of an environment file; none of one that cannot be read, as systemd has it of most.
fn variables(root: &Root, file: &TargetPath) -> Vec<Variable> {
    let lines = logical_lines(&text(root, file).unwrap_or_default());
    let assigned = lines.iter().filter_map(|line| line.split_once('='));
    assigned.map(|(name, value)| Variable::new((name, &words(value).join(" ")), file)).collect()
}

fn flags_among(words: Vec<Word>) -> Vec<ServiceFlag> {
    let mut flags = Vec::new();
    let mut words = words.into_iter().take_while(|(word, _)| word != "--").peekable();
    while let Some((word, file)) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (flag.to_owned(), words.next_if(|(next, _)| is_value(next)).map(|(value, _)| value)),
        };
        flags.push(ServiceFlag { name, value, file });
    }
    flags
}

/// Whether a word behind a flag is its value: another flag is none, a negative number is one.
fn is_value(word: &str) -> bool {
    word.strip_prefix('-').is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn text(root: &Root, path: &TargetPath) -> Result<String, RootError> {
    let bytes = root.read(path, MAX_UNIT_FILE)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drop-in of kubeadm's packages.
    const KUBEADM: &str = "\
# Note: this drop-in only works with kubeadm and kubelet v1.11+
[Service]
Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
Environment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
";
    const UNIT: &str = "[Service]\nExecStart=/usr/bin/kubelet --gone\n[Install]\nWantedBy=multi-user.target\n";

    /// `name=value@file` of each flag.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let temporary = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let place = temporary.path().join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, text).unwrap();
        }
        let root = Root::open(temporary.path()).unwrap();
        let flags = service_flags(&root, "kubelet", &TargetPath::fixed("/var/lib/kubelet/kubeadm-flags.env")).unwrap();
        let shown = |flag: ServiceFlag| format!("{}={}@{}", flag.name, flag.value.unwrap_or("-".to_owned()), flag.file);
        flags.into_iter().map(shown).collect()
    }

    #[test]
    fn a_unit_of_kubeadm_s_packages_is_read_as_systemd_reads_it() {
        let (unit, drop_in) =
            ("usr/lib/systemd/system/kubelet.service", "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf");
        let own = [
            "bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf@/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
            "kubeconfig=/etc/kubernetes/kubelet.conf@/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
            "config=/var/lib/kubelet/config.yaml@/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
        ];
        let mut files = vec![
            (unit, UNIT),
            (drop_in, KUBEADM),
            ("var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--v=9\""),
        ];
        assert_eq!(found(&files), own);
        files.push(("etc/default/kubelet", "KUBELET_EXTRA_ARGS=--v=1\n#KUBELET_EXTRA_ARGS=--no\nKUBELET_EXTRA_ARGS=\"--v 2 --node-labels='a=b'\"\nOTHER=--no\n"));
        assert_eq!(found(&files)[3..], ["v=2@/etc/default/kubelet", "node-labels=a=b@/etc/default/kubelet"]);
        // An administrator's drop-in takes the place of the command line.
        let last = "[Service]\nEnvironment=DIRECTORY=/etc/kubelet.d\nExecStart=\nExecStart=-/usr/bin/kubelet --config-dir ${DIRECTORY} \\\n  --root-dir=/x\n";
        files.push(("etc/systemd/system/kubelet.service.d/20-own.conf", last));
        let at = "@/etc/systemd/system/kubelet.service.d/20-own.conf";
        assert_eq!(found(&files), [format!("config-dir=/etc/kubelet.d{at}"), format!("root-dir=/x{at}")]);
    }

    #[test]
    fn flags_of_other_programs_are_left_alone() {
        let unit = |command: &str| {
            found(&[("etc/systemd/system/kubelet.service", &format!("[Service]\nExecStart={command}\n"))])
        };
        let none: [&str; 0] = [];
        let at = "@/etc/systemd/system/kubelet.service";
        for other in [
            "/usr/bin/podman run --privileged image",
            "/usr/bin/podman run --name kubelet --privileged image",
            "/usr/bin/podman run --volume /var/lib/kubelet:/var/lib/kubelet --privileged image",
            "/opt/bin/kubelet-wrapper --a",
            "/bin/sh -c 'kubelet --hostname-override $(hostname --fqdn) --v=2'",
            "/usr/bin/nsenter --mount=x kubelet --a",
        ] {
            assert_eq!(unit(other), none, "{other}");
        }
        let script =
            "/bin/sh -c 'mount --bind /var/lib/kubelet /var/lib/kubelet && exec kubelet --v=2 2>&1 | tee --append /k'";
        assert_eq!(unit(script), [format!("v=2{at}")]);
        assert_eq!(unit("/bin/sh -c 'kubelet --v=2; echo --done'"), none, "what belongs to whom is not certain");
        assert_eq!(unit("kubelet --oom-score-adj -999 --a"), [format!("oom-score-adj=-999{at}"), format!("a=-{at}")]);
        assert_eq!(
            unit("kubelet --node-ip ${IP} --x=${IP}"),
            [format!("node-ip=${{IP}}{at}"), format!("x=${{IP}}{at}")]
        );
        assert_eq!(unit("/bin/sh -c 'exec /usr/bin/kubelet --v=2'"), ["v=2@/etc/systemd/system/kubelet.service"]);
        assert_eq!(unit("-/usr/bin/kubelet --a -- --b"), [format!("a=-{at}")]);
        assert_eq!(
            unit("kubelet --a -v 3 $NOTHING --b"),
            ["a=-@/etc/systemd/system/kubelet.service", "b=-@/etc/systemd/system/kubelet.service"]
        );
        let unread = found(&[
            ("etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet\n"),
            ("etc/default/kubelet", "KUBELET_EXTRA_ARGS=--v=2"),
        ]);
        assert_eq!(unread, none, "the unit does not read it");
    }

    #[test]
    fn without_a_unit_the_environment_files_of_packages_count() {
        let files = [
            ("etc/conf.d/kubelet", "command_args=\"--v=3\"\nrc_need=net\n"),
            ("etc/default/kubelet", "KUBELET_EXTRA_ARGS='--a'"),
        ];
        assert_eq!(found(&files), ["a=-@/etc/default/kubelet", "v=3@/etc/conf.d/kubelet"]);
    }
}
