//! How far a learner is: whether it may be promoted, and whether it still moves.

use std::time::{Duration, Instant};

/// How long nothing may happen.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the member answers for the first time: an image may have to be pulled.
    pub start: Duration,
    /// Between two signs of progress. While a snapshot is being transferred none can be seen: 2 GB, the most that etcd holds
    /// by default, take 200 s at 10 MB/s.
    pub standstill: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { start: Duration::from_secs(600), standstill: Duration::from_secs(300) }
    }
}

/// A learner on its way.
#[derive(Debug)]
pub(super) struct Progress {
    patience: Patience,
    applied: Option<u64>,
    is_caught_up: bool,
    moved: Instant,
}

impl Progress {
    pub(super) fn new(patience: Patience, now: Instant) -> Self {
        Progress { patience, applied: None, is_caught_up: false, moved: now }
    }

    /// Takes what the learner has applied, and what a voter has as committed; whether it can be promoted. etcd promotes from
    /// nine tenths on (etcd `server/etcdserver/server.go`, `readyPercentThreshold`).
    ///
    /// Only what brings it nearer to that counts as progress: one that is there, and is not promoted, stands still, however
    /// much is written to the cluster meanwhile.
    pub(super) fn observe(&mut self, applied: u64, committed: u64, now: Instant) -> bool {
        let is_caught_up = applied.saturating_mul(10) >= committed.saturating_mul(9);
        let has_grown = self.applied.is_none_or(|before| applied > before);
        if has_grown && !(is_caught_up && self.is_caught_up) {
            self.moved = now;
        }
        self.is_caught_up |= is_caught_up;
        self.applied = Some(applied);
        is_caught_up
    }

    /// For how long nothing has happened, where that is too long.
    pub(super) fn stands_still(&self, now: Instant) -> Option<Duration> {
        let still = now.saturating_duration_since(self.moved);
        let limit = if self.applied.is_some() { self.patience.standstill } else { self.patience.start };
        (still >= limit).then_some(still)
    }

    /// What it has applied, once it has said so.
    pub(super) fn applied(&self) -> Option<u64> {
        self.applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What is observed in a second: what the learner has applied, and what is committed.
    type Said = Option<(u64, u64)>;

    /// Observes once a second from second 1 on; in which seconds it could be promoted, and when it was
    /// given up.
    fn run(said: &[Said]) -> (Vec<u64>, Option<u64>) {
        let begin = Instant::now();
        let patience = Patience { start: 5 * SECOND, standstill: 3 * SECOND };
        let mut progress = Progress::new(patience, begin);
        let mut ready = Vec::new();
        for (second, said) in (1..).zip(said) {
            let now = begin + SECOND * second;
            if said.is_some_and(|(applied, committed)| progress.observe(applied, committed, now)) {
                ready.push(second.into());
            }
            if progress.stands_still(now).is_some() {
                return (ready, Some(second.into()));
            }
        }
        (ready, None)
    }

    #[test]
    fn a_learner_is_waited_for_as_long_as_it_moves() {
        let table: [(&[Said], &[u64], Option<u64>); 6] = [
            // Slow, and there in the end.
            (&[None, Some((1, 100)), Some((1, 100)), Some((50, 100)), None, None, Some((90, 100))], &[7], None),
            // It never answers.
            (&[None; 9], &[], Some(5)),
            // It stands still at 40, and behind what is written meanwhile.
            (&[Some((40, 100)), Some((40, 110)), Some((40, 120)), Some((40, 130)), Some((40, 140))], &[], Some(4)),
            // It moves, if never fast enough.
            (&[Some((10, 100)), Some((20, 200)), Some((30, 300)), Some((40, 400)), Some((50, 500))], &[], None),
            // It is there and follows what is written; nobody promotes it.
            (&[Some((100, 100)), Some((101, 101)), Some((102, 102)), Some((103, 103))], &[1, 2, 3, 4], Some(4)),
            // It has answered and does not any more.
            (&[Some((1, 100)), None, None, None, None], &[], Some(4)),
        ];
        for (said, ready, given_up) in table {
            assert_eq!(run(said), (ready.to_vec(), given_up), "{said:?}");
        }
    }

    #[test]
    fn no_index_overflows() {
        let now = Instant::now();
        let mut progress = Progress::new(Patience::default(), now);
        assert!(progress.observe(u64::MAX, u64::MAX, now));
        assert!(!progress.observe(0, u64::MAX, now));
    }
}
