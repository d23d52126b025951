//! The log of the fleet's purges, kept up with in the background.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::follower::{Follower, Met};
use super::question::Question;
use super::receipt::Receipt;
use super::replica::Replica;
use super::wire::Wire;
use crate::caching::record::Nonce;
use crate::caching::stamp::Position;
use crate::clock::Clock;
use crate::redis::{Link, Trouble};

/// How often the log is asked when nothing is heard of it.
const EVERY: Duration = Duration::from_secs(1);
/// The least time between one question and the next that somebody's purge is the reason for.
const PACE: Duration = Duration::from_millis(2);
/// The least time until a question is asked again that was not answered.
const RETRY: Duration = Duration::from_millis(100);
/// Where it is said that the log has something new.
const CHANNEL: &str = "log";
/// How long a machine that stops waits for the log to know.
const FAREWELL: Duration = Duration::from_secs(1);

/// What there is to tell of the log.
pub trait Events: Send + Sync {
    /// The log that was followed is gone, or lost records; what is stored is validated before it is used.
    fn lost(&self);
    /// Purges may be missed: nothing was heard of the log for too long.
    fn unsynced(&self, trouble: Option<Trouble>);
    /// Every purge is known, again or for the first time.
    fn synced(&self, replicas: usize);
}

/// The log of the fleet's purges.
#[derive(Debug)]
pub struct Log {
    wire: Wire,
    clock: Clock,
    news: Arc<Notify>,
    /// Those who want to know what becomes of a purge.
    waiting: Mutex<HashMap<Nonce, watch::Sender<Position>>>,
    replicas: Arc<AtomicUsize>,
    records: AtomicU64,
    losses: AtomicU64,
    is_leaving: AtomicBool,
    /// Told when it is no longer followed.
    left: watch::Sender<bool>,
}

impl Log {
    /// The log in the Redis at the other end of `link`.
    pub fn new(link: Arc<Link>, clock: Clock, max_unsynced: Duration) -> Arc<Self> {
        let replica = format!("{:016x}", fastrand::u64(..));
        Arc::new(Self {
            wire: Wire::new(link, replica, max_unsynced),
            clock,
            news: Arc::default(),
            waiting: Mutex::default(),
            replicas: Arc::new(AtomicUsize::new(1)),
            records: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            is_leaving: AtomicBool::new(false),
            left: watch::Sender::new(false),
        })
    }

    /// Purges wait to be logged: they are as soon as can be.
    pub fn append(&self) {
        self.news.notify_one();
    }

    /// What becomes of the purge that waits, or is about to wait, under this nonce.
    pub fn receipt(self: &Arc<Self>, nonce: Nonce) -> Receipt {
        let (tell, logged) = watch::channel(Position::default());
        let mut waiting = self.waiting();
        // Those whom nobody asks any more are let go before the map would grow.
        if waiting.len() == waiting.capacity() {
            waiting.retain(|_, tell| tell.receiver_count() > 0);
        }
        waiting.insert(nonce, tell);
        Receipt::new(Arc::clone(self), nonce, logged)
    }

    /// How many replicas live, this one among them: 1 at least.
    pub fn replicas(&self) -> usize {
        self.replicas.load(Ordering::Relaxed)
    }

    /// The same, to be read from now on. While the log does not answer it stays what it was.
    pub fn living(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.replicas)
    }

    /// Records met in the log, since the start.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// How often the log was lost, since the start.
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Keeps a replica up with the log until [`Log::leave`]. To be called once.
    pub async fn follow(&self, replica: &dyn Replica, events: &dyn Events) {
        listen(self.wire.link(), &self.news);
        let mut follower = Follower::default();
        let mut was_synced = false;
        loop {
            let is_last = self.is_leaving.load(Ordering::Acquire);
            let trouble = self.keep_up(&mut follower, replica, events).await.err();
            if is_last {
                break;
            }
            let is_synced = replica.is_synced(self.clock.now());
            match (was_synced, is_synced) {
                (false, true) => events.synced(self.replicas()),
                (true, false) => events.unsynced(trouble),
                _ => {}
            }
            was_synced = is_synced;
            let pause = if trouble.is_some() { RETRY } else { PACE };
            sleep(pause).await;
            let _ = timeout(EVERY.saturating_sub(pause), self.news.notified()).await;
        }
        let _ = self.wire.leave().await;
        self.left.send_replace(true);
    }

    /// Has everything logged that can be, and then is no longer waited for. Nothing may be served from then on.
    pub async fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
        self.news.notify_one();
        let mut left = self.left.subscribe();
        let _ = timeout(FAREWELL, left.wait_for(|left| *left)).await;
    }

    pub(super) const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Asks and answers until there is nothing to be done.
    async fn keep_up(
        &self,
        follower: &mut Follower,
        replica: &dyn Replica,
        events: &dyn Events,
    ) -> Result<(), Trouble> {
        let mut is_due = true;
        let mut losses = 0;
        while let Some(question) = follower.question(is_due, replica) {
            is_due &= !matches!(question, Question::Sync(_));
            let asked = self.clock.now();
            let answer = self.wire.ask(&question).await?;
            let met = follower.answered(&question, answer, asked, self.clock.now(), replica);
            if met.is_loss {
                self.losses.fetch_add(1, Ordering::Relaxed);
                events.lost();
                losses += 1;
            }
            self.note(&question, met);
            // Whatever takes the log away again and again is not helped to.
            if losses > 1 {
                break;
            }
        }
        Ok(())
    }

    fn note(&self, question: &Question, met: Met) {
        if let Some(replicas) = met.replicas {
            self.replicas.store(replicas.max(1), Ordering::Relaxed);
        }
        if matches!(question, Question::Sync(_)) {
            self.records.fetch_add(met.logged.len() as u64, Ordering::Relaxed);
        }
        let waiting = self.waiting();
        for (nonce, position) in met.logged {
            if let Some(tell) = waiting.get(&nonce) {
                tell.send_replace(position);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Nonce, watch::Sender<Position>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes on that the log has something new.
fn listen(link: &Arc<Link>, news: &Arc<Notify>) {
    let (link, news) = (Arc::clone(link), Arc::clone(news));
    tokio::spawn(async move {
        let mut messages = link.subscribe(CHANNEL).await;
        while !matches!(messages.recv().await, Err(RecvError::Closed)) {
            news.notify_one();
        }
    });
}
