//! What is counted of the responses in Redis.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters of the second tier.
#[derive(Clone, Debug, Default)]
pub struct SecondCounters {
    unreadable: Family<Reason, Counter>,
    writes: Family<Came, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Came {
    result: &'static str,
}

impl SecondCounters {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Values in Redis that were taken for nothing";
        registry.register("forebay_redis_unreadable_values", help, self.unreadable.clone());
        let help = "Responses to be written to Redis";
        registry.register("forebay_redis_writes", help, self.writes.clone());
    }

    /// A value was no answer; `reason` is a word of what reads.
    pub fn unreadable(&self, reason: &'static str) {
        self.unreadable.get_or_create(&Reason { reason }).inc();
    }

    /// So a response that was to be written fared.
    pub fn write(&self, result: &'static str) {
        self.writes.get_or_create(&Came { result }).inc();
    }
}
