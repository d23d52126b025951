//! Octets of one representation that are at hand, where not all of them are (RFC 9111 §3.4).

use std::ops::Range;

use bytes::Bytes;

/// Parts that one stored response may consist of. What asks for more than this jumps about in something large.
pub const MOST_PARTS: usize = 16;

/// Parts of a representation, ascending, none empty, no two of them overlapping or adjacent.
#[derive(Clone, Debug)]
pub struct Parts {
    complete: u64,
    parts: Vec<Part>,
}

/// Octets that follow one another.
#[derive(Clone, Debug)]
pub struct Part {
    range: Range<u64>,
    chunks: Vec<Bytes>,
}

impl Parts {
    /// No part of a representation of `complete` octets.
    pub const fn new(complete: u64) -> Self {
        Self { complete, parts: Vec::new() }
    }

    /// How many octets the whole representation has.
    pub const fn complete(&self) -> u64 {
        self.complete
    }

    /// Adds the octets from position `start` on, in place of those at the same positions. What lies past the end of the
    /// representation is left out.
    pub fn add(&mut self, start: u64, chunks: Vec<Bytes>) {
        let new = Part::new(start, chunks).cut(0..self.complete);
        if new.range.is_empty() {
            return;
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut merged = new.clone();
        for old in std::mem::take(&mut self.parts) {
            if old.range.end < new.range.start {
                before.push(old);
            } else if old.range.start > new.range.end {
                after.push(old);
            } else {
                let left = old.cut(0..new.range.start);
                let right = old.cut(new.range.end..self.complete);
                merged = left.followed_by(merged).followed_by(right);
            }
        }
        before.push(merged);
        before.append(&mut after);
        self.parts = before;
    }

    /// Lets go of what exceeds [`MOST_PARTS`], the shortest first, and then of everything but `newest` where all that is
    /// left exceeds `most` octets.
    pub fn limit(&mut self, most: u64, newest: &Range<u64>) {
        while self.parts.len() > MOST_PARTS {
            let others = self.parts.iter().enumerate().filter(|(_, part)| !part.holds(newest));
            let shortest = others.min_by_key(|(_, part)| part.length()).map(|(index, _)| index);
            let Some(index) = shortest else { break };
            self.parts.remove(index);
        }
        if self.parts.iter().map(Part::length).sum::<u64>() > most {
            let newest = self
                .parts
                .iter()
                .find(|part| part.holds(newest))
                .map(|part| part.cut(newest.clone()));
            self.parts = newest.into_iter().collect();
        }
    }

    /// True when nothing is missing.
    pub fn is_whole(&self) -> bool {
        matches!(self.parts.as_slice(), [part] if part.range == (0..self.complete))
    }

    /// Where the parts lie.
    pub fn extents(&self) -> Extents {
        Extents {
            complete: self.complete,
            ranges: self.parts.iter().map(|part| part.range.clone()).collect(),
        }
    }

    /// The octets, one part behind the other.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter().flat_map(|part| &part.chunks)
    }
}

impl Part {
    fn new(start: u64, mut chunks: Vec<Bytes>) -> Self {
        chunks.retain(|chunk| !chunk.is_empty());
        let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { range: start..start.saturating_add(length), chunks }
    }

    const fn length(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    const fn holds(&self, range: &Range<u64>) -> bool {
        self.range.start <= range.start && range.end <= self.range.end
    }

    /// What of it lies in `range`.
    fn cut(&self, range: Range<u64>) -> Self {
        let start = range.start.clamp(self.range.start, self.range.end);
        let end = range.end.clamp(start, self.range.end);
        let (mut skip, mut left) =
            (start.saturating_sub(self.range.start), end.saturating_sub(start));
        let mut chunks = Vec::new();
        for chunk in &self.chunks {
            let length = chunk.len() as u64;
            let from = skip.min(length);
            let to = from.saturating_add(left).min(length);
            skip -= from;
            left -= to - from;
            if from < to {
                chunks.push(chunk.slice(from as usize..to as usize));
            }
        }
        Self { range: start..end, chunks }
    }

    /// Both as one; where either is empty, the other.
    fn followed_by(mut self, next: Self) -> Self {
        if self.range.is_empty() {
            return next;
        }
        if !next.range.is_empty() {
            self.range.end = next.range.end;
            self.chunks.extend(next.chunks);
        }
        self
    }
}

/// Where the parts of a stored response lie in the representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extents {
    complete: u64,
    ranges: Box<[Range<u64>]>,
}

impl Extents {
    /// How many octets the whole representation has.
    pub const fn complete(&self) -> u64 {
        self.complete
    }

    /// True when every octet of a range is there.
    pub fn cover(&self, range: &Range<u64>) -> bool {
        self.offset(range).is_some()
    }

    /// What has to be had before every octet of `range` is there: from the first that is missing to the last.
    pub fn missing(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let mut missing = range.clone();
        for there in &self.ranges {
            if there.start <= missing.start {
                missing.start = missing.start.max(there.end);
            }
        }
        for there in self.ranges.iter().rev() {
            if there.end >= missing.end {
                missing.end = missing.end.min(there.start);
            }
        }
        (missing.start < missing.end).then_some(missing)
    }

    /// Where the first octet of a range stands among those that are there, if all of the range does.
    pub(super) fn offset(&self, range: &Range<u64>) -> Option<u64> {
        let mut before = 0;
        for there in &self.ranges {
            if there.start <= range.start && range.end <= there.end {
                return Some(before + (range.start - there.start));
            }
            before += there.end - there.start;
        }
        None
    }

    /// Each part's range and where it stands among the octets that are there.
    pub(super) fn placed(&self) -> impl Iterator<Item = (Range<u64>, u64)> {
        self.ranges.iter().scan(0, |before, there| {
            let at = *before;
            *before += there.end - there.start;
            Some((there.clone(), at))
        })
    }
}

#[cfg(test)]
mod tests;
