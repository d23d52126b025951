//! `[compression]`: which content codings are made, and of what.

use super::kinds::{boolean, list_of, one_of, size, some_of};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::caching::CodingRules;
use crate::semantics::content_coding::Coding;
use crate::semantics::fields::is_token;

const TYPES: &str = r#"["text/*", "application/json", "application/javascript", "application/xml", "image/svg+xml"]"#;

/// What holds for routes that do not say.
pub(super) fn compression(table: &Table<'_>) -> CodingRules {
    let enabled = table.get("enabled", "true", boolean);
    let codings =
        table.get("encodings", r#"["br", "gzip"]"#, some_of("codings", one_of(&ENCODINGS)));
    if let Some(twice) = (1..codings.len()).find(|i| codings[..*i].contains(&codings[*i])) {
        table.refuse("encodings", format!("{:?} stands here twice", codings[twice].as_str()));
    }
    CodingRules {
        codings: if enabled { codings } else { Vec::new() },
        types: table.get("types", TYPES, list_of("media types", media_type)),
        min_length: table.get("min_length", "1KiB", size),
        personal: false,
    }
}

const ENCODINGS: [(&str, Coding); 2] = [("br", Coding::Brotli), ("gzip", Coding::Gzip)];

/// `text/html` or `text/*`.
fn media_type(value: &Value<'_>) -> Result<Box<str>, Wrong> {
    value.parsed("a media type like \"application/json\" or \"text/*\"", |text| {
        let (family, kind) = text.split_once('/')?;
        let sound = is_token(family) && is_token(kind) && !family.contains('*');
        (sound && (kind == "*" || !kind.contains('*'))).then(|| text.to_ascii_lowercase().into())
    })
}
