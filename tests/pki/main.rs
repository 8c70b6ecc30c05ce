//! Certificates and requests are read as x509-parser reads them: another reader of the same structures, by other authors, with
//! other methods. Where both accept, every fact is the same; what only ours accepts fails, and what only x509-parser accepts
//! is a row of [`REFUSED`] with its reason.

#![allow(clippy::unwrap_used)] // tests

mod der;
mod mutations;
mod oracle;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kubejoin::for_tests::pki::certificate::Certificate;
use kubejoin::for_tests::pki::key::PrivateKey;
use kubejoin::for_tests::pki::request::{pem_for_node, public_key_info_of};
use kubejoin_apiserver::{Leaf, Pki, Unfit};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};

use crate::der::{Draft, attribute, name, tlv};
use crate::oracle::{Facts, assert_same};

/// Certificates of every kind that tests make or hold.
fn certificates() -> Vec<Vec<u8>> {
    let year = Duration::from_secs(365 * 24 * 3600);
    let (ca, now) = (Pki::new(), SystemTime::now());
    let leaf = |leaf: &Leaf| ca.issue(leaf).chain[0].to_vec();
    let mut found = vec![
        ca.ca_der().to_vec(),
        Pki::expired().ca_der().to_vec(),
        Pki::without_room().ca_der().to_vec(),
        ca.subordinate("intermediate").ca_der().to_vec(),
        leaf(&Leaf::client("system:node:n1", &["system:nodes", "system:masters"])),
        leaf(&Leaf::server(["10.0.0.1", "fd00::1", "kubernetes.default.svc"])),
        leaf(&Leaf::client("", &[]).expired()),
        leaf(&Leaf::client("m\u{fc}ller", &["\u{65e5}\u{672c}"]).not_yet_valid()),
        leaf(&Leaf::client("n", &[]).valid(now, now + 200 * year)),
        Draft::default().encode(),
        Draft { subject: every_string_type(), ..Draft::default() }.encode(),
        Draft { subject: every_attribute_type(), ..Draft::default() }.encode(),
        Draft { version: 0, extensions: Vec::new(), ..Draft::default() }.encode(),
    ];
    let unfit = [Unfit::NotACa, Unfit::NoBasicConstraints, Unfit::NoKeyCertSign, Unfit::CriticalExtension];
    found.extend(unfit.map(|why| Pki::unfit(why).ca_der().to_vec()));
    for pem in ["p256-sha512", "p521", "rsa1024"] {
        let path = format!("{}/tests/join/ca/{pem}.pem", env!("CARGO_MANIFEST_DIR"));
        found.push(CertificateDer::from_pem_file(path).unwrap().to_vec());
    }
    let kubelet = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubelet/ca.crt");
    found.push(CertificateDer::from_pem_file(kubelet).unwrap().to_vec());
    found
}

/// `CN` and `O` in every string type, and in what is none.
fn every_string_type() -> Vec<u8> {
    let texts: [(u8, &[u8]); 17] = [
        (0x0c, "UTF8String \u{fc}".as_bytes()),
        (0x0c, b""),
        (0x13, b"PrintableString"),
        (0x13, b"Printable*String@"),
        (0x16, b"IA5String@"),
        (0x14, b"TeletexString"),
        (0x1e, &[0, b'B', 0, b'M', 0, b'P', 0x65, 0xe5]),
        (0x12, b"123 456"),
        (0x1a, b"VisibleString"),
        (0x1b, b"GeneralString"),
        (0x19, b"GraphicString"),
        (0x15, b"VideotexString"),
        (0x07, b"ObjectDescriptor"),
        (0x1c, &[0, 0, 0, b'U']),
        (0x03, &[0, 0xab, 0xcd]),
        (0x02, &[0x12]),
        (0x30, &[0x02, 0x01, 0x01]),
    ];
    let kinds: [&[u8]; 2] = [&[0x55, 4, 3], &[0x55, 4, 10]];
    let rdns: Vec<_> =
        kinds.iter().flat_map(|kind| texts.map(|(tag, text)| vec![attribute(kind, tag, text)])).collect();
    name(&rdns)
}

/// Every attribute type of 2.5.4 up to 120, those with other prefixes that certificates have, and some that nobody knows;
/// the last two in one RDN.
fn every_attribute_type() -> Vec<u8> {
    let others: [&[u8]; 10] = [
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1],
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25],
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2],
        &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 1],
        &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 2],
        &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 3],
        &[0x2a, 3, 4],
        &[0x67, 0x81, 0x0c, 1],
        &[0x69, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    let ours = (0..=120).map(|number| vec![0x55, 4, number]).chain(others.map(<[u8]>::to_vec));
    let mut rdns: Vec<_> = ours.map(|kind| vec![attribute(&kind, 0x0c, b"x")]).collect();
    let last = rdns.pop().unwrap();
    rdns.last_mut().unwrap().extend(last);
    name(&rdns)
}

#[test]
fn certificates_read_as_x509_parser_reads_them() {
    for der in certificates() {
        let (ours, theirs) = (Facts::ours(&der), Facts::theirs(&der));
        assert_same(&ours.expect("it is a certificate"), &theirs.expect("it is a certificate"), &der);
    }
}

#[test]
fn the_system_bundle_reads_as_x509_parser_reads_it() {
    let path = "/etc/ssl/certs/ca-certificates.crt";
    let Ok(pem) = std::fs::read(path) else { return eprintln!("SKIPPED: it needs {path}") };
    let mut count = 0;
    for der in CertificateDer::pem_slice_iter(&pem) {
        let der = der.unwrap();
        let ours = Facts::ours(&der).expect("a CA certificate of the system");
        assert_same(&ours, &Facts::theirs(&der).unwrap(), &der);
        count += 1;
    }
    assert!(count > 50, "{path} has {count} certificates");
}

#[test]
fn times_read_as_x509_parser_reads_them() {
    let right: [(u8, &[u8], u64); 8] = [
        (0x17, b"700101000000Z", 0),
        (0x17, b"491231235959Z", 2_524_607_999),
        // RFC 5280, 4.1.2.5.1: 50 is 1950, which is before all that is asked for.
        (0x17, b"500101000000Z", 0),
        (0x17, b"000229120000Z", 951_825_600),
        (0x17, b"261123063107Z", 1_795_415_467),
        (0x18, b"20500101000000Z", 2_524_608_000),
        (0x18, b"99991231235959Z", 253_402_300_799),
        (0x18, b"00000101000000Z", 0),
    ];
    for (tag, text, seconds) in right {
        let der = Draft { not_after: tlv(tag, text), ..Draft::default() }.encode();
        let ours = Facts::ours(&der).unwrap_or_else(|| panic!("{}", text.escape_ascii()));
        assert_eq!(ours.not_after, UNIX_EPOCH + Duration::from_secs(seconds), "{}", text.escape_ascii());
        assert_same(&ours, &Facts::theirs(&der).unwrap(), &der);
    }
    let wrong: [(u8, &[u8]); 19] = [
        (0x17, b""),
        (0x17, b"Z"),
        (0x17, b"26112306310Z"),
        (0x17, b"261123063107"),
        (0x17, b"261123063107z"),
        (0x17, b"261123063107Z "),
        (0x17, b"261123 63107Z"),
        (0x17, b"26112306310:Z"),
        (0x17, b"261123063160Z"),
        (0x17, b"261123066007Z"),
        (0x17, b"261123240000Z"),
        (0x17, b"261323063107Z"),
        (0x17, b"260023063107Z"),
        (0x17, b"261100063107Z"),
        (0x17, b"250229063107Z"),
        (0x17, b"20261123063107Z"),
        (0x18, b"261123063107Z"),
        (0x18, b"21000229000000Z"),
        (0x16, b"261123063107Z"),
    ];
    for (tag, text) in wrong {
        let der = Draft { not_after: tlv(tag, text), ..Draft::default() }.encode();
        assert!(Facts::ours(&der).is_none(), "{}", text.escape_ascii());
        assert!(Facts::theirs(&der).is_none(), "{}", text.escape_ascii());
    }
}

/// A reason, and what x509-parser accepts all the same.
type Refused = (&'static str, fn() -> Vec<u8>);

/// What x509-parser reads, and we do not.
const REFUSED: [Refused; 19] = [
    ("a length with a leading zero (X.690, 10.1)", || {
        let der = Draft::default().encode();
        [&[0x30, 0x83, 0], &der[2..]].concat()
    }),
    ("something behind the certificate's signature", || with_rest(&[0])),
    ("something behind the public key: not the bytes that webpki and Go hash", || {
        let mut draft = Draft::default();
        draft.public_key = der::append(&draft.public_key, &[5, 0]);
        draft.encode()
    }),
    ("something behind the times", || {
        let not_after = [tlv(0x17, b"261123063107Z"), tlv(0x05, &[])].concat();
        Draft { not_after, ..Draft::default() }.encode()
    }),
    ("a time without seconds (RFC 5280, 4.1.2.5.1)", || with_time(0x17, b"2611230631Z")),
    ("a time in another zone", || with_time(0x17, b"261123063107+0100")),
    ("a fraction of a second (RFC 5280, 4.1.2.5.2)", || with_time(0x18, b"20261123063107.5Z")),
    ("an RDN without attributes", || {
        let subject = tlv(0x30, &[attribute_set(&[0x55, 4, 3]), tlv(0x31, &[])].concat());
        Draft { subject, ..Draft::default() }.encode()
    }),
    ("an RDN that is none, with which x509-parser ends the name", || {
        let subject = tlv(0x30, &[attribute_set(&[0x55, 4, 3]), tlv(0x05, &[])].concat());
        Draft { subject, ..Draft::default() }.encode()
    }),
    ("a string that is no universal type", || {
        let subject = name(&[vec![attribute(&[0x55, 4, 3], 0x8c, b"n")]]);
        Draft { subject, ..Draft::default() }.encode()
    }),
    ("an attribute type that is cut off", || {
        let subject = name(&[vec![attribute(&[0x55, 0x84], 0x0c, b"n")]]);
        Draft { subject, ..Draft::default() }.encode()
    }),
    ("version 4", || Draft { version: 3, ..Draft::default() }.encode()),
    ("extensions in version 1 (RFC 5280, 4.1.2.9)", || Draft { version: 0, ..Draft::default() }.encode()),
    ("basicConstraints twice (RFC 5280, 4.2)", || {
        let again = der::extension(19, true, &tlv(0x30, &[]));
        let mut draft = Draft::default();
        draft.extensions.push(again);
        draft.encode()
    }),
    ("basicConstraints that cannot be read", || with_extension(19, &[0x30, 1])),
    ("keyUsage that cannot be read", || with_extension(15, &[0x04, 1, 0])),
    ("critical that is neither TRUE nor FALSE (X.690, 11.1)", || {
        let odd = tlv(0x30, &[tlv(6, &[0x55, 0x1d, 17]), tlv(1, &[1]), tlv(4, &tlv(0x30, &[]))].concat());
        Draft { extensions: vec![odd], ..Draft::default() }.encode()
    }),
    ("a serial number of no octets", || Draft { serial: Vec::new(), ..Draft::default() }.encode()),
    ("another signature algorithm outside than inside (RFC 5280, 4.1.1.2)", || {
        Draft { outer_algorithm: tlv(0x30, &tlv(6, &[0x2b, 0x65, 0x70])), ..Draft::default() }.encode()
    }),
];

fn with_rest(rest: &[u8]) -> Vec<u8> {
    der::append(&Draft::default().encode(), rest)
}

fn with_time(tag: u8, text: &[u8]) -> Vec<u8> {
    Draft { not_after: tlv(tag, text), ..Draft::default() }.encode()
}

fn with_extension(number: u8, value: &[u8]) -> Vec<u8> {
    Draft { extensions: vec![der::extension(number, true, value)], ..Draft::default() }.encode()
}

fn attribute_set(kind: &[u8]) -> Vec<u8> {
    tlv(0x31, &attribute(kind, 0x0c, b"n"))
}

#[test]
fn what_x509_parser_lets_pass_is_refused() {
    for (why, der) in REFUSED {
        let der = der();
        assert!(Facts::theirs(&der).is_some(), "{why}: x509-parser refuses it, too: the row is not needed");
        assert!(Facts::ours(&der).is_none(), "{why}");
    }
}

#[test]
fn broken_certificates_are_refused_by_both() {
    let whole = Draft::default().encode();
    for end in 0..whole.len() {
        assert!(Facts::ours(&whole[..end]).is_none(), "cut off at {end}");
    }
    let (key, algorithm) = (Draft::default().public_key, Draft::default().outer_algorithm);
    let broken = [
        ("something behind it", [whole.as_slice(), &[0]].concat()),
        ("the indefinite form of a length", [&[0x30, 0x80], &whole[4..], &[0, 0]].concat()),
        ("a length of more than there is", [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &whole[4..]].concat()),
        ("a SET for a SEQUENCE", [&[0x31], &whole[1..]].concat()),
        ("no public key", Draft { public_key: Vec::new(), ..Draft::default() }.encode()),
        ("two public keys", Draft { public_key: [key.clone(), key].concat(), ..Draft::default() }.encode()),
        ("no signature algorithm", Draft { outer_algorithm: Vec::new(), ..Draft::default() }.encode()),
        (
            "two of them",
            Draft { outer_algorithm: [algorithm.clone(), algorithm].concat(), ..Draft::default() }.encode(),
        ),
        ("one time", Draft { not_after: Vec::new(), ..Draft::default() }.encode()),
        ("a name that is a SET", Draft { subject: tlv(0x31, &[]), ..Draft::default() }.encode()),
    ];
    for (what, der) in broken {
        assert!(Facts::ours(&der).is_none(), "{what}");
        assert!(Facts::theirs(&der).is_none(), "{what}: x509-parser accepts it: a row of REFUSED");
    }
}

#[test]
fn the_key_of_a_request_is_read_as_x509_parser_reads_it() {
    let key = PrivateKey::generate().unwrap();
    for node in ["w", "worker-1.example.com", &"n".repeat(200)] {
        let pem = pem_for_node(node, &key).unwrap();
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(public_key_info_of(&der).unwrap(), key.public_key_info());
        assert_eq!(oracle::request_key(&der).unwrap(), key.public_key_info());
        for end in 0..der.len() {
            assert_eq!(public_key_info_of(&der[..end]), None, "cut off at {end}");
        }
        assert_eq!(public_key_info_of(&[&der[..], &[0]].concat()), None, "something behind it");
    }
}

#[test]
fn a_large_name_is_read_in_linear_time() {
    // 100,000 attributes in 1.3 MB: what is quadratic does not end here.
    let rdns = vec![vec![attribute(&[0x55, 4, 10], 0x0c, b"o")]; 100_000];
    let der = Draft { subject: name(&rdns), ..Draft::default() }.encode();
    let read = Certificate::from_der(CertificateDer::from(der)).unwrap();
    assert_eq!(read.organizations().len(), 100_000);
}
