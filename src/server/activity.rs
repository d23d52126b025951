//! What a connection is doing, as its socket, its exchange and its upload see it.
//!
//! Each of them notes what it knows in a flag; [`Activity::snapshot`] puts the flags together. All but the end of an
//! upload is noted from within the connection's own task, so plain loads and stores do, and no step of a request reads
//! the clock.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use Ordering::{Acquire, Relaxed, Release};

/// The notes about one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// How many requests have begun.
    exchanges: AtomicU32,
    /// A response is being made or written.
    responding: AtomicBool,
    /// What was written of the response has not all left our buffers.
    unflushed: AtomicBool,
    /// Somebody holds the request's body.
    uploading: AtomicBool,
    /// The request's body was not read to its end.
    unread: AtomicBool,
    /// Bytes have come since the last exchange ended.
    head: AtomicBool,
    /// The last write found no room.
    blocked: AtomicBool,
    /// Writes ask the kernel itself.
    insist: AtomicBool,
    /// Bytes written.
    written: AtomicU64,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// For its first byte.
    Fresh,
    /// For the first byte of another request.
    Idle,
    /// For the rest of a head.
    Head,
    /// For a handler, or for the peer to take or to send content.
    Busy,
}

/// [`Activity`] at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) phase: Phase,
    /// How many requests have begun.
    pub(super) exchanges: u32,
    /// Bytes written when the last write found no room; `None` if it did.
    pub(super) blocked_at: Option<u64>,
}

impl Snapshot {
    /// True while an exchange goes on that is not held up by a peer that takes nothing.
    pub(super) fn is_at_work(&self) -> bool {
        self.phase == Phase::Busy && self.blocked_at.is_none()
    }
}

impl Activity {
    pub(super) fn snapshot(&self) -> Snapshot {
        let exchanges = self.exchanges.load(Relaxed);
        let busy = self.responding.load(Relaxed)
            || self.unflushed.load(Relaxed)
            || self.uploading.load(Acquire);
        let phase = match (busy, self.head.load(Relaxed), exchanges) {
            (true, ..) => Phase::Busy,
            (false, true, _) => Phase::Head,
            (false, false, 0) => Phase::Fresh,
            (false, false, _) => Phase::Idle,
        };
        let blocked_at = self.blocked.load(Relaxed).then(|| self.written.load(Relaxed));
        Snapshot { phase, exchanges, blocked_at }
    }

    /// A whole head was read.
    pub(super) fn exchange_begins(&self, has_body: bool) {
        self.exchanges.store(self.exchanges.load(Relaxed).wrapping_add(1), Relaxed);
        self.head.store(false, Relaxed);
        self.responding.store(true, Relaxed);
        self.unflushed.store(true, Relaxed);
        self.unread.store(has_body, Relaxed);
    }

    /// The response's last byte was handed over, or the response given up.
    pub(super) fn response_ends(&self) {
        self.responding.store(false, Relaxed);
    }

    /// Somebody will read the request's body.
    pub(super) fn upload_begins(&self) {
        self.uploading.store(true, Relaxed);
    }

    /// The request's body was read to its end.
    pub(super) fn upload_is_whole(&self) {
        self.unread.store(false, Relaxed);
    }

    /// Nobody holds the request's body any more.
    pub(super) fn upload_ends(&self) {
        self.uploading.store(false, Release);
    }

    /// How many bytes have been written.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// True when the peer may still be sending the request's body.
    pub(super) fn has_unread_body(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        if self.snapshot().phase != Phase::Busy {
            self.head.store(true, Relaxed);
        }
    }

    /// `count` bytes went out.
    pub(super) fn sent(&self, count: usize) {
        self.blocked.store(false, Relaxed);
        self.written.store(self.written.load(Relaxed).wrapping_add(count as u64), Relaxed);
    }

    /// A write found no room.
    pub(super) fn blocked(&self) {
        self.blocked.store(true, Relaxed);
    }

    /// Nothing is left in our buffers.
    pub(super) fn flushed(&self) {
        if !self.responding.load(Relaxed) {
            self.unflushed.store(false, Relaxed);
        }
    }

    /// Has writes ask the kernel itself.
    pub(super) fn insist(&self) {
        self.insist.store(true, Relaxed);
    }

    /// True from [`Activity::insist`] to [`Activity::desist`].
    pub(super) fn is_insisting(&self) -> bool {
        self.insist.load(Relaxed)
    }

    /// Leaves it to the runtime again to know when to write.
    pub(super) fn desist(&self) {
        self.insist.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_goes_from_its_first_byte_to_its_last_flush() {
        let activity = Activity::default();
        let phase = || activity.snapshot().phase;
        assert_eq!(phase(), Phase::Fresh);
        activity.received();
        assert_eq!(phase(), Phase::Head);
        activity.exchange_begins(false);
        assert_eq!(phase(), Phase::Busy);
        activity.flushed();
        assert_eq!(phase(), Phase::Busy, "an interim flush ends nothing");
        activity.response_ends();
        assert_eq!(phase(), Phase::Busy, "its last bytes are in our buffers");
        activity.flushed();
        assert_eq!(phase(), Phase::Idle);
        activity.received();
        assert_eq!(phase(), Phase::Head);
    }

    #[test]
    fn an_upload_outlives_its_response() {
        let activity = Activity::default();
        activity.exchange_begins(true);
        activity.upload_begins();
        activity.response_ends();
        activity.flushed();
        activity.received();
        assert_eq!(activity.snapshot().phase, Phase::Busy, "what came was content");
        assert!(activity.has_unread_body());
        activity.upload_is_whole();
        activity.upload_ends();
        assert_eq!(activity.snapshot().phase, Phase::Idle);
        assert!(!activity.has_unread_body());
    }

    #[test]
    fn a_write_that_found_room_is_not_blocked() {
        let activity = Activity::default();
        activity.sent(10);
        activity.blocked();
        assert_eq!(activity.snapshot().blocked_at, Some(10));
        activity.sent(5);
        assert_eq!(activity.snapshot().blocked_at, None);
    }
}
