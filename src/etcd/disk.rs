//! Whether the disk is fast enough for etcd: as its documentation measures that (etcd.io, "Hardware recommendations" and the
//! FAQ, "What does the etcd warning 'failed to send out heartbeat on time' mean?").

use std::time::Duration;

use crate::rootfs::{CommitError, Root, TargetPath, WriteTimes};

/// The size of what etcd's documentation has `fio` write, in bytes: an entry of the log.
const ENTRY: usize = 2300;
/// So many that the 99th percentile is the third longest.
const ENTRIES: usize = 200;

/// Above this 99th percentile etcd's documentation calls a disk too slow.
pub const SLOW: Duration = Duration::from_millis(10);
/// From here on the default heartbeat interval of 100 ms is at risk: a leader writes its log before it sends.
pub const TOO_SLOW_FOR_DEFAULTS: Duration = Duration::from_millis(50);

/// Takes the time of writes in etcd's data directory, or in what would hold it. Nothing is left of them.
///
/// # Errors
/// The file system takes no writes.
pub fn measure_disk(root: &Root, directory: &TargetPath) -> Result<WriteTimes, CommitError> {
    root.time_writes(directory, ENTRIES, ENTRY)
}
