//! The process itself, as Linux shows it in `/proc`; elsewhere these metrics are missing.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric,
};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What `/proc` counts a second in (`USER_HZ`), on every architecture Linux runs on today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc/self` whenever the metrics are asked for.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        if let Some(bytes) = resident_memory_bytes() {
            gauge(to, "process_resident_memory_bytes", "Resident memory.", bytes)?;
        }
        if let Some(stat) = Stat::read() {
            counter(to, "process_cpu_seconds", "Processor time, user and system.", stat.cpu)?;
            if let Some(boot) = boot_time() {
                let started = boot + stat.started;
                gauge(to, "process_start_time_seconds", "Start, in Unix time.", started)?;
            }
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            gauge(to, "process_open_fds", "Open files.", open.count() as u64)?;
        }
        if let Some(max) = max_fds() {
            gauge(to, "process_max_fds", "Open files allowed.", max)?;
        }
        Ok(())
    }
}

/// Adds a gauge of one value.
pub(super) fn gauge<N>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: N,
) -> fmt::Result
where
    N: EncodeGaugeValue,
{
    let gauge = ConstGauge::new(value);
    gauge.encode(to.encode_descriptor(name, help, None, gauge.metric_type())?)
}

/// Adds a counter of one value.
pub(super) fn counter<N>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: N,
) -> fmt::Result
where
    N: EncodeCounterValue,
{
    let counter = ConstCounter::new(value);
    counter.encode(to.encode_descriptor(name, help, None, counter.metric_type())?)
}

/// Times of `/proc/self/stat`, in seconds.
struct Stat {
    cpu: f64,
    /// Since the machine started.
    started: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        let field = |number: usize| {
            let ticks = rest.split_ascii_whitespace().nth(number - 3)?.parse::<f64>().ok()?;
            Some(ticks / TICKS_PER_SECOND)
        };
        Some(Self { cpu: field(14)? + field(15)?, started: field(22)? })
    }
}

fn resident_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn max_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
