//! What is in the key beside scheme, host and path: the query, and request fields.

use http::HeaderName;

use super::kinds::{boolean, list_of};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::policy::{BadGlob, NameGlob, QueryRules, Selection};

/// The table `query`.
pub(super) fn query(table: &Table<'_>) -> QueryRules {
    let ignore = table.find("ignore", list_of("parameters' names", glob));
    let only = table.find("only", list_of("parameters' names", glob));
    let selection = match (ignore, only) {
        (None, None) => Selection::All,
        (Some(ignored), None) => Selection::Ignore(ignored),
        (None, Some(kept)) => Selection::Only(kept),
        (Some(_), Some(kept)) => {
            table.refuse("ignore", "expected either this or only, not both");
            Selection::Only(kept)
        }
    };
    QueryRules { selection, sort: table.get("sort", "false", boolean), refresh: Vec::new() }
}

fn glob(value: &Value<'_>) -> Result<NameGlob, Wrong> {
    let text = value.string("a parameter's name like \"page\" or \"utm_*\"")?;
    text.parse().map_err(|bad: BadGlob| Wrong::because(bad.to_string()).at(bad.offset))
}

/// A request field whose value may be part of the key.
pub(super) fn key_header(value: &Value<'_>) -> Result<HeaderName, Wrong> {
    const WHAT: &str = "a field name like \"accept-language\"";
    let text = value.string(WHAT)?;
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| Wrong::expected(WHAT))?;
    let refused = name.as_str().starts_with("if-") || NEVER_IN_KEY.contains(&name.as_str());
    if refused {
        Err(Wrong::because(format!("\"{name}\" cannot be part of the key")))
    } else {
        Ok(name)
    }
}

/// Credentials, what is in the key anyway, and what is about one message or connection.
const NEVER_IN_KEY: [&str; 24] = [
    "accept-encoding",
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "pragma",
    "proxy-authorization",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-request-id",
];
