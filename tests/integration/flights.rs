//! (e) Flights that fail, that are left, that take too long.

use crate::support::{Client, End, Forebay, Gate, Origin, eventually, fresh, noise, ok, read_all};

#[test]
fn a_torn_body_looks_whole_to_nobody() {
    // What must always hold, 1.
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            exchange.wait(&gate);
            exchange.reset();
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(20, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        assert!(
            !response.is_whole() || response.status() == 502,
            "{}{}",
            response.head.raw,
            response.text()
        );
    }
    assert!(origin.count() <= 2, "{}", origin.count());
}

#[test]
fn e16_a_leader_that_leaves_before_the_head_ends_nothing() {
    // 2: a client that leaves never ends a fill that has readers.
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut leader = forebay.connect();
    leader.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    let mut followers = forebay.burst(5, "/a");
    forebay.wait_for_clients(6);
    leader.reset();
    gate.open();
    for response in read_all(&mut followers) {
        response.expect(200, "hello");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn e16_a_leader_that_leaves_in_the_body_ends_nothing_that_can_be_stored() {
    // 2: nor one that can be stored.
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nfirst",
            );
            exchange.wait(&gate);
            exchange.send("later");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut leader = forebay.connect();
    leader.send_request("GET", "/a", &[], b"");
    leader.read_head();
    assert_eq!(leader.read_exactly(5), b"first");
    leader.reset();
    gate.open();
    eventually("it was stored", || forebay.metric("forebay_stored_responses", &[]) >= 1.0);
    forebay.hit("/a").expect(200, "firstlater");
    assert_eq!(origin.count(), 1);
}

#[test]
fn e16_what_nobody_reads_and_nobody_may_store_is_cancelled() {
    // 2: after the head, an unstorable fill without readers is cancelled.
    let left = Gate::new();
    let origin = Origin::start({
        let left = left.clone();
        move |exchange| {
            exchange.send(
                "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 10\r\n\r\nfirst",
            );
            if exchange.peer_leaves() {
                left.open();
            }
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut leader = forebay.connect();
    leader.send_request("GET", "/a", &[], b"");
    leader.read_head();
    leader.reset();
    left.wait();
}

#[test]
fn e18_a_follower_that_leaves_takes_nothing_with_it() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(6, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(6);
    for client in clients.drain(1..4) {
        client.reset();
    }
    gate.open();
    // Whoever leads, the others are answered.
    for response in read_all(&mut clients) {
        response.expect(200, "hello");
    }
    assert_eq!(origin.count(), 1);
    drop(clients);
    eventually("nobody is left", || forebay.metric("forebay_connections", &[]) < 1.0);
}

#[test]
fn e06_a_slow_reader_slows_nobody() {
    // 3: up to the object limit.
    let body = noise(8 * 1024 * 1024);
    let gate = Gate::new();
    let origin = Origin::gated(&gate, {
        let body = body.clone();
        move |_| fresh(body.clone())
    });
    let forebay = Forebay::start(&origin, "");
    let mut slow = Client::connect_narrow(forebay.address());
    slow.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    let mut quick = forebay.burst(3, "/a");
    gate.open();
    let head = slow.read_head();
    for response in read_all(&mut quick) {
        assert!(response.is_whole() && response.body == body);
    }
    assert!(forebay.hit("/a").body == body);
    let (late, end) = slow.read_body(&head);
    assert!(end == End::Whole && late == body);
    assert_eq!(origin.count(), 1);
}

#[test]
fn past_the_limit_a_stuck_reader_is_cut_off_and_the_others_go_on() {
    // 3: past it, the writer waits for the slowest reader, and one without progress is cut.
    let body = noise(12 * 1024 * 1024);
    let gate = Gate::new();
    let origin = Origin::gated(&gate, {
        let body = body.clone();
        move |_| fresh(body.clone()).chunked()
    });
    let forebay = Forebay::start(
        &origin,
        "[cache.memory]\nmax_object = \"256KiB\"\n[server.limits]\nstall_timeout = \"500ms\"",
    );
    let mut stuck = Client::connect_narrow(forebay.address());
    stuck.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    let mut others = forebay.burst(3, "/a");
    forebay.wait_for_clients(4);
    gate.open();
    let head = stuck.read_head();
    // Each reads for itself: who waits for its turn would be stuck, too.
    std::thread::scope(|scope| {
        for other in &mut others {
            let body = &body;
            scope.spawn(move || {
                let response = other.read();
                assert!(
                    response.is_whole() && &response.body == body,
                    "{} of {}",
                    response.body.len(),
                    body.len()
                );
            });
        }
    });
    eventually("it is cut off", || forebay.metric("forebay_connections", &[]) < 3.5);
    assert_ne!(stuck.read_body(&head).1, End::Whole);
}

#[test]
fn e12_one_follower_leads_anew_when_the_leader_is_lost() {
    // 5
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| match exchange.number() {
            1 => {
                exchange.send("HTTP/1.1 200");
                exchange.wait(&gate);
                exchange.reset();
            }
            _ => exchange.reply(&fresh("hello")),
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(20, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    let responses = read_all(&mut clients);
    let served = responses.iter().filter(|response| response.status() == 200).count();
    assert!(served >= 19, "only {served} were served");
    assert_eq!(origin.count(), 2);
}

#[test]
fn e12_after_two_attempts_all_fail_at_once() {
    // 5
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.send("HTTP/1.1 200");
            exchange.wait(&gate);
            exchange.reset();
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(20, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        response.expect_status(502);
    }
    assert!(origin.count() <= 2, "{}", origin.count());
}

#[test]
fn e12_or_all_get_the_stale_response_at_once() {
    // 5
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| match exchange.number() {
            1 => exchange.reply(
                &ok("old")
                    .field("cache-control", "max-age=60, stale-if-error=600")
                    .field("age", "70"),
            ),
            _ => {
                exchange.wait(&gate);
                exchange.reset();
            }
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    let mut clients = forebay.burst(20, "/a");
    origin.wait_for(2);
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        response.expect(200, "old");
    }
    // The first, and two attempts, each of which may be retried where no byte was received.
    assert!(origin.count() <= 5, "{}", origin.count());
}

#[test]
fn e15_after_the_collapse_timeout_one_follower_leads_anew() {
    // 9
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| match exchange.number() {
            1 => {
                exchange.wait(&gate);
                exchange.reply(&fresh("slow"));
            }
            _ => exchange.reply(&fresh("quick")),
        }
    });
    let forebay = Forebay::start(&origin, "[cache]\ncollapse_timeout = \"300ms\"");
    let mut leader = forebay.connect();
    leader.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    let mut followers = forebay.burst(10, "/a");
    for response in read_all(&mut followers) {
        response.expect(200, "quick");
    }
    assert_eq!(origin.count(), 2);
    gate.open();
    let late = leader.read();
    assert!(late.is_whole() && matches!(late.text().as_str(), "slow" | "quick"));
    // A later request finds a stored response, and asks nobody.
    forebay.hit("/a").expect_status(200);
    assert_eq!(origin.count(), 2);
}

#[test]
fn e15_followers_are_patient_up_to_the_response_timeout_and_no_longer() {
    // 9
    let origin = Origin::start(|exchange| exchange.stall());
    let forebay = Forebay::start(
        &origin,
        "[cache]\ncollapse_timeout = \"200ms\"\n[upstream]\nresponse_timeout = \"800ms\"",
    );
    let mut clients = forebay.burst(30, "/a");
    for response in read_all(&mut clients) {
        response.expect_status(504);
    }
    // One at first, one each time patience ends, and one more when the first is lost: never one for each client.
    assert!(origin.count() <= 6, "{} fetches", origin.count());
}
