use http::StatusCode;

use super::super::freshness::Exchange;
use super::super::key::Keyer;
use super::super::parts::Parts;
use super::super::rules::Rules;
use super::super::stamp::Stamp;
use super::super::stored::{HeadParts, StoredHead};
use super::super::terms::terms;
use super::super::testing::fields;
use super::*;

fn stored(text: &str, complete: u64, ranges: &[Range<u64>]) -> StoredResponse {
    let (fields, status) = (fields(text), StatusCode::OK);
    let head = StoredHead::new(&HeadParts {
        key: &Keyer::default().key("http", "example.com", "/", std::iter::empty()),
        route: "",
        tags: &[],
        selecting: &[],
        selecting_values: b"",
        status,
        fields: &fields,
        terms: terms(status, &fields, &Rules::default(), Exchange::default()),
        stamp: Stamp { record: 0, ..Stamp::default() },
    });
    let mut parts = Parts::new(complete);
    for range in ranges {
        let octets: Vec<u8> = range.clone().map(|position| position as u8).collect();
        parts.add(range.start, vec![octets.into()]);
    }
    StoredResponse::incomplete(&head, &parts)
}

#[test]
fn s14_4_a_206_brings_the_octets_that_its_content_range_and_its_length_agree_on() {
    for (said, length, expected) in [
        ("bytes 0-4/10", Some(5), Some((0..5, 10))),
        ("bytes 0-4/10", None, Some((0..5, 10))),
        ("BYTES 5-9/10", Some(5), Some((5..10, 10))),
        ("bytes 0-9/10", Some(10), Some((0..10, 10))),
        ("bytes 0-4/10", Some(4), None),
        ("bytes 0-4/10", Some(6), None),
        ("bytes 0-4/*", Some(5), None),
        ("bytes */10", Some(5), None),
        ("bytes 4-0/10", Some(5), None),
        ("bytes 0-10/10", Some(11), None),
        ("bits 0-4/10", Some(5), None),
        ("bytes=0-4/10", Some(5), None),
        ("0-4/10", Some(5), None),
        ("bytes 0-18446744073709551615/18446744073709551615", None, None),
        ("", Some(5), None),
        // One octet less than announced, at the end of the representation.
        ("bytes 4-9/10", Some(5), Some((4..9, 9))),
        ("bytes 4-9/20", Some(5), None),
        ("bytes 0-9/10", Some(9), None),
        ("bytes 4-9/10", Some(4), None),
        ("bytes 9-9/10", Some(0), None),
    ] {
        let brought = brought(&fields(&format!("Content-Range: {said}")), length);
        let expected = expected.map(|(range, complete)| BroughtPart { range, complete });
        assert_eq!(brought, expected, "{said} with {length:?}");
    }
    for several in [
        "Content-Type: multipart/byteranges; boundary=x\nContent-Range: bytes 0-4/10",
        "Content-Range: bytes 0-4/10\nContent-Range: bytes 0-4/10",
        "",
    ] {
        assert_eq!(brought(&fields(several), Some(5)), None, "{several}");
    }
}

#[test]
fn s3_3_an_incomplete_response_answers_ranges_wholly_within_it() {
    let stored =
        stored("ETag: \"a\"\nLast-Modified: Sat, 01 Jan 2000 00:00:00 GMT", 10, &[2..5, 7..10]);
    for (request, expected) in [
        ("Range: bytes=2-4", true),
        ("Range: bytes=3-3", true),
        ("Range: bytes=-3", true),
        ("Range: bytes=8-", true),
        ("Range: bytes=8-99", true),
        ("Range: bytes=2-3,8-9", true),
        ("Range: bytes=99-", true),
        ("Range: bytes=2-4\nIf-Range: \"a\"", true),
        ("Range: bytes=2-4\nIf-Range: \"b\"", false),
        ("Range: bytes=2-4\nIf-Range: W/\"a\"", false),
        ("Range: bytes=1-4", false),
        ("Range: bytes=2-5", false),
        ("Range: bytes=2-9", false),
        ("Range: bytes=-4", false),
        ("Range: bytes=2-3,5-6", false),
        ("Range: bits=2-4", false),
        ("", false),
    ] {
        assert_eq!(answers(&stored, &Method::GET, &fields(request)), expected, "{request}");
    }
    assert!(!answers(&stored, &Method::HEAD, &fields("Range: bytes=2-4")));
}

#[test]
fn s3_3_what_completes_a_stored_response_is_what_is_missing_of_it() {
    let stored = stored("ETag: \"a\"", 20, &[0..5, 10..15]);
    for (request, expected) in [
        ("", Some((0..20, 5..20))),
        ("Range: bytes=0-9", Some((0..10, 5..10))),
        ("Range: bytes=3-12", Some((3..13, 5..10))),
        ("Range: bytes=12-", Some((12..20, 15..20))),
        ("Range: bytes=-2", Some((18..20, 18..20))),
        ("Range: bytes=0-1,16-17", Some((0..18, 5..18))),
        ("Range: bytes=0-9\nIf-Range: \"b\"", Some((0..20, 5..20))),
        ("Range: bytes=0-4", None),
        ("Range: bytes=20-", None),
    ] {
        let expected = expected.map(|(goal, range)| Missing { goal, range });
        assert_eq!(missing(&stored, &Method::GET, &fields(request)), expected, "{request}");
    }
}

const OLD: &str =
    "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT\nDate: Sat, 01 Jan 2000 00:01:00 GMT";
const NEW: &str =
    "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT\nDate: Sat, 01 Jan 2000 00:00:00 GMT";

#[test]
fn s13_1_5_a_part_is_asked_for_by_a_strong_validator() {
    for (response, expected) in [
        ("ETag: \"a\"".to_owned(), Some("\"a\"")),
        (format!("ETag: \"a\"\n{OLD}"), Some("\"a\"")),
        (OLD.to_owned(), Some("Sat, 01 Jan 2000 00:00:00 GMT")),
        ("ETag: W/\"a\"".to_owned(), None),
        (format!("ETag: W/\"a\"\n{OLD}"), None),
        (NEW.to_owned(), None),
        ("ETag: a".to_owned(), None),
        (String::new(), None),
    ] {
        let value = if_range(&fields(&response));
        assert_eq!(value.as_ref().map(|value| value.to_str().unwrap()), expected, "{response}");
    }
}

#[test]
fn s3_4_parts_are_combined_if_they_share_the_same_strong_validator() {
    for (stored, later, expected) in [
        ("ETag: \"a\"", "ETag: \"a\"", true),
        ("ETag: \"a\"", "ETag: \"b\"", false),
        ("ETag: \"a\"", "ETag: W/\"a\"", false),
        ("ETag: W/\"a\"", "ETag: W/\"a\"", false),
        ("ETag: \"a\"", "", false),
        ("", "ETag: \"a\"", false),
        ("", "", false),
        (OLD, OLD, true),
        (OLD, NEW, false),
        (NEW, OLD, false),
        ("ETag: \"a\"\nContent-Encoding: gzip", "ETag: \"a\"", true),
        ("ETag: \"a\"\nContent-Encoding: gzip", "ETag: \"a\"\nContent-Encoding: gzip", true),
        ("ETag: \"a\"", "ETag: \"a\"\nContent-Encoding: gzip", false),
    ] {
        let combined = combined(&fields(stored), &fields(later)).is_some();
        assert_eq!(combined, expected, "{stored} with {later}");
    }
}

#[test]
fn s3_4_the_stored_fields_are_updated_from_the_new_response() {
    let stored = fields("ETag: \"a\"\nX-A: 1\nX-B: 1\nContent-Type: text/plain");
    let later =
        fields("ETag: \"a\"\nX-A: 2\nX-C: 3\nContent-Range: bytes 5-9/10\nContent-Digest: x");
    let mut combined = combined(&stored, &later).unwrap();
    for (name, value) in [("x-a", "2"), ("x-b", "1"), ("x-c", "3"), ("content-type", "text/plain")]
    {
        assert_eq!(combined.remove(name).unwrap(), value, "{name}");
    }
    assert_eq!(combined.remove(ETAG).unwrap(), "\"a\"");
    assert!(combined.is_empty(), "{combined:?}");
}

#[test]
fn s3_1_what_is_true_of_a_part_alone_is_not_stored() {
    let mut received =
        fields("Content-Range: bytes 0-4/10\nContent-Digest: a\nContent-MD5: b\nRepr-Digest: c");
    as_fields_of_the_whole(&mut received);
    assert_eq!(received, fields("Repr-Digest: c"));
}
