//! Content codings of a body that is arriving: each made once, while the body comes, off the reactor.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, StatusCode};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::body::coder::Coder;
use crate::body::fill::{Fill, FillLimit, FillReader, FillWriter, fill};
use crate::caching::cache_control::response_directives;
use crate::caching::stored::StoredHead;
use crate::semantics::content_coding::Coding;
use crate::semantics::fields::list_members;

/// Which codings are made, and of what.
#[derive(Clone, Debug)]
pub struct CodingRules {
    /// The codings, the one to prefer where a client likes several alike first. Empty: none.
    pub codings: Vec<Coding>,
    /// Media types: `text/*` or `application/json`. Those that end in `+json` or `+xml` are always among them.
    pub types: Vec<String>,
    /// A body known to be shorter is not worth it, in bytes.
    pub min_length: u64,
}

impl Default for CodingRules {
    fn default() -> Self {
        let types = [
            "text/*",
            "application/json",
            "application/javascript",
            "application/xml",
            "image/svg+xml",
        ];
        Self {
            codings: vec![Coding::Brotli, Coding::Gzip],
            types: types.map(str::to_owned).to_vec(),
            min_length: 1024,
        }
    }
}

impl CodingRules {
    /// Whether codings of a response may be made.
    pub fn apply_to(&self, head: &StoredHead, length: Option<u64>) -> bool {
        let long_enough = length.is_none_or(|length| length >= self.min_length);
        let no_transform = || {
            let fields = head.fields(0);
            response_directives(&fields).no_transform
                || list_members(&fields, &CACHE_CONTROL)
                    .any(|member| member.eq_ignore_ascii_case("no-transform"))
        };
        // RFC 9110 §7.7: a proxy "MUST NOT transform the content of a response message that contains a no-transform
        // cache directive". Digests of the content would no longer be true of what is sent.
        !self.codings.is_empty()
            && long_enough
            && !matches!(head.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
            && head.field(&CONTENT_ENCODING).is_none()
            && DIGESTS.iter().all(|digest| head.field(digest).is_none())
            && !no_transform()
            && head
                .field(&CONTENT_TYPE)
                .is_some_and(|kind| kind.to_str().is_ok_and(|kind| self.is_coded_type(kind)))
    }

    fn is_coded_type(&self, content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        kind.ends_with("+json")
            || kind.ends_with("+xml")
            || self.types.iter().any(|coded| match coded.strip_suffix('*') {
                Some(family) => kind.starts_with(family),
                None => kind == *coded,
            })
    }
}

static DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

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
        head: &StoredHead,
        identity: &Fill,
        limit: &FillLimit,
    ) -> Vec<CodingUnderWay> {
        if identity.is_sealed() || !self.settings.codings.apply_to(head, limit.expected) {
            return Vec::new();
        }
        let stall_timeout = self.settings.stall_timeout;
        let codings = self.settings.codings.codings.iter().copied();
        let started = codings.filter_map(|coding| {
            let place = Arc::clone(&self.coding).try_acquire_owned().ok()?;
            let coder = Coder::new(coding)?;
            let reader = identity.reader()?;
            let (writer, fill) = fill(FillLimit { expected: None, ..limit.clone() });
            let coding_task = code(coder, reader, writer, Arc::clone(&self.coders), stall_timeout);
            let task = tokio::spawn(async move {
                let _place = place;
                coding_task.await
            });
            Some(CodingUnderWay { coding, fill, task })
        });
        started.collect()
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
