use super::super::testing::{fields, secs};
use super::*;

fn response(value: &str) -> ResponseDirectives {
    response_directives(&fields(&format!("Cache-Control: {value}")))
}

fn request(value: &str) -> RequestDirectives {
    request_directives(&fields(&format!("Cache-Control: {value}")))
}

fn names(names: &[&str]) -> Option<FieldNames> {
    Some(FieldNames(names.iter().map(|name| name.parse().unwrap()).collect()))
}

#[test]
fn s5_2_directives_are_case_insensitive_and_unknown_ones_ignored() {
    let expected = ResponseDirectives {
        no_store: true,
        public: true,
        max_age: Some(secs(60)),
        ..ResponseDirectives::default()
    };
    assert_eq!(response("NO-STORE, Public, community=\"UCI, max-age=1\",, MAX-AGE=60"), expected);
}

#[test]
fn s5_2_every_line_of_the_field_counts() {
    let directives =
        response_directives(&fields("Cache-Control: max-age=60\nCache-Control: must-revalidate"));
    assert!(directives.must_revalidate);
    assert_eq!(directives.max_age, Some(secs(60)));
}

#[test]
fn s5_2_a_response_directive_each() {
    let all = response(
        "no-store, no-cache, private, public, must-revalidate, proxy-revalidate, must-understand, no-transform, \
         immutable, max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4",
    );
    let expected = ResponseDirectives {
        governing: GoverningField::CacheControl,
        no_store: true,
        no_cache: names(&[]),
        private: names(&[]),
        public: true,
        must_revalidate: true,
        proxy_revalidate: true,
        must_understand: true,
        no_transform: true,
        immutable: true,
        max_age: Some(secs(1)),
        s_maxage: Some(secs(2)),
        stale_while_revalidate: Some(secs(3)),
        stale_if_error: Some(secs(4)),
    };
    assert_eq!(all, expected);
}

#[test]
fn s4_2_1_an_invalid_max_age_is_stale_and_of_several_the_shortest_counts() {
    for (value, seconds) in [
        ("max-age=60", 60),
        ("max-age=\"60\"", 60),
        ("max-age='60'", 0),
        ("max-age=-1", 0),
        ("max-age=abc", 0),
        ("max-age=60.5", 0),
        ("max-age=", 0),
        ("max-age", 0),
        ("max-age=60 60", 0),
        ("max-age=2147483648", 2_147_483_648),
        ("max-age=9223372036854775808", 2_147_483_648),
        ("max-age=60, max-age=30", 30),
        ("max-age=30, max-age=60", 30),
        ("max-age=60, max-age=x", 0),
    ] {
        assert_eq!(response(value).max_age, Some(secs(seconds)), "{value}");
    }
}

#[test]
fn s5_2_2_4_and_s5_2_2_7_a_qualified_form_is_limited_to_its_fields() {
    for (value, expected) in [
        ("private", names(&[])),
        ("private=\"X-User, X-Other\"", names(&["x-user", "x-other"])),
        ("private=x-user", names(&["x-user"])),
        ("private=\"x-a\", private=\"x-b\"", names(&["x-a", "x-b"])),
        ("private=\"x-a\", private", names(&[])),
        ("private, private=\"x-a\"", names(&[])),
        ("private=\"\"", names(&[])),
        ("private=\"a b\"", names(&[])),
        ("private=\"x-a, vary\"", names(&[])),
        ("public", None),
    ] {
        let directives = response(value);
        assert_eq!(directives.private, expected, "{value}");
        let unqualified = expected.is_some_and(|names| names.is_unqualified());
        assert_eq!(directives.is_private(), unqualified, "{value}");
        let no_cache = response(&value.replace("private", "no-cache"));
        assert_eq!(no_cache.forbids_unvalidated_reuse(), unqualified, "{value}");
    }
}

#[test]
fn s5_2_nothing_malformed_hides_a_prohibition() {
    for value in
        ["max-age=60, x=\"y, no-store", "x=\\xff, no-store", "x=\"y\"z, no-store", "no-store=x"]
    {
        assert!(response(value).no_store, "{value}");
    }
}

#[test]
fn rfc_9213_s2_2_the_first_targeted_field_that_can_be_read_governs() {
    use GoverningField::{CacheControl, CdnCacheControl, ForebayCacheControl};
    for (text, governing, max_age) in [
        ("Cache-Control: max-age=1", CacheControl, 1),
        ("Cache-Control: no-store, max-age=1\nCDN-Cache-Control: max-age=2", CdnCacheControl, 2),
        ("CDN-Cache-Control: max-age=2\nForebay-Cache-Control: max-age=3", ForebayCacheControl, 3),
        ("Cache-Control: max-age=1\nCDN-Cache-Control:", CacheControl, 1),
        ("Cache-Control: max-age=1\nCDN-Cache-Control: ,", CacheControl, 1),
        ("Cache-Control: max-age=1\nCDN-Cache-Control: max-age=2, a b", CacheControl, 1),
        ("Cache-Control: max-age=1\nCDN-Cache-Control: max-age=2, x=\"y", CacheControl, 1),
        ("Cache-Control: max-age=1\nCDN-Cache-Control: max-age=2, x=\\xff", CacheControl, 1),
        ("CDN-Cache-Control: max-age=2\nForebay-Cache-Control: =", CdnCacheControl, 2),
    ] {
        let directives = response_directives(&fields(text));
        assert_eq!(directives.governing, governing, "{text}");
        assert_eq!(directives.max_age, Some(secs(max_age)), "{text}");
        assert!(!directives.no_store, "{text}");
    }
}

#[test]
fn s5_2_1_a_request_directive_each() {
    for (value, expected) in [
        ("no-store", RequestDirectives { no_store: true, ..Default::default() }),
        ("no-cache", RequestDirectives { no_cache: true, ..Default::default() }),
        ("only-if-cached", RequestDirectives { only_if_cached: true, ..Default::default() }),
        ("max-age=5", RequestDirectives { max_age: Some(secs(5)), ..Default::default() }),
        ("max-age=x", RequestDirectives { max_age: Some(secs(0)), ..Default::default() }),
        ("min-fresh=5", RequestDirectives { min_fresh: Some(secs(5)), ..Default::default() }),
        ("min-fresh=x", RequestDirectives::default()),
        ("max-stale", RequestDirectives { max_stale: Some(MaxStale::Any), ..Default::default() }),
        (
            "max-stale=5",
            RequestDirectives { max_stale: Some(MaxStale::For(secs(5))), ..Default::default() },
        ),
        ("max-stale=x", RequestDirectives::default()),
        (
            "stale-if-error=5",
            RequestDirectives { stale_if_error: Some(secs(5)), ..Default::default() },
        ),
        ("no-transform, must-revalidate", RequestDirectives::default()),
    ] {
        assert_eq!(request(value), expected, "{value}");
    }
}

#[test]
fn s5_4_pragma_counts_only_in_a_request_without_cache_control() {
    assert!(request_directives(&fields("Pragma: x, No-Cache")).no_cache);
    assert!(!request_directives(&fields("Pragma: x")).no_cache);
    assert!(!request_directives(&fields("Pragma: no-cache\nCache-Control: max-age=5")).no_cache);
    assert_eq!(response_directives(&fields("Pragma: no-cache")), ResponseDirectives::default());
}
