//! A purge as the log of the fleet has it.

use std::fmt;
use std::str::FromStr;

use super::purge::Selector;

/// The longest selector that is written as it is, in bytes. What is longer becomes one that covers more.
const LONGEST: usize = 2048;
/// Selectors of one record at the most.
const MOST_SELECTORS: usize = 64;

/// What a record is known by, whichever number it gets: a record that is appended again is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(u128);

/// A purge as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is known by.
    pub nonce: Nonce,
    /// What is meant: whatever one of them covers.
    pub selectors: Vec<Selector>,
    /// Whether what they cover is to be validated, rather than forgotten.
    pub soft: bool,
}

impl Nonce {
    /// One that nobody else has.
    pub fn random() -> Self {
        Self(fastrand::u128(..))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Nonce {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl Record {
    /// A purge as records: as many as it needs, each of bounded size.
    pub fn of(selectors: &[Selector], soft: bool) -> Vec<Self> {
        let record = |selectors: &[Selector]| Self {
            nonce: Nonce::random(),
            selectors: selectors.iter().map(within_bounds).collect(),
            soft,
        };
        selectors.chunks(MOST_SELECTORS).map(record).collect()
    }

    /// A record of everything.
    pub fn of_everything(soft: bool) -> Self {
        Self { nonce: Nonce::random(), selectors: vec![Selector::All], soft }
    }

    /// Bytes of its selectors, about.
    pub fn len(&self) -> usize {
        self.selectors.iter().map(|selector| name(selector).len()).sum()
    }

    /// True when it selects nothing.
    pub fn is_empty(&self) -> bool {
        self.selectors.is_empty()
    }
}

/// Reads a selector that was written by its [`fmt::Display`]. Unlike what operators write, it is taken byte for byte.
/// What is none covers everything.
pub fn selector(text: &str) -> Selector {
    let located = |url: &str| {
        if url.starts_with('/') {
            return Some((None, url.to_owned()));
        }
        let (_, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/')?);
        Some((Some(authority.to_owned()), path.to_owned()))
    };
    let read = match text.split_once(':') {
        Some(("url", url)) => located(url)
            .map(|(authority, path_and_query)| Selector::Url { authority, path_and_query }),
        Some(("prefix", prefix)) => {
            located(prefix).map(|(authority, path)| Selector::Prefix { authority, path })
        }
        Some(("tag", tag)) => Some(Selector::Tag(tag.to_owned())),
        Some(("route", route)) => Some(Selector::Route(route.to_owned())),
        _ => None,
    };
    read.unwrap_or(Selector::All)
}

/// The selector, or where it is too long one that covers all that it covers.
fn within_bounds(selector: &Selector) -> Selector {
    if name(selector).len() <= LONGEST {
        return selector.clone();
    }
    match selector {
        Selector::Url { authority, path_and_query: path }
        | Selector::Prefix { authority, path } => {
            let end = (0..=LONGEST).rev().find(|end| path.is_char_boundary(*end));
            let path = path.get(..end.unwrap_or(0)).unwrap_or_default().to_owned();
            Selector::Prefix { authority: authority.clone(), path }
        }
        Selector::Tag(_) | Selector::Route(_) | Selector::All => Selector::All,
    }
}

fn name(selector: &Selector) -> &str {
    match selector {
        Selector::Url { path_and_query: name, .. }
        | Selector::Prefix { path: name, .. }
        | Selector::Tag(name)
        | Selector::Route(name) => name,
        Selector::All => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_byte_for_byte() {
        let host = || Some("h:80".to_owned());
        for written in [
            Selector::Url { authority: None, path_and_query: "/a?b=http://c/#d".to_owned() },
            Selector::Url { authority: host(), path_and_query: "/\u{e4} b".to_owned() },
            Selector::Url { authority: Some("h:443".to_owned()), path_and_query: "/".to_owned() },
            Selector::Prefix { authority: host(), path: "/".to_owned() },
            Selector::Prefix { authority: None, path: "/a".to_owned() },
            Selector::Tag("user: 1:2".to_owned()),
            Selector::Route("r:s".to_owned()),
            Selector::All,
        ] {
            assert_eq!(selector(&written.to_string()), written);
        }
    }

    #[test]
    fn what_cannot_be_read_covers_everything() {
        for text in ["", "everything", "url:", "url:http://h", "prefix:a", "key:b"] {
            assert_eq!(selector(text), Selector::All, "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_becomes_one_that_covers_more() {
        let path = format!("/{}", "\u{e4}".repeat(LONGEST));
        let authority = Some("h".to_owned());
        let url = Selector::Url { authority: authority.clone(), path_and_query: path.clone() };
        let Selector::Prefix { authority: kept, path: shorter } = within_bounds(&url) else {
            panic!("not a prefix")
        };
        assert!(kept == authority && shorter.len() <= LONGEST && path.starts_with(&shorter));
        assert_eq!(within_bounds(&Selector::Tag(path)), Selector::All);
    }

    #[test]
    fn a_large_purge_becomes_several_records() {
        let tags: Vec<_> = (0..130).map(|tag| Selector::Tag(tag.to_string())).collect();
        let records = Record::of(&tags, true);
        assert_eq!(records.len(), 3);
        let all: Vec<_> = records.iter().flat_map(|record| record.selectors.clone()).collect();
        assert_eq!(all, tags);
        assert_ne!(records[0].nonce, records[1].nonce);
        assert_eq!(records[0].nonce.to_string().parse(), Ok(records[0].nonce));
    }
}
