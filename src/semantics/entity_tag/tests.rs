use http::HeaderValue;
use http::header::IF_NONE_MATCH;
use proptest::prelude::*;

use super::*;

fn strong(opaque: &str) -> EntityTag<'_> {
    EntityTag { weak: false, opaque }
}

fn weak(opaque: &str) -> EntityTag<'_> {
    EntityTag { weak: true, opaque }
}

#[test]
fn s8_8_3_the_grammar_of_a_tag() {
    for (value, expected) in [
        (r#""xyzzy""#, Some(strong("xyzzy"))),
        (r#"W/"xyzzy""#, Some(weak("xyzzy"))),
        (r#""""#, Some(strong(""))),
        (r#"W/"""#, Some(weak(""))),
        (r#""a,b""#, Some(strong("a,b"))),
        (r#""a\""#, Some(strong(r"a\"))),
        ("\"é\"", Some(strong("é"))),
        ("", None),
        ("xyzzy", None),
        ("*", None),
        (r#"w/"xyzzy""#, None),
        (r#"W/ "xyzzy""#, None),
        (r#"W"xyzzy""#, None),
        (r#"W/W/"xyzzy""#, None),
        (r#""xyzzy"#, None),
        (r#"xyzzy""#, None),
        (r#"""#, None),
        (r#""a b""#, None),
        (r#""a" "#, None),
        (r#""a""b""#, None),
        ("\"a\x7f\"", None),
    ] {
        assert_eq!(EntityTag::parse(value), expected, "{value:?}");
        if let Some(tag) = expected {
            assert_eq!(tag.to_string(), value);
        }
    }
}

#[test]
fn s8_8_3_2_strong_and_weak_comparison() {
    for (one, other, strongly, weakly) in [
        (weak("1"), weak("1"), false, true),
        (weak("1"), weak("2"), false, false),
        (weak("1"), strong("1"), false, true),
        (strong("1"), strong("1"), true, true),
        (strong("a"), strong("A"), false, false),
    ] {
        assert_eq!((one.strong_eq(other), one.weak_eq(other)), (strongly, weakly), "{one} {other}");
        assert_eq!((other.strong_eq(one), other.weak_eq(one)), (strongly, weakly), "{other} {one}");
    }
}

#[test]
fn j01_a_weakened_tag_still_names_the_same_representation() {
    let tag = strong("x").weakened();
    assert_eq!(tag.to_string(), r#"W/"x""#);
    assert!(tag.weak_eq(strong("x")) && !tag.strong_eq(strong("x")));
}

#[test]
fn s13_1_2_a_list_of_tags() {
    for (lines, expected) in [
        (&[][..], TagList::Absent),
        (&["*"], TagList::Any),
        (&[" * "], TagList::Any),
        (&[r#""a""#], TagList::Tags(vec![strong("a")])),
        (&[r#""a", W/"b" ,"c""#], TagList::Tags(vec![strong("a"), weak("b"), strong("c")])),
        (&[r#""a""#, r#"W/"b""#], TagList::Tags(vec![strong("a"), weak("b")])),
        (&[r#",, "a,b",,"c","#], TagList::Tags(vec![strong("a,b"), strong("c")])),
        (&[r#""a\", "b""#], TagList::Tags(vec![strong(r"a\"), strong("b")])),
        (&[r#"junk, "a", w/"b", "c"#], TagList::Tags(vec![strong("a")])),
        (&[r#""a" "b", "c""#], TagList::Tags(vec![strong("c")])),
        (&[r#"*, "a""#], TagList::Tags(vec![strong("a")])),
        (&["*", "*"], TagList::Tags(vec![])),
        (&["a"], TagList::Tags(vec![])),
        (&[""], TagList::Tags(vec![])),
    ] {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(IF_NONE_MATCH, HeaderValue::from_static(line));
        }
        assert_eq!(parse_list(&fields, &IF_NONE_MATCH), expected, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(is_weak in any::<bool>(), opaque in "[!#-~]{0,20}") {
        let tag = EntityTag { weak: is_weak, opaque: &opaque };
        let written = tag.to_string();
        prop_assert_eq!(EntityTag::parse(&written), Some(tag));
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,40}|[W/\", a*\\\\]{0,40}") {
        for tag in tags(&text) {
            let written = tag.to_string();
            prop_assert_eq!(EntityTag::parse(&written), Some(tag));
        }
    }
}
