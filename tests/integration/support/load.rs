//! Steady load on several replicas while something happens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Client, Forebay, HOST, Response};

/// So many connections, one replica after the other, that ask for something at a steady rate.
pub(crate) struct Load<'a> {
    replicas: Vec<SocketAddr>,
    connections: usize,
    per_second: u32,
    target: Box<dyn Fn(usize) -> String + Sync + 'a>,
}

/// What became of a request.
pub(crate) struct Outcome {
    /// Which replica was asked, counted from 0.
    pub(crate) replica: usize,
    pub(crate) target: String,
    /// From its sending to the last byte.
    pub(crate) took: Duration,
    /// Or why there is none.
    pub(crate) response: Result<Response, String>,
}

impl Outcome {
    /// No whole answer, or one that says that something went wrong with us.
    pub(crate) fn is_failed(&self) -> bool {
        match &self.response {
            Ok(response) => response.status() >= 500 || !response.is_whole(),
            Err(_) => true,
        }
    }
}

impl<'a> Load<'a> {
    /// GETs of what `target` makes of their number.
    pub(crate) fn on(replicas: &[Forebay], target: impl Fn(usize) -> String + Sync + 'a) -> Self {
        let replicas = replicas.iter().map(Forebay::address).collect();
        Self { replicas, connections: 6, per_second: 100, target: Box::new(target) }
    }

    /// Asks until `event` has happened, and returns what became of every request. Each connection has been answered at
    /// least once before `event` begins.
    #[track_caller]
    pub(crate) fn during(&self, event: impl FnOnce()) -> Vec<Outcome> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let answered: Vec<AtomicUsize> =
            (0..self.connections).map(|_| AtomicUsize::new(0)).collect();
        thread::scope(|scope| {
            let asking: Vec<_> = answered
                .iter()
                .enumerate()
                .map(|(place, answered)| {
                    let (next, stop) = (&next, &stop);
                    scope.spawn(move || self.ask(place, next, stop, answered))
                })
                .collect();
            let stops = Stop(&stop);
            super::eventually("the load is there", || {
                answered.iter().all(|count| count.load(Ordering::Relaxed) > 0)
            });
            event();
            drop(stops);
            asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn ask(
        &self,
        place: usize,
        next: &AtomicUsize,
        stop: &AtomicBool,
        answered: &AtomicUsize,
    ) -> Vec<Outcome> {
        let replica = place % self.replicas.len();
        let connect = || Client::connect(self.replicas[replica], HOST);
        let pause = Duration::from_secs(1) * self.connections as u32 / self.per_second;
        let (mut client, mut due) = (connect(), Instant::now() + pause / 2);
        let mut outcomes = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due = (due + pause).max(Instant::now());
            let target = (self.target)(next.fetch_add(1, Ordering::Relaxed));
            let sent = Instant::now();
            let request = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
            let response = if client.try_send(request) {
                client.try_read().map_err(|end| format!("{end:?}"))
            } else {
                Err("not taken".to_owned())
            };
            let took = sent.elapsed();
            if response.as_ref().map_or(true, Response::says_close) {
                client = connect();
            }
            outcomes.push(Outcome { replica, target, took, response });
            answered.fetch_add(1, Ordering::Relaxed);
        }
        outcomes
    }
}

/// Stops the load, also when what happened meanwhile panicked.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Panics where a request failed; says how many were answered with which status.
#[track_caller]
pub(crate) fn none_failed(outcomes: &[Outcome]) -> BTreeMap<u16, usize> {
    let failed: Vec<String> = outcomes.iter().filter(|one| one.is_failed()).map(describe).collect();
    assert!(
        failed.is_empty(),
        "{} of {} failed:\n{}",
        failed.len(),
        outcomes.len(),
        failed[..failed.len().min(10)].join("\n")
    );
    let mut statuses = BTreeMap::new();
    for response in outcomes.iter().filter_map(|one| one.response.as_ref().ok()) {
        *statuses.entry(response.status()).or_default() += 1;
    }
    statuses
}

fn describe(outcome: &Outcome) -> String {
    let answer = match &outcome.response {
        Ok(response) => format!("{} {:?} {}", response.status(), response.end, response.text()),
        Err(why) => why.clone(),
    };
    format!("{} of replica {} after {:?}: {answer}", outcome.target, outcome.replica, outcome.took)
}
