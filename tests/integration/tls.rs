//! https:// servers: who has proved to be the server is sent requests, and nobody else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::support::{
    Authority, Certificate, Directory, Exchange, Forebay, HOST, Handshake, Launch, Manners, Origin,
    Secured, fresh, noise, ok,
};

/// A forebay in front of this URL that believes `authority`, and the directory of its file.
fn believing(authority: &Authority, url: &str, config: &str) -> (Forebay, Directory) {
    let directory = Directory::new();
    let ca = directory.file("ca.pem", &authority.pem());
    let upstream = format!("[upstream]\nca = \"{ca}\"\n");
    let config = match config.split_once("[upstream]\n") {
        Some((before, after)) => format!("{before}{upstream}{after}"),
        None => format!("{upstream}{config}"),
    };
    (Launch::new(url, &config).start(), directory)
}

/// An origin with TLS before it, and a forebay that believes it.
struct Bench {
    origin: Origin,
    secured: Secured,
    forebay: Forebay,
    _directory: Directory,
}

impl Bench {
    fn start(origin: Origin, manners: Manners, config: &str) -> Self {
        let authority = Authority::new();
        let certificate = authority.certificate("localhost");
        let secured = Secured::start_with(&origin, certificate, manners);
        let (forebay, directory) = believing(&authority, &secured.url("localhost"), config);
        Self { origin, secured, forebay, _directory: directory }
    }
}

fn handshake(name: Option<&str>, resumed: bool) -> Handshake {
    Handshake { name: name.map(str::to_owned), protocol: Some("http/1.1".to_owned()), resumed }
}

#[test]
fn requests_go_over_one_verified_connection() {
    let bench =
        Bench::start(Origin::always(ok("served")), Manners::default(), "[server]\nthreads = 1");
    for target in ["/1", "/2", "/3"] {
        bench.forebay.get(target).expect(200, "served");
    }
    bench.forebay.request("POST", "/4", &[], b"content").expect(200, "served");
    assert_eq!(bench.secured.handshakes(), [handshake(Some("localhost"), false)]);
    let last = bench.origin.last();
    assert_eq!(last.content, b"content");
    assert_eq!((last.field("host"), last.field("x-forwarded-proto")), (Some(HOST), Some("http")));
}

#[test]
fn a_server_may_be_an_address() {
    let (origin, authority) = (Origin::always(ok("served")), Authority::new());
    let secured = Secured::start(&origin, authority.certificate("127.0.0.1"));
    let url = secured.url("127.0.0.1");
    let (forebay, _directory) = believing(&authority, &url, "[upstream]\nhost = \"upstream\"");
    forebay.get("/a").expect(200, "served");
    // RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in HostName".
    assert_eq!(secured.handshakes(), [handshake(None, false)]);
    assert_eq!(origin.last().field("host"), url.strip_prefix("https://"));
}

#[test]
fn tls_1_2_is_spoken_too() {
    static OLD: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    let manners = Manners { versions: &OLD, ..Manners::default() };
    let bench = Bench::start(Origin::always(ok("served")), manners, "");
    bench.forebay.get("/a").expect(200, "served");
}

#[test]
fn a_session_is_resumed_on_the_next_connection() {
    let closing = ok("served").field("connection", "close");
    let bench = Bench::start(Origin::always(closing), Manners::default(), "[server]\nthreads = 1");
    for target in ["/1", "/2"] {
        bench.forebay.get(target).expect(200, "served");
    }
    let expected = [handshake(Some("localhost"), false), handshake(Some("localhost"), true)];
    assert_eq!(bench.secured.handshakes(), expected);
}

#[test]
fn who_does_not_prove_to_be_the_server_is_sent_nothing() {
    let (believed, other) = (Authority::new(), Authority::new());
    for (certificate, word) in [
        (believed.certificate_valid("localhost", 2020, 2021), "upstream-tls-out-of-date"),
        (believed.certificate_valid("localhost", 2090, 2091), "upstream-tls-out-of-date"),
        (believed.certificate("www.localhost"), "upstream-tls-wrong-name"),
        (believed.certificate("127.0.0.1"), "upstream-tls-wrong-name"),
        (other.certificate("localhost"), "upstream-tls-untrusted"),
        (Certificate::self_signed("localhost"), "upstream-tls-untrusted"),
    ] {
        let origin = Origin::always(ok("served"));
        let secured = Secured::start(&origin, certificate);
        let (forebay, _directory) = believing(&believed, &secured.url("localhost"), "");
        let refused = forebay.get("/a").expect_status(502);
        assert_eq!(refused.json()["code"], word);
        let refused = forebay.request("POST", "/a", &[], b"secret").expect_status(502);
        assert_eq!(refused.json()["code"], word);
        forebay.wait_for_log(&["ACCESS", word]);
        assert_eq!((origin.connections(), secured.handshakes()), (0, vec![]), "{word}");
    }
}

#[test]
fn without_a_file_of_authorities_the_machines_are_asked() {
    let (origin, authority) = (Origin::always(ok("served")), Authority::new());
    let secured = Secured::start(&origin, authority.certificate("localhost"));
    let (url, directory) = (secured.url("localhost"), Directory::new());
    let launch = |authority: &Authority| {
        // Where OpenSSL and its likeness look for what the machine trusts.
        let file = directory.file("system.pem", &authority.pem());
        Launch::new(&url, "")
            .environment("SSL_CERT_FILE", &file)
            .environment("SSL_CERT_DIR", "")
            .start()
    };
    let refused = launch(&Authority::new()).get("/a").expect_status(502);
    assert_eq!(refused.json()["code"], "upstream-tls-untrusted");
    launch(&authority).get("/a").expect(200, "served");
}

#[test]
fn a_server_that_speaks_no_tls_is_not_spoken_to_in_clear() {
    let clear = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", clear.local_addr().unwrap());
    let heard = thread::spawn(move || {
        let (mut stream, _) = clear.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        (heard, clear)
    });
    let (forebay, _directory) = believing(&Authority::new(), &url, "");
    let refused = forebay.get("/secret").expect_status(502);
    assert_eq!(refused.json()["code"], "upstream-tls");
    let (heard, clear) = heard.join().unwrap();
    assert!(!heard.windows(6).any(|bytes| bytes == b"secret"));
    clear.set_nonblocking(true).unwrap();
    assert!(clear.accept().is_err(), "it was not tried again in another way");
}

#[test]
fn a_handshake_that_does_not_end_is_504_at_connect_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let config = "[upstream]\nconnect_timeout = \"300ms\"";
    let (forebay, _directory) = believing(&Authority::new(), &url, config);
    let late = forebay.get("/a").expect_status(504);
    assert_eq!(late.json()["code"], "connect-timeout");
}

#[test]
fn another_server_is_asked_instead_of_one_that_proves_nothing() {
    let (believed, other) = (Authority::new(), Authority::new());
    let (origin, stranger) = (Origin::always(ok("served")), Origin::always(ok("stranger")));
    let good = Secured::start(&origin, believed.certificate("localhost"));
    let bad = Secured::start(&stranger, other.certificate("localhost"));
    let servers = format!(
        "[upstream]\nservers = [\"{}\", \"{}\"]",
        bad.url("localhost"),
        good.url("localhost")
    );
    let (forebay, _directory) = believing(&believed, "", &servers);
    for n in 0..4 {
        forebay.request("POST", &format!("/{n}"), &[], b"content").expect(200, "served");
    }
    assert_eq!((origin.count(), stranger.connections()), (4, 0));
}

#[test]
fn an_idle_connection_that_the_server_ended_is_not_used() {
    for takes_leave in [true, false] {
        let origin = Origin::start(|exchange| {
            exchange.reply(&ok("served"));
            exchange.close();
        });
        let manners = Manners { takes_leave, ..Manners::default() };
        let bench = Bench::start(origin, manners, "[server]\nthreads = 1");
        for n in 0..4 {
            // It may also end while the request is on its way: what may be sent twice is.
            bench.forebay.get(&format!("/{n}")).expect(200, "served");
        }
        assert_eq!((bench.origin.count(), bench.origin.connections()), (4, 4));
    }
}

#[test]
fn a_request_on_a_connection_that_ends_under_our_hands_is_sent_again() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/second" if exchange.request().connection == 1 => exchange.close(),
        _ => exchange.reply(&ok("served")),
    });
    let bench = Bench::start(origin, Manners::default(), "[server]\nthreads = 1");
    bench.forebay.get("/first").expect(200, "served");
    bench.forebay.get("/second").expect(200, "served");
    assert_eq!(bench.origin.targets(), ["/first", "/second", "/second"]);
    let bench_post = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&ok("served")),
        _ => exchange.close(),
    });
    let bench = Bench::start(bench_post, Manners::default(), "[server]\nthreads = 1");
    bench.forebay.get("/first").expect(200, "served");
    bench.forebay.request("POST", "/second", &[], b"x").expect_status(502);
    assert_eq!(bench.origin.count(), 2, "a POST is never sent twice");
}

#[test]
fn large_content_passes_whole_in_both_directions() {
    let (up, down) = (noise(3 * 1024 * 1024), noise(5 * 1024 * 1024));
    let answer = down.clone();
    let origin = Origin::start(move |exchange| exchange.reply(&fresh(answer.clone()).chunked()));
    let bench = Bench::start(origin, Manners::default(), "");
    let answered = bench.forebay.request("POST", "/a", &[], &up).expect_status(200);
    assert!(answered.is_whole() && answered.body == down);
    assert!(bench.origin.last().content == up);
    let stored = bench.forebay.get("/a").expect_status(200);
    assert!(stored.is_whole() && stored.body == down);
}

/// In front of an origin whose answer says nothing of its length, and that takes leave of TLS or not.
fn until_close(takes_leave: bool) -> Bench {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nuntil the end");
        exchange.close();
    });
    Bench::start(origin, Manners { takes_leave, ..Manners::default() }, "")
}

#[test]
fn content_until_the_end_of_a_connection_is_whole_where_tls_says_so() {
    until_close(true).forebay.get("/a").expect(200, "until the end");
}

#[test]
fn content_until_an_end_of_which_tls_says_nothing_is_torn_and_not_stored() {
    // RFC 9112 §9.8: "A client that receives an incomplete close... SHOULD treat the content as incomplete".
    let bench = until_close(false);
    for asked in 1..=2 {
        let mut client = bench.forebay.connect();
        client.send_request("GET", "/a", &[], b"");
        // The head may be torn with it.
        assert!(client.try_read().map_or(true, |answered| !answered.is_whole()));
        assert_eq!(bench.origin.count(), asked);
    }
}

#[test]
fn websockets_pass_through_tls() {
    fn shouting(exchange: &mut Exchange<'_>) {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        loop {
            let bytes = exchange.read_some();
            if bytes.is_empty() {
                break;
            }
            exchange.send(bytes.to_ascii_uppercase());
        }
        exchange.send(b"the end");
        exchange.close();
    }
    let bench = Bench::start(Origin::start(shouting), Manners::default(), "");
    let mut client = bench.forebay.connect();
    let fields = [("connection", "Upgrade"), ("upgrade", "websocket")];
    client.send_request("GET", "/socket", &fields, b"");
    assert_eq!(client.read_head().word(1), "101");
    for word in ["hello", "again"] {
        client.send(word);
        assert_eq!(client.read_exactly(5), word.to_ascii_uppercase().as_bytes());
    }
    let big = vec![b'x'; 1024 * 1024];
    client.send(&big);
    assert!(client.read_exactly(big.len()).iter().all(|byte| *byte == b'X'));
    client.finish_sending();
    assert_eq!(client.read_exactly(7), b"the end");
}
