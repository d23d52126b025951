use http::{HeaderName, HeaderValue};

use super::super::peer::Scheme;
use super::*;

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn client(by_proxy: bool) -> Client {
    Client { address: "192.0.2.1".parse().unwrap(), scheme: Scheme::Http, by_proxy }
}

fn named(source: &str, lines: &[(&'static str, &'static str)], by_proxy: bool) -> String {
    let fields = fields(lines);
    let asker = Asker::new(&fields, client(by_proxy), None, Timestamp::default());
    match asker.name(&source.parse().unwrap()) {
        Named::Absent => "absent".to_owned(),
        Named::Refused(bad) => bad.as_str().to_owned(),
        Named::Known(name) => format!("={}", str::from_utf8(&name).unwrap()),
    }
}

#[test]
fn a_name_stands_where_its_source_says() {
    for (source, lines, expected) in [
        ("header:x-key", &[][..], "absent"),
        ("header:x-key", &[("x-key", "k1")], "=k1"),
        ("header:x-key", &[("x-key", " k1\t")], "=k1"),
        ("header:x-key", &[("x-key", "k1, k2")], "=k1, k2"),
        ("header:authorization", &[("authorization", "Basic YTpi")], "=Basic YTpi"),
        ("header:cookie", &[("cookie", "a=1; b=2")], "=a=1; b=2"),
        ("cookie:s", &[("cookie", "a=1; b=2")], "absent"),
        ("cookie:s", &[("cookie", "a=1; s=\"x\"")], "=\"x\""),
        ("cookie:s", &[("cookie", "a=1"), ("cookie", "s=2")], "=2"),
        // Nobody can verify anything.
        ("jwt:sub", &[("authorization", "Bearer a.b.c")], "absent"),
    ] {
        assert_eq!(named(source, lines, false), expected, "{source} {lines:?}");
    }
}

#[test]
fn h09_what_is_doubled_or_empty_names_nobody() {
    for (source, lines, expected) in [
        ("header:x-key", &[("x-key", "k1"), ("x-key", "k1")][..], "identity-repeated"),
        ("header:x-key", &[("x-key", "")], "identity-empty"),
        ("header:x-key", &[("x-key", " \t")], "identity-empty"),
        ("header:cookie", &[("cookie", "a=1"), ("cookie", "b=2")], "identity-repeated"),
        ("cookie:s", &[("cookie", "s=1; s=2")], "identity-repeated"),
        ("cookie:s", &[("cookie", "s=1"), ("cookie", "s=1")], "identity-repeated"),
        ("cookie:s", &[("cookie", "s=")], "identity-empty"),
        ("trusted_header:x-user", &[("x-user", "a"), ("x-user", "b")], "identity-repeated"),
        ("trusted_header:x-user", &[("x-user", "")], "identity-empty"),
    ] {
        assert_eq!(named(source, lines, true), expected, "{source} {lines:?}");
    }
    let bytes = HeaderValue::from_bytes(b"k\xff").unwrap();
    let fields = HeaderMap::from_iter([(HeaderName::from_static("x-key"), bytes)]);
    let asker = Asker::new(&fields, client(false), None, Timestamp::default());
    let name = asker.name(&"header:x-key".parse().unwrap());
    assert_eq!(name, Named::Refused(BadName::NotText));
}

#[test]
fn a_proxys_claim_counts_from_trusted_proxies_only() {
    let lines = [("x-user", "alice")];
    assert_eq!(named("trusted_header:x-user", &lines, true), "=alice");
    assert_eq!(named("trusted_header:x-user", &lines, false), "absent");
}
