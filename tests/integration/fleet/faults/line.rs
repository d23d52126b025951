//! What stands between a replica and its Redis.

use super::{CHARGED, fleet, goes_on_alone, survives};
use crate::support::{Fleet, Forebay, Manner, Redis, Relay, eventually, ms};

/// Whatever the line does, it is survived; and what it did before the first connection, too.
#[track_caller]
fn bad_line(manner: &Manner, config: &str) {
    let redis = Redis::start();
    let relay = Relay::to(redis.address());
    let fleet = fleet(2, &relay.redis_url(), config);
    survives(&fleet, || {
        relay.set(manner.clone());
        fleet.wait_until_unavailable();
        goes_on_alone(&fleet);
        relay.join();
    });
    relay.set(manner.clone());
    let late = Fleet::start(1, &relay.redis_url(), config);
    goes_on_alone(&late);
    relay.join();
    late.wait_until_healthy();
}

#[test]
fn f03_it_accepts_and_never_answers() {
    bad_line(&Manner::Hold, CHARGED);
}

#[test]
fn f04_it_answers_after_50_ms() {
    bad_line(&Manner::Slow(ms(50)), &CHARGED.replace("100ms", "25ms"));
}

#[test]
fn f04_it_answers_after_500_ms() {
    bad_line(&Manner::Slow(ms(500)), CHARGED);
}

#[test]
fn f02_it_is_cut() {
    bad_line(&Manner::Cut, CHARGED);
}

#[test]
fn f05_the_peer_vanishes_without_a_word() {
    let redis = Redis::start();
    let relay = Relay::to(redis.address());
    let fleet = fleet(2, &relay.redis_url(), CHARGED);
    survives(&fleet, || {
        let before = relay.accepted();
        relay.lose();
        goes_on_alone(&fleet);
        eventually("new connections are made", || relay.accepted() > before);
    });
}

/// What a web server answers, and beginnings of answers as no machine has the memory for.
#[test]
fn f18_it_speaks_something_else() {
    for said in [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".as_slice(),
        b"$4294967295\r\nx",
        b"*2147483647\r\n",
        b"*-7\r\n$-9\r\n\0\xff\r\n",
    ] {
        rubbish(said, Fleet::wait_until_unavailable);
    }
}

/// Nobody notices at once that what it says is no answer to what was asked; but nobody believes it.
#[test]
fn f18_it_says_yes_to_everything() {
    rubbish(b"+OK\r\n", |_| ());
    rubbish(b"*2\r\n+OK\r\n:1\r\n", |_| ());
}

/// This for every answer is survived, and costs no memory.
#[track_caller]
fn rubbish(said: &'static [u8], noticed: impl FnOnce(&Fleet)) {
    let redis = Redis::start();
    let relay = Relay::to(redis.address());
    let fleet = fleet(2, &relay.redis_url(), CHARGED);
    let before: Vec<u64> = fleet.replicas.iter().map(Forebay::memory).collect();
    survives(&fleet, || {
        relay.set(Manner::Say(said));
        noticed(&fleet);
        goes_on_alone(&fleet);
        relay.join();
    });
    for (forebay, before) in fleet.replicas.iter().zip(before) {
        let grown = forebay.memory().saturating_sub(before) / 1024;
        assert!(grown < 64, "{grown} MiB more after {said:?}");
    }
}
