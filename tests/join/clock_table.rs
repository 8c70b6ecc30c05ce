//! A join at every time that a machine may believe in: whatever its clock says, and whatever jumps, each join either comes
//! about or is refused with a code of its own, and with the times that it was decided by.
//!
//! The binary runs with a clock of the test's own: a library that is loaded before the C library's, which the C compiler that
//! the crates need anyway makes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kubejoin::for_tests::clock::build_date;
use kubejoin_apiserver::{ApiServer, Faults, Leaf, Options, Pki, Presents, Reply, Rule};

use crate::builder::{Join, Ran, cluster_info_of};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const MODES: [&str; 3] = ["auto", "system", "server"];

/// Shows `FAKE_CLOCK` seconds more than it is; from the second reading on `FAKE_CLOCK_LATER`, where that is set.
const FAKE_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    static int readings;
    int result = syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME) {
        const char *later = getenv("FAKE_CLOCK_LATER"), *offset = getenv("FAKE_CLOCK");
        if (later && __sync_fetch_and_add(&readings, 1) > 0) offset = later;
        if (offset) time->tv_sec += atoll(offset);
    }
    return result;
}
"#;

/// How the cluster is found and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Pinned,
    Unpinned,
    File,
    Url,
}

const METHODS: [Method; 4] = [Method::Pinned, Method::Unpinned, Method::File, Method::Url];

/// The serving certificates of the API server and of a web server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serving {
    Valid,
    Expired,
    NotYetValid,
}

impl Serving {
    fn validity(self) -> (SystemTime, SystemTime) {
        let now = SystemTime::now();
        match self {
            Serving::Valid => (build_date() - 30 * DAY, now + YEAR),
            Serving::Expired => (build_date() - 60 * DAY, build_date() - 30 * DAY),
            Serving::NotYetValid => (now + YEAR, now + 2 * YEAR),
        }
    }

    fn identity(self, pki: &Pki) -> Presents {
        let (not_before, not_after) = self.validity();
        Presents::Other(pki.issue(&Leaf::server(["127.0.0.1"]).valid(not_before, not_after)))
    }
}

/// What a join comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Joined,
    /// The certificate is not valid by the only clock that counts.
    Validity,
    /// It is valid by one of two clocks.
    Disagree,
    /// The one that has just been issued is not valid yet.
    Issued,
    /// The preflight check `Clock`: no other clock counts, and this one cannot be right. Somebody may yet set it.
    Impossible,
}

use End::{Disagree, Impossible, Issued, Joined, Validity};

impl End {
    fn code_and_status(self) -> (&'static str, i32) {
        match self {
            Joined => ("", 0),
            Validity => ("tls.certificate-validity", 4),
            Disagree => ("clock.disagrees", 4),
            Issued => ("tls-bootstrap.certificate-validity", 4),
            Impossible => ("clock.not-set", 3),
        }
    }
}

/// What a machine's clock shows: when it is read, and later.
struct Machine {
    name: &'static str,
    shows: SystemTime,
    later: Option<SystemTime>,
    /// With serving certificates that are valid: how each method ends, with `auto`, `system` and `server`.
    ends: [(Method, [End; 3]); 4],
}

fn machines() -> Vec<Machine> {
    use Method::{File, Pinned, Unpinned, Url};
    let now = SystemTime::now();
    let in_1970 = UNIX_EPOCH + DAY;
    let ahead = now + 10 * YEAR;
    // The server's time replaces it where somebody vouches for the server.
    let impossible = [
        (Pinned, [Joined, Impossible, Joined]),
        (Unpinned, [Impossible; 3]),
        (File, [Joined, Impossible, Joined]),
        (Url, [Joined, Impossible, Joined]),
    ];
    let right = [Pinned, Unpinned, File, Url].map(|method| (method, [Joined; 3]));
    // A web server is verified before it is asked for anything, and so before it has said what time it is.
    let beyond = [
        (Pinned, [Disagree, Disagree, Joined]),
        (Unpinned, [Validity; 3]),
        (File, [Disagree, Disagree, Joined]),
        (Url, [Validity, Validity, Joined]),
    ];
    // Nothing says that it is wrong, until a certificate is issued after it. Signer and node allow for five minutes each;
    // close to that, this program is taken for one that is younger.
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let is_close = (build_date() + minutes(9)..build_date() + minutes(12)).contains(&now);
    let built = if is_close { build_date() + minutes(5) } else { build_date() };
    let behind = if now > built + minutes(10) { Issued } else { Joined };
    let build = [
        (Pinned, [behind, behind, Joined]),
        (Unpinned, [behind; 3]),
        (File, [behind, behind, Joined]),
        (Url, [behind, behind, Joined]),
    ];
    let machine = |name, shows, later, ends| Machine { name, shows, later, ends };
    vec![
        machine("1970", in_1970, None, impossible),
        machine("the build date", built, None, build),
        machine("right", now, None, right),
        machine("ten years ahead", ahead, None, beyond),
        // It is read once: what becomes of it later changes nothing.
        machine("1970, then right", in_1970, Some(now), impossible),
        machine("right, then ten years ahead", now, Some(ahead), right),
    ]
}

/// The library with the clock, in a directory that is kept for it.
fn fake_clock(directory: &Path) -> Option<PathBuf> {
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    std::fs::write(&source, FAKE_CLOCK).unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).status();
    if cfg!(target_env = "musl") || !made.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this test needs a C compiler, and a binary that is linked to the C library when it starts");
        return None;
    }
    Some(library)
}

/// A server of a CA that is older than this program, with these certificates; and where its discovery file is.
fn servers(serving: Serving) -> (ApiServer, ApiServer) {
    let server = |reply: Option<Rule>| {
        let pki = Pki::a_year_old();
        let faults =
            Faults { presents: serving.identity(&pki), replies: reply.into_iter().collect(), ..Faults::default() };
        ApiServer::start(Options { pki, faults, ..Options::default() })
    };
    let api = server(None);
    let body = cluster_info_of(&api).into_bytes();
    (api, server(Some(Rule::on("/discovery.conf", Reply::Exactly { code: 200, headers: Vec::new(), body }))))
}

fn join(method: Method, api: &ApiServer, web: &ApiServer) -> Join {
    let token = api.token();
    match method {
        Method::Pinned => Join::to(api),
        Method::Unpinned => Join::to(api).hashes(&[]).unsafe_skip_ca_verification(),
        Method::File => Join::to(api).by_file(&cluster_info_of(api), Some(&token)),
        Method::Url => {
            let join = Join::to(api).by(&format!("https://{}/discovery.conf", web.endpoint()), Some(&token));
            let ca = join.beside("web-ca.crt", &web.ca_pem());
            join.arg(&format!("--discovery-url-ca-file={}", ca.display()))
        }
    }
}

/// Seconds from now to `shown`.
fn offset(shown: SystemTime) -> String {
    match shown.duration_since(SystemTime::now()) {
        Ok(ahead) => ahead.as_secs().to_string(),
        Err(behind) => format!("-{}", behind.duration().as_secs()),
    }
}

/// The day of a time, as messages have it; today may be yesterday by now.
fn days(time: SystemTime) -> [String; 2] {
    [time - Duration::from_secs(120), time].map(|time| httpdate::fmt_http_date(time)[5..16].to_owned())
}

#[track_caller]
fn names_the_day(ran: &Ran, time: SystemTime, row: &str) {
    let message = ran.result["message"].as_str().unwrap();
    assert!(days(time).iter().any(|day| message.contains(day)), "{row}: {:?} is not in {message}", days(time));
}

fn holds(machine: &Machine, serving: Serving, library: &Path) -> usize {
    let (api, web) = servers(serving);
    let mut cells = 0;
    for (method, ends) in METHODS.map(|method| machine.ends.iter().find(|(of, _)| *of == method).unwrap()) {
        for (mode, end) in MODES.iter().zip(ends) {
            let row = format!("{}, {method:?}, {mode}, {serving:?}", machine.name);
            let end = if serving == Serving::Valid || *end == Impossible { *end } else { Validity };
            let mut join = join(*method, &api, &web)
                .waits(60, 60)
                .arg(&format!("--clock={mode}"))
                .env("LD_PRELOAD", library.to_str().unwrap())
                .env("FAKE_CLOCK", &offset(machine.shows));
            if let Some(later) = machine.later {
                join = join.env("FAKE_CLOCK_LATER", &offset(later));
            }
            let ran = join.run();
            cells += 1;
            if end == Joined {
                assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{row}: {ran:#?}");
                continue;
            }
            assert_eq!((ran.code(), ran.status), end.code_and_status(), "{row}: {ran:#?}");
            assert!(join.tree().iter().all(|found| !found.path.ends_with("kubelet.conf")), "{row}: it has joined");
            // The time that it was judged at, and the end of the validity that is beyond, or the other clock.
            let is_replaced =
                *method != Method::Unpinned && (*mode == "server" || *mode == "auto" && machine.shows < build_date());
            match end {
                Disagree | Issued => {
                    names_the_day(&ran, machine.shows, &row);
                    names_the_day(&ran, SystemTime::now(), &row);
                }
                Impossible => {
                    names_the_day(&ran, machine.shows, &row);
                    names_the_day(&ran, build_date(), &row);
                }
                Validity => {
                    let (not_before, not_after) = serving.validity();
                    // A web server is judged at a time that suits its certificate, where no clock counts.
                    if !(is_replaced && *method == Method::Url) {
                        let judged_at = if is_replaced { SystemTime::now() } else { machine.shows };
                        names_the_day(&ran, judged_at, &row);
                        names_the_day(&ran, if judged_at < not_before { not_before } else { not_after }, &row);
                    }
                }
                Joined => unreachable!(),
            }
        }
    }
    cells
}

#[test]
fn a_join_ends_well_or_with_both_times_whatever_the_clock_shows() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = fake_clock(directory.path()) else { return };
    let (library, machines) = (library.as_path(), machines());
    let cells: usize = std::thread::scope(|scope| {
        let machines = &machines;
        let row = move |serving| machines.iter().map(move |machine| holds(machine, serving, library)).sum::<usize>();
        let servings = [Serving::Valid, Serving::Expired, Serving::NotYetValid];
        servings.map(|serving| scope.spawn(move || row(serving))).into_iter().map(|row| row.join().unwrap()).sum()
    });
    assert_eq!(cells, 6 * 3 * 4 * 3);
}
