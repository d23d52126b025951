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
use super::brought::Incoming;
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
    /// told of it. `replaced`: the response that this one takes the place of.
    pub(super) async fn fill(
        mut self,
        head: StoredHead,
        mut incoming: Incoming,
        instead: bool,
        replaced: Option<&StoredResponse>,
    ) {
        let cache = Arc::clone(&self.cache);
        let names: Vec<HeaderName> = head.selecting().collect();
        self.leader.selected_by(names, head.selecting_values().to_vec());
        if instead
            && let Some(length) = incoming.length
            && incoming.expected().is_some_and(|length| length <= AWAITED)
        {
            match awaited(incoming.body, length).await {
                Ok(body) => incoming.body = body,
                Err(_) => {
                    let status = StatusCode::BAD_GATEWAY;
                    return self
                        .tell_all(Verdict::OriginFailed(status), Told::OriginFailed(status));
                }
            }
        }
        if let Some(body) = incoming.all_at_hand()
            && let Some(coded) = cache.coded_before(&self.inquiry, &head, &body, replaced)
            && cache.purged.fate(&head).is_none()
        {
            return self.keep(StoredResponse::new(&head, &body, &coded)).await;
        }
        let limit = FillLimit {
            expected: incoming.expected(),
            keep: cache.settings().max_object,
            budget: cache.filling.clone(),
        };
        let (mut writer, identity) = fill(limit.clone());
        let (span, fwd_status) = (incoming.span.take(), incoming.status);
        // Codings are made of the whole.
        let coders = match span {
            None => cache.code(&self.inquiry, &head, &identity, &limit),
            Some(_) => Vec::new(),
        };
        if coders.is_empty() && cache.is_too_large_for_second(limit.expected) {
            cache.keep_to_itself(self.lease.take().as_ref());
        }
        let mut fills = vec![(Coding::Identity, identity.clone())];
        fills.extend(coders.iter().map(|coder| (coder.coding, coder.fill.clone())));
        let arriving = Arc::new(Arriving { head, fills, span, fwd_status });
        if let (Some(tell), Some(reader)) = (self.tell.take(), identity.reader()) {
            let own = std::mem::take(&mut self.own);
            let _ = tell.send(Told::Arriving(Arc::clone(&arriving), reader, own));
        }
        self.leader.tell(Verdict::Arriving(Arc::clone(&arriving)));

        let is_part = arriving.span.is_some();
        let rest = match pump(incoming, &mut writer, cache.settings().stall_timeout, is_part).await
        {
            Ok(Some(rest)) => rest,
            Ok(None) => return self.was_not_kept(identity.has_outgrown()),
            Err(error) => {
                writer.fail(error);
                return self.was_not_kept(identity.has_outgrown());
            }
        };
        if is_part {
            return self.keep_part(&arriving, writer, rest).await;
        }
        for chunk in rest {
            writer.push_in_time(chunk, cache.settings().stall_timeout).await;
        }
        let Ok(Some(chunks)) = writer.finish() else {
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
        self.leader.land(Verdict::Stored(Arc::clone(&response), Origin::Fetched));
        cache.share_in_turn(&self.inquiry, &response, self.lease).await;
    }

    /// Stores a response of which all is at hand. Nobody has to read it as it comes.
    async fn keep(mut self, response: StoredResponse) {
        let response = Arc::new(response);
        let (cache, inquiry) = (Arc::clone(&self.cache), Arc::clone(&self.inquiry));
        cache.memory.insert(inquiry.key(), Arc::clone(&response));
        cache.uncacheable.forget(inquiry.known_by());
        let (lease, own) = (self.lease.take(), std::mem::take(&mut self.own));
        let verdict = Verdict::Stored(Arc::clone(&response), Origin::Fetched);
        self.tell_all(verdict, Told::Stored(Arc::clone(&response), Origin::Fetched, own));
        cache.share_in_turn(&inquiry, &response, lease).await;
    }

    pub(super) fn was_not_kept(self, outgrown: bool) {
        let refusal = if outgrown { Refusal::TooLarge } else { Refusal::Incomplete };
        self.inquiry.counters.not_stored(refusal.as_str());
        self.remember(refusal);
    }
}

/// The longest body that is awaited rather than passed on as it comes, in bytes.
const AWAITED: u64 = 256 * 1024;

/// A body once all of it has come, of the length it has to have.
async fn awaited(mut body: Body, length: u64) -> Result<Body, BodyError> {
    let mut pieces = VecDeque::new();
    let mut left = length;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(chunk) = frame?.into_data() else { continue };
        left = left.checked_sub(chunk.len() as u64).ok_or(BodyError::Malformed)?;
        pieces.push_back(chunk);
    }
    if left == 0 { Ok(Body::Pieces(pieces)) } else { Err(BodyError::Truncated) }
}

/// Moves a body into a fill, behind what stands before it. What is still to be moved: with `withhold` the last chunk, and
/// what stands behind the body. `None` where nobody needs any of it any more.
async fn pump(
    incoming: Incoming,
    writer: &mut FillWriter,
    stall_timeout: Duration,
    withhold: bool,
) -> Result<Option<Vec<Bytes>>, BodyError> {
    let Incoming { mut body, at_hand: [before, behind], length, .. } = incoming;
    writer.push_in_time(before, stall_timeout).await;
    let mut left = length;
    let mut rest = Vec::new();
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
        let Some(frame) = next else { break };
        let Ok(chunk) = frame?.into_data() else { continue };
        if let Some(left) = &mut left {
            // What stands behind it has its place.
            *left = left.checked_sub(chunk.len() as u64).ok_or(BodyError::Malformed)?;
        }
        if withhold && left == Some(0) {
            rest.push(chunk);
        } else {
            writer.push_in_time(chunk, stall_timeout).await;
        }
    }
    if left.is_some_and(|left| left > 0) {
        return Err(BodyError::Truncated);
    }
    rest.push(behind);
    Ok(Some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_awaited_has_its_length_or_is_torn() {
        let body = || Body::Pieces(["ab", "cd"].map(Bytes::from).into());
        assert_eq!(awaited(body(), 5).await.unwrap_err(), BodyError::Truncated);
        assert_eq!(awaited(body(), 3).await.unwrap_err(), BodyError::Malformed);
        let incoming = |length| Incoming {
            body: body(),
            at_hand: Default::default(),
            length,
            status: StatusCode::OK,
            span: None,
        };
        assert!(awaited(body(), 4).await.is_ok());
        assert_eq!(incoming(Some(4)).all_at_hand().unwrap().concat(), b"abcd");
        assert!(incoming(None).all_at_hand().is_some());
        assert!(incoming(Some(5)).all_at_hand().is_none());
    }
}
