//! Parts that the origin cut out, stored and reused (RFC 9111 §3.3), and those that are not.

use crate::support::{
    Forebay, Origin, Reply, Request, Response, Version, changing, file, fresh, ok, part,
};

pub(crate) fn range(forebay: &Forebay, range: &str) -> Response {
    forebay.get_with("/a", &[("range", range)])
}

#[track_caller]
pub(crate) fn expect_part(response: Response, said: &str, content: &str) -> Response {
    let response = response.expect(206, content);
    assert_eq!(response.field("content-range"), Some(said));
    assert_eq!(response.field("content-length"), Some(content.len().to_string().as_str()));
    response
}

/// What the origin was asked for: Range and If-Range of each request.
pub(crate) fn asked(origin: &Origin) -> Vec<(Option<String>, Option<String>)> {
    let field = |request: &Request, name| request.field(name).map(str::to_owned);
    let requests = origin.requests();
    requests.iter().map(|request| (field(request, "range"), field(request, "if-range"))).collect()
}

pub(crate) fn words(range: &str, if_range: &str) -> (Option<String>, Option<String>) {
    let word = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    (word(range), word(if_range))
}

#[test]
fn a_part_is_asked_for_in_the_clients_words_stored_and_reused() {
    let origin = file(Version::unmarked("0123456789"));
    let forebay = Forebay::start(&origin, "");
    let first = expect_part(range(&forebay, "bytes=-5"), "bytes 5-9/10", "56789");
    assert_eq!(first.cache_status(), "forebay; fwd=uri-miss; fwd-status=206; stored");
    for (wanted, said, content) in [
        ("bytes=-5", "bytes 5-9/10", "56789"),
        ("bytes=6-8", "bytes 6-8/10", "678"),
        ("bytes=6-", "bytes 6-9/10", "6789"),
        ("bytes=-1", "bytes 9-9/10", "9"),
        ("bytes=8-99", "bytes 8-9/10", "89"),
    ] {
        let response = forebay.hit_with("/a", &[("range", wanted)]);
        assert!(response.is_hit() && response.age().is_some(), "{}", response.cache_status());
        expect_part(response, said, content);
    }
    let beyond = range(&forebay, "bytes=10-").expect_status(416);
    assert_eq!(beyond.field("content-range"), Some("bytes */10"));
    assert_eq!(asked(&origin), [words("bytes=-5", "")]);
}

#[test]
fn several_ranges_within_a_stored_part_are_several_parts() {
    let origin = file(Version::unmarked("0123456789").field("content-type", "text/x-digits"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=2-9").expect_status(206);
    let response = range(&forebay, "bytes=2-3,6-7").expect_status(206);
    let text = response.text();
    assert!(text.contains("bytes 2-3/10\r\n\r\n23\r\n") && text.contains("bytes 6-7/10\r\n\r\n67"));
    assert_eq!(origin.count(), 1);
}

#[test]
fn b25_a_206_to_a_request_without_range_is_stored_neither_as_whole_nor_as_part() {
    let origin = Origin::start(|exchange| {
        let reply = part(b"0123456789", 0, 4).fold_into(Version::new("", "\"v1\"").reply(206));
        exchange.reply(&reply);
    });
    let forebay = Forebay::start(&origin, "");
    for count in 1..=2 {
        forebay.get("/a").expect(206, "01234");
        assert_eq!(origin.count(), count);
    }
    range(&forebay, "bytes=0-4").expect(206, "01234");
    assert_eq!(origin.count(), 3);
}

#[test]
fn b26_a_206_that_does_not_say_truly_what_it_brings_is_passed_on_uncached() {
    for said in [
        "bytes 0-8/10",
        "bytes 0-3/10",
        "bytes 0-5/10",
        "bytes 4-0/10",
        "bytes 0-4/4",
        "bytes 0-4/*",
        "bytes */10",
        "bits 0-4/10",
        "bytes=0-4/10",
        "nonsense",
        "",
    ] {
        let origin = Origin::start(move |exchange| {
            let reply = Reply::new(206).field("cache-control", "max-age=60").content("01234");
            let reply = reply.field("etag", "\"v1\"");
            exchange.reply(&if said.is_empty() {
                reply
            } else {
                reply.field("content-range", said)
            });
        });
        let forebay = Forebay::start(&origin, "");
        for count in 1..=2 {
            let response = range(&forebay, "bytes=0-4").expect(206, "01234");
            let came = response.field("content-range").unwrap_or_default();
            assert_eq!((came, origin.count()), (said, count));
            assert_eq!(response.cache_parameter("detail").as_deref(), Some("partial-content"));
        }
    }
}

#[test]
fn a_last_position_that_counts_one_too_many_at_the_end_is_understood() {
    // The part ends the representation, so it is known which octets those are that came.
    let origin = Origin::start(|exchange| {
        let reply = fresh("45678").status(206).field("content-range", "bytes 4-9/10");
        exchange.reply(&reply);
    });
    let forebay = Forebay::start(&origin, "");
    // Whoever asked is told what the origin said.
    expect_part(range(&forebay, "bytes=-5"), "bytes 4-9/10", "45678");
    expect_part(forebay.hit_with("/a", &[("range", "bytes=6-8")]), "bytes 6-8/9", "678");
    expect_part(forebay.hit_with("/a", &[("range", "bytes=6-")]), "bytes 6-8/9", "678");
    expect_part(forebay.hit_with("/a", &[("range", "bytes=-1")]), "bytes 8-8/9", "8");
    assert_eq!(origin.count(), 1);
}

#[test]
fn multipart_from_the_origin_is_passed_on_uncached() {
    let body = "--x\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--x--\r\n";
    let origin = Origin::always(
        fresh(body).status(206).field("content-type", "multipart/byteranges; boundary=x"),
    );
    let forebay = Forebay::start(&origin, "");
    for count in 1..=2 {
        range(&forebay, "bytes=0-1").expect(206, body);
        assert_eq!(origin.count(), count);
    }
}

#[test]
fn a_torn_part_is_torn_for_the_client_and_not_stored() {
    for torn in [
        "Content-Length: 5\r\n\r\n012",
        // Whole in its framing, and short of what it says it brings.
        "Transfer-Encoding: chunked\r\n\r\n3\r\n012\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n0\r\n\r\n",
    ] {
        let torn = format!(
            "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\n\
             Content-Range: bytes 0-4/10\r\n{torn}"
        );
        let origin = Origin::start(move |exchange| match exchange.number() {
            1 => {
                exchange.send(&torn);
                exchange.close();
            }
            _ => {
                let reply = Version::new("0123456789", "\"v1\"").answer(exchange);
                exchange.reply(&reply);
            }
        });
        let forebay = Forebay::start(&origin, "");
        let mut client = forebay.connect();
        client.send_request("GET", "/a", &[("range", "bytes=0-4")], b"");
        assert!(client.try_read().map_or(true, |response| !response.is_whole()));
        range(&forebay, "bytes=0-4").expect(206, "01234");
        assert_eq!(origin.count(), 2);
    }
}

#[test]
fn an_origin_that_ignores_ranges_is_asked_once() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("0123456789")));
    let forebay = Forebay::start(&origin, "");
    expect_part(range(&forebay, "bytes=2-4"), "bytes 2-4/10", "234");
    forebay.hit("/a").expect(200, "0123456789");
    assert_eq!(origin.count(), 1);
    // What may not be stored is passed on as it came.
    let origin = Origin::always(ok("0123456789").field("cache-control", "no-store"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=2-4").expect(200, "0123456789");
    assert_eq!(origin.count(), 1);
}

#[test]
fn what_may_not_be_stored_is_no_different_for_being_a_part() {
    for (field, value, detail) in [
        ("cache-control", "no-store", "no-store"),
        ("cache-control", "private, max-age=60", "private"),
        ("set-cookie", "a=b", "set-cookie"),
        ("vary", "*", "vary-any"),
    ] {
        let origin = file(Version::new("0123456789", "\"v1\"").field(field, value));
        let forebay = Forebay::start(&origin, "");
        for count in 1..=2 {
            let response = expect_part(range(&forebay, "bytes=2-4"), "bytes 2-4/10", "234");
            assert_eq!(response.cache_parameter("detail").as_deref(), Some(detail));
            assert_eq!(origin.count(), count);
        }
    }
}

#[test]
fn a_416_is_passed_on_and_not_stored() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    let beyond = range(&forebay, "bytes=20-29").expect_status(416);
    assert_eq!(beyond.field("content-range"), Some("bytes */10"));
    forebay.get("/a").expect(200, "0123456789");
    forebay.hit("/a").expect(200, "0123456789");
    assert_eq!(origin.count(), 2);
}

#[test]
fn the_error_that_answers_a_range_is_stored_like_any_other() {
    let origin = Origin::always(Reply::new(404).field("cache-control", "max-age=60").content("no"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=2-4").expect(404, "no");
    forebay.get("/a").expect(404, "no");
    assert_eq!(origin.count(), 1);
}

#[test]
fn a_stale_part_is_validated_and_used_if_it_is_good() {
    let (origin, current) =
        changing(Version::new("0123456789", "\"v1\"").field("cache-control", "max-age=0"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    let again = expect_part(range(&forebay, "bytes=2-4"), "bytes 2-4/10", "234");
    assert_eq!(origin.last().field("if-none-match"), Some("\"v1\""));
    assert_eq!(again.cache_parameter("fwd-status").as_deref(), Some("304"));
    // Changed: the part of the new one takes the place of all there was of the old.
    *current.lock().unwrap() = Version::new("abcdefghij", "\"v2\"");
    expect_part(range(&forebay, "bytes=2-4"), "bytes 2-4/10", "cde");
    expect_part(forebay.hit_with("/a", &[("range", "bytes=3-3")]), "bytes 3-3/10", "d");
    expect_part(range(&forebay, "bytes=0-2"), "bytes 0-2/10", "abc");
    assert_eq!(asked(&origin)[3], words("bytes=0-1", "\"v2\""));
    forebay.get("/a").expect(200, "abcdefghij");
    assert_eq!(asked(&origin)[4], words("bytes=5-", "\"v2\""));
}

#[test]
fn a_request_that_wants_validation_gets_it_of_a_part_too() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "[cache]\nrequest_directives = \"honor\"");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    let fields = [("range", "bytes=2-4"), ("cache-control", "no-cache")];
    expect_part(forebay.get_with("/a", &fields), "bytes 2-4/10", "234");
    assert_eq!(origin.last().field("if-none-match"), Some("\"v1\""));
    assert_eq!(origin.count(), 2);
}

#[test]
fn what_is_fetched_anew_is_not_completed() {
    let (origin, current) = changing(Version::new("0123456789", "\"v1\""));
    let route = "[[route]]\npath = \"/a\"\nrefresh_on = [\"query:fresh=1\"]";
    let forebay = Forebay::start(&origin, route);
    range(&forebay, "bytes=0-4").expect(206, "01234");
    // The same tag, and yet to be asked for anew: what is at hand has no part in it.
    *current.lock().unwrap() = Version::new("abcdefghij", "\"v1\"");
    forebay.get("/a?fresh=1").expect(200, "abcdefghij");
    assert_eq!(asked(&origin)[1], words("", ""));
    forebay.hit("/a").expect(200, "abcdefghij");
}

#[test]
fn a_stale_part_is_served_where_the_origin_fails_and_to_nobody_who_wants_more() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => {
            let said = "max-age=0, stale-if-error=60";
            let version = Version::new("0123456789", "\"v1\"").field("cache-control", said);
            let reply = version.answer(exchange);
            exchange.reply(&reply);
        }
        _ => exchange.reply(&Reply::new(503).content("no")),
    });
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    expect_part(range(&forebay, "bytes=2-4"), "bytes 2-4/10", "234");
    forebay.get("/a").expect_status(503);
    range(&forebay, "bytes=2-6").expect_status(503);
    expect_part(range(&forebay, "bytes=2-4"), "bytes 2-4/10", "234");
}

#[test]
fn conditions_come_before_the_parts() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    let part =
        |condition: (&str, &str)| forebay.get_with("/a", &[("range", "bytes=2-4"), condition]);
    // Of what is fetched for it, and of what is stored.
    for _ in 0..2 {
        part(("if-none-match", "\"v1\"")).expect(304, "");
        part(("if-match", "\"v2\"")).expect_status(412);
        part(("if-match", "\"v1\"")).expect(206, "234");
    }
    part(("if-range", "\"v1\"")).expect(206, "234");
    assert_eq!(origin.count(), 1);
    part(("if-range", "\"v0\"")).expect(200, "0123456789");
    assert_eq!(origin.count(), 2);
}

#[test]
fn an_if_range_for_something_unknown_fetches_the_whole() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    for (validator, status) in [("\"v1\"", 206), ("\"v0\"", 200)] {
        let forebay = Forebay::start(&origin, "");
        forebay
            .get_with("/a", &[("range", "bytes=2-4"), ("if-range", validator)])
            .expect_status(status);
        forebay.hit("/a").expect(200, "0123456789");
    }
    assert_eq!(asked(&origin), [words("", ""), words("", "")]);
}

#[test]
fn head_and_only_if_cached_are_not_answered_from_a_part() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=2-4").expect(206, "234");
    forebay.get_with("/a", &[("cache-control", "only-if-cached")]).expect_status(504);
    let within = [("cache-control", "only-if-cached"), ("range", "bytes=3-4")];
    forebay.get_with("/a", &within).expect(206, "34");
    assert_eq!(origin.count(), 1);
    let head = forebay.request("HEAD", "/a", &[], b"");
    assert_eq!((head.status(), origin.count()), (200, 2));
}

#[test]
fn a_purge_takes_parts_too() {
    let (origin, current) = changing(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=2-4").expect(206, "234");
    *current.lock().unwrap() = Version::new("abcdefghij", "\"v2\"");
    forebay.purge("{\"all\": true}").expect_status(200);
    range(&forebay, "bytes=2-4").expect(206, "cde");
    assert_eq!(asked(&origin)[1], words("bytes=2-4", ""));
}

#[test]
fn each_variant_has_parts_of_its_own() {
    let origin = Origin::start(|exchange| {
        let german = exchange.field("accept-language") == Some("de");
        let (content, etag) =
            if german { ("abcdefghij", "\"de\"") } else { ("0123456789", "\"en\"") };
        let reply = Version::new(content, etag).field("vary", "accept-language").answer(exchange);
        exchange.reply(&reply);
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        for (language, content) in [("de", "abc"), ("en", "012")] {
            let fields = [("accept-language", language), ("range", "bytes=0-2")];
            forebay.get_with("/a", &fields).expect(206, content);
        }
    }
    assert_eq!(origin.count(), 2);
    forebay.get_with("/a", &[("accept-language", "de")]).expect(200, "abcdefghij");
    assert_eq!(asked(&origin)[2], words("bytes=3-", "\"de\""));
}
