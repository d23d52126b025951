//! Parts that are completed and combined (RFC 9111 §3.3, §3.4), and those that are never mixed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::partial::{asked, expect_part, range, words};
use crate::support::{
    Client, Forebay, Gate, Origin, Reply, Version, changing, eventually, file, fresh, noise, part,
    prose, read_all,
};

#[test]
fn s3_4_what_is_missing_is_fetched_and_combined() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    expect_part(range(&forebay, "bytes=0-2"), "bytes 0-2/10", "012");
    let more = expect_part(range(&forebay, "bytes=1-5"), "bytes 1-5/10", "12345");
    assert_eq!(more.cache_status(), "forebay; fwd=partial; fwd-status=206; stored");
    expect_part(forebay.hit_with("/a", &[("range", "bytes=0-5")]), "bytes 0-5/10", "012345");
    // A part that does not touch the first.
    expect_part(range(&forebay, "bytes=8-8"), "bytes 8-8/10", "8");
    expect_part(forebay.hit_with("/a", &[("range", "bytes=8-8")]), "bytes 8-8/10", "8");
    assert_eq!(
        asked(&origin),
        [words("bytes=0-2", ""), words("bytes=3-5", "\"v1\""), words("bytes=8-8", "\"v1\"")]
    );
    // From the first gap to the last.
    range(&forebay, "bytes=4-").expect(206, "456789");
    assert_eq!(asked(&origin)[3], words("bytes=6-9", "\"v1\""));
    forebay.hit("/a").expect(200, "0123456789");
    assert_eq!(origin.count(), 4);
}

#[test]
fn s3_3_a_stored_part_is_completed_for_whoever_wants_the_whole() {
    let origin = file(Version::new("0123456789", "\"v1\"").field("content-type", "text/x-digits"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    let whole = forebay.get("/a").expect(200, "0123456789");
    assert_eq!(
        (whole.field("content-range"), whole.field("content-type"), whole.field("etag")),
        (None, Some("text/x-digits"), Some("\"v1\""))
    );
    assert_eq!(whole.field("content-length"), Some("10"));
    assert_eq!(asked(&origin)[1], words("bytes=5-", "\"v1\""));
    // From then on it is a response like any other.
    forebay.hit("/a").expect(200, "0123456789");
    forebay.get_with("/a", &[("if-none-match", "\"v1\"")]).expect(304, "");
    let head = forebay.request("HEAD", "/a", &[], b"").expect_status(200);
    assert_eq!(head.field("content-length"), Some("10"));
    expect_part(range(&forebay, "bytes=3-6"), "bytes 3-6/10", "3456");
    assert_eq!(origin.count(), 2);
}

#[test]
fn s3_3_a_part_from_the_middle_is_completed_on_both_sides() {
    let origin = file(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=3-5").expect(206, "345");
    forebay.get("/a").expect(200, "0123456789");
    forebay.hit("/a").expect(200, "0123456789");
    assert_eq!(asked(&origin)[1], words("bytes=0-", "\"v1\""));
}

#[test]
fn parts_that_make_up_the_whole_are_a_whole_response_with_its_codings() {
    let prose = prose(20_000);
    let origin = file(Version::new(prose.clone(), "\"v1\"").field("content-type", "text/plain"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=10000-").expect(206, &prose[10_000..]);
    range(&forebay, "bytes=0-9999").expect(206, &prose[..10_000]);
    forebay.hit("/a").expect(200, &prose);
    // They are made once it is stored.
    eventually("the codings", || {
        let coded = forebay.get_with("/a", &[("accept-encoding", "gzip")]).expect_status(200);
        coded.field("content-encoding") == Some("gzip")
            && coded.field("etag") == Some("\"v1;gzip\"")
    });
    assert_eq!(origin.count(), 2);
}

#[test]
fn s3_4_without_a_shared_strong_validator_nothing_is_combined() {
    for version in [
        Version::unmarked("0123456789"),
        Version::new("0123456789", "W/\"v1\""),
        Version::unmarked("0123456789").field("last-modified", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ] {
        let origin = file(version);
        let forebay = Forebay::start(&origin, "");
        range(&forebay, "bytes=0-4").expect(206, "01234");
        range(&forebay, "bytes=5-9").expect(206, "56789");
        // Whoever comes second gets the whole fetched.
        assert_eq!(asked(&origin), [words("bytes=0-4", ""), words("", "")]);
        forebay.hit("/a").expect(200, "0123456789");
    }
}

#[test]
fn s3_4_a_date_that_is_a_strong_validator_is_one() {
    let modified = "Sat, 01 Jan 2000 00:00:00 GMT";
    let origin = file(Version::unmarked("0123456789").field("last-modified", modified));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    forebay.get("/a").expect(200, "0123456789");
    assert_eq!(asked(&origin)[1], words("bytes=5-", modified));
    forebay.hit("/a").expect(200, "0123456789");
}

#[test]
fn what_has_changed_meanwhile_replaces_the_part_and_is_never_mixed_with_it() {
    let (origin, current) = changing(Version::new("0123456789", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    *current.lock().unwrap() = Version::new("abcdefghij", "\"v2\"");
    expect_part(range(&forebay, "bytes=3-6"), "bytes 3-6/10", "defg");
    assert_eq!(asked(&origin)[1], words("bytes=5-6", "\"v1\""));
    forebay.hit("/a").expect(200, "abcdefghij");
    assert_eq!(origin.count(), 2);
}

#[test]
fn a_part_of_another_version_in_spite_of_if_range_is_not_used() {
    let whole = Version::new("abcdefghij", "\"v2\"");
    for (etag, said, content) in [
        ("\"v2\"", "bytes 5-9/10", "fghij"),
        ("\"v1\"", "bytes 5-10/11", "fghijk"),
        ("\"v1\"", "bytes 6-9/10", "ghij"),
        ("\"v1\"", "bytes 5-9/*", "fghij"),
        ("\"v1\"", "bytes 5-9/10", "fghi"),
        ("W/\"v1\"", "bytes 5-9/10", "fghij"),
        ("", "bytes 5-9/10", "fghij"),
    ] {
        let whole = whole.clone();
        let origin = Origin::start(move |exchange| match exchange.number() {
            1 => {
                let reply = Version::new("0123456789", "\"v1\"").answer(exchange);
                exchange.reply(&reply);
            }
            2 => {
                let reply = Reply::new(206).field("content-range", said).content(content);
                let reply = if etag.is_empty() { reply } else { reply.field("etag", etag) };
                exchange.reply(&reply.field("cache-control", "max-age=60"));
            }
            _ => {
                let reply = whole.answer(exchange);
                exchange.reply(&reply);
            }
        });
        let forebay = Forebay::start(&origin, "");
        range(&forebay, "bytes=0-4").expect(206, "01234");
        forebay.get("/a").expect(200, "abcdefghij");
        assert_eq!(asked(&origin)[2], words("", ""), "{etag} {said}");
        forebay.hit("/a").expect(200, "abcdefghij");
    }
}

#[test]
fn codings_are_never_mixed() {
    let origin = Origin::start(|exchange| match exchange.field("range") {
        Some("bytes=0-4") => exchange.reply(
            &part(b"0123456789", 0, 4).fold_into(fresh("").field("etag", "\"v1\"")).status(206),
        ),
        Some(_) => exchange.reply(
            &part(b"0123456789", 5, 9)
                .fold_into(fresh("").field("etag", "\"v1\"").field("content-encoding", "gzip"))
                .status(206),
        ),
        None => exchange.reply(&fresh("abcdefghij").field("etag", "\"v1\"")),
    });
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    forebay.get("/a").expect(200, "abcdefghij");
    assert_eq!(origin.count(), 3);
}

#[test]
fn s3_2_a_part_updates_the_fields_of_what_it_completes() {
    let (origin, current) =
        changing(Version::new("0123456789", "\"v1\"").field("x-a", "1").field("x-b", "1"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    let mut later = Version::new("0123456789", "\"v1\"").field("x-a", "2");
    later = later.field("content-digest", "sha-256=:AAAA:");
    *current.lock().unwrap() = later;
    for whole in [forebay.get("/a"), forebay.hit("/a")] {
        let whole = whole.expect(200, "0123456789");
        assert_eq!((whole.field("x-a"), whole.field("x-b")), (Some("2"), Some("1")));
        assert_eq!(whole.field("content-digest"), None, "it was of the part");
    }
}

#[test]
fn c15_one_octet_first_and_then_the_whole() {
    for version in [Version::new("0123456789", "\"v1\""), Version::unmarked("0123456789")] {
        let origin = file(version);
        let forebay = Forebay::start(&origin, "");
        expect_part(range(&forebay, "bytes=0-0"), "bytes 0-0/10", "0");
        for _ in 0..2 {
            let whole = forebay.get("/a").expect(200, "0123456789");
            assert_eq!(whole.field("content-range"), None);
        }
        assert_eq!(origin.count(), 2);
    }
}

#[test]
fn a_torn_completion_is_torn_for_the_client_and_leaves_the_part() {
    let origin = Origin::start(|exchange| match exchange.number() {
        2 => {
            exchange.send(
                "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\n\
                 Content-Range: bytes 5-9/10\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n56\r\n0\r\n\r\n",
            );
        }
        _ => {
            let reply = Version::new("0123456789", "\"v1\"").answer(exchange);
            exchange.reply(&reply);
        }
    });
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    assert!(client.try_read().map_or(true, |response| !response.is_whole()));
    forebay.hit_with("/a", &[("range", "bytes=0-4")]).expect(206, "01234");
    forebay.get("/a").expect(200, "0123456789");
    assert_eq!(asked(&origin)[2], words("bytes=5-", "\"v1\""));
}

#[test]
fn a_stale_part_is_good_for_completion_if_the_origin_says_so() {
    let origin = file(Version::new("0123456789", "\"v1\"").field("cache-control", "max-age=0"));
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-4").expect(206, "01234");
    forebay.get("/a").expect(200, "0123456789");
    assert_eq!(asked(&origin)[1], words("bytes=5-", "\"v1\""));
}

#[test]
fn of_what_is_too_large_to_store_parts_are_stored() {
    let whole = noise(200 * 1024);
    let origin = file(Version::new(whole.clone(), "\"v1\""));
    let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"64KiB\"");
    let part = |first: usize, last: usize| {
        let response = range(&forebay, &format!("bytes={first}-{last}"));
        assert_eq!((response.status(), response.body == whole[first..=last]), (206, true));
        response
    };
    part(1000, 1999);
    assert!(part(1200, 1299).is_hit());
    part(1500, 2999);
    assert!(part(1000, 2999).is_hit());
    assert_eq!(asked(&origin)[1], words("bytes=2000-2999", "\"v1\""));
    // The whole goes forward, and so do parts that are too large themselves.
    for count in 3..=4 {
        let response = forebay.get("/a");
        assert!(response.is_whole() && response.body == whole);
        assert_eq!((origin.count(), asked(&origin)[count - 1].clone()), (count, words("", "")));
    }
    assert!(part(1000, 2999).is_hit());
    part(100_000, 180_000);
    // No more than so much is kept of one response, and what came last is.
    part(36_000, 100_000);
    assert!(part(36_000, 100_000).is_hit());
    assert!(!part(1000, 2999).is_hit());
}

#[test]
fn the_same_part_at_the_same_time_is_fetched_once() {
    let gate = Gate::new();
    let version = Version::new("0123456789", "\"v1\"");
    let origin = Origin::gated(&gate, move |exchange| version.answer(exchange));
    let forebay = Forebay::start(&origin, "");
    let mut clients: Vec<Client> = (0..20).map(|_| forebay.connect()).collect();
    for client in &mut clients {
        client.send_request("GET", "/a", &[("range", "bytes=2-4")], b"");
    }
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        expect_part(response, "bytes 2-4/10", "234");
    }
    assert_eq!(asked(&origin), [words("bytes=2-4", "")]);
}

#[test]
fn other_parts_at_the_same_time_are_cut_from_one_whole() {
    let gate = Gate::new();
    let version = Version::new("0123456789", "\"v1\"");
    let origin = Origin::gated(&gate, move |exchange| version.answer(exchange));
    let forebay = Forebay::start(&origin, "");
    let mut clients: Vec<Client> = (0..10).map(|_| forebay.connect()).collect();
    let (first, others) = clients.split_at_mut(1);
    first[0].send_request("GET", "/a", &[("range", "bytes=0-0")], b"");
    origin.wait_for(1);
    for (place, client) in others.iter_mut().enumerate() {
        client.send_request("GET", "/a", &[("range", &format!("bytes={place}-9"))], b"");
    }
    origin.wait_for(2);
    forebay.wait_for_clients(10);
    gate.open();
    expect_part(first[0].read(), "bytes 0-0/10", "0");
    for (place, response) in read_all(others).into_iter().enumerate() {
        expect_part(response, &format!("bytes {place}-9/10"), &"0123456789"[place..]);
    }
    assert_eq!(asked(&origin), [words("bytes=0-0", ""), words("", "")]);
    forebay.hit("/a").expect(200, "0123456789");
}

#[test]
fn a_completion_is_read_while_it_arrives() {
    let gate = Gate::new();
    let whole = noise(100_000);
    let requests = Arc::new(AtomicUsize::new(0));
    let origin = Origin::start({
        let (gate, whole) = (gate.clone(), whole.clone());
        move |exchange| {
            if requests.fetch_add(1, Ordering::SeqCst) == 0 {
                let reply = Version::new(whole.clone(), "\"v1\"").answer(exchange);
                return exchange.reply(&reply);
            }
            exchange.send(
                "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\n\
                 Content-Range: bytes 50000-99999/100000\r\nContent-Length: 50000\r\n\r\n",
            );
            exchange.send(&whole[50_000..60_000]);
            exchange.wait(&gate);
            exchange.send(&whole[60_000..]);
        }
    });
    let forebay = Forebay::start(&origin, "");
    range(&forebay, "bytes=0-49999").expect_status(206);
    let mut clients: Vec<Client> = (0..3).map(|_| forebay.connect()).collect();
    clients[0].send_request("GET", "/a", &[], b"");
    origin.wait_for(2);
    clients[1].send_request("GET", "/a", &[], b"");
    clients[2].send_request("GET", "/a", &[("range", "bytes=49990-50009")], b"");
    // What is at hand and what has come is there before the rest.
    clients[2].read().expect(206, &whole[49_990..50_010]);
    assert_eq!(clients[0].read_head().field("content-length"), Some("100000"));
    assert!(clients[0].read_exactly(60_000) == whole[..60_000]);
    gate.open();
    assert!(clients[0].read_exactly(40_000) == whole[60_000..]);
    clients[1].read().expect(200, &whole);
    assert_eq!(origin.count(), 2);
}

#[test]
fn a_part_within_one_that_is_arriving_is_cut_from_it() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.send(
                "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\n\
                 Content-Range: bytes 10-19/100\r\nContent-Length: 10\r\n\r\n01234",
            );
            exchange.wait(&gate);
            exchange.send("56789");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut first = forebay.connect();
    first.send_request("GET", "/a", &[("range", "bytes=10-19")], b"");
    let head = first.read_head();
    assert_eq!((head.word(1), first.read_exactly(5)), ("206", b"01234".to_vec()));
    for (wanted, said, content) in
        [("bytes=12-13", "bytes 12-13/100", "23"), ("bytes=10-10", "bytes 10-10/100", "0")]
    {
        let part = expect_part(range(&forebay, wanted), said, content);
        assert!(part.cache_parameter("collapsed").is_some(), "{}", part.cache_status());
    }
    gate.open();
    assert_eq!(first.read_exactly(5), b"56789");
    assert!(range(&forebay, "bytes=15-19").expect(206, "56789").is_hit());
    assert_eq!(origin.count(), 1);
}
