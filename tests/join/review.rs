//! What a hostile reader tried: each test is an attack, or an accident, that once worked or might have.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kubejoin::clock::{Clock, ClockMode};
use kubejoin::discovery::discover;
use kubejoin::discovery::error::DiscoveryError;
use kubejoin::error::Explain;
use kubejoin::inputs::{Discovery, Trust};
use kubejoin::net::dial::Dialer;
use kubejoin::net::error::{Cause, NetError};
use kubejoin::net::http::{Connection, Method, Request, Response};
use kubejoin::net::route::Route;
use kubejoin::net::server::UnverifiedServer;
use kubejoin::net::stream::Stream;
use kubejoin::plan::Access;
use kubejoin::report::Report;
use kubejoin_apiserver::{
    ApiServer, Approver, Authority, Certificate, ClusterInfo, Faults, Options, Pki, Presents, Reply, Rule,
};

use crate::builder::{Join, access, cluster_info_of, kubeconfig_of, soon, text, with_user};

/// What a connection makes of these bytes as the answers to `requests` requests sent at once; and the connection.
pub fn answers(bytes: &[u8], requests: usize) -> (Vec<Result<Response, NetError>>, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint: kubejoin::values::Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let stream = Stream::plain(&endpoint, deadline).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let mut connection = Connection::new(Route::direct(endpoint), stream);
    let request = Request { method: Method::Get, path: "/x".to_owned(), bearer: None, body: None };
    connection.send(&vec![request; requests], deadline).unwrap();
    let received = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = peer.write_all(bytes);
            let _ = peer.shutdown(std::net::Shutdown::Write);
            // Until the other side has gone: a reset would take with it what was not read yet.
            let _ = peer.set_read_timeout(Some(Duration::from_millis(1)));
            let _ = peer.read(&mut [0; 4096]);
        });
        let mut received = Vec::new();
        while received.len() < requests {
            let answer = connection.receive(1 << 16, deadline);
            let failed = answer.is_err();
            received.push(answer);
            if failed {
                break;
            }
        }
        received
    });
    (received, connection)
}

/// Token discovery of this server alone.
fn by_token(server: &ApiServer, trust: Trust, clock: Clock) -> Access {
    let token = server.token();
    let discovery =
        Discovery::Token { endpoints: vec![server.endpoint().parse().unwrap()], token: token.parse().unwrap(), trust };
    access(discovery, Some(&token), clock)
}

#[test]
fn a_retry_after_beyond_the_end_of_time_is_no_panic() {
    let never = |code| Reply::RetryAfter { code, value: u64::MAX.to_string() };
    for rule in [
        Rule::on("cluster-info", never(503)),
        Rule::on("kubelet-config", never(429)),
        Rule::on("certificatesigningrequests", never(429)).method("POST"),
        Rule::on("certificatesigningrequests", never(429)).method("GET"),
    ] {
        let faults = Faults::replying(rule.clone());
        let server = ApiServer::start(Options { faults, approver: Approver::Manual, ..Options::default() });
        let ran = Join::to(&server).run();
        assert_eq!((ran.code(), ran.status), ("api.busy", 3), "{rule:?}: {ran:#?}");
    }
}

#[test]
fn a_chunk_line_without_an_end_is_cut_off_before_it_fills_the_memory() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice();
    for start in [b"".as_slice(), b"2\r\n{}", b"0\r\n"] {
        let endless = [head, start, &vec![b'0'; 1 << 20]].concat();
        let (received, connection) = answers(&endless, 1);
        let Err(error) = &received[0] else { panic!("{start:?}: taken for a whole answer") };
        assert!(matches!(error.cause, Cause::NotHttp(_)), "{start:?}: {error}");
        assert!(!connection.is_usable());
    }
}

#[test]
fn what_nobody_asked_for_is_never_the_answer_to_a_later_request() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".as_slice();
    let (received, connection) = answers(&[answer, answer].concat(), 1);
    assert!(received[0].is_ok());
    assert!(!connection.is_usable(), "the second answer waits for a request that will be made later");
    // The same bytes are right where two requests have been made.
    let (received, connection) = answers(&[answer, answer].concat(), 2);
    assert!(received.len() == 2 && received.iter().all(Result::is_ok));
    assert!(connection.is_usable());
}

#[test]
fn without_a_pin_nobodys_clock_but_the_systems_judges_a_certificate() {
    let server = ApiServer::start(Options::default());
    let begins_1970 = UNIX_EPOCH + Duration::from_secs(3600);
    for (system, mode, is_found) in [
        (SystemTime::now(), ClockMode::Auto, true),
        (SystemTime::now(), ClockMode::Server, true),
        (begins_1970, ClockMode::System, false),
        (begins_1970, ClockMode::Auto, false),
        (begins_1970, ClockMode::Server, false),
    ] {
        let access = by_token(&server, Trust::UnsafeSkipCaVerification, Clock::at(system, mode));
        match discover(&access, soon(), &Report::new(Vec::new())) {
            Ok(found) => {
                assert!(is_found, "{mode:?} at {system:?} was believed");
                let apart = found.info.clock().now().duration_since(system).unwrap();
                assert!(apart < Duration::from_secs(5), "{mode:?}: another clock than the system's: {apart:?}");
            }
            Err(DiscoveryError::Net(NetError { cause: Cause::Validity { judged_at, .. }, .. })) if !is_found => {
                assert!(judged_at < begins_1970 + Duration::from_secs(5), "{mode:?}: judged at {judged_at:?}");
            }
            Err(error) => panic!("{mode:?} at {system:?}: {error}"),
        }
    }
}

#[test]
fn a_root_that_does_not_say_its_host_name_gets_the_nodes_name_for_its_kubelet() {
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_lowercase();
    if here.parse::<kubejoin::values::NodeName>().is_err() {
        eprintln!("SKIPPED: this test needs a host name that can be a node's name, not {here:?}");
        return;
    }
    let server = ApiServer::start(Options::default());
    let flags = |hostname: Option<&str>| {
        // The last one counts: the name that the initramfs happens to have.
        let join = Join::to(&server).arg("--node-name").arg(&here);
        if let Some(name) = hostname {
            std::fs::create_dir_all(join.root().join("etc")).unwrap();
            std::fs::write(join.root().join("etc/hostname"), name).unwrap();
        }
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
        text(&join.tree(), "var/lib/kubelet/kubeadm-flags.env")
    };
    let overridden = format!("--hostname-override={here}");
    assert!(flags(None).contains(&overridden), "the kubelet will ask a host name that nobody knows yet");
    assert!(flags(Some("localhost\n")).contains(&overridden));
    assert!(!flags(Some(&format!("{here}\n"))).contains(&overridden));
}

#[test]
fn a_request_that_goes_between_already_exists_and_reading_it_was_deleted() {
    let status = |code, reason: &str| Reply::Status { code, reason: reason.to_owned(), message: String::new() };
    let rule = Rule::on("certificatesigningrequests", status(409, "AlreadyExists")).method("POST");
    let server = ApiServer::start(Options { faults: Faults::replying(rule), ..Options::default() });
    let ran = Join::to(&server).run();
    assert_eq!((ran.code(), ran.status), ("tls-bootstrap.csr-deleted", 3), "{ran:#?}");
}

#[test]
fn a_date_that_the_next_second_would_carry_out_of_the_calendar_is_none() {
    for (date, is_one) in
        [("Fri, 31 Dec 9999 23:59:59 GMT", false), ("Sun, 22 Nov 2026 10:00:00 GMT", true), ("tomorrow", false)]
    {
        let (received, _) = answers(format!("HTTP/1.1 204 No Content\r\nDate: {date}\r\n\r\n").as_bytes(), 1);
        assert_eq!(received[0].as_ref().unwrap().head.date.is_some(), is_one, "{date}");
    }
}

#[test]
fn a_second_join_that_is_killed_never_leaves_the_first_ones_kubeconfig_for_the_truth() {
    if !crate::crash::can_trace() {
        eprintln!("SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace");
        return;
    }
    let server = ApiServer::start(Options::default());
    let mut kills = 0;
    for call in ["renameat", "unlinkat"] {
        for nth in 1.. {
            let join = Join::to(&server).waits(10, 10);
            assert_eq!(join.run().outcome(), "joined");
            // Off for a year: the certificate cannot be used any more, and the cluster has moved.
            let conf = join.root().join("etc/kubernetes/kubelet.conf");
            let written = std::fs::read_to_string(&conf).unwrap();
            std::fs::write(&conf, written.replace(&server.endpoint(), "192.0.2.1:6443")).unwrap();
            let current = join.root().join("var/lib/kubelet/pki/kubelet-client-current.pem");
            std::fs::write(join.root().join(current.read_link().unwrap().strip_prefix("/").unwrap()), "").unwrap();
            if !crate::crash::killed_at(&join, call, nth) {
                break;
            }
            kills += 1;
            let ran = join.run();
            assert!(["joined", "already-joined"].contains(&ran.outcome()), "killed at {call} number {nth}: {ran:#?}");
            assert_eq!(std::fs::read_to_string(&conf).unwrap(), written, "killed at {call} number {nth}");
        }
    }
    assert!(kills >= 4, "only {kills} kills: strace did not do what this test thinks it does");
}

#[test]
fn of_what_the_signer_sends_only_certificates_are_written() {
    let faults = Faults::certificate(Certificate::WithPrivateKey);
    let server = ApiServer::start(Options { faults, ..Options::default() });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    let tree = join.tree();
    let pem = text(&tree, "var/lib/kubelet/pki/kubelet-client-current.pem");
    let pem = text(&tree, pem.trim_start_matches('/'));
    assert_eq!(
        pem.matches("PRIVATE KEY-----\n").count(),
        2,
        "one key has two lines of armour: {}",
        pem.lines().count()
    );
    assert_eq!(pem.matches("BEGIN EC PRIVATE KEY").count(), 1);
}

#[test]
fn two_runs_at_once_leave_one_whole_node() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).waits(10, 10);
    for _ in 0..3 {
        let _ = std::fs::remove_dir_all(join.root().join("etc"));
        let _ = std::fs::remove_dir_all(join.root().join("var"));
        let mut command = join.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let running: Vec<_> = (0..3).map(|_| command.spawn().unwrap()).collect();
        let statuses: Vec<_> = running.into_iter().map(|mut child| child.wait().unwrap().code()).collect();
        // Joined, or told that another run is at it.
        assert!(statuses.iter().all(|status| [Some(0), Some(3)].contains(status)), "{statuses:?}");
        assert!(["joined", "already-joined"].contains(&join.run().outcome()), "{statuses:?}");
        assert_eq!(join.run().outcome(), "already-joined");
        assert!(!join.tree().iter().any(|entry| entry.path.contains(".tmp")), "{:#?}", join.tree());
    }
}

#[test]
fn a_panic_ends_with_its_own_status_and_without_its_words() {
    const CHILD: &str = "KUBEJOIN_TEST_PANICS_INTO";
    if let Some(result) = std::env::var_os(CHILD) {
        kubejoin::commands::report_panics(&kubejoin::report::ReportOptions {
            result: result.into(),
            ..Default::default()
        });
        panic!("index out of bounds in \"abcdef.0123456789abcdef\"");
    }
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("result.json");
    let this = "review::a_panic_ends_with_its_own_status_and_without_its_words";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let output = again.args(["--exact", this, "--nocapture"]).env(CHILD, &result).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("bug.panic") && stderr.contains("review.rs:"), "{stderr}");
    assert!(!stderr.contains("0123456789abcdef"), "{stderr}");
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
    assert_eq!((&result["code"], &result["exit"]), (&"bug.panic".into(), &1.into()));
}

#[test]
fn with_a_pin_an_impossible_clock_is_replaced_by_the_proved_servers_and_never_by_an_earlier_one_than_the_build() {
    let pins = |server: &ApiServer| Trust::Pins(vec![server.ca_hash().parse().unwrap()]);
    let build = kubejoin::clock::build_date();
    for offset in [0, 3600, -30 * 24 * 3600] {
        let faults = Faults { date_offset: offset, ..Faults::default() };
        let server = ApiServer::start(Options { faults, ..Options::default() });
        let access = by_token(&server, pins(&server), Clock::at(UNIX_EPOCH, ClockMode::Auto));
        match discover(&access, soon(), &Report::new(Vec::new())) {
            Ok(found) => {
                let now = found.info.clock().now();
                assert!(now >= build, "{offset}: {now:?}");
                // A `Date` has whole seconds.
                let ahead = SystemTime::now() + Duration::from_secs(offset.max(0).unsigned_abs());
                let apart = ahead.duration_since(now).unwrap_or_else(|error| error.duration());
                assert!(offset < 0 || apart < Duration::from_secs(5), "{offset}: {now:?}");
            }
            // The leaf is younger than the build: then no time before it can do.
            Err(DiscoveryError::Net(NetError { cause: Cause::Validity { judged_at, .. }, .. })) => {
                assert!(offset < 0 && judged_at >= build, "{offset}: {judged_at:?}");
            }
            Err(error) => panic!("{offset}: {error}"),
        }
    }
}

/// Runs it; not for longer than this.
#[track_caller]
fn ends(join: &Join, within: Duration) -> i32 {
    let mut command = join.command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while began.elapsed() < within {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it waits for ever");
}

#[test]
fn a_pipe_or_a_device_that_a_discovery_file_names_is_not_waited_for() {
    let server = ApiServer::start(Options::default());
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let cluster = cluster_info_of(&server);
    // The last one is a file by its own account, of which nothing comes until the kernel says something.
    for path in [pipe.to_str().unwrap(), "/dev/zero", "/dev/tty", "/proc/kmsg"] {
        let identity = format!("client-certificate: {path}, client-key: {path}");
        let authority = kubeconfig_of(&server, None)
            .replace("- cluster:\n", &format!("- cluster:\n    certificate-authority: {path}\n"));
        for kubeconfig in
            [with_user(&cluster, &format!("tokenFile: {path}")), with_user(&cluster, &identity), authority]
        {
            let join = Join::to(&server).by_file(&kubeconfig, Some(&server.token()));
            assert_eq!(ends(&join, Duration::from_secs(20)), 2, "{path}");
        }
    }
    // Where a host keeps CA certificates, a pipe is ignored like anything else that is none.
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    std::fs::write(directory.path().join("ca.crt"), server.ca_pem()).unwrap();
    let join = join.env("SSL_CERT_FILE", "/none").env("SSL_CERT_DIR", directory.path().to_str().unwrap());
    assert_eq!(ends(&join, Duration::from_secs(20)), 0);
    assert!(server.connections().len() < 3, "somebody was asked");
}

#[test]
fn an_authority_that_has_ended_proves_no_server_beside_one_that_has_not() {
    let ended = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    let secret = ended.token().split_once('.').unwrap().1.to_owned();
    let ca_certificates = format!("{}{}", ended.ca_pem(), Pki::new().ca_pem());
    let join = Join::to(&ended).by_file(&kubeconfig_of(&ended, Some(&ca_certificates)), Some(&ended.token()));
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    assert_eq!(join.tree(), [], "something was written");
    ended.set_faults(Faults::cluster_info(ClusterInfo::authority(Authority::OwnAndForeign)));
    let by_token = by_token(&ended, Trust::UnsafeSkipCaVerification, Clock::read(ClockMode::Auto));
    let error = discover(&by_token, soon(), &Report::new(Vec::new())).unwrap_err();
    assert_eq!(error.code().name, "tls.certificate-untrusted", "{error}");
    assert!(!ended.has_received(&secret), "the token was sent");
}

#[test]
fn a_file_whose_authority_has_ended_has_its_credentials_sent_to_nobody() {
    let server = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    let closed = Reply::Status { code: 403, reason: "Forbidden".to_owned(), message: "closed".to_owned() };
    server.set_faults(Faults::replying(Rule::on("cluster-info", closed)));
    let secret = server.token().split_once('.').unwrap().1.to_owned();
    let kubeconfig = with_user(&cluster_info_of(&server), &format!("token: {}", server.token()));
    let ran = Join::to(&server).by_file(&kubeconfig, None).run();
    assert_eq!((ran.code(), ran.status), ("discovery.ca-validity", 4), "{ran:#?}");
    assert!(!server.has_received(&secret), "the token was sent");
}

#[test]
fn what_has_the_wrong_type_in_a_discovery_file_is_not_absent() {
    let server = ApiServer::start(Options::default());
    let cluster = cluster_info_of(&server);
    let other = ApiServer::start(Options::default());
    let bundle = server.ca_pem();
    for kubeconfig in [
        // With a CA that does not count, the host's would.
        kubeconfig_of(&server, None).replace("- cluster:\n", "- cluster:\n    certificate-authority-data: 1234\n"),
        kubeconfig_of(&server, None).replace("- cluster:\n", "- cluster:\n    certificate-authority-data: [QQ==]\n"),
        kubeconfig_of(&server, None).replace("- cluster:\n", "- cluster:\n    certificate-authority: {a: b}\n"),
        with_user(&cluster, "token: 1234567"),
        // Without a name it would be the one that counts before all others.
        format!("{cluster}---\n").replace("name: \"\"", "name: 1"),
        cluster.replace("current-context: \"\"", "current-context: 7"),
        cluster.replace("users: []", "users: {}"),
        cluster_info_of(&other).replace("- cluster:", "- 1\n- cluster:"),
    ] {
        let join = Join::to(&server).by_file(&kubeconfig, Some(&server.token()));
        let bundle = join.beside("bundle.crt", &bundle);
        let ran = join.env("SSL_CERT_FILE", bundle.to_str().unwrap()).run();
        assert_eq!((ran.code(), ran.status), ("discovery.file-unusable", 2), "{kubeconfig}\n{ran:#?}");
    }
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let server = ApiServer::start(Options::default());
    let url_of_server = cluster_info_of(&server).replace("https://", "https://admin:hunter2@");
    for join in [
        Join::to(&server).by("http://user:hunter2@127.0.0.1/x?q=hunter2", Some(&server.token())),
        Join::to(&server).by("https://user:hunter2@127.0.0.1/x?q=hunter2", Some(&server.token())),
        Join::to(&server).by("https://127.0.0.1:x/x?q=hunter2", Some(&server.token())),
        Join::to(&server).by("http://127.0.0.1/x#hunter2", Some(&server.token())),
        Join::to(&server).by_file(&url_of_server, Some(&server.token())),
    ] {
        let ran = join.run();
        assert_eq!(ran.status, 2, "{ran:#?}");
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:#?}");
    }
}

/// The body that this server answers with when it is asked for cluster-info, as everybody can read it.
fn cluster_info_body(server: &ApiServer) -> Vec<u8> {
    let mut asked = UnverifiedServer::new(Dialer::direct(server.endpoint().parse().unwrap()));
    let path = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    asked.fetch(path, 1 << 20, Instant::now() + Duration::from_secs(5)).unwrap().body
}

#[test]
fn a_genuine_document_proves_nobody_who_repeats_it() {
    let (server, parrot) = (ApiServer::start(Options::default()), ApiServer::start(Options::default()));
    let secret = server.token().split_once('.').unwrap().1.to_owned();
    let repeated = Reply::Exactly { code: 200, headers: Vec::new(), body: cluster_info_body(&server) };
    parrot.set_faults(Faults::replying(Rule::on("cluster-info", repeated)));
    // Alone it is refused; among others it is ignored, whether it is asked before or after the server has been silent.
    let alone = Join::to(&server).endpoint(&parrot.endpoint()).run();
    assert_eq!((alone.code(), alone.status), ("tls.certificate-untrusted", 4), "{alone:#?}");
    let kubeconfig = cluster_info_of(&server).replace(&server.endpoint(), &parrot.endpoint());
    let by_file = Join::to(&server).by_file(&kubeconfig, Some(&server.token())).run();
    assert_eq!((by_file.code(), by_file.status), ("tls.certificate-untrusted", 4), "{by_file:#?}");
    server.set_faults(Faults::replying(Rule::on("cluster-info", Reply::internal_error()).times(1)));
    let join = Join::to(&server).endpoint(&format!("{},{}", parrot.endpoint(), server.endpoint())).waits(20, 5);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert!(text(&join.tree(), "etc/kubernetes/kubelet.conf").contains(&server.endpoint()));
    assert!(!parrot.has_received(&secret), "the token was sent");
}

#[test]
fn the_connection_that_the_document_came_over_is_the_one_that_is_judged() {
    let once_busy = || {
        let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
        vec![Rule::on("cluster-info", Reply::Raw(busy)).times(1)]
    };
    for by_file in [false, true] {
        for (presents, later, is_joined) in
            [(Presents::Own, Presents::ForeignCa, false), (Presents::ForeignCa, Presents::Own, true)]
        {
            let server = ApiServer::start(Options::default());
            let secret = server.token().split_once('.').unwrap().1.to_owned();
            let presents_later = Some((1, later));
            server.set_faults(Faults { presents, presents_later, replies: once_busy(), ..Faults::default() });
            let mut join = Join::to(&server).waits(10, 5);
            if by_file {
                join = join.by_file(&cluster_info_of(&server), Some(&server.token()));
            }
            let ran = join.run();
            let code = if is_joined { "" } else { "tls.certificate-untrusted" };
            assert_eq!((ran.code(), server.connections().len()), (code, 2), "{ran:#?}");
            assert_eq!(server.has_received(&secret), is_joined);
        }
    }
}

#[test]
fn a_thousand_authorities_beside_the_pinned_one_are_one_warning() {
    let server = ApiServer::start(Options::default());
    let others: String = (0..1000).map(|_| Pki::new().ca_pem().to_owned()).collect();
    let kubeconfig = kubeconfig_of(&server, Some(&format!("{others}{}", server.ca_pem())));
    let info = ClusterInfo { kubeconfig: Some(kubeconfig), ..ClusterInfo::default() };
    server.set_faults(Faults::cluster_info(info));
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert_eq!(ran.result["warnings"].as_array().unwrap().len(), 1, "{ran:#?}");
    assert!(ran.stderr.len() < 8192, "{}", ran.stderr.len());
    assert_eq!(text(&join.tree(), "etc/kubernetes/pki/ca.crt"), server.ca_pem());
}

#[test]
fn a_document_of_a_stranger_takes_no_more_memory_than_itself() {
    let entries = |entry: &str, count| format!("{}{entry}", format!("{entry},").repeat(count));
    for (body, code) in [
        (format!("[{}]", entries("0", 750_000)), "api.not-the-object"),
        (format!("{{\"kind\":\"ConfigMap\",\"x\":[{}]}}", entries("[]", 500_000)), "discovery.token-unknown"),
    ] {
        let server = ApiServer::start(Options::default());
        let reply = Reply::Exactly { code: 200, headers: Vec::new(), body: body.into_bytes() };
        server.set_faults(Faults::replying(Rule::on("cluster-info", reply)));
        // In KiB of address space, most of which are the program's own.
        let limited = "ulimit -v 61440 && exec \"$0\" \"$@\"";
        let join = Join::to(&server);
        let command = join.command();
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(limited).arg(command.get_program()).args(command.get_args());
        shell.output().unwrap();
        let result: serde_json::Value = serde_json::from_slice(&std::fs::read(join.result_file()).unwrap()).unwrap();
        assert_eq!(result["code"], code, "{result:#?}");
    }
}
