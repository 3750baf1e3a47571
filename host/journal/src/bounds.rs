//! How much is kept.

use std::time::Duration;

/// Bytes are of JSON in memory and in the file that is being written, and of compressed JSON in finished files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// A file is finished when it is this large, ...
    pub file_bytes: u64,
    /// ... or when its first record is this old.
    pub file_age: Duration,
    /// All files together; the oldest go first.
    pub total_bytes: u64,
    /// A file whose last record is older goes.
    pub total_age: Duration,
    /// Waiting to be written; what comes on top is dropped.
    pub queue_bytes: usize,
    /// One record; a larger one is dropped.
    pub record_bytes: usize,
    /// Kept in memory, ...
    pub ring_records: usize,
    /// ... of together at most so many bytes.
    pub ring_bytes: usize,
}

impl Default for Bounds {
    /// A month, at most 256 MiB on disk: some million decisions, of which one takes 50 to 200 bytes there.
    fn default() -> Bounds {
        Bounds {
            file_bytes: 8 << 20,
            file_age: Duration::from_secs(24 * 3600),
            total_bytes: 256 << 20,
            total_age: Duration::from_secs(30 * 24 * 3600),
            queue_bytes: 32 << 20,
            record_bytes: 32 << 20,
            ring_records: 1024,
            ring_bytes: 2 << 20,
        }
    }
}
