//! Input from outside is data: no answer, number, file or size of it makes the program panic, wait for ever, run out of
//! memory, or take one thing for another.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kubejoin::for_tests::net::error::{Cause, NetError};
use kubejoin::for_tests::net::http::{Connection, Method, Request, Response};
use kubejoin::for_tests::net::route::Route;
use kubejoin::for_tests::net::stream::Stream;
use kubejoin_apiserver::{ApiServer, Approver, ClusterInfo, Faults, Options, Pki, Reply, Rule};

use crate::builder::{Join, cluster_info_of, kubeconfig_of, text, with_user};

/// What a connection makes of these bytes as the answers to `requests` requests sent at once; and the connection.
pub fn answers(bytes: &[u8], requests: usize) -> (Vec<Result<Response, NetError>>, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint: kubejoin::for_tests::values::Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
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
fn a_date_at_the_end_of_the_calendar_is_ignored() {
    for (date, is_one) in
        [("Fri, 31 Dec 9999 23:59:59 GMT", false), ("Sun, 22 Nov 2026 10:00:00 GMT", true), ("tomorrow", false)]
    {
        let (received, _) = answers(format!("HTTP/1.1 204 No Content\r\nDate: {date}\r\n\r\n").as_bytes(), 1);
        assert_eq!(received[0].as_ref().unwrap().head.date.is_some(), is_one, "{date}");
    }
}

#[test]
fn an_endless_chunk_line_is_cut_off() {
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
fn an_unrequested_answer_is_never_taken_for_a_later_one() {
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
fn an_unverified_document_needs_no_more_memory_than_its_size() {
    let entries = |entry: &str, count| format!("{}{entry}", format!("{entry},").repeat(count));
    for (body, code) in [
        (format!("[{}]", entries("0", 750_000)), "api.not-the-object"),
        (
            format!(
                "{{\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"cluster-info\"}},\"x\":[{}]}}",
                entries("[]", 500_000)
            ),
            "discovery.token-unknown",
        ),
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

#[test]
fn a_thousand_unpinned_cas_are_one_warning() {
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
fn pipes_and_devices_named_by_a_discovery_file_never_block() {
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
    // Where a host keeps CA certificates, a pipe is ignored like anything else that is not one.
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    std::fs::write(directory.path().join("ca.crt"), server.ca_pem()).unwrap();
    let join = join.env("SSL_CERT_FILE", "/none").env("SSL_CERT_DIR", directory.path().to_str().unwrap());
    assert_eq!(ends(&join, Duration::from_secs(20)), 0);
    assert!(server.connections().len() < 3, "somebody was asked");
}

#[test]
fn a_field_of_the_wrong_type_does_not_count_as_absent() {
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
