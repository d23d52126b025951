//! Interim responses between hyper and the socket. hyper writes only the final response to a request, so these are put
//! past it, where it has written all it had and not been given more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Interim responses that were not written yet. Put in by the exchange and written by the socket, both of them within the
/// connection's own task.
#[derive(Debug, Default)]
pub(super) struct Slot {
    is_full: AtomicBool,
    unwritten: Mutex<Vec<u8>>,
}

impl Slot {
    /// Has `encoded` written behind what is there already.
    pub(super) fn put(&self, encoded: &[u8]) {
        if !encoded.is_empty() {
            self.unwritten().extend_from_slice(encoded);
            self.is_full.store(true, Ordering::Relaxed);
        }
    }

    /// True while something is left to be written.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// What is left to be written.
    pub(super) fn unwritten(&self) -> MutexGuard<'_, Vec<u8>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is.
    pub(super) fn is_written(&self) {
        *self.unwritten() = Vec::new();
        self.is_full.store(false, Ordering::Relaxed);
    }
}
