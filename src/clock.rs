//! Time as a value: read once, carried along, and replaced by the verified server's where the system clock cannot be right.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The moment this binary was built: no clock that is earlier can be right.
pub const BUILD_DATE: &str = env!("KUBEJOIN_BUILD_DATE");

/// `--clock`: which clock certificates are judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockMode {
    /// The system's, unless it is earlier than the build date or than what the disk has seen; then the verified server's.
    #[default]
    Auto,
    /// Always the system's.
    System,
    /// Always the verified server's: the user's word that this machine's clock is the broken one.
    Server,
}

/// A wall clock that advances monotonically from the moment it was read.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: SystemTime,
    read_at: Instant,
    mode: ClockMode,
    floor: SystemTime,
}

impl Clock {
    /// Reads the system clock. The only place that does. `seen` is a moment that this machine has lived through, as its disk
    /// knows: no clock that is earlier can be right.
    pub fn read(mode: ClockMode, seen: Option<SystemTime>) -> Self {
        Clock { floor: floor(seen), ..Clock::at(SystemTime::now(), mode) }
    }

    /// A clock that shows `wall` now; for tests and for a server's date.
    pub fn at(wall: SystemTime, mode: ClockMode) -> Self {
        Clock { wall, read_at: Instant::now(), mode, floor: build_date() }
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        self.wall + self.read_at.elapsed()
    }

    /// The same choice of clock, showing `wall` from now on.
    pub fn corrected_to(&self, wall: SystemTime) -> Self {
        Clock { wall, read_at: Instant::now(), ..*self }
    }

    /// The earliest moment that it can be: what this program, or the disk, has lived through.
    pub fn floor(&self) -> SystemTime {
        self.floor
    }

    /// The same reading, believed as it is: where there is nobody whose word for another time counts.
    pub fn as_system(&self) -> Self {
        Clock { mode: ClockMode::System, ..*self }
    }

    /// Which clock was asked for.
    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    /// Whether this clock may judge certificates before any server has been verified.
    pub fn is_plausible(&self) -> bool {
        match self.mode {
            ClockMode::Auto => self.now() >= self.floor,
            ClockMode::System => true,
            ClockMode::Server => false,
        }
    }
}

/// How far behind the build date a disk may be believed: beyond that, it was written by a clock that ran ahead (systemd
/// takes 15 years, `CLOCK_VALID_RANGE_USEC_MAX`).
const MAX_AHEAD_OF_BUILD: Duration = Duration::from_secs(15 * 365 * 86_400);

fn floor(seen: Option<SystemTime>) -> SystemTime {
    let build = build_date();
    seen.filter(|seen| *seen <= build + MAX_AHEAD_OF_BUILD).map_or(build, |seen| seen.max(build))
}

/// How far two times are from each other, in words, in whichever order they are: what a person compares with a time zone,
/// a flat battery or a certificate's lifetime.
pub fn apart(one: SystemTime, other: SystemTime) -> String {
    let seconds = one.duration_since(other).unwrap_or_else(|error| error.duration()).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if minutes < 2 {
        format!("{seconds} s")
    } else if hours < 1 {
        format!("{minutes} min")
    } else if days < 2 {
        format!("{hours} h {} min", minutes % 60)
    } else if days < 2 * 365 {
        format!("{days} days")
    } else {
        format!("{} years", days / 365)
    }
}

/// Steps the system clock; needs `CAP_SYS_TIME`.
pub fn set_system(to: SystemTime) -> Result<(), std::io::Error> {
    let since = to.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).map_err(std::io::Error::other)?;
    let time = rustix::time::Timespec { tv_sec: seconds, tv_nsec: since.subsec_nanos().into() };
    Ok(rustix::time::clock_settime(rustix::time::ClockId::Realtime, time)?)
}

/// [`BUILD_DATE`] as a time.
pub fn build_date() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BUILD_DATE.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_never_earlier_than_what_the_disk_has_seen() {
        let build = build_date();
        let day = Duration::from_secs(86_400);
        for (seen, floor) in [
            (None, build),
            (Some(UNIX_EPOCH), build),
            (Some(build + 30 * day), build + 30 * day),
            (Some(build + 16 * 365 * day), build),
        ] {
            assert_eq!(Clock::read(ClockMode::Auto, seen).floor(), floor, "{seen:?}");
        }
        let behind = Clock { floor: build + 30 * day, ..Clock::at(build + day, ClockMode::Auto) };
        assert!(!behind.is_plausible() && Clock::at(build + day, ClockMode::Auto).is_plausible());
    }

    #[test]
    fn how_far_two_times_are_apart_is_said_as_people_say_it() {
        let rows = [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (3599, "59 min"),
            (3 * 3600 + 20 * 60 + 59, "3 h 20 min"),
            (2 * 86_400 - 1, "47 h 59 min"),
            (2 * 86_400, "2 days"),
            (729 * 86_400, "729 days"),
            (57 * 365 * 86_400, "57 years"),
        ];
        for (seconds, words) in rows {
            let later = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!((apart(UNIX_EPOCH, later), apart(later, UNIX_EPOCH)), (words.to_owned(), words.to_owned()));
        }
    }
}
