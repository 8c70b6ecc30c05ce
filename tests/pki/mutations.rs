//! Random changes to valid certificates and requests, with a fixed seed: nothing panics, nothing is accepted that x509-parser
//! refuses, and what both accept reads the same.

use kubejoin::for_tests::pki::key::PrivateKey;
use kubejoin::for_tests::pki::request::{pem_for_node, public_key_info_of};
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};

use crate::der::tlv;
use crate::oracle::{self, Facts, assert_same};

/// Of each kind of change.
const ROUNDS: usize = 100_000;

/// The same everywhere for the same seed.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end.max(1))
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One or two bytes set, flipped, put in, left out or doubled, or the end cut off; lengths are not mended.
    fn change_bytes(&mut self, right: &[u8]) -> Vec<u8> {
        let mut bytes = right.to_vec();
        for _ in 0..=self.below(2) {
            // What is read stands at the beginning, and half of a certificate is key and signature.
            let end = if self.below(4) == 0 { bytes.len() } else { bytes.len().min(300) };
            let at = self.below(end);
            match self.below(7) {
                0 if !bytes.is_empty() => bytes[at] = self.0.u8(..),
                1 | 2 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                3 => bytes.insert(at, self.0.u8(..)),
                4 if !bytes.is_empty() => drop(bytes.remove(at)),
                5 => {
                    let end = (at + self.below(12)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                6 if self.below(4) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    }

    /// One to three changes to elements; lengths are right again.
    fn change_elements(&mut self, right: &Node) -> Vec<u8> {
        let mut root = right.clone();
        for _ in 0..=self.below(3) {
            let mut node = &mut root;
            while !node.children.is_empty() && self.below(8) != 0 {
                let child = self.below(node.children.len());
                node = &mut node.children[child];
            }
            self.change_element(node);
        }
        root.encode()
    }

    fn change_element(&mut self, node: &mut Node) {
        let children = node.children.len();
        match self.below(9) {
            0 => node.tag = *self.of(&TAGS),
            1 => node.tag ^= 1 << self.below(8),
            2 if children > 0 => drop(node.children.remove(self.below(children))),
            3 if children > 0 => {
                let again = self.of(&node.children).clone();
                let at = self.below(children + 1);
                node.children.insert(at, again);
            }
            4 if children > 1 => {
                let (one, other) = (self.below(children), self.below(children));
                node.children.swap(one, other);
            }
            5 => {
                let leaf = Node { tag: *self.of(&TAGS), contents: self.of(&CONTENTS).to_vec(), children: Vec::new() };
                let at = self.below(children + 1);
                if children > 0 {
                    node.children.insert(at, leaf);
                }
            }
            6 if children == 0 => node.contents = self.of(&CONTENTS).to_vec(),
            7 if children == 0 && !node.contents.is_empty() => {
                let at = self.below(node.contents.len());
                node.contents[at] = *self.of(&[0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'Z', 0x55]);
            }
            8 if children == 0 => {
                let at = self.below(node.contents.len() + 1);
                match self.below(2) {
                    0 => node.contents.truncate(at),
                    _ => node.contents.insert(at, self.0.u8(..)),
                }
            }
            _ => {}
        }
    }
}

/// Tags that a certificate has, and some that it must not have.
const TAGS: [u8; 28] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0c, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1c, 0x1e, 0x30,
    0x31, 0x81, 0x82, 0xa0, 0xa1, 0xa3, 0x2c, 0x1f, 0x00,
];

/// Contents with which something begins or ends.
const CONTENTS: [&[u8]; 22] = [
    b"",
    &[0],
    &[1],
    &[2],
    &[0xff],
    &[0x7f],
    &[0x80],
    &[0, 0x80],
    &[0, 0],
    &[7, 0x80],
    &[1, 0xff],
    &[0, 0xff, 0xff, 0xff, 0xff],
    &[1, 0, 0, 0, 0],
    b"491231235959Z",
    b"20500101000000Z",
    b"500101000000Z",
    b"2611230631Z",
    &[0x55, 4, 3],
    &[0x55, 4, 10],
    &[0x55, 0x1d, 19],
    &[0x55, 0x1d, 15],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1],
];

/// An element: other elements behind a few bytes of its own, or only bytes.
#[derive(Clone)]
struct Node {
    tag: u8,
    contents: Vec<u8>,
    children: Vec<Node>,
}

impl Node {
    /// All elements of valid DER; those in an OCTET STRING or BIT STRING as well.
    fn all(mut der: &[u8]) -> Option<Vec<Node>> {
        let mut found = Vec::new();
        while let [tag, length, rest @ ..] = der {
            if *length == 0x80 {
                return None;
            }
            let octets = if *length < 0x80 { 0 } else { usize::from(length & 0x7f) };
            let (octets, rest) = rest.split_at_checked(octets)?;
            let length = if *length < 0x80 {
                usize::from(*length)
            } else {
                octets
                    .iter()
                    .try_fold(0usize, |length, octet| length.checked_mul(256)?.checked_add(usize::from(*octet)))?
            };
            let (contents, rest) = rest.split_at_checked(length)?;
            let (own, within) = match tag {
                0x03 if contents.first() == Some(&0) => contents.split_at(1),
                _ => (&[] as &[u8], contents),
            };
            let children = match tag {
                0x30 | 0x31 | 0xa0..=0xbf => Node::all(within)?,
                0x04 => Node::all(within).unwrap_or_default(),
                0x03 if !own.is_empty() => Node::all(within).unwrap_or_default(),
                _ => Vec::new(),
            };
            let contents = if children.is_empty() { contents } else { own }.to_vec();
            found.push(Node { tag: *tag, contents, children });
            der = rest;
        }
        der.is_empty().then_some(found)
    }

    fn of(der: &[u8]) -> Node {
        let [root] = Node::all(der).unwrap().try_into().ok().unwrap();
        assert_eq!(root.encode(), der, "a test's own reader");
        root
    }

    fn encode(&self) -> Vec<u8> {
        let children: Vec<_> = self.children.iter().flat_map(Node::encode).collect();
        tlv(self.tag, &[self.contents.as_slice(), &children].concat())
    }
}

/// Reads a changed certificate with both; whether both accept it.
fn check(der: &[u8]) -> bool {
    let Some(ours) = Facts::ours(der) else { return false };
    let hex = || der.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let theirs = Facts::theirs(der).unwrap_or_else(|| panic!("accepted, but x509-parser refuses it:\n{}", hex()));
    assert_same(&ours, &theirs, der);
    true
}

#[test]
fn certificates_with_changed_bytes_read_the_same() {
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0001));
    let certificates = crate::certificates();
    let accepted = (0..ROUNDS).filter(|_| {
        let right = random.of(&certificates);
        let changed = random.change_bytes(right);
        check(&changed)
    });
    let accepted = accepted.count();
    assert!((ROUNDS / 20..ROUNDS * 9 / 10).contains(&accepted), "{accepted} of {ROUNDS} accepted: no test of anything");
}

#[test]
fn certificates_with_changed_elements_read_the_same() {
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0002));
    let certificates: Vec<_> = crate::certificates().iter().map(|der| Node::of(der)).collect();
    let accepted = (0..ROUNDS).filter(|_| {
        let right = random.of(&certificates);
        let changed = random.change_elements(right);
        check(&changed)
    });
    let accepted = accepted.count();
    assert!((ROUNDS / 20..ROUNDS * 9 / 10).contains(&accepted), "{accepted} of {ROUNDS} accepted: no test of anything");
}

#[test]
fn changed_requests_read_the_same() {
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0003));
    let pem = pem_for_node("worker-1", &PrivateKey::generate().unwrap()).unwrap();
    let right = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).unwrap();
    let elements = Node::of(&right);
    let mut accepted = 0;
    for round in 0..ROUNDS / 2 {
        let changed = if round % 2 == 0 { random.change_bytes(&right) } else { random.change_elements(&elements) };
        let Some(ours) = public_key_info_of(&changed) else { continue };
        let hex = changed.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        assert_eq!(Some(ours), oracle::request_key(&changed), "{hex}");
        accepted += 1;
    }
    assert!((ROUNDS / 40..ROUNDS * 2 / 5).contains(&accepted), "{accepted} accepted: no test of anything");
}
