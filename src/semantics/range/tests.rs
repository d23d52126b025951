// A list of one part is what most requests ask for.
#![allow(clippy::single_range_in_vec_init)]

use proptest::prelude::*;

use super::RangeRequest::*;
use super::*;

fn asked(value: &str, length: u64) -> RangeRequest {
    let mut fields = HeaderMap::new();
    fields.insert(RANGE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    requested(&fields, &Method::GET, length)
}

#[test]
fn s14_1_2_the_rfcs_own_examples() {
    for (value, expected) in [
        ("bytes=0-499", vec![0..500]),
        ("bytes=500-999", vec![500..1000]),
        ("bytes=-500", vec![9500..10000]),
        ("bytes=9500-", vec![9500..10000]),
        ("bytes=0-0,-1", vec![0..1, 9999..10000]),
        ("bytes= 0-0 ,\t-1", vec![0..1, 9999..10000]),
        ("bytes=0-999, 4500-5499, -1000", vec![0..1000, 4500..5500, 9000..10000]),
        // "Other valid (but not canonical) specifications of the second 500 bytes"
        ("bytes=500-600,601-999", vec![500..1000]),
        ("bytes=500-700,601-999", vec![500..1000]),
    ] {
        assert_eq!(asked(value, 10000), Parts(expected), "{value}");
    }
}

#[test]
fn s14_1_2_what_lies_past_the_end_is_cut_off() {
    for (value, expected) in [
        ("bytes=5-99", Parts(vec![5..10])),
        ("bytes=9-9", Parts(vec![9..10])),
        ("bytes=0-18446744073709551615", Parts(vec![0..10])),
        ("bytes=0-99999999999999999999999", Parts(vec![0..10])),
        ("bytes=-10", Parts(vec![0..10])),
        ("bytes=-99999999999999999999999", Parts(vec![0..10])),
        ("bytes=2-3, 10-", Parts(vec![2..4])),
        ("bytes=10-", Unsatisfiable),
        ("bytes=10-11", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=10-, -0, 11-12", Unsatisfiable),
    ] {
        assert_eq!(asked(value, 10), expected, "{value}");
    }
}

#[test]
fn s14_2_of_no_content_there_are_no_parts() {
    assert_eq!(asked("bytes=0-", 0), Unsatisfiable);
    assert_eq!(asked("bytes=-0", 0), Unsatisfiable);
    assert_eq!(asked("bytes=-5", 0), Whole);
}

#[test]
fn s14_2_what_is_invalid_is_ignored() {
    for value in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=0-1,5-4",
        "bytes=0-1,x",
        "bytes=+0-1",
        "bytes=0-+1",
        "bytes=--1",
        "bytes=0-1-2",
        "bytes=0 - 1",
        "bytes=0",
        "bytes=1.0-2",
        "bytes =0-1",
        "bits=0-1",
        "items=0-1",
        "bytes:0-1",
        "0-1",
        "bytes=\"0-1\"",
        "bytes=é",
    ] {
        assert_eq!(asked(value, 10), Whole, "{value:?}");
    }
    assert_eq!(asked("BYTES=0-1", 10), Parts(vec![0..2]));
}

#[test]
fn s14_2_ranges_are_for_get_with_one_range_field() {
    let mut fields = HeaderMap::new();
    assert_eq!(requested(&fields, &Method::GET, 10), Whole);
    fields.append(RANGE, HeaderValue::from_static("bytes=0-1"));
    assert_eq!(requested(&fields, &Method::GET, 10), Parts(vec![0..2]));
    for method in [Method::HEAD, Method::POST, Method::PUT] {
        assert_eq!(requested(&fields, &method, 10), Whole, "{method}");
    }
    fields.append(RANGE, HeaderValue::from_static("bytes=0-1"));
    assert_eq!(requested(&fields, &Method::GET, 10), Whole);
}

#[test]
fn s15_3_7_2_parts_that_touch_become_one_where_the_first_stood() {
    for (value, expected) in [
        ("bytes=0-,0-,0-", vec![0..100]),
        ("bytes=50-59,0-9,60-69", vec![50..70, 0..10]),
        ("bytes=0-9,50-59,5-55", vec![0..60]),
        ("bytes=90-99,0-0,20-29,1-19", vec![90..100, 0..30]),
        ("bytes=0-0,2-2,1-1", vec![0..3]),
        ("bytes=0-0,2-2", vec![0..1, 2..3]),
    ] {
        assert_eq!(asked(value, 100), Parts(expected), "{value}");
    }
}

#[test]
fn sixteen_parts_and_no_more() {
    let parts = |count: u64| (0..count).map(|at| format!("{0}-{0}", at * 2)).collect::<Vec<_>>();
    let all = (0..16).map(|at| at * 2..at * 2 + 1).collect();
    assert_eq!(asked(&format!("bytes={}", parts(16).join(",")), 100), Parts(all));
    assert_eq!(asked(&format!("bytes={}", parts(17).join(",")), 100), Whole);
}

#[test]
fn s14_4_content_range() {
    assert_eq!(content_range(&(0..500), 1234), "bytes 0-499/1234");
    assert_eq!(content_range(&(42..1234), 1234), "bytes 42-1233/1234");
    assert_eq!(unsatisfied(1234), "bytes */1234");
    for (value, expected) in [
        ("bytes 0-499/1234", Some((0, 499, Some(1234)))),
        ("bytes 42-1233/*", Some((42, 1233, None))),
        ("Bytes 0-0/1", Some((0, 0, Some(1)))),
        ("bytes */1234", None),
        ("bytes 5-4/10", None),
        ("bytes 0-9/9", None),
        ("bytes 0-10/10", None),
        ("bytes 0-/10", None),
        ("bytes -9/10", None),
        ("bytes +0-9/10", None),
        ("bytes 0-9", None),
        ("bytes=0-9/10", None),
        ("bytes  0-9/10", None),
        ("bytes 0-9/", None),
        ("bytes 0-99999999999999999999/*", None),
        ("bits 0-9/10", None),
        ("", None),
    ] {
        let expected =
            expected.map(|(first, last, complete)| ContentRange { first, last, complete });
        assert_eq!(parse_content_range(value), expected, "{value:?}");
    }
}

#[test]
fn one_part_is_asked_for_where_it_is_less_than_the_whole() {
    for (value, expected) in [
        ("bytes=0-0", true),
        ("bytes=5-", true),
        ("bytes=-5", true),
        ("BYTES=1-2", true),
        ("bytes=0-", false),
        ("bytes=0-1,5-6", false),
        ("bytes=4-2", false),
        ("bits=0-1", false),
        ("", false),
    ] {
        let fields = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(value))]);
        assert_eq!(asks_for_one_part(&fields, &Method::GET), expected, "{value}");
        assert!(!asks_for_one_part(&fields, &Method::HEAD), "{value}");
    }
    assert!(!asks_for_one_part(&HeaderMap::new(), &Method::GET));
}

proptest! {
    #[test]
    fn what_is_asked_for_is_what_is_understood(start in 0u64..50, length in 1u64..50, complete in 1u64..100) {
        let end = start + length;
        for (value, end) in [(range(start, Some(end)), end.min(complete)), (range(start, None), complete)] {
            let expected = if start < end { Parts(vec![start..end]) } else { Unsatisfiable };
            prop_assert_eq!(asked(value.to_str().unwrap(), complete), expected);
        }
    }

    #[test]
    fn parts_are_the_octets_asked_for(
        specs in prop::collection::vec((0u64..40, prop::option::of(0u64..20), any::<bool>()), 1..16),
        length in 1u64..40,
    ) {
        let mut wanted = vec![false; 40];
        let mut written = Vec::new();
        for (first, extent, suffix) in specs {
            let (text, octets) = match (suffix, extent) {
                (true, _) => (format!("-{first}"), length.saturating_sub(first)..length),
                (false, None) => (format!("{first}-"), first..length),
                (false, Some(extent)) => {
                    (format!("{first}-{}", first + extent), first..(first + extent + 1).min(length))
                }
            };
            written.push(text);
            octets.for_each(|at| wanted[usize::try_from(at).unwrap()] = true);
        }
        let mut got = vec![false; 40];
        if let Parts(parts) = asked(&format!("bytes={}", written.join(",")), length) {
            for part in parts {
                prop_assert!(part.start < part.end && part.end <= length);
                // No part touches another: what is at its ends belongs to none.
                for at in part {
                    let at = usize::try_from(at).unwrap();
                    prop_assert!(!got[at]);
                    got[at] = true;
                }
            }
        }
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn any_value_is_read_without_panic(value in "\\PC{0,40}|bytes[= ][-0-9,/* ]{0,60}", length in any::<u64>()) {
        if let Parts(parts) = asked(&value, length) {
            for part in parts {
                prop_assert!(part.start < part.end && part.end <= length);
                let text = content_range(&part, length);
                let read = parse_content_range(text.to_str().unwrap()).unwrap();
                prop_assert_eq!((read.first, read.last + 1, read.complete), (part.start, part.end, Some(length)));
            }
        }
        let _ = parse_content_range(&value);
    }
}
