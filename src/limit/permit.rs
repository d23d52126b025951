//! What one request may do.

use std::sync::{Arc, OnceLock};

use super::client::Client;
use super::limits::Tier;
use super::local::{Charged, Limiter};
use super::{Budget, Denied};
use crate::clock::Timestamp;
use crate::counters::LimitDecision;

/// A request's place in its client's budgets: `requests` has been charged, `forwarded` can be.
#[derive(Debug)]
pub struct Permit {
    pub(super) limiter: Arc<Limiter>,
    pub(super) tier: Arc<Tier>,
    pub(super) client: Client,
    pub(super) requests: Charged,
    pub(super) forwarded: OnceLock<Charged>,
    /// The authentication scheme, where the request came with a key or token that names nobody.
    pub(super) challenge: Option<&'static str>,
}

impl Permit {
    /// Charges a request to its client's `requests` budget, and says what comes of it. `challenge`: it is to be
    /// refused all the same.
    pub(super) fn new(
        limiter: &Arc<Limiter>,
        tier: &Arc<Tier>,
        client: Client,
        challenge: Option<&'static str>,
        now: Timestamp,
    ) -> Self {
        let requests = limiter.charge(client, Budget::Requests, &tier.requests, now);
        let permit = Self {
            limiter: Arc::clone(limiter),
            tier: Arc::clone(tier),
            client,
            requests,
            forwarded: OnceLock::new(),
            challenge,
        };
        permit.tier.counters.decided(match permit.denied() {
            None => LimitDecision::Allowed,
            Some(Denied::UnknownKey) => LimitDecision::UnknownKey,
            Some(Denied::Requests | Denied::Forwarded) => LimitDecision::Limited,
        });
        permit
    }

    /// Why the request is not answered at all.
    pub const fn denied(&self) -> Option<Denied> {
        if self.requests.refused.is_some() {
            Some(Denied::Requests)
        } else if self.challenge.is_some() {
            Some(Denied::UnknownKey)
        } else {
            None
        }
    }

    /// Whether the client's `forwarded` budget would let the request go forward.
    pub fn may_go_forward(&self, now: Timestamp) -> bool {
        match self.forwarded.get() {
            Some(charged) => charged.refused.is_none(),
            None => {
                let windows = &self.tier.forwarded;
                let levels = self.limiter.levels(self.client, Budget::Forwarded, windows, now);
                levels.iter().take(windows.len()).all(|level| level.remaining > 0)
            }
        }
    }

    /// Spends the permit to go forward. However often the request does, it is charged once.
    ///
    /// # Errors
    ///
    /// Where the client's `forwarded` budget is used up.
    pub fn go_forward(&self, now: Timestamp) -> Result<(), Denied> {
        let charged = self.forwarded.get_or_init(|| {
            let windows = &self.tier.forwarded;
            let charged = self.limiter.charge(self.client, Budget::Forwarded, windows, now);
            if charged.refused.is_some() {
                self.tier.counters.decided(LimitDecision::ForwardLimited);
            }
            charged
        });
        charged.refused.map_or(Ok(()), |_| Err(Denied::Forwarded))
    }
}
