//! What Linux knows of a process: processor time and memory.

use std::{fs, time::Duration};

/// Processor time of all threads of a process so far, in user and kernel mode; `None` once it has gone.
///
/// From `/proc/PID/stat`, in ticks of 10 ms: measure over a second or more.
#[must_use]
pub fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold blanks; the fields behind it are counted from `state`.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_nanos(ticks * (1_000_000_000 / per_second)))
}

/// Resident memory in KiB.
#[must_use]
pub fn rss_kib(pid: u32) -> Option<u64> {
    status(pid, "VmRSS:")
}

/// The most resident memory so far, in KiB.
#[must_use]
pub fn peak_rss_kib(pid: u32) -> Option<u64> {
    status(pid, "VmHWM:")
}

/// Open file descriptors.
#[must_use]
pub fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

fn status(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_process() {
        let pid = std::process::id();
        assert!(cpu(pid).is_some());
        let resident = rss_kib(pid).unwrap();
        assert!(resident > 100);
        // Read after: the tests beside this one make the process grow between the two readings.
        assert!(peak_rss_kib(pid).unwrap() >= resident);
        assert!(descriptors(pid).unwrap() >= 3);
        assert_eq!(cpu(u32::MAX), None);
    }
}
