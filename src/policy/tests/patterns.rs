//! Which patterns there are, and what they match on their own.

use proptest::prelude::*;

use crate::policy::{BadPattern, HostPattern, PathPattern, PatternFault};

#[test]
fn a_path_pattern_is_matched_segment_by_segment() {
    let cases: &[(&str, &str, Option<&[&str]>)] = &[
        ("/", "/", Some(&[])),
        ("/", "", None),
        ("/", "/a", None),
        ("/", "*", None),
        ("/a", "/a", Some(&[])),
        ("/a", "a", None),
        ("/a", "/a/", None),
        ("/a/", "/a", None),
        ("/a/", "/a/", Some(&[])),
        ("/a//b", "/a//b", Some(&[])),
        ("/a//b", "/a/b", None),
        ("/a", "/A", None),
        ("/a", "/%61", None),
        ("/%61", "/%61", Some(&[])),
        ("/{id}", "/7", Some(&["7"])),
        ("/{id}", "/", None),
        ("/{id}", "/7/", None),
        ("/{id}/", "/7/", Some(&["7"])),
        ("/{id}", "/a%2Fb", Some(&["a%2Fb"])),
        ("/a/{b}/c/{d}", "/a/1/c/2", Some(&["1", "2"])),
        ("/a/{b}/c/{d}", "/a/1/x/2", None),
        ("/a/{*rest}", "/a", None),
        ("/a/{*rest}", "/a/", Some(&[""])),
        ("/a/{*rest}", "/a/b/c/", Some(&["b/c/"])),
        ("/{id}/{*rest}", "/7/", Some(&["7", ""])),
        ("/{id}/{*rest}", "//b", None),
        ("/{*rest}", "/", Some(&[""])),
        ("/{*rest}", "", None),
        ("/{*rest}", "*", None),
    ];
    for (pattern, path, expected) in cases {
        let parsed: PathPattern = pattern.parse().unwrap();
        let captures = parsed.captures(path);
        let texts: Option<Vec<&str>> = captures
            .as_ref()
            .map(|found| (0..found.len()).map(|index| found.get(index, path).unwrap()).collect());
        assert_eq!(texts.as_deref(), *expected, "{pattern} and {path}");
        assert_eq!(parsed.to_string(), *pattern);
    }
}

#[test]
fn captures_are_found_by_name() {
    let pattern: PathPattern = "/{a}/b/{c_2}/{*rest}".parse().unwrap();
    assert_eq!(pattern.capture_names().collect::<Vec<_>>(), ["a", "c_2", "rest"]);
    assert_eq!(pattern.capture_index("c_2"), Some(1));
    assert_eq!(pattern.capture_index("b"), None);
}

#[test]
fn a_bad_path_pattern_is_refused_where_it_is_bad() {
    let cases: &[(&str, usize, PatternFault)] = &[
        ("", 0, PatternFault::NoLeadingSlash),
        ("a/b", 0, PatternFault::NoLeadingSlash),
        ("*", 0, PatternFault::NoLeadingSlash),
        ("/a?b=c", 2, PatternFault::NotInPath),
        ("/a/b#c", 4, PatternFault::NotInPath),
        ("/a b", 2, PatternFault::NotInPath),
        ("/caf\u{e9}", 4, PatternFault::NotInPath),
        ("/a\0", 2, PatternFault::NotInPath),
        ("/a/v{n}", 4, PatternFault::PartialCapture),
        ("/{n}.json", 1, PatternFault::PartialCapture),
        ("/{n", 1, PatternFault::PartialCapture),
        ("/n}", 2, PatternFault::PartialCapture),
        ("/{{n}}", 2, PatternFault::PartialCapture),
        ("/{a}{b}", 3, PatternFault::PartialCapture),
        ("/{}", 2, PatternFault::BadName),
        ("/{*}", 3, PatternFault::BadName),
        ("/a/{b-c}", 5, PatternFault::BadName),
        ("/{a*}", 3, PatternFault::BadName),
        ("/{**a}", 3, PatternFault::BadName),
        ("/a/{host}", 4, PatternFault::ReservedName),
        ("/{*identity}", 3, PatternFault::ReservedName),
        ("/{a}/{a}", 5, PatternFault::RepeatedName),
        ("/{a}/{*a}", 5, PatternFault::RepeatedName),
        ("/{*rest}/a", 8, PatternFault::RestNotLast),
        ("/{*rest}/", 8, PatternFault::RestNotLast),
    ];
    for (pattern, offset, fault) in cases {
        let expected = BadPattern { offset: *offset, fault: *fault };
        assert_eq!(pattern.parse::<PathPattern>(), Err(expected), "{pattern}");
    }
}

#[test]
fn a_path_pattern_has_at_most_64_segments() {
    assert!("/a".repeat(64).parse::<PathPattern>().is_ok());
    let expected = BadPattern { offset: 129, fault: PatternFault::TooManySegments };
    assert_eq!("/a".repeat(65).parse::<PathPattern>(), Err(expected));
}

#[test]
fn a_host_pattern_matches_names_and_perhaps_a_port() {
    let cases: &[(&str, &str, bool)] = &[
        ("example.com", "example.com", true),
        ("example.com", "example.com:8080", true),
        ("example.com", "EXAMPLE.com", true),
        ("Example.COM", "example.com", true),
        ("example.com", "example.com.", true),
        ("example.com.", "example.com", true),
        ("example.com", "example.com.:8080", true),
        ("example.com", "www.example.com", false),
        ("example.com", "example.comx", false),
        ("example.com", "", false),
        ("example.com:8080", "example.com:8080", true),
        ("example.com:8080", "example.com:8081", false),
        ("example.com:8080", "example.com", false),
        ("example.com:80", "example.com", true),
        ("example.com:443", "example.com", true),
        ("example.com:80", "example.com:443", false),
        ("*.example.com", "www.example.com", true),
        ("*.example.com", "WWW.Example.Com:8080", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("*.example.com", "badexample.com", false),
        ("*.example.com:81", "www.example.com:81", true),
        ("*.example.com:81", "www.example.com", false),
        ("127.0.0.1", "127.0.0.1:8080", true),
        ("[::1]", "[::1]", true),
        ("[::1]", "[::1]:8080", true),
        ("[::1]:8080", "[::1]:8080", true),
        ("[::1]:8080", "[::1]", false),
        ("[2001:DB8::1]", "[2001:db8::1]", true),
    ];
    for (pattern, authority, expected) in cases {
        let parsed: HostPattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(authority), *expected, "{pattern} and {authority}");
    }
}

#[test]
fn a_bad_host_pattern_is_refused_where_it_is_bad() {
    let cases: &[(&str, usize, PatternFault)] = &[
        ("", 0, PatternFault::EmptyLabel),
        (".", 0, PatternFault::EmptyLabel),
        ("*.", 2, PatternFault::EmptyLabel),
        ("*..com", 2, PatternFault::EmptyLabel),
        ("a..b", 2, PatternFault::EmptyLabel),
        ("a.b..", 4, PatternFault::EmptyLabel),
        (":80", 0, PatternFault::EmptyLabel),
        ("*", 0, PatternFault::MisplacedWildcard),
        ("*:80", 0, PatternFault::MisplacedWildcard),
        ("a.*.com", 2, PatternFault::MisplacedWildcard),
        ("a*.com", 1, PatternFault::MisplacedWildcard),
        ("*.*.com", 2, PatternFault::MisplacedWildcard),
        ("http://a", 5, PatternFault::BadPort),
        ("a/b", 1, PatternFault::NotInHost),
        ("a b", 1, PatternFault::NotInHost),
        ("b\u{fc}cher.example", 1, PatternFault::NotInHost),
        ("user@a", 4, PatternFault::NotInHost),
        ("*.[::1]", 2, PatternFault::NotInHost),
        ("[::1", 0, PatternFault::BadAddress),
        ("[a]", 0, PatternFault::BadAddress),
        ("[::1]x", 0, PatternFault::BadAddress),
        ("a:", 2, PatternFault::BadPort),
        ("a:0", 2, PatternFault::BadPort),
        ("a:+1", 2, PatternFault::BadPort),
        ("a:65536", 2, PatternFault::BadPort),
        ("a:80:80", 1, PatternFault::NotInHost),
    ];
    for (pattern, offset, fault) in cases {
        let expected = BadPattern { offset: *offset, fault: *fault };
        assert_eq!(pattern.parse::<HostPattern>(), Err(expected), "{pattern}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in any::<String>(), path in any::<String>()) {
        if let Err(bad) = text.parse::<HostPattern>() {
            prop_assert!(bad.offset <= text.len());
        }
        match text.parse::<PathPattern>() {
            Ok(pattern) => drop(pattern.captures(&path)),
            Err(bad) => prop_assert!(text.is_char_boundary(bad.offset)),
        }
    }

    #[test]
    fn what_looks_like_a_pattern_makes_nothing_panic(text in "[/a{}*.:\\[\\]\u{e9}]{0,12}", path in "[/a\u{e9}]{0,8}") {
        if let Err(bad) = text.parse::<HostPattern>() {
            prop_assert!(text.is_char_boundary(bad.offset), "{:?}", bad);
        }
        match text.parse::<PathPattern>() {
            Ok(pattern) => {
                prop_assert_eq!(pattern.to_string(), text);
                pattern.captures(&path);
            }
            Err(bad) => prop_assert!(text.is_char_boundary(bad.offset), "{:?}", bad),
        }
    }
}

#[test]
fn a_pattern_covers_those_whose_paths_it_matches() {
    for (outer, inner, expected) in [
        ("/{*rest}", "/", true),
        ("/{*rest}", "/a/{b}/{*c}", true),
        ("/a/{*rest}", "/a/b", true),
        ("/a/{*rest}", "/a/", true),
        ("/a/{*rest}", "/a", false),
        ("/a/{*rest}", "/b/c", false),
        ("/a/{b}", "/a/c", true),
        ("/a/{b}", "/a/{c}", true),
        ("/a/{b}", "/a/", false),
        ("/a/{b}", "/a/{*c}", false),
        ("/a/{b}", "/a/c/d", false),
        ("/a/b", "/a/{c}", false),
        ("/a/b", "/a/b", true),
        ("/{a}/c", "/b/c", true),
    ] {
        let (outer, inner): (PathPattern, PathPattern) =
            (outer.parse().unwrap(), inner.parse().unwrap());
        assert_eq!(outer.covers(&inner), expected, "{outer} {inner}");
    }
}
