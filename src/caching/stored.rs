//! A stored response (RFC 9111 §3): one block of bytes and a few integers beside it.
//!
//! The block holds the key, the route, the tags, the selecting values, the field lines, and then the representations:
//! the body as it came and, where there are any, the content codings made of it. Whatever is served is a slice of it.

mod block;
mod names;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::freshness::Exchange;
use super::key::{self, Key};
use super::parts::{Extents, Parts};
use super::representation_tag;
use super::rules::Rules;
use super::stamp::Stamp;
use super::storability::{Credentials, may_be_kept};
use super::terms::{self, Terms};
use crate::semantics::content_coding::Coding;
use block::Section;

/// What a response's head says, and all that was decided about it.
pub struct StoredHead {
    block: Bytes,
    sections: [u32; Section::COUNT],
    fields: u16,
    status: StatusCode,
    terms: Terms,
    /// The terms by rules that came into force later.
    later_terms: ArcSwapOption<Terms>,
    stamp: Stamp,
    /// The newest purge it was held against and survived.
    checked: AtomicU64,
}

/// How a response came, which no rules change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// When it was asked for and received.
    pub exchange: Exchange,
    /// How old it was then.
    pub initial_age: Duration,
    /// The credentials of the request it answered, without those that its key keeps apart.
    pub answered: Credentials,
}

/// On what terms these rules allow the use of a response that was stored by others.
pub fn terms_again(
    status: StatusCode,
    fields: &HeaderMap,
    rules: &Rules,
    received: Received,
) -> Terms {
    let Received { exchange, initial_age, answered } = received;
    let withdrawn = !may_be_kept(status, fields, rules, answered);
    let terms = terms::terms(status, fields, rules, exchange);
    // By the clock of the replica that received it, it may have been older than by ours.
    let initial_age = terms.initial_age.max(initial_age);
    Terms { initial_age, answered, withdrawn, ..terms }
}

/// What a head is made of.
#[derive(Debug)]
pub struct HeadParts<'a> {
    /// What it is stored under.
    pub key: &'a Key,
    /// The name of the route that stores it.
    pub route: &'a str,
    /// Its tags, none empty.
    pub tags: &'a [String],
    /// The names of the request fields that select it (RFC 9111 §4.1).
    pub selecting: &'a [HeaderName],
    /// What these were in the request it answers, as `vary::selecting_values` gives them.
    pub selecting_values: &'a [u8],
    /// Its status.
    pub status: StatusCode,
    /// Its fields, without any that may not be stored.
    pub fields: &'a HeaderMap,
    /// What was decided about it.
    pub terms: Terms,
    /// What was known of purges when its fetch began.
    pub stamp: Stamp,
}

impl StoredHead {
    /// Packs a head.
    pub fn new(parts: &HeadParts<'_>) -> Self {
        let (block, sections) = block::pack(parts);
        Self {
            block,
            sections,
            fields: u16::try_from(parts.fields.len()).unwrap_or(u16::MAX),
            status: parts.status,
            terms: parts.terms,
            later_terms: ArcSwapOption::empty(),
            stamp: parts.stamp,
            checked: AtomicU64::new(parts.stamp.record),
        }
    }

    /// The same response after a successful validation: new fields, terms and stamp (RFC 9111 §4.3.4).
    pub fn freshened(&self, fields: &HeaderMap, terms: Terms, stamp: Stamp) -> Self {
        let (block, sections) = block::repack(self, fields);
        Self {
            block,
            sections,
            fields: u16::try_from(fields.len()).unwrap_or(u16::MAX),
            status: self.status,
            terms,
            later_terms: ArcSwapOption::empty(),
            stamp,
            checked: AtomicU64::new(stamp.record),
        }
    }

    /// True when it was stored under this key: to be asked of whatever was found by a hash.
    pub fn has_key(&self, key: &Key) -> bool {
        self.section(Section::Key) == key.as_bytes()
    }

    /// The whole key it was stored under.
    pub fn key_bytes(&self) -> &[u8] {
        self.section(Section::Key)
    }

    /// Where its resource is.
    pub fn resource(&self) -> key::Parts<'_> {
        key::parts(self.section(Section::Key))
    }

    /// The name of the route that stored it.
    pub fn route(&self) -> &str {
        std::str::from_utf8(self.section(Section::Route)).unwrap_or("")
    }

    /// Its tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.section(Section::Tags)
            .split(|byte| *byte == 0)
            .filter_map(|tag| std::str::from_utf8(tag).ok())
            .filter(|tag| !tag.is_empty())
    }

    /// The request fields that select it; none where every request for its key does.
    pub fn selecting(&self) -> impl Iterator<Item = HeaderName> {
        let names = self.section(Section::SelectingNames);
        names.split(|byte| *byte == 0).filter_map(|name| HeaderName::from_bytes(name).ok())
    }

    /// The names of these fields as bytes, to be compared with another's.
    pub fn selecting_names(&self) -> &[u8] {
        self.section(Section::SelectingNames)
    }

    /// True when nothing but the key selects it.
    pub fn is_selected_by_key_alone(&self) -> bool {
        self.section(Section::SelectingNames).is_empty()
    }

    /// The values of these fields in the request it answered.
    pub fn selecting_values(&self) -> &[u8] {
        self.section(Section::SelectingValues)
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What was decided about it.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// On what terms these rules allow its use, which may not be those it was stored by: then it is judged again, once.
    pub fn terms_by(&self, rules: &Rules) -> Terms {
        if self.terms.rules_version == rules.version {
            return self.terms;
        }
        if let Some(later) = &*self.later_terms.load()
            && later.rules_version == rules.version
        {
            return **later;
        }
        let terms = terms_again(self.status, &self.fields(0), rules, self.received());
        self.later_terms.store(Some(Arc::new(terms)));
        terms
    }

    /// How it came here.
    pub const fn received(&self) -> Received {
        let Terms { exchange, initial_age, answered, .. } = self.terms;
        Received { exchange, initial_age, answered }
    }

    /// What was known of purges when its fetch began.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The newest purge it is known to have survived.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Notes that it survived every purge up to `record`.
    pub fn set_checked(&self, record: u64) {
        self.checked.fetch_max(record, Ordering::Relaxed);
    }

    /// Its field lines in the order they came, room for `more` beside them. No value is copied.
    pub fn fields(&self, more: usize) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(usize::from(self.fields) + more);
        for (name, value) in block::field_lines(&self.block, self.range(Section::Fields)) {
            fields.append(name, value);
        }
        fields
    }

    /// The value of a field that stands on one line.
    pub fn field(&self, name: &HeaderName) -> Option<HeaderValue> {
        block::field_lines(&self.block, self.range(Section::Fields))
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }

    fn range(&self, section: Section) -> Range<usize> {
        let end = self.sections[section as usize] as usize;
        let start =
            (section as usize).checked_sub(1).map_or(0, |before| self.sections[before] as usize);
        start..end
    }

    fn section(&self, section: Section) -> &[u8] {
        self.block.get(self.range(section)).unwrap_or_default()
    }

    /// The bytes of the head, without whatever stands behind them in the block.
    fn len(&self) -> usize {
        self.sections[Section::COUNT - 1] as usize
    }
}

impl fmt::Debug for StoredHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredHead")
            .field("resource", &self.resource())
            .field("status", &self.status)
            .field("terms", &self.terms)
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

/// A response: its head and every representation there is of it, whole or in parts.
#[derive(Debug)]
pub struct StoredResponse {
    head: StoredHead,
    /// Where the octets of the body lie in the representation, if they are not the whole of it.
    extents: Option<Box<Extents>>,
    /// Where in the block our own entity tag ends, then the body, then each coding made of it; equal ends: there is none.
    ends: [usize; 4],
}

/// The codings that may be kept beside the body, in the order they stand in the block.
const KEPT: [Coding; 2] = [Coding::Gzip, Coding::Brotli];

impl StoredResponse {
    /// Copies head and representations into one block. `coded`: what each coding made of `body`, where it did.
    pub fn new(head: &StoredHead, body: &[Bytes], coded: &[(Coding, Vec<Bytes>)]) -> Self {
        Self::packed(head, body, coded, None)
    }

    /// The same, with the entity tag that was made for it before, if there was one.
    pub fn restored(
        head: &StoredHead,
        own_tag: Option<HeaderValue>,
        body: &[Bytes],
        coded: &[(Coding, Vec<Bytes>)],
    ) -> Self {
        let own_tag = own_tag.map(|tag| Bytes::copy_from_slice(tag.as_bytes()));
        Self::packed_with_tag(head, own_tag.unwrap_or_default(), body, coded, None)
    }

    /// Copies head and parts into one block: an incomplete response (RFC 9111 §3.3).
    pub fn incomplete(head: &StoredHead, parts: &Parts) -> Self {
        let body: Vec<Bytes> = parts.chunks().cloned().collect();
        Self::packed(head, &body, &[], Some(Box::new(parts.extents())))
    }

    fn packed(
        head: &StoredHead,
        body: &[Bytes],
        coded: &[(Coding, Vec<Bytes>)],
        extents: Option<Box<Extents>>,
    ) -> Self {
        // What tells a body from others can be made of all of it only.
        let has_tag = head.status != StatusCode::OK
            || extents.is_some()
            || head.field(&header::ETAG).is_some();
        let own_tag =
            if has_tag { Bytes::new() } else { Bytes::from(representation_tag::generated(body)) };
        Self::packed_with_tag(head, own_tag, body, coded, extents)
    }

    fn packed_with_tag(
        head: &StoredHead,
        own_tag: Bytes,
        body: &[Bytes],
        coded: &[(Coding, Vec<Bytes>)],
        extents: Option<Box<Extents>>,
    ) -> Self {
        let coded_as = |kept| {
            coded.iter().find(|(coding, _)| *coding == kept).map(|(_, chunks)| chunks.as_slice())
        };
        let own_tag = [own_tag];
        let representations =
            [Some(own_tag.as_slice()), Some(body), coded_as(KEPT[0]), coded_as(KEPT[1])];
        let length: usize =
            representations.iter().flatten().flat_map(|chunks| chunks.iter()).map(Bytes::len).sum();
        let mut block = BytesMut::with_capacity(head.len() + length);
        block.extend_from_slice(head.block.get(..head.len()).unwrap_or_default());
        let mut ends = [0; 4];
        for (end, chunks) in ends.iter_mut().zip(representations) {
            for chunk in chunks.unwrap_or_default() {
                block.extend_from_slice(chunk);
            }
            *end = block.len();
        }
        let head = StoredHead {
            block: block.freeze(),
            sections: head.sections,
            fields: head.fields,
            status: head.status,
            terms: head.terms,
            later_terms: ArcSwapOption::empty(),
            stamp: head.stamp,
            checked: AtomicU64::new(head.checked()),
        };
        Self { head, extents, ends }
    }

    /// The same representations under a freshened head.
    pub fn freshened(&self, fields: &HeaderMap, terms: Terms, stamp: Stamp) -> Self {
        let head = self.head.freshened(fields, terms, stamp);
        let coded: Vec<_> = KEPT
            .iter()
            .filter_map(|coding| Some((*coding, vec![self.representation(*coding)?])))
            .collect();
        Self::packed(&head, &[self.body()], &coded, self.extents.clone())
    }

    /// The head.
    pub const fn head(&self) -> &StoredHead {
        &self.head
    }

    /// The entity tag made for a 200 that came without one.
    pub fn own_tag(&self) -> Option<HeaderValue> {
        let tag = self.slice(self.head.len(), self.ends[0]);
        if tag.is_empty() { None } else { HeaderValue::from_maybe_shared(tag).ok() }
    }

    /// Where the octets of the body lie in the representation, if they are not the whole of it.
    pub fn extents(&self) -> Option<&Extents> {
        self.extents.as_deref()
    }

    /// The octets there are of an incomplete response.
    pub fn parts(&self) -> Option<Parts> {
        let extents = self.extents()?;
        let mut parts = Parts::new(extents.complete());
        for (range, at) in extents.placed() {
            let length = range.end - range.start;
            parts.add(range.start, vec![self.body_at(at, length)]);
        }
        Some(parts)
    }

    /// How many octets the whole body has.
    pub fn complete_length(&self) -> u64 {
        let at_hand = self.ends[1].saturating_sub(self.ends[0]) as u64;
        self.extents().map_or(at_hand, Extents::complete)
    }

    /// A part of the body that is at hand; `None` where not all of it is.
    pub fn part(&self, range: &Range<u64>) -> Option<Bytes> {
        let length = range.end.checked_sub(range.start)?;
        let at = match self.extents() {
            Some(extents) => extents.offset(range)?,
            None if range.end <= self.complete_length() => range.start,
            None => return None,
        };
        Some(self.body_at(at, length))
    }

    /// The body as it came; of an incomplete response, what there is of it.
    pub fn body(&self) -> Bytes {
        self.slice(self.ends[0], self.ends[1])
    }

    /// The body in a coding made of it; `None` where that was not made. Identity is the body as it came.
    pub fn representation(&self, coding: Coding) -> Option<Bytes> {
        let index = KEPT.iter().position(|kept| *kept == coding);
        match index {
            None => Some(self.body()),
            Some(index) => {
                let bytes = self.slice(self.ends[index + 1], self.ends[index + 2]);
                (!bytes.is_empty()).then_some(bytes)
            }
        }
    }

    /// The codings there are beside the body as it came.
    pub fn codings(&self) -> impl Iterator<Item = Coding> {
        KEPT.into_iter()
            .enumerate()
            .filter(|(index, _)| self.ends[index + 1] < self.ends[index + 2])
            .map(|(_, coding)| coding)
    }

    /// Bytes of the block.
    pub fn len(&self) -> usize {
        self.head.block.len()
    }

    /// Never: there is a key in every block.
    pub fn is_empty(&self) -> bool {
        self.head.block.is_empty()
    }

    /// `length` octets of the body, from the one `at` so many bytes behind the first that is at hand.
    fn body_at(&self, at: u64, length: u64) -> Bytes {
        let index = |offset: u64| {
            usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .saturating_add(self.ends[0])
                .min(self.ends[1])
        };
        self.slice(index(at), index(at.saturating_add(length)))
    }

    fn slice(&self, start: usize, end: usize) -> Bytes {
        if start < end && end <= self.head.block.len() {
            self.head.block.slice(start..end)
        } else {
            Bytes::new()
        }
    }
}

#[cfg(test)]
mod tests;
