use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(line: &str) -> Result<Options, clap::Error> {
    Line::try_parse_from(line.split(' ')).map(|line| line.options)
}

#[test]
fn exactly_one_way_to_select_is_needed() {
    for line in [
        "purge",
        "purge --soft",
        "purge --all --url /a",
        "purge --url a",
        "purge --tag",
        "purge --admin https://h --all",
        "purge --admin 127.0.0.1:8090 --all",
    ] {
        let error = options(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn the_order_is_what_the_admin_listener_reads() {
    let order = options("purge --tag user:1 user:2 --tag user:3 --soft --wait 1s").unwrap().order();
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    let expected = serde_json::json!({
        "url": [], "prefix": [], "tag": ["user:1", "user:2", "user:3"], "route": [],
        "all": false, "soft": true, "dry_run": false,
    });
    assert_eq!(order, expected);
    let order = options("purge --url http://h/a?b --dry-run").unwrap().order();
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    assert_eq!(
        (&order["url"], &order["dry_run"]),
        (&serde_json::json!(["http://h/a?b"]), &true.into())
    );
}

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
            open: Vec::new(),
        })
    };
    assert_eq!(target("0.0.0.0:8090"), Target::parse("http://127.0.0.1:8090"));
    assert_eq!(target("[::]:8090"), Target::parse("http://[::1]:8090"));
    assert_eq!(target("10.0.0.1:8090"), Target::parse("http://10.0.0.1:8090"));
    assert!(target("127.0.0.1:0").is_err());
}

/// Purges everything, against a listener that gives `answer`; returns the request's head and the outcome.
fn ask(answer: &'static str, token: Option<&str>) -> (String, Result<Done, String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = options("purge --all").unwrap();
    options.admin = Some(Target::Tcp(listener.local_addr().unwrap().to_string()));
    options.token = token.map(str::to_owned);
    let length = options.order().len();
    let server = thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head).unwrap();
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
        stream.into_inner().write_all(answer.as_bytes()).unwrap();
        head
    });
    let outcome = purge(&options, &Environment::default());
    (server.join().unwrap(), outcome)
}

#[test]
fn a_purge_is_posted_with_the_token() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"id\":\"3e8-0\",\"matched\":7}";
    let (head, outcome) = ask(answer, Some("secret"));
    assert!(head.starts_with("POST /api/purge HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(head.contains("Content-Type: application/json\r\n"));
    assert!(head.contains("Authorization: Bearer secret\r\n"));
    let done = outcome.ok().unwrap();
    assert_eq!((done.id.as_str(), done.matched), ("3e8-0", 7));
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
        let error = ask(answer, None).1.err().unwrap();
        assert!(error.contains(reason), "{error}");
    }
    let mut options = options("purge --all --token a").unwrap();
    options.token = Some("a\r\nX: y".to_owned());
    options.admin = Some(Target::Tcp("127.0.0.1:1".to_owned()));
    assert!(purge(&options, &Environment::default()).err().unwrap().contains("visible ASCII"));
}
