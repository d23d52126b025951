//! What one request may do.

use std::sync::{Arc, OnceLock};

use super::client::{Client, SharedName};
use super::limits::Tier;
use super::local::{Charged, Limiter};
use super::shared::{Shared, Whom};
use super::window::{Level, Per};
use super::{Budget, Denied};
use crate::clock::{Clock, Timestamp};
use crate::counters::LimitDecision;

/// A request's place in its client's budgets: `requests` is charged first, `forwarded` can be.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<Limiter>,
    /// Where the fleet shares the limits: who is asked, and the client's name there.
    shared: Option<(Arc<Shared>, SharedName)>,
    pub(super) tier: Arc<Tier>,
    client: Client,
    /// Nothing yet where Redis has to be asked first.
    pub(super) requests: OnceLock<Charged>,
    pub(super) forwarded: OnceLock<Charged>,
    /// The authentication scheme, where the request came with a key or token that names nobody.
    pub(super) challenge: Option<&'static str>,
}

/// Whether a request is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Redis has not been asked yet: see [`Permit::settle`].
    Unsettled,
    /// It is.
    Granted,
    /// It is not.
    Denied(Denied),
}

impl Permit {
    /// Charges a request to its client's `requests` budget, unless Redis has to be asked. `challenge`: it is to be refused
    /// all the same.
    pub(super) fn new(
        limiter: &Arc<Limiter>,
        shared: Option<(Arc<Shared>, SharedName)>,
        tier: &Arc<Tier>,
        client: Client,
        challenge: Option<&'static str>,
        now: Timestamp,
    ) -> Self {
        let permit = Self {
            limiter: Arc::clone(limiter),
            shared,
            tier: Arc::clone(tier),
            client,
            requests: OnceLock::new(),
            forwarded: OnceLock::new(),
            challenge,
        };
        if permit.shared.is_none() || tier.requests.is_empty() {
            permit.admit(limiter.charge(client, Budget::Requests, &tier.requests, now));
        }
        permit
    }

    /// Whether the request is to be answered.
    pub fn admission(&self) -> Admission {
        match (self.requests.get(), self.challenge) {
            (None, _) => Admission::Unsettled,
            (Some(charged), challenge) => match charged.denied(Budget::Requests) {
                Some(denied) => Admission::Denied(denied),
                None if challenge.is_some() => Admission::Denied(Denied::UnknownKey),
                None => Admission::Granted,
            },
        }
    }

    /// Charges the request where Redis has to be asked, unless it has been.
    pub async fn settle(&self, clock: &Clock) {
        if self.requests.get().is_none() {
            self.admit(self.charge(Budget::Requests, clock).await);
        }
    }

    /// Whether the client's `forwarded` budget would let the request go forward, as far as is known here.
    pub fn may_go_forward(&self, now: Timestamp) -> bool {
        match self.forwarded.get() {
            Some(charged) => charged.denied(Budget::Forwarded).is_none(),
            None => {
                let levels = self.forwarded_levels(now);
                levels.iter().take(self.tier.forwarded.len()).all(|level| level.remaining > 0)
            }
        }
    }

    /// Spends the permit to go forward. However often the request does, it is charged once.
    ///
    /// # Errors
    ///
    /// Where the client's `forwarded` budget is used up.
    pub async fn go_forward(&self, clock: &Clock) -> Result<(), Denied> {
        let charged = match self.forwarded.get() {
            Some(charged) => charged,
            None => {
                let charged = self.charge(Budget::Forwarded, clock).await;
                match charged.denied(Budget::Forwarded) {
                    None => {}
                    Some(Denied::Unavailable) => {
                        self.tier.counters.decided(LimitDecision::Unavailable);
                    }
                    Some(_) => self.tier.counters.decided(LimitDecision::ForwardLimited),
                }
                self.forwarded.get_or_init(|| charged)
            }
        };
        charged.denied(Budget::Forwarded).map_or(Ok(()), Err)
    }

    /// What the windows of the `forwarded` budget have left, as far as is known here.
    pub(super) fn forwarded_levels(&self, now: Timestamp) -> [Level; Per::COUNT] {
        match self.forwarded.get() {
            Some(charged) => charged.levels,
            None => {
                let windows = &self.tier.forwarded;
                self.limiter.levels(self.client, Budget::Forwarded, windows, now)
            }
        }
    }

    async fn charge(&self, budget: Budget, clock: &Clock) -> Charged {
        let Self { limiter, client, tier, .. } = self;
        match &self.shared {
            None => limiter.charge(*client, budget, tier.windows(budget), clock.now()),
            Some((shared, name)) => {
                let whom = Whom { name: *name, client: *client, tier };
                // Boxed: those who ask nobody do not hold the room that it takes.
                Box::pin(shared.charge(limiter, whom, budget, clock)).await
            }
        }
    }

    fn admit(&self, charged: Charged) {
        let _ = self.requests.set(charged);
        let decision = match self.admission() {
            Admission::Unsettled => return,
            Admission::Granted => LimitDecision::Allowed,
            Admission::Denied(Denied::UnknownKey) => LimitDecision::UnknownKey,
            Admission::Denied(Denied::Unavailable) => LimitDecision::Unavailable,
            Admission::Denied(Denied::Requests | Denied::Forwarded) => LimitDecision::Limited,
        };
        self.tier.counters.decided(decision);
    }
}
