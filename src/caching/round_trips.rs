//! Whatever is written is read back as it was meant, and whatever comes is read without panic.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::cache_control::{
    MaxStale, RequestDirectives, ResponseDirectives, request_directives, response_directives,
};
use super::cache_status::{CacheStatus, Fwd};
use super::partial::{brought, combined, if_range};
use super::representation_tag::{as_identity, as_the_origins, coded};
use super::testing::secs;
use super::vary::{SelectingFields, selecting_fields, selecting_values};
use crate::semantics::content_coding::Coding;
use crate::semantics::fields;

fn with(name: &HeaderName, lines: &[String]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in lines {
        fields.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    fields
}

/// Members of a list, written one way or another: on so many lines, with white space and empty members between.
fn written(members: Vec<String>) -> impl Strategy<Value = Vec<String>> {
    let between = prop::sample::select(vec![",", ", ", " ,\t", ",,", ", , "]);
    let lines = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (Just(members), between, lines).prop_map(|(members, between, breaks)| {
        let mut places: Vec<usize> =
            breaks.iter().map(|place| place.index(members.len() + 1)).collect();
        places.extend([0, members.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| members[pair[0]..pair[1]].join(between)).collect()
    })
}

/// A directive's name in whatever case.
fn spelled(name: &str, loud: bool) -> String {
    if loud { name.to_ascii_uppercase() } else { name.to_owned() }
}

/// Directives, shuffled, spelled one way or another.
fn directives(
    flags: &'static [&'static str],
    numbers: &'static [&'static str],
) -> impl Strategy<Value = (Vec<&'static str>, Vec<(&'static str, u64)>, Vec<String>)> {
    let numbers = prop::sample::subsequence(numbers, 0..=numbers.len())
        .prop_flat_map(|names| {
            let count = names.len();
            (Just(names), prop::collection::vec(0u64..1 << 31, count))
        })
        .prop_map(|(names, values)| names.into_iter().zip(values).collect::<Vec<_>>());
    let flags = prop::sample::subsequence(flags, 0..=flags.len());
    (flags, numbers, any::<[bool; 2]>()).prop_flat_map(|(flags, numbers, [loud, quoted])| {
        let mut members: Vec<String> = flags.iter().map(|name| spelled(name, loud)).collect();
        members.extend(numbers.iter().map(|(name, value)| {
            let name = spelled(name, loud);
            if quoted { format!("{name}=\"{value}\"") } else { format!("{name}={value}") }
        }));
        let lines = Just(members).prop_shuffle().prop_flat_map(written);
        (Just(flags), Just(numbers), lines)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_responses_directives_are_read_back(
        (flags, numbers, lines) in directives(
            &["no-store", "public", "must-revalidate", "proxy-revalidate", "must-understand", "no-transform", "immutable"],
            &["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"],
        ),
    ) {
        let flag = |name| flags.contains(&name);
        let number = |name| numbers.iter().find(|(found, _)| *found == name).map(|(_, value)| secs(*value));
        let expected = ResponseDirectives {
            no_store: flag("no-store"),
            public: flag("public"),
            must_revalidate: flag("must-revalidate"),
            proxy_revalidate: flag("proxy-revalidate"),
            must_understand: flag("must-understand"),
            no_transform: flag("no-transform"),
            immutable: flag("immutable"),
            max_age: number("max-age"),
            s_maxage: number("s-maxage"),
            stale_while_revalidate: number("stale-while-revalidate"),
            stale_if_error: number("stale-if-error"),
            ..ResponseDirectives::default()
        };
        prop_assert_eq!(response_directives(&with(&header::CACHE_CONTROL, &lines)), expected);
    }

    #[test]
    fn a_requests_directives_are_read_back(
        (flags, numbers, lines) in directives(
            &["no-store", "no-cache", "only-if-cached"],
            &["max-age", "min-fresh", "max-stale", "stale-if-error"],
        ),
    ) {
        let flag = |name| flags.contains(&name);
        let number = |name| numbers.iter().find(|(found, _)| *found == name).map(|(_, value)| secs(*value));
        let expected = RequestDirectives {
            no_store: flag("no-store"),
            no_cache: flag("no-cache"),
            only_if_cached: flag("only-if-cached"),
            max_age: number("max-age"),
            min_fresh: number("min-fresh"),
            max_stale: number("max-stale").map(MaxStale::For),
            stale_if_error: number("stale-if-error"),
        };
        prop_assert_eq!(request_directives(&with(&header::CACHE_CONTROL, &lines)), expected);
    }

    #[test]
    fn the_fields_that_vary_names_are_read_back(
        (names, lines) in prop::collection::btree_set("x-[a-z]{1,6}", 0..5)
            .prop_flat_map(|names| {
                let names: Vec<String> = names.into_iter().collect();
                (Just(names.clone()), Just(names).prop_shuffle().prop_flat_map(written))
            }),
    ) {
        let expected = match names.as_slice() {
            [] => SelectingFields::None,
            names => SelectingFields::Named(names.iter().map(|name| name.parse().unwrap()).collect()),
        };
        prop_assert_eq!(selecting_fields(&with(&header::VARY, &lines)), expected);
    }

    /// One request's fields, written twice, select the same; another's do not.
    #[test]
    fn requests_select_the_same_exactly_if_they_say_the_same(
        (one, twice, thrice) in prop::collection::vec("[a-c]{1,2}", 0..4).prop_flat_map(|members| {
            (Just(members.clone()), written(members.clone()), written(members))
        }),
        other in prop::collection::vec("[a-c]{1,2}", 0..4),
    ) {
        let name = HeaderName::from_static("x-a");
        let names = [name.clone()];
        let values = |lines: &[String]| selecting_values(&names, &with(&name, lines));
        prop_assert_eq!(values(&twice), values(&thrice));
        prop_assert_eq!(values(&[one.join(",")]) == values(&[other.join(",")]), one == other);
    }

    #[test]
    fn a_status_is_one_member_of_a_structured_list(
        fwd in prop::sample::select(vec![
            None, Some(Fwd::Bypass), Some(Fwd::UriMiss), Some(Fwd::Stale), Some(Fwd::Partial),
        ]),
        fwd_status in prop::option::of(200u16..600),
        ttl in prop::option::of(-1_000_000_000_000i64..1_000_000_000_000),
        [stored, collapsed] in any::<[bool; 2]>(),
        detail in prop::option::of(prop::sample::select(vec!["no-store", "stale-if-error", "max-stale"])),
    ) {
        let status = CacheStatus {
            fwd_status: fwd_status.map(|status| status.try_into().unwrap()),
            ttl,
            stored,
            collapsed,
            detail,
            ..fwd.map_or(CacheStatus::neither(), CacheStatus::forwarded)
        };
        // RFC 8941 §3.1.2: "parameters = *( ";" *SP parameter )".
        let text = status.to_string();
        let mut parts = text.split(';').map(|part| part.trim_start_matches(' '));
        prop_assert_eq!(parts.next(), Some("forebay"));
        let parameters: Vec<(&str, &str)> =
            parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
        let parameter =
            |name| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let is_token = |value: &&str| {
            value.starts_with(|first: char| first.is_ascii_alphabetic()) && fields::is_token(value)
        };
        let token = |name| parameter(name).filter(is_token);
        let number = |name| parameter(name).and_then(|value| value.parse::<i64>().ok());
        prop_assert_eq!(token("fwd"), fwd.map(Fwd::as_str));
        prop_assert_eq!(token("detail"), detail);
        prop_assert_eq!(number("fwd-status"), fwd_status.map(i64::from));
        prop_assert_eq!(number("ttl"), ttl);
        prop_assert_eq!((parameter("stored").is_some(), parameter("collapsed").is_some()), (stored, collapsed));
    }

    /// A tag goes out with the name of a coding, comes back in a list, and is the origin's again.
    #[test]
    fn the_tag_of_a_coding_comes_back_as_the_origins(
        tags in prop::collection::vec("(W/)?\"[!#-:<-~]{0,8}\"", 1..4),
        gzip in any::<bool>(),
    ) {
        let coding = if gzip { Coding::Gzip } else { Coding::Brotli };
        let ours: Vec<String> = tags
            .iter()
            .map(|tag| coded(&HeaderValue::from_str(tag).unwrap(), coding).unwrap())
            .map(|tag| tag.to_str().unwrap().to_owned())
            .collect();
        let mut request = with(&header::IF_NONE_MATCH, &[ours.join(", ")]);
        let expected = tags.join(", ");
        prop_assert_eq!(&as_identity(&request)[header::IF_NONE_MATCH], expected.as_str());
        as_the_origins(&mut request);
        // Those that we make up ourselves are nobody else's.
        if !tags.iter().any(|tag| tag.contains("\"fb-")) {
            prop_assert_eq!(&request[header::IF_NONE_MATCH], expected.as_str());
        }
    }

    #[test]
    fn whatever_comes_is_read_without_panic(
        lines in prop::collection::vec(
            (
                prop::sample::select(vec![
                    header::CACHE_CONTROL, header::VARY, header::ETAG, header::IF_NONE_MATCH, header::IF_RANGE,
                    header::CONTENT_RANGE, header::RANGE, header::LAST_MODIFIED, header::DATE, header::PRAGMA,
                    HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("forebay-cache-control"),
                ]),
                prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"=,;/-* \\0123456789"[..])], 0..40),
            ),
            0..8,
        ),
        length in prop::option::of(any::<u64>()),
    ) {
        let mut fields = HeaderMap::new();
        for (name, octets) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&octets) {
                fields.append(name, value);
            }
        }
        let _ = (response_directives(&fields), request_directives(&fields));
        if let SelectingFields::Named(names) = selecting_fields(&fields) {
            let _ = selecting_values(&names, &fields);
        }
        if let Some(part) = brought(&fields, length) {
            prop_assert!(part.range.start < part.range.end && part.range.end <= part.complete);
        }
        let _ = (if_range(&fields), combined(&fields, &fields), as_identity(&fields));
        as_the_origins(&mut fields);
    }
}
