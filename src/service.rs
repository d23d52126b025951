//! THE way of a request.
//!
//! [`Service::call`] is the whole of it: what the request is (`inquire`), or why nobody is asked (`unasked`); what memory
//! says at once ([`Cache::at_once`]), and if that is not enough, what everything else says ([`Cache::serve`]); then the
//! response ([`respond`]), the metrics and the one line in the log (`account`).

mod account;
mod admit;
mod explaining;
mod hints;
mod inquire;
mod kept_apart;
mod purging;
mod refused;
mod rulebook;
mod unasked;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use http::{Request, Response};
use tokio::sync::Mutex;

use crate::body::{Answer, Body};
use crate::cache::{Cache, Inquiry, Served, denied};
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::explain::debug_field;
use crate::identity::peer::Peer;
use crate::journal::Journal;
use crate::limit::Admission;
use crate::purges::Purges;
use crate::respond::respond;
use crate::semantics::target::Target;

use account::Account;
use admit::admission;
use unasked::{Asked, Unasked};

use explaining::DEBUG;

pub use account::AccessLog;
pub use hints::Hints;
pub use rulebook::Rulebook;

/// The handler of the public listeners.
#[derive(Debug)]
pub struct Service {
    /// What requests are answered by from now on.
    pub rulebook: ArcSwap<Rulebook>,
    /// The cache.
    pub cache: Arc<Cache>,
    /// What the operator had purged.
    pub purges: Arc<Purges>,
    /// Whoever guesses the operator's token waits for this.
    pub wrong_tokens: Mutex<()>,
    /// Set once we are about to stop: from then on probes are told that we are not ready.
    pub leaving: Arc<AtomicBool>,
    /// Where requests are told of.
    pub journal: Journal,
    /// The time.
    pub clock: Clock,
}

impl Service {
    /// Answers a request: at once where memory can.
    pub fn call(
        self: &Arc<Self>,
        request: Request<Body>,
        mut target: Target,
        peer: &Arc<Peer>,
    ) -> Answer {
        let watch = Stopwatch::start();
        let now = self.clock.when_started(watch);
        let (mut parts, body) = request.into_parts();
        let rulebook = self.rulebook.load();
        let debug = rulebook.takes_debug_token(&mut parts.headers);
        let inquired = self.inquire(&rulebook, &mut parts, body, &mut target, peer, true);
        let (inquiry, body) = match inquired {
            Ok(inquiry) => inquiry,
            Err(Unasked::Purge) => {
                return Arc::clone(self).purge_asked(parts, target, Arc::clone(peer), watch);
            }
            Err(why) => {
                let (parts, target) = (&parts, &target);
                let asked = Asked { rulebook: &rulebook, parts, target, peer, watch };
                return Answer::now(self.answer_unasked(asked, why));
            }
        };
        let account = Account::open(Arc::clone(self), Arc::clone(&inquiry), rulebook.access, watch);
        // Its budgets tell of times after they were charged.
        let now = if inquiry.permit.is_some() { self.clock.now() } else { now };
        match self.at_once(&inquiry, now) {
            Some(served) => Answer::now(self.send(served, &inquiry, account, debug, now)),
            None => {
                let (service, interims) = (Arc::clone(self), inquiry.interims());
                let response = async move {
                    let served = service.serve(&inquiry, body).await;
                    service.send(served, &inquiry, account, debug, service.clock.now())
                };
                Answer::announced(response, interims)
            }
        }
    }

    /// What is answered without waiting for anything.
    fn at_once(&self, inquiry: &Arc<Inquiry>, now: Timestamp) -> Option<Served> {
        match admission(inquiry) {
            Admission::Unsettled => None,
            Admission::Denied(reason) => Some(denied(reason)),
            Admission::Granted => self.cache.at_once(inquiry, now),
        }
    }

    /// What is answered with all the waiting it takes. Where the fleet has to be asked first whether to answer, memory may
    /// still be enough.
    async fn serve(&self, inquiry: &Arc<Inquiry>, body: Body) -> Served {
        if admission(inquiry) == Admission::Unsettled {
            self.settle(inquiry).await;
            if let Some(served) = self.at_once(inquiry, self.clock.now()) {
                return served;
            }
        }
        self.cache.serve(inquiry, body).await
    }

    /// The response, counted and told of.
    fn send(
        &self,
        served: Served,
        inquiry: &Inquiry,
        account: Account,
        debug: bool,
        now: Timestamp,
    ) -> Response<Body> {
        let (outcome, status, failure) = (served.outcome, served.status, served.failure());
        self.hint(inquiry, &status);
        let told = debug.then(|| debug_field(inquiry, &served)).flatten();
        let mut response = respond(served, inquiry, now);
        if let Some(told) = told {
            response.headers_mut().insert(&DEBUG, told);
        }
        account.close(response, outcome, status, failure)
    }
}
