//! Values that others keep, read whenever the metrics are asked for.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::process::{counter, gauge};

/// A value that others keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Bytes that stored responses take.
    StoredBytes,
    /// Stored responses.
    StoredResponses,
    /// Stored responses that made room for others, since the start.
    Evictions,
    /// Lines that the journal lost, since the start.
    JournalDropped,
    /// 1 while every purge of the fleet is known.
    FleetSynced,
    /// Replicas of the fleet that live.
    FleetReplicas,
    /// Purges that wait to be logged for the fleet.
    FleetPending,
    /// Records met in the fleet's log, since the start.
    FleetRecords,
    /// How often the fleet's log was lost, since the start.
    FleetLosses,
}

pub(super) type Read = Box<dyn Fn() -> u64 + Send + Sync>;

/// Where the watched values are read.
#[derive(Default)]
pub(super) struct Watches(Mutex<[Option<Read>; Watched::FleetLosses as usize + 1]>);

impl Watches {
    pub(super) fn set(&self, what: Watched, read: Read) {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = reads.get_mut(what as usize) {
            *slot = Some(read);
        }
    }

    fn get(&self, what: Watched) -> Option<u64> {
        let reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.get(what as usize)?.as_ref().map(|read| read())
    }
}

impl Collector for Watches {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        if let Some(bytes) = self.get(Watched::StoredBytes) {
            gauge(to, "forebay_stored_bytes", "Bytes that stored responses take.", bytes)?;
        }
        if let Some(count) = self.get(Watched::StoredResponses) {
            gauge(to, "forebay_stored_responses", "Stored responses.", count)?;
        }
        if let Some(count) = self.get(Watched::Evictions) {
            counter(to, "forebay_evictions", "Stored responses that made room for others.", count)?;
        }
        if let Some(count) = self.get(Watched::JournalDropped) {
            counter(to, "forebay_log_dropped_lines", "Log lines that were lost.", count)?;
        }
        if let Some(is_synced) = self.get(Watched::FleetSynced) {
            gauge(
                to,
                "forebay_fleet_synced",
                "Whether every purge of the fleet is known.",
                is_synced,
            )?;
        }
        if let Some(count) = self.get(Watched::FleetReplicas) {
            gauge(to, "forebay_fleet_replicas", "Replicas of the fleet that live.", count)?;
        }
        if let Some(count) = self.get(Watched::FleetPending) {
            gauge(to, "forebay_fleet_pending_purges", "Purges that wait to be logged.", count)?;
        }
        if let Some(count) = self.get(Watched::FleetRecords) {
            counter(to, "forebay_fleet_records", "Purges met in the log of the fleet.", count)?;
        }
        if let Some(count) = self.get(Watched::FleetLosses) {
            counter(to, "forebay_fleet_log_losses", "Times that log was lost.", count)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches").finish_non_exhaustive()
    }
}
