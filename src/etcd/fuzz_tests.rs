//! Random changes to real answers, with a fixed seed: nothing panics, and nothing grows beyond what was sent.

use super::fake::{list, status as status_of};
use super::message::{Member, member_list, status};

/// The same everywhere for the same seed.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end.max(1))
    }

    /// One to four changes: a byte set, flipped, left out or doubled; a piece cut off, or repeated many times.
    fn change(&mut self, right: &[u8]) -> Vec<u8> {
        let mut bytes = right.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + self.below(60)).min(bytes.len());
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] = self.0.u8(..),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let piece = bytes[at..end].repeat(1 + self.below(300));
                    bytes.splice(at..at, piece);
                }
                4 if self.below(4) == 0 => bytes.truncate(at),
                _ => bytes.insert(at, self.0.u8(..)),
            }
        }
        bytes
    }
}

#[test]
fn changed_answers_are_refused_or_read_within_bounds() {
    let member = |id, name: &str| Member {
        id,
        name: name.to_owned(),
        peer_urls: vec![format!("https://10.0.0.{id}:2380")],
        client_urls: vec![format!("https://10.0.0.{id}:2379")],
        is_learner: name.is_empty(),
    };
    let members = [member(1, "cp1"), member(2, "cp2"), member(3, "")];
    let (right_list, right_status) = (list(&members, 1, 2), status_of(1, 100, false));
    assert_eq!(member_list(&right_list, 2).unwrap().members, members);
    let (mut random, mut read, mut refused) = (Random(fastrand::Rng::with_seed(0x5eed)), 0, 0);
    for _ in 0..20_000 {
        let bytes = random.change(&right_list);
        match member_list(&bytes, 2) {
            Some(list) => {
                read += 1;
                assert!(list.members.len() <= 100, "{bytes:?}");
                let texts = |member: &Member| member.peer_urls.len().max(member.client_urls.len());
                assert!(list.members.iter().all(|member| texts(member) <= 16), "{bytes:?}");
                // Every text is one that can be shown: printable, and cut.
                let shown = list.members.iter().flat_map(|member| member.peer_urls.iter().chain([&member.name]));
                for text in shown {
                    assert!(text.chars().all(|c| !c.is_control()) && text.chars().count() <= 4 * 240, "{text:?}");
                }
            }
            None => refused += 1,
        }
        if let Some(status) = status(&random.change(&right_status)) {
            assert!(status.errors.len() <= 16);
        }
    }
    // Both happen, or this tests nothing.
    assert!(read > 1000 && refused > 1000, "{read} {refused}");
}
