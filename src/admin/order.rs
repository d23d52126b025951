//! Purges as they are asked for in JSON.

use std::time::Duration;

use serde::Deserialize;

use crate::caching::purge::{BadSelector, Purge, Selector};

/// `{"tag": ["user:1", "user:2"], "soft": true}`: whatever one of the selectors covers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Order {
    url: Many,
    prefix: Many,
    tag: Many,
    route: Many,
    all: bool,
    soft: bool,
    dry_run: bool,
}

/// One or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Many {
    One(String),
    List(Vec<String>),
}

impl Default for Many {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Many {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::List(list) => list,
        }
    }
}

impl Order {
    /// Reads an order; the error says what is wrong with it.
    pub(super) fn read(json: &[u8]) -> Result<Purge, String> {
        let order: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut selectors = Vec::new();
        let mut select = |kind, texts: &Many, parse: fn(&str) -> Result<Selector, BadSelector>| {
            for text in texts.as_slice() {
                selectors.push(parse(text).map_err(|error| format!("{kind} {text:?}: {error}"))?);
            }
            Ok::<(), String>(())
        };
        select("url", &order.url, Selector::url)?;
        select("prefix", &order.prefix, Selector::prefix)?;
        select("tag", &order.tag, Selector::tag)?;
        select("route", &order.route, Selector::route)?;
        if order.all {
            selectors.push(Selector::All);
        }
        if selectors.is_empty() {
            return Err("nothing selected: expected url, prefix, tag, route or all".to_owned());
        }
        Ok(Purge { selectors, soft: order.soft, dry_run: order.dry_run })
    }
}

/// How long the answer about a purge may wait, as in `?wait=1s` or `?wait=500ms`; `None`: it does not say so.
pub(super) fn wait(query: &str) -> Option<Duration> {
    let text = query.split('&').find_map(|part| part.strip_prefix("wait="))?;
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u32 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number.into())),
        "s" => Some(Duration::from_secs(number.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_seconds_or_milliseconds() {
        for (query, expected) in [
            ("wait=1s", Some(1000)),
            ("a=b&wait=250ms", Some(250)),
            ("wait=0s", Some(0)),
            ("wait=4294967295s", Some(4_294_967_295_000)),
            ("wait=4294967296s", None),
            ("wait=1", None),
            ("wait=s", None),
            ("wait=-1s", None),
            ("wait=1h", None),
            ("wait=", None),
            ("", None),
        ] {
            assert_eq!(wait(query), expected.map(Duration::from_millis), "{query}");
        }
    }
}
