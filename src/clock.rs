//! Time as a value: read once, carried along, and replaced by the proved server's where the system clock cannot be right.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The moment this binary was built: no clock that is earlier can be right.
pub const BUILD_DATE: &str = env!("KUBEJOIN_BUILD_DATE");

/// `--clock`: which clock certificates are judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockMode {
    /// The system's, unless it is earlier than the build date; then the proved server's.
    #[default]
    Auto,
    /// Always the system's.
    System,
    /// Always the proved server's: the operator's word that this machine's clock is the broken one.
    Server,
}

/// A wall clock that advances monotonically from the moment it was read.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: SystemTime,
    read_at: Instant,
    mode: ClockMode,
}

impl Clock {
    /// Reads the system clock. The only place that does.
    pub fn read(mode: ClockMode) -> Self {
        Clock { wall: SystemTime::now(), read_at: Instant::now(), mode }
    }

    /// A clock that shows `wall` now; for tests and for a server's date.
    pub fn at(wall: SystemTime, mode: ClockMode) -> Self {
        Clock { wall, read_at: Instant::now(), mode }
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        self.wall + self.read_at.elapsed()
    }

    /// The same choice of clock, showing `wall` from now on.
    pub fn corrected_to(&self, wall: SystemTime) -> Self {
        Clock::at(wall, self.mode)
    }

    /// The same reading, believed as it is: where there is nobody whose word for another time counts.
    pub fn as_system(&self) -> Self {
        Clock { mode: ClockMode::System, ..*self }
    }

    /// Which clock was asked for.
    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    /// Whether this clock may judge certificates before any server has been proved.
    pub fn is_plausible(&self) -> bool {
        match self.mode {
            ClockMode::Auto => self.now() >= build_date(),
            ClockMode::System => true,
            ClockMode::Server => false,
        }
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
