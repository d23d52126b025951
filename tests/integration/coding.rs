//! (j) Content codings: which are made of what, and who gets them.

use std::io::Write;

use crate::support::{
    End, Forebay, Gate, Origin, Reply, Response, eventually, fresh, noise, ok, prose,
};

/// Storable text, so long.
pub(crate) fn text(length: usize) -> Reply {
    fresh(prose(length)).field("content-type", "text/plain; charset=utf-8")
}

/// A hit on "/a" in that coding.
#[track_caller]
pub(crate) fn hit_in(forebay: &Forebay, coding: &str) -> Response {
    let get = || forebay.get_with("/a", &[("accept-encoding", coding)]);
    eventually(&format!("a hit in {coding}"), || {
        let response = get();
        response.is_hit() && coding_of(&response) == coding
    });
    get()
}

/// The coding a response is in.
pub(crate) fn coding_of(response: &Response) -> &str {
    response.field("content-encoding").unwrap_or("identity")
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(plain).unwrap();
    coder.finish().unwrap()
}

#[test]
fn j04_what_should_not_be_coded_is_not() {
    let long = prose(5000);
    let replies = [
        fresh(long.clone()).field("content-type", "image/png"),
        fresh(long.clone()),
        fresh(prose(300)).field("content-type", "text/plain"),
        fresh(long.clone())
            .field("content-type", "text/plain")
            .field("cache-control", "no-transform"),
        Reply::new(204).field("cache-control", "max-age=60").field("content-type", "text/plain"),
    ];
    for reply in replies {
        let origin = Origin::always(reply.clone());
        let forebay = Forebay::start(&origin, "");
        for _ in 0..3 {
            let response = forebay.get_with("/a", &[("accept-encoding", "gzip, br")]);
            assert_eq!(response.field("content-encoding"), None, "{reply:?}");
        }
    }
}

#[test]
fn j04_what_is_coded_already_is_passed_as_it_is() {
    let coded = gzipped(prose(5000).as_bytes());
    let origin = Origin::always(
        fresh(coded.clone())
            .field("content-type", "text/plain")
            .field("content-encoding", "gzip")
            .field("vary", "accept-encoding"),
    );
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let response =
            forebay.get_with("/a", &[("accept-encoding", "gzip, br")]).expect_status(200);
        assert_eq!((response.field("content-encoding"), &response.body), (Some("gzip"), &coded));
    }
}

#[test]
fn j04_no_digest_is_that_of_other_bytes() {
    let origin = Origin::always(
        text(5000)
            .field("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ==")
            .field("content-digest", "sha-256=:AAAA:")
            .field("digest", "sha-256=AAAA"),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    assert!(forebay.hit("/a").field("content-digest").is_some());
    let response = forebay.hit_with("/a", &[("accept-encoding", "gzip, br")]);
    let coded = response.field("content-encoding").is_some();
    for name in ["content-md5", "content-digest", "digest"] {
        assert!(!(coded && response.field(name).is_some()), "{}", response.head.raw);
    }
}

#[test]
fn j04_head_tells_of_the_coding_and_has_none() {
    let origin = Origin::always(text(5000));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let length = hit_in(&forebay, "gzip").body.len().to_string();
    let head = forebay.request("HEAD", "/a", &[("accept-encoding", "gzip")], b"").expect(200, "");
    assert_eq!(
        (head.field("content-encoding"), head.field("content-length")),
        (Some("gzip"), Some(length.as_str()))
    );
}

#[test]
fn j04_a_part_and_a_304_are_of_no_coding() {
    let origin = Origin::always(text(5000).field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    hit_in(&forebay, "gzip");
    let gzip = ("accept-encoding", "gzip");
    let part = forebay.get_with("/a", &[gzip, ("range", "bytes=0-9")]);
    let part = part.expect(206, prose(10));
    assert_eq!(part.field("content-encoding"), None);
    let unchanged = forebay.get_with("/a", &[gzip, ("if-none-match", "\"v1\"")]).expect(304, "");
    assert_eq!(unchanged.field("content-encoding"), None);
}

#[test]
fn j05_the_client_decides_which_coding() {
    let origin = Origin::always(text(5000));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    hit_in(&forebay, "gzip");
    hit_in(&forebay, "br");
    let (junk, list) = ("x".repeat(8 * 1024 + 1), "gzip, ".repeat(8 * 1024 / 6 + 1));
    for (accept, coding) in [
        ("gzip;q=0", "identity"),
        ("identity;q=0, gzip", "gzip"),
        ("*", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("gzip;q=0.001, br;q=0", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=1.5", "identity"),
        (junk.as_str(), "identity"),
        (list.as_str(), "identity"),
        (",;=q\"\\", "identity"),
        ("", "identity"),
    ] {
        let response = forebay.get_with("/a", &[("accept-encoding", accept)]).expect_status(200);
        let got = response.field("content-encoding").unwrap_or("identity");
        assert_eq!(got, coding, "{accept:.60}");
        assert_eq!(response.decoded(), prose(5000).into_bytes());
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn j06_vary_names_accept_encoding_once_whether_coded_or_not() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/b" => exchange.reply(&text(5000).field("vary", "Accept-Language, Accept-Encoding")),
        _ => exchange.reply(&text(5000).field("vary", "Accept-Language")),
    });
    let forebay = Forebay::start(&origin, "");
    for target in ["/a", "/b"] {
        for accept in ["gzip", "identity", "gzip", "br"] {
            let response =
                forebay.get_with(target, &[("accept-encoding", accept)]).expect_status(200);
            assert_eq!(response.all("vary").len(), 1, "{}", response.head.raw);
            let vary = response.all("vary").join(",").to_ascii_lowercase();
            assert_eq!(vary.matches("accept-encoding").count(), 1, "{vary}");
            assert_eq!(vary.matches("accept-language").count(), 1, "{vary}");
        }
    }
}

#[test]
fn j10_a_leader_asks_for_identity() {
    let origin = Origin::start(|exchange| {
        let asked = exchange.field("accept-encoding").unwrap_or("identity").to_owned();
        exchange.reply(&fresh(asked).field("vary", "Accept-Encoding"));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("accept-encoding", "gzip, br")]).expect(200, "identity");
    forebay.hit("/a").expect(200, "identity");
}

#[test]
fn j10_a_client_never_gets_a_coding_it_did_not_ask_for_from_the_store() {
    // This origin codes whatever it is asked.
    let origin = Origin::start(|exchange| match exchange.field("accept-encoding") {
        Some(accept) if accept.contains("gzip") => exchange.reply(
            &fresh("coded").field("content-encoding", "gzip").field("vary", "accept-encoding"),
        ),
        _ => exchange.reply(&fresh("plain").field("vary", "accept-encoding")),
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let plain = forebay.get_with("/a", &[("accept-encoding", "identity")]);
        assert_eq!((plain.text().as_str(), plain.field("content-encoding")), ("plain", None));
        let coded = forebay.get_with("/a", &[("accept-encoding", "gzip")]);
        assert_eq!(coded.text() == "coded", coded.field("content-encoding") == Some("gzip"));
    }
}

#[test]
fn j10_what_cannot_be_stored_keeps_the_clients_accept_encoding() {
    let origin = Origin::start(|exchange| {
        let asked = exchange.field("accept-encoding").unwrap_or("none").to_owned();
        exchange.reply(&ok(asked).field("cache-control", "no-store"));
    });
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\ncache = false");
    forebay.get_with("/a", &[("accept-encoding", "zstd, gzip")]).expect(200, "zstd, gzip");
}

#[test]
fn j10_what_is_coded_unasked_is_not_decoded() {
    let coded = gzipped(prose(5000).as_bytes());
    let reply = fresh(coded.clone()).field("content-type", "text/plain");
    let origin = Origin::always(reply.field("content-encoding", "gzip"));
    let forebay = Forebay::start(&origin, "");
    for accept in ["identity", "br", "gzip"] {
        let response = forebay.get_with("/a", &[("accept-encoding", accept)]).expect_status(200);
        assert_eq!((coding_of(&response), &response.body), ("gzip", &coded), "{accept}");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn j11_a_bomb_is_passed_on_unopened() {
    // 160 members of 64 MiB each: 10 GiB in 10 MB.
    let bomb = gzipped(&vec![0; 64 << 20]).repeat(160);
    assert!(bomb.len() > 5_000_000 && bomb.len() < 16_000_000, "{}", bomb.len());
    let reply = fresh(bomb.clone()).field("content-type", "text/html");
    let origin = Origin::always(reply.field("content-encoding", "gzip"));
    let forebay = Forebay::start(&origin, "");
    for accept in ["identity", "gzip", "br"] {
        let response = forebay.get_with("/a", &[("accept-encoding", accept)]).expect_status(200);
        assert!(response.body == bomb && coding_of(&response) == "gzip", "{}", response.head.raw);
    }
    assert!(forebay.hit("/a").body == bomb);
    let peak = forebay.peak_memory();
    assert!(peak < 200, "{peak} MiB");
}

#[test]
fn j12_coded_content_of_a_request_is_passed_on_unopened() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    for content in [gzipped(&vec![0; 8 << 20]), noise(2000)] {
        forebay
            .request("POST", "/a", &[("content-encoding", "gzip")], &content)
            .expect(200, "served");
        let request = origin.last();
        assert_eq!(request.field("content-encoding"), Some("gzip"));
        assert!(request.is_whole() && request.content == content);
    }
}

#[test]
fn j13_broken_coded_bytes_are_passed_as_they_are() {
    let broken = noise(2000);
    let origin = Origin::always(
        fresh(broken.clone()).field("content-type", "text/plain").field("content-encoding", "gzip"),
    );
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        assert_eq!(
            forebay.get_with("/a", &[("accept-encoding", "gzip")]).expect_status(200).body,
            broken
        );
    }
}

#[test]
fn j13_coded_bytes_that_break_off_are_never_taken_for_whole() {
    let coded = gzipped(&noise(20_000));
    let half = coded[..coded.len() / 2].to_vec();
    let head = format!(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        coded.len()
    );
    let origin = Origin::raw([head.as_bytes(), &half].concat());
    let forebay = Forebay::start(&origin, "");
    for fetches in 1..=2 {
        let mut client = forebay.connect();
        client.send_request("GET", "/a", &[("accept-encoding", "gzip")], b"");
        // Torn before its head was out, or behind it.
        if let Ok(response) = client.try_read() {
            assert!(!response.is_hit() && !response.is_whole(), "{}", response.head.raw);
            assert!(half.starts_with(&response.body));
        }
        assert!(origin.count() >= fetches, "nothing of it was kept");
    }
}

#[test]
fn j15_what_is_one_users_alone_is_not_coded() {
    let origin = Origin::start(|exchange| {
        let reply = match exchange.target() {
            "/private" => ok(prose(5000)).field("cache-control", "private, max-age=60"),
            "/cookie" => text(5000).field("set-cookie", "csrf=5f2a"),
            "/dynamic" => ok(prose(5000)).field("cache-control", "no-store"),
            _ => ok(prose(5000)),
        };
        exchange.reply(&reply.field("content-type", "text/html"));
    });
    let forebay = Forebay::start(&origin, "");
    for target in ["/private", "/cookie", "/dynamic", "/silent"] {
        for credential in [("cookie", "session=1"), ("authorization", "Bearer 1")] {
            for _ in 0..2 {
                let fields = [credential, ("accept-encoding", "gzip, br")];
                let response = forebay.get_with(target, &fields).expect_status(200);
                assert_eq!(coding_of(&response), "identity", "{target} {credential:?}");
            }
        }
    }
    assert_eq!(forebay.metric("forebay_coded_responses_total", &[]), 0.0);
}

#[test]
fn j16_events_are_passed_on_as_they_come() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
            exchange.wait(&gate);
            exchange.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[("accept-encoding", "gzip, br")], b"");
    let head = client.read_head();
    assert_eq!(head.field("content-encoding"), None);
    assert_eq!(client.read_chunk(), b"data: 1\n\n");
    gate.open();
    assert_eq!(client.read_body(&head), (b"data: 2\n\n".to_vec(), End::Whole));
}

#[test]
fn j16_what_comes_in_drops_is_coded_in_drops() {
    for coding in ["gzip", "br"] {
        let gate = Gate::new();
        let origin = Origin::start({
            let gate = gate.clone();
            move |exchange| {
                exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
                exchange.wait(&gate);
                exchange.send("5\r\nlater\r\n0\r\n\r\n");
            }
        });
        let forebay = Forebay::start(&origin, "");
        let mut client = forebay.connect();
        client.send_request("GET", "/a", &[("accept-encoding", coding)], b"");
        let head = client.read_head();
        assert_eq!(head.field("content-encoding"), Some(coding));
        let mut decoder: Box<dyn Decoder> = match coding {
            "gzip" => Box::new(flate2::write::GzDecoder::new(Vec::new())),
            _ => Box::new(brotli::DecompressorWriter::new(Vec::new(), 4096)),
        };
        while decoder.plain().is_empty() {
            decoder.write_all(&client.read_chunk()).unwrap();
            decoder.flush().unwrap();
        }
        assert_eq!(decoder.plain(), b"first", "{coding}");
        gate.open();
        let (rest, end) = client.read_body(&head);
        decoder.write_all(&rest).unwrap();
        decoder.flush().unwrap();
        assert_eq!((decoder.plain(), end), (b"firstlater".as_slice(), End::Whole), "{coding}");
    }
}

/// Turns what is coded back as it comes.
trait Decoder: Write {
    fn plain(&self) -> &[u8];
}

impl Decoder for flate2::write::GzDecoder<Vec<u8>> {
    fn plain(&self) -> &[u8] {
        self.get_ref()
    }
}

impl Decoder for brotli::DecompressorWriter<Vec<u8>> {
    fn plain(&self) -> &[u8] {
        self.get_ref()
    }
}

#[test]
fn j18_a_burst_in_three_codings_is_one_fetch_and_each_is_made_once() {
    let origin = Origin::always(text(50_000));
    let forebay = Forebay::start(&origin, "");
    let accepts = ["gzip", "br", "identity", "gzip, br", "*"];
    let mut clients: Vec<_> = (0..100).map(|_| forebay.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send_request("GET", "/a", &[("accept-encoding", accepts[n % accepts.len()])], b"");
    }
    for client in &mut clients {
        let response = client.read().expect_status(200);
        assert!(response.is_whole() && response.decoded() == prose(50_000).into_bytes());
    }
    assert_eq!(origin.count(), 1);
    for coding in ["gzip", "br"] {
        assert_eq!(forebay.metric("forebay_coded_responses_total", &[("coding", coding)]), 1.0);
    }
}
