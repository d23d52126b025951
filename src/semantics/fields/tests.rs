use http::header::{ACCEPT, CACHE_CONTROL, HOST, HeaderValue, VARY};
use proptest::prelude::*;

use super::*;

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    fields
}

#[test]
fn s5_6_1_a_list_is_split_at_commas_outside_quoted_strings() {
    for (value, expected) in [
        ("", &[][..]),
        (" , ,\t", &[]),
        ("a", &["a"]),
        ("a,b", &["a", "b"]),
        (" a ,\tb\t, ", &["a", "b"]),
        (",a,,b,", &["a", "b"]),
        ("a b", &["a b"]),
        (r#"a="1, 2", b"#, &[r#"a="1, 2""#, "b"]),
        (r#"a="1\", 2", b"#, &[r#"a="1\", 2""#, "b"]),
        (r#"a="1\\", b"#, &[r#"a="1\\""#, "b"]),
        (r#"a="", b"#, &[r#"a="""#, "b"]),
        (r#"a="1, no-store"#, &[r#"a="1"#, "no-store"]),
        (r#"a="1\", b"#, &[r#"a="1\""#, "b"]),
        ("é, a", &["a"]),
        ("x=\"é, b\", a", &["a"]),
    ] {
        assert_eq!(members(value).collect::<Vec<_>>(), expected, "{value:?}");
    }
}

#[test]
fn s5_3_the_lines_of_a_list_are_one_list() {
    let mut fields = fields(&[("vary", "a, b"), ("accept", "x"), ("vary", ""), ("vary", "c")]);
    assert_eq!(list_members(&fields, &VARY).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(combined(&fields, &VARY).unwrap(), "a, b, , c");
    assert_eq!(combined(&fields, &ACCEPT), Some(Cow::Borrowed("x")));
    assert_eq!(combined(&fields, &HOST), None);

    fields.append(VARY, HeaderValue::from_bytes(b"d\xff, e").unwrap());
    assert_eq!(list_members(&fields, &VARY).collect::<Vec<_>>(), ["a", "b", "c", "e"]);
}

#[test]
fn an_unreadable_member_does_not_hide_its_neighbours() {
    let mut fields = HeaderMap::new();
    fields.append(CACHE_CONTROL, HeaderValue::from_bytes(b"x=\"\xe9,\", no-store").unwrap());
    assert_eq!(list_members(&fields, &CACHE_CONTROL).collect::<Vec<_>>(), ["no-store"]);
}

#[test]
fn s5_3_a_single_value_has_one_line() {
    let mut fields = fields(&[("host", "a"), ("accept", "a"), ("accept", "a")]);
    fields.insert(VARY, HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(single(&fields, &HOST), Ok(Some("a")));
    assert_eq!(single(&fields, &CACHE_CONTROL), Ok(None));
    assert_eq!(single(&fields, &ACCEPT), Err(NotSingle::Repeated));
    assert_eq!(single(&fields, &VARY), Err(NotSingle::NotText));
}

#[test]
fn s5_6_2_a_token_is_tchars() {
    for token in ["a", "X-1", "!#$%&'*+-.^_`|~0aZ", "*"] {
        assert!(is_token(token), "{token:?}");
    }
    for other in ["", " ", "a b", "a,", "a=b", "\"a\"", "a/b", "é", "\0", "(a)", "a:", "[", "{"] {
        assert!(!is_token(other), "{other:?}");
    }
}

#[test]
fn s12_4_2_a_weight_has_three_decimals_at_most() {
    for (member, expected) in [
        ("gzip", Some(("gzip", 1000))),
        ("gzip;q=1", Some(("gzip", 1000))),
        ("gzip;q=1.", Some(("gzip", 1000))),
        ("gzip;q=1.000", Some(("gzip", 1000))),
        ("gzip ;\tQ=0.5", Some(("gzip", 500))),
        ("gzip; q=0.05", Some(("gzip", 50))),
        ("gzip;q=0.001", Some(("gzip", 1))),
        ("gzip;q=0", Some(("gzip", 0))),
        ("gzip;q=0.", Some(("gzip", 0))),
        ("*;q=0.25", Some(("*", 250))),
        ("gzip;q=1.001", None),
        ("gzip;q=2", None),
        ("gzip;q=0.0001", None),
        ("gzip;q=-0", None),
        ("gzip;q=+1", None),
        ("gzip;q=.5", None),
        ("gzip;q=", None),
        ("gzip;q = 1", None),
        ("gzip;level=9", None),
        ("gzip;", None),
        ("gzip;q=1;q=0", None),
        ("gzip;q=0.é", None),
    ] {
        assert_eq!(weighted(member), expected, "{member:?}");
    }
}

#[test]
fn a31_names_with_an_underscore_are_taken_out() {
    let mut fields = fields(&[
        ("content_length", "5"),
        ("x_forwarded_for", "::1"),
        ("x_forwarded_for", "::2"),
        ("x-a", "1"),
    ]);
    remove_underscored(&mut fields);
    assert_eq!(fields.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-a"]);
}

proptest! {
    #[test]
    fn any_octets_make_trimmed_members(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        for member in Members::of(&octets) {
            prop_assert!(!member.is_empty() && trim(member) == member && member.is_ascii());
            let _ = weighted(member);
        }
    }

    #[test]
    fn a_list_of_tokens_survives_joining(tokens in prop::collection::vec("[a-z*!-]{1,8}", 0..8)) {
        let value = tokens.join(" ,\t");
        prop_assert_eq!(members(&value).collect::<Vec<_>>(), tokens);
    }
}
