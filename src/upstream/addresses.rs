//! Where a server's name leads.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};

/// How long the addresses of a name are used before it is resolved again.
const RESOLVE_AFTER: Duration = Duration::from_secs(10);

/// The addresses of one server. What is known is used at once; one task at a time finds out what has changed.
pub(super) struct Addresses {
    host: Box<str>,
    port: u16,
    state: Mutex<State>,
    resolved: Notify,
}

struct State {
    /// In the order in which they are to be tried.
    known: Arc<[SocketAddr]>,
    /// When the name was last resolved; `None` while that goes on.
    resolved_at: Option<Timestamp>,
    /// An address is its own, for ever.
    is_final: bool,
}

impl Addresses {
    pub(super) fn new(host: &str, port: u16) -> Arc<Self> {
        let literal = host.parse::<IpAddr>().ok();
        let known = literal.map(|address| SocketAddr::new(address, port));
        let state = State {
            known: known.into_iter().collect(),
            resolved_at: Some(Timestamp::from_millis(0)),
            is_final: known.is_some(),
        };
        Arc::new(Self {
            host: host.into(),
            port,
            state: Mutex::new(state),
            resolved: Notify::new(),
        })
    }

    /// All that are known, waiting for the name to be resolved only where none is. None where there are none.
    pub(super) async fn get(self: &Arc<Self>, clock: &Clock) -> Arc<[SocketAddr]> {
        let this = Arc::clone(self);
        let look_up = async move {
            let found = tokio::net::lookup_host((&*this.host, this.port)).await;
            found.map(Iterator::collect).unwrap_or_default()
        };
        self.get_by(look_up, clock.now()).await
    }

    async fn get_by(
        self: &Arc<Self>,
        look_up: impl Future<Output = Vec<SocketAddr>> + Send + 'static,
        now: Timestamp,
    ) -> Arc<[SocketAddr]> {
        let resolved = self.resolved.notified();
        if self.begins_to_resolve(now) {
            let this = Arc::clone(self);
            // A task of its own: whoever asked may leave, and those who wait for it as well do not ask again.
            tokio::spawn(async move { this.learn(look_up.await, now) });
        }
        let known = self.known();
        if !known.is_empty() {
            return known;
        }
        resolved.await;
        self.known()
    }

    /// Has the address that was found to work tried first.
    pub(super) fn prefer(&self, address: SocketAddr) {
        let mut state = self.state();
        if state.known.first() != Some(&address) {
            state.known = preferring(address, state.known.to_vec());
        }
    }

    /// True for the one who is to resolve the name now.
    fn begins_to_resolve(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let is_due = !state.is_final
            && state.resolved_at.is_some_and(|at| {
                state.known.is_empty() || now.saturating_since(at) >= RESOLVE_AFTER
            });
        if is_due {
            state.resolved_at = None;
        }
        is_due
    }

    pub(super) fn learn(&self, found: Vec<SocketAddr>, now: Timestamp) {
        let mut state = self.state();
        state.resolved_at = Some(now);
        // A name server that does not answer is no reason to forget where the server was.
        if !found.is_empty() {
            state.known = match state.known.first() {
                Some(preferred) => preferring(*preferred, found),
                None => found.into(),
            };
        }
        drop(state);
        self.resolved.notify_waiters();
    }

    fn known(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&self.state().known)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// These addresses, that one first if it is among them.
fn preferring(preferred: SocketAddr, mut addresses: Vec<SocketAddr>) -> Arc<[SocketAddr]> {
    addresses.sort_by_key(|address| *address != preferred);
    addresses.into()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn addresses(last_octets: &[u8]) -> Vec<SocketAddr> {
        last_octets.iter().map(|last| SocketAddr::from(([192, 0, 2, *last], 80))).collect()
    }

    fn of_name() -> Arc<Addresses> {
        Addresses::new("origin.example", 80)
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1000 + secs)
    }

    #[tokio::test]
    async fn what_is_known_is_used_while_the_name_is_resolved() {
        let known = of_name();
        assert_eq!(*known.get_by(ready(addresses(&[1])), at(0)).await, addresses(&[1]));
        assert_eq!(*known.get_by(pending(), at(10)).await, addresses(&[1]), "the one that asks");
        let never = async { panic!("resolved twice at once") };
        assert_eq!(*known.get_by(never, at(1000)).await, addresses(&[1]));
    }

    #[tokio::test]
    async fn those_who_know_nothing_wait_for_one_answer() {
        let known = of_name();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let first = known.get_by(async { answered.await.unwrap() }, at(0));
        let never = async { panic!("resolved twice at once") };
        let second = known.get_by(never, at(0));
        let answering = async { answer.send(addresses(&[1])).unwrap() };
        let (first, second, ()) = tokio::join!(first, second, answering);
        assert_eq!((&*first, &*second), (&*addresses(&[1]), &*addresses(&[1])));
    }

    #[tokio::test]
    async fn a_name_that_is_not_resolved_any_more_leads_where_it_led() {
        let known = of_name();
        assert!(known.get_by(ready(Vec::new()), at(0)).await.is_empty());
        assert_eq!(*known.get_by(ready(addresses(&[1])), at(0)).await, addresses(&[1]));
        known.get_by(ready(Vec::new()), at(10)).await;
        tokio::task::yield_now().await;
        assert_eq!(known.state().resolved_at, Some(at(10)));
        assert_eq!(*known.known(), addresses(&[1]));
    }

    #[tokio::test]
    async fn the_address_that_worked_stays_the_first() {
        let known = of_name();
        known.get_by(ready(addresses(&[1, 2, 3])), at(0)).await;
        known.prefer(addresses(&[2])[0]);
        assert_eq!(*known.known(), addresses(&[2, 1, 3]));
        known.get_by(ready(addresses(&[4, 3, 2])), at(10)).await;
        tokio::task::yield_now().await;
        assert_eq!(*known.known(), addresses(&[2, 4, 3]));
    }

    #[tokio::test]
    async fn an_address_is_its_own() {
        let known = Addresses::new("::1", 80);
        let never = async { panic!("an address was resolved") };
        assert_eq!(*known.get_by(never, at(0)).await, ["[::1]:80".parse().unwrap()]);
    }
}
