//! What a configuration would do with a request, with nothing running.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::rulebooks::Rulebooks;
use super::settings;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::Settings;
use crate::counters::Counters;
use crate::explain::{Explanation, Question};
use crate::journal::Journal;
use crate::purges::Purges;
use crate::service::Service;
use crate::upstream::Via;

/// The least that a cache is made of; nothing is ever stored in it.
const CAPACITY: u64 = 1 << 20;

/// Explains what would be done with a request under these settings. To be called within a runtime.
pub fn explain(settings: Settings, question: &Question) -> Explanation {
    let (clock, counters) = (Clock::system(), Counters::new(env!("CARGO_PKG_VERSION")));
    let cache = settings::cache(&settings, CAPACITY.min(settings::capacity(&settings)));
    let cache = Cache::new(cache, clock.clone(), Via::new(0), || {});
    let mut rulebooks = Rulebooks::new(&clock, &counters, Arc::new(()), None);
    let service = Service {
        rulebook: ArcSwap::from_pointee(rulebooks.next(settings, None)),
        cache: Arc::new(cache),
        purges: Arc::new(Purges::new(&counters, &Journal::silent(), &clock)),
        wrong_tokens: Mutex::default(),
        leaving: Arc::default(),
        journal: Journal::silent(),
        clock,
    };
    service.explain(question, false)
}
