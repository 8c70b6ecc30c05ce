//! Where events end up.

use super::event::Event;

/// Where events end up.
pub trait Sink {
    /// Takes one event. A sink that fails stays silent: reporting never fails a join.
    fn accept(&mut self, event: &Event<'_>);

    /// What went wrong with a sink that other programs rely on; asked once, after the end, and reported to the other sinks.
    fn write_error(&self) -> Option<String> {
        None
    }
}
