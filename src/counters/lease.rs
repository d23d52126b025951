//! What is counted of the fleet's leases.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// What became of a lease, or of who wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseEvent {
    /// It was taken here.
    Held,
    /// Another replica had it.
    Lost,
    /// What is asked for is nothing that replicas share.
    Noted,
    /// What another replica fetched was found.
    Spared,
    /// Another replica's fetch took too long.
    OutOfPatience,
    /// Redis did not say.
    Unavailable,
    /// It was ours, and is another's before the fetch has ended.
    Broken,
}

impl LeaseEvent {
    /// The event's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Lost => "lost",
            Self::Noted => "noted",
            Self::Spared => "spared",
            Self::OutOfPatience => "out-of-patience",
            Self::Unavailable => "unavailable",
            Self::Broken => "broken",
        }
    }
}

impl EncodeLabelValue for LeaseEvent {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// The counters of the fleet's leases.
#[derive(Debug, Default)]
pub struct LeaseCounters(pub(super) Family<OfEvent, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfEvent {
    event: LeaseEvent,
}

impl LeaseCounters {
    /// It happened.
    pub fn count(&self, event: LeaseEvent) {
        self.0.get_or_create(&OfEvent { event }).inc();
    }

    /// How often it happened.
    #[cfg(test)]
    pub fn of(&self, event: LeaseEvent) -> u64 {
        self.0.get_or_create(&OfEvent { event }).get()
    }
}
