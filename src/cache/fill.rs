//! The last part of a fetch: everybody reads the body as it comes, and when it is whole it is stored.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use http_body::Body as _;

use super::Arriving;
use super::collapse::{Origin, Verdict};
use super::fetch::{Fetch, Told};
use crate::body::fill::{FillLimit, FillWriter, fill};
use crate::body::{Body, BodyError};
use crate::caching::storability::Refusal;
use crate::caching::stored::{StoredHead, StoredResponse};
use crate::semantics::content_coding::Coding;

impl Fetch {
    /// Lets everybody read the body as it comes, and stores it when it is whole.
    ///
    /// `instead`: there is a stale response to serve if this one is torn. Then a short body is awaited before anybody is
    /// told of it.
    pub(super) async fn fill(mut self, head: StoredHead, body: Body, instead: bool) {
        let cache = Arc::clone(&self.cache);
        let limit = FillLimit {
            expected: body.size_hint().exact(),
            keep: cache.settings().max_object,
            budget: cache.filling.clone(),
        };
        let (writer, identity) = fill(limit.clone());
        let coders = cache.code(&self.inquiry, &head, &identity, &limit);
        let mut fills = vec![(Coding::Identity, identity.clone())];
        fills.extend(coders.iter().map(|coder| (coder.coding, coder.fill.clone())));
        let names: Vec<HeaderName> = head.selecting().collect();
        self.leader.selected_by(names, head.selecting_values().to_vec());
        let arriving = Arc::new(Arriving { head, fills });
        let body = if instead && limit.expected.is_some_and(|length| length <= AWAITED) {
            match whole(body).await {
                Ok(body) => body,
                Err(_) => {
                    let status = StatusCode::BAD_GATEWAY;
                    return self
                        .tell_all(Verdict::OriginFailed(status), Told::OriginFailed(status));
                }
            }
        } else {
            body
        };
        if let (Some(tell), Some(reader)) = (self.tell.take(), identity.reader()) {
            let _ = tell.send(Told::Arriving(Arc::clone(&arriving), reader));
        }
        self.leader.tell(Verdict::Arriving(Arc::clone(&arriving)));

        let Ok(Some(chunks)) = pump(body, writer, cache.settings().stall_timeout).await else {
            return self.was_not_kept(identity.has_outgrown());
        };
        let mut coded = Vec::new();
        for coder in coders {
            if let Some(made) = coder.made(&chunks).await {
                coded.push(made);
            }
        }
        // Purged while the body was on its way: those who read it asked before.
        if cache.purged.fate(&arriving.head).is_some() {
            self.inquiry.counters.not_stored(Refusal::Invalidated.as_str());
            return;
        }
        let response = Arc::new(StoredResponse::new(&arriving.head, &chunks, &coded));
        for (coding, fill) in &arriving.fills {
            if let Some(stored) = response.representation(*coding) {
                fill.settle(stored);
            }
        }
        cache.memory.insert(self.inquiry.key(), Arc::clone(&response));
        cache.uncacheable.forget(self.inquiry.known_by());
        self.leader.land(Verdict::Stored(response, Origin::Fetched));
    }

    fn was_not_kept(self, outgrown: bool) {
        let refusal = if outgrown { Refusal::TooLarge } else { Refusal::Incomplete };
        self.inquiry.counters.not_stored(refusal.as_str());
        self.remember(refusal);
    }
}

/// The longest body that is awaited rather than passed on as it comes, in bytes.
const AWAITED: u64 = 256 * 1024;

/// A body once all of it has come.
async fn whole(mut body: Body) -> Result<Body, BodyError> {
    let mut pieces = VecDeque::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        pieces.extend(frame?.into_data().ok());
    }
    Ok(Body::Pieces(pieces))
}

/// Moves a body into a fill. Its chunks, if it came whole and was kept.
async fn pump(
    mut body: Body,
    mut writer: FillWriter,
    stall_timeout: Duration,
) -> Result<Option<Vec<Bytes>>, BodyError> {
    loop {
        let next = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let next = if writer.is_sealed() {
            tokio::select! {
                next = next => next,
                // Neither to be stored nor read by anybody.
                () = writer.unread() => return Ok(None),
            }
        } else {
            next.await
        };
        match next {
            Some(Ok(frame)) => {
                let Ok(chunk) = frame.into_data() else { continue };
                writer.push_in_time(chunk, stall_timeout).await;
            }
            Some(Err(error)) => {
                writer.fail(error);
                return Err(error);
            }
            None => return writer.finish(),
        }
    }
}
