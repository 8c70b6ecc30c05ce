//! Retries as data: until when, how long between, how spread. Whether to retry at all is asked of the error.

use std::time::{Duration, Instant};

use crate::error::{Code, Explain, codes};

/// What an attempt fails with that its deadline has ended: while the peer, the resolver or a proxy was waited for.
const CUT_SHORT: [&Code; 3] = [&codes::NET_TIMED_OUT, &codes::NET_NAME_NOT_FOUND, &codes::PROXY_UNREACHABLE];

/// When to try again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// No attempt begins after this.
    pub deadline: Instant,
    /// The first pause.
    pub first: Duration,
    /// The longest pause; each is twice the one before.
    pub cap: Duration,
    /// A stable hash of the machine's identity: machines that power on together must not come back together.
    pub seed: u64,
}

impl Retry {
    /// Runs `attempt` until it succeeds, fails for good, or the time is up; then its last error is the result. An attempt that
    /// the deadline has cut short knows no reason: what the one before it said is the result then.
    /// `Retry-After` is honoured inside the deadline. `between` hears of every pause.
    pub fn run<T, E: Explain>(
        &self,
        mut attempt: impl FnMut() -> Result<T, E>,
        mut between: impl FnMut(&E, Duration),
    ) -> Result<T, E> {
        let mut number = 0;
        let mut before = None;
        loop {
            let error = match attempt() {
                Ok(value) => return Ok(value),
                Err(error) if !error.may_retry() => return Err(error),
                Err(error) => error,
            };
            let pause = self.pause(number).max(error.retry_after().unwrap_or_default());
            number += 1;
            if self.is_over_after(pause) {
                let is_cut_short = self.is_over_after(Duration::ZERO) && CUT_SHORT.contains(&error.code());
                return Err(before.filter(|_| is_cut_short).unwrap_or(error));
            }
            between(&error, pause);
            before = Some(error);
            std::thread::sleep(pause);
        }
    }

    /// Whether the time is up once `pause` has passed. Safe for any pause: what a peer asks for may lie beyond the last
    /// moment that an `Instant` can hold.
    pub fn is_over_after(&self, pause: Duration) -> bool {
        self.deadline.saturating_duration_since(Instant::now()) <= pause
    }

    /// The pause after attempt `number` (from 0): doubled, capped, then shortened by up to a quarter.
    pub fn pause(&self, number: u32) -> Duration {
        let whole = self.first.saturating_mul(1u32.checked_shl(number).unwrap_or(u32::MAX)).min(self.cap);
        // splitmix64's finaliser: neighbouring seeds and attempts give unrelated shares.
        let mut x = self.seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = ((x ^ (x >> 31)) % 1000) as u32;
        whole - whole / 4 * share / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::error::{Cause, NetError, Stage, TunnelError};
    use crate::net::route::Route;

    #[test]
    fn pauses_grow_to_the_cap_and_differ_between_machines() {
        let retry = |seed| Retry {
            deadline: Instant::now(),
            first: Duration::from_millis(200),
            cap: Duration::from_secs(5),
            seed,
        };
        for number in 0..40 {
            let whole = Duration::from_millis(200).saturating_mul(1 << number.min(20)).min(Duration::from_secs(5));
            let pause = retry(7).pause(number);
            assert!(pause <= whole && pause >= whole * 3 / 4, "{number}: {pause:?}");
        }
        assert_ne!(retry(1).pause(3), retry(2).pause(3));
    }

    #[test]
    fn an_attempt_that_the_deadline_cuts_short_does_not_hide_the_reason() {
        let route = Route::direct("10.0.0.1:6443".parse().unwrap());
        let timed_out = Cause::TimedOut(Stage::Connect);
        let no_proxy = Cause::Proxy(TunnelError::Unreachable(Box::new(NetError::new(&route, timed_out.clone()))));
        // What the first attempt says, what a second one says at the deadline, and what is left.
        let rows = [
            (Cause::Refused, timed_out.clone(), Cause::Refused),
            (Cause::Refused, Cause::Closed(Stage::Head), Cause::Closed(Stage::Head)),
            (Cause::Refused, Cause::TimedOut(Stage::Resolve), Cause::Refused),
            (Cause::Refused, no_proxy, Cause::Refused),
            (timed_out.clone(), timed_out.clone(), timed_out),
        ];
        for (first, second, left) in rows {
            let deadline = Instant::now() + Duration::from_millis(200);
            let retry = Retry { deadline, first: Duration::from_millis(10), cap: Duration::from_millis(10), seed: 1 };
            let mut attempts = 0;
            let result = retry.run::<(), _>(
                || {
                    attempts += 1;
                    if attempts == 2 {
                        std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
                    }
                    Err(NetError::new(&route, if attempts == 1 { first.clone() } else { second.clone() }))
                },
                |_, _| {},
            );
            assert_eq!((result.unwrap_err().cause, attempts), (left, 2), "{first:?} {second:?}");
        }
    }
}
