//! What the judge knows: what the origin said, in plain numbers, and what RFC 9111 makes of them.

use http::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderValue};

use crate::clock::Timestamp;
use crate::semantics::date;

/// What the origin says of its responses, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) version: u64,
    pub(super) has_tag: bool,
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    /// Behind Date.
    pub(super) expires: u64,
    pub(super) age: u64,
    /// How long before it answers the response was made.
    pub(super) date_before: u64,
    pub(super) no_cache: bool,
    pub(super) no_store: bool,
    pub(super) must_revalidate: bool,
    pub(super) while_revalidate: Option<u64>,
    pub(super) if_error: Option<u64>,
}

/// What a request's Cache-Control says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    None,
    NoCache,
    OnlyIfCached,
    MaxAge(u64),
    MinFresh(u64),
    MaxStale(Option<u64>),
    StaleIfError(u64),
}

impl Wish {
    pub(super) fn fields(self) -> HeaderMap {
        let value = match self {
            Self::None => return HeaderMap::new(),
            Self::NoCache => "no-cache".to_owned(),
            Self::OnlyIfCached => "only-if-cached".to_owned(),
            Self::MaxAge(most) => format!("max-age={most}"),
            Self::MinFresh(least) => format!("min-fresh={least}"),
            Self::MaxStale(None) => "max-stale".to_owned(),
            Self::MaxStale(Some(most)) => format!("max-stale={most}"),
            Self::StaleIfError(most) => format!("stale-if-error={most}"),
        };
        HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::try_from(value).unwrap())])
    }
}

impl Said {
    pub(super) fn tag(&self) -> String {
        format!("\"v{}\"", self.version)
    }

    pub(super) fn fields(&self, at: u64) -> HeaderMap {
        let mut directives = vec!["x".to_owned()];
        let mut with = |name: &str, value: Option<u64>| {
            directives.extend(value.map(|value| format!("{name}={value}")));
        };
        with("max-age", self.max_age);
        with("s-maxage", self.s_maxage);
        with("stale-while-revalidate", self.while_revalidate);
        with("stale-if-error", self.if_error);
        for (name, said) in [
            ("no-cache", self.no_cache),
            ("no-store", self.no_store),
            ("must-revalidate", self.must_revalidate),
        ] {
            directives.extend(said.then(|| name.to_owned()));
        }
        let made = at.saturating_sub(self.date_before);
        let mut lines = vec![
            (CACHE_CONTROL, directives.join(", ")),
            (DATE, date::format(Timestamp::from_secs(made))),
            (EXPIRES, date::format(Timestamp::from_secs(made + self.expires))),
            (AGE, self.age.to_string()),
        ];
        lines.extend(self.has_tag.then(|| (ETAG, self.tag())));
        let lines = lines.into_iter();
        lines.map(|(name, value)| (name, HeaderValue::try_from(value).unwrap())).collect()
    }
}

/// What the judge knows of a response: what the origin said last when it gave it or called it good, and when.
#[derive(Clone, Debug)]
pub(super) struct Confirmed {
    pub(super) said: Said,
    pub(super) asked: u64,
    pub(super) answered: u64,
}

impl Confirmed {
    /// RFC 9111 §4.2.1.
    fn lifetime(&self) -> u64 {
        self.said.s_maxage.or(self.said.max_age).unwrap_or(self.said.expires)
    }

    /// RFC 9111 §4.2.3.
    fn age(&self, now: u64) -> u64 {
        let corrected = self.said.age + (self.answered - self.asked);
        self.said.date_before.max(corrected) + (now - self.answered)
    }

    fn is_fresh(&self, now: u64) -> bool {
        self.lifetime() > self.age(now)
    }

    fn staleness(&self, now: u64) -> u64 {
        self.age(now).saturating_sub(self.lifetime())
    }

    /// Whether it may be used stale at all (§4.2.4).
    fn may_be_stale(&self) -> bool {
        let names_a_window = self.said.while_revalidate.is_some() || self.said.if_error.is_some();
        let by_s_maxage = self.said.s_maxage.is_some() && !names_a_window;
        !self.said.must_revalidate && !self.said.no_cache && !by_s_maxage
    }

    /// What makes it good enough for a request without a word from the origin; `None`: nothing does.
    pub(super) fn good_for(&self, wish: Wish, now: u64, fallback: u64) -> Option<Good> {
        let age = self.age(now);
        let refused = match wish {
            _ if self.said.no_cache => true,
            Wish::NoCache => true,
            Wish::MaxAge(most) => age > most,
            Wish::MinFresh(least) => self.lifetime() < age + least,
            _ => false,
        };
        if refused {
            return None;
        }
        if self.is_fresh(now) {
            return Some(Good::Fresh);
        }
        let staleness = self.staleness(now);
        let window = self.said.while_revalidate.unwrap_or(fallback);
        let within = window > 0 && staleness <= window && !matches!(wish, Wish::MaxAge(_));
        let taken = match wish {
            Wish::MaxStale(most) => most.is_none_or(|most| staleness <= most),
            _ => false,
        };
        (self.may_be_stale() && (within || taken)).then_some(Good::Stale)
    }

    pub(super) fn good_after_failure(&self, wish: Wish, now: u64, fallback: u64) -> bool {
        let asked_for = if let Wish::StaleIfError(most) = wish { most } else { 0 };
        let window = self.said.if_error.unwrap_or(fallback).max(asked_for);
        self.may_be_stale() && window > 0 && self.staleness(now) <= window
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Good {
    Fresh,
    Stale,
}
