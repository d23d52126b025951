//! (a) Requests whose end two readers could disagree on: refused, or framed anew, before anything reaches the origin.

use crate::bad_requests::refuses;
use crate::support::{Client, End, Forebay, HOST, Origin, fresh, ok};

/// The chunked request whose body is `body`, as raw bytes.
fn chunked(body: &str) -> String {
    format!("POST /up HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn length_beside_chunked(first: &str, second: &str) {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\n{first}\r\n{second}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    let response = client.read();
    assert!(matches!(response.status(), 200 | 400), "{}", response.head.start);
    client.expect_closed();
    forebay.get("/sentinel").expect_status(200);
    let requests = origin.requests();
    assert!(!requests.iter().any(|request| request.target() == "/smuggled"));
    assert!(requests.len() <= 2);
    if let [posted, _] = &requests[..] {
        assert!(posted.is_whole() && posted.content.is_empty());
        assert_ne!(posted.field("content-length"), Some("5"), "{}", posted.head.raw);
        assert!(
            posted.all("content-length").len() + posted.all("transfer-encoding").len() <= 1,
            "{}",
            posted.head.raw
        );
    }
}

#[test]
fn a01_content_length_before_transfer_encoding_smuggles_nothing() {
    length_beside_chunked("Content-Length: 5", "Transfer-Encoding: chunked");
}

#[test]
fn a02_transfer_encoding_before_content_length_smuggles_nothing() {
    length_beside_chunked("Transfer-Encoding: chunked", "Content-Length: 5");
}

#[test]
fn a03_differing_content_lengths_are_refused() {
    let heads = [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 5x",
        "Content-Length: -1",
    ]
    .map(|lines| format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n\r\nhello"));
    refuses(&heads.each_ref().map(String::as_str), &[400], true);
}

#[test]
fn a06_te_gzip_chunked_is_refused() {
    refuses(
        &[&format!(
            "POST /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
        )],
        &[501, 400],
        true,
    );
}

#[test]
fn a07_a_transfer_encoding_that_only_resembles_chunked_is_refused() {
    let values = [
        ",chunked",
        "chunked,",
        "identity, chunked",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "\u{b}chunked",
        "chunked, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
    ];
    let heads = values.map(|value| {
        format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: {value}\r\n\r\n0\r\n\r\n")
    });
    refuses(&heads.each_ref().map(String::as_str), &[400, 501], true);
}

#[test]
fn a09_chunked_that_is_not_the_last_coding_is_refused() {
    refuses(
        &[&format!(
            "POST /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"
        )],
        &[400],
        true,
    );
}

#[test]
fn a10_http_1_0_with_transfer_encoding_is_refused() {
    refuses(
        &[&format!(
            "POST /a HTTP/1.0\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )],
        &[400],
        true,
    );
}

#[test]
fn a11_a_request_is_never_delimited_by_the_close() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(format!("POST /a HTTP/1.0\r\nHost: {HOST}\r\n\r\nhello"));
    client.finish_sending();
    let response = client.read();
    assert!(matches!(response.status(), 200 | 400), "{}", response.head.start);
    forebay.get("/sentinel").expect_status(200);
    for request in origin.requests() {
        assert!(request.content.is_empty(), "{}", request.head.raw);
    }
    assert!(origin.count() <= 2);
}

/// The body is refused while it is read: whatever of it the origin saw never came to an end.
#[track_caller]
fn refuses_body(raw: &str, statuses: &[u16]) {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(raw);
    let response = client.try_read().unwrap_or_else(|end| panic!("{end:?} to {raw:.100?}"));
    assert!(statuses.contains(&response.status()), "{} to {raw:.100?}", response.head.start);
    client.expect_closed();
    forebay.get("/sentinel").expect_status(200);
    let whole: Vec<_> =
        origin.requests().into_iter().filter(|request| request.is_whole()).collect();
    assert_eq!(
        whole.iter().map(|request| request.target()).collect::<Vec<_>>(),
        ["/sentinel"],
        "{raw:.100?}"
    );
}

#[test]
fn a12_a_chunk_size_that_is_not_hexadecimal_is_refused() {
    for size in ["0_2e", "0x5", "+5", "-1", " 5", "5junk", ""] {
        refuses_body(&chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n")), &[400]);
    }
}

#[test]
fn a13_a_chunk_size_that_overflows_is_refused() {
    refuses_body(&chunked("FFFFFFFFFFFFFFEDF\r\nhello\r\n0\r\n\r\n"), &[400]);
}

#[test]
fn a13_a_huge_chunk_size_reserves_no_memory_and_never_completes() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(chunked("FFFFFFFFFFFFFFED\r\nhello"));
    client.finish_sending();
    if let Ok(response) = client.try_read() {
        assert!(matches!(response.status(), 400 | 413), "{}", response.head.start);
    }
    client.expect_closed();
    forebay.get("/sentinel").expect_status(200);
    assert!(
        !origin.requests().iter().any(|request| request.target() == "/up" && request.is_whole())
    );
    assert!(forebay.peak_memory() < 256);
}

#[test]
fn a16_endless_chunk_extensions_are_refused() {
    let extension = "x".repeat(1000);
    let body = format!("1;{extension}\r\na\r\n").repeat(40);
    refuses_body(&chunked(&format!("{body}0\r\n\r\n")), &[400]);
}

#[test]
fn a17_trailers_are_neither_merged_nor_forwarded() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(format!(
        "POST /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: Authorization, X-Trailer\r\n\r\n\
         5\r\nhello\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nAuthorization: Bearer x\r\nContent-Type: evil/evil\r\nX-Trailer: 1\r\n\r\n"
    ));
    client.read().expect(200, "served");
    let request = origin.last();
    assert_eq!(request.content, b"hello");
    assert_eq!(request.trailers, []);
    for name in ["authorization", "content-type", "x-trailer"] {
        assert_eq!(request.field(name), None);
    }
    assert_eq!(request.all("host"), [HOST]);
    // The connection is still in step.
    client.get("/next").expect(200, "served");
    assert_eq!(origin.count(), 2);
}

#[test]
fn a18_a_thousand_trailers_are_refused() {
    let trailers: String = (0..1000).map(|n| format!("X-{n}: {n}\r\n")).collect();
    refuses_body(&chunked(&format!("5\r\nhello\r\n0\r\n{trailers}\r\n")), &[400, 431]);
}

#[track_caller]
fn torn_upload(leave: fn(Client)) {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("served")));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "100")], b"ten bytes.");
    origin.wait_for(1);
    leave(client);
    assert_ne!(origin.wait_for_content(0).end, Some(End::Whole));
    forebay.get("/a").expect(200, "served");
    assert_eq!(origin.count(), 2, "no retry, nothing stored");
}

#[test]
fn a41_an_upload_that_ends_early_is_aborted_and_not_retried() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("served")));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "100")], b"ten bytes.");
    client.finish_sending();
    if let Ok(response) = client.try_read() {
        response.expect_status(400);
    }
    client.expect_closed();
    forebay.get("/sentinel").expect_status(200);
    let posts: Vec<_> =
        origin.requests().into_iter().filter(|request| request.target() == "/a").collect();
    assert!(posts.len() <= 1);
    assert!(posts.iter().all(|request| !request.is_whole()));
}

#[test]
fn a41_a_reset_in_an_upload_aborts_it_towards_the_origin() {
    torn_upload(Client::reset);
}

#[test]
fn a41_a_client_that_leaves_in_an_upload_aborts_it_towards_the_origin() {
    torn_upload(Client::leave);
}

#[test]
fn a42_bytes_behind_the_body_are_the_next_request() {
    let origin = Origin::start(|exchange| exchange.reply(&ok(exchange.request().content.clone())));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(format!(
        "POST /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\nhelloEXTRA\r\n\r\n"
    ));
    client.read().expect(200, "hello");
    client.read().expect_status(400);
    client.expect_closed();
    assert_eq!(origin.count(), 1);
}
