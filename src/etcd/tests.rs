//! A join's calls against a cluster of fakes.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kubejoin_apiserver::Pki;

use super::fake::{CLUSTER, Fake, access};
use super::*;
use crate::error::{Class, Explain};
use crate::retry::Retry;

const URL: &str = "https://10.0.0.9:2380";

/// Long enough for a busy machine, for what has to happen.
fn long() -> Retry {
    Retry::every(Duration::from_millis(20), Duration::from_secs(60))
}

/// For what is not going to happen; long enough for a machine that is busy to ask everybody who answers.
fn short() -> Retry {
    Retry::every(Duration::from_millis(20), Duration::from_secs(4))
}

fn etcd(fake: &Fake) -> Etcd {
    Etcd::new(fake.access(), fake.urls().iter().map(String::as_str)).unwrap()
}

fn nobody(_: &str) -> NodeOwner {
    NodeOwner::NoSuchNode
}

fn ours(data: &DataDirectory, has_manifest: bool) -> Ours<'_> {
    Ours { name: "cp9", peer_url: URL, data, has_manifest, owner: &nobody }
}

/// What comes of a join with an empty disk, and what was said meanwhile.
fn ensure(fake: &Fake, has_manifest: bool, retry: &Retry) -> (Result<Membership, EtcdError>, Vec<String>) {
    let mut said = Vec::new();
    let ours = ours(&DataDirectory::Empty, has_manifest);
    let result = etcd(fake).ensure_member(&ours, retry, &mut |text| said.push(text.to_owned()));
    (result, said)
}

#[test]
fn members_and_their_health_are_seen_through_any_endpoint() {
    let fake = Fake::new(3);
    let refused = fake.member(4, "cp4", false, false);
    let view = etcd(&fake).view(&long()).unwrap();
    assert_eq!((view.cluster_id, view.members.len(), view.unsettled.clone()), (CLUSTER, 4, None));
    assert_eq!(view.quorum().to_string(), "3 of 4 voters answer, 3 are needed");
    let Health::Answers(status) = &view.members[1].health else { panic!("{:?}", view.members[1]) };
    assert_eq!((status.member_id, status.version.as_str(), status.raft_index, status.leader), (2, "3.7.3", 100, 1));
    let why = view.members[3].problem().unwrap();
    assert_eq!(why, format!("etcd: {}: connection refused", refused.trim_start_matches("https://")));
    assert_eq!(view.note(), None);
    let note = etcd(&Fake::new(2)).view(&long()).unwrap().note();
    assert_eq!(note, Some("two voters of etcd tolerate no failure: join a third control plane"));
}

#[test]
fn a_learner_is_asked_for_nothing_but_its_status() {
    let fake = Fake::new(0);
    fake.member(7, "cp7", true, true);
    fake.member(1, "cp1", false, true);
    let mut etcd = etcd(&fake);
    etcd.view(&long()).unwrap();
    etcd.view(&long()).unwrap();
    // Once it was not known yet.
    let learner: Vec<_> = fake.state().calls.iter().filter(|(id, _)| *id == 7).map(|call| call.1.clone()).collect();
    assert_eq!(learner, ["MemberList", "Status", "Status"]);
}

#[test]
fn a_member_is_added_as_a_learner_and_found_again() {
    let fake = Fake::new(1);
    let (result, said) = ensure(&fake, false, &long());
    let membership = result.unwrap();
    assert_eq!((membership.is_learner, &membership.decision), (true, &Decision::Add));
    let pair = |name: &str, url: &str| (name.to_owned(), url.to_owned());
    let expected = [pair("cp1", "https://10.0.0.1:2380"), pair("cp9", URL)];
    assert_eq!(membership.initial_cluster, expected);
    assert_eq!(said, [format!("adding a learner at {URL}")]);

    // Its manifest is here: it is the one. Without the manifest, the disk is another one.
    let again = ensure(&fake, true, &long()).0.unwrap();
    assert_eq!(again, Membership { decision: Decision::TakeOver(membership.id), ..membership.clone() });
    let (replaced, said) = ensure(&fake, false, &long());
    let replaced = replaced.unwrap();
    assert_eq!(replaced.decision, Decision::Replace(membership.id));
    assert_ne!(replaced.id, membership.id);
    assert_eq!(replaced.initial_cluster, expected);
    assert_eq!(
        said[0],
        format!(
            "removing a member that has not started ({:x}, {URL}), which an earlier join has added for this machine; then 1 of \
             1 voter answers, 1 is needed",
            membership.id
        )
    );
    assert_eq!(fake.changes(), ["MemberAdd", "MemberRemove", "MemberAdd"]);
}

#[test]
fn an_answer_that_was_lost_does_not_make_a_second_member() {
    let fake = Fake::new(1);
    for (code, text) in [
        (9, "etcdserver: Peer URLs already exists"),
        (9, "etcdserver: member ID already exist"),
        (5, "etcdserver: member not found"),
        (14, "etcdserver: request timed out"),
        (14, "etcdserver: unhealthy cluster"),
    ] {
        fake.state().errors.push_back(("MemberAdd", code, text));
    }
    assert_eq!(ensure(&fake, false, &long()).0.unwrap().decision, Decision::Add);
    assert_eq!(fake.changes(), ["MemberAdd"; 6]);
    // It was added, and this was not heard.
    let fake = Fake::new(1);
    fake.state().errors.push_back(("MemberAdd", 4, "context deadline exceeded"));
    let peer_urls = vec![URL.to_owned()];
    let member = Member { id: 0x99, peer_urls, is_learner: true, ..Member::default() };
    let (added, ours) = (member.clone(), ours(&DataDirectory::Empty, false));
    let membership = etcd(&fake).ensure_member(&ours, &long(), &mut |text| {
        if text.starts_with("adding") && fake.state().members.len() == 1 {
            fake.state().members.push(added.clone());
        }
    });
    assert_eq!(membership.unwrap().id, 0x99);
    assert_eq!(fake.changes(), ["MemberAdd"]);
}

#[test]
fn somebody_elses_learner_is_waited_for_by_name() {
    let fake = Fake::new(1);
    fake.member(7, "cp7", true, true);
    let (result, said) = ensure(&fake, false, &short());
    let error = result.unwrap_err();
    assert_eq!((error.code().name, error.code().class), ("etcd.learner-in-the-way", Class::Transient));
    let text = error.to_string();
    let expected =
        "etcd takes no more learners while another machine joins: \"cp7\" (7, https://10.0.0.7:2380), seen for ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(said.len(), 2, "it is not repeated: {said:?}");
    // Until it is none any more.
    let gone = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(700));
            fake.state().members[1].is_learner = false;
        });
        ensure(&fake, false, &long()).0.unwrap()
    });
    let names: Vec<_> = gone.initial_cluster.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["cp1", "cp7", "cp9"]);
}

#[test]
fn our_own_stale_voter_is_replaced() {
    let fake = Fake::new(2);
    fake.member(9, "cp9", false, false);
    let (result, said) = ensure(&fake, false, &long());
    let membership = result.unwrap();
    assert_eq!(membership.decision, Decision::Replace(9));
    assert_eq!(fake.changes(), ["MemberRemove", "MemberAdd"]);
    assert!(said[0].ends_with("then 2 of 2 voters answer, 2 are needed"), "{said:?}");
    assert_eq!(membership.initial_cluster.len(), 3);
}

#[test]
fn a_member_that_is_away_is_waited_for_and_then_named() {
    let fake = Fake::new(2);
    fake.member(3, "cp3", false, false);
    let error = ensure(&fake, false, &short()).0.unwrap_err();
    assert_eq!((error.code().name, error.code().class), ("etcd.member-unhealthy", Class::Refused));
    assert!(
        error.to_string().contains("2 of 3 voters answer, 2 are needed; of the 4 that there would be, 3"),
        "{error}"
    );
    assert!(
        error.to_string().contains("not answering: \"cp3\" (3, https://10.0.0.3:2380): etcd: 127.0.0.1:"),
        "{error}"
    );
    assert_eq!(fake.changes(), [""; 0]);
}

#[test]
fn a_cluster_without_a_quorum_is_told_with_the_arithmetic() {
    let fake = Fake::new(1);
    fake.member(2, "cp2", false, false);
    fake.state().has_no_leader = true;
    let view = etcd(&fake).view(&long()).unwrap();
    assert_eq!(view.quorum().to_string(), "1 of 2 voters answer, 2 are needed");
    assert!(view.unsettled.unwrap().contains("MemberList: Unavailable (14): etcdserver: no leader"));
    let error = ensure(&fake, false, &short()).0.unwrap_err();
    assert_eq!(error.code().name, "etcd.no-quorum");
    assert!(
        error.to_string().starts_with("etcd has no quorum: 1 of 2 voters answer, 2 are needed; not answering: \"cp2\"")
    );
}

#[test]
fn a_list_that_the_cluster_has_not_agreed_to_condemns_nobody() {
    let fake = Fake::new(2);
    fake.state().has_no_leader = true;
    let data = DataDirectory::Member { cluster_id: CLUSTER, member_id: 0x77 };
    let error = etcd(&fake).ensure_member(&ours(&data, true), &short(), &mut |_| {}).unwrap_err();
    assert_eq!((error.code().name, error.code().class), ("etcd.busy", Class::Transient), "{error}");
    // What is here already may be what brings the leader back.
    let data = DataDirectory::Member { cluster_id: CLUSTER, member_id: 2 };
    let ours = Ours { peer_url: "https://10.0.0.2:2380", ..ours(&data, true) };
    let resumed = etcd(&fake).ensure_member(&ours, &short(), &mut |_| {}).unwrap();
    assert_eq!(resumed.decision, Decision::Resume(2));
}

#[test]
fn names_that_etcd_cannot_be_told_are_replaced_by_numbers() {
    let fake = Fake::new(4);
    for (at, name) in ["", "a=b", "cp3", "cp3"].iter().enumerate() {
        fake.state().members[at].name = (*name).to_owned();
    }
    fake.state().members[0].is_learner = true;
    fake.state().members[1].peer_urls.push("https://[fd00::2]:2380".to_owned());
    // As many learners as there may be are for etcd to count.
    fake.state().members.push(Member {
        id: 0x99,
        peer_urls: vec![URL.to_owned()],
        is_learner: true,
        ..Member::default()
    });
    let membership = ensure(&fake, true, &long()).0.unwrap();
    let pairs: Vec<_> = membership.initial_cluster.iter().map(|(name, url)| format!("{name}={url}")).collect();
    assert_eq!(
        pairs,
        [
            "1=https://10.0.0.1:2380",
            "2=https://10.0.0.2:2380",
            "2=https://[fd00::2]:2380",
            "cp3=https://10.0.0.3:2380",
            "4=https://10.0.0.4:2380",
            "cp9=https://10.0.0.9:2380"
        ]
    );
}

#[test]
fn a_learner_is_promoted_once_it_has_the_data() {
    let fake = Fake::new(1);
    let url = fake.member(9, "cp9", true, true);
    fake.state().applied = [0, 10, 89, 90].into();
    fake.state().errors.push_back((
        "MemberPromote",
        9,
        "etcdserver: can only promote a learner member which is in sync with leader",
    ));
    let mut said = Vec::new();
    let mut promote = |id| {
        etcd(&fake)
            .promote_member(id, &url, Patience::default(), &mut |text| said.push(text.to_owned()))
            .map_err(|e| e.to_string())
    };
    assert_eq!(promote(9), Ok(()));
    // It is a voter: nothing is asked.
    assert_eq!(promote(9), Ok(()));
    assert_eq!(promote(8), Err("this machine's etcd member 8 was removed meanwhile".to_owned()));
    assert_eq!(said[0], "waiting for etcd on this machine: entry 0 of 100");
    assert_eq!(fake.changes(), ["MemberPromote"; 2]);
    assert!(fake.state().calls.iter().all(|(id, method)| *id == 1 || method == "Status"));
    assert_eq!(
        etcd(&fake).wait_available(9, &long()).unwrap().quorum().to_string(),
        "2 of 2 voters answer, 2 are needed"
    );
}

#[test]
fn a_learner_that_stands_still_is_given_up() {
    let second = Duration::from_secs(1);
    let patience = Patience { start: second * 2, standstill: second };
    let fake = Fake::new(1);
    let url = fake.member(9, "cp9", true, true);
    fake.state().applied = [10, 40].into();
    let began = Instant::now();
    let stalled = etcd(&fake).promote_member(9, &url, patience, &mut |_| {}).unwrap_err();
    assert_eq!((stalled.code().name, stalled.code().class), ("etcd.learner-stalled", Class::Transient));
    let text = stalled.to_string();
    assert!(text.starts_with("this machine's etcd does not get further than entry 40 of 100, for "), "{text}");
    assert!(began.elapsed() >= second);

    // It has never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let stalled = etcd(&fake).promote_member(9, &nobody, patience, &mut |_| {}).unwrap_err().to_string();
    assert!(stalled.starts_with("this machine's etcd has not answered for 2 s; etcd: 127.0.0.1:"), "{stalled}");
    // It has the data, and is not promoted.
    fake.state().applied = [100].into();
    for _ in 0..100 {
        fake.state().errors.push_back((
            "MemberPromote",
            9,
            "etcdserver: re-configuration failed due to not enough started members",
        ));
    }
    let stalled = etcd(&fake).promote_member(9, &url, patience, &mut |_| {}).unwrap_err().to_string();
    assert!(
        stalled.contains("MemberPromote: FailedPrecondition (9): etcdserver: re-configuration failed"),
        "{stalled}"
    );
}

#[test]
fn who_does_not_show_the_right_certificate_is_told_nothing() {
    let fake = Fake::new(0);
    let (other, url) = (Pki::named("etcd-ca"), fake.member(1, "cp1", false, true));
    let view = |access| Etcd::new(access, [url.as_str()]).unwrap().view(&long()).unwrap_err();
    // Not the CA that their certificate is of.
    let untrusted = view(access(&other, &fake.pki));
    assert_eq!(
        (untrusted.code().name, untrusted.code().class),
        ("etcd.certificate-untrusted", Class::Unsafe),
        "{untrusted}"
    );
    // Not the CA that ours is of.
    let refused = view(access(&fake.pki, &other));
    assert_eq!(
        (refused.code().name, refused.code().class),
        ("etcd.client-certificate-refused", Class::Unsafe),
        "{refused}"
    );
    assert!(fake.state().calls.is_empty());
}

#[test]
fn what_no_member_can_be_asked_says_all_reasons() {
    let fake = Fake::new(0);
    let urls = [fake.member(1, "cp1", false, false), fake.member(2, "cp2", false, false)];
    let error = Etcd::new(fake.access(), [urls.join(",").as_str()]).unwrap().view(&short()).unwrap_err();
    assert_eq!(error.code().name, "etcd.unreachable");
    let hosts = urls.each_ref().map(|url| url.trim_start_matches("https://"));
    let expected = format!("etcd: {}: connection refused; etcd: {}: connection refused", hosts[0], hosts[1]);
    assert_eq!(error.to_string(), expected);
    for none in ["", "http://10.0.0.1:2379", "unix://x"] {
        assert!(matches!(Etcd::new(fake.access(), [none]), Err(EtcdError::NoEndpoint)), "{none}");
    }
}
