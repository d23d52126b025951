//! A POST whose answer answers later GETs (RFC 9110 §9.3.3), and those whose answers do not.

use crate::support::{Forebay, Gate, Origin, Reply, fresh};

/// An origin whose answers to POST carry the fields, and whose answers to anything else say so.
fn origin(fields: &[(&str, &str)]) -> Origin {
    let posted =
        fields.iter().fold(Reply::new(200), |reply, (name, value)| reply.field(name, *value));
    Origin::start(move |exchange| {
        exchange.read_content();
        match exchange.method() {
            "POST" => exchange.reply(&posted.clone().content("posted")),
            _ => exchange.reply(&fresh("got")),
        }
    })
}

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const HERE: (&str, &str) = ("content-location", "/a?x=1");

#[test]
fn with_a_lifetime_and_a_content_location_that_is_its_target_it_answers_gets() {
    let origin = origin(&[FRESH, HERE, ("x-request-id", "1")]);
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let posted = client.request("POST", "/a?x=1", &[], b"content").expect(200, "posted");
    assert!(posted.cache_status().contains("fwd=method; fwd-status=200; stored"));
    assert_eq!(posted.field("x-request-id"), Some("1"));
    let got = client.hit("/a?x=1").expect(200, "posted");
    assert_eq!(got.field("x-request-id"), None);
    client.request("HEAD", "/a?x=1", &[], b"").expect(200, "");
    assert_eq!(origin.count(), 1);
    // "In contrast, a POST request cannot be satisfied by a cached POST response".
    client.request("POST", "/a?x=1", &[], b"content").expect(200, "posted");
    assert_eq!(origin.count(), 2);
}

#[test]
fn without_either_of_them_it_does_not() {
    for fields in [
        &[FRESH][..],
        &[HERE],
        &[FRESH, ("content-location", "/a")],
        &[FRESH, ("content-location", "http://elsewhere.test/a?x=1")],
        &[("cache-control", "no-store, max-age=60"), HERE],
        &[("cache-control", "private, max-age=60"), HERE],
        &[FRESH, HERE, ("vary", "*")],
        &[FRESH, HERE, ("set-cookie", "a=b")],
    ] {
        let origin = origin(fields);
        let forebay = Forebay::start(&origin, "[cache]\ndefault_ttl = \"1m\"");
        forebay.request("POST", "/a?x=1", &[], b"content").expect(200, "posted");
        forebay.get("/a?x=1").expect(200, "got");
    }
}

#[test]
fn where_the_file_stores_nothing_it_is_not_stored_either() {
    for route in ["cache = false", "methods = [\"POST\"]"] {
        let config = format!("[[route]]\npath = \"/a\"\n{route}");
        let origin = origin(&[FRESH, HERE]);
        let forebay = Forebay::start(&origin, &config);
        forebay.request("POST", "/a?x=1", &[], b"content").expect(200, "posted");
        forebay.get("/a?x=1").expect(200, "got");
    }
}

#[test]
fn a_credentials_answer_is_not_for_others() {
    let origin = origin(&[FRESH, HERE]);
    let forebay = Forebay::start(&origin, "");
    let authorization = [("authorization", "Bearer x")];
    forebay.request("POST", "/a?x=1", &authorization, b"content").expect(200, "posted");
    forebay.get("/a?x=1").expect(200, "got");
}

#[test]
fn it_takes_the_place_of_what_was_stored() {
    let origin = origin(&[FRESH, HERE]);
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a?x=1").expect(200, "got");
    forebay.request("POST", "/a?x=1", &[], b"content").expect(200, "posted");
    forebay.hit("/a?x=1").expect(200, "posted");
}

#[test]
fn a_write_that_ends_meanwhile_leaves_nothing_stored() {
    let (gate, held) = (Gate::default(), Gate::default());
    let (opened, reached) = (gate.clone(), held.clone());
    let origin = Origin::start(move |exchange| {
        exchange.read_content();
        match exchange.method() {
            "POST" => {
                reached.open();
                exchange.wait(&opened);
                let (lifetime, here) = (FRESH, HERE);
                let reply = Reply::new(200).field(lifetime.0, lifetime.1).field(here.0, here.1);
                exchange.reply(&reply.content("posted"));
            }
            _ => exchange.reply(&fresh("got")),
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut posting = forebay.connect();
    posting.send_request("POST", "/a?x=1", &[], b"content");
    held.wait();
    forebay.request("PUT", "/a?x=1", &[], b"content").expect_status(200);
    gate.open();
    posting.read_answer_to("POST").expect(200, "posted");
    forebay.get("/a?x=1").expect(200, "got");
}
