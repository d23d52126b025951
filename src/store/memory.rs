//! The memory tier: stored responses by the hash of their key. The one user of moka.
//!
//! moka decides what is worth keeping (TinyLFU: a scan of a million keys asked for once does not push out what is asked
//! for every second) and bounds the bytes. It is told no lifetimes: whether a response may be used is for those who look
//! it up, and what nobody looks up is evicted in time.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use http::HeaderMap;
use moka::ops::compute::Op;

use crate::caching::key::Key;
use crate::caching::stored::StoredResponse;
use crate::caching::vary::selecting_values;
use crate::clock::Timestamp;

/// What a stored response costs beside its block: moka's own book-keeping, the `Arc`s and the integers.
const OVERHEAD: usize = 500;
/// Responses kept under one key.
const MAX_VARIANTS: usize = 32;

/// Every response stored under one key.
#[derive(Clone, Debug)]
pub enum Variants {
    /// One, as nearly always.
    One(Arc<StoredResponse>),
    /// Several, the one stored last first.
    Several(Arc<[Arc<StoredResponse>]>),
}

impl Variants {
    /// The responses, the one stored last first.
    pub fn as_slice(&self) -> &[Arc<StoredResponse>] {
        match self {
            Self::One(response) => std::slice::from_ref(response),
            Self::Several(responses) => responses,
        }
    }

    /// The response that a request with these fields selects. RFC 9111 §4.1: "all the presented request header fields
    /// nominated by that Vary field value match those fields in the original request".
    pub fn select(&self, request: &HeaderMap) -> Option<&Arc<StoredResponse>> {
        // Most variants of a key are selected by the same fields: these are read from the request once.
        let mut read: Option<(&[u8], Vec<u8>)> = None;
        self.as_slice().iter().find(|response| {
            let head = response.head();
            if head.is_selected_by_key_alone() {
                return true;
            }
            let names = head.selecting_names();
            if read.as_ref().is_none_or(|(of, _)| *of != names) {
                let selecting: Vec<_> = head.selecting().collect();
                read = Some((names, selecting_values(&selecting, request)));
            }
            read.as_ref().is_some_and(|(_, values)| values == head.selecting_values())
        })
    }

    fn of(mut responses: Vec<Arc<StoredResponse>>) -> Option<Self> {
        match responses.len() {
            0 => None,
            1 => responses.pop().map(Self::One),
            _ => Some(Self::Several(responses.into())),
        }
    }

    fn weight(&self) -> u32 {
        let bytes: usize = self.as_slice().iter().map(|response| response.len() + OVERHEAD).sum();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// The memory tier.
#[derive(Debug)]
pub struct Memory {
    /// Whether nothing is kept at all.
    is_off: bool,
    responses: moka::sync::Cache<u64, Variants, BuildHasherDefault<AlreadyHashed>>,
}

impl Memory {
    /// A memory that holds about `capacity` bytes, or nothing where that is none; `evicted` is called for each key it lets go to make room.
    pub fn new(capacity: u64, evicted: impl Fn() + Send + Sync + 'static) -> Self {
        let responses = moka::sync::Cache::builder()
            .max_capacity(capacity)
            .weigher(|_, variants: &Variants| variants.weight())
            .eviction_listener(move |_, _, cause| {
                if cause == moka::notification::RemovalCause::Size {
                    evicted();
                }
            })
            .build_with_hasher(BuildHasherDefault::default());
        Self { is_off: capacity == 0, responses }
    }

    /// What is stored under `key`.
    pub fn get(&self, key: &Key) -> Option<Variants> {
        let variants = self.responses.get(&key.hash())?;
        // Two keys may have one hash; neither ever gets the other's response.
        variants.as_slice().first()?.head().has_key(key).then_some(variants)
    }

    /// Stores a response, in place of the one that was selected by the same values.
    pub fn insert(&self, key: &Key, response: Arc<StoredResponse>) {
        if self.is_off {
            return;
        }
        let _ = self.responses.entry(key.hash()).and_compute_with(|found| {
            let mut responses = vec![Arc::clone(&response)];
            if let Some(found) = found {
                let replaced =
                    found.value().as_slice().iter().find(|other| is_replaced(other, &response));
                // What was asked for later and came earlier is newer.
                if replaced.is_some_and(|replaced| asked(replaced) > asked(&response)) {
                    return Op::Nop;
                }
                let others = found.value().as_slice().iter();
                let kept = others
                    .filter(|other| other.head().has_key(key) && !is_replaced(other, &response));
                responses.extend(kept.take(MAX_VARIANTS - 1).cloned());
            }
            Variants::of(responses).map_or(Op::Remove, Op::Put)
        });
    }

    /// Removes this very response, if it is still there.
    pub fn remove(&self, key_hash: u64, response: &Arc<StoredResponse>) {
        self.put_instead(key_hash, response, None);
    }

    /// Puts another in the place of this very response, if it is still there.
    pub fn replace(&self, key_hash: u64, old: &Arc<StoredResponse>, new: Arc<StoredResponse>) {
        self.put_instead(key_hash, old, Some(new));
    }

    /// Visits all that is stored, with the hash of each key. What is stored meanwhile may be missed.
    pub fn visit(&self, mut visitor: impl FnMut(u64, &Arc<StoredResponse>)) {
        for (hash, variants) in &self.responses {
            variants.as_slice().iter().for_each(|response| visitor(*hash, response));
        }
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> u64 {
        self.responses.weighted_size()
    }

    /// Keys held, about.
    pub fn keys(&self) -> u64 {
        self.responses.entry_count()
    }

    /// Does the evictions and counts that are due, as moka otherwise does a little at a time.
    pub fn settle(&self) {
        self.responses.run_pending_tasks();
    }

    fn put_instead(
        &self,
        key_hash: u64,
        old: &Arc<StoredResponse>,
        new: Option<Arc<StoredResponse>>,
    ) {
        let _ = self.responses.entry(key_hash).and_compute_with(|found| {
            let Some(found) = found else { return Op::Nop };
            let responses = found.value().as_slice();
            if !responses.iter().any(|other| Arc::ptr_eq(other, old)) {
                return Op::Nop;
            }
            let others = responses.iter().filter(|other| !Arc::ptr_eq(other, old));
            let kept = new.iter().chain(others).cloned().collect();
            Variants::of(kept).map_or(Op::Remove, Op::Put)
        });
    }
}

fn asked(response: &StoredResponse) -> Timestamp {
    response.head().terms().exchange.request_time
}

fn is_replaced(old: &StoredResponse, new: &StoredResponse) -> bool {
    let (old, new) = (old.head(), new.head());
    old.selecting().eq(new.selecting()) && old.selecting_values() == new.selecting_values()
}

/// Takes a hash for a hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::iter::empty;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::header::ACCEPT_LANGUAGE;

    use super::super::testing::{Response, stored};
    use super::*;
    use crate::caching::key::Keyer;

    fn in_language(language: &'static str, body: &'static str) -> (HeaderMap, Response<'static>) {
        let request =
            HeaderMap::from_iter([(ACCEPT_LANGUAGE, http::HeaderValue::from_static(language))]);
        static SELECTING: [http::HeaderName; 1] = [ACCEPT_LANGUAGE];
        (request.clone(), Response { selecting: &SELECTING, request, body, ..Response::default() })
    }

    fn body(memory: &Memory, key: &Key, request: &HeaderMap) -> Option<bytes::Bytes> {
        memory.get(key)?.select(request).map(|response| response.body())
    }

    #[test]
    fn each_variant_is_found_by_those_who_select_it() {
        let (memory, key) =
            (Memory::new(1 << 20, || ()), Keyer::default().key("http", "a", "/", empty()));
        let (english, first) = in_language("en", "hello");
        let (german, second) = in_language("de", "hallo");
        memory.insert(&key, stored(&key, &first));
        memory.insert(&key, stored(&key, &second));
        assert_eq!(body(&memory, &key, &english).unwrap(), "hello");
        assert_eq!(body(&memory, &key, &german).unwrap(), "hallo");
        assert_eq!(body(&memory, &key, &HeaderMap::new()), None);
        let (_, newer) = in_language("en", "good day");
        memory.insert(&key, stored(&key, &newer));
        assert_eq!(body(&memory, &key, &english).unwrap(), "good day");
        assert_eq!(memory.get(&key).unwrap().as_slice().len(), 2);
    }

    #[test]
    fn there_are_never_more_variants_than_allowed() {
        static NAMES: [http::HeaderName; 1] = [ACCEPT_LANGUAGE];
        let (memory, key) =
            (Memory::new(1 << 20, || ()), Keyer::default().key("http", "a", "/", empty()));
        for number in 0..100u32 {
            let request =
                HeaderMap::from_iter([(ACCEPT_LANGUAGE, http::HeaderValue::from(number))]);
            memory.insert(
                &key,
                stored(&key, &Response { selecting: &NAMES, request, ..Response::default() }),
            );
        }
        assert_eq!(memory.get(&key).unwrap().as_slice().len(), MAX_VARIANTS);
    }

    #[test]
    fn two_keys_with_one_hash_never_get_each_others_response() {
        let keyer = Keyer::default();
        let (mine, other) =
            (keyer.key("http", "a", "/", empty()), keyer.key("http", "b", "/", empty()));
        let memory = Memory::new(1 << 20, || ());
        // What a collision would look like: under my hash stands the other's response.
        memory.insert(&mine, stored(&other, &Response::default()));
        assert!(memory.get(&mine).is_none());
        memory.insert(&mine, stored(&mine, &Response::default()));
        assert_eq!(memory.get(&mine).unwrap().as_slice().len(), 1);
    }

    #[test]
    fn only_the_very_response_that_is_meant_is_removed() {
        let (memory, key) =
            (Memory::new(1 << 20, || ()), Keyer::default().key("http", "a", "/", empty()));
        let old = stored(&key, &Response::default());
        memory.insert(&key, Arc::clone(&old));
        memory.insert(&key, stored(&key, &Response { body: "new", ..Response::default() }));
        memory.remove(key.hash(), &old);
        assert_eq!(body(&memory, &key, &HeaderMap::new()).unwrap(), "new");
    }

    #[test]
    fn what_is_held_is_bounded_in_bytes() {
        let evicted = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&evicted);
        let memory = Memory::new(100_000, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let keyer = Keyer::default();
        for number in 0..2000 {
            let key = keyer.key("http", "a", &format!("/{number}"), empty());
            memory.insert(&key, stored(&key, &Response::default()));
        }
        memory.settle();
        assert!(
            memory.bytes() <= 100_000 && memory.keys() < 300,
            "{} {}",
            memory.bytes(),
            memory.keys()
        );
        assert!(evicted.load(Ordering::Relaxed) >= 1700);
    }
}
