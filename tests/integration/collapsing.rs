//! (e) Many requests for one thing: one fetch, whole for everybody, and nobody waits for what was never for them.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::support::{
    Client, Forebay, Gate, Origin, Reply, Response, eventually, fresh, noise, ok, read_all,
};

#[test]
fn e10_a_thousand_requests_for_a_cold_key_are_one_fetch() {
    let gate = Gate::new();
    let body = noise(20_000);
    let origin = Origin::gated(&gate, {
        let body = body.clone();
        move |_| fresh(body.clone())
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(1000, "/a");
    origin.wait_for(1);
    gate.open();
    for response in read_all(&mut clients) {
        assert!(response.is_whole() && response.status() == 200 && response.body == body);
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn e10_followers_say_that_they_followed() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(10, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(10);
    gate.open();
    let responses = read_all(&mut clients);
    let collapsed =
        responses.iter().filter(|response| response.cache_parameter("collapsed").is_some()).count();
    assert_eq!(
        (collapsed, origin.count()),
        (9, 1),
        "{:?}",
        responses.iter().map(Response::cache_status).collect::<Vec<_>>()
    );
    assert!((forebay.metric("forebay_collapsed_requests_total", &[]) - 9.0).abs() < 0.1);
}

#[test]
fn a_length_over_the_limit_sends_the_followers_forward() {
    // 3: it is known at the head.
    let body = noise(300 * 1024);
    let gate = Gate::new();
    let origin = Origin::gated(&gate, {
        let body = body.clone();
        move |_| fresh(body.clone())
    });
    let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"64KiB\"");
    let mut clients = forebay.burst(5, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(5);
    gate.open();
    for response in read_all(&mut clients) {
        assert!(response.is_whole() && response.body == body);
    }
    assert_eq!(origin.count(), 5);
}

/// Answers nobody before so many requests are there at once.
fn meeting(count: usize, reply: Reply) -> Origin {
    let barrier = Arc::new(Barrier::new(count));
    Origin::start(move |exchange| {
        barrier.wait();
        exchange.reply(&reply);
    })
}

#[test]
fn what_cannot_be_shared_is_fetched_in_parallel_and_remembered() {
    // 7: the next burst is not queued either. The second origin answers only when all five are there.
    for reply in [
        ok("mine").field("cache-control", "private"),
        ok("mine").field("cache-control", "no-store"),
        fresh("mine").field("set-cookie", "id=1"),
        ok("mine"),
    ] {
        let gate = Gate::new();
        let together = Arc::new(Barrier::new(4));
        let again = Arc::new(Barrier::new(5));
        let origin = Origin::start({
            let gate = gate.clone();
            move |exchange| {
                match exchange.number() {
                    1 => exchange.wait(&gate),
                    2..=5 => _ = together.wait(),
                    _ => _ = again.wait(),
                }
                exchange.reply(&reply);
            }
        });
        let forebay = Forebay::start(&origin, "");
        let mut clients = forebay.burst(5, "/a");
        origin.wait_for(1);
        forebay.wait_for_clients(5);
        assert_eq!(origin.count(), 1, "the others wait for the first answer");
        gate.open();
        for response in read_all(&mut clients) {
            response.expect(200, "mine");
        }
        assert_eq!(origin.count(), 5);
        for response in read_all(&mut forebay.burst(5, "/a")) {
            response.expect(200, "mine");
        }
        assert_eq!(origin.count(), 10);
    }
}

#[test]
fn what_becomes_storable_again_is_stored() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&ok("private").field("cache-control", "private")),
        _ => exchange.reply(&fresh("public")),
    });
    let forebay = Forebay::start(&origin, "[cache]\nuncacheable_for = \"100ms\"");
    forebay.get("/a").expect(200, "private");
    eventually("it is stored", || forebay.get("/a").expect(200, "public").is_reused());
}

#[test]
fn e14_a_follower_another_variant_is_for_fetches_its_own() {
    // 8
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |exchange| {
        let language = exchange.request().field("accept-language").unwrap_or("none").to_owned();
        fresh(language).field("vary", "accept-language")
    });
    let forebay = Forebay::start(&origin, "");
    let languages = ["de", "fr", "de", "fr", "de"];
    let mut clients: Vec<Client> = languages.iter().map(|_| forebay.connect()).collect();
    for (client, language) in clients.iter_mut().zip(languages) {
        client.send_request("GET", "/a", &[("accept-language", language)], b"");
    }
    origin.wait_for(1);
    forebay.wait_for_clients(5);
    gate.open();
    for (response, language) in read_all(&mut clients).into_iter().zip(languages) {
        response.expect(200, language);
    }
    assert_eq!(origin.count(), 2);
}

#[test]
fn a_follower_with_a_credential_gets_its_own_answer() {
    // 8 and 10
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |exchange| {
        let whose = exchange.request().field("authorization").unwrap_or("nobody").to_owned();
        fresh(whose)
    });
    let forebay = Forebay::start(&origin, "");
    let credentials = [None, Some("Bearer a"), Some("Bearer b"), Some("Bearer a"), None];
    let mut clients: Vec<Client> = credentials.iter().map(|_| forebay.connect()).collect();
    for (client, credential) in clients.iter_mut().zip(credentials) {
        let fields: Vec<_> =
            credential.map(|credential| ("authorization", credential)).into_iter().collect();
        client.send_request("GET", "/a", &fields, b"");
        // The first leads.
        origin.wait_for(1);
    }
    forebay.wait_for_clients(5);
    gate.open();
    for (response, credential) in read_all(&mut clients).into_iter().zip(credentials) {
        response.expect(200, credential.unwrap_or("nobody"));
    }
    assert_eq!(origin.count(), 4);
}

#[test]
fn what_a_credential_got_by_permission_is_shared() {
    let gate = Gate::new();
    let origin =
        Origin::gated(&gate, |_| ok("for all").field("cache-control", "public, max-age=60"));
    let forebay = Forebay::start(&origin, "");
    let mut clients: Vec<Client> = (0..5).map(|_| forebay.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send_request("GET", "/a", &[("cookie", &format!("id={n}"))], b"");
    }
    origin.wait_for(1);
    forebay.wait_for_clients(5);
    gate.open();
    for response in read_all(&mut clients) {
        response.expect(200, "for all");
    }
    forebay.hit("/a").expect(200, "for all");
}

#[test]
fn requests_with_ranges_and_conditions_get_their_own_view() {
    // 10
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("0123456789").field("etag", "\"a\""));
    let forebay = Forebay::start(&origin, "");
    let mut plain = forebay.connect();
    plain.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    let (mut range, mut condition, mut head) =
        (forebay.connect(), forebay.connect(), forebay.connect());
    range.send_request("GET", "/a", &[("range", "bytes=2-4")], b"");
    condition.send_request("GET", "/a", &[("if-none-match", "\"a\"")], b"");
    head.send_request("HEAD", "/a", &[], b"");
    forebay.wait_for_clients(4);
    gate.open();
    plain.read().expect(200, "0123456789");
    let part = range.read();
    assert!(
        part.status() == 206 && part.text() == "234"
            || part.status() == 200 && part.text() == "0123456789",
        "{}{}",
        part.head.raw,
        part.text()
    );
    condition.read().expect(304, "");
    head.read_answer_to("HEAD").expect(200, "");
}

#[test]
fn e20_posts_are_never_collapsed() {
    let origin = meeting(10, fresh("posted"));
    let forebay = Forebay::start(&origin, "");
    let mut clients: Vec<Client> = (0..10).map(|_| forebay.connect()).collect();
    for client in &mut clients {
        client.send_request("POST", "/a", &[], b"x");
    }
    for response in read_all(&mut clients) {
        response.expect(200, "posted");
    }
    assert_eq!(origin.count(), 10);
}

#[test]
fn what_the_file_excludes_is_never_collapsed() {
    for config in [
        "[cache]\ncollapse = false",
        "[[route]]\npath = \"/{*rest}\"\ncollapse = false",
        "[[route]]\npath = \"/{*rest}\"\ncache = false",
        "[cache]\nenabled = false",
    ] {
        let origin = meeting(5, fresh("hello"));
        let forebay = Forebay::start(&origin, config);
        for response in read_all(&mut forebay.burst(5, "/a")) {
            response.expect(200, "hello");
        }
        assert_eq!(origin.count(), 5);
    }
}

#[test]
fn an_event_stream_is_not_collapsed() {
    let release = Gate::new();
    let origin = Origin::start({
        let release = release.clone();
        move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n");
            let event = format!("data: {}\n\n", exchange.number());
            exchange.send(format!("{:x}\r\n{event}\r\n", event.len()));
            exchange.wait(&release);
            exchange.send("0\r\n\r\n");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(3, "/events");
    let mut events: Vec<_> = clients
        .iter_mut()
        .map(|client| {
            client.read_head();
            client.read_chunk()
        })
        .collect();
    events.sort();
    events.dedup();
    assert_eq!(events.len(), 3, "each has a stream of its own");
    release.open();
}

#[test]
fn different_keys_do_not_wait_for_each_other() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            if exchange.target() == "/slow" {
                exchange.wait(&gate);
            }
            exchange.reply(&fresh(exchange.target()));
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut slow = forebay.connect();
    slow.send_request("GET", "/slow", &[], b"");
    origin.wait_for(1);
    forebay.get("/quick").expect(200, "/quick");
    gate.open();
    slow.read().expect(200, "/slow");
}

#[test]
fn no_mixture_of_clients_gets_an_answer_that_was_for_another() {
    // The oracle of every load test: each answer says what it was made for.
    let origin = Origin::start(|exchange| {
        let body = format!(
            "{} {} {:?} {:?}",
            exchange.field("host").unwrap(),
            exchange.target(),
            exchange.field("authorization"),
            exchange.field("accept-language")
        );
        let reply = match exchange.number() % 4 {
            0 => ok(body).field("cache-control", "no-store"),
            1 => fresh(body).chunked(),
            2 => fresh(body).field("set-cookie", "id=1"),
            _ => fresh(body),
        };
        exchange.reply(&reply.field("vary", "accept-language"));
    });
    let forebay = Forebay::start(&origin, "");
    let address = forebay.address();
    let clients: Vec<_> = (0..8_usize)
        .map(|seed| {
            thread::spawn(move || {
                let mut client = Client::connect(address, "x");
                for n in 0..200 {
                    let mix = (seed * 7919 + n * 104_729) % 997;
                    let host = ["a.test", "b.test"][mix % 2];
                    let target = format!("/{}", mix % 5);
                    let language = ["de", "fr", "en"][mix % 3];
                    let secret = format!("Bearer {seed}");
                    let mut fields = vec![("host", host), ("accept-language", language)];
                    let mut authorization = None;
                    if mix % 7 == 0 {
                        authorization = Some(secret.as_str());
                        fields.push(("authorization", &secret));
                    }
                    let response = client.get_with(&target, &fields);
                    response.expect(
                        200,
                        format!("{host} {target} {authorization:?} {:?}", Some(language)),
                    );
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("every answer was the client's own");
    }
}
