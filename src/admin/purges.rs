//! Purges as they are asked for in JSON, and the last of those that were done.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::caching::purge::{BadSelector, Purge, Selector};

/// How many purges are remembered.
const REMEMBERED: usize = 1000;

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

/// A purge that was done.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Done {
    pub(super) id: String,
    /// How many stored responses it covered.
    pub(super) matched: u64,
}

/// The last purges.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<VecDeque<Done>>);

impl History {
    pub(super) fn add(&self, done: Done) {
        let mut purges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        purges.truncate(REMEMBERED - 1);
        purges.push_front(done);
    }

    pub(super) fn find(&self, id: &str) -> Option<Done> {
        let purges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        purges.iter().find(|done| done.id == id).cloned()
    }
}
