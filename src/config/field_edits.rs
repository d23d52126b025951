//! `request_headers` and `response_headers`: what is changed about the fields of messages.

use http::header::{HeaderName, HeaderValue};

use super::kinds::list_of;
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::policy::{FieldEdit, FieldEdits};

/// The table `request_headers`: of what goes forward.
pub(super) fn request_fields(table: &Table<'_>) -> FieldEdits {
    edits(table, |name| {
        let name = name.as_str();
        match name {
            _ if OF_THE_CONNECTION.contains(&name) => Some(NOT_HERE),
            "host" => Some("is what \"host\" of the upstream says"),
            "accept-encoding" => Some("is what [compression] needs"),
            _ if name.starts_with("if-") || OF_THE_REQUEST.contains(&name) => Some(NOT_HERE),
            _ => None,
        }
    })
}

/// The table `response_headers`: of every answer.
pub(super) fn response_fields(table: &Table<'_>) -> FieldEdits {
    edits(table, |name| {
        let is_ours = |names: &[&str]| names.contains(&name.as_str());
        (is_ours(&OF_THE_CONNECTION) || is_ours(&OF_THE_RESPONSE)).then_some(NOT_HERE)
    })
}

const NOT_HERE: &str = "is not for the configuration to change";

/// What concerns one connection, or says how a message is framed.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What we ask the app ourselves, and by what we know our own requests.
const OF_THE_REQUEST: [&str; 5] = ["content-encoding", "expect", "http2-settings", "range", "via"];

/// How the content is to be read, and how old it is.
const OF_THE_RESPONSE: [&str; 4] = ["age", "content-encoding", "content-range", "date"];

/// Takes out, then sets, then adds. `barred` says what is wrong with a name.
fn edits(table: &Table<'_>, barred: impl Fn(&HeaderName) -> Option<&'static str>) -> FieldEdits {
    const PAIRS: &str = "a table like { \"x-name\" = \"value\" }";
    let name = |text: &str| {
        let name = HeaderName::from_bytes(text.as_bytes())
            .map_err(|_| Wrong::because(format!("expected a field name, not {text:?}")))?;
        match barred(&name) {
            Some(why) => Err(Wrong::because(format!("\"{name}\" {why}"))),
            None => Ok(name),
        }
    };
    let pairs = |key| {
        let pairs = table.find(key, |given| {
            given.pairs(PAIRS, |text, value| Ok((name(text)?, field_value(value)?)))
        });
        let pairs = pairs.unwrap_or_default();
        let is_earlier = |i: usize| pairs[..i].iter().any(|(name, _)| *name == pairs[i].0);
        if let Some(twice) = (1..pairs.len()).find(|i| is_earlier(*i)) {
            table.refuse(key, format!("\"{}\" stands here twice", pairs[twice].0));
        }
        pairs
    };
    let (set, add) = (pairs("set"), pairs("add"));
    let remove = table.find(
        "remove",
        list_of("field names", |value: &Value<'_>| name(&value.string("a field name")?)),
    );
    let remove = remove.into_iter().flatten().map(FieldEdit::Remove);
    let set = set.into_iter().map(|(name, value)| FieldEdit::Set(name, value));
    let add = add.into_iter().map(|(name, value)| FieldEdit::Add(name, value));
    remove.chain(set).chain(add).collect()
}

fn field_value(value: &Value<'_>) -> Result<HeaderValue, Wrong> {
    const WHAT: &str = "a string of visible characters and spaces, on one line";
    let text = value.string(WHAT)?;
    let is_trimmed = text.trim() == text;
    let parsed = HeaderValue::from_str(&text).ok().filter(|_| is_trimmed);
    // It may be a credential.
    parsed.ok_or_else(|| Wrong::expected(WHAT).without_value())
}
