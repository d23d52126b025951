//! One fetch for the whole fleet, on routes that ask for it.
//!
//! A leader takes the fleet's lease before it asks the origin. One that does not get it waits for what the holder brings,
//! and finds it in Redis. Its patience is that of its own followers: when it is out of it, it is itself the one of them
//! that leads anew.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::collapse::{Flight, Verdict};
use super::fetch::{Fetch, Told};
use super::wanted::Wanted;
use super::{Cache, Inquiry};
use crate::caching::storability::{Credentials, Refusal};
use crate::caching::stored::StoredResponse;
use crate::fleet::{Lease, Leases, Taken};
use crate::identity::digest;
use crate::policy::Collapse;
use crate::store::Written;

/// What is noted where a response is for who fetched it, and not to be had from Redis: each may fetch it at once.
const UNSHARED: &str = "unshared";

impl Fetch {
    /// Whether one replica is to make it for all.
    pub(super) fn is_for_the_fleet(&self) -> bool {
        let (cache, flight) = (&self.cache, self.leader.flight());
        self.inquiry.route.collapse == Collapse::Fleet
            && self.leader.is_found()
            // Who asks for more than what is stored wants none of what is on its way either.
            && !flight.anew
            && !flight.in_haste
            // Redis has whole responses alone, and to replicas that know of every purge.
            && flight.wanted == Wanted::Whole
            && self.incomplete.is_none()
            && cache.leases.is_some()
            && cache.second.is_some()
            && cache.synced.is_current(cache.clock.now())
    }

    /// Waits until it may be made. `None`: another replica's has answered.
    pub(super) async fn in_its_turn(mut self) -> Option<Self> {
        let cache = Arc::clone(&self.cache);
        let Some(leases) = &cache.leases else { return Some(self) };
        let key = lease_key(leases, &self.inquiry, Some(self.leader.flight()));
        loop {
            match leases.take(&key).await {
                Taken::Held(lease) => {
                    self.lease = Some(lease);
                    if self.has_waited {
                        self.leader.flight().may_be_succeeded();
                    }
                    // Whoever held it before may have brought it since Redis was asked.
                    return self.unless_brought(leases).await;
                }
                Taken::Lost(wait) => {
                    let patience = self.patience();
                    self.has_waited = self.has_waited || self.leader.flight().will_lead_anew();
                    if patience.is_zero() || !self.has_waited {
                        leases.out_of_patience();
                        return self.alone();
                    }
                    wait.over(patience).await;
                    self = self.unless_brought(leases).await?;
                }
                Taken::Noted(note, left) => return self.heed(&note, left),
                Taken::Unavailable => {
                    if self.has_waited {
                        self.leader.flight().may_be_succeeded();
                    }
                    return Some(self);
                }
            }
        }
    }

    /// Looks whether another replica has brought it.
    async fn unless_brought(mut self, leases: &Leases) -> Option<Self> {
        self.knows_second = false;
        let missing = self.after_second().await;
        if missing.is_none() {
            leases.spared();
        }
        missing
    }

    /// How long those who follow still wait.
    fn patience(&self) -> Duration {
        let waited = self.cache.clock.now().saturating_since(self.leader.flight().started);
        self.cache.settings().collapse_timeout.saturating_sub(waited)
    }

    /// Made without the lease, if there is anybody to make it for.
    fn alone(self) -> Option<Self> {
        if self.tell.is_some() || self.leader.flight().is_followed() {
            return Some(self);
        }
        self.leader.land(Verdict::Withdrawn);
        None
    }

    /// Heeds what another replica found out: of what may not be stored everybody asks for its own at once.
    fn heed(self, note: &Bytes, left: Duration) -> Option<Self> {
        if *note != note_for(self.inquiry.credentials) {
            return Some(self);
        }
        let (refusal, now) = (Refusal::FoundUnstorable, self.cache.clock.now());
        let most = self.cache.settings().uncacheable_for;
        self.cache.uncacheable.remember(self.inquiry.known_by(), refusal, left.min(most), now);
        self.tell_all(Verdict::Declined(refusal), Told::Unsuited(refusal));
        None
    }

    /// Leaves word for who waits elsewhere that this may not be stored.
    pub(super) fn note(&self) {
        if let Some(lease) = &self.lease {
            let note = note_for(self.inquiry.credentials);
            lease.note(&note, self.cache.settings().uncacheable_for);
        }
    }
}

impl Cache {
    /// Has a stored response stored in the second tier; one that was fetched for the fleet before the lease is given back.
    pub(super) async fn share_in_turn(
        &self,
        inquiry: &Inquiry,
        response: &Arc<StoredResponse>,
        lease: Option<Lease>,
    ) {
        if lease.is_none() {
            return self.share(inquiry, response);
        }
        let written = match self.second_for(inquiry, response) {
            Some(second) => second.write_now(response).await,
            None => Written::Unwritable,
        };
        if written == Written::Unwritable {
            self.keep_to_itself(lease.as_ref());
        }
    }

    /// Whether a body of this length, where it is known, is longer than what the second tier takes.
    pub(super) fn is_too_large_for_second(&self, length: Option<u64>) -> bool {
        let most = self.settings().second.map(|second| second.max_object as u64);
        length.zip(most).is_some_and(|(length, most)| length > most)
    }

    /// Leaves word for who waits elsewhere that what was fetched with this lease is not to be had from Redis.
    pub(super) fn keep_to_itself(&self, lease: Option<&Lease>) {
        if let Some(lease) = lease {
            lease.note(UNSHARED, self.settings().uncacheable_for);
        }
    }

    /// What answers such requests has proved storable after all.
    pub(super) fn forget_refusal(&self, inquiry: &Inquiry) {
        let was_known = self.uncacheable.forget(inquiry.known_by());
        if let Some(leases) = &self.leases
            && was_known
            && inquiry.route.collapse == Collapse::Fleet
        {
            leases.forget(lease_key(leases, inquiry, None));
        }
    }
}

/// The lease of what is stored under a request's key; of the variant that a flight is for, where it is known what selects
/// it.
fn lease_key(leases: &Leases, inquiry: &Inquiry, flight: Option<&Arc<Flight>>) -> Bytes {
    let mut which = String::new();
    if let Some(selected) = flight.and_then(|flight| flight.selected_by()) {
        which = digest::hex(&digest::of(&selected));
        which.truncate(32);
        which.insert(0, ':');
    }
    let mut key = digest::hex(&digest::of(inquiry.key().as_bytes()));
    key.truncate(32);
    leases.key(&key, &which)
}

/// The note that what answers requests with these credentials may not be stored.
fn note_for(credentials: Credentials) -> String {
    let Credentials { authorization, cookie, client_field } = credentials;
    let with = [(authorization, " a"), (cookie, " c"), (client_field, " f")];
    let with: String = with.into_iter().filter_map(|(is, with)| is.then_some(with)).collect();
    format!("unstorable{with}")
}
