//! One fetch per fleet: who holds the lease of a key fetches for all, and the others wait for what it brings.
//!
//! A lease saves work, and nothing rests on it: without Redis, or after a lease was lost, two replicas fetch the same. It
//! lasts a second and is renewed while the fetch goes on, so that one whose holder died is soon free.

mod lease;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::lease::Lease;
pub use self::waiting::Wait;

use self::waiting::Waiting;
use crate::counters::{LeaseCounters, LeaseEvent};
use crate::redis::{Link, Operation, Reply, Script};

/// How long a lease lasts that nobody renews.
const TERM: Duration = Duration::from_secs(1);
/// Where it is told that a lease has ended; the message is its key.
const LANDED: &str = "landed";
/// What a note begins with. No nonce does.
const NOTE: u8 = b'!';

/// Takes the lease (1), or says who has it or what is noted in its place, and for how many milliseconds. What has no end is
/// given one.
static TAKE: Script = Script::new(
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {redis.call('GETRANGE', KEYS[1], 0, 127), redis.call('PTTL', KEYS[1])}",
);

/// Takes back what is noted in the place of a lease.
static FORGET: Script = Script::new(
    "if redis.call('GETRANGE', KEYS[1], 0, 0) == '!' then return redis.call('DEL', KEYS[1]) end
return 0",
);

/// The leases of this replica.
pub struct Leases {
    link: Arc<Link>,
    waiting: Arc<Waiting>,
    counters: Arc<LeaseCounters>,
}

/// What became of an attempt to take a lease.
#[derive(Debug)]
pub enum Taken {
    /// It is ours: we fetch for all.
    Held(Lease),
    /// Another replica has it.
    Lost(Wait),
    /// Who had it noted this for whoever comes, which holds for so long.
    Noted(Bytes, Duration),
    /// Redis does not say: each for itself.
    Unavailable,
}

impl Leases {
    /// Leases by this link. To be called within a runtime.
    pub fn start(link: Arc<Link>, counters: Arc<LeaseCounters>) -> Self {
        let waiting = Arc::new(Waiting::default());
        tokio::spawn(waiting::listen(Arc::clone(&link), Arc::downgrade(&waiting)));
        Self { link, waiting, counters }
    }

    /// Where the lease is kept of what is stored under a key of this digest, `which` telling apart what is fetched
    /// separately. In the same slot as what is stored.
    pub fn key(&self, digest: &str, which: &str) -> Bytes {
        self.link.key(digest, &format!(":lease{which}"))
    }

    /// Tries to take a lease; asks once, and waits for nobody but Redis.
    pub async fn take(&self, key: &Bytes) -> Taken {
        // Before it is asked: who has it may give it back meanwhile.
        let place = Waiting::place(&self.waiting, key);
        let nonce = Bytes::from(format!("{:032x}", fastrand::u128(..)));
        let arguments = vec![nonce.clone(), millis(TERM)];
        let reply =
            self.link.run(Operation::Lease, &TAKE, std::slice::from_ref(key), arguments).await;
        let taken = match reply {
            Ok(Reply::Integer(1)) => {
                Taken::Held(Lease::new(&self.link, key.clone(), nonce, &self.counters))
            }
            Ok(reply) => taken_by_another(&reply, place).unwrap_or(Taken::Unavailable),
            Err(_) => Taken::Unavailable,
        };
        self.counters.count(match taken {
            Taken::Held(_) => LeaseEvent::Held,
            Taken::Lost(_) => LeaseEvent::Lost,
            Taken::Noted(..) => LeaseEvent::Noted,
            Taken::Unavailable => LeaseEvent::Unavailable,
        });
        taken
    }

    /// Takes back what was noted in the place of a lease, some time soon.
    pub fn forget(&self, key: Bytes) {
        let link = Arc::clone(&self.link);
        tokio::spawn(async move {
            let _ = link.run(Operation::Lease, &FORGET, &[key], Vec::new()).await;
        });
    }

    /// What was waited for was found.
    pub fn spared(&self) {
        self.counters.count(LeaseEvent::Spared);
    }

    /// It was waited for as long as anybody waits.
    pub fn out_of_patience(&self) {
        self.counters.count(LeaseEvent::OutOfPatience);
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("link", &self.link).finish_non_exhaustive()
    }
}

/// `None`: what Redis says makes no sense.
fn taken_by_another(reply: &Reply, place: waiting::Place) -> Option<Taken> {
    let [value, left] = reply.list()? else { return None };
    let (value, left) = (value.bytes()?, u64::try_from(left.integer()?).ok()?);
    let left = Duration::from_millis(left);
    Some(match value.split_first() {
        Some((&NOTE, _)) => Taken::Noted(value.slice(1..), left),
        // It ends by itself, whatever becomes of the message that says so.
        _ => Taken::Lost(place.wait(left.min(TERM))),
    })
}

fn millis(duration: Duration) -> Bytes {
    duration.as_millis().to_string().into()
}

#[cfg(test)]
mod tests;
