//! What is counted for each tier of the rate limits.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, LabelValueEncoder,
};
use prometheus_client::metrics::counter::Counter;

use super::series::{ByName, Series, metric};

/// What was decided of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitDecision {
    /// It may be made.
    Allowed,
    /// Its client has made all it may make.
    Limited,
    /// It may not go forward.
    ForwardLimited,
    /// It came with a key or token that names nobody.
    UnknownKey,
    /// Redis could not say, and the operator has such requests refused.
    Unavailable,
}

impl LimitDecision {
    const ALL: [Self; 5] =
        [Self::Allowed, Self::Limited, Self::ForwardLimited, Self::UnknownKey, Self::Unavailable];

    /// The decision's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Limited => "limited",
            Self::ForwardLimited => "forward-limited",
            Self::UnknownKey => "unknown-key",
            Self::Unavailable => "unavailable",
        }
    }
}

impl EncodeLabelValue for LimitDecision {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// The counters of one tier.
#[derive(Debug)]
pub struct LimitCounters {
    decisions: Series<Decided, Counter>,
    /// The same, by decision.
    each: [Counter; LimitDecision::ALL.len()],
    degraded: Series<OfTier, Counter>,
    /// The same.
    all_degraded: Counter,
}

impl LimitCounters {
    pub(super) fn new(tier: &str) -> Self {
        let (tier, decisions): (Arc<str>, _) = (tier.into(), Series::default());
        let each = LimitDecision::ALL
            .map(|decision| decisions.get(Decided { tier: Arc::clone(&tier), decision }));
        let degraded = Series::default();
        let all_degraded = degraded.get(OfTier { tier });
        Self { decisions, each, degraded, all_degraded }
    }

    /// So it was decided.
    pub fn decided(&self, decision: LimitDecision) {
        if let Some(counter) = self.each.get(decision as usize) {
            counter.inc();
        }
    }

    /// A limit that the fleet shares was decided on without Redis.
    pub fn degraded(&self) {
        self.all_degraded.inc();
    }
}

/// Shows the metrics that have a tier of the limits for a label.
#[derive(Debug)]
pub(super) struct Limits(pub(super) Arc<ByName<LimitCounters>>);

impl Collector for Limits {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (to, all) = (&mut encoder, &self.0.all());
        let help = "Requests by what the rate limits made of them.";
        metric(to, "forebay_rate_limit_decisions", help, all, |limit| &limit.decisions)?;
        let help = "Decisions on limits that the fleet shares, made without Redis.";
        metric(to, "forebay_rate_limit_degraded", help, all, |limit| &limit.degraded)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    tier: Arc<str>,
    decision: LimitDecision,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTier {
    tier: Arc<str>,
}
