//! A response in a value: its head, and every representation that memory holds of it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::octets::{Reader, put, put_duration, put_length};
use super::{Kind, Prologue, Unreadable, Writing, begun, sealed};
use crate::body::coder::gunzipped;
use crate::caching::freshness::Exchange;
use crate::caching::key::{self, Key};
use crate::caching::purge::Subject;
use crate::caching::rules::Rules;
use crate::caching::stamp::{Position, Stamp};
use crate::caching::stored::{HeadParts, Received, StoredHead, StoredResponse, terms_again};
use crate::caching::vary::selecting_values;
use crate::clock::Timestamp;
use crate::semantics::content_coding::Coding;

/// Field lines that a response may have: more than any that was received.
const MOST_LINES: usize = 1024;

/// A whole response as a value. `compress`: its body is left out where there is a gzip of it.
pub(in crate::store) fn response(
    response: &StoredResponse,
    writing: Writing,
    compress: bool,
) -> Bytes {
    let head = response.head();
    let Received { exchange, initial_age, answered } = head.received();
    let since_asked = writing.now.saturating_since(exchange.request_time);
    let mut value = begun(Kind::Response, answered, since_asked, writing);
    put(&mut value, head.key_bytes());
    put_duration(&mut value, exchange.response_time.saturating_since(exchange.request_time));
    put_duration(&mut value, initial_age);
    value.extend_from_slice(&head.status().as_u16().to_be_bytes());
    put(&mut value, head.route().as_bytes());
    let tags: Vec<&str> = head.tags().collect();
    put_list(&mut value, tags.iter().map(|tag| tag.as_bytes()));
    let selecting: Vec<HeaderName> = head.selecting().collect();
    put_list(&mut value, selecting.iter().map(|name| name.as_str().as_bytes()));
    put(&mut value, head.selecting_values());
    let fields = head.fields(0);
    put_length(&mut value, fields.len());
    for (name, line) in &fields {
        put(&mut value, name.as_str().as_bytes());
        put(&mut value, line.as_bytes());
    }
    put(&mut value, response.own_tag().as_ref().map_or(b"", HeaderValue::as_bytes));
    let coded = |coding| response.representation(coding).unwrap_or_default();
    let (body, gzip, brotli) = (response.body(), coded(Coding::Gzip), coded(Coding::Brotli));
    put_length(&mut value, body.len());
    put(&mut value, if compress && !gzip.is_empty() { b"" } else { &body });
    put(&mut value, &gzip);
    put(&mut value, &brotli);
    sealed(value)
}

/// How many octets the representations of a response take in a value.
pub(in crate::store) fn length(response: &StoredResponse, compress: bool) -> usize {
    let of = |coding| response.representation(coding).map_or(0, |coded| coded.len());
    let gzip = of(Coding::Gzip);
    let body = if compress && gzip > 0 { 0 } else { response.body().len() };
    body + gzip + of(Coding::Brotli)
}

/// A response as it was read, before anything was decided about it here.
#[derive(Debug)]
pub struct Kept {
    prologue: Prologue,
    delay: Duration,
    initial_age: Duration,
    status: StatusCode,
    route: String,
    tags: Vec<String>,
    selecting: Vec<HeaderName>,
    selecting_values: Bytes,
    fields: HeaderMap,
    own_tag: Option<HeaderValue>,
    body: Bytes,
    coded: Vec<(Coding, Vec<Bytes>)>,
}

impl Kept {
    pub(super) fn read(
        parts: &mut Reader,
        prologue: Prologue,
        longest: usize,
    ) -> Result<Self, Unreadable> {
        let mut kept = Self::head(parts, prologue).ok_or(Unreadable::Malformed)?;
        let length = parts.length().ok_or(Unreadable::Malformed)?;
        let mut next = || parts.part().ok_or(Unreadable::Malformed);
        let (body, gzip, brotli) = (next()?, next()?, next()?);
        if length > longest {
            return Err(Unreadable::TooLarge);
        }
        kept.body = if body.len() == length {
            body
        } else if body.is_empty() {
            gunzipped(&gzip, length).ok_or(Unreadable::Malformed)?.into()
        } else {
            return Err(Unreadable::Malformed);
        };
        let coded = [(Coding::Gzip, gzip), (Coding::Brotli, brotli)].into_iter();
        kept.coded = coded
            .filter(|(_, coded)| !coded.is_empty())
            .map(|(coding, coded)| (coding, vec![coded]))
            .collect();
        Ok(kept)
    }

    /// All but the representations.
    fn head(parts: &mut Reader, prologue: Prologue) -> Option<Self> {
        let (delay, initial_age) = (parts.duration()?, parts.duration()?);
        let status = StatusCode::from_u16(u16::from_be_bytes(parts.octets()?)).ok()?;
        let route = parts.text()?;
        let tags = list(parts, |parts| parts.text().filter(|tag| !tag.is_empty()))?;
        let selecting = list(parts, name)?;
        let selecting_values = parts.part()?;
        let lines = list(parts, |parts| {
            Some((name(parts)?, HeaderValue::from_maybe_shared(parts.part()?).ok()?))
        })?;
        if lines.len() > MOST_LINES {
            return None;
        }
        let mut fields = HeaderMap::new();
        for (name, line) in lines {
            fields.try_append(name, line).ok()?;
        }
        let own_tag = parts.part()?;
        let own_tag = HeaderValue::from_maybe_shared(own_tag).ok()?;
        let own_tag = (!own_tag.is_empty()).then_some(own_tag);
        Some(Self {
            prologue,
            delay,
            initial_age,
            status,
            route,
            tags,
            selecting,
            selecting_values,
            fields,
            own_tag,
            body: Bytes::new(),
            coded: Vec::new(),
        })
    }

    /// The position in the log when its fetch began.
    pub const fn position(&self) -> Position {
        self.prologue.writing.position
    }

    /// The tags it was stored with.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(String::as_str)
    }

    /// What purges know it by, beside its tags.
    pub fn subject<'s>(&'s self, key: &'s Key) -> Subject<'s> {
        let resource = key::parts(key.as_bytes());
        Subject {
            authority: resource.authority,
            path_and_query: resource.path_and_query,
            route: &self.route,
        }
    }

    /// Whether a request with these fields selects it.
    pub fn is_selected_by(&self, request: &HeaderMap) -> bool {
        selecting_values(&self.selecting, request) == self.selecting_values
    }

    /// The response as if it had been stored here, judged by these rules. `record`: what had been applied here before it was
    /// held against the log. `left`: for how long Redis will still keep it.
    pub fn restored(
        &self,
        key: &Key,
        rules: &Rules,
        record: u64,
        now: Timestamp,
        left: Duration,
    ) -> StoredResponse {
        let terms = terms_again(self.status, &self.fields, rules, self.received(now, left));
        let head = StoredHead::new(&HeadParts {
            key,
            route: &self.route,
            tags: &self.tags,
            selecting: &self.selecting,
            selecting_values: &self.selecting_values,
            status: self.status,
            fields: &self.fields,
            terms,
            stamp: Stamp { record, position: self.position() },
        });
        let body = [self.body.clone()];
        StoredResponse::restored(&head, self.own_tag.clone(), &body, &self.coded)
    }

    /// When it was asked for and received, by the clock here. Our clock may be behind that of who wrote it: then what Redis
    /// counted tells for how long it has been there.
    fn received(&self, now: Timestamp, left: Duration) -> Received {
        let Prologue { answered, writing, since_asked } = self.prologue;
        let here = now.saturating_since(writing.now).max(writing.ttl.saturating_sub(left));
        let since_response = since_asked.saturating_sub(self.delay);
        let response_time = now - here.saturating_add(since_response);
        let exchange = Exchange { request_time: response_time - self.delay, response_time };
        Received { exchange, initial_age: self.initial_age, answered }
    }
}

fn put_list<'p>(to: &mut Vec<u8>, parts: impl ExactSizeIterator<Item = &'p [u8]>) {
    put_length(to, parts.len());
    parts.for_each(|part| put(to, part));
}

/// As many as it says there are. Room is made for those alone that are there.
fn list<T>(parts: &mut Reader, mut next: impl FnMut(&mut Reader) -> Option<T>) -> Option<Vec<T>> {
    let count = parts.length()?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(next(parts)?);
    }
    Some(all)
}

fn name(parts: &mut Reader) -> Option<HeaderName> {
    HeaderName::from_bytes(&parts.part()?).ok()
}
