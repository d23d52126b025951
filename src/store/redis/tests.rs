//! The tier against a real server.

use std::iter::empty;

use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL};
use http::{HeaderName, HeaderValue, StatusCode};

use super::*;
use crate::caching::freshness::Exchange;
use crate::caching::key::Keyer;
use crate::caching::rules::Rules;
use crate::caching::stamp::{Position, Stamp};
use crate::caching::stored::{HeadParts, StoredHead};
use crate::caching::terms::terms;
use crate::caching::vary::selecting_values;
use crate::counters::Counters;
use crate::redis::testing::Server;
use crate::redis::{Reply, Settings};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const SETTINGS: SecondSettings =
    SecondSettings { max_object: 10_000, compress: true, longest: 100_000 };

/// A server, the tier in it, and what it counts.
struct Fleet {
    server: Server,
    second: Arc<Second>,
    counters: Arc<Counters>,
    clock: Clock,
}

impl Fleet {
    async fn new() -> Self {
        let server = Server::start();
        let link = Link::start(Settings {
            url: server.url(),
            prefix: "test".to_owned(),
            timeout: Duration::from_secs(2),
            connections: 2,
        });
        let (clock, counters) = (Clock::manual(NOW), Counters::new(""));
        let second =
            Second::start(Arc::new(link.unwrap()), clock.clone(), counters.second(), SETTINGS);
        while second.read(&key("/"), &HeaderMap::new()).await.is_err() {
            tokio::task::yield_now().await;
        }
        Self { server, second, counters, clock }
    }

    /// The body that a request with these fields is answered with, and its age.
    async fn read(&self, key: &Key, request: &HeaderMap) -> Option<(Bytes, Duration)> {
        let Read { kept, left } = self.second.read(key, request).await.unwrap()?;
        let now = self.clock.now();
        let response = kept.restored(key, &Rules::default(), 0, now, left);
        Some((response.body(), response.head().terms().current_age(now)))
    }

    async fn body(&self, key: &Key) -> Option<Bytes> {
        self.read(key, &HeaderMap::new()).await.map(|(body, _)| body)
    }

    async fn write(&self, response: &Arc<StoredResponse>) -> Written {
        self.second.write_now(response).await
    }

    fn at(&self, key: &Key) -> Bytes {
        self.second.at(&Place::of_key(key.as_bytes()))
    }

    async fn raw(&self, command: Command) -> Reply {
        self.second.link.ask(Operation::Write, command).await.unwrap()
    }

    fn has_counted(&self, metric: &str) -> bool {
        self.counters.encode().contains(metric)
    }

    fn names(&self) -> usize {
        self.server.ask(&["DBSIZE"]).parse().unwrap()
    }
}

fn key(path: &str) -> Key {
    Keyer::default().key("http", "a.example", path, empty())
}

/// What a test says of a response that was asked for `ago` seconds ago.
struct Said {
    record: u64,
    ago: u64,
    body: Vec<u8>,
    selecting: Vec<HeaderName>,
    request: HeaderMap,
    cache_control: &'static str,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            record: 5,
            ago: 0,
            body: b"body".to_vec(),
            selecting: Vec::new(),
            request: HeaderMap::new(),
            cache_control: "max-age=60",
        }
    }
}

fn stored(key: &Key, said: &Said) -> Arc<StoredResponse> {
    let mut fields = HeaderMap::new();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(said.cache_control));
    let asked = NOW - Duration::from_secs(said.ago);
    let exchange = Exchange { request_time: asked, response_time: asked };
    let head = StoredHead::new(&HeadParts {
        key,
        route: "news",
        tags: &[],
        selecting: &said.selecting,
        selecting_values: &selecting_values(&said.selecting, &said.request),
        status: StatusCode::OK,
        fields: &fields,
        terms: terms(StatusCode::OK, &fields, &Rules::default(), exchange),
        stamp: Stamp { record: 0, position: Position { epoch: 9, record: said.record } },
    });
    Arc::new(StoredResponse::new(&head, &[Bytes::from(said.body.clone())], &[]))
}

fn named(body: &str, said: Said) -> Said {
    Said { body: body.as_bytes().to_vec(), ..said }
}

fn in_language(language: &'static str) -> Said {
    let request = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(language))]);
    named(language, Said { selecting: vec![ACCEPT_LANGUAGE], request, ..Said::default() })
}

#[tokio::test]
async fn what_one_replica_writes_another_reads_and_redis_forgets_in_time() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    assert_eq!(fleet.body(&key).await, None);
    fleet.second.write(stored(&key, &Said { ago: 7, ..Said::default() }));
    fleet.second.settle(Duration::MAX).await;
    let (body, age) = fleet.read(&key, &HeaderMap::new()).await.unwrap();
    assert_eq!(body, "body");
    // The manual clock stands still; what Redis counted is added.
    assert!((Duration::from_secs(7)..Duration::from_secs(30)).contains(&age), "{age:?}");
    let ttl: u64 =
        fleet.server.ask(&["PTTL", std::str::from_utf8(&fleet.at(&key)).unwrap()]).parse().unwrap();
    assert!((20_000..=53_000).contains(&ttl), "{ttl}");
    assert!(fleet.has_counted("forebay_redis_writes_total{result=\"written\"} 1"));
    assert!(fleet.second.link.timeout() > Duration::ZERO);
}

#[tokio::test]
async fn each_variant_is_found_by_those_who_select_it() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    let (english, german) = (in_language("en"), in_language("de"));
    for said in [&english, &german] {
        assert_eq!(fleet.write(&stored(&key, said)).await, Written::Written);
    }
    for said in [&english, &german] {
        assert_eq!(fleet.read(&key, &said.request).await.unwrap().0, said.body);
    }
    assert_eq!(fleet.body(&key).await, None);
    assert_eq!(fleet.names(), 3);
    // Since it varies on nothing any more, what is under the key itself is the response.
    assert_eq!(fleet.write(&stored(&key, &Said::default())).await, Written::Written);
    assert_eq!(fleet.read(&key, &german.request).await.unwrap().0, "body");
}

#[tokio::test]
async fn the_names_that_variants_vary_on_are_kept_for_as_long_as_any_of_them() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    fleet.write(&stored(&key, &in_language("en"))).await;
    fleet.write(&stored(&key, &Said { cache_control: "max-age=2", ..in_language("de") })).await;
    let at = String::from_utf8(fleet.at(&key).to_vec()).unwrap();
    let ttl: u64 = fleet.server.ask(&["PTTL", &at]).parse().unwrap();
    assert!(ttl > 10_000, "{ttl}");
    assert!(fleet.read(&key, &in_language("en").request).await.is_some());
}

#[tokio::test]
async fn what_is_there_is_replaced_by_nothing_older() {
    let fleet = Fleet::new().await;
    let said = |record, ago| Said { record, ago, ..Said::default() };
    for (case, (old, new, written)) in [
        (said(5, 10), said(5, 9), Written::Written),
        (said(5, 10), said(6, 30), Written::Written),
        (said(6, 30), said(5, 10), Written::Outdated),
        (said(5, 10), said(5, 50), Written::Outdated),
        (said(u64::from(u32::MAX) + 1, 10), said(u64::from(u32::MAX), 10), Written::Outdated),
    ]
    .into_iter()
    .enumerate()
    {
        let key = key(&format!("/{case}"));
        assert_eq!(fleet.write(&stored(&key, &named("old", old))).await, Written::Written);
        assert_eq!(fleet.write(&stored(&key, &named("new", new))).await, written, "{case}");
        let expected = if written == Written::Written { "new" } else { "old" };
        assert_eq!(fleet.body(&key).await.unwrap(), expected, "{case}");
    }
}

#[tokio::test]
async fn an_older_variant_is_not_written_where_all_is_newer() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    fleet.write(&stored(&key, &Said { record: 7, ..Said::default() })).await;
    let late = stored(&key, &Said { record: 6, ..in_language("en") });
    assert_eq!(fleet.write(&late).await, Written::Outdated);
    assert_eq!(fleet.body(&key).await.unwrap(), "body");
}

#[tokio::test]
async fn what_is_not_ours_is_a_miss_each_and_goes() {
    let fleet = Fleet::new().await;
    let (own, other) = (key("/a"), key("/b"));
    fleet.write(&stored(&other, &Said::default())).await;
    let Reply::Bytes(value) = fleet.raw(Command::new("GET", fleet.at(&other))).await else {
        panic!("it is there");
    };
    let mut flipped = value.to_vec();
    flipped[70] ^= 1;
    let at = |key| fleet.at(key);
    let set = |value: Bytes| Command::new("SET", at(&own)).with(value).with("PX").with("60000");
    let newer = [b"4BAY\x00\x02".as_slice(), &[b'x'; 90]].concat();
    for (made, reason, stays) in [
        (set(Bytes::from_static(b"hello")), "not-ours", false),
        (set(value.slice(..90)), "truncated", false),
        (set(flipped.into()), "checksum", false),
        (set(value.clone()), "other-key", false),
        (set(newer.clone().into()), "newer-version", true),
        (Command::new("SET", at(&own)).with(value.clone()), "no-ttl", false),
        (Command::new("RPUSH", at(&own)).with("x"), "wrong-type", false),
        (set(vec![b'x'; 5 << 20].into()), "not-ours", false),
        (set([value.as_ref(), &vec![0; 1 << 20]].concat().into()), "too-large", true),
    ] {
        fleet.raw(Command::new("UNLINK", at(&own))).await;
        fleet.raw(made).await;
        assert_eq!(fleet.body(&own).await, None, "{reason}");
        fleet.second.settle(Duration::MAX).await;
        let counted = format!("forebay_redis_unreadable_values_total{{reason=\"{reason}\"}}");
        assert!(fleet.has_counted(&counted), "{reason}");
        let there = fleet.raw(Command::new("EXISTS", at(&own))).await;
        assert_eq!(there, Reply::Integer(stays.into()), "{reason}");
    }
    // Nor is what a later version wrote replaced.
    fleet.raw(set(newer.into())).await;
    assert_eq!(fleet.write(&stored(&own, &Said::default())).await, Written::Outdated);
    // And rubbish does not keep anything from being written.
    fleet.raw(Command::new("UNLINK", at(&own))).await;
    fleet.raw(Command::new("RPUSH", at(&own)).with("x")).await;
    assert_eq!(fleet.write(&stored(&own, &Said::default())).await, Written::Written);
    assert_eq!(fleet.body(&own).await.unwrap(), "body");
}

#[tokio::test]
async fn a_variant_in_anothers_place_is_a_miss() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    for language in ["en", "de"] {
        fleet.write(&stored(&key, &in_language(language))).await;
    }
    let place = |language| {
        let variant = Place::of(stored(&key, &in_language(language)).head());
        fleet.second.at(&variant)
    };
    fleet.raw(Command::new("RENAME", place("en")).with(place("de"))).await;
    assert!(fleet.read(&key, &in_language("de").request).await.is_none());
    assert!(fleet.has_counted("reason=\"other-key\"} 1"));
}

#[tokio::test]
async fn what_is_too_large_or_of_no_use_is_not_written_and_what_it_replaces_goes() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    let at_most = Said { body: vec![b'a'; 10_000], ..Said::default() };
    let larger = Said { body: vec![b'a'; 10_001], ..Said::default() };
    assert_eq!(fleet.write(&stored(&key, &at_most)).await, Written::Written);
    assert_eq!(fleet.write(&stored(&key, &larger)).await, Written::Unwritable);
    assert_eq!(fleet.body(&key).await, None);
    let useless = Said { cache_control: "max-age=0", ..Said::default() };
    assert_eq!(fleet.write(&stored(&key, &useless)).await, Written::Unwritable);
    fleet.second.adopt(SecondSettings { max_object: 20_000, ..SETTINGS });
    assert_eq!(fleet.write(&stored(&key, &larger)).await, Written::Written);
    fleet.second.adopt(SecondSettings { longest: 5_000, ..SETTINGS });
    assert_eq!(fleet.body(&key).await, None, "longer than what is stored here");
}

#[tokio::test]
async fn a_long_value_is_read_back_too() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    fleet.second.adopt(SecondSettings { max_object: 4 << 20, compress: true, longest: 4 << 20 });
    let long = Said { body: vec![7; 2 << 20], ..Said::default() };
    assert_eq!(fleet.write(&stored(&key, &long)).await, Written::Written);
    assert!(fleet.body(&key).await.is_some_and(|body| body == long.body));
}

#[tokio::test]
async fn what_is_written_before_the_log_was_read_is_of_no_use() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    let head = stored(&key, &Said::default());
    let alone = Stamp::default();
    let alone = Arc::new(head.freshened(&head.head().fields(0), *head.head().terms(), alone));
    assert_eq!(fleet.write(&alone).await, Written::Unsynchronised);
    assert_eq!(fleet.names(), 0);
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_waited_for_once() {
    let (fleet, key) = (Fleet::new().await, key("/a"));
    fleet.server.freeze();
    let write = fleet.write(&stored(&key, &Said::default())).await;
    assert_eq!(write, Written::Failed);
    assert!(fleet.second.read(&key, &HeaderMap::new()).await.is_err());
    fleet.server.thaw();
}

#[test]
fn something_can_be_made_of_a_response_for_so_long() {
    let key = key("/a");
    for (cache_control, ago, seconds) in [
        ("max-age=60", 0, Some(60)),
        ("max-age=60", 20, Some(40)),
        ("max-age=60", 60, None),
        ("max-age=60, stale-while-revalidate=30, stale-if-error=90", 20, Some(130)),
        ("max-age=60, stale-while-revalidate=30", 70, Some(20)),
        ("max-age=60, must-revalidate, stale-if-error=90", 0, Some(60)),
        ("max-age=99999999", 0, Some(LONGEST.as_secs())),
    ] {
        let response = stored(&key, &Said { cache_control, ago, ..Said::default() });
        let kept = worth_keeping(&response, NOW).map(|ttl| ttl.as_secs());
        assert_eq!(kept, seconds, "{cache_control} {ago}");
    }
    let response = stored(&key, &Said::default());
    let mut fields = response.head().fields(1);
    fields.insert(ETAG, HeaderValue::from_static("\"x\""));
    let response = response.freshened(&fields, *response.head().terms(), Stamp::default());
    assert_eq!(worth_keeping(&response, NOW), Some(Duration::from_secs(60 + 60)));
}
