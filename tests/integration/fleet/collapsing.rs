//! One fetch per fleet: `collapse = "fleet"`.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    Client, Exchange, Forebay, Gate, Origin, Redis, Response, eventually, fresh, ms, noise, ok,
    read_all, stay_silent,
};

/// Replicas that fetch for each other, and know it.
struct Fleet {
    origin: Origin,
    redis: Redis,
    replicas: Vec<Forebay>,
}

impl Fleet {
    /// So many replicas. `script` answers the requests for `/a`, told which of them it is, from 1. `cache` goes on in
    /// `[cache]`.
    #[track_caller]
    fn start(
        count: usize,
        cache: &str,
        script: impl Fn(&mut Exchange<'_>, usize) + Send + Sync + 'static,
    ) -> Self {
        let asked = AtomicUsize::new(0);
        let origin = Origin::start(move |exchange| match exchange.target() {
            "/a" => script(exchange, asked.fetch_add(1, Ordering::SeqCst) + 1),
            _ => exchange.reply(&fresh("other")),
        });
        let redis = Redis::start();
        let config = format!(
            "[redis]\nurl = \"{}\"\ntimeout = \"1s\"\n[cache]\ncollapse = \"fleet\"\n{cache}",
            redis.url()
        );
        let replicas = (0..count).map(|_| Forebay::start(&origin, &config)).collect();
        let fleet = Self { origin, redis, replicas };
        fleet.wait_until_shared();
        fleet
    }

    /// Waits until each replica has from Redis what the first one fetches.
    #[track_caller]
    fn wait_until_shared(&self) {
        for replica in &self.replicas {
            replica.wait_for_log(&["following the purge log"]);
        }
        let mut round = 0;
        for replica in self.replicas.iter().skip(1) {
            eventually("what one replica fetched another has", || {
                round += 1;
                let target = format!("/{round}");
                self.replicas[0].get(&target);
                replica.get(&target);
                self.origin.count_of(&target) == 1
            });
        }
    }

    /// The first replica fetches `/a` for clients of its own, while as many at each of the others wait.
    #[track_caller]
    fn burst(&self, clients: u32) -> Vec<Vec<Client>> {
        let lost = self.events("lost");
        let mut all = vec![self.replicas[0].burst(clients as usize, "/a")];
        eventually("the first asks the origin", || self.asked() == 1);
        all.extend(self.replicas[1..].iter().map(|other| other.burst(clients as usize, "/a")));
        for replica in &self.replicas {
            replica.wait_for_clients(clients);
        }
        let others = self.replicas.len() - 1;
        eventually("the others know of it", || self.events("lost") >= lost + others);
        assert_eq!(self.asked(), 1, "they wait");
        all
    }

    /// How often the origin was asked for `/a`.
    fn asked(&self) -> usize {
        self.origin.count_of("/a")
    }

    /// Events of leases at all replicas but those that are dead.
    fn events(&self, event: &str) -> usize {
        let labels = [("event", event)];
        let of = |replica: &Forebay| replica.metric("forebay_fleet_leases_total", &labels);
        self.replicas.iter().map(of).sum::<f64>().round() as usize
    }
}

#[test]
fn three_hundred_clients_of_three_replicas_cost_one_request() {
    let (gate, body) = (Gate::new(), noise(100 * 1024));
    let fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
        let (gate, reply) = (gate.clone(), fresh(body.clone()));
        move |exchange, _| {
            exchange.wait(&gate);
            exchange.reply(&reply);
        }
    });
    let (held, spared) = (fleet.events("held"), fleet.events("spared"));
    let mut clients = fleet.burst(100);
    assert_eq!(fleet.events("held"), held + 1);
    gate.open();
    for (replica, clients) in clients.iter_mut().enumerate() {
        for response in read_all(clients) {
            let response = response.expect_status(200);
            assert!(response.is_whole() && response.body == body);
            if replica > 0 {
                assert!(response.is_hit(), "{}", response.cache_status());
                assert_eq!(response.cache_parameter("detail").as_deref(), Some("fleet"));
            }
        }
    }
    assert_eq!((fleet.asked(), fleet.events("spared")), (1, spared + 2));
}

#[test]
fn however_soon_the_origin_answers_it_is_asked_once() {
    let fleet = Fleet::start(3, "", |exchange, _| exchange.reply(&fresh("hello")));
    for round in 0..60 {
        let target = format!("/soon/{round}");
        let mut clients: Vec<_> = fleet.replicas.iter().map(Forebay::connect).collect();
        for client in &mut clients {
            client.send_request("GET", &target, &[], b"");
        }
        for response in read_all(&mut clients) {
            response.expect(200, "other");
        }
        assert_eq!(fleet.origin.count_of(&target), 1);
    }
}

#[test]
fn a_leaseholder_that_dies_in_mid_body_is_succeeded_by_one() {
    let body = noise(50_000);
    let fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
        let body = body.clone();
        move |exchange, number| {
            let bytes = fresh(body.clone()).bytes("GET");
            if number == 1 {
                exchange.send(&bytes[..30_000]);
                exchange.stall();
            } else {
                exchange.send(bytes);
            }
        }
    });
    let mut clients = fleet.burst(20);
    let mut torn = clients.remove(0);
    for client in &mut torn {
        assert_eq!(client.read_head().word(1), "200");
    }
    fleet.replicas[0].signal("KILL");
    for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
        let response = response.expect_status(200);
        assert!(response.is_whole() && response.body == body);
    }
    assert_eq!(fleet.asked(), 2);
}

#[test]
fn a_fetch_that_takes_too_long_is_succeeded_by_one_at_each_replica() {
    let gate = Gate::new();
    let fleet = Fleet::start(3, "collapse_timeout = \"700ms\"", {
        let gate = gate.clone();
        move |exchange, _| {
            exchange.wait(&gate);
            exchange.reply(&fresh("hello"));
        }
    });
    let mut clients: Vec<_> = fleet.replicas.iter().map(|it| it.burst(10, "/a")).collect();
    // The holder's fetch and a follower's in its place; the leader of each other replica, which waited, and nobody beside.
    eventually("each replica leads anew", || fleet.asked() == 4);
    stay_silent(ms(1500));
    assert_eq!(fleet.asked(), 4);
    gate.open();
    for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
        response.expect(200, "hello");
    }
    assert_eq!((fleet.asked(), fleet.events("out-of-patience")), (4, 2));
}

#[test]
fn for_what_may_not_be_stored_nobody_queues() {
    for field in [("cache-control", "private"), ("set-cookie", "id=1")] {
        let (gate, together, again) = (Gate::new(), Barrier::new(14), Barrier::new(15));
        let fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
            let gate = gate.clone();
            move |exchange, number| {
                match number {
                    1 => exchange.wait(&gate),
                    2..=15 => _ = together.wait(),
                    _ => _ = again.wait(),
                }
                exchange.reply(&fresh("mine").field(field.0, field.1));
            }
        });
        let mut clients = fleet.burst(5);
        gate.open();
        for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
            response.expect(200, "mine");
        }
        assert_eq!(fleet.asked(), 15);
        // Nor do the next ones.
        let mut clients: Vec<_> = fleet.replicas.iter().map(|it| it.burst(5, "/a")).collect();
        for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
            response.expect(200, "mine");
        }
        assert_eq!(fleet.events("noted"), 2);
    }
}

#[test]
fn what_is_storable_after_all_is_fetched_once_again() {
    let fleet = Fleet::start(2, "", |exchange, number| match number {
        1 => exchange.reply(&ok("private").field("cache-control", "private")),
        _ => exchange.reply(&fresh("public")),
    });
    fleet.replicas[0].get("/a").expect(200, "private");
    eventually("it is stored", || fleet.replicas[0].get("/a").expect(200, "public").is_reused());
    fleet.replicas[0].hit("/a");
    eventually("there, too", || fleet.replicas[1].get("/a").expect(200, "public").is_reused());
    assert!(fleet.asked() <= 4, "{}", fleet.asked());
}

#[test]
fn for_what_redis_does_not_keep_nobody_queues() {
    let body = noise(100 * 1024);
    for has_length in [true, false] {
        let (gate, rest, together) = (Gate::new(), Gate::new(), Barrier::new(2));
        let config = "collapse_timeout = \"60s\"\n[cache.redis]\nmax_object = \"64KiB\"";
        let fleet = Fleet::start(3, config, {
            let (gate, rest) = (gate.clone(), rest.clone());
            let reply = fresh(body.clone());
            let bytes = if has_length { reply } else { reply.chunked() }.bytes("GET");
            move |exchange, number| {
                if number > 1 {
                    together.wait();
                    exchange.send(&bytes);
                    return;
                }
                exchange.wait(&gate);
                exchange.send(&bytes[..20_000]);
                exchange.wait(&rest);
                exchange.send(&bytes[20_000..]);
            }
        });
        let mut clients = fleet.burst(5);
        gate.open();
        if has_length {
            eventually("the head says it, and the others ask", || fleet.asked() == 3);
        }
        rest.open();
        for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
            assert!(response.expect_status(200).body == body);
        }
        assert_eq!(fleet.asked(), 3);
    }
}

#[test]
fn after_a_failure_one_tries_next() {
    let gate = Gate::new();
    let fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
        let gate = gate.clone();
        move |exchange, number| match number {
            1 => {
                exchange.wait(&gate);
                exchange.reply(&ok("broken").status(503));
            }
            _ => exchange.reply(&fresh("hello")),
        }
    });
    let mut clients = fleet.burst(5);
    gate.open();
    let responses: Vec<_> = clients.iter_mut().flat_map(|clients| read_all(clients)).collect();
    let failed = responses.iter().filter(|response| response.status() == 503).count();
    // It is the answer to the request that led.
    assert_eq!((failed, fleet.asked()), (1, 2));
    assert!(responses.iter().all(|it| it.status() == 503 || it.text() == "hello"));
}

#[test]
fn redis_killed_while_others_wait_sends_them_to_the_origin() {
    let gate = Gate::new();
    let mut fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
        let gate = gate.clone();
        move |exchange, _| {
            exchange.wait(&gate);
            exchange.reply(&fresh("hello"));
        }
    });
    let mut clients = fleet.burst(10);
    fleet.redis.kill();
    eventually("each fetches for itself", || fleet.asked() == 3);
    gate.open();
    for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
        response.expect(200, "hello");
    }
    assert_eq!(fleet.asked(), 3);
}

#[test]
fn redis_frozen_keeps_nobody_waiting() {
    let fleet = Fleet::start(2, "collapse_timeout = \"60s\"", |exchange, _| {
        exchange.reply(&fresh("hello"));
    });
    fleet.redis.freeze();
    for replica in &fleet.replicas {
        for response in read_all(&mut replica.burst(10, "/a")) {
            response.expect(200, "hello");
        }
    }
    assert_eq!(fleet.asked(), 2);
    fleet.redis.thaw();
    eventually("they share again", || {
        let target = format!("/again/{}", fleet.origin.count());
        fleet.replicas.iter().for_each(|replica| _ = replica.get(&target));
        fleet.origin.count_of(&target) == 1
    });
}

#[test]
fn a_refresh_in_the_background_is_made_once() {
    let gate = Gate::new();
    let fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
        let gate = gate.clone();
        move |exchange, number| {
            if number > 1 {
                exchange.wait(&gate);
            }
            let lifetime = if number > 1 { 600 } else { 1 };
            let lifetime = format!("max-age={lifetime}, stale-while-revalidate=600");
            exchange.reply(&ok(number.to_string()).field("cache-control", lifetime));
        }
    });
    for replica in &fleet.replicas {
        replica.get("/a").expect(200, "1");
    }
    assert_eq!(fleet.asked(), 1);
    for replica in &fleet.replicas {
        // Stale by now, and answered all the same, again and again.
        eventually("a refresh was begun", || {
            replica.get("/a").expect(200, "1");
            fleet.asked() == 2
        });
    }
    for replica in &fleet.replicas {
        replica.get("/a").expect(200, "1");
    }
    eventually("the others know of it", || fleet.events("lost") >= 2);
    assert_eq!(fleet.asked(), 2);
    gate.open();
    for replica in &fleet.replicas {
        eventually("it has the new one", || replica.get("/a").text() == "2");
    }
    assert_eq!(fleet.asked(), 2);
}

#[test]
fn a_validation_is_made_once() {
    let gate = Gate::new();
    let fleet = Fleet::start(3, "collapse_timeout = \"60s\"", {
        let gate = gate.clone();
        move |exchange, number| {
            let reply = ok("hello").field("etag", "\"1\"");
            if number == 1 {
                return exchange.reply(&reply.field("cache-control", "max-age=1, must-revalidate"));
            }
            exchange.wait(&gate);
            let is_known = exchange.field("if-none-match") == Some("\"1\"");
            let status = if is_known { 304 } else { 200 };
            exchange.reply(&reply.status(status).field("cache-control", "max-age=600"));
        }
    });
    for replica in &fleet.replicas {
        replica.get("/a").expect(200, "hello");
    }
    stay_silent(ms(2100));
    let lost = fleet.events("lost");
    let mut clients: Vec<_> = fleet.replicas.iter().map(|it| it.burst(5, "/a")).collect();
    eventually("the others know of it", || fleet.events("lost") >= lost + 2);
    gate.open();
    for response in clients.iter_mut().flat_map(|clients| read_all(clients)) {
        response.expect(200, "hello");
    }
    assert_eq!(fleet.asked(), 2);
}

#[test]
fn who_is_served_what_another_replica_fetched_has_not_gone_forward() {
    let gate = Gate::new();
    let limits = "[rate_limit.tiers]\nanonymous = { forwarded = [\"100/d\"] }";
    let fleet = Fleet::start(2, &format!("collapse_timeout = \"60s\"\n{limits}"), {
        let gate = gate.clone();
        move |exchange, _| {
            exchange.wait(&gate);
            exchange.reply(&fresh("hello"));
        }
    });
    let left = |response: Response| -> u64 {
        let field = response.all("ratelimit").join(",");
        let (_, rest) = field.split_once(";r=").unwrap_or_else(|| panic!("{field}"));
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let before: Vec<u64> = fleet.replicas.iter().map(|it| left(it.get("/1"))).collect();
    let mut clients = fleet.burst(1);
    gate.open();
    let after: Vec<u64> = clients.iter_mut().map(|it| left(it[0].read())).collect();
    assert_eq!((after[0] + 1, after[1]), (before[0], before[1]));
}
