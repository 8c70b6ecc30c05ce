//! Joins against the real etcd: three members on loopback addresses, with TLS, as kubeadm configures them.
//!
//! Without libtest, because what is skipped has to be seen. `etcd_test.sh` builds what this needs and runs it for every release.

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::etcd::{
    Access, DataDirectory, Decision, Etcd, EtcdError, Health, Membership, NodeOwner, Ours, Patience, View,
    data_directory,
};
use kubejoin::for_tests::net::tls::TrustRoots;
use kubejoin::for_tests::pki::identity::ClientIdentity;
use kubejoin::for_tests::retry::Retry;
use kubejoin::for_tests::rootfs::{Root, TargetPath};
use kubejoin_apiserver::{Leaf, Pki, Usage};

type Check = (&'static str, fn(&mut Cluster));

const CHECKS: [Check; 12] = [
    ("three machines join one after the other", three_machines_join),
    ("what was added and not started is found again", added_and_not_started),
    ("a member added twice within a second", added_twice_within_a_second),
    ("somebody else's learner is waited for", learner_in_the_way),
    ("no member is added while one is dead", dead_member),
    ("a machine with an empty disk replaces its own member", empty_disk),
    ("one that had started and had no name yet, too", empty_disk_before_its_name),
    ("a cluster without a quorum is left alone", no_quorum),
    ("data that etcd cannot go on with is named", foreign_data),
    ("a learner that never comes is given up", learner_never_comes),
    ("no JSON gateway, or one elsewhere", gateway),
    ("certificates of another CA", other_ca),
];

fn main() -> ExitCode {
    let Some(etcd) = std::env::var_os("KUBEJOIN_ETCD").map(PathBuf::from) else {
        println!("etcd: SKIPPED: needs KUBEJOIN_ETCD=PROGRAM, an etcd; tests/peers/etcd_test.sh has several");
        return ExitCode::SUCCESS;
    };
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let version = Command::new(&etcd).arg("--version").output().expect("KUBEJOIN_ETCD is a program").stdout;
    let version = String::from_utf8_lossy(&version).lines().next().unwrap_or_default().to_owned();
    println!("{version}");
    for (number, (name, check)) in (1..).zip(CHECKS) {
        if name.contains(&filter) {
            let began = Instant::now();
            // Each has addresses of its own: what one leaves in TIME_WAIT is not in the way of the next.
            check(&mut Cluster::new(&etcd, number, &version));
            println!("ok {:5.1} s  {name}", began.elapsed().as_secs_f64());
        }
    }
    ExitCode::SUCCESS
}

/// Machines, their files below one directory, and one CA.
struct Cluster {
    etcd: PathBuf,
    number: u8,
    /// Flags of etcd that its release has.
    flags: &'static [&'static str],
    directory: tempfile::TempDir,
    pki: Pki,
    running: Vec<(u8, Child)>,
}

/// Ends what was started, whatever happens.
impl Drop for Cluster {
    fn drop(&mut self) {
        for (_, process) in &mut self.running {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            for log in std::fs::read_dir(self.directory.path())
                .unwrap()
                .flatten()
                .filter(|e| e.path().extension() == Some("log".as_ref()))
            {
                let text = std::fs::read_to_string(log.path()).unwrap_or_default();
                let lines: Vec<_> = text.lines().rev().take(15).collect();
                println!("== {}", log.path().display());
                lines.iter().rev().for_each(|line| println!("{line:.400}"));
            }
        }
    }
}

impl Cluster {
    fn new(etcd: &Path, number: u8, version: &str) -> Self {
        let flags: &[_] = match version.contains("Version: 3.5.") {
            true => &["--experimental-initial-corrupt-check=true", "--experimental-watch-progress-notify-interval=5s"],
            false => &["--feature-gates=InitialCorruptCheck=true", "--watch-progress-notify-interval=5s"],
        };
        let directory = tempfile::tempdir().unwrap();
        Cluster { etcd: etcd.to_owned(), number, flags, directory, pki: Pki::named("etcd-ca"), running: Vec::new() }
    }

    /// With the first machine's etcd running.
    fn with_first(&mut self, flags: &[&str]) {
        let initial = vec![(self.name(1), self.peer_url(1))];
        self.start(1, &initial, "new", flags);
        self.until(|view| view.quorum().is_kept());
    }

    /// With machines 1 to `machines` as voters.
    fn with_voters(&mut self, machines: u8) {
        self.with_first(&[]);
        for machine in 2..=machines {
            self.join(machine);
        }
    }

    fn name(&self, machine: u8) -> String {
        format!("cp{machine}")
    }

    fn address(&self, machine: u8) -> String {
        format!("127.{}.{}.{machine}", 100 + std::process::id() % 100, self.number)
    }

    fn peer_url(&self, machine: u8) -> String {
        format!("https://{}:2380", self.address(machine))
    }

    fn client_url(&self, machine: u8) -> String {
        format!("https://{}:2379", self.address(machine))
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Where a machine's etcd has its data, as a path of a root.
    fn data(&self, machine: u8) -> DataDirectory {
        let path: TargetPath = format!("/cp{machine}").parse().unwrap();
        data_directory(&Root::open(self.directory.path()).unwrap(), &path).unwrap()
    }

    /// Starts etcd with the arguments of kubeadm's static pod (`cmd/kubeadm/app/phases/etcd/local.go`).
    fn start(&mut self, machine: u8, initial_cluster: &[(String, String)], state: &str, flags: &[&str]) {
        let name = self.name(machine);
        let (certificate, key) = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        let mut leaf = Leaf::server([self.address(machine), "127.0.0.1".to_owned(), name.clone()]);
        (leaf.usage, leaf.common_name) = (Usage::Both, name.clone());
        let identity = self.pki.issue(&leaf);
        std::fs::write(&certificate, identity.cert_pem()).unwrap();
        std::fs::write(&key, &identity.key_pem).unwrap();
        let ca = self.path("ca.crt");
        std::fs::write(&ca, self.pki.ca_pem()).unwrap();
        let pairs: Vec<_> = initial_cluster.iter().map(|(name, url)| format!("{name}={url}")).collect();
        let (peer_url, client_url) = (self.peer_url(machine), self.client_url(machine));
        let mut command = Command::new(&self.etcd);
        for (flag, value) in [
            ("name", name.as_str()),
            ("data-dir", &self.path(&name)),
            ("listen-client-urls", &client_url),
            ("advertise-client-urls", &client_url),
            ("listen-peer-urls", &peer_url),
            ("initial-advertise-peer-urls", &peer_url),
            ("initial-cluster", &pairs.join(",")),
            ("initial-cluster-state", state),
            ("cert-file", &certificate),
            ("key-file", &key),
            ("trusted-ca-file", &ca),
            ("client-cert-auth", "true"),
            ("peer-cert-file", &certificate),
            ("peer-key-file", &key),
            ("peer-trusted-ca-file", &ca),
            ("peer-client-cert-auth", "true"),
            ("snapshot-count", "10000"),
            ("unsafe-no-fsync", "true"),
        ] {
            command.arg(format!("--{flag}={value}"));
        }
        let log = File::options().create(true).append(true).open(self.path(&format!("{name}.log"))).unwrap();
        command.args(self.flags).args(flags);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.running.push((machine, command.spawn().unwrap()));
    }

    fn kill(&mut self, machine: u8) {
        let at = self.running.iter().position(|(running, _)| *running == machine).unwrap();
        let (_, mut process) = self.running.remove(at);
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn wipe(&self, machine: u8) {
        std::fs::remove_dir_all(self.path(&self.name(machine))).unwrap();
    }

    fn access(&self, roots: &Pki, client: &Pki) -> Access {
        let roots = TrustRoots::new(&[roots.ca_der().clone()]).unwrap();
        let identity = client.issue(&Leaf::client("kube-etcd-healthcheck-client", &[]));
        let identity = ClientIdentity::from_pem(identity.cert_pem().as_bytes(), identity.key_pem.as_bytes()).unwrap();
        Access::new(&roots, &identity, Clock::read(ClockMode::System, None)).unwrap()
    }

    /// Through the first machine, as a join that knows but its Pod.
    fn etcd(&self) -> Etcd {
        Etcd::new(self.access(&self.pki, &self.pki), [self.client_url(1).as_str()]).unwrap()
    }

    fn view(&self) -> View {
        self.etcd().view(&within(30)).unwrap()
    }

    fn until(&self, holds: impl Fn(&View) -> bool) -> View {
        let began = Instant::now();
        loop {
            let view = self.view();
            if holds(&view) {
                return view;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{view:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn ensure(&self, machine: u8, has_manifest: bool, owner: NodeOwner, wait: u64) -> Result<Membership, EtcdError> {
        let (name, peer_url, data) = (self.name(machine), self.peer_url(machine), self.data(machine));
        let owner = |_: &str| owner.clone();
        let ours = Ours { name: &name, peer_url: &peer_url, data: &data, has_manifest, owner: &owner };
        self.etcd().ensure_member(&ours, &within(wait), &mut |text| println!("   {name}: {text}"))
    }

    fn promote(&self, machine: u8, id: u64, patience: Patience) -> Result<(), EtcdError> {
        let url = self.client_url(machine);
        self.etcd().promote_member(id, &url, patience, &mut |text| println!("   cp{machine}: {text}"))
    }

    /// All of a join: a voter, and a quorum.
    fn join(&mut self, machine: u8) -> Membership {
        let membership = self.ensure(machine, false, NodeOwner::ThisMachine, 60).unwrap();
        self.start(machine, &membership.initial_cluster, "existing", &[]);
        self.finish(machine, &membership);
        membership
    }

    fn finish(&self, machine: u8, membership: &Membership) {
        self.promote(machine, membership.id, Patience::default()).unwrap();
        let view = self.etcd().wait_available(membership.id, &within(40)).unwrap();
        assert!(!view.member(membership.id).unwrap().member.is_learner);
    }
}

fn within(seconds: u64) -> Retry {
    Retry::every(Duration::from_millis(500), Duration::from_secs(seconds))
}

fn code<T: std::fmt::Debug>(result: Result<T, EtcdError>) -> &'static str {
    let error = result.unwrap_err();
    println!("   {error}");
    error.code().name
}

fn three_machines_join(cluster: &mut Cluster) {
    cluster.with_voters(2);
    assert!(cluster.view().note().is_some());
    let third = cluster.join(3);
    assert_eq!(third.decision, Decision::Add);
    let view = cluster.view();
    assert_eq!(view.quorum().to_string(), "3 of 3 voters answer, 2 are needed");
    assert!(view.members.iter().all(|seen| matches!(&seen.health, Health::Answers(status) if status.leader != 0)));
    // Its data says which member it is, and a second run changes nothing.
    assert_eq!(cluster.data(3), DataDirectory::Member { cluster_id: view.cluster_id, member_id: third.id });
    for _ in 0..2 {
        let again = cluster.ensure(3, true, NodeOwner::Unknown, 10).unwrap();
        assert_eq!((again.id, again.is_learner, &again.decision), (third.id, false, &Decision::Resume(third.id)));
        assert_eq!(again.initial_cluster, third.initial_cluster);
        cluster.promote(3, third.id, Patience::default()).unwrap();
    }
    // Also while it is what the quorum lacks.
    cluster.kill(3);
    cluster.kill(2);
    let resumed = cluster.ensure(3, true, NodeOwner::Unknown, 20).unwrap();
    assert_eq!(resumed.decision, Decision::Resume(third.id));
    cluster.start(3, &resumed.initial_cluster, "existing", &[]);
    cluster.etcd().wait_available(third.id, &within(40)).unwrap();
}

fn added_and_not_started(cluster: &mut Cluster) {
    cluster.with_first(&[]);
    let added = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
    assert_eq!(cluster.data(2), DataDirectory::Empty);
    let found = cluster.ensure(2, true, NodeOwner::NoSuchNode, 20).unwrap();
    assert_eq!(found.decision, Decision::TakeOver(added.id));
    cluster.start(2, &found.initial_cluster, "existing", &[]);
    cluster.finish(2, &found);
}

fn added_twice_within_a_second(cluster: &mut Cluster) {
    cluster.with_first(&[]);
    let mut before = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap().id;
    for _ in 0..3 {
        // The manifest is not here: removed, and added again at once.
        let again = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
        assert_eq!(again.decision, Decision::Replace(before));
        assert_ne!(again.id, before);
        before = again.id;
    }
    assert_eq!(cluster.view().members.len(), 2);
}

fn learner_in_the_way(cluster: &mut Cluster) {
    cluster.with_first(&[]);
    let second = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
    assert_eq!(code(cluster.ensure(3, false, NodeOwner::NoSuchNode, 3)), "etcd.learner-in-the-way");
    cluster.start(2, &second.initial_cluster, "existing", &[]);
    let third = std::thread::scope(|scope| {
        scope.spawn(|| cluster.promote(2, second.id, Patience::default()).unwrap());
        cluster.ensure(3, false, NodeOwner::NoSuchNode, 60).unwrap()
    });
    cluster.start(3, &third.initial_cluster, "existing", &[]);
    cluster.finish(3, &third);
    assert_eq!(cluster.view().quorum().voters, 3);
}

fn dead_member(cluster: &mut Cluster) {
    cluster.with_voters(3);
    cluster.kill(3);
    assert_eq!(code(cluster.ensure(4, false, NodeOwner::NoSuchNode, 5)), "etcd.member-unhealthy");
    assert_eq!(cluster.view().members.len(), 3);
}

fn empty_disk(cluster: &mut Cluster) {
    cluster.with_voters(3);
    let before = cluster.view();
    let before = before.members.iter().find(|seen| seen.member.name == "cp3").unwrap().member.id;
    cluster.kill(3);
    let log = cluster.data(3);
    cluster.wipe(3);
    assert_eq!(
        (log, cluster.data(3)),
        (DataDirectory::Member { cluster_id: cluster.view().cluster_id, member_id: before }, DataDirectory::Empty)
    );
    let theirs = NodeOwner::AnotherMachine { theirs: "machine-id 1".to_owned(), ours: "machine-id 2".to_owned() };
    assert_eq!(code(cluster.ensure(3, false, theirs, 5)), "etcd.member-of-another-machine");
    assert_eq!(code(cluster.ensure(3, false, NodeOwner::Unknown, 5)), "etcd.member-owner-unknown");
    let membership = cluster.join(3);
    assert_eq!(membership.decision, Decision::Replace(before));
    let view = cluster.view();
    assert_eq!((view.quorum().voters, view.quorum().answering, view.member(before).is_none()), (3, 3, true));
    // Under a name that lives already.
    let ours = Ours {
        name: "cp3",
        peer_url: &cluster.peer_url(9),
        data: &DataDirectory::Empty,
        has_manifest: false,
        owner: &|_| NodeOwner::ThisMachine,
    };
    assert_eq!(code(cluster.etcd().ensure_member(&ours, &within(5), &mut |_| {})), "etcd.member-of-another-machine");
}

fn empty_disk_before_its_name(cluster: &mut Cluster) {
    cluster.with_first(&[]);
    let first = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
    cluster.start(2, &first.initial_cluster, "existing", &[]);
    // It has a log, so it has acknowledged what is in it; its name comes later.
    let began = Instant::now();
    while cluster.data(2) == DataDirectory::Empty && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    cluster.kill(2);
    println!("   it was known as {}", cluster.view().member(first.id).unwrap().member);
    cluster.wipe(2);
    let again = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
    cluster.start(2, &again.initial_cluster, "existing", &[]);
    cluster
        .promote(2, again.id, Patience { start: Duration::from_secs(60), standstill: Duration::from_secs(30) })
        .unwrap();
    assert_eq!(again.decision, Decision::Replace(first.id));
}

fn no_quorum(cluster: &mut Cluster) {
    cluster.with_voters(3);
    cluster.kill(3);
    cluster.kill(2);
    let view = cluster.until(|view| view.unsettled.is_some());
    println!("   {}", view.unsettled.as_deref().unwrap_or_default());
    assert_eq!(view.quorum().to_string(), "1 of 3 voters answer, 2 are needed");
    assert_eq!(code(cluster.ensure(4, false, NodeOwner::NoSuchNode, 12)), "etcd.no-quorum");
    cluster.wipe(3);
    assert_eq!(code(cluster.ensure(3, false, NodeOwner::ThisMachine, 12)), "etcd.no-quorum");
    assert_eq!(code(cluster.etcd().wait_available(view.members[0].member.id, &within(12))), "etcd.no-quorum");
}

fn foreign_data(cluster: &mut Cluster) {
    cluster.with_voters(2);
    cluster.join(3);
    cluster.kill(3);
    let data = cluster.data(3);
    let kept = std::fs::rename(cluster.path("cp3"), cluster.path("kept"));
    kept.unwrap();
    cluster.join(3);
    cluster.kill(3);
    cluster.wipe(3);
    std::fs::rename(cluster.path("kept"), cluster.path("cp3")).unwrap();
    assert_eq!(cluster.data(3), data);
    assert_eq!(code(cluster.ensure(3, true, NodeOwner::ThisMachine, 5)), "etcd.data-directory-not-empty");
    cluster.wipe(3);
    // Of another cluster: one that has begun here.
    let initial = vec![("cp4".to_owned(), cluster.peer_url(4))];
    cluster.start(4, &initial, "new", &[]);
    let began = Instant::now();
    while cluster.data(4) == DataDirectory::Empty && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    cluster.kill(4);
    assert_eq!(code(cluster.ensure(4, true, NodeOwner::ThisMachine, 5)), "etcd.another-cluster");
}

fn learner_never_comes(cluster: &mut Cluster) {
    cluster.with_first(&[]);
    let added = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
    let patience = Patience { start: Duration::from_secs(3), standstill: Duration::from_secs(3) };
    assert_eq!(code(cluster.promote(2, added.id, patience)), "etcd.learner-stalled");
}

fn gateway(cluster: &mut Cluster) {
    cluster.with_first(&["--enable-grpc-gateway=false"]);
    let second = cluster.ensure(2, false, NodeOwner::NoSuchNode, 20).unwrap();
    let elsewhere = format!("--listen-client-http-urls=https://{}:2382", cluster.address(2));
    cluster.start(2, &second.initial_cluster, "existing", &[&elsewhere]);
    cluster.finish(2, &second);
    // By the one, and by the other.
    let second = Etcd::new(cluster.access(&cluster.pki, &cluster.pki), [cluster.client_url(2).as_str()]);
    assert_eq!(second.unwrap().view(&within(10)).unwrap().quorum().answering, 2);
    cluster.join(3);
}

fn other_ca(cluster: &mut Cluster) {
    cluster.with_first(&[]);
    let other = Pki::named("etcd-ca");
    let url = cluster.client_url(1);
    let view = |access| Etcd::new(access, [url.as_str()]).unwrap().view(&within(10));
    assert_eq!(code(view(cluster.access(&other, &cluster.pki))), "etcd.certificate-untrusted");
    assert_eq!(code(view(cluster.access(&cluster.pki, &other))), "etcd.client-certificate-refused");
}
