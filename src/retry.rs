//! Waits as data: until when, how long between two attempts, how spread. The one implementation of all of them: nothing else
//! sleeps, or asks how much time is left.
//!
//! An attempt succeeds, fails, or says "not yet" ([`Again`]); whether a failure may be tried again, and when, is asked of the
//! error. What is waited for between two attempts, such as that a reminder is due, is a [`Grace`].

use std::time::{Duration, Instant};

use crate::error::{Code, Explain, codes};

/// What an attempt fails with whose deadline has passed: while the peer, the resolver or a proxy was waited for.
const CUT_SHORT: [&Code; 5] = [
    &codes::NET_TIMED_OUT,
    &codes::NET_NAME_NOT_FOUND,
    &codes::PROXY_UNREACHABLE,
    &codes::ETCD_UNREACHABLE,
    &codes::ETCD_BUSY,
];

/// A wait that is longer than any machine's life, and that an `Instant` can hold.
pub const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400 / 2);

/// When to try again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    began: Instant,
    deadline: Instant,
    first: Duration,
    cap: Duration,
    jitter: Jitter,
}

/// How pauses differ between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// They do not: what is asked is this machine.
    None,
    /// By up to a quarter, from a stable hash of the machine's identity: machines that power on together must not come
    /// back together.
    Seed(u64),
}

impl Jitter {
    /// That of a machine with this identity. FNV-1a: stable across releases and machines, which std's hasher does not promise.
    pub fn of(identity: &[Option<&str>]) -> Self {
        let bytes = identity.iter().flatten().flat_map(|part| part.bytes().chain([0]));
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Jitter::Seed(bytes.fold(0xcbf2_9ce4_8422_2325, hash))
    }

    /// This machine's place in a window that a fleet shares: always the same, and as likely to be early as late.
    pub fn share_of(self, window: Duration) -> Duration {
        match self {
            Jitter::None => Duration::ZERO,
            Jitter::Seed(seed) => window.mul_f64(mixed(seed) as f64 / u64::MAX as f64),
        }
    }
}

/// splitmix64's finaliser: neighbours give unrelated results.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Lets a time pass in which nothing is asked.
pub fn wait(length: Duration) {
    std::thread::sleep(length);
}

/// What is said between two attempts.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// Until the next attempt.
    pub length: Duration,
    /// For how long attempts are made, from now on.
    pub left: Duration,
}

/// Why an attempt is to be made again.
#[derive(Debug)]
pub enum Again<E> {
    /// It failed; whether it may be made again is asked of the error, and the pause is the next longer one.
    Failed(E),
    /// It worked, and what is waited for has not happened yet.
    NotYet {
        /// What is said when the time is up.
        error: Box<E>,
        /// Until the next attempt.
        pause: Duration,
    },
}

impl<E> Again<E> {
    /// What is waited for has not happened yet; `error` is what is said when the time is up.
    pub fn not_yet(error: E, pause: Duration) -> Self {
        Again::NotYet { error: Box::new(error), pause }
    }
}

impl<E> From<E> for Again<E> {
    fn from(error: E) -> Self {
        Again::Failed(error)
    }
}

impl Retry {
    /// From now on for `wait`. The first pause is `first`, each is twice the one before, none is longer than `cap`.
    pub fn within(wait: Duration, first: Duration, cap: Duration, jitter: Jitter) -> Self {
        let began = Instant::now();
        Retry { began, deadline: began + wait, first, cap, jitter }
    }

    /// One attempt, which has `wait` to end.
    pub fn once(wait: Duration) -> Self {
        Retry::within(wait, FOR_EVER, FOR_EVER, Jitter::None)
    }

    /// Whether there is a second attempt, should the first one fail.
    pub fn is_repeated(&self) -> bool {
        self.first < self.remaining()
    }

    /// From now on for `wait`, at a fixed interval.
    pub fn every(interval: Duration, wait: Duration) -> Self {
        Retry::within(wait, interval, interval, Jitter::None)
    }

    /// Runs `attempt` until it succeeds, fails for good, or the time is up. `between` hears of every failure that is tried
    /// again, and of the pause before that.
    ///
    /// # Errors
    /// Those of the last attempt; where the deadline has cut it short, those of the one before.
    pub fn run<T, E: Explain>(
        &self,
        mut attempt: impl FnMut() -> Result<T, E>,
        between: impl FnMut(&E, Pause),
    ) -> Result<T, E> {
        self.poll(|| attempt().map_err(Again::Failed), between)
    }

    /// The same of an attempt that may say "not yet", which `between` does not hear of. No attempt begins after the deadline,
    /// and `Retry-After` is honoured inside of it: where it asks for longer, the wait is over.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn poll<T, E: Explain>(
        &self,
        mut attempt: impl FnMut() -> Result<T, Again<E>>,
        mut between: impl FnMut(&E, Pause),
    ) -> Result<T, E> {
        let mut failures = 0;
        let mut before = None;
        loop {
            let (error, pause) = match attempt() {
                Ok(value) => return Ok(value),
                Err(Again::NotYet { error, pause }) => {
                    failures = 0;
                    (*error, pause)
                }
                Err(Again::Failed(error)) => match self.pause_after(&error, failures) {
                    Some(pause) => {
                        failures += 1;
                        (error, pause)
                    }
                    None => return Err(error),
                },
            };
            // Safe for any pause: what a peer asks for may lie beyond the last moment that an `Instant` can hold.
            if self.remaining() <= pause {
                return Err(before.filter(|_| self.has_cut_short(&error)).unwrap_or(error));
            }
            if failures > 0 {
                between(&error, Pause { length: pause, left: self.remaining() });
            }
            before = Some(error);
            std::thread::sleep(pause);
        }
    }

    /// The pause after failure `number` (from 0) of a row; `None` where the error says that trying again cannot help.
    fn pause_after(&self, error: &dyn Explain, number: u32) -> Option<Duration> {
        error.may_retry().then(|| self.pause(number).max(error.retry_after().unwrap_or_default()))
    }

    /// Whether an error says no more than that the deadline has passed.
    pub fn has_cut_short(&self, error: &dyn Explain) -> bool {
        self.remaining().is_zero() && CUT_SHORT.contains(&error.code())
    }

    /// The time that is left.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The time that has passed.
    pub fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// The deadline of an exchange that begins now and may take `timeout`: none outlives the wait that it is part of.
    pub fn exchange_deadline(&self, timeout: Duration) -> Instant {
        Instant::now().checked_add(timeout).map_or(self.deadline, |end| end.min(self.deadline))
    }

    /// The pause after failure `number` (from 0): doubled, capped, then shortened by up to a quarter.
    fn pause(&self, number: u32) -> Duration {
        let whole = self.first.saturating_mul(1u32.checked_shl(number).unwrap_or(u32::MAX)).min(self.cap);
        let Jitter::Seed(seed) = self.jitter else { return whole };
        let share = (mixed(seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15))) % 1000) as u32;
        whole - whole / 4 * share / 1000
    }
}

/// A time that something is given before it counts: before a state is taken for a lasting one, or a reminder is due.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    began: Instant,
    period: Duration,
}

impl Grace {
    /// From now on for `period`.
    pub fn new(period: Duration) -> Self {
        Grace { began: Instant::now(), period }
    }

    /// When it has passed.
    pub fn end(&self) -> Instant {
        self.began + self.period
    }

    /// Whether it has passed.
    pub fn is_over(&self) -> bool {
        self.began.elapsed() >= self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::error::{Cause, NetError, Stage, TunnelError};
    use crate::net::route::Route;

    const SHORT: Duration = Duration::from_millis(10);

    fn route() -> Route {
        Route::direct("10.0.0.1:6443".parse().unwrap())
    }

    #[test]
    fn pauses_grow_to_the_cap_and_differ_between_machines() {
        let (first, cap) = (Duration::from_millis(200), Duration::from_secs(5));
        let retry = |seed| Retry::within(Duration::ZERO, first, cap, Jitter::Seed(seed));
        for number in 0..40 {
            let whole = first.saturating_mul(1 << number.min(20)).min(cap);
            let pause = retry(7).pause(number);
            assert!(pause <= whole && pause >= whole * 3 / 4, "{number}: {pause:?}");
        }
        assert_ne!(retry(1).pause(3), retry(2).pause(3));
    }

    #[test]
    fn a_fleet_is_spread_evenly_over_its_window() {
        let window = Duration::from_secs(600);
        let mut tenths = [0; 10];
        for machine in 0..1000 {
            let of = Jitter::of(&[Some(&format!("edge-{machine}"))]);
            let share = of.share_of(window);
            assert_eq!(share, of.share_of(window), "the same at every boot");
            tenths[(share.as_millis() / 60_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|tenth| (70..=130).contains(tenth)), "{tenths:?}");
        assert_eq!(Jitter::Seed(7).share_of(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_fixed_interval_stays_as_it_is() {
        let retry = Retry::every(SHORT, Duration::ZERO);
        for number in [0, 1, 31, 40] {
            assert_eq!(retry.pause(number), SHORT);
        }
    }

    #[test]
    fn an_error_that_may_not_be_retried_ends_the_wait() {
        let mut attempts = 0;
        let result = Retry::every(SHORT, Duration::from_secs(60)).run::<(), _>(
            || {
                attempts += 1;
                let cause = if attempts < 3 { Cause::Refused } else { Cause::HandshakeSignature };
                Err(NetError::new(&route(), cause))
            },
            |_, _| {},
        );
        assert_eq!((result.unwrap_err().cause, attempts), (Cause::HandshakeSignature, 3));
    }

    #[test]
    fn not_yet_is_no_failure_and_says_its_own_pause() {
        let retry = Retry::within(Duration::from_secs(60), SHORT, Duration::from_secs(60), Jitter::None);
        let (mut attempts, mut pauses) = (0, Vec::new());
        let result = retry.poll(
            || {
                attempts += 1;
                let error = NetError::new(&route(), Cause::Refused);
                match attempts {
                    // What is not worth trying again as a failure may well be what is waited for.
                    3 => Err(Again::not_yet(NetError::new(&route(), Cause::HandshakeSignature), SHORT)),
                    5 => Ok(()),
                    _ => Err(Again::Failed(error)),
                }
            },
            |_, pause| pauses.push(pause.length),
        );
        assert_eq!(result, Ok(()));
        assert_eq!(pauses, [SHORT, SHORT * 2, SHORT], "a failure after a not yet is the first again");
    }

    #[test]
    fn no_exchange_outlives_its_wait() {
        let retry = Retry::every(SHORT, Duration::from_secs(60));
        assert!(retry.exchange_deadline(Duration::ZERO) < retry.deadline);
        for timeout in [Duration::from_secs(3600), Duration::MAX] {
            assert_eq!(retry.exchange_deadline(timeout), retry.deadline);
        }
    }

    #[test]
    fn an_attempt_cut_short_does_not_hide_the_reason() {
        let timed_out = Cause::TimedOut(Stage::Connect);
        let no_proxy = Cause::Proxy(TunnelError::Unreachable(Box::new(NetError::new(&route(), timed_out.clone()))));
        // What the first attempt says, what a second one says at the deadline, and what is left.
        let rows = [
            (Cause::Refused, timed_out.clone(), Cause::Refused),
            (Cause::Refused, Cause::Closed(Stage::Head), Cause::Closed(Stage::Head)),
            (Cause::Refused, Cause::TimedOut(Stage::Resolve), Cause::Refused),
            (Cause::Refused, no_proxy, Cause::Refused),
            (timed_out.clone(), timed_out.clone(), timed_out),
        ];
        for (first, second, left) in rows {
            let retry = Retry::every(SHORT, Duration::from_millis(200));
            let mut attempts = 0;
            let result = retry.run::<(), _>(
                || {
                    attempts += 1;
                    if attempts == 2 {
                        std::thread::sleep(retry.remaining());
                    }
                    Err(NetError::new(&route(), if attempts == 1 { first.clone() } else { second.clone() }))
                },
                |_, _| {},
            );
            assert_eq!((result.unwrap_err().cause, attempts), (left, 2), "{first:?} {second:?}");
        }
    }
}
