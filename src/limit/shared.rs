//! Limits that the fleet shares: all of a client's windows are charged by one script in Redis, at once or not at all.
//!
//! The arithmetic is that of [`super::window`], by the clock of Redis alone. Nothing is asked twice: an answer that does
//! not come may have been charged all the same, which costs a client one request and never gives it one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::Budget;
use super::client::{Client, SharedName};
use super::limits::Tier;
use super::local::{Charged, Limiter};
use super::window::{Per, Window, whole_seconds};
use crate::clock::{Clock, Timestamp};
use crate::redis::{Link, Operation, Reply, Script, Trouble};

static CHARGE: Script = Script::new(include_str!("charge.lua"));

/// What holds while Redis does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRedisFailure {
    /// The whole limit on each replica, from what it saw of it on.
    #[default]
    Local,
    /// The same, but a part of the limit: as many as there are replicas.
    Share,
    /// No limit.
    Allow,
    /// Whoever is limited is refused.
    Deny,
}

/// With whom limits are shared.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// Where they are kept.
    pub link: Arc<Link>,
    /// How many replicas are alive, this one among them.
    pub replicas: Arc<AtomicUsize>,
}

/// Charges clients in Redis.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sharing: Sharing,
    pub(super) on_failure: OnRedisFailure,
}

/// Whom a request is charged to: in Redis by the name, and here.
#[derive(Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) name: SharedName,
    pub(super) client: Client,
    pub(super) tier: &'a Tier,
}

impl Shared {
    /// Charges a request to all windows of a client's budget, or to none. What Redis says of all the client's windows is
    /// mirrored in `limiter`, and where it says nothing, that is what it is decided by.
    pub(super) async fn charge(
        &self,
        limiter: &Limiter,
        whom: Whom<'_>,
        budget: Budget,
        clock: &Clock,
    ) -> Charged {
        let windows = whom.tier.windows(budget);
        if windows.is_empty() {
            return Charged::default();
        }
        match self.ask(limiter, whom, budget, clock.now()).await {
            Ok(charged) => charged,
            Err(_) => {
                whom.tier.counters.degraded();
                // By the time it is now: it may have been waited for.
                self.charge_here(limiter, whom.client, budget, windows, clock.now())
            }
        }
    }

    async fn ask(
        &self,
        limiter: &Limiter,
        Whom { name, client, tier }: Whom<'_>,
        budget: Budget,
        now: Timestamp,
    ) -> Result<Charged, Trouble> {
        let (windows, others) = (tier.windows(budget), tier.windows(budget.other()));
        let mut arguments = vec![number(windows.len() as u64)];
        for (budget, windows) in [(budget, windows), (budget.other(), others)] {
            let untold = limiter.untold(client, budget, windows, now);
            for (window, untold) in windows.iter().zip(untold) {
                let field = Bytes::from_static(field(budget, window.rate().per).as_bytes());
                let numbers = [window.interval(), window.capacity(), untold];
                arguments.extend([field].into_iter().chain(numbers.map(number)));
            }
        }
        let Sharing { link, .. } = &self.sharing;
        let key = link.key(&format!("l:{name}"), "");
        let reply = link.run(Operation::Limit, &CHARGE, &[key], arguments).await?;
        let told = Told::of(&reply, windows.len(), others.len()).ok_or(Trouble::Malformed)?;
        for (budget, windows, debts) in
            [(budget, windows, &told.debts), (budget.other(), others, &told.others)]
        {
            let told = windows.iter().map(|window| window.rate().per).zip(debts.iter().copied());
            limiter.mirror(client, budget, told, now);
        }
        Ok(told.charged(windows))
    }

    /// Decides without Redis.
    fn charge_here(
        &self,
        limiter: &Limiter,
        client: Client,
        budget: Budget,
        windows: &[Window],
        now: Timestamp,
    ) -> Charged {
        let levels = || limiter.levels(client, budget, windows, now);
        match self.on_failure {
            OnRedisFailure::Local => limiter.charge(client, budget, windows, now),
            OnRedisFailure::Share => {
                let replicas = self.sharing.replicas.load(Ordering::Relaxed) as u64;
                let parts: Vec<_> = windows.iter().map(|window| window.divided(replicas)).collect();
                limiter.charge(client, budget, &parts, now)
            }
            OnRedisFailure::Allow => Charged { levels: levels(), ..Charged::default() },
            OnRedisFailure::Deny => {
                Charged { levels: levels(), is_unknown: true, ..Charged::default() }
            }
        }
    }
}

/// What the script answered.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    is_charged: bool,
    /// How far each window that was charged is from being whole, in microseconds.
    debts: Vec<u64>,
    /// The same of the windows that were looked at.
    others: Vec<u64>,
}

impl Told {
    /// `None` where it is no answer that the script gives about so many windows.
    fn of(reply: &Reply, windows: usize, others: usize) -> Option<Self> {
        let (is_charged, debts) = reply.list()?.split_first()?;
        let debt = |reply: &Reply| u64::try_from(reply.integer()?).ok();
        let mut debts: Vec<_> = debts.iter().map(debt).collect::<Option<_>>()?;
        if debts.len() != windows + others {
            return None;
        }
        let others = debts.split_off(windows);
        Some(Self { is_charged: is_charged.integer()? == 1, debts, others })
    }

    fn charged(&self, windows: &[Window]) -> Charged {
        let mut charged = Charged::default();
        let each = windows.iter().zip(&self.debts);
        for ((window, debt), level) in each.clone().zip(&mut charged.levels) {
            *level = window.level_at(*debt);
        }
        if !self.is_charged {
            let wait = each.map(|(window, debt)| window.wait(*debt)).max().unwrap_or_default();
            charged.refused = Some(whole_seconds(wait).max(1));
        }
        charged
    }
}

/// What a window's bucket is called in Redis.
const fn field(budget: Budget, per: Per) -> &'static str {
    match (budget, per) {
        (Budget::Requests, per) => per.unit(),
        (Budget::Forwarded, Per::Second) => "fwd-s",
        (Budget::Forwarded, Per::Minute) => "fwd-min",
        (Budget::Forwarded, Per::Hour) => "fwd-h",
        (Budget::Forwarded, Per::Day) => "fwd-d",
    }
}

fn number(number: u64) -> Bytes {
    number.to_string().into()
}

#[cfg(test)]
mod tests;
