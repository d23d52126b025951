use http::HeaderValue;

use super::Precondition::*;
use super::*;

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(*name, HeaderValue::from_str(value).unwrap());
    }
    fields
}

fn evaluated(
    method: &Method,
    selected: &[(&'static str, &str)],
    request: &[(&'static str, &str)],
) -> Precondition {
    let (request, selected) = (fields(request), fields(selected));
    let outcome = evaluate(method, &request, &Validators::of(&selected));
    let compared = Validators::compared_by(&request, &selected);
    assert_eq!(evaluate(method, &request, &compared), outcome, "{request:?} {selected:?}");
    outcome
}

/// Evaluates against a representation with a strong tag, `"x"`, modified at `MODIFIED`.
fn of_x(request: &[(&'static str, &str)]) -> Precondition {
    evaluated(&Method::GET, &[("etag", r#""x""#), ("last-modified", MODIFIED)], request)
}

#[test]
fn s13_1_1_if_match_compares_strongly() {
    for (value, expected) in [
        (r#""x""#, Proceed),
        (r#""a", "x""#, Proceed),
        ("*", Proceed),
        (r#""a""#, Failed),
        // J03
        (r#"W/"x""#, Failed),
        ("x", Failed),
    ] {
        assert_eq!(of_x(&[("if-match", value)]), expected, "{value}");
    }
    let weak = [("etag", r#"W/"x""#)];
    for value in [r#"W/"x""#, r#""x""#] {
        assert_eq!(evaluated(&Method::GET, &weak, &[("if-match", value)]), Failed, "{value}");
    }
    assert_eq!(evaluated(&Method::GET, &[], &[("if-match", r#""x""#)]), Failed);
    assert_eq!(evaluated(&Method::GET, &[], &[("if-match", "*")]), Proceed);
}

#[test]
fn s13_1_2_if_none_match_compares_weakly() {
    // J02
    for (value, expected) in [
        (r#""x""#, NotModified),
        (r#"W/"x""#, NotModified),
        (r#""a", W/"b", "x""#, NotModified),
        ("*", NotModified),
        (r#""a""#, Proceed),
        ("x", Proceed),
        ("", Proceed),
    ] {
        assert_eq!(of_x(&[("if-none-match", value)]), expected, "{value}");
        let weak = [("etag", r#"W/"x""#)];
        let against_weak = evaluated(&Method::HEAD, &weak, &[("if-none-match", value)]);
        assert_eq!(against_weak, expected, "{value}");
    }
    assert_eq!(of_x(&[("if-none-match", r#""a""#), ("if-none-match", r#""x""#)]), NotModified);
    assert_eq!(evaluated(&Method::GET, &[], &[("if-none-match", r#""x""#)]), Proceed);
    let put = evaluated(&Method::PUT, &[("etag", r#""x""#)], &[("if-none-match", "*")]);
    assert_eq!(put, Failed);
}

#[test]
fn s13_1_3_if_modified_since() {
    for (value, expected) in [
        (BEFORE, Proceed),
        (MODIFIED, NotModified),
        (AFTER, NotModified),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
        ("soon", Proceed),
        ("", Proceed),
    ] {
        assert_eq!(of_x(&[("if-modified-since", value)]), expected, "{value}");
    }
    let several = [("if-modified-since", AFTER), ("if-modified-since", AFTER)];
    assert_eq!(of_x(&several), Proceed);
    let modified = [("last-modified", MODIFIED)];
    assert_eq!(evaluated(&Method::POST, &modified, &[("if-modified-since", AFTER)]), Proceed);
    assert_eq!(evaluated(&Method::GET, &[], &[("if-modified-since", AFTER)]), Proceed);
}

#[test]
fn rfc9111_s4_3_2_date_stands_in_for_last_modified() {
    let dated = [("date", MODIFIED)];
    for (value, expected) in [(BEFORE, Proceed), (MODIFIED, NotModified), (AFTER, NotModified)] {
        let outcome = evaluated(&Method::GET, &dated, &[("if-modified-since", value)]);
        assert_eq!(outcome, expected, "{value}");
    }
}

#[test]
fn s13_1_4_if_unmodified_since() {
    for (value, expected) in
        [(BEFORE, Failed), (MODIFIED, Proceed), (AFTER, Proceed), ("soon", Proceed)]
    {
        assert_eq!(of_x(&[("if-unmodified-since", value)]), expected, "{value}");
    }
    let dated = [("date", MODIFIED)];
    assert_eq!(evaluated(&Method::GET, &dated, &[("if-unmodified-since", BEFORE)]), Proceed);
}

#[test]
fn s13_2_2_tags_take_precedence_over_dates() {
    for (request, expected) in [
        ([("if-match", r#""x""#), ("if-unmodified-since", BEFORE)], Proceed),
        ([("if-match", r#""a""#), ("if-unmodified-since", AFTER)], Failed),
        // J02
        ([("if-none-match", r#""a""#), ("if-modified-since", AFTER)], Proceed),
        ([("if-none-match", r#""x""#), ("if-modified-since", BEFORE)], NotModified),
        ([("if-match", r#""x""#), ("if-none-match", r#""x""#)], NotModified),
        ([("if-match", r#""a""#), ("if-none-match", r#""x""#)], Failed),
        ([("if-unmodified-since", BEFORE), ("if-none-match", r#""x""#)], Failed),
        ([("if-unmodified-since", AFTER), ("if-modified-since", AFTER)], NotModified),
    ] {
        assert_eq!(of_x(&request), expected, "{request:?}");
    }
}

#[test]
fn s13_1_5_if_range() {
    let selected = [("etag", r#""x""#), ("last-modified", MODIFIED), ("date", AFTER)];
    for (lines, expected) in [
        (&[][..], true),
        (&[r#""x""#], true),
        (&[r#"W/"x""#], false),
        (&[r#""a""#], false),
        (&[MODIFIED], true),
        (&["Sunday, 06-Nov-94 08:49:37 GMT"], true),
        (&[BEFORE], false),
        (&[AFTER], false),
        (&["*"], false),
        (&[r#""x", "y""#], false),
        (&[""], false),
        (&[r#""x""#, r#""x""#], false),
    ] {
        let lines: Vec<_> = lines.iter().map(|value| ("if-range", *value)).collect();
        let validators = fields(&selected);
        let holds = if_range_holds(&fields(&lines), &Validators::of(&validators));
        assert_eq!(holds, expected, "{lines:?}");
    }
}

#[test]
fn s13_1_5_a_weak_validator_never_holds() {
    let by_date = fields(&[("if-range", MODIFIED)]);
    for selected in [
        &[("last-modified", MODIFIED)][..],
        &[("last-modified", MODIFIED), ("date", MODIFIED)],
        &[("date", AFTER)],
    ] {
        let selected = fields(selected);
        assert!(!if_range_holds(&by_date, &Validators::of(&selected)), "{selected:?}");
    }
    let selected = fields(&[("etag", r#"W/"x""#)]);
    for tag in [r#""x""#, r#"W/"x""#] {
        assert!(!if_range_holds(&fields(&[("if-range", tag)]), &Validators::of(&selected)));
    }
}

#[test]
fn conditional_requests_are_known_by_their_fields() {
    for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
        assert!(is_conditional(&fields(&[(name, "x")])), "{name}");
    }
    assert!(!is_conditional(&fields(&[("if-range", "x"), ("range", "bytes=0-")])));
}
