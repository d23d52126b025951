//! Whole histories: whatever an origin says and does, whatever clients ask for, whatever is purged and however much time
//! passes between, nothing is ever served that is staler than the rules allow, and nothing fresh is asked for again.
//!
//! The cache here is put together of the same decisions as the real one, without its tasks and sockets. The judge knows
//! none of them: it keeps what the origin said in plain numbers and works out from RFC 9111 what may be served.

mod judge;

use std::collections::HashMap;
use std::iter::empty;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use proptest::prelude::*;

use super::{Condemned, Memory, Purged};
use crate::caching::cache_control::request_directives;
use crate::caching::freshness::Exchange;
use crate::caching::key::{Key, Keyer};
use crate::caching::purge::Selector;
use crate::caching::reuse::{Reuse, reuse, reuse_after_failure};
use crate::caching::rules::{Rules, StaleWindow};
use crate::caching::stamp::{Position, Stamp};
use crate::caching::storability::{Credentials, RequestFacts, Storability, storability};
use crate::caching::storable_fields::storable_fields;
use crate::caching::stored::{HeadParts, StoredHead, StoredResponse};
use crate::caching::terms::terms;
use crate::caching::validation::{Validated, conditional, validated};
use crate::clock::Timestamp;
use judge::{Confirmed, Good, Said, Wish};

#[derive(Clone, Debug)]
enum Event {
    Ask { wish: Wish, fails: bool, takes: u64, purged_meanwhile: Option<bool> },
    Changes(Said),
    Purge { soft: bool },
    Passes(u64),
}

/// The name of the response, which no two share.
static SERIAL: HeaderName = HeaderName::from_static("x-serial");

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// With the response of this serial number, as it was stored.
    Stored(u64),
    /// With what the origin gave, or called good, just then.
    FromOrigin,
    /// With a stored response because the origin failed.
    InsteadOfFailure(u64),
    /// Not at all.
    Failure,
    /// 504, without asking.
    Unmet,
}

/// Client, cache and origin, and the judge.
struct World {
    now: u64,
    key: Key,
    rules: Rules,
    memory: Memory,
    purged: Purged,
    origin: Said,
    serial: u64,
    confirmed: HashMap<u64, Confirmed>,
    last_hard: u64,
    last_soft: u64,
    /// The number of purges before each fetch that brought a response or called it good.
    purges_before: HashMap<u64, u64>,
    purges: u64,
}

impl World {
    fn new(origin: Said, fallback: u64) -> Self {
        let window = StaleWindow::Fallback(Duration::from_secs(fallback));
        Self {
            now: 1_000_000,
            key: Keyer::default().key("http", "a", "/", empty()),
            rules: Rules {
                honor_request_directives: true,
                stale_while_revalidate: window,
                stale_if_error: window,
                ..Rules::default()
            },
            memory: Memory::new(1 << 20, || ()),
            purged: Purged::default(),
            origin,
            serial: 0,
            confirmed: HashMap::new(),
            last_hard: 0,
            last_soft: 0,
            purges_before: HashMap::new(),
            purges: 0,
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_secs(self.now)
    }

    fn purge(&mut self, soft: bool) {
        self.purges += 1;
        if soft {
            self.last_soft = self.purges;
        } else {
            self.last_hard = self.purges;
        }
        self.purged.apply(&[Selector::All], soft);
    }

    fn stored(&self) -> Option<Arc<StoredResponse>> {
        let found = self.memory.get(&self.key)?;
        let response = found.select(&HeaderMap::new())?;
        (self.purged.fate(response.head()) != Some(Condemned::Hard)).then(|| Arc::clone(response))
    }

    fn ask(
        &mut self,
        wish: Wish,
        fails: bool,
        takes: u64,
        purged_meanwhile: Option<bool>,
    ) -> Answer {
        let directives = request_directives(&wish.fields());
        let Some(stored) = self.stored() else {
            if wish == Wish::OnlyIfCached {
                return Answer::Unmet;
            }
            return self.fetch(None, wish, fails, takes, purged_meanwhile);
        };
        let credentials = Credentials::default();
        let terms = *stored.head().terms();
        let soft = self.purged.fate(stored.head()) == Some(Condemned::Soft);
        match reuse(&directives, credentials, &terms, &self.rules, self.time()) {
            Reuse::OnlyIfCachedUnmet => Answer::Unmet,
            Reuse::Fresh | Reuse::StaleWhileRevalidate | Reuse::Stale(_) if soft => {
                if wish == Wish::OnlyIfCached {
                    Answer::Unmet
                } else {
                    self.fetch(Some(stored), wish, fails, takes, purged_meanwhile)
                }
            }
            Reuse::Fresh | Reuse::StaleWhileRevalidate | Reuse::Stale(_) => {
                Answer::Stored(serial(&stored))
            }
            Reuse::Validate(_) | Reuse::Unusable(_) => {
                self.fetch(Some(stored), wish, fails, takes, purged_meanwhile)
            }
        }
    }

    fn fetch(
        &mut self,
        stale: Option<Arc<StoredResponse>>,
        wish: Wish,
        fails: bool,
        takes: u64,
        purged_meanwhile: Option<bool>,
    ) -> Answer {
        let (asked, stamp, purges) =
            (self.now, self.purged.stamp(Position::default()), self.purges);
        let mut request = wish.fields();
        let stored = stale.as_ref().map(|stale| stale.head().fields(0)).unwrap_or_default();
        conditional(&stored, &mut request);
        self.now += takes;
        if let Some(soft) = purged_meanwhile {
            self.purge(soft);
        }
        if fails {
            return self.after_failure(stale, wish);
        }
        let said = self.origin.clone();
        let exchange =
            Exchange { request_time: Timestamp::from_secs(asked), response_time: self.time() };
        let confirmed = Confirmed { said: said.clone(), asked, answered: self.now };
        let mut answer = said.fields(self.now);
        if let Some(stale) = &stale
            && said.has_tag
            && request
                .get("if-none-match")
                .is_some_and(|tag| tag.as_bytes() == said.tag().as_bytes())
        {
            let freshened = validated(&stored, StatusCode::NOT_MODIFIED, &answer);
            let Validated::Freshened(fields) = freshened else { panic!("{freshened:?}") };
            let terms = terms(StatusCode::OK, &fields, &self.rules, exchange);
            let freshened = Arc::new(stale.freshened(&fields, terms, stamp));
            let hard = self.purged.fate(freshened.head()) == Some(Condemned::Hard);
            if self.is_storable(&fields) && !hard {
                self.note(serial(stale), confirmed, purges);
                self.memory.insert(&self.key, freshened);
            } else {
                self.memory.remove(self.key.hash(), stale);
            }
            return Answer::FromOrigin;
        }
        self.serial += 1;
        answer.insert(&SERIAL, HeaderValue::from(self.serial));
        let head = self.head(&answer, exchange, stamp);
        if self.is_storable(&answer) && self.purged.fate(&head).is_none() {
            self.note(self.serial, confirmed, purges);
            let body = [Bytes::from_static(b"body")];
            self.memory.insert(&self.key, Arc::new(StoredResponse::new(&head, &body, &[])));
        } else if let Some(stale) = stale {
            self.memory.remove(self.key.hash(), &stale);
        }
        Answer::FromOrigin
    }

    fn after_failure(&self, stale: Option<Arc<StoredResponse>>, wish: Wish) -> Answer {
        let directives = request_directives(&wish.fields());
        let stale = stale
            .filter(|stale| self.purged.fate(stale.head()) != Some(Condemned::Hard))
            .filter(|stale| {
                let terms = stale.head().terms();
                reuse_after_failure(&directives, terms, &self.rules, self.time()).is_some()
            });
        stale.map_or(Answer::Failure, |stale| Answer::InsteadOfFailure(serial(&stale)))
    }

    fn is_storable(&self, fields: &HeaderMap) -> bool {
        let nothing = HeaderMap::new();
        let facts = RequestFacts::of(&Method::GET, &nothing, false);
        storability(facts, StatusCode::OK, fields, &self.rules) == Storability::Store
    }

    fn head(&self, fields: &HeaderMap, exchange: Exchange, stamp: Stamp) -> StoredHead {
        StoredHead::new(&HeadParts {
            key: &self.key,
            route: "",
            tags: &[],
            selecting: &[],
            selecting_values: b"",
            status: StatusCode::OK,
            fields: &storable_fields(fields),
            terms: terms(StatusCode::OK, fields, &self.rules, exchange),
            stamp,
        })
    }

    fn note(&mut self, serial: u64, confirmed: Confirmed, purges: u64) {
        self.confirmed.insert(serial, confirmed);
        self.purges_before.insert(serial, purges);
    }
}

fn serial(response: &StoredResponse) -> u64 {
    let serial = response.head().field(&SERIAL).unwrap();
    serial.to_str().unwrap().parse().unwrap()
}

fn said() -> impl Strategy<Value = Said> {
    let seconds = || prop::option::of(0u64..40);
    let lifetimes = (seconds(), prop::option::weighted(0.2, 0u64..40), 0u64..40);
    let moments = (0u64..15, 0u64..15);
    let never = prop::array::uniform3(prop::bool::weighted(0.1));
    (0u64..3, prop::bool::weighted(0.8), lifetimes, moments, never, seconds(), seconds()).prop_map(
        |(version, has_tag, (max_age, s_maxage, expires), (age, date_before), never, swr, sie)| {
            Said {
                version,
                has_tag,
                max_age,
                s_maxage,
                expires,
                age,
                date_before,
                no_cache: never[0],
                no_store: never[1],
                must_revalidate: never[2],
                while_revalidate: swr.filter(|_| age % 2 == 0),
                if_error: sie.filter(|_| date_before % 2 == 0),
            }
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let wish = prop_oneof![
        4 => Just(Wish::None),
        1 => Just(Wish::NoCache),
        1 => Just(Wish::OnlyIfCached),
        1 => (0u64..40).prop_map(Wish::MaxAge),
        1 => (0u64..40).prop_map(Wish::MinFresh),
        1 => prop::option::of(0u64..40).prop_map(Wish::MaxStale),
        1 => (0u64..40).prop_map(Wish::StaleIfError),
    ];
    let meanwhile = prop::option::weighted(0.1, any::<bool>());
    prop_oneof![
        6 => (wish, prop::bool::weighted(0.4), 0u64..8, meanwhile).prop_map(|(wish, fails, takes, purged_meanwhile)| {
            Event::Ask { wish, fails, takes, purged_meanwhile }
        }),
        2 => (0u64..25).prop_map(Event::Passes),
        2 => said().prop_map(Event::Changes),
        1 => any::<bool>().prop_map(|soft| Event::Purge { soft }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_served_that_is_staler_than_the_rules_allow(
        first in said(),
        fallback in prop_oneof![Just(0u64), 1u64..30],
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut world = World::new(first, fallback);
        for event in events {
            match event {
                Event::Passes(time) => world.now += time,
                Event::Changes(said) => world.origin = said,
                Event::Purge { soft } => world.purge(soft),
                Event::Ask { wish, fails, takes, purged_meanwhile } => {
                    let before = world.stored().map(|stored| serial(&stored));
                    let good = before.and_then(|serial| {
                        let after_all = world.purges_before[&serial] >= world.last_soft;
                        let known = &world.confirmed[&serial];
                        known.good_for(wish, world.now, fallback).filter(|_| after_all)
                    });
                    let answer = world.ask(wish, fails, takes, purged_meanwhile);
                    match answer {
                        Answer::Stored(serial) => {
                            prop_assert!(good.is_some(), "{wish:?} at {}: {:?}", world.now, world.confirmed[&serial]);
                            prop_assert!(world.purges_before[&serial] >= world.last_hard);
                        }
                        Answer::InsteadOfFailure(serial) => {
                            prop_assert!(fails && good.is_none());
                            prop_assert!(world.purges_before[&serial] >= world.last_hard);
                            let known = &world.confirmed[&serial];
                            prop_assert!(
                                known.good_after_failure(wish, world.now, fallback),
                                "{wish:?} at {}: {known:?}", world.now
                            );
                        }
                        Answer::FromOrigin => prop_assert!(!fails && good.is_none()),
                        Answer::Unmet => prop_assert!(wish == Wish::OnlyIfCached && good.is_none()),
                        // What could have been served instead would have been.
                        Answer::Failure => {
                            prop_assert!(fails && good.is_none());
                            let instead = before.filter(|serial| {
                                world.purges_before[serial] >= world.last_hard
                                    && world.confirmed[serial].good_after_failure(wish, world.now, fallback)
                            });
                            prop_assert_eq!(instead, None);
                        }
                    }
                    if good == Some(Good::Fresh) {
                        prop_assert_eq!(answer, Answer::Stored(before.unwrap()), "asked for what is fresh");
                    }
                    // What the origin forbade to keep is gone.
                    if let Some(stored) = world.stored() {
                        prop_assert!(!world.confirmed[&serial(&stored)].said.no_store);
                    }
                }
            }
        }
    }
}
