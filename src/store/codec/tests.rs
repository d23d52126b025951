use std::iter::empty;

use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::body::coder::Coder;
use crate::caching::freshness::Exchange;
use crate::caching::key::Keyer;
use crate::caching::rules::Rules;
use crate::caching::stamp::Stamp;
use crate::caching::stored::{HeadParts, StoredHead, StoredResponse};
use crate::caching::terms::{Terms, terms};
use crate::caching::vary::selecting_values;
use crate::semantics::content_coding::Coding;

const ASKED: Timestamp = Timestamp::from_secs(1_000_000);
const LONGEST: usize = 1 << 20;

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn key(path: &str) -> Key {
    Keyer::default().key("http", "a.example", path, empty())
}

fn gzip(body: &[u8]) -> Vec<Bytes> {
    let mut coder = Coder::new(Coding::Gzip).unwrap();
    coder.write(body).unwrap();
    vec![coder.finish().unwrap().into()]
}

fn english() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static("en"))])
}

/// Fresh for a minute, asked for at [`ASKED`] and received two seconds later.
fn stored(key: &Key, body: &[u8], fields: &[(HeaderName, &str)]) -> StoredResponse {
    let mut all: HeaderMap =
        fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    all.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    let exchange = Exchange { request_time: ASKED, response_time: ASKED + secs(2) };
    let answered = Credentials { cookie: true, ..Credentials::default() };
    let terms = terms(StatusCode::OK, &all, &Rules::default(), exchange);
    let selecting = [ACCEPT_LANGUAGE];
    let head = StoredHead::new(&HeadParts {
        key,
        route: "news",
        tags: &["one".to_owned(), "two".to_owned()],
        selecting_values: &selecting_values(&selecting, &english()),
        selecting: &selecting,
        status: StatusCode::OK,
        fields: &all,
        terms: Terms { answered, ..terms },
        stamp: Stamp { record: 7, position: Position { epoch: 3, record: 9 } },
    });
    let coded = [(Coding::Gzip, gzip(body)), (Coding::Brotli, vec![Bytes::from_static(b"br")])];
    StoredResponse::new(&head, &[Bytes::copy_from_slice(body)], &coded)
}

fn writing() -> Writing {
    let position = Position { epoch: 3, record: 9 };
    Writing { position, now: ASKED + secs(5), ttl: secs(100) }
}

fn value(key: &Key, compress: bool) -> Bytes {
    response(&stored(key, &[b'a'; 5000], &[(ETAG, "\"x\"")]), writing(), compress)
}

fn kept(value: &Bytes, key: &Key) -> Box<Kept> {
    match read(value, key, LONGEST) {
        Ok(Value::Response(kept)) => kept,
        other => panic!("{other:?}"),
    }
}

fn restored(value: &Bytes, key: &Key, now: Timestamp, left: Duration) -> StoredResponse {
    kept(value, key).restored(key, &Rules::default(), 11, now, left)
}

#[test]
fn what_was_written_is_read_back() {
    let key = key("/a");
    for (fields, compress) in [
        (vec![(ETAG, "\"x\"")], true),
        (vec![(ETAG, "\"x\"")], false),
        (vec![], true),
        (vec![(HeaderName::from_static("x-odd"), "1"), (ACCEPT_LANGUAGE, "")], false),
    ] {
        let written = stored(&key, &[b'a'; 5000], &fields);
        let value = response(&written, writing(), compress);
        assert_eq!(value.len() < 5000, compress, "the body is left out where there is a gzip");
        let kept = kept(&value, &key);
        assert_eq!(kept.position(), Position { epoch: 3, record: 9 });
        assert_eq!(kept.subject(&key).path_and_query, "/a");
        assert!(kept.is_selected_by(&english()) && !kept.is_selected_by(&HeaderMap::new()));
        let read = restored(&value, &key, ASKED + secs(5), secs(100));
        let (before, after) = (written.head(), read.head());
        assert!(after.has_key(&key));
        assert_eq!(after.fields(0), before.fields(0));
        assert_eq!(after.tags().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(after.route(), "news");
        assert_eq!(after.selecting_values(), before.selecting_values());
        assert_eq!(after.selecting_names(), before.selecting_names());
        assert_eq!((after.status(), *after.terms()), (before.status(), *before.terms()));
        assert_eq!(after.stamp(), Stamp { record: 11, ..before.stamp() });
        assert_eq!(read.own_tag(), written.own_tag());
        for coding in [Coding::Identity, Coding::Gzip, Coding::Brotli] {
            assert_eq!(read.representation(coding), written.representation(coding));
        }
    }
}

#[test]
fn its_age_is_what_it_was_and_the_longer_of_what_both_clocks_say() {
    let key = key("/a");
    let value = value(&key, true);
    // Written 5 s after it was asked for: its age was then 5 s, as the 2 s that it took to come count.
    for (clock_here, left, age) in [
        (5, 100, 5),
        (15, 90, 15),
        // Ours is 100 s ahead: who believed Redis would be right, and too old is safe.
        (115, 90, 115),
        // Ours is behind: Redis kept it for 10 s.
        (5, 90, 15),
        (0, 90, 15),
        // Somebody had Redis keep it for longer.
        (15, 500, 15),
        (0, 0, 105),
    ] {
        let now = ASKED + secs(clock_here);
        let read = restored(&value, &key, now, secs(left));
        assert_eq!(read.head().terms().current_age(now), secs(age), "{clock_here} {left}");
    }
}

#[test]
fn an_age_that_only_the_clock_of_its_writer_shows_is_not_forgotten() {
    let key = key("/a");
    // By its Date it was a minute old when it came.
    let date = [(http::header::DATE, "Mon, 12 Jan 1970 13:45:42 GMT")];
    let written = stored(&key, b"body", &date);
    assert_eq!(written.head().terms().initial_age, secs(60));
    let value = response(&written, writing(), true);
    let now = ASKED - secs(3600);
    let read = restored(&value, &key, now, secs(90));
    let age = |read: &StoredResponse, rules| read.head().terms_by(&rules).current_age(now);
    assert_eq!(age(&read, Rules::default()), secs(60 + 3 + 10));
    assert_eq!(age(&read, Rules { version: 9, ..Rules::default() }), secs(60 + 3 + 10));
}

#[test]
fn it_is_judged_by_the_rules_of_who_reads_it() {
    let key = key("/a");
    let kept = kept(&value(&key, true), &key);
    let by =
        |rules: &Rules| *kept.restored(&key, rules, 0, ASKED + secs(5), secs(100)).head().terms();
    let rules = Rules { version: 4, ttl: Some(secs(9).into()), ..Rules::default() };
    assert_eq!((by(&rules).lifetime.duration, by(&rules).rules_version), (secs(9), 4));
    assert!(by(&rules).answered.cookie && !by(&rules).withdrawn);
    // What permits it to be given to others is its own lifetime, without which it is one client's.
    let other = stored(&key, b"body", &[]);
    let mut fields = other.head().fields(0);
    fields.remove(CACHE_CONTROL);
    let private = other.freshened(&fields, *other.head().terms(), other.head().stamp());
    let private = response(&private, writing(), true);
    let terms = restored(&private, &key, ASKED, secs(100));
    assert!(terms.head().terms().withdrawn);
}

#[test]
fn names_are_read_back() {
    let key = key("/a");
    let names = [ACCEPT_LANGUAGE, HeaderName::from_static("x-a")];
    let value = varies(key.as_bytes(), names.iter().cloned(), writing());
    assert!(matches!(read(&value, &key, 0), Ok(Value::Varies(read)) if read == names));
}

#[test]
fn the_script_finds_what_it_compares() {
    let value = value(&key("/a"), true);
    let number = |at: usize| u64::from_be_bytes(*value[at..].first_chunk().unwrap());
    assert_eq!(&value[..8], b"4BAY\x00\x01r\x02");
    assert_eq!([8, 16, 24, 32].map(number), [3, 9, 5_000, 100_000]);
}

#[test]
fn what_is_not_as_it_was_written_is_refused() {
    let (own, other) = (key("/a"), key("/b"));
    let written = value(&own, false);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut value = written.to_vec();
        change(&mut value);
        Bytes::from(value)
    };
    let with_version =
        |version: u16| changed(&|value| value[4..6].copy_from_slice(&version.to_be_bytes()));
    for (value, why) in [
        (Bytes::new(), Unreadable::NotOurs),
        (Bytes::from_static(b"hello, world"), Unreadable::NotOurs),
        (written.slice(..4), Unreadable::Truncated),
        (written.slice(..30), Unreadable::Truncated),
        (written.slice(..written.len() - 1), Unreadable::Truncated),
        (changed(&|value| value.push(0)), Unreadable::Malformed),
        (changed(&|value| value[1000] ^= 1), Unreadable::Checksum),
        (changed(&|value| *value.last_mut().unwrap() ^= 128), Unreadable::Checksum),
        (with_version(VERSION + 1), Unreadable::Newer),
        (with_version(VERSION - 1), Unreadable::Older),
        (response(&stored(&other, b"x", &[]), writing(), true), Unreadable::OtherKey),
    ] {
        assert_eq!(read(&value, &own, LONGEST).map(drop), Err(why));
    }
    assert_eq!(read(&written, &own, 4999).map(drop), Err(Unreadable::TooLarge));
}

/// With a checksum that is right, as only somebody could make who means harm.
fn resealed(mut value: Vec<u8>) -> Bytes {
    value.truncate(value.len() - CHECKSUM);
    sealed(value)
}

proptest! {
    #[test]
    fn nothing_that_stands_in_redis_makes_it_fail(
        mut octets in prop::collection::vec(any::<u8>(), 0..400),
        begins_well: bool,
    ) {
        let start = value(&key("/a"), true).slice(..PROLOGUE);
        if begins_well {
            octets.splice(..0, start);
        }
        prop_assert!(read(&octets.into(), &key("/a"), LONGEST).is_err());
    }

    #[test]
    fn no_flip_and_no_truncation_goes_unseen(at: prop::sample::Index, bit in 0u8..8, cut: bool) {
        let whole = value(&key("/a"), true);
        let at = at.index(whole.len());
        let changed = if cut {
            whole.slice(..at)
        } else {
            let mut value = whole.to_vec();
            value[at] ^= 1 << bit;
            value.into()
        };
        prop_assert!(read(&changed, &key("/a"), LONGEST).is_err());
    }

    #[test]
    fn not_even_what_is_well_sealed_makes_it_fail_or_take_more_room_than_there_is(
        at: prop::sample::Index, with in any::<[u8; 4]>(), compress: bool,
    ) {
        let mut value = value(&key("/a"), compress).to_vec();
        let at = at.index(value.len() - CHECKSUM - 4);
        value[at..at + 4].copy_from_slice(&with);
        if let Ok(Value::Response(kept)) = read(&resealed(value), &key("/a"), LONGEST) {
            let read = kept.restored(&key("/a"), &Rules::default(), 0, ASKED, secs(1));
            let _ = (read.head().fields(0), read.own_tag(), read.body());
        }
    }

    #[test]
    fn whatever_is_stored_is_read_back(
        body in prop::collection::vec(any::<u8>(), 0..600),
        fields in prop::collection::vec(("x-[a-z]{1,9}", "[ -~]{0,30}"), 0..12),
        compress: bool,
    ) {
        let key = key("/a");
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.trim()))
            .collect();
        let written = stored(&key, &body, &fields);
        let read = restored(&response(&written, writing(), compress), &key, ASKED, secs(100));
        prop_assert_eq!(read.body(), written.body());
        prop_assert_eq!(read.head().fields(0), written.head().fields(0));
    }
}
