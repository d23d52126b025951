//! What a live request is told that shows the debug token.

use std::fmt::Write;

use http::HeaderValue;

use super::key::shown;
use crate::cache::{Content, Inquiry, Served};
use crate::caching::stored::StoredHead;

/// Its route, its key and, where something stored was selected, by which fields: a dictionary of strings (RFC 9651
/// §3.2).
pub fn debug_field(inquiry: &Inquiry, served: &Served) -> Option<HeaderValue> {
    let mut members =
        vec![("route", inquiry.route.name.to_string()), ("key", shown(inquiry.key().as_bytes()))];
    let head: Option<&StoredHead> = match &served.content {
        Content::Stored(response) => Some(response.head()),
        Content::Arriving { arriving, .. } => Some(&arriving.head),
        _ => None,
    };
    if let Some(head) = head {
        let selecting: Vec<_> = head.selecting().map(|name| name.to_string()).collect();
        members.push(("variant", selecting.join(" ")));
    }
    let mut text = String::new();
    for (name, value) in members {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{name}=\"");
        for char in value.chars() {
            match char {
                '"' | '\\' => text.extend(['\\', char]),
                ' '..='~' => text.push(char),
                _ => text.push('?'),
            }
        }
        text.push('"');
    }
    HeaderValue::try_from(text).ok()
}
