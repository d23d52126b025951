//! What is not to be used any more: by an operator's word, or because a write succeeded.

use std::sync::Arc;

use crate::caching::invalidation::{invalidates, targets};
use crate::caching::purge::{Purge, Selector, Subject};
use crate::caching::record::Record;
use crate::caching::stored::StoredHead;
use crate::fleet::Receipt;
use crate::policy::Invalidation;
use crate::store::Condemned;
use crate::upstream::{Failure, Forwarded};

use super::{Cache, Inquiry};

/// A purge that was applied.
#[derive(Debug)]
pub struct Purging {
    /// Its number here.
    pub number: u64,
    /// What the other replicas know of it; `None` where there are none, and where nothing was purged.
    pub receipt: Option<Receipt>,
}

impl Inquiry {
    /// What its route says it invalidates.
    pub fn invalidates(&self) -> Vec<Selector> {
        let authority = || Some(self.authority.clone());
        let identity = self.identity_text();
        let values = self.values(identity.as_deref());
        let templates = self.route.invalidates.iter();
        let declared = templates.filter_map(|template| template.expand(values));
        let selectors = declared.map(|invalidation| match invalidation {
            Invalidation::Tag(tag) => Selector::Tag(tag),
            Invalidation::Prefix(path) => Selector::Prefix { authority: authority(), path },
            Invalidation::Url(path_and_query) => {
                Selector::Url { authority: authority(), path_and_query }
            }
            Invalidation::Route(name) => Selector::Route(name.into()),
            Invalidation::All => Selector::All,
        });
        selectors.collect()
    }
}

impl Cache {
    /// Applies a purge. From then on nothing it covers is used, whether stored or still under way.
    pub fn purge(&self, purge: &Purge) -> Purging {
        let records = Record::of(&purge.selectors, purge.soft);
        // In this order: once it is applied it may be logged at any time.
        let receipt =
            self.log.as_ref().zip(records.last()).map(|(log, last)| log.receipt(last.nonce));
        let number = self.apply(&purge.selectors, purge.soft, records);
        Purging { number, receipt }
    }

    /// How many stored responses a purge would strike, or has struck, with the number that it has then; those are let go
    /// of.
    ///
    /// Goes through all of memory: not for a thread that serves requests.
    pub fn count(&self, purge: &Purge, number: Option<u64>) -> u64 {
        let mut matched = 0;
        self.memory.visit(|hash, response| {
            let is_older = number.is_none_or(|number| response.head().stamp().record < number);
            if is_older && purge.selectors.iter().any(|selector| covers(selector, response.head()))
            {
                matched += 1;
                if number.is_some() && !purge.soft {
                    self.memory.remove(hash, response);
                }
            }
        });
        if number.is_some() && self.purged.wants_compaction() {
            self.compact();
        }
        matched
    }

    /// Applies a purge here, and has the other replicas told of it. Its number here.
    fn apply(&self, selectors: &[Selector], soft: bool, records: Vec<Record>) -> u64 {
        let number = self.synced.purge(records, || self.purged.apply(selectors, soft));
        if let Some(log) = &self.log {
            log.append();
        }
        number
    }

    /// Goes through all of memory for what was purged, and forgets the purges that then concern nothing any more.
    ///
    /// Not for a thread that serves requests.
    pub fn compact(&self) {
        // In this order: what begins after the first line knows of `applied`, what is under way is in the second.
        let applied = self.purged.applied();
        let mut concerned =
            self.collapser.oldest_stamp().map_or(applied, |stamp| stamp.record.min(applied));
        self.memory.visit(|hash, response| match self.purged.fate(response.head()) {
            Some(Condemned::Hard) => self.memory.remove(hash, response),
            Some(Condemned::Soft) => concerned = concerned.min(response.head().stamp().record),
            None => {}
        });
        self.purged.forget_up_to(concerned);
    }

    /// Compacts in the background where that is due and nobody does already.
    pub(super) fn compact_if_due(self: &Arc<Self>) {
        if self.purged.wants_compaction()
            && self.compacting.try_acquire().is_ok_and(|permit| {
                permit.forget();
                true
            })
        {
            let cache = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                cache.compact();
                cache.compacting.add_permits(1);
            });
        }
    }

    /// RFC 9111 §4.4, and what the route adds; done before the write's answer leaves. The number of the purge, if it was
    /// one.
    pub(super) fn invalidate_after(
        self: &Arc<Self>,
        inquiry: &Inquiry,
        outcome: &Result<Forwarded, Failure>,
    ) -> Option<u64> {
        if inquiry.is_read() {
            return None;
        }
        let mut selectors = match outcome {
            Ok(forwarded) if invalidates(&inquiry.method, forwarded.response.status()) => {
                let fields = forwarded.response.headers();
                targets(
                    inquiry.client.scheme.as_str(),
                    &inquiry.authority,
                    inquiry.target.as_str(),
                    fields,
                )
            }
            Ok(_) => return None,
            // Nobody knows whether the write was done.
            Err(failure) if failure.may_have_been_received() => Vec::new(),
            Err(_) => return None,
        };
        selectors.push(inquiry.target.as_str().to_owned());
        selectors.push(inquiry.asked.as_str().to_owned());
        selectors.dedup();
        let authority = || Some(inquiry.authority.clone());
        let mut selectors: Vec<Selector> = selectors
            .into_iter()
            .map(|path_and_query| Selector::Url { authority: authority(), path_and_query })
            .collect();
        selectors.extend(inquiry.invalidates());
        let number = self.apply(&selectors, false, Record::of(&selectors, false));
        self.compact_if_due();
        Some(number)
    }
}

fn covers(selector: &Selector, head: &StoredHead) -> bool {
    let resource = head.resource();
    let subject = Subject {
        authority: resource.authority,
        path_and_query: resource.path_and_query,
        route: head.route(),
    };
    selector.covers(subject, |tag| head.tags().any(|own| own == tag))
}
