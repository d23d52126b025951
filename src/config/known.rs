//! Every key there is, and what to say of one that is none of them.

use std::collections::BTreeSet;

use super::nearest::nearest;
use super::problem::{Origin, Problem};

/// A key that something asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    /// The table it stands in: `cache.memory`, `route`.
    pub(super) section: String,
    pub(super) key: &'static str,
    /// As it would be written in a variable; `None`: it has none.
    pub(super) default: Option<&'static str>,
}

impl Known {
    pub(super) fn with_default(section: &str, key: &'static str, default: &'static str) -> Self {
        Self { section: section.to_owned(), key, default: Some(default) }
    }

    pub(super) fn optional(section: &str, key: &'static str) -> Self {
        Self { section: section.to_owned(), key, default: None }
    }

    /// The full name, without a route's number.
    pub(super) fn path(&self) -> String {
        if self.section.is_empty() {
            self.key.to_owned()
        } else {
            format!("{}.{}", self.section, self.key)
        }
    }
}

/// A key that nothing asked for.
pub(super) struct Unknown {
    pub(super) origin: Origin,
    /// The table it stands in.
    pub(super) section: String,
    /// Its full name.
    pub(super) path: String,
    /// Its last part.
    pub(super) key: String,
    /// Whether it stands for a table.
    pub(super) is_table: bool,
}

impl Unknown {
    /// One given outside the file, by its full name.
    pub(super) fn setting(origin: Origin, path: &str) -> Self {
        let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
        Self {
            origin,
            section: section.to_owned(),
            path: path.to_owned(),
            key: key.to_owned(),
            is_table: false,
        }
    }

    /// What to say of it, given all keys there are.
    pub(super) fn problem(&self, known: &BTreeSet<Known>) -> Problem {
        let what = if self.is_table { "unknown table" } else { "unknown key" };
        let message = match self.meant(known) {
            Some(meant) => format!("{what}; did you mean {meant}?"),
            None => what.to_owned(),
        };
        Problem { origin: self.origin.clone(), key: self.path.clone(), message }
    }

    /// The same key of another table, else the nearest of the same table.
    fn meant(&self, known: &BTreeSet<Known>) -> Option<String> {
        let elsewhere = known.iter().filter(|known| known.key == self.key);
        let elsewhere: Vec<_> = elsewhere.map(|known| format!("{:?}", known.path())).collect();
        if !elsewhere.is_empty() && elsewhere.len() <= 3 {
            return Some(elsewhere.join(" or "));
        }
        let here = known.iter().filter(|known| known.section == self.section);
        nearest(&self.key, here.map(|known| known.key)).map(|key| format!("{key:?}"))
    }
}
