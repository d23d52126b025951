//! Entity tags of our own (RFC 9110 §8.8.3): for responses that came without one, and for the codings we make.
//!
//! "An entity tag … is different for each representation": the gzip of what the origin calls `"x"` is `"x;gzip"`. What a
//! client sends back is understood whichever coding it had, and the origin only ever sees its own tags.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::semantics::content_coding::Coding;
use crate::semantics::fields::{list_members, single};

/// Begins the tags of responses that came without one.
const GENERATED: &str = "\"fb-";

/// A strong tag for a body: the same for the same bytes, on every replica and after a restart.
pub fn generated(body: &[Bytes]) -> String {
    let mut hasher = DefaultHasher::new();
    let mut length = 0;
    for chunk in body {
        hasher.write(chunk);
        length += chunk.len();
    }
    format!("{GENERATED}{length:x}-{:016x}\"", hasher.finish())
}

/// The tag of a coding made of the representation with this `tag`.
pub fn coded(tag: &HeaderValue, coding: Coding) -> Option<HeaderValue> {
    let tag = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::try_from(format!("{tag}{}", suffix(coding)?)).ok()
}

/// The conditions of a request with each tag as if it named the identity representation; its own fields where none names
/// another.
pub fn as_identity(request: &HeaderMap) -> Cow<'_, HeaderMap> {
    if [IF_MATCH, IF_NONE_MATCH].iter().all(|name| is_of_identity(request, name)) {
        return Cow::Borrowed(request);
    }
    let mut conditions = request.clone();
    for name in [IF_MATCH, IF_NONE_MATCH] {
        replace_tags(&mut conditions, &name, |tag| Some(without_suffix(tag)));
    }
    Cow::Owned(conditions)
}

/// Whether a list of tags is absent, or stands on one line, has a member and names no coding of ours.
fn is_of_identity(request: &HeaderMap, name: &HeaderName) -> bool {
    let mut suffixes = [Coding::Gzip, Coding::Brotli].into_iter().filter_map(suffix);
    match single(request, name) {
        Ok(None) => true,
        Ok(Some(tags)) => {
            !tags.trim_matches([' ', '\t', ',']).is_empty()
                && !suffixes.any(|suffix| tags.contains(suffix))
        }
        Err(_) => false,
    }
}

/// Makes the conditions of a request such as the origin understands: its own tags and nothing of ours.
pub fn as_the_origins(request: &mut HeaderMap) {
    replace_tags(request, &IF_NONE_MATCH, |tag| (!is_generated(tag)).then(|| without_suffix(tag)));
    // A write that is guarded by a tag stays guarded: one that the origin does not know fails there, as it must.
    replace_tags(request, &IF_MATCH, |tag| Some(without_suffix(tag)));
    let is_ours = |value: &HeaderValue| {
        value.to_str().is_ok_and(|tag| is_generated(tag) || without_suffix(tag) != tag)
    };
    // The part that is wanted is one of our coding, or of a response whose tag the origin does not know: it gets the whole.
    if request.get(IF_RANGE).is_some_and(is_ours) {
        request.remove(IF_RANGE);
        request.remove(RANGE);
    }
}

/// Replaces each tag of a list, leaving out those for which `replace` has none; without any left, the field goes.
fn replace_tags(
    fields: &mut HeaderMap,
    name: &HeaderName,
    replace: impl Fn(&str) -> Option<String>,
) {
    if !fields.contains_key(name) {
        return;
    }
    let tags: Vec<String> = list_members(fields, name).filter_map(replace).collect();
    match HeaderValue::try_from(tags.join(", ")) {
        Ok(value) if !tags.is_empty() => {
            fields.insert(name, value);
        }
        _ => {
            fields.remove(name);
        }
    }
}

fn is_generated(tag: &str) -> bool {
    tag.trim_start_matches("W/").starts_with(GENERATED)
}

fn without_suffix(tag: &str) -> String {
    let coded = [Coding::Gzip, Coding::Brotli].into_iter().filter_map(suffix);
    let stripped = coded.into_iter().find_map(|suffix| tag.strip_suffix(suffix));
    stripped.map_or_else(|| tag.to_owned(), |tag| format!("{tag}\""))
}

const fn suffix(coding: Coding) -> Option<&'static str> {
    match coding {
        Coding::Identity => None,
        Coding::Gzip => Some(";gzip\""),
        Coding::Brotli => Some(";br\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    #[test]
    fn each_coding_has_a_tag_of_its_own() {
        for (tag, coding, expected) in [
            ("\"x\"", Coding::Gzip, Some("\"x;gzip\"")),
            ("W/\"x\"", Coding::Brotli, Some("W/\"x;br\"")),
            ("\"x\"", Coding::Identity, None),
            ("x", Coding::Gzip, None),
        ] {
            let coded = coded(&HeaderValue::from_str(tag).unwrap(), coding);
            assert_eq!(
                coded.as_ref().map(|tag| tag.to_str().unwrap()),
                expected,
                "{tag} {coding:?}"
            );
        }
    }

    #[test]
    fn a_client_is_understood_whichever_coding_it_had() {
        let request = fields("If-None-Match: \"x;gzip\", W/\"y;br\", \"z\", *");
        let conditions = as_identity(&request);
        assert_eq!(conditions[IF_NONE_MATCH], "\"x\", W/\"y\", \"z\", *");
    }

    #[test]
    fn what_names_no_coding_stays_as_it_is_and_what_names_nothing_goes() {
        for (text, stays) in [
            ("", true),
            ("If-None-Match: \"x\"", true),
            ("If-None-Match: *", true),
            ("If-Match: \"gzip\", W/\"y\"\nIf-None-Match: \"x\"", true),
            ("If-Match: \"y;br\"\nIf-None-Match: \"x\"", false),
            ("If-None-Match: \"x\"\nIf-None-Match: \"y\"", false),
            ("If-None-Match: , ,", false),
        ] {
            let request = fields(text);
            assert_eq!(matches!(as_identity(&request), Cow::Borrowed(_)), stays, "{text}");
        }
        assert!(as_identity(&fields("If-Match: , ,")).is_empty());
    }

    #[test]
    fn the_origin_sees_its_own_tags_alone() {
        let generated = generated(&[Bytes::from_static(b"body")]);
        for (text, expected) in [
            (
                "If-None-Match: \"x;gzip\", \"y\"".to_owned(),
                vec![("if-none-match", "\"x\", \"y\"")],
            ),
            (format!("If-None-Match: {generated}"), vec![]),
            (format!("If-Match: {generated}"), vec![("if-match", generated.as_str())]),
            (format!("If-None-Match: W/{generated}, \"x\""), vec![("if-none-match", "\"x\"")]),
            ("Range: bytes=0-1\nIf-Range: \"x;br\"".to_owned(), vec![]),
            (
                "Range: bytes=0-1\nIf-Range: \"x\"".to_owned(),
                vec![("range", "bytes=0-1"), ("if-range", "\"x\"")],
            ),
        ] {
            let mut request = fields(&text);
            as_the_origins(&mut request);
            let seen: Vec<_> = request
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            assert_eq!(seen, expected, "{text}");
        }
    }

    #[test]
    fn equal_bodies_have_equal_tags_however_they_came() {
        let whole = generated(&[Bytes::from_static(b"abcdef")]);
        assert_eq!(whole, generated(&[Bytes::from_static(b"abcdef")]));
        assert_ne!(whole, generated(&[Bytes::from_static(b"abcdeg")]));
        assert!(whole.starts_with('"') && whole.ends_with('"'));
    }
}
