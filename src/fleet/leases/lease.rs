//! A lease that is held.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{LANDED, NOTE, TERM, millis};
use crate::counters::{LeaseCounters, LeaseEvent};
use crate::redis::{Link, Operation, Reply, Script};

/// How long after it was taken or renewed it is renewed.
const RENEWAL: Duration = Duration::from_millis(300);

/// Renews the lease, if it is still ours.
static RENEW: Script = Script::new(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
);

/// Gives the lease back, if it is still ours, leaves a note in its place if there is one, and says so.
static RELEASE: Script = Script::new(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else
  redis.call('DEL', KEYS[1])
end
redis.call('PUBLISH', ARGV[2], KEYS[1])
return 1",
);

/// The right to fetch for the fleet. It is given back when it is dropped, and lasts no longer than a second where that does
/// not reach Redis.
#[derive(Debug)]
pub struct Lease {
    link: Arc<Link>,
    key: Bytes,
    nonce: Bytes,
    note: OnceLock<(Bytes, Duration)>,
    pub(super) renewing: JoinHandle<()>,
}

impl Lease {
    pub(super) fn new(
        link: &Arc<Link>,
        key: Bytes,
        nonce: Bytes,
        counters: &Arc<LeaseCounters>,
    ) -> Self {
        let renewing = renew(Arc::clone(link), key.clone(), nonce.clone(), Arc::clone(counters));
        let renewing = tokio::spawn(renewing);
        Self { link: Arc::clone(link), key, nonce, note: OnceLock::new(), renewing }
    }

    /// Leaves a note of at most 100 bytes in its place for so long: nobody takes the lease meanwhile, and whoever tries is
    /// told. The first counts.
    pub fn note(&self, note: &str, duration: Duration) {
        if duration.is_zero() || note.len() > 100 {
            return;
        }
        let mut text = vec![NOTE];
        text.extend_from_slice(note.as_bytes());
        let _ = self.note.set((text.into(), duration));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
        let Ok(runtime) = Handle::try_current() else { return };
        let (link, key) = (Arc::clone(&self.link), self.key.clone());
        let mut arguments = vec![self.nonce.clone(), link.channel(LANDED)];
        if let Some((note, duration)) = self.note.take() {
            arguments.extend([note, millis(duration)]);
        }
        runtime.spawn(async move {
            // Where it fails the lease ends by itself.
            let _ = link.run(Operation::Lease, &RELEASE, &[key], arguments).await;
        });
    }
}

/// Renews a lease until it is found to be another's. What Redis does not answer is asked again: the fetch goes on.
async fn renew(link: Arc<Link>, key: Bytes, nonce: Bytes, counters: Arc<LeaseCounters>) {
    loop {
        sleep(RENEWAL).await;
        let arguments = vec![nonce.clone(), millis(TERM)];
        let reply = link.run(Operation::Lease, &RENEW, std::slice::from_ref(&key), arguments).await;
        if reply == Ok(Reply::Integer(0)) {
            return counters.count(LeaseEvent::Broken);
        }
    }
}
