//! Connections that leave HTTP: bytes in both directions once both sides agreed.

use crate::support::{Client, Exchange, Forebay, Gate, Head, Origin, Reply, ms, ok, stay_silent};

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
];

/// Agrees to switch, then gives every byte back in upper case until the peer has said all.
fn shouting(exchange: &mut Exchange<'_>) {
    exchange.send(SWITCHING);
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

fn switched(forebay: &Forebay) -> (Client, Head) {
    let mut client = forebay.connect();
    client.send_request("GET", "/socket", &HANDSHAKE, b"");
    let head = client.read_head();
    assert_eq!(head.word(1), "101", "{}", head.raw);
    (client, head)
}

#[test]
fn bytes_pass_in_both_directions() {
    let origin = Origin::start(shouting);
    let forebay = Forebay::start(&origin, "");
    let (mut client, head) = switched(&forebay);
    assert_eq!(
        (head.field("upgrade"), head.field("sec-websocket-accept")),
        (Some("websocket"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    );
    assert!(
        head.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")),
        "{}",
        head.raw
    );
    for word in ["hello", "again"] {
        client.send(word);
        assert_eq!(client.read_exactly(5), word.to_ascii_uppercase().as_bytes());
    }
    let big = vec![b'x'; 1024 * 1024];
    client.send(&big);
    assert!(client.read_exactly(big.len()).iter().all(|byte| *byte == b'X'));
    client.finish_sending();
    assert_eq!(client.read_exactly(7), b"the end");
    // The log is written in order: what went wrong in between is there when the next line is.
    forebay.get("/after");
    forebay.wait_for_log(&["ACCESS", "path=/after"]);
    let log = forebay.log_text();
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn the_handshake_reaches_the_origin() {
    let origin = Origin::start(shouting);
    let forebay = Forebay::start(&origin, "");
    let _open = switched(&forebay);
    let request = origin.last();
    assert_eq!(
        (
            request.field("upgrade"),
            request.field("sec-websocket-key"),
            request.field("sec-websocket-version")
        ),
        (Some("websocket"), Some("dGhlIHNhbXBsZSBub25jZQ=="), Some("13"))
    );
    assert!(
        request.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")),
        "{}",
        request.head.raw
    );
}

#[test]
fn a_client_that_has_said_all_still_hears_the_rest() {
    let origin = Origin::start(shouting);
    let forebay = Forebay::start(&origin, "");
    let (mut client, _) = switched(&forebay);
    client.send("bye");
    client.finish_sending();
    assert_eq!(client.read_exactly(10), b"BYEthe end");
    client.expect_closed();
}

#[test]
fn an_origin_that_has_said_all_still_hears_the_rest() {
    let heard = Gate::new();
    let origin = Origin::start({
        let heard = heard.clone();
        move |exchange| {
            exchange.send(SWITCHING);
            exchange.send("all");
            exchange.finish_sending();
            let mut bytes = Vec::new();
            while bytes.len() < 5 {
                let more = exchange.read_some();
                if more.is_empty() {
                    return;
                }
                bytes.extend(more);
            }
            if bytes == b"hello" {
                heard.open();
            }
            exchange.close();
        }
    });
    let forebay = Forebay::start(&origin, "");
    let (mut client, _) = switched(&forebay);
    assert_eq!(client.read_exactly(4), b"all");
    client.send("hello");
    heard.wait();
}

#[test]
fn bytes_in_the_same_packet_as_the_101_are_not_lost() {
    let origin = Origin::start(|exchange| {
        exchange.send(format!("{SWITCHING}early"));
        exchange.stall();
    });
    let forebay = Forebay::start(&origin, "");
    let (mut client, _) = switched(&forebay);
    assert_eq!(client.read_exactly(5), b"early");
}

#[test]
fn a_client_that_leaves_ends_the_tunnel_at_the_origin() {
    let left = Gate::new();
    let origin = Origin::start({
        let left = left.clone();
        move |exchange| {
            exchange.send(SWITCHING);
            if exchange.peer_leaves() {
                left.open();
            }
        }
    });
    let forebay = Forebay::start(&origin, "");
    let (client, _) = switched(&forebay);
    client.reset();
    left.wait();
}

#[test]
fn an_origin_that_leaves_ends_the_tunnel_at_the_client() {
    let origin = Origin::start(|exchange| {
        exchange.send(SWITCHING);
        exchange.close();
    });
    let forebay = Forebay::start(&origin, "");
    let (mut client, _) = switched(&forebay);
    client.finish_sending();
    client.expect_closed();
}

#[test]
fn a_refused_upgrade_is_an_ordinary_answer() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/socket" => exchange.reply(&Reply::new(403).content("no")),
        _ => exchange.reply(&ok("served")),
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let response = client.get_with("/socket", &HANDSHAKE).expect(403, "no");
    assert_eq!(response.field("upgrade"), None);
    client.get("/next").expect(200, "served");
}

#[test]
fn a_426_may_name_the_protocols() {
    let origin = Origin::always(
        Reply::new(426)
            .field("connection", "upgrade")
            .field("upgrade", "websocket")
            .content("upgrade!"),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/socket").expect(426, "upgrade!");
}

#[test]
fn a_tunnels_connection_is_never_used_for_a_request() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/socket" => shouting(exchange),
        _ => exchange.reply(&ok("served")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/before").expect(200, "served");
    let (mut client, _) = switched(&forebay);
    client.send("bye");
    client.finish_sending();
    assert_eq!(client.read_exactly(10), b"BYEthe end");
    forebay.get("/after").expect(200, "served");
    let tunnel =
        origin.requests().iter().find(|request| request.target() == "/socket").unwrap().connection;
    assert_eq!(
        origin.requests().iter().filter(|request| request.connection == tunnel).count(),
        1,
        "a fresh connection, never pooled"
    );
}

#[test]
fn an_idle_tunnel_is_closed_after_its_timeout() {
    let left = Gate::new();
    let origin = Origin::start({
        let left = left.clone();
        move |exchange| {
            exchange.send(SWITCHING);
            if exchange.peer_leaves() {
                left.open();
            }
        }
    });
    let forebay = Forebay::start(&origin, "[upstream]\nupgrade_idle_timeout = \"300ms\"");
    let (mut client, _) = switched(&forebay);
    client.expect_closed();
    left.wait();
}

#[test]
fn a_tunnel_outlives_every_other_timeout() {
    let origin = Origin::start(shouting);
    let forebay = Forebay::start(
        &origin,
        "[server.limits]\nheader_timeout = \"100ms\"\nidle_timeout = \"100ms\"\nstall_timeout = \"100ms\"\n[upstream]\nread_timeout = \"100ms\"\nresponse_timeout = \"100ms\"\nidle_timeout = \"100ms\"\nupgrade_idle_timeout = \"10s\"",
    );
    let (mut client, _) = switched(&forebay);
    for word in ["hello", "again"] {
        stay_silent(ms(400));
        client.send(word);
        assert_eq!(client.read_exactly(5), word.to_ascii_uppercase().as_bytes());
    }
}

#[test]
fn an_upgrade_is_never_answered_from_the_store() {
    let origin = Origin::start(|exchange| match exchange.field("upgrade") {
        Some(_) => shouting(exchange),
        None => exchange.reply(&crate::support::fresh("stored")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/socket").expect(200, "stored");
    let _open = switched(&forebay);
    forebay.hit("/socket").expect(200, "stored");
    assert_eq!(origin.count(), 2);
}
