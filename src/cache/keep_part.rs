//! The end of a fetch that brings a part: it is stored with whatever else there is of the same representation.

use std::sync::Arc;

use bytes::Bytes;

use super::collapse::{Origin, Verdict};
use super::fetch::Fetch;
use super::{Arriving, Span};
use crate::body::FillWriter;
use crate::caching::partial::combined;
use crate::caching::parts::Parts;
use crate::caching::storability::Refusal;
use crate::caching::stored::{StoredHead, StoredResponse};

impl Fetch {
    /// Stores a part of which all has come and `rest` has not been passed on. Only then is it: who has read all of a part,
    /// and asks for more, is never taken for another who comes at the same time.
    pub(super) async fn keep_part(
        self,
        arriving: &Arriving,
        mut writer: FillWriter,
        rest: Vec<Bytes>,
    ) {
        let (cache, inquiry) = (Arc::clone(&self.cache), Arc::clone(&self.inquiry));
        let kept = writer.kept().map(|mut chunks| {
            chunks.extend(rest.iter().cloned());
            chunks
        });
        let is_alive = cache.purged.fate(&arriving.head).is_none();
        let refusal = match (&kept, is_alive) {
            (_, false) => Some(Refusal::Invalidated),
            (None, true) => Some(Refusal::TooLarge),
            (Some(_), true) => None,
        };
        let parts = kept
            .zip(arriving.span.as_ref())
            .filter(|_| is_alive)
            .and_then(|(chunks, span)| self.parts(&arriving.head, span, chunks));
        let stored = match &parts {
            Some(parts) => {
                let response = Arc::new(response(&arriving.head, parts));
                cache.memory.insert(inquiry.key(), Arc::clone(&response));
                cache.uncacheable.forget(inquiry.known_by());
                self.leader.land(Verdict::Stored(Arc::clone(&response), Origin::Fetched));
                Some(response)
            }
            None => {
                if let Some(refusal) = refusal {
                    inquiry.counters.not_stored(refusal.as_str());
                }
                None
            }
        };
        for chunk in rest {
            writer.push_in_time(chunk, cache.settings().stall_timeout).await;
        }
        let _ = writer.finish();
        let (Some(stored), Some(span)) = (stored, &arriving.span) else { return };
        for (_, fill) in &arriving.fills {
            fill.settle(stored.part(&span.range).unwrap_or_default());
        }
        // Whole by now: as any whole response, in its codings.
        if let Some(parts) = parts.filter(Parts::is_whole) {
            let chunks: Vec<Bytes> = parts.chunks().cloned().collect();
            let coded = cache.code_all(&inquiry, &arriving.head, &chunks).await;
            let whole = if coded.is_empty() {
                stored
            } else {
                let coded = Arc::new(StoredResponse::new(&arriving.head, &chunks, &coded));
                cache.memory.replace(inquiry.key().hash(), &stored, Arc::clone(&coded));
                coded
            };
            cache.share(&inquiry, &whole);
        }
    }

    /// A part that has come, with what is stored of the same representation by now. `None` where there is nothing to add to:
    /// all of it has been stored meanwhile.
    fn parts(&self, head: &StoredHead, span: &Span, chunks: Vec<Bytes>) -> Option<Parts> {
        let found = self.cache.memory.get(self.inquiry.key());
        let found = found.as_ref().and_then(|variants| variants.select(&self.inquiry.fields));
        let found = found.filter(|found| self.cache.purged.fate(found.head()).is_none());
        if found.is_some_and(|found| found.extents().is_none()) {
            return None;
        }
        let answered = head.terms().answered;
        let same = found.filter(|found| {
            // Of what answered another kind of request nothing is mixed into what may be given to this one's.
            found.head().terms().answered.or(answered) == answered
                && found.complete_length() == span.complete
                && combined(&found.head().fields(0), &head.fields(0)).is_some()
        });
        let mut parts =
            same.and_then(|found| found.parts()).unwrap_or_else(|| Parts::new(span.complete));
        parts.add(span.range.start, chunks);
        parts.limit(self.cache.settings().max_object, &span.range);
        Some(parts)
    }
}

fn response(head: &StoredHead, parts: &Parts) -> StoredResponse {
    if parts.is_whole() {
        let chunks: Vec<Bytes> = parts.chunks().cloned().collect();
        StoredResponse::new(head, &chunks, &[])
    } else {
        StoredResponse::incomplete(head, parts)
    }
}
