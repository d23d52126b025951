//! Which request fields select a stored response, and what they say (RFC 9111 §4.1).

use http::header::{self, HeaderMap, HeaderName};

use crate::semantics::fields::{list_members, members, weighted};

/// The selecting header fields of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectingFields {
    /// Every request selects it.
    None,
    /// No request does.
    Any,
    /// The requests that agree in these fields do; sorted, without duplicates.
    Named(Vec<HeaderName>),
}

/// The fields that a response's Vary names.
///
/// A response that allows one origin its use (`Access-Control-Allow-Origin` other than `*`) is selected by `Origin`
/// even if it forgets to say so. `Accept-Encoding` selects nothing unless the response has a content coding: otherwise
/// it was asked for without one, and is coded here.
pub fn selecting_fields(response: &HeaderMap) -> SelectingFields {
    let mut names = Vec::new();
    for line in response.get_all(header::VARY) {
        let Ok(line) = line.to_str() else { return SelectingFields::Any };
        for member in members(line) {
            // "A stored response with a Vary header field value containing a member "*" always fails to match."
            // What cannot be a field's name might as well be one.
            match member.parse::<HeaderName>() {
                Ok(name) if member != "*" => names.push(name),
                _ => return SelectingFields::Any,
            }
        }
    }
    if !is_coded(response) {
        names.retain(|name| name != header::ACCEPT_ENCODING);
    }
    if allows_one_origin(response) {
        names.push(header::ORIGIN);
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    if names.is_empty() { SelectingFields::None } else { SelectingFields::Named(names) }
}

/// What a request says in the fields named: equal bytes exactly for requests that select the same response.
pub fn selecting_values(names: &[HeaderName], request: &HeaderMap) -> Vec<u8> {
    let mut values = Vec::new();
    for name in names {
        // "If (after any normalization that might take place) a header field is absent from a request, it can only
        // match another request if it is also absent there."
        if request.contains_key(name) {
            let value = normalised(name, request);
            values.push(PRESENT);
            values.extend_from_slice(&(value.len() as u64).to_be_bytes());
            values.extend_from_slice(&value);
        } else {
            values.push(ABSENT);
        }
    }
    values
}

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// "The header fields from two requests are defined to match if and only if those in the first request can be
/// transformed to those in the second request by applying any of the following: …"
fn normalised(name: &HeaderName, request: &HeaderMap) -> Vec<u8> {
    if is_weighted(name)
        && let Some(value) = by_weight(name, request)
    {
        return value;
    }
    let mut value = Vec::new();
    for line in request.get_all(name) {
        // "combining multiple header field lines with the same field name (see Section 5.2 of [HTTP])"
        match line.to_str() {
            // "adding or removing whitespace, where allowed in the header field's syntax"
            Ok(line) if is_list(name) => {
                members(line).for_each(|member| append(&mut value, member.as_bytes()))
            }
            _ => append(&mut value, line.as_bytes().trim_ascii()),
        }
    }
    value
}

/// "normalizing both header field values in a way that is known to have identical semantics, according to the header
/// field's specification (e.g., reordering field values when order is not significant; case-normalization, where values
/// are defined to be case-insensitive)"; `None` where a member cannot be read.
fn by_weight(name: &HeaderName, request: &HeaderMap) -> Option<Vec<u8>> {
    let lines = request.get_all(name);
    if lines.iter().any(|line| line.to_str().is_err()) {
        return None;
    }
    let mut weights = Vec::new();
    for member in list_members(request, name) {
        let (preferred, weight) = weighted(member)?;
        weights.push((weight, preferred.to_ascii_lowercase()));
    }
    // RFC 9110 §12.5.4: "Note that some recipients treat the order in which language tags are listed as an indication of
    // descending priority, particularly for tags that are assigned equal quality values (no value is the same as q=1).
    // However, this behavior cannot be relied upon."
    weights.sort_unstable();
    weights.dedup();
    let mut value = Vec::new();
    for (weight, preferred) in weights {
        append(&mut value, preferred.as_bytes());
        // At least one of the octets is a control character: nothing that is not read here looks like it.
        value.extend_from_slice(&weight.to_be_bytes());
    }
    Some(value)
}

fn append(value: &mut Vec<u8>, part: &[u8]) {
    if !value.is_empty() {
        value.push(b',');
    }
    value.extend_from_slice(part);
}

/// Whether white space around a comma means nothing: not in what people write freely, nor in what tells them apart.
fn is_list(name: &HeaderName) -> bool {
    ![header::AUTHORIZATION, header::COOKIE, header::REFERER, header::USER_AGENT].contains(name)
}

/// Whether the value is a list of case-insensitive names with weights.
fn is_weighted(name: &HeaderName) -> bool {
    [header::ACCEPT_CHARSET, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE].contains(name)
}

fn is_coded(response: &HeaderMap) -> bool {
    list_members(response, &header::CONTENT_ENCODING)
        .any(|coding| !coding.eq_ignore_ascii_case("identity"))
}

fn allows_one_origin(response: &HeaderMap) -> bool {
    let allowed = response.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    allowed.iter().any(|origin| origin.as_bytes().trim_ascii() != b"*")
}

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    fn named(names: &[&str]) -> SelectingFields {
        SelectingFields::Named(names.iter().map(|name| name.parse().unwrap()).collect())
    }

    #[test]
    fn s4_1_a_vary_with_a_member_star_always_fails_to_match() {
        for vary in ["*", "*, Foo", "Foo, *", ", *", "Foo\nVary: *", "a b", "\\xff", "\"Foo\""] {
            let selecting = selecting_fields(&fields(&format!("Vary: {vary}")));
            assert_eq!(selecting, SelectingFields::Any, "{vary}");
        }
    }

    #[test]
    fn s4_1_the_fields_named_select() {
        for (response, expected) in [
            ("", SelectingFields::None),
            ("Vary:", SelectingFields::None),
            ("Vary: Foo", named(&["foo"])),
            ("Vary: foo, BAR,\nVary: Foo", named(&["bar", "foo"])),
            ("Vary: Accept-Encoding", SelectingFields::None),
            ("Vary: Accept-Encoding, Foo", named(&["foo"])),
            ("Vary: Accept-Encoding\nContent-Encoding: identity", SelectingFields::None),
            ("Vary: Accept-Encoding\nContent-Encoding: gzip", named(&["accept-encoding"])),
        ] {
            assert_eq!(selecting_fields(&fields(response)), expected, "{response}");
        }
    }

    #[test]
    fn allowing_one_origin_counts_as_vary_origin() {
        for (response, expected) in [
            ("Access-Control-Allow-Origin: *", SelectingFields::None),
            ("Access-Control-Allow-Origin: https://a.example", named(&["origin"])),
            ("Access-Control-Allow-Origin: null", named(&["origin"])),
            ("Access-Control-Allow-Origin: https://a.example\nVary: Origin", named(&["origin"])),
            ("Access-Control-Allow-Origin: https://a.example\nVary: *", SelectingFields::Any),
        ] {
            assert_eq!(selecting_fields(&fields(response)), expected, "{response}");
        }
    }

    fn match_in(names: &[&str], first: &str, second: &str) -> bool {
        let names: Vec<HeaderName> = names.iter().map(|name| name.parse().unwrap()).collect();
        selecting_values(&names, &fields(first)) == selecting_values(&names, &fields(second))
    }

    #[test]
    fn s4_1_requests_match_after_normalisation() {
        for (first, second, expected) in [
            ("Foo: 1", "Foo: 1", true),
            ("Foo: 1", "Foo: 2", false),
            ("Foo: 1\nBar: 1", "Foo: 1\nBar: 2", true),
            ("Foo: 1,2", "Foo: 1 ,\t2,", true),
            ("Foo: 1, 2", "Foo: 1\nFoo: 2", true),
            ("Foo: 1, 2", "Foo: 2, 1", false),
            ("Foo: \"1, 2\"", "Foo: \"1,2\"", false),
            ("Foo: A", "Foo: a", false),
            ("Foo: \\xff", "Foo: \\xfe", false),
        ] {
            assert_eq!(match_in(&["foo"], first, second), expected, "{first} / {second}");
        }
        assert!(!match_in(&["cookie"], "Cookie: a=1,b", "Cookie: a=1, b"));
    }

    #[test]
    fn s4_1_languages_match_by_what_they_weigh() {
        for (first, second, expected) in [
            ("en, DE", "EN,de", true),
            ("en, de", "de, en", true),
            ("en, de", "de\nAccept-Language: en", true),
            ("en, en, de", "de, en", true),
            ("en;q=1, de;q=0.50", "de; q=0.5 , en", true),
            ("en;q=0.8, de", "de, en;q=0.8", true),
            ("en;q=0.8, de", "en, de;q=0.8", false),
            ("en;q=0.8", "en", false),
            ("en;q=0", "", false),
            ("en", "en, de", false),
            ("en, *;q=0.1", "en", false),
            ("en-GB", "en", false),
            // What cannot be read is not put in order.
            ("en;q=x, de", "de, en;q=x", false),
            ("en;q=x, de", "en;q=x,de", true),
            ("en;q=1000", "en", false),
            ("en, \\xff", "en", false),
        ] {
            let [first, second] = [first, second].map(|value| format!("Accept-Language: {value}"));
            assert_eq!(
                match_in(&["accept-language"], &first, &second),
                expected,
                "{first} / {second}"
            );
        }
    }

    #[test]
    fn s4_1_an_absent_field_matches_an_absent_one_only() {
        assert!(match_in(&["foo"], "", "Bar: 1"));
        assert!(!match_in(&["foo"], "", "Foo:"));
        assert!(!match_in(&["foo"], "Foo: 1", ""));
    }

    #[test]
    fn s4_1_each_nominated_field_has_to_match_by_itself() {
        let names = ["foo", "bar"];
        assert!(!match_in(&names, "Foo: 1\nBar: 2", "Foo: 2\nBar: 1"));
        assert!(!match_in(&names, "Foo: 1", "Bar: 1"));
        assert!(!match_in(&names, "Foo: 1, 2\nBar: 3", "Foo: 1\nBar: 2, 3"));
    }
}
