//! Which selectors cover a resource, without going through all of them.

use std::collections::{BTreeMap, HashMap};

use super::records::Condemned;
use crate::caching::purge::{Selector, Subject};

/// For each selector the numbers of its newest purges.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By authority, if they have one, and path: `host/path`, or `/path`.
    urls: Names,
    /// The same, by how long they are.
    prefixes: BTreeMap<usize, Names>,
    tags: Names,
    routes: Names,
    all: Newest,
    len: usize,
    bytes: usize,
}

type Names = HashMap<Box<str>, Newest>;

/// The numbers of the newest purges, 0 where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Newest {
    hard: u64,
    soft: u64,
}

impl Newest {
    /// What those newer than `since` do.
    pub(super) const fn strikes(self, since: u64) -> Option<Condemned> {
        if self.hard > since {
            Some(Condemned::Hard)
        } else if self.soft > since {
            Some(Condemned::Soft)
        } else {
            None
        }
    }

    fn note(&mut self, number: u64, condemned: Condemned) {
        let newest = match condemned {
            Condemned::Hard => &mut self.hard,
            Condemned::Soft => &mut self.soft,
        };
        *newest = number.max(*newest);
    }

    fn join(&mut self, other: Option<&Self>) {
        if let Some(other) = other {
            self.hard = self.hard.max(other.hard);
            self.soft = self.soft.max(other.soft);
        }
    }

    fn last(&self) -> u64 {
        self.hard.max(self.soft)
    }
}

impl Index {
    /// Notes a purge of `selector`.
    pub(super) fn note(&mut self, selector: &Selector, number: u64, condemned: Condemned) {
        let located = |authority: &Option<String>, path: &str| {
            format!("{}{path}", authority.as_deref().unwrap_or_default())
        };
        let (names, name) = match selector {
            Selector::All => return self.all.note(number, condemned),
            Selector::Url { authority, path_and_query } => {
                (&mut self.urls, located(authority, path_and_query))
            }
            Selector::Prefix { authority, path } => {
                let name = located(authority, path);
                (self.prefixes.entry(name.len()).or_default(), name)
            }
            Selector::Tag(tag) => (&mut self.tags, tag.clone()),
            Selector::Route(route) => (&mut self.routes, route.clone()),
        };
        let length = name.len();
        let before = names.len();
        names.entry(name.into()).or_default().note(number, condemned);
        if names.len() > before {
            self.len += 1;
            self.bytes += length;
        }
    }

    /// The newest purges that cover a resource with these tags.
    pub(super) fn newest<'t>(
        &self,
        subject: Subject<'_>,
        tags: impl Iterator<Item = &'t str>,
    ) -> Newest {
        let located = format!("{}{}", subject.authority, subject.path_and_query);
        let names = [located.as_str(), subject.path_and_query];
        let mut newest = self.all;
        for name in names {
            newest.join(self.urls.get(name));
            for (length, prefixes) in self.prefixes.range(..=name.len()) {
                // None: no prefix ends within a character.
                newest.join(name.get(..*length).and_then(|prefix| prefixes.get(prefix)));
            }
        }
        newest.join(self.routes.get(subject.route));
        for tag in tags {
            newest.join(self.tags.get(tag));
        }
        newest
    }

    /// Forgets the purges up to this one.
    pub(super) fn forget_up_to(&mut self, record: u64) {
        let maps = [&mut self.urls, &mut self.tags, &mut self.routes];
        for names in maps.into_iter().chain(self.prefixes.values_mut()) {
            names.retain(|_, newest| newest.last() > record);
            names.shrink_to_fit();
        }
        self.prefixes.retain(|_, names| !names.is_empty());
        if self.all.last() <= record {
            self.all = Newest::default();
        }
        (self.len, self.bytes) = self
            .maps()
            .flat_map(HashMap::keys)
            .fold((0, 0), |(len, bytes), name| (len + 1, bytes + name.len()));
    }

    /// How many selectors there are, beside `all`.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes that their texts have.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number that half of the selectors were last purged by, or before.
    pub(super) fn median(&self) -> u64 {
        let mut numbers: Vec<u64> =
            self.maps().flat_map(HashMap::values).map(Newest::last).collect();
        let half = numbers.len() / 2;
        if numbers.is_empty() {
            return 0;
        }
        let (_, median, _) = numbers.select_nth_unstable(half);
        *median
    }

    fn maps(&self) -> impl Iterator<Item = &Names> {
        [&self.urls, &self.tags, &self.routes].into_iter().chain(self.prefixes.values())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SELECTORS: [&str; 12] = [
        "url:/a?b",
        "url:http://h/a?b",
        "url:http://other/a?b",
        "url:/a",
        "prefix:/",
        "prefix:/a?",
        "prefix:http://h/a",
        "prefix:http://other/",
        "tag:t",
        "tag:u",
        "route:r",
        "all",
    ];

    fn selectors() -> Vec<Selector> {
        SELECTORS.iter().map(|text| text.parse().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_is_looked_up_is_what_going_through_all_would_find(
            purges in prop::collection::vec((0..SELECTORS.len(), any::<bool>()), 0..12),
            since in 0..12u64,
            forgotten in 0..6u64,
        ) {
            let (mut index, all) = (Index::default(), selectors());
            let subject = Subject { authority: "h", path_and_query: "/a?b", route: "r" };
            let mut expected = None;
            // Of each selector and kind, the newest counts: as long as none that is newer is there, and it is not forgotten.
            for (number, (which, soft)) in (1..).zip(&purges) {
                index.note(&all[*which], number, Condemned::by(*soft));
            }
            index.forget_up_to(forgotten);
            for (which, selector) in all.iter().enumerate() {
                let of = |wanted: bool| {
                    let numbers = (1..).zip(&purges);
                    let those = numbers.filter(|(_, purge)| **purge == (which, wanted));
                    those.map(|(number, _)| number).max().unwrap_or(0)
                };
                let newest = Newest { hard: of(false), soft: of(true) };
                if newest.last() > forgotten && selector.covers(subject, |tag| tag == "t") {
                    expected = expected.max(newest.strikes(since));
                }
            }
            let found = index.newest(subject, ["t"].into_iter()).strikes(since);
            prop_assert_eq!(found, expected);
            let named = all.iter().enumerate().filter(|(_, selector)| **selector != Selector::All);
            let kept = named.filter(|(which, _)| {
                (1..).zip(&purges).any(|(number, purge)| purge.0 == *which && number > forgotten)
            });
            prop_assert_eq!(index.len(), kept.count());
        }
    }
}
