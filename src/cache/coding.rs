//! Content codings of a body that is arriving: each made once, while the body comes, off the reactor.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Cache, Inquiry};
use crate::body::coder::Coder;
use crate::body::fill::{Fill, FillLimit, FillReader, FillWriter, fill};
use crate::caching::stored::StoredHead;
use crate::semantics::content_coding::Coding;

/// One coding being made.
pub(super) struct CodingUnderWay {
    pub(super) coding: Coding,
    pub(super) fill: Fill,
    task: JoinHandle<Option<Vec<Bytes>>>,
}

impl CodingUnderWay {
    /// What came of it, if it came to something smaller than the body it was made of.
    pub(super) async fn made(self, identity: &[Bytes]) -> Option<(Coding, Vec<Bytes>)> {
        // Its readers may take their time; there is nothing to store.
        if self.fill.is_sealed() {
            return None;
        }
        let chunks = self.task.await.ok()??;
        let length = |chunks: &[Bytes]| chunks.iter().map(Bytes::len).sum::<usize>();
        (length(&chunks) < length(identity)).then_some((self.coding, chunks))
    }
}

impl Cache {
    /// Starts a coder for each coding that is made of such a response.
    pub(super) fn code(
        &self,
        inquiry: &Inquiry,
        head: &StoredHead,
        identity: &Fill,
        limit: &FillLimit,
    ) -> Vec<CodingUnderWay> {
        let rules = &inquiry.route.rules.codings;
        let worth_it = head.terms().codable && rules.is_worth_it(limit.expected);
        if !worth_it || identity.is_sealed() {
            return Vec::new();
        }
        let stall_timeout = self.settings().stall_timeout;
        let started = rules.codings.iter().copied().filter_map(|coding| {
            let place = Arc::clone(&self.coding).try_acquire_owned().ok()?;
            let coder = Coder::new(coding)?;
            let reader = identity.reader()?;
            let (writer, fill) = fill(FillLimit { expected: None, ..limit.clone() });
            inquiry.counters.coded(coding.as_str());
            let coding_task = code(coder, reader, writer, Arc::clone(&self.coders), stall_timeout);
            let task = tokio::spawn(async move {
                let _place = place;
                coding_task.await
            });
            Some(CodingUnderWay { coding, fill, task })
        });
        started.collect()
    }

    /// The codings of a body that is all at hand.
    pub(super) async fn code_all(
        &self,
        inquiry: &Inquiry,
        head: &StoredHead,
        body: &[Bytes],
    ) -> Vec<(Coding, Vec<Bytes>)> {
        let length = body.iter().map(|chunk| chunk.len() as u64).sum();
        let (keep, budget) = (self.settings().max_object, self.filling.clone());
        let limit = FillLimit { expected: Some(length), keep, budget };
        let (mut writer, identity) = fill(limit.clone());
        let coders = self.code(inquiry, head, &identity, &limit);
        if coders.is_empty() {
            return Vec::new();
        }
        for chunk in body {
            writer.push_in_time(chunk.clone(), self.settings().stall_timeout).await;
        }
        let _ = writer.finish();
        let mut coded = Vec::new();
        for coder in coders {
            coded.extend(coder.made(body).await);
        }
        coded
    }
}

/// Codes what `reader` gives into `writer`. The chunks, if all came and all was kept.
async fn code(
    mut coder: Coder,
    mut reader: FillReader,
    mut writer: FillWriter,
    permits: Arc<Semaphore>,
    stall_timeout: Duration,
) -> Option<Vec<Bytes>> {
    loop {
        // Once neither the body nor its coding is to be kept, it is made for its readers alone.
        let next = if reader.is_sealed() || writer.is_sealed() {
            tokio::select! {
                next = reader.next() => next,
                () = writer.unread() => return None,
            }
        } else {
            reader.next().await
        };
        let Some(first) = next else { break };
        let mut batch = vec![first.ok()?];
        while reader.is_ready() && batch.len() < BATCH {
            match reader.next().await {
                Some(chunk) => batch.push(chunk.ok()?),
                None => break,
            }
        }
        // A reader of a body that comes in drops sees each of them; one that comes at once is coded at its best.
        let flush = !reader.is_ready();
        let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
        let coding = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            batch.iter().try_for_each(|chunk| coder.write(chunk)).ok()?;
            if flush {
                coder.flush().ok()?;
            }
            Some(coder)
        });
        coder = coding.await.ok()??;
        writer.push_in_time(Bytes::from(coder.take()), stall_timeout).await;
    }
    let rest = tokio::task::spawn_blocking(move || coder.finish()).await.ok()?.ok()?;
    writer.push_in_time(Bytes::from(rest), stall_timeout).await;
    writer.finish().ok()?
}

/// Chunks coded in one go.
const BATCH: usize = 64;
