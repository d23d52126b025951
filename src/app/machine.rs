//! What the machine, or the container, gives us.

use std::fs;

/// What is assumed where nothing says how much memory there is, in bytes.
const MEMORY_UNKNOWN: u64 = 1 << 30;

/// Memory in bytes: the container's limit where there is one, else the machine's.
pub(super) fn memory() -> u64 {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = limits.into_iter().find_map(number);
    let machine = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(total);
    container.into_iter().chain(machine).min().unwrap_or(MEMORY_UNKNOWN)
}

/// `MemTotal:       24689188 kB`
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// CPUs to use, from the container's quota where there is one.
pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the soft limit on open files to the hard one, and tells what it is then.
pub(super) fn raise_open_files() -> u64 {
    const ENOUGH: u64 = 1 << 20;
    rlimit::increase_nofile_limit(ENOUGH).unwrap_or(1024)
}

/// Files that are open already: standard streams, listeners, and what the runtimes need for themselves.
pub(super) fn open_files() -> u64 {
    const USUAL: u64 = 32;
    fs::read_dir("/proc/self/fd").map_or(USUAL, |files| files.count() as u64)
}

/// How many connections can be served with so many files. A proxied connection has two sockets; what is kept back is for
/// the admin listener and whatever else is opened.
pub(super) fn connections_within(files: u64) -> usize {
    let kept_back = (files / 4).clamp(8, 512);
    usize::try_from(files.saturating_sub(kept_back) / 2).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_back() {
        for (files, connections) in [(0, 1), (9, 1), (16, 4), (44, 16), (1 << 20, (1 << 19) - 256)]
        {
            assert_eq!(connections_within(files), connections, "{files}");
        }
        assert!(open_files() > 2);
    }

    #[test]
    fn the_kernels_own_words_are_understood() {
        assert_eq!(total("MemTotal:       24689188 kB\nMemFree: 1 kB\n"), Some(24_689_188 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(memory() > 1 << 20);
    }
}
