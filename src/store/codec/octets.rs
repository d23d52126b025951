//! Octets, put one part behind the other and taken apart again.

use std::time::Duration;

use bytes::Bytes;

/// Puts a part behind its length. What is longer than can be said is never written, as nothing nearly so long is stored.
pub(super) fn put(to: &mut Vec<u8>, part: &[u8]) {
    put_length(to, part.len());
    to.extend_from_slice(part);
}

/// Puts the length of a part, or how many there are.
pub(super) fn put_length(to: &mut Vec<u8>, length: usize) {
    to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// Puts a duration, in milliseconds.
pub(super) fn put_duration(to: &mut Vec<u8>, duration: Duration) {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    to.extend_from_slice(&millis.to_be_bytes());
}

/// What is still to be taken. Whatever is not there is `None`; nothing is copied.
pub(super) struct Reader(Bytes);

impl Reader {
    pub(super) const fn new(octets: Bytes) -> Self {
        Self(octets)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<Bytes> {
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    pub(super) fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(drop)
    }

    pub(super) fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.octets().map(u64::from_be_bytes)
    }

    pub(super) fn duration(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_millis)
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        self.octets().map(u32::from_be_bytes).and_then(|length| usize::try_from(length).ok())
    }

    /// A part that stands behind its length.
    pub(super) fn part(&mut self) -> Option<Bytes> {
        let length = self.length()?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.part()?.into()).ok()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
