//! `join --check`: the exit status of the join, and nothing is left anywhere.

use kubejoin_apiserver::{ApiServer, Options, Token};

use crate::builder::{Join, Ran};

/// The rehearsal, and what it must leave alone.
fn rehearse(join: &Join, server: &ApiServer) -> Ran {
    let before = (join.tree(), server.csrs().len());
    let ran = join.ran(join.command().arg("--check").output().unwrap());
    assert_eq!((join.tree(), server.csrs().len()), before, "{ran:#?}");
    ran
}

#[test]
fn an_image_that_can_join_is_told_so_and_stays_as_it_is() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let ran = rehearse(&join, &server);
    assert_eq!((ran.outcome(), ran.status), ("checked", 0), "{ran:#?}");
    assert!(ran.stdout.contains("This would have joined"), "{ran:#?}");
    assert!(!ran.stdout.contains("kubelet.conf"), "files are for --dry-run: {ran:#?}");
    assert_eq!(join.run().outcome(), "joined");
}

#[test]
fn what_would_stop_the_join_stops_the_rehearsal_with_the_same_code() {
    type Prepare = fn(&ApiServer, Join) -> Join;
    fn token(server: &ApiServer, join: Join, change: fn(&mut Token)) -> Join {
        let mut token = Token::new("others", "0123456789abcdef");
        change(&mut token);
        let full = token.full();
        server.set_tokens(vec![token]);
        join.with_token(&full)
    }
    let rows: [(&str, Prepare); 5] = [
        ("discovery.ca-hash-mismatch", |_, join| join.hashes(&[&format!("sha256:{}", "0".repeat(64))])),
        ("net.connection-refused", |_, join| join.endpoint("127.0.0.1:1")),
        ("api.unauthorized", |server, join| token(server, join, |token| token.authentication = false)),
        // It reads what a join reads; what it may not do is the last thing that a join does.
        ("api.forbidden", |server, join| token(server, join, |token| token.groups = Vec::new())),
        ("usage.arguments", |_, join| join.arg("--no-such-flag")),
    ];
    for (code, prepare) in rows {
        let server = ApiServer::start(Options::default());
        let join = prepare(&server, Join::to(&server)).waits(1, 5);
        let ran = rehearse(&join, &server);
        let joined = join.run();
        assert_eq!((ran.code(), ran.status), (joined.code(), joined.status), "{ran:#?} {joined:#?}");
        assert_eq!(ran.code(), code, "{ran:#?}");
    }
}
