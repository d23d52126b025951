//! What is counted of the link to Redis.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::histogram::Histogram;
use super::process::gauge;
use super::series::{ByName, Series, metric};

/// The counters of the link to Redis.
#[derive(Debug)]
pub struct RedisCounters {
    durations: Series<Asked, Histogram>,
    errors: Series<Failed, Counter>,
    up: Gauge,
    /// The durations, in the order in which the operations were named.
    each: Box<[Histogram]>,
}

impl RedisCounters {
    pub(super) fn new(operations: &[&'static str]) -> Self {
        let durations = Series::<Asked, Histogram>::default();
        let each = operations.iter().map(|operation| durations.get(Asked { operation })).collect();
        Self { durations, errors: Series::default(), up: Gauge::default(), each }
    }

    /// Whether it answers.
    pub fn up(&self, is_up: bool) {
        self.up.set(i64::from(is_up));
    }

    /// The operation at this place was asked, and answered or given up after this time.
    pub fn took(&self, operation: usize, took: Duration) {
        if let Some(histogram) = self.each.get(operation) {
            histogram.observe(took);
        }
    }

    /// An operation came to nothing.
    pub fn failed(&self, operation: &'static str, reason: &'static str) {
        self.errors.get(Failed { operation, reason }).inc();
    }
}

/// Shows the metrics of the link, where there is one.
#[derive(Debug)]
pub(super) struct Redis(pub(super) Arc<ByName<RedisCounters>>);

impl Collector for Redis {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (to, all) = (&mut encoder, &self.0.all());
        let help = "Whether Redis is connected and answers in time.";
        for redis in all {
            gauge(to, "forebay_redis_up", help, redis.up.get())?;
        }
        let help = "From a command asked of Redis to its answer, or to its end without one.";
        metric(to, "forebay_redis_duration_seconds", help, all, |redis| &redis.durations)?;
        let help = "What was not asked of Redis, not answered, or answered with an error.";
        metric(to, "forebay_redis_errors", help, all, |redis| &redis.errors)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    operation: &'static str,
    reason: &'static str,
}
