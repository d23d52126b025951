//! Content codings of a body that is arriving: each made once, while the body comes, off the reactor.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Cache, Inquiry};
use crate::body::coder::Coder;
use crate::body::fill::{Fill, FillLimit, FillReader, FillWriter, fill};
use crate::caching::stored::{StoredHead, StoredResponse};
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
        if !is_coded(inquiry, head, limit.expected) || identity.is_sealed() {
            return Vec::new();
        }
        let stall_timeout = self.settings().stall_timeout;
        let started = made(inquiry).filter_map(|coding| {
            let place = Arc::clone(&self.coding).try_acquire_owned().ok()?;
            let reader = identity.reader()?;
            let (writer, fill) = fill(FillLimit { expected: None, ..limit.clone() });
            inquiry.counters.coded(coding.as_str());
            let coding_task = code(coding, reader, writer, Arc::clone(&self.coders), stall_timeout);
            let task = tokio::spawn(async move {
                let _place = place;
                coding_task.await
            });
            Some(CodingUnderWay { coding, fill, task })
        });
        started.collect()
    }

    /// The codings of a body that is all at hand, where none has to be made: there are to be none, or there are those of
    /// the response whose place it takes, which had the same body.
    pub(super) fn coded_before(
        &self,
        inquiry: &Inquiry,
        head: &StoredHead,
        body: &[Bytes],
        replaced: Option<&StoredResponse>,
    ) -> Option<Vec<(Coding, Vec<Bytes>)>> {
        if !is_coded(inquiry, head, Some(length(body) as u64)) {
            return Some(Vec::new());
        }
        let replaced = replaced.filter(|before| before.extents().is_none())?;
        if !is_same(body, &replaced.body()) {
            return None;
        }
        made(inquiry).map(|coding| Some((coding, vec![replaced.representation(coding)?]))).collect()
    }

    /// The codings of a body that is all at hand.
    pub(super) async fn code_all(
        &self,
        inquiry: &Inquiry,
        head: &StoredHead,
        body: &[Bytes],
    ) -> Vec<(Coding, Vec<Bytes>)> {
        let (keep, budget) = (self.settings().max_object, self.filling.clone());
        let limit = FillLimit { expected: Some(length(body) as u64), keep, budget };
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

/// Whether codings are made of such a response.
fn is_coded(inquiry: &Inquiry, head: &StoredHead, length: Option<u64>) -> bool {
    head.terms().codable && inquiry.route.rules.codings.is_worth_it(length)
}

/// Which these are.
fn made(inquiry: &Inquiry) -> impl Iterator<Item = Coding> {
    let codings = inquiry.route.rules.codings.codings.iter().copied();
    codings.filter(|coding| *coding != Coding::Identity)
}

fn length(chunks: &[Bytes]) -> usize {
    chunks.iter().map(Bytes::len).sum()
}

/// True when `chunks` are these `octets`.
fn is_same(chunks: &[Bytes], octets: &[u8]) -> bool {
    let mut left = octets;
    let is_next = |chunk: &Bytes| left.strip_prefix(&**chunk).map(|rest| left = rest).is_some();
    chunks.iter().all(is_next) && left.is_empty()
}

/// Codes what `reader` gives into `writer`. The chunks, if all came and all was kept.
async fn code(
    coding: Coding,
    mut reader: FillReader,
    mut writer: FillWriter,
    permits: Arc<Semaphore>,
    stall_timeout: Duration,
) -> Option<Vec<Bytes>> {
    let mut coder = None;
    loop {
        // Once neither the body nor its coding is to be kept, it is made for its readers alone.
        let first = if reader.is_sealed() || writer.is_sealed() {
            tokio::select! {
                first = reader.next() => first,
                () = writer.unread() => return None,
            }
        } else {
            reader.next().await
        };
        let mut is_last = first.is_none();
        let mut batch = Vec::from_iter(first.transpose().ok()?);
        while !is_last && reader.is_ready() && batch.len() < BATCH {
            match reader.next().await {
                Some(chunk) => batch.push(chunk.ok()?),
                None => is_last = true,
            }
        }
        // A reader of a body that comes in drops sees each of them; one that comes at once is coded at its best.
        let flush = !reader.is_ready();
        let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
        // The coder is made there too: its tables take as long as a short body does.
        let step = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut coder = coder.or_else(|| Coder::new(coding))?;
            batch.iter().try_for_each(|chunk| coder.write(chunk)).ok()?;
            if is_last {
                return Some((None, coder.finish().ok()?));
            }
            if flush {
                coder.flush().ok()?;
            }
            let made = coder.take();
            Some((Some(coder), made))
        });
        let (left, made) = step.await.ok()??;
        coder = left;
        writer.push_in_time(Bytes::from(made), stall_timeout).await;
        if is_last {
            return writer.finish().ok()?;
        }
    }
}

/// Chunks coded in one go.
const BATCH: usize = 64;
