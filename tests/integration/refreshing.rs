//! Requests that have what is stored fetched anew: by the route's own sign, or by their Cache-Control where it is honored.

use crate::support::{
    Client, Forebay, Gate, Origin, Reply, Response, eventually, fresh, ok, read_all,
};

/// A route as an endpoint with the data of a user has it; `more` is added to it.
fn user_data(more: &str) -> String {
    format!(
        r#"
        [[route]]
        path = "/api/users/{{user_id}}/data"
        ttl = "1h"
        refresh_on = ["query:force_refresh=true", "header:x-refresh=1"]
        tags = ["user:{{user_id}}"]
        {more}
        "#
    )
}

/// Nobody is limited by how shortly before another was granted the same.
const ALWAYS: &str = "refresh_interval = \"0s\"";
/// Once in a test.
const ONCE: &str = "refresh_interval = \"1h\"";

const DATA: &str = "/api/users/7/data";
const FORCED: &str = "/api/users/7/data?force_refresh=true";

/// An origin that answers with its request's ordinal number and a tag, and says nothing of lifetimes.
fn numbering() -> Origin {
    Origin::start(|exchange| {
        let number = exchange.number().to_string();
        exchange.reply(&ok(number.clone()).field("etag", format!("\"{number}\"")));
    })
}

#[track_caller]
fn says(response: &Response, fwd: &str, detail: &str) {
    let said = (response.cache_parameter("fwd"), response.cache_parameter("detail"));
    assert_eq!(said, (Some(fwd.to_owned()), Some(detail.to_owned())), "{}", response.head.raw);
}

#[test]
fn user_data_is_fetched_anew_when_asked_and_purged_by_user() {
    let origin = numbering();
    let forebay = Forebay::start(&origin, &user_data(ALWAYS));
    forebay.get(DATA).expect(200, "1");
    forebay.hit(DATA).expect(200, "1");
    let forced = forebay.get(FORCED).expect(200, "2");
    says(&forced, "request", "refresh-on");
    assert!(forced.cache_parameter("stored").is_some(), "{}", forced.head.raw);
    forebay.hit(DATA).expect(200, "2");
    forebay.get("/api/users/8/data").expect(200, "3");
    assert_eq!(forebay.purge(r#"{"tag": "user:7"}"#).json()["matched"], 1);
    forebay.get(DATA).expect(200, "4");
    forebay.hit("/api/users/8/data").expect(200, "3");
    forebay.get_with(DATA, &[("x-refresh", "1")]).expect(200, "5");
    forebay.hit_with(DATA, &[("x-refresh", "0")]).expect(200, "5");
}

#[test]
fn user_data_lives_for_seconds_unless_it_is_asked_for_before() {
    // Two seconds old when it comes.
    let origin = Origin::start(|exchange| {
        exchange.reply(&ok(exchange.number().to_string()).field("age", "2"));
    });
    let config = user_data("").replace("ttl = \"1h\"", "ttl = \"4s\"");
    let forebay = Forebay::start(&origin, &config);
    forebay.get(DATA).expect(200, "1");
    forebay.get(FORCED).expect(200, "2");
    assert_eq!(origin.last().target(), FORCED);
    eventually("it is stale", || forebay.get(DATA).text() == "3");
    assert_eq!(origin.last().target(), DATA);
}

#[test]
fn the_parameter_is_not_in_the_key_and_only_the_one_that_asks_goes_forward() {
    let origin = numbering();
    let forebay = Forebay::start(&origin, &user_data(ALWAYS));
    for other in ["=%3Cscript%3E", "=false", "=TRUE", "=true;x=1", ""] {
        forebay.get(&format!("{DATA}?force_refresh{other}")).expect(200, "1");
    }
    assert_eq!(origin.targets(), [DATA]);
    forebay.get(&format!("{DATA}?a=1&force_refresh=true&b=2")).expect(200, "2");
    forebay.hit(&format!("{DATA}?a=1&b=2")).expect(200, "2");
    forebay.get(FORCED).expect(200, "3");
    forebay.hit(DATA).expect(200, "3");
    let forwarded = [DATA, &format!("{DATA}?a=1&b=2&force_refresh=true"), FORCED];
    assert_eq!(origin.targets(), forwarded);
}

#[test]
fn what_is_fetched_anew_is_not_only_validated() {
    let origin = numbering();
    let forebay = Forebay::start(&origin, &user_data(ALWAYS));
    forebay.get(DATA).expect(200, "1");
    forebay.get_with(FORCED, &[("if-none-match", "\"1\"")]).expect(200, "2");
    assert_eq!(origin.last().field("if-none-match"), None);
    forebay.get_with(FORCED, &[("if-none-match", "\"3\"")]).expect(304, "");
    assert_eq!(origin.count(), 3);
}

#[test]
fn c21_many_that_ask_at_once_are_one_fetch_and_hits_do_not_wait_for_it() {
    for (config, fields) in [(ALWAYS, ""), (ONCE, ""), (ONCE, "request_directives = \"honor\"")] {
        let gate = Gate::new();
        let origin = Origin::start({
            let gate = gate.clone();
            move |exchange| {
                if exchange.number() > 1 {
                    exchange.wait(&gate);
                }
                exchange.reply(&ok(exchange.number().to_string()));
            }
        });
        let honor = !fields.is_empty();
        let forebay = Forebay::start(&origin, &user_data(&format!("{config}\n{fields}")));
        forebay.get(DATA).expect(200, "1");
        let mut clients: Vec<Client> = (0..20).map(|_| forebay.connect()).collect();
        for client in &mut clients {
            if honor {
                client.send_request("GET", DATA, &[("cache-control", "no-cache")], b"");
            } else {
                client.send_request("GET", FORCED, &[], b"");
            }
            origin.wait_for(2);
        }
        forebay.wait_for_clients(20);
        forebay.hit(DATA).expect(200, "1");
        gate.open();
        let responses = read_all(&mut clients);
        let followed =
            responses.iter().filter(|it| it.cache_parameter("collapsed").is_some()).count();
        for response in responses {
            response.expect(200, "2");
        }
        assert_eq!((followed, origin.count()), (19, 2));
        forebay.hit(DATA).expect(200, "2");
    }
}

#[test]
fn c21_within_the_interval_the_stored_response_is_served_as_usual() {
    let origin = numbering();
    let forebay = Forebay::start(&origin, &user_data(ONCE));
    forebay.get(FORCED).expect(200, "1");
    forebay.get(FORCED).expect(200, "2");
    let limited = forebay.get(FORCED).expect(200, "2");
    assert!(limited.is_hit(), "{}", limited.head.raw);
    assert_eq!(limited.cache_parameter("detail").as_deref(), Some("refresh-interval"));
    // Another key has an interval of its own.
    forebay.get("/api/users/8/data").expect(200, "3");
    forebay.get("/api/users/8/data?force_refresh=true").expect(200, "4");
    assert_eq!(origin.count(), 4);
}

#[test]
fn c21_what_a_client_prefers_reaches_the_origin_once_in_the_interval() {
    for wish in ["no-cache", "max-age=0", "min-fresh=99999", "max-age=0, no-cache"] {
        let origin = Origin::start(|exchange| match exchange.field("if-none-match") {
            Some("\"1\"") => exchange.reply(&Reply::new(304).field("etag", "\"1\"")),
            _ => exchange.reply(&ok("hello").field("etag", "\"1\"").field("age", "5")),
        });
        let config = user_data(&format!("{ONCE}\nrequest_directives = \"honor\""));
        let forebay = Forebay::start(&origin, &config);
        let wishful = [("cache-control", wish)];
        forebay.get_with(DATA, &wishful).expect(200, "hello");
        let granted = forebay.get_with(DATA, &wishful).expect(200, "hello");
        assert_eq!(granted.cache_parameter("fwd").as_deref(), Some("request"), "{wish}");
        for _ in 0..5 {
            let limited = forebay.get_with(DATA, &wishful).expect(200, "hello");
            assert!(limited.is_hit(), "{wish}: {}", limited.head.raw);
        }
        forebay.request("HEAD", DATA, &wishful, b"").expect(200, "");
        assert_eq!(origin.count(), 2, "{wish}");
        assert_eq!(origin.last().field("if-none-match"), Some("\"1\""), "{wish}");
    }
}

#[test]
fn without_an_interval_each_preference_reaches_the_origin() {
    let origin = Origin::numbering();
    let config = "[cache]\nrequest_directives = \"honor\"\nrefresh_interval = \"0s\"";
    let forebay = Forebay::start(&origin, config);
    for number in ["1", "2", "3"] {
        forebay.get_with("/a", &[("cache-control", "no-cache")]).expect(200, number);
    }
    forebay.hit("/a").expect(200, "3");
}

#[test]
fn c21_a_burst_with_preferences_on_a_cold_key_is_one_fetch() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("hello"));
    let forebay = Forebay::start(&origin, "[cache]\nrequest_directives = \"honor\"");
    let mut clients: Vec<Client> = (0..20).map(|_| forebay.connect()).collect();
    for client in &mut clients {
        client.send_request("GET", "/a", &[("cache-control", "no-cache")], b"");
    }
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        response.expect(200, "hello");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn a_refresh_that_fails_leaves_what_is_stored() {
    for (more, status, body) in [("", 500, "broken"), ("stale_if_error = \"1h\"", 200, "1")] {
        let origin = Origin::start(|exchange| match exchange.number() {
            1 => exchange.reply(&ok("1")),
            _ => exchange.reply(&Reply::new(500).content("broken")),
        });
        let forebay = Forebay::start(&origin, &user_data(&format!("{ALWAYS}\n{more}")));
        forebay.get(DATA).expect(200, "1");
        let failed = forebay.get(FORCED).expect(status, body);
        assert_eq!(failed.cache_parameter("fwd-status").as_deref(), Some("500"));
        forebay.hit(DATA).expect(200, "1");
        assert_eq!(origin.count(), 2);
    }
    let origin = numbering();
    let forebay =
        Forebay::start(&origin, &user_data(&format!("{ALWAYS}\nstale_if_error = \"1h\"")));
    forebay.get(DATA).expect(200, "1");
    origin.stop();
    forebay.get(FORCED).expect(200, "1");
    forebay.hit(DATA).expect(200, "1");
}

#[test]
fn only_who_gets_a_response_that_may_be_stored_has_it_fetched_anew() {
    let origin = numbering();
    let forebay = Forebay::start(&origin, &user_data(ALWAYS));
    forebay.get(DATA).expect(200, "1");
    forebay.request("HEAD", FORCED, &[], b"").expect(200, "");
    forebay.get_with(FORCED, &[("cache-control", "only-if-cached")]).expect(200, "1");
    forebay.get_with(FORCED, &[("cache-control", "no-store")]).expect(200, "1");
    assert_eq!(origin.count(), 1);
    // Its own answer is nobody else's, and goes forward with what it asked.
    forebay.get_with(FORCED, &[("authorization", "Bearer a")]).expect(200, "2");
    assert_eq!(origin.last().target(), FORCED);
    forebay.hit(DATA).expect(200, "1");
}

#[test]
fn a_refresh_that_began_before_a_purge_is_not_stored() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            if exchange.number() == 2 {
                exchange.wait(&gate);
            }
            exchange.reply(&ok(exchange.number().to_string()));
        }
    });
    let forebay = Forebay::start(&origin, &user_data(ALWAYS));
    forebay.get(DATA).expect(200, "1");
    let mut forced = forebay.connect();
    forced.send_request("GET", FORCED, &[], b"");
    origin.wait_for(2);
    forebay.purge(r#"{"url": "/api/users/7/data"}"#).expect_status(200);
    forebay.get(DATA).expect(200, "3");
    gate.open();
    forced.read().expect(200, "2");
    forebay.hit(DATA).expect(200, "3");
}
