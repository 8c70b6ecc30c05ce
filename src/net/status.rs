//! Statuses of HTTP that ask for another try: the one table of them, for API servers, web servers and proxies.

/// Whether the same request may succeed later without anybody changing anything (RFC 9110, 15): a time-out, too many
/// requests, and whatever goes wrong in the server itself, or behind it.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}
