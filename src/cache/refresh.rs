//! Requests that ask for more than what is stored: one fetch for all of them, and none again at once.

use std::sync::Arc;

use super::collapse::Flight;
use super::{Cache, Inquiry};
use crate::clock::Timestamp;
use crate::limit::Denied;
use crate::policy::Collapse;

/// What becomes of a request's wish that what is stored be asked for again.
#[derive(Clone, Debug)]
pub(super) enum Anew {
    /// It has none.
    Unasked,
    /// Another was granted for the same key so shortly before that it is answered from memory.
    Limited,
    /// It would have to go forward, which its client cannot afford: it is answered from memory, if that can be.
    Unaffordable,
    /// It is granted.
    Granted,
    /// Another was granted, and has not been answered yet.
    Follow(Arc<Flight>),
}

impl Anew {
    /// What `Cache-Status` says of it.
    pub(super) const fn detail(&self) -> Option<&'static str> {
        match self {
            Self::Limited => Some("refresh-interval"),
            Self::Unaffordable => Some(Denied::Forwarded.as_str()),
            Self::Unasked | Self::Granted | Self::Follow(_) => None,
        }
    }
}

impl Cache {
    /// Decides on a request that asks for more than what is stored.
    pub(super) fn grant(&self, inquiry: &Inquiry, now: Timestamp) -> Anew {
        if !inquiry.may_go_forward(now) {
            return Anew::Unaffordable;
        }
        let (key, interval) = (inquiry.key(), inquiry.route.refresh.interval);
        if self.refreshed.claim(key.hash(), (), interval, now) {
            return Anew::Granted;
        }
        let is_alive = |flight: &Flight| self.is_flight_alive(inquiry, flight);
        match self.collapser.anew(key, &inquiry.fields, is_alive) {
            Some(flight) if inquiry.route.collapse != Collapse::Never => Anew::Follow(flight),
            _ => Anew::Limited,
        }
    }
}
