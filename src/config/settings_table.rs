//! Every setting that somebody can give, each defined here and nowhere else: the flags of all commands, the parameters of
//! the kernel command line, and the fields of a JoinConfiguration, in the order of the help text.
//!
//! A new setting is one row here, one field in [`super::settings::Settings`], and its use.

use super::setting::{Beside, Kind, Note, Parser, SKIP_PHASES, Section, Setting, Verb, verbs};
use super::settings::{BootReset, JoinCommandForm, ListForm, LoggingFormat, Output, VersionFormat, WaitFor};
use crate::clock::ClockMode;
use crate::values::duration;

/// The rows.
pub static SETTINGS: &[Setting] = &[
    // The cluster.
    Setting {
        parameter: "endpoint",
        value: "HOST:PORT[,HOST:PORT...]",
        kind: Kind::Text(|s| &mut s.endpoint),
        field: "discovery.bootstrapToken.apiServerEndpoint",
        since: "1.5, v1alpha1",
        help: "The API server; several, separated by commas, in kubejoin only",
        ..JOIN
    },
    Setting {
        flag: "token",
        parameter: "token",
        value: "TOKEN",
        kind: Kind::Secret(|s| &mut s.token),
        beside_config: Beside::Refused,
        field: "discovery.bootstrapToken.token, discovery.tlsBootstrapToken",
        since: "1.5",
        help: "Bootstrap token, for the two below",
        more: "Given as kubejoin.token=, the kernel's log has it before kubejoin runs, and every user can read it in \
               /proc/cmdline; a file (--token-file), a systemd credential or a file of the boot partition is in neither",
        ..JOIN
    },
    Setting {
        flag: "discovery-token",
        parameter: "discovery-token",
        value: "TOKEN",
        kind: Kind::Secret(|s| &mut s.discovery_token),
        beside_config: Beside::Refused,
        field: "discovery.bootstrapToken.token",
        since: "1.6, v1alpha1",
        help: "Token that verifies cluster-info",
        ..JOIN
    },
    Setting {
        flag: "tls-bootstrap-token",
        parameter: "tls-bootstrap-token",
        value: "TOKEN",
        kind: Kind::Secret(|s| &mut s.tls_bootstrap_token),
        beside_config: Beside::Refused,
        field: "discovery.tlsBootstrapToken",
        since: "1.6, v1alpha1",
        help: "Token that the certificate is requested with",
        ..JOIN
    },
    Setting {
        flag: "token-file",
        parameter: "token-file",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.token_file),
        since: KUBEJOIN,
        help: "Read the token from a file; `-` is standard input",
        ..JOIN
    },
    Setting {
        flag: "discovery-token-ca-cert-hash",
        parameter: "ca-cert-hash",
        value: "sha256:HEX",
        kind: Kind::List(|s| &mut s.ca_cert_hashes),
        beside_config: Beside::Refused,
        field: "discovery.bootstrapToken.caCertHashes",
        since: "1.8, v1alpha1",
        help: "Hash of the cluster CA's public key; several with commas or repeated, one has to match",
        ..JOIN
    },
    Setting {
        flag: "discovery-ca-file",
        parameter: "discovery-ca-file",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.discovery_ca_file),
        since: KUBEJOIN,
        help: "The cluster's ca.crt instead of its hash",
        ..JOIN
    },
    Setting {
        flag: "discovery-token-unsafe-skip-ca-verification",
        kind: Kind::Boolean(|s| &mut s.unsafe_skip_ca_verification),
        beside_config: Beside::Refused,
        field: "discovery.bootstrapToken.unsafeSkipCAVerification",
        since: "1.8, v1alpha1",
        help: "Go without either: whoever knows the token can pose as the control plane",
        ..JOIN
    },
    Setting {
        flag: "discovery-file",
        parameter: "discovery-file",
        value: "FILE|URL",
        kind: Kind::Text(|s| &mut s.discovery_file),
        beside_config: Beside::Refused,
        field: "discovery.file.kubeConfigPath",
        since: "1.6, v1alpha1",
        help: "Instead of HOST:PORT, a token and a hash: a kubeconfig with server and CA, here or at an https:// URL; it \
               may hold credentials, else --tls-bootstrap-token is needed",
        ..JOIN
    },
    Setting {
        flag: "discovery-url-ca-file",
        parameter: "discovery-url-ca-file",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.discovery_url_ca_file),
        since: KUBEJOIN,
        help: "CA that the web server of that URL has; the host's CA bundle by default",
        ..JOIN
    },
    Setting {
        flag: "server",
        parameter: "server",
        value: "HOST:PORT",
        kind: Kind::Text(|s| &mut s.server),
        since: KUBEJOIN,
        help: "Let the kubelet use this API server, instead of the one that the cluster or the file names; this join does \
               not use it",
        ..JOIN
    },
    // This machine.
    Setting {
        flag: "node-name",
        parameter: "node-name",
        value: "NAME",
        kind: Kind::Text(|s| &mut s.node_name),
        section: Section::Machine,
        field: "nodeRegistration.name",
        since: "1.7, v1alpha1",
        help: "Name of the node, or a template with {serial}, {mac}, {machine-id}, {hostname} or {uuid} (default: the host name)",
        more: "With `--rootfs`, the host name is that of its `/etc/hostname`; where it has none, this machine's",
        ..JOIN
    },
    Setting {
        flag: "cri-socket",
        parameter: "cri-socket",
        value: "SOCKET",
        kind: Kind::Text(|s| &mut s.cri_socket),
        beside_config: Beside::Refused,
        section: Section::Machine,
        field: "nodeRegistration.criSocket",
        since: "1.9, v1alpha1",
        help: "Socket of the container runtime, such as unix:///run/containerd/containerd.sock",
        more: "Default: the one that answers; with `--rootfs`, containerd's",
        ..JOIN
    },
    Setting {
        flag: "patches",
        parameter: "patches",
        value: "DIR",
        kind: Kind::Path(|s| &mut s.patches),
        beside_config: Beside::Refused,
        section: Section::Machine,
        field: "patches.directory",
        since: "1.22, v1beta3",
        help: "Patches of config.yaml and of static pods, as kubeadm has them: TARGET*[+KIND].yaml or .json, TARGET is \
               kubeletconfiguration, etcd, kube-apiserver, kube-controller-manager or kube-scheduler, KIND is strategic, \
               merge or json",
        ..JOIN
    },
    Setting {
        flag: "kubelet-config",
        parameter: "kubelet-config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.kubelet_config),
        section: Section::Machine,
        since: KUBEJOIN,
        help: "Use this KubeletConfiguration instead of the cluster's, which is then not read",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::None, Verb::Join, Verb::Ensure, Verb::Doctor, Verb::Reset]),
        flag: "rootfs",
        parameter: "rootfs",
        value: "DIR",
        kind: Kind::Path(|s| &mut s.rootfs),
        section: Section::Machine,
        since: "1.12",
        help: "Write to the root file system mounted there, as in an initramfs",
        more: "There is no chroot",
        ..JOIN
    },
    Setting {
        flag: "clock",
        parameter: "clock",
        value: "auto|system|server",
        kind: Kind::Parsed(&Parser {
            expected: "auto, system or server",
            set: |s, text| {
                let names = [("auto", ClockMode::Auto), ("system", ClockMode::System), ("server", ClockMode::Server)];
                choose(&mut s.clock, text, &names)
            },
        }),
        section: Section::Machine,
        since: KUBEJOIN,
        help: "Clock that certificates are judged by: the system's; the verified server's where the system's is before the \
               build date (auto); or always the server's (default: auto)",
        ..JOIN
    },
    Setting {
        flag: "set-clock",
        kind: Kind::Boolean(|s| &mut s.set_clock),
        section: Section::Machine,
        since: KUBEJOIN,
        help: "Step the system clock to the server's, once the server is verified",
        ..JOIN
    },
    // A control plane.
    Setting {
        flag: "control-plane",
        parameter: "control-plane",
        kind: Kind::Boolean(|s| &mut s.control_plane),
        beside_config: Beside::Refused,
        field: "controlPlane",
        since: "1.15, v1alpha3",
        help: "Join as another control plane",
        ..CONTROL_PLANE
    },
    Setting {
        flag: "certificate-key",
        parameter: "certificate-key",
        value: "KEY",
        kind: Kind::Secret(|s| &mut s.certificate_key),
        beside_config: Beside::Refused,
        field: "controlPlane.certificateKey",
        since: "1.14, v1beta2",
        help: "Key that opens the certificates in the Secret kubeadm-certs; without it they must be on this machine",
        more: "64 hexadecimal digits; `kubeadm init phase upload-certs --upload-certs` prints it, and the Secret lives for two hours",
        ..CONTROL_PLANE
    },
    Setting {
        flag: "certs-dir-from",
        parameter: "certs-dir-from",
        value: "DIR|TAR",
        kind: Kind::Path(|s| &mut s.certs_dir_from),
        since: KUBEJOIN,
        help: "Take these certificates from files that were brought, named as below /etc/kubernetes/pki, instead of the Secret",
        more: "`ca.crt`, `ca.key`, `front-proxy-ca.crt`, `front-proxy-ca.key`, `sa.pub`, `sa.key`, `etcd/ca.crt`, `etcd/ca.key`; \
               those of an etcd elsewhere as `external-etcd-ca.crt`, `external-etcd.crt`, `external-etcd.key`. A tar archive is \
               not compressed, its other files are passed over; links are refused. Once they are written the source may be gone",
        ..CONTROL_PLANE
    },
    Setting {
        flag: "apiserver-advertise-address",
        parameter: "apiserver-advertise-address",
        value: "ADDRESS",
        kind: Kind::Text(|s| &mut s.advertise_address),
        beside_config: Beside::Refused,
        field: "controlPlane.localAPIEndpoint.advertiseAddress",
        since: "1.12, v1beta1",
        help: "Address of the API server and of etcd on this machine (default: that of the interface with the default route)",
        ..CONTROL_PLANE
    },
    Setting {
        flag: "apiserver-bind-port",
        parameter: "apiserver-bind-port",
        value: "PORT",
        kind: Kind::Parsed(&Parser {
            expected: "a port number",
            set: |s, text| {
                s.bind_port = text.parse().ok();
                s.bind_port.is_some()
            },
        }),
        beside_config: Beside::Refused,
        field: "controlPlane.localAPIEndpoint.bindPort",
        since: "1.12, v1beta1",
        help: "Port of the API server on this machine (default: 6443)",
        ..CONTROL_PLANE
    },
    // Other sources.
    Setting {
        flag: "config",
        parameter: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        section: Section::Sources,
        since: "1.5",
        help: "YAML or JSON with a JoinConfiguration, or of old a NodeConfiguration, in place of HOST:PORT, --cri-socket, \
               --patches and kubeadm's flags of the cluster; --token-file fills in what it lacks (see `{program} help \
               config`)",
        ..JOIN
    },
    Setting {
        flag: "kernel-command-line",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.kernel_command_line),
        section: Section::Sources,
        since: KUBEJOIN,
        help: "Read kubejoin.* settings from this file; /proc/cmdline is read when there is none of HOST:PORT, \
               --discovery-file and --config",
        ..JOIN
    },
    // The run.
    Setting {
        flag: "ignore-preflight-errors",
        parameter: "ignore-preflight-errors",
        value: "LIST",
        kind: Kind::List(|s| &mut s.ignore_preflight_errors),
        section: Section::Run,
        field: "nodeRegistration.ignorePreflightErrors",
        since: "1.9, v1beta2",
        help: "Checks whose errors become warnings; `all` for every check",
        more: "Flag and field add up",
        ..JOIN
    },
    Setting {
        flag: "dry-run",
        kind: Kind::Boolean(|s| &mut s.dry_run),
        section: Section::Run,
        field: "dryRun",
        since: "1.23, v1beta4",
        help: "Show what would be written, write nothing",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Join]),
        flag: "check",
        kind: Kind::Boolean(|s| &mut s.check),
        section: Section::Run,
        since: KUBEJOIN,
        help: "Rehearse: go as far as --dry-run, and say only whether the join would succeed",
        more: "With --rootfs from a build host: an image is tried against a live cluster before it is flashed. Nothing is \
               left, here or in the cluster; the exit status is that of the join",
        ..JOIN
    },
    Setting {
        flag: SKIP_PHASES,
        value: "LIST",
        kind: Kind::List(|s| &mut s.skip_phases),
        section: Section::Run,
        field: "skipPhases",
        since: "1.14, v1beta3",
        help: "Phases to leave out; with tls-bootstrap, the kubelet gets its certificate itself",
        more: "Any of kubeadm's names. The flag replaces the field",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::None, Verb::Join, Verb::Ensure, Verb::Doctor, Verb::Reset, Verb::Status]),
        ..VERBOSITY
    },
    Setting {
        verbs: verbs(&[Verb::Join, Verb::Ensure, Verb::Doctor, Verb::Reset]),
        flag: "logging-format",
        value: "text|json",
        kind: Kind::Parsed(&Parser {
            expected: "text or json",
            set: |s, text| {
                choose(&mut s.logging_format, text, &[("text", LoggingFormat::Text), ("json", LoggingFormat::Json)])
            },
        }),
        section: Section::Run,
        since: KUBEJOIN,
        help: "Lines for people, or JSON lines",
        more: "On standard error, one object per line",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Join, Verb::Ensure, Verb::Doctor, Verb::Reset, Verb::Status, Verb::Explain]),
        flag: "output",
        short: Some('o'),
        value: "text|json",
        kind: Kind::Parsed(&Parser {
            expected: "text or json",
            set: |s, text| choose(&mut s.output, text, &[("text", Output::Text), ("json", Output::Json)]),
        }),
        section: Section::Run,
        since: KUBEJOIN,
        help: "Lines for people, or the result (of a dry run: every file) as one JSON document",
        more: "On standard output",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Join, Verb::Ensure, Verb::Doctor, Verb::Reset, Verb::Status]),
        flag: "result-file",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.result_file),
        section: Section::Run,
        since: KUBEJOIN,
        help: "Where the result is written (default: /run/kubejoin/result.json)",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Doctor]),
        flag: "report",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.report),
        section: Section::Diagnosis,
        since: KUBEJOIN,
        help: "Write all that was seen into a file, without secrets, fit to be pasted",
        more: "Versions, facts about the machine, every check, the last result and the end of the kubelet's log",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Ensure, Verb::Status]),
        flag: "deadline",
        value: "DURATION",
        kind: Kind::Parsed(&Parser {
            expected: "a duration such as 10m0s",
            set: |s, text| {
                s.deadline = duration::parse(text).ok();
                s.deadline.is_some()
            },
        }),
        section: Section::Unattended,
        since: KUBEJOIN,
        help: "How long what may still come is waited for, such as a network (default: for ever)",
        ..JOIN
    },
    Setting {
        flag: "spread",
        parameter: "spread",
        value: "DURATION",
        kind: Kind::Parsed(&Parser {
            expected: "a duration such as 10m0s",
            set: |s, text| {
                s.spread = duration::parse(text).ok();
                s.spread.is_some()
            },
        }),
        section: Section::Run,
        since: KUBEJOIN,
        help: "Before the cluster is asked, wait for this machine's share of a window: always the same part of it, by the \
               machine's identity",
        more: "For fleets that are switched on together. `ensure` counts from the machine's start, and a node that is well \
               does not wait. See tests/fleet/README.md",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Status]),
        flag: "wait",
        kind: Kind::Parsed(&Parser {
            expected: "joined or ready",
            set: |s, text| {
                choose(
                    &mut s.wait,
                    text,
                    &[("true", WaitFor::Joined), ("joined", WaitFor::Joined), ("ready", WaitFor::Ready)],
                )
            },
        }),
        section: Section::Unattended,
        since: KUBEJOIN,
        help: "Wait until the node has joined, or with --wait=ready until its Node is Ready; for ever, or for --deadline",
        more: "For provisioners: each is said as it becomes true; on a deadline the exit status is 3",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Ensure]),
        flag: "shred-token-file",
        kind: Kind::Boolean(|s| &mut s.shred_token_file),
        section: Section::Unattended,
        since: KUBEJOIN,
        help: "Overwrite and remove kubejoin.token and kubejoin.txt, and the file of --token-file, once the node has joined",
        more: "Credentials and the firmware's strings stay. FAT and flash may keep what was overwritten: let the token expire, too",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[]),
        parameter: "reset",
        value: "1|force",
        kind: Kind::Parsed(&Parser {
            expected: "1 or force",
            set: |s, text| {
                choose(&mut s.boot_reset, text, &[("1", BootReset::Confirmed), ("force", BootReset::Forced)])
            },
        }),
        section: Section::Unattended,
        since: KUBEJOIN,
        help: "With `--rootfs`, as in an initramfs: reset the root once in this boot, then join it again; `force` is \
               `reset --force`",
        more: "On the kernel command line only; in the booted machine it has no effect",
        ..JOIN
    },
    // Reset.
    Setting {
        flag: "force",
        short: Some('f'),
        kind: Kind::Boolean(|s| &mut s.force),
        beside_config: Beside::Refused,
        field: "force",
        help: "Ask nobody; and let go what only an administrator can: the data of etcd's last member, or of one whose \
               cluster cannot be asked",
        ..RESET
    },
    Setting {
        flag: "cert-dir",
        value: "DIR",
        kind: Kind::Text(|s| &mut s.cert_dir),
        beside_config: Beside::Refused,
        field: "certificatesDir",
        help: "Where the certificates are (default: /etc/kubernetes/pki); of another directory only kubeadm's files go",
        ..RESET
    },
    Setting {
        flag: "cri-socket",
        value: "SOCKET",
        kind: Kind::Text(|s| &mut s.cri_socket),
        beside_config: Beside::Refused,
        field: "criSocket",
        help: "Socket of the container runtime (default: the one that this node's kubelet was given)",
        ..RESET
    },
    Setting {
        flag: "cleanup-tmp-dir",
        kind: Kind::Boolean(|s| &mut s.cleanup_tmp_dir),
        beside_config: Beside::Refused,
        field: "cleanupTmpDir",
        help: "Empty /etc/kubernetes/tmp, too",
        ..RESET
    },
    Setting {
        flag: "kubeconfig",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.kubeconfig),
        help: "How the API server is reached that knows the members of etcd, where etcd of this machine does not answer \
               (default: /etc/kubernetes/admin.conf)",
        ..RESET
    },
    Setting {
        flag: "cni",
        kind: Kind::Boolean(|s| &mut s.cni),
        since: KUBEJOIN,
        help: "Empty /etc/cni/net.d and /var/lib/cni, too: also what is not of Kubernetes there",
        ..RESET
    },
    Setting {
        flag: "images",
        kind: Kind::Boolean(|s| &mut s.images),
        since: KUBEJOIN,
        help: "Remove the images of the container runtime, too, where nothing but Kubernetes uses it",
        ..RESET
    },
    Setting {
        flag: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        help: "YAML or JSON with a ResetConfiguration, in place of --force, --cert-dir, --cri-socket and --cleanup-tmp-dir",
        ..RESET
    },
    Setting {
        flag: "dry-run",
        kind: Kind::Boolean(|s| &mut s.dry_run),
        field: "dryRun",
        help: "Show what would go and what would stay, change nothing",
        ..RESET
    },
    Setting {
        flag: SKIP_PHASES,
        value: "LIST",
        kind: Kind::List(|s| &mut s.skip_phases),
        field: "skipPhases",
        help: "Phases to leave out",
        ..RESET
    },
    Setting {
        flag: "ignore-preflight-errors",
        value: "LIST",
        kind: Kind::List(|s| &mut s.ignore_preflight_errors),
        field: "ignorePreflightErrors",
        help: "Checks whose errors become warnings; `all` for every check",
        ..RESET
    },
    // Other commands.
    Setting {
        verbs: verbs(&[Verb::ConfigValidate]),
        flag: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        section: Section::Run,
        help: "What is validated",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::ConfigMigrate]),
        flag: "old-config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.old_config),
        section: Section::Run,
        help: "What is migrated",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::ConfigMigrate]),
        flag: "new-config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.new_config),
        section: Section::Run,
        help: "Where the result is written, readable by its owner alone (default: standard output)",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::ConfigValidate, Verb::ConfigMigrate]),
        flag: "allow-deprecated-api",
        kind: Kind::Boolean(|s| &mut s.allow_deprecated_api),
        section: Section::Run,
        help: "No warning about an old version",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::ConfigValidate, Verb::ConfigMigrate]),
        flag: "allow-experimental-api",
        kind: Kind::Boolean(|s| &mut s.allow_experimental_api),
        section: Section::Run,
        help: "Read kubeadm.k8s.io/v1, too",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Config, Verb::ConfigValidate, Verb::ConfigMigrate, Verb::CheckExpiration]),
        flag: "kubeconfig",
        value: "FILE",
        kind: Kind::Ignored,
        section: Section::Run,
        help: "As in kubeadm; nothing here reads it",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[
            Verb::Config,
            Verb::ConfigValidate,
            Verb::ConfigMigrate,
            Verb::Certs,
            Verb::CertificateKey,
            Verb::CheckExpiration,
            Verb::KubeconfigUser,
            Verb::Completion,
            Verb::Version,
        ]),
        help: "As in kubeadm; nothing more is said",
        ..VERBOSITY
    },
    Setting {
        verbs: verbs(&[Verb::Version]),
        flag: "output",
        short: Some('o'),
        value: "short|json",
        kind: Kind::Parsed(&Parser {
            expected: "short or json",
            set: |s, text| {
                choose(&mut s.version_format, text, &[("short", VersionFormat::Short), ("json", VersionFormat::Json)])
            },
        }),
        section: Section::Run,
        help: "The version alone, or JSON",
        ..JOIN
    },
    // Tokens.
    Setting {
        verbs: verbs(&ADMIN_VERBS),
        flag: "kubeconfig",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.kubeconfig),
        help: "The administrator's kubeconfig (default: that of $KUBECONFIG, ~/.kube/config, /etc/kubernetes/admin.conf, the \
               first that is there)",
        section: Section::Run,
        ..TOKEN
    },
    Setting {
        verbs: verbs(&ADMIN_VERBS),
        flag: "dry-run",
        kind: Kind::Boolean(|s| &mut s.dry_run),
        help: "Say what would be done, and change nothing",
        section: Section::Run,
        ..TOKEN
    },
    Setting {
        flag: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        help: "An InitConfiguration whose bootstrapTokens are made; of flags only --dry-run, --kubeconfig, \
               --print-join-command and --output may stand beside it",
        ..TOKEN
    },
    Setting {
        flag: "ttl",
        value: "DURATION",
        kind: Kind::Parsed(&Parser {
            expected: "a duration of at least 0s, such as 2h",
            set: |s, text| {
                s.ttl = duration::parse(text).ok();
                s.ttl.is_some()
            },
        }),
        beside_config: Beside::Refused,
        help: "How long it lives; 0 is for ever (default: 24h)",
        ..TOKEN
    },
    Setting {
        flag: "usages",
        value: "USAGE[,USAGE]",
        kind: Kind::List(|s| &mut s.usages),
        beside_config: Beside::Refused,
        help: "What it can be used for (default: signing,authentication)",
        ..TOKEN
    },
    Setting {
        flag: "groups",
        value: "GROUP[,GROUP...]",
        kind: Kind::List(|s| &mut s.groups),
        beside_config: Beside::Refused,
        help: "Whom it is known as (default: the group of kubeadm's whose members may join)",
        ..TOKEN
    },
    Setting {
        flag: "description",
        value: "TEXT",
        kind: Kind::Text(|s| &mut s.description),
        beside_config: Beside::Refused,
        help: "Why there is one",
        ..TOKEN
    },
    Setting {
        flag: "count",
        value: "N",
        kind: Kind::Parsed(&Parser {
            expected: "a number from 1 to 1000",
            set: |s, text| {
                s.count = text.parse().ok().filter(|count| (1..=1000).contains(count));
                s.count.is_some()
            },
        }),
        beside_config: Beside::Refused,
        since: KUBEJOIN,
        help: "Make so many, each printed on a line of its own: one token is one flow of the API server's fairness",
        ..TOKEN
    },
    Setting {
        flag: "print-join-command",
        kind: Kind::Boolean(|s| &mut s.print_join_command),
        help: "Print the command that joins with it",
        ..TOKEN
    },
    Setting {
        flag: "certificate-key",
        value: "KEY",
        kind: Kind::Secret(|s| &mut s.certificate_key),
        beside_config: Beside::Refused,
        help: "With --print-join-command: print the command of a control plane, with this key",
        ..TOKEN
    },
    Setting {
        flag: "output",
        short: Some('o'),
        value: "cmdline|yaml|systemd-creds",
        kind: Kind::Parsed(&Parser {
            expected: "cmdline, yaml or systemd-creds",
            set: |s, text| {
                choose(
                    &mut s.join_command_form,
                    text,
                    &[
                        ("cmdline", JoinCommandForm::Cmdline),
                        ("yaml", JoinCommandForm::Yaml),
                        ("systemd-creds", JoinCommandForm::SystemdCreds),
                    ],
                )
            },
        }),
        since: KUBEJOIN,
        help: "With --print-join-command: kernel parameters, a JoinConfiguration, or commands that seal it for a machine",
        ..TOKEN
    },
    Setting { flag: "output", short: Some('o'), help: "A table, or a document for each (default: text)", ..LIST_FORM },
    Setting {
        flag: "experimental-output",
        note: Note::Retired("read as --output"),
        section: Section::Hidden,
        since: "1.17 to 1.21",
        ..LIST_FORM
    },
    Setting {
        verbs: verbs(&[Verb::TokenList, Verb::CheckExpiration]),
        flag: "allow-missing-template-keys",
        note: Note::NoEffect("there are no templates"),
        ..HIDDEN
    },
    Setting {
        verbs: verbs(&[Verb::TokenList, Verb::CheckExpiration]),
        flag: "show-managed-fields",
        note: Note::NoEffect("nothing that is listed has any"),
        ..HIDDEN
    },
    Setting { verbs: verbs(&ADMIN_VERBS), help: "How much to say of what is asked, 0 to 10 (default: 0)", ..VERBOSITY },
    // Certificates.
    Setting {
        verbs: verbs(&[Verb::Status, Verb::CheckExpiration, Verb::UploadCerts, Verb::KubeconfigUser]),
        flag: "rootfs",
        value: "DIR",
        kind: Kind::Path(|s| &mut s.rootfs),
        help: "Read the files of the root file system mounted there",
        ..CHECK_EXPIRATION
    },
    Setting {
        flag: "upload-certs",
        kind: Kind::Boolean(|s| &mut s.upload_certs),
        help: "Do it; without this flag nothing is done, as in kubeadm",
        ..UPLOAD_CERTS
    },
    Setting {
        flag: "certificate-key",
        value: "KEY",
        kind: Kind::Secret(|s| &mut s.certificate_key),
        beside_config: Beside::Refused,
        help: "Key to encrypt with, 64 hexadecimal digits (default: one is drawn)",
        ..UPLOAD_CERTS
    },
    Setting {
        flag: "skip-certificate-key-print",
        kind: Kind::Boolean(|s| &mut s.skip_certificate_key_print),
        help: "Do not print the key",
        ..UPLOAD_CERTS
    },
    Setting {
        flag: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        help: "A ClusterConfiguration, and the certificateKey of an InitConfiguration (default: what the cluster says)",
        more: "Without a file, kubeadm has its defaults: they are wrong where etcd or the directory of certificates is another",
        ..UPLOAD_CERTS
    },
    Setting {
        verbs: verbs(&[Verb::CheckExpiration, Verb::UploadCerts, Verb::KubeconfigUser]),
        flag: "cert-dir",
        value: "DIR",
        kind: Kind::Text(|s| &mut s.cert_dir),
        help: "Where the certificates are (default: what the configuration says, else /etc/kubernetes/pki)",
        ..CHECK_EXPIRATION
    },
    Setting {
        flag: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        help: "A ClusterConfiguration: where the certificates are, and whether etcd has any of this cluster's",
        more: "Without one the files say so themselves; kubeadm asks the cluster",
        ..CHECK_EXPIRATION
    },
    Setting {
        flag: "client-name",
        value: "NAME",
        kind: Kind::Text(|s| &mut s.client_name),
        help: "Who: the CN of the certificate, such as system:node:n1",
        ..KUBECONFIG_USER
    },
    Setting {
        flag: "org",
        value: "GROUP[,GROUP...]",
        kind: Kind::List(|s| &mut s.organizations),
        help: "Groups of the user: O of the certificate, such as system:nodes",
        ..KUBECONFIG_USER
    },
    Setting {
        flag: "token",
        value: "TOKEN",
        kind: Kind::Secret(|s| &mut s.token),
        help: "What the user authenticates with, instead of a certificate",
        ..KUBECONFIG_USER
    },
    Setting {
        flag: "validity-period",
        value: "DURATION",
        kind: Kind::Parsed(&Parser {
            expected: "a duration of more than 0s, such as 720h",
            set: |s, text| {
                s.validity_period = duration::parse(text).ok().filter(|period| !period.is_zero());
                s.validity_period.is_some()
            },
        }),
        help: "How long the certificate is valid (default: 8760h0m0s)",
        ..KUBECONFIG_USER
    },
    Setting {
        flag: "config",
        value: "FILE",
        kind: Kind::Path(|s| &mut s.config),
        help: "A ClusterConfiguration with the controlPlaneEndpoint, or an InitConfiguration with the address (default: this \
               machine's, port 6443)",
        ..KUBECONFIG_USER
    },
    Setting {
        verbs: verbs(&[Verb::CheckExpiration]),
        flag: "output",
        short: Some('o'),
        section: Section::Run,
        help: "A table, or a document (default: text)",
        ..LIST_FORM
    },
    Setting {
        verbs: verbs(&[
            Verb::None,
            Verb::Join,
            Verb::Ensure,
            Verb::Doctor,
            Verb::Reset,
            Verb::Status,
            Verb::Explain,
            Verb::Config,
            Verb::ConfigValidate,
            Verb::ConfigMigrate,
            Verb::Token,
            Verb::TokenGenerate,
            Verb::TokenCreate,
            Verb::TokenList,
            Verb::TokenDelete,
            Verb::Certs,
            Verb::CertificateKey,
            Verb::CheckExpiration,
            Verb::UploadCerts,
            Verb::KubeconfigUser,
            Verb::Completion,
            Verb::Version,
            Verb::Help,
        ]),
        flag: "help",
        short: Some('h'),
        kind: Kind::Help,
        section: Section::Run,
        since: "1.5",
        help: "This text",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::None]),
        flag: "version",
        short: Some('V'),
        kind: Kind::Version,
        section: Section::Run,
        help: "Show the version",
        ..JOIN
    },
    Setting {
        verbs: verbs(&[Verb::Help]),
        flag: "man",
        kind: Kind::Boolean(|s| &mut s.man),
        section: Section::Run,
        since: KUBEJOIN,
        help: "Print a manual page of all of it, for `man -l -`",
        ..JOIN
    },
    // Flags without an effect: those of kubeadm 1.37 (`cmd/kubeadm/app/cmd/join.go`, `kubeadm.go`) that a worker has no use
    // for, and those that kubeadm has retired.
    Setting { flag: "vmodule", value: "LIST", note: Note::NoEffect(ONE_LEVEL), ..HIDDEN },
    Setting {
        flag: "experimental-control-plane",
        kind: Kind::Boolean(|s| &mut s.control_plane),
        beside_config: Beside::Refused,
        field: "controlPlane",
        note: Note::Retired("read as --control-plane"),
        since: "1.12 to 1.15",
        ..HIDDEN
    },
    Setting {
        flag: "skip-preflight-checks",
        kind: Kind::Boolean(|s| &mut s.skip_preflight_checks),
        note: Note::Retired("read as --ignore-preflight-errors=all"),
        since: "1.5 to 1.11",
        ..HIDDEN
    },
    Setting {
        flag: "ignore-checks-errors",
        value: "LIST",
        kind: Kind::List(|s| &mut s.ignore_preflight_errors),
        note: Note::Retired("read as --ignore-preflight-errors"),
        since: "on its pages only, in no release",
        ..HIDDEN
    },
    Setting {
        flag: "experimental-patches",
        value: "DIR",
        kind: Kind::Path(|s| &mut s.patches),
        beside_config: Beside::Refused,
        field: "patches.directory",
        note: Note::Retired("read as --patches"),
        since: "1.19 to 1.22",
        ..HIDDEN
    },
    Setting {
        flag: "feature-gates",
        value: "LIST",
        kind: Kind::Ignored,
        note: Note::Retired("ignored: a joining node takes its gates from the cluster"),
        since: "1.9 to 1.12",
        ..HIDDEN
    },
    Setting {
        flag: "experimental-kustomize",
        short: Some('k'),
        value: "DIR",
        kind: Kind::Path(|s| &mut s.kustomize),
        note: Note::Retired(
            "--patches has replaced it: its fragments are read as strategic patches of a control plane's static pods",
        ),
        since: "1.16 to 1.19",
        ..HIDDEN
    },
    Setting { flag: "add-dir-header", ..KLOG },
    Setting { flag: "alsologtostderr", ..KLOG },
    Setting { flag: "log-backtrace-at", value: "PLACE", ..KLOG },
    Setting { flag: "log-dir", value: "DIR", ..KLOG },
    Setting { flag: "log-file", value: "FILE", ..KLOG },
    Setting { flag: "log-file-max-size", value: "SIZE", ..KLOG },
    Setting { flag: "log-flush-frequency", value: "DURATION", ..KLOG },
    Setting { flag: "logtostderr", ..KLOG },
    Setting { flag: "one-output", ..KLOG },
    Setting { flag: "skip-headers", ..KLOG },
    Setting { flag: "skip-log-headers", ..KLOG },
    Setting { flag: "stderrthreshold", value: "LEVEL", ..KLOG },
];

/// What only a configuration file says.
#[cfg_attr(not(test), expect(dead_code, reason = "REFERENCE.md is written from it, by a test"))]
pub static FIELDS: &[Setting] = &[
    Setting { field: "nodeRegistration.taints", since: "v1alpha2", help: "Taints of the new Node", ..FIELD },
    Setting {
        field: "nodeRegistration.kubeletExtraArgs",
        since: "v1alpha2",
        help: "Flags for the kubelet",
        more: "A list of `{name, value}` (v1beta4) or a mapping (before), either in any version",
        ..FIELD
    },
    Setting {
        field: "nodeRegistration.imagePullPolicy",
        since: "v1beta3",
        help: "Whether the images of a control plane are pulled: Always, IfNotPresent (default) or Never",
        ..FIELD
    },
    Setting { field: "nodeRegistration.imagePullSerial", since: "v1beta4", ..UNUSED_FIELD },
    Setting {
        field: "caCertPath",
        since: "v1alpha1",
        help: "Where the cluster CA is written (default: /etc/kubernetes/pki/ca.crt)",
        ..FIELD
    },
    Setting {
        field: "timeouts.discovery",
        since: "v1alpha1",
        help: "How long the cluster is looked for (default: 5m0s)",
        more: "Of old `discoveryTimeout`, then `discovery.timeout`",
        ..FIELD
    },
    Setting {
        field: "timeouts.tlsBootstrap",
        since: "v1beta4",
        help: "How long the certificate is waited for (default: 5m0s)",
        ..FIELD
    },
    Setting {
        field: "timeouts.kubeletHealthCheck",
        since: "v1beta4",
        help: "How long the kubelet is waited for (default: 4m0s)",
        ..FIELD
    },
    Setting {
        field: "timeouts.kubernetesAPICall",
        since: "v1beta4",
        help: "How long the cluster's configuration is asked for, and the Node waited for (default: 1m0s)",
        ..FIELD
    },
    Setting {
        field: "timeouts.controlPlaneComponentHealthCheck",
        since: "v1beta4",
        help: "How long API server, controller-manager and scheduler of this machine are waited for (default: 4m0s)",
        ..FIELD
    },
    Setting {
        field: "timeouts.etcdAPICall",
        since: "v1beta4",
        help: "How long etcd is asked (default: 2m0s)",
        ..FIELD
    },
    Setting { field: "timeouts.upgradeManifests", since: "v1beta4", ..UNUSED_FIELD },
];

/// What only kubejoin has.
const KUBEJOIN: &str = "kubejoin";

/// What most flags of `join` have in common.
const JOIN: Setting = Setting {
    verbs: verbs(&[Verb::Join, Verb::Ensure, Verb::Doctor]),
    flag: "",
    short: None,
    parameter: "",
    field: "",
    value: "",
    kind: Kind::Ignored,
    beside_config: Beside::Allowed,
    note: Note::None,
    section: Section::Cluster,
    since: "",
    help: "",
    more: "",
};

/// What the flags of `reset` have in common.
const RESET: Setting = Setting { verbs: verbs(&[Verb::Reset]), section: Section::Run, ..JOIN };

const VERBOSITY: Setting = Setting {
    flag: "v",
    short: Some('v'),
    value: "LEVEL",
    kind: Kind::Parsed(&Parser {
        expected: "a number",
        set: |s, text| {
            // klog takes any 32-bit number; beyond 10 nothing more is shown.
            s.verbosity = text.parse::<u32>().ok().map(|level| u8::try_from(level).unwrap_or(u8::MAX));
            s.verbosity.is_some()
        },
    }),
    section: Section::Run,
    since: "1.11",
    help: "How much to say, 0 to 10 (default: 0)",
    ..JOIN
};

const HIDDEN: Setting = Setting { section: Section::Hidden, ..JOIN };

/// Verbs that ask a cluster as its administrator.
const ADMIN_VERBS: [Verb; 6] =
    [Verb::Token, Verb::TokenGenerate, Verb::TokenCreate, Verb::TokenList, Verb::TokenDelete, Verb::UploadCerts];

const TOKEN: Setting = Setting { verbs: verbs(&[Verb::TokenCreate]), section: Section::Token, ..JOIN };

const TOKEN_LIST: Setting = Setting { verbs: verbs(&[Verb::TokenList]), ..TOKEN };

const LIST_FORM: Setting = Setting {
    value: "text|json|yaml",
    kind: Kind::Parsed(&Parser {
        expected: "text, json or yaml",
        set: |s, text| {
            choose(
                &mut s.list_form,
                text,
                &[("text", ListForm::Text), ("json", ListForm::Json), ("yaml", ListForm::Yaml)],
            )
        },
    }),
    ..TOKEN_LIST
};

const UPLOAD_CERTS: Setting = Setting { verbs: verbs(&[Verb::UploadCerts]), section: Section::Run, ..JOIN };

const KUBECONFIG_USER: Setting = Setting { verbs: verbs(&[Verb::KubeconfigUser]), section: Section::Run, ..JOIN };

const CHECK_EXPIRATION: Setting = Setting { verbs: verbs(&[Verb::CheckExpiration]), section: Section::Run, ..JOIN };

/// Flags of the library that kubeadm logs with.
const KLOG: Setting =
    Setting { note: Note::Retired("ignored: -v says how much is said"), since: "up to 1.30", ..HIDDEN };

const ONE_LEVEL: &str = "there is one level for all of this program, -v";

const CONTROL_PLANE: Setting = Setting { section: Section::ControlPlane, ..JOIN };

const FIELD: Setting = Setting { verbs: verbs(&[]), ..HIDDEN };

const UNUSED_FIELD: Setting = Setting { help: "Read, without an effect on a join", ..FIELD };

/// The row of a flag.
pub fn flag(verb: Verb, name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.is_flag_of(verb) && setting.flag == name)
}

/// The row of a flag of one letter.
pub fn short_flag(verb: Verb, letter: char) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.is_flag_of(verb) && setting.short == Some(letter))
}

/// The row of a parameter of the kernel command line, named without `kubejoin.`.
pub fn parameter(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| !setting.parameter.is_empty() && setting.parameter == name)
}

/// Whether only the kernel command line can say it: it is asked before any other place is read, or would be so at every boot.
pub fn is_of_kernel_alone(parameter: &str) -> bool {
    ["rootfs", "reset"].contains(&parameter)
}

/// Takes a value by its name.
fn choose<T: Copy>(slot: &mut Option<T>, text: &str, names: &[(&str, T)]) -> bool {
    match names.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => {
            *slot = Some(*value);
            true
        }
        None => false,
    }
}

/// Settings as if these flags of `join` had been typed; the one without a name is the argument.
#[cfg(test)]
pub(crate) fn typed(flags: &[(&str, &str)]) -> super::settings::Settings {
    typed_to(Verb::Join, flags)
}

/// The same of any command.
#[cfg(test)]
pub(crate) fn typed_to(verb: Verb, flags: &[(&str, &str)]) -> super::settings::Settings {
    use super::origin::{Origin, WithOrigin};
    let mut settings = super::settings::Settings::default();
    for (name, value) in flags {
        match *name {
            "" => settings.endpoint = Some(WithOrigin::new((*value).to_owned(), Origin::Argument)),
            _ => {
                let row = flag(verb, name).unwrap();
                row.set(&mut settings, Origin::Flag(row.flag), value.as_ref()).unwrap();
            }
        }
    }
    settings
}
