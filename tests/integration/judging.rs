//! What is made of a response that many caches get wrong: guesses, errors, cookies, fields for one, languages.

use crate::support::{Forebay, Origin, Reply, fresh, ok};

const MODIFIED: (&str, &str) = ("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT");

/// Seconds of freshness left of the stored answer to a GET, where it was stored.
#[track_caller]
fn ttl_of(reply: Reply, config: &str) -> Option<i64> {
    let origin = Origin::always(reply);
    let forebay = Forebay::start(&origin, config);
    forebay.get("/a");
    let again = forebay.get("/a");
    assert_eq!(again.is_reused(), origin.count() == 1, "{}", again.cache_status());
    let ttl = again.is_reused().then(|| forebay.hit("/a").cache_parameter("ttl")).flatten();
    ttl.map(|ttl| ttl.parse().unwrap())
}

#[test]
fn s4_2_2_guesses_are_made_for_some_statuses_and_for_what_is_public() {
    let guess = "[cache]\nheuristic = true";
    let of = |status| Reply::new(status).field(MODIFIED.0, MODIFIED.1).content("x");
    for (status, long) in
        [(200, true), (203, true), (301, true), (410, false), (414, false), (501, false)]
    {
        let ttl = ttl_of(of(status), guess).unwrap_or_else(|| panic!("{status}"));
        assert_eq!(ttl > 3600, long, "{status} {ttl}");
        assert!(long || ttl <= 10, "{status} {ttl}");
    }
    for status in [201, 302, 403, 500, 599] {
        assert_eq!(ttl_of(of(status), guess), None, "{status}");
        let public = of(status).field("cache-control", "public");
        assert!(ttl_of(public, guess).is_some(), "{status}");
    }
}

#[test]
fn s15_4_5_a_304_is_no_answer_about_an_error() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(
            &Reply::new(404)
                .field("cache-control", "max-age=0, stale-if-error=60")
                .field("etag", "\"x\"")
                .content("gone"),
        ),
        _ if exchange.field("if-none-match").is_some() => exchange.reply(&Reply::new(304)),
        _ => exchange.reply(&fresh("back")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(404, "gone");
    forebay.get("/a").expect(200, "back");
    assert_eq!(origin.last().field("if-none-match"), None);
}

#[test]
fn a_failure_with_a_lifetime_does_not_take_the_place_of_what_will_be_good_again() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&ok("good").field("etag", "\"x\"").field("cache-control", "max-age=0")),
        2 => exchange.reply(&Reply::new(503).field("cache-control", "max-age=60").content("bad")),
        _ => exchange.reply(&Reply::new(304).field("etag", "\"x\"")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "good");
    forebay.get("/a").expect(503, "bad");
    forebay.get("/a").expect(200, "good");
    assert_eq!(origin.last().field("if-none-match"), Some("\"x\""));
}

#[test]
fn s7_3_cookies_are_stored_where_the_file_says_so_and_nowhere_else() {
    let cookie = fresh("hello").field("set-cookie", "a=b").field("set-cookie", "c=d");
    assert_eq!(ttl_of(cookie.clone(), ""), None);
    for config in
        ["[cache]\nstore_set_cookie = true", "[[route]]\npath = \"/a\"\nstore_set_cookie = true"]
    {
        let origin = Origin::always(cookie.clone());
        let forebay = Forebay::start(&origin, config);
        for _ in 0..2 {
            let response = forebay.get("/a").expect(200, "hello");
            assert_eq!(response.all("set-cookie"), ["a=b", "c=d"]);
        }
        assert_eq!(origin.count(), 1);
    }
    let elsewhere =
        "[cache]\nstore_set_cookie = true\n[[route]]\npath = \"/a\"\nstore_set_cookie = false";
    assert_eq!(ttl_of(cookie, elsewhere), None);
}

#[test]
fn s3_2_a_304_updates_stored_cookies_and_its_cookie_is_otherwise_for_who_asked() {
    for (config, later) in [("[cache]\nstore_set_cookie = true", vec!["a=2"]), ("", vec![])] {
        let origin = Origin::start(|exchange| match exchange.number() {
            1 => exchange
                .reply(&ok("hello").field("etag", "\"x\"").field("cache-control", "max-age=0")),
            _ => exchange.reply(
                &Reply::new(304).field("set-cookie", "a=2").field("cache-control", "max-age=60"),
            ),
        });
        let forebay = Forebay::start(&origin, config);
        forebay.get("/a").expect(200, "hello");
        assert_eq!(forebay.get("/a").expect(200, "hello").all("set-cookie"), ["a=2"]);
        assert_eq!(forebay.get("/a").expect(200, "hello").all("set-cookie"), later);
        assert_eq!(origin.count(), 2);
    }
}

#[test]
fn s5_2_2_4_a_field_that_is_not_to_be_stored_reaches_who_asked() {
    for directive in ["no-cache=\"x-a\"", "private=\"x-a, x-b\""] {
        let value = format!("max-age=60, {directive}");
        let origin = Origin::always(
            ok("hello").field("cache-control", value).field("x-a", "1").field("x-c", "2"),
        );
        let forebay = Forebay::start(&origin, "");
        let first = forebay.get("/a").expect(200, "hello");
        assert_eq!((first.field("x-a"), first.field("x-c")), (Some("1"), Some("2")), "{directive}");
        let hit = forebay.hit("/a").expect(200, "hello");
        assert_eq!((hit.field("x-a"), hit.field("x-c")), (None, Some("2")), "{directive}");
    }
}

#[test]
fn s4_1_languages_select_by_their_weights_in_whatever_order() {
    let origin = Origin::always(fresh("hello").field("vary", "accept-language"));
    let forebay = Forebay::start(&origin, "");
    let get = |languages: &str| {
        forebay.get_with("/a", &[("accept-language", languages)]).expect(200, "hello").is_reused()
    };
    assert!(!get("en, de;q=0.5"));
    assert!(get("EN;q=1.0, de;q=0.500"));
    assert!(get("de; q=0.5 ,en"));
    assert!(!get("de, en;q=0.5"));
    assert!(!get("en"));
}

#[test]
fn s6_3_a_response_in_a_transfer_coding_that_there_is_not_lasts_until_the_connection_closes() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: unheard-of\r\nCache-Control: max-age=60\r\n\r\nhello");
        exchange.close();
    });
    let forebay = Forebay::start(&origin, "");
    let first = forebay.get("/a").expect(200, "hello");
    assert_ne!(first.field("transfer-encoding"), Some("unheard-of"));
    forebay.hit("/a").expect(200, "hello");
}
