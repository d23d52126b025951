//! The second tier: stored responses in the Redis that a fleet shares.
//!
//! Under `{h}`, which stands for a key, there is a response, the names of the fields that responses for the key vary on, or
//! a note that there is none to be stored; under `{h}:v` the response that the values `v` of these fields select. Nothing
//! is read, changed and written back, and nothing is kept there without an end.
//!
//! Reading waits for one answer's time at the most. Writing is done in the background; what there is no room for, or no
//! Redis, is not written.

mod place;
mod script;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ETAG, LAST_MODIFIED};

use super::codec::{self, Kept, Unreadable, Value, Writing};
use super::queue::Queue;
use crate::caching::key::Key;
use crate::caching::stored::StoredResponse;
use crate::clock::{Clock, Timestamp};
use crate::counters::SecondCounters;
use crate::redis::{Command, Link, Operation, Trouble};

use place::Place;

/// What a value may have beside its representations: the key, which may have content in it, the fields, the tags.
const HEAD_ROOM: usize = 512 << 10;
/// Writes that may wait.
const MOST_WAITING: usize = 4096;
/// Bytes of responses that may wait to be written.
const MOST_BYTES: usize = 32 << 20;
/// Writes under way at once.
const WRITERS: usize = 4;
/// For how long something that cannot be used any more may still be validated.
const VALIDATED_FOR: Duration = Duration::from_secs(60);
/// The longest that Redis is told to keep anything.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Values longer than this are put together where nobody waits for the thread.
const LONG: usize = 64 << 10;
/// Values longer than this are taken apart there: what is coded may be a thousand times as long as it looks.
const LONG_TO_READ: usize = 8 << 10;

/// `[cache.redis]`.
#[derive(Clone, Copy, Debug)]
pub struct SecondSettings {
    /// The most bytes that the representations of a response may take in Redis.
    pub max_object: usize,
    /// Whether a body is left out where there is a gzip of it.
    pub compress: bool,
    /// The longest body that a response is stored here with, in bytes.
    pub longest: usize,
}

/// The Redis tier.
pub struct Second {
    link: Arc<Link>,
    clock: Clock,
    counters: SecondCounters,
    max_object: AtomicUsize,
    compress: AtomicBool,
    longest: AtomicUsize,
    queue: Queue<Work>,
}

/// A response that was read, to be held against the log before it is used.
#[derive(Debug)]
pub struct Read {
    /// The response.
    pub kept: Box<Kept>,
    /// For how long Redis will still keep it.
    pub left: Duration,
}

#[derive(Debug)]
enum Work {
    Write(Arc<StoredResponse>),
    Remove,
}

/// How a response that was to be written fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands there.
    Written,
    /// What stands there is newer.
    Outdated,
    /// It is larger than what is written, or nothing could be made of it: what stood there is gone.
    Unwritable,
    /// It was fetched before the log was first read, so that no replica could use it.
    Unsynchronised,
    /// Others wait already.
    Dropped,
    /// Redis did not take it.
    Failed,
}

impl Written {
    /// The outcome's name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Outdated => "outdated",
            Self::Unwritable => "unwritable",
            Self::Unsynchronised => "unsynchronised",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

impl Second {
    /// A tier at the other end of `link`. To be called within a runtime, on which writes are done.
    pub fn start(
        link: Arc<Link>,
        clock: Clock,
        counters: SecondCounters,
        settings: SecondSettings,
    ) -> Arc<Self> {
        let second = Arc::new(Self {
            link,
            clock,
            counters,
            max_object: AtomicUsize::new(settings.max_object),
            compress: AtomicBool::new(settings.compress),
            longest: AtomicUsize::new(settings.longest),
            queue: Queue::new(MOST_WAITING, MOST_BYTES),
        });
        for _ in 0..WRITERS {
            tokio::spawn(Arc::clone(&second).write_on());
        }
        second
    }

    /// Reads and writes like this from now on.
    pub fn adopt(&self, settings: SecondSettings) {
        self.max_object.store(settings.max_object, Ordering::Relaxed);
        self.compress.store(settings.compress, Ordering::Relaxed);
        self.longest.store(settings.longest, Ordering::Relaxed);
    }

    /// What there is for a request with these fields.
    ///
    /// # Errors
    /// Where Redis does not tell within the time that any answer has.
    pub async fn read(&self, key: &Key, request: &HeaderMap) -> Result<Option<Read>, Trouble> {
        // Both questions, where there are two, have the time of one.
        let asked = tokio::time::timeout(self.link.timeout(), self.select(key, request));
        asked.await.unwrap_or(Err(Trouble::Timeout))
    }

    async fn select(&self, key: &Key, request: &HeaderMap) -> Result<Option<Read>, Trouble> {
        let place = Place::of_key(key.as_bytes());
        let found = match self.get(&place, key).await? {
            Some((Value::Varies(names), _)) => {
                let variant = place.variant_for(&names, request);
                self.get(&variant, key).await?.map(|found| (found, variant))
            }
            found => found.map(|found| (found, place)),
        };
        Ok(match found {
            Some(((Value::Response(kept), left), place)) => {
                if kept.is_selected_by(request) {
                    Some(Read { kept, left })
                } else {
                    // Where it stands by its values, it does not belong; else only others may have it.
                    if place.is_variant() {
                        self.disbelieve(&place, Unreadable::OtherKey);
                    }
                    None
                }
            }
            Some(((Value::Varies(_), _), _)) | None => None,
        })
    }

    /// The value under a key of Redis, and for how long it will be there. What is none of ours is told of, and removed.
    async fn get(&self, place: &Place, key: &Key) -> Result<Option<(Value, Duration)>, Trouble> {
        let longest = self.longest.load(Ordering::Relaxed);
        let most = self.max_object.load(Ordering::Relaxed).saturating_add(HEAD_ROOM);
        // Both at once, and no script, which takes Redis three times as long for what is large.
        let ask = |name| Command::new(name, self.at(place));
        let value = ask("GETRANGE").with("0").with(most.to_string());
        let (value, left) = tokio::join!(
            self.link.ask(Operation::Read, value),
            self.link.ask(Operation::Read, ask("PTTL"))
        );
        let found = match (value, left) {
            (Err(Trouble::WrongType), _) => Err(Unreadable::WrongType),
            (Err(trouble), _) | (_, Err(trouble)) => return Err(trouble),
            (Ok(value), Ok(left)) => {
                let (Some(value), Some(left)) = (value.bytes(), left.integer()) else {
                    return Err(Trouble::Malformed);
                };
                if value.is_empty() || left == GONE {
                    return Ok(None);
                }
                bounded(value, left, most)
            }
        };
        let read = match found {
            Ok((value, left)) if value.len() > LONG_TO_READ => {
                let key = key.clone();
                let reading = tokio::task::spawn_blocking(move || {
                    codec::read(&value, &key, longest).map(|value| (value, left))
                });
                reading.await.unwrap_or(Err(Unreadable::Malformed))
            }
            Ok((value, left)) => codec::read(&value, key, longest).map(|value| (value, left)),
            Err(unreadable) => Err(unreadable),
        };
        Ok(read.map_err(|unreadable| self.disbelieve(place, unreadable)).ok())
    }

    fn disbelieve(&self, place: &Place, unreadable: Unreadable) {
        self.counters.unreadable(unreadable.as_str());
        if unreadable.is_rubbish() {
            self.queue.push(self.at(place), Work::Remove, 0);
        }
    }

    /// Has a whole response written in the background, in the place of what stands there, unless that is newer.
    pub fn write(&self, response: Arc<StoredResponse>) {
        let (at, bytes) = (self.at(&Place::of(response.head())), response.len());
        if !self.queue.push(at, Work::Write(response), bytes) {
            self.counters.write(Written::Dropped.as_str());
        }
    }

    /// Has what stands in the place of this response removed, in the background.
    pub fn remove(&self, response: &StoredResponse) {
        self.queue.push(self.at(&Place::of(response.head())), Work::Remove, 0);
    }

    /// Writes a whole response, and waits until that is done.
    pub async fn write_now(&self, response: &Arc<StoredResponse>) -> Written {
        let written = self.written(response).await;
        self.counters.write(written.as_str());
        written
    }

    /// Waits until nothing is left to be written, for so long at the most.
    pub async fn settle(&self, within: Duration) {
        let _ = tokio::time::timeout(within, self.queue.emptied()).await;
    }

    async fn write_on(self: Arc<Self>) {
        loop {
            let (at, work) = self.queue.next().await;
            match work {
                Work::Write(response) => {
                    self.write_now(&response).await;
                }
                Work::Remove => self.unlink(at).await,
            }
            self.queue.done();
        }
    }

    async fn unlink(&self, at: Bytes) {
        // What cannot be removed goes by itself.
        let _ = self.link.ask(Operation::Write, Command::new("UNLINK", at)).await;
    }

    async fn written(&self, response: &Arc<StoredResponse>) -> Written {
        let (now, compress) = (self.clock.now(), self.compress.load(Ordering::Relaxed));
        let (head, max_object) = (response.head(), self.max_object.load(Ordering::Relaxed));
        let place = Place::of(head);
        if head.stamp().position.epoch == 0 {
            return Written::Unsynchronised;
        }
        let fits = codec::length(response, compress) <= max_object;
        let Some(ttl) = worth_keeping(response, now).filter(|_| fits) else {
            self.unlink(self.at(&place)).await;
            return Written::Unwritable;
        };
        let writing = Writing { position: head.stamp().position, now, ttl };
        let value = if response.len() > LONG {
            let response = Arc::clone(response);
            let coding = move || codec::response(&response, writing, compress);
            tokio::task::spawn_blocking(coding).await.unwrap_or_default()
        } else {
            codec::response(response, writing, compress)
        };
        if value.len() > max_object.saturating_add(HEAD_ROOM) {
            self.unlink(self.at(&place)).await;
            return Written::Unwritable;
        }
        let mut keys = vec![self.at(&place)];
        let mut arguments = vec![value, script::millis(ttl)];
        if place.is_variant() {
            keys.push(self.at(&place.of_all_variants()));
            arguments.push(codec::varies(head.key_bytes(), head.selecting(), writing));
        }
        match self.link.run(Operation::Write, &script::WRITE, &keys, arguments).await {
            Ok(reply) if reply.integer() == Some(1) => Written::Written,
            Ok(_) => Written::Outdated,
            Err(_) => Written::Failed,
        }
    }

    fn at(&self, place: &Place) -> Bytes {
        self.link.key(place.slot(), place.rest())
    }
}

impl fmt::Debug for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Second").field("link", &self.link).finish_non_exhaustive()
    }
}

/// What PTTL says of a key that is not there.
const GONE: i64 = -2;

/// The value and for how long it will be there, if it is no longer than what is taken and there is an end to it.
fn bounded(value: &Bytes, left: i64, most: usize) -> Result<(Bytes, Duration), Unreadable> {
    codec::is_ours(value)?;
    if value.len() > most {
        return Err(Unreadable::TooLarge);
    }
    let left = u64::try_from(left).map_err(|_| Unreadable::NoTtl)?;
    Ok((value.clone(), Duration::from_millis(left)))
}

/// For how long something can be made of a response: while it is fresh, while it may be served stale, and, where it can be
/// validated, a little longer.
fn worth_keeping(response: &StoredResponse, now: Timestamp) -> Option<Duration> {
    let (head, terms) = (response.head(), response.head().terms());
    let stale = terms.stale_while_revalidate.max(terms.stale_if_error);
    let stale = if terms.must_revalidate { Duration::ZERO } else { stale };
    let has_validator = head.field(&ETAG).is_some() || head.field(&LAST_MODIFIED).is_some();
    let validated = if has_validator { VALIDATED_FOR } else { Duration::ZERO };
    let lifetime = terms.lifetime.duration.saturating_add(stale.max(validated));
    let left = lifetime.saturating_sub(terms.current_age(now)).min(LONGEST);
    (left.as_millis() > 0).then_some(left)
}

#[cfg(test)]
mod tests;
