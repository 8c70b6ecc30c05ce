//! Which clock judges certificates: the system's, or that of the server that a pin has verified.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::discovery::discover;
use kubejoin::for_tests::discovery::error::DiscoveryError;
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::inputs::Trust;
use kubejoin::for_tests::net::error::{Cause, NetError};
use kubejoin::for_tests::report::Report;
use kubejoin_apiserver::{ApiServer, Faults, Leaf, Options, Pki, Presents};

use crate::builder::{access_by_token, soon};

#[test]
fn without_a_pin_only_the_system_clock_counts() {
    let server = ApiServer::start(Options::default());
    let begins_1970 = UNIX_EPOCH + Duration::from_secs(3600);
    for (system, mode, is_found) in [
        (SystemTime::now(), ClockMode::Auto, true),
        (SystemTime::now(), ClockMode::Server, true),
        (begins_1970, ClockMode::System, false),
        (begins_1970, ClockMode::Auto, false),
        (begins_1970, ClockMode::Server, false),
    ] {
        let access = access_by_token(&server, Trust::UnsafeSkipCaVerification, Clock::at(system, mode));
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
fn with_a_pin_an_impossible_clock_becomes_the_servers() {
    let pins = |server: &ApiServer| Trust::Pins(vec![server.ca_hash().parse().unwrap()]);
    let build = kubejoin::for_tests::clock::build_date();
    for offset in [0, 3600, -30 * 24 * 3600] {
        let faults = Faults { date_offset: offset, ..Faults::default() };
        let server = ApiServer::start(Options { faults, ..Options::default() });
        let access = access_by_token(&server, pins(&server), Clock::at(UNIX_EPOCH, ClockMode::Auto));
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

#[test]
fn a_replaced_clock_is_not_said_to_disagree() {
    const YEAR: u64 = 365 * 24 * 3600;
    let pki = Pki::new();
    // The server lives ten years ago, and its certificate was valid then.
    let past = SystemTime::now() - Duration::from_secs(10 * YEAR);
    let leaf = Leaf::server(["127.0.0.1"]).valid(past - Duration::from_secs(YEAR), past + Duration::from_secs(YEAR));
    let faults = Faults {
        presents: Presents::Other(pki.issue(&leaf)),
        date_offset: -i64::try_from(10 * YEAR).unwrap(),
        ..Faults::default()
    };
    let server = ApiServer::start(Options { pki, faults, ..Options::default() });
    let pins = Trust::Pins(vec![server.ca_hash().parse().unwrap()]);
    let error_at = |clock| {
        let access = access_by_token(&server, pins.clone(), Clock::at(clock, ClockMode::Auto));
        discover(&access, soon(), &Report::new(Vec::new())).unwrap_err()
    };
    assert_eq!(error_at(UNIX_EPOCH).code().name, "tls.certificate-validity");
    assert_eq!(error_at(SystemTime::now()).code().name, "clock.disagrees");
}
