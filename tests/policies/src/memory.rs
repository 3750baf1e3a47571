//! Resident memory of this process, as the kernel counts it.

use std::{fs, io};

/// In bytes.
pub fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("no `VmRSS` in /proc/self/status"))
}
