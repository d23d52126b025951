//! `[compression]` and `compress`: which content codings are made, and of what.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::coding::{coding_of, hit_in, text};
use crate::support::{Forebay, Origin, eventually, fresh, ok, prose};

const BOTH: (&str, &str) = ("accept-encoding", "gzip, br");

fn made(forebay: &Forebay, coding: &str) -> f64 {
    forebay.metric("forebay_coded_responses_total", &[("coding", coding)])
}

#[test]
fn the_first_is_preferred_where_the_client_likes_both_alike() {
    for (encodings, preferred) in [(r#"["br", "gzip"]"#, "br"), (r#"["gzip", "br"]"#, "gzip")] {
        let origin = Origin::always(text(5000));
        let forebay = Forebay::start(&origin, &format!("[compression]\nencodings = {encodings}"));
        let first = forebay.get_with("/a", &[BOTH]).expect_status(200);
        assert_eq!(coding_of(&first), preferred, "as it comes");
        hit_in(&forebay, "gzip");
        hit_in(&forebay, "br");
        assert_eq!(coding_of(&forebay.hit_with("/a", &[BOTH])), preferred);
    }
}

#[test]
fn what_is_not_in_the_list_is_not_made() {
    let origin = Origin::always(text(5000));
    let forebay = Forebay::start(&origin, "[compression]\nencodings = [\"gzip\"]");
    let first = forebay.get_with("/a", &[("accept-encoding", "br")]).expect_status(200);
    assert_eq!(coding_of(&first), "identity");
    hit_in(&forebay, "gzip");
    let hit = forebay.hit_with("/a", &[("accept-encoding", "br, gzip;q=0.1")]);
    assert_eq!((coding_of(&hit), hit.decoded()), ("gzip", prose(5000).into_bytes()));
    assert_eq!((made(&forebay, "gzip"), made(&forebay, "br")), (1.0, 0.0));
}

#[test]
fn it_can_be_switched_off() {
    let off = "[compression]\nenabled = false\n[[route]]\npath = \"/on\"\ncompress = true";
    let origin = Origin::always(text(5000));
    let forebay = Forebay::start(&origin, off);
    for target in ["/a", "/on"] {
        forebay.get_with(target, &[BOTH]).expect(200, prose(5000));
        let hit = forebay.hit_with(target, &[BOTH]).expect(200, prose(5000));
        assert_eq!((hit.field("content-encoding"), hit.field("vary")), (None, None));
    }
    assert_eq!((made(&forebay, "gzip"), made(&forebay, "br")), (0.0, 0.0));
}

#[test]
fn a_route_can_switch_it_off_for_itself() {
    let origin = Origin::always(text(5000));
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/off\"\ncompress = false");
    forebay.get("/off").expect_status(200);
    let off = forebay.hit_with("/off", &[BOTH]).expect(200, prose(5000));
    assert_eq!((off.field("content-encoding"), off.field("vary")), (None, None));
    forebay.get("/a").expect_status(200);
    hit_in(&forebay, "br");
}

#[test]
fn types_and_lengths_are_those_of_the_configuration() {
    let origin = Origin::start(|exchange| {
        let (kind, length) = match exchange.target() {
            "/short" => ("application/wasm", 99),
            "/long" => ("Application/WASM; v=1", 100),
            "/font" => ("font/ttf", 5000),
            "/text" => ("text/plain", 5000),
            "/json" => ("application/json", 5000),
            "/problem" => ("application/problem+json", 5000),
            "/feed" => ("application/atom+xml", 5000),
            _ => ("image/png", 5000),
        };
        exchange.reply(&fresh(prose(length)).field("content-type", kind));
    });
    let forebay = Forebay::start(
        &origin,
        "[compression]\ntypes = [\"application/wasm\", \"Font/*\"]\nmin_length = \"100B\"",
    );
    for (target, coded) in [
        ("/short", false),
        ("/long", true),
        ("/font", true),
        ("/text", false),
        ("/json", false),
        ("/problem", true),
        ("/feed", true),
        ("/image", false),
    ] {
        let response = forebay.get_with(target, &[BOTH]).expect_status(200);
        assert_eq!(coding_of(&response) != "identity", coded, "{target}");
        assert_eq!(response.field("vary").is_some(), coded, "{target}");
    }
}

#[test]
fn a_body_that_is_what_it_was_is_not_coded_again() {
    let length = Arc::new(AtomicUsize::new(5000));
    let origin = Origin::start({
        let length = Arc::clone(&length);
        move |exchange| {
            let text = ok(prose(length.load(Relaxed))).field("content-type", "text/plain");
            let control = "max-age=1, stale-while-revalidate=60";
            exchange.reply(&text.field("cache-control", control));
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let until_coded = |length| {
        for coding in ["gzip", "br"] {
            eventually("it is coded", || {
                let got = forebay.get_with("/a", &[("accept-encoding", coding)]);
                coding_of(&got) == coding && got.decoded() == prose(length).into_bytes()
            });
        }
    };
    until_coded(5000);
    eventually("it is refreshed, and again", || {
        forebay.get("/a").expect(200, prose(5000));
        origin.count() > 2
    });
    until_coded(5000);
    assert_eq!((made(&forebay, "gzip"), made(&forebay, "br")), (1.0, 1.0));
    length.store(6000, Relaxed);
    until_coded(6000);
    assert_eq!((made(&forebay, "gzip"), made(&forebay, "br")), (2.0, 2.0));
}
