use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

#[test]
fn listeners_are_named_by_url_or_path() {
    for (text, target) in [
        ("http://127.0.0.1:8090", Target::Tcp("127.0.0.1:8090".to_owned())),
        ("http://[::1]:8090/", Target::Tcp("[::1]:8090".to_owned())),
        ("http://forebay", Target::Tcp("forebay:80".to_owned())),
        ("unix:/run/forebay.sock", Target::Unix("/run/forebay.sock".into())),
    ] {
        assert_eq!(Target::parse(text), Ok(target), "{text}");
    }
    for text in ["", "http://", "http://h/path", "http://user@h", "https://h", "unix:", "h:1"] {
        assert!(Target::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_listener_on_every_address_is_asked_on_loopback() {
    let target = |listen: &str| {
        listener(&AdminSettings {
            enabled: true,
            listen: AdminAddress::Tcp(listen.parse().unwrap()),
            token: None,
            debug_token: None,
            open: Vec::new(),
        })
    };
    assert_eq!(target("0.0.0.0:8090"), Target::parse("http://127.0.0.1:8090"));
    assert_eq!(target("[::]:8090"), Target::parse("http://[::1]:8090"));
    assert_eq!(target("10.0.0.1:8090"), Target::parse("http://10.0.0.1:8090"));
    assert!(target("127.0.0.1:0").is_err());
}

fn options(authority: &str, token: Option<&str>) -> AdminOptions {
    AdminOptions {
        admin: Some(Target::Tcp(authority.to_owned())),
        file: FileOption { config: None },
        token: token.map(str::to_owned),
    }
}

/// Posts to a listener that gives `answer`; returns the request's head and the outcome.
fn ask(answer: &'static str, token: Option<&str>) -> (String, Result<serde_json::Value, NotDone>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = options(&listener.local_addr().unwrap().to_string(), token);
    let server = thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head).unwrap();
        }
        stream.read_exact(&mut [0; 2]).unwrap();
        stream.into_inner().write_all(answer.as_bytes()).unwrap();
        head
    });
    let outcome = options.post(&Environment::default(), "/api/purge", "{}");
    (server.join().unwrap(), outcome)
}

#[test]
fn an_order_is_posted_with_the_token() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"id\":\"3e8-0\",\"matched\":7}";
    let (head, outcome) = ask(answer, Some("secret"));
    assert!(head.starts_with("POST /api/purge HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(head.contains("Content-Type: application/json\r\n"));
    assert!(head.contains("Authorization: Bearer secret\r\n"));
    assert_eq!(outcome.unwrap(), serde_json::json!({"id": "3e8-0", "matched": 7}));
    assert!(!ask(answer, None).0.contains("Authorization"));
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    for (answer, reason) in [
        (
            "HTTP/1.1 401 Unauthorized\r\n\r\n{\"code\":\"token-needed\",\"detail\":null}",
            "401 token-needed",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "502 no reason given"),
        ("HTTP/1.1 200 OK\r\n\r\nhello", "not a proxy's answer"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP answer"),
    ] {
        let error = ask(answer, None).1.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let outcome: Result<serde_json::Value, _> =
        options("127.0.0.1:1", Some("a\r\nX: y")).post(&Environment::default(), "/api/purge", "{}");
    assert!(outcome.unwrap_err().to_string().contains("visible ASCII"));
}
