use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;

use super::*;
use crate::body::{Answer, Body};
use crate::caching::purge::{Purge, Selector};
use crate::clock::{Clock, Timestamp};
use crate::counters::Counters;
use crate::explain::Explanation;
use crate::identity::peer::{Peer, Scheme};
use crate::identity::shared_secret::SharedSecret;
use crate::journal::Journal;
use crate::purges::Purges;

fn from(address: &str) -> Peer {
    Peer::tcp(address.parse().unwrap(), Scheme::Http)
}

fn loopback() -> Peer {
    from("127.0.0.1:50000")
}

fn outside() -> Peer {
    from("192.0.2.1:50000")
}

/// An API whose purges are kept and cover seven responses each.
struct Bench {
    admin: Arc<Admin>,
    purges: Arc<Mutex<Vec<Purge>>>,
}

fn bench(token: Option<&str>, ready: bool) -> Bench {
    let purges = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&purges);
    let (counters, clock) = (Counters::new("1.2.3"), Clock::manual(Timestamp::from_secs(1)));
    let done = Arc::new(Purges::new(&counters, &Journal::silent(), &clock));
    let told = Arc::clone(&done);
    let configuration = Configuration {
        last_reload_successful: false,
        errors: vec!["config.toml:1:1: wrong".to_owned()],
        restart_pending: vec!["server.listen"],
    };
    let abilities = Abilities {
        readiness: Arc::new(move || Readiness {
            ready,
            configuration: configuration.clone(),
            ..Readiness::default()
        }),
        counters,
        forget: Arc::new(move |purge| {
            let fails = purge.selectors == ["tag:fails".parse().unwrap()];
            kept.lock().unwrap().push(purge.clone());
            let done = (!fails).then(|| {
                let done = told.add(purge.dry_run, None);
                told.counted(&purge, &done, 7);
                done
            });
            Box::pin(async move { done.ok_or(Unfinished) })
        }),
        explain: Arc::new(|question| {
            let mut text = Vec::new();
            text.push(question.head().uri.to_string());
            text.extend(question.head().headers.keys().map(ToString::to_string));
            Explanation::malformed(http::StatusCode::IM_A_TEAPOT, &text.join(" "))
        }),
        reload: Arc::new(move || {
            let outcome = if ready {
                Ok(Reloaded { restart_pending: vec!["server.listen"], warnings: Vec::new() })
            } else {
                Err(NotReloaded::Bad(vec!["a:1:1: b".to_owned(), "a:2:1: c".to_owned()]))
            };
            Box::pin(async move { outcome })
        }),
        purges: done,
    };
    let open = ["/livez", "/readyz"].map(str::to_owned).to_vec();
    let access = Access { token: token.map(SharedSecret::new), open };
    Bench { admin: Admin::new(access, abilities), purges }
}

/// A request from its head's text and its content.
fn request(head: &str, content: &'static [u8]) -> Request<Body> {
    let mut lines = head.lines().map(str::trim);
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Bytes::from_static(content).into()).unwrap()
}

/// The response, which is there as soon as it is asked for.
fn now(answer: Answer) -> Option<Response<Body>> {
    let mut answer = std::pin::pin!(answer);
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => Some(response.unwrap()),
        Poll::Pending => None,
    }
}

fn ask(bench: &Bench, peer: Peer, head: &str, content: &'static [u8]) -> (u16, String, HeaderMap) {
    let response = now(bench.admin.handle(request(head, content), &peer)).unwrap();
    let (head, body) = response.into_parts();
    let mut body = std::pin::pin!(body);
    let mut text = Vec::new();
    while let Poll::Ready(Some(frame)) =
        body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()))
    {
        text.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    (head.status.as_u16(), String::from_utf8(text).unwrap(), head.headers)
}

fn status(token: Option<&str>, peer: Peer, head: &str) -> u16 {
    ask(&bench(token, true), peer, head, b"{\"all\": true}").0
}

#[test]
fn anybody_may_read_open_paths_and_nothing_else() {
    for (peer, token, head, expected) in [
        (outside(), None, "GET /livez\nHost: pod.example", 200),
        (outside(), None, "HEAD /readyz\nHost: 10.0.0.1", 200),
        (outside(), Some("secret"), "GET /readyz", 200),
        (outside(), None, "POST /livez\nHost: h", 403),
        (outside(), None, "GET /metrics\nHost: h", 403),
        (outside(), None, "GET /anything\nHost: h", 403),
        (outside(), Some("secret"), "GET /metrics\nHost: h", 401),
        (outside(), Some("secret"), "GET /metrics?token=secret\nHost: h", 401),
        (outside(), Some("secret"), "GET /metrics\nHost: h\nAuthorization: Bearer secret", 200),
        (outside(), Some("secret"), "GET /metrics\nHost: h\nAuthorization: bearer secret", 200),
        (outside(), Some(""), "GET /metrics\nHost: h\nAuthorization: Bearer ", 401),
    ] {
        let answered = match bench(token, true).admin.handle(request(head, b""), &peer) {
            Answer::Now(response) => response.unwrap().status().as_u16(),
            Answer::Later(_) | Answer::Announced(..) => 401,
        };
        assert_eq!(answered, expected, "{head}");
    }
}

#[test]
fn loopback_reads_without_a_token_and_changes_with_one() {
    let post = "POST /api/purge\nHost: localhost:8090\nContent-Type: application/json";
    let mapped = from("[::ffff:127.0.0.1]:50000");
    for (peer, token, head, expected) in [
        (loopback(), None, "GET /metrics\nHost: 127.0.0.1:8090".to_owned(), 200),
        (mapped, None, "GET /metrics\nHost: [::1]:8090".to_owned(), 200),
        (loopback(), Some("secret"), "GET /metrics\nHost: LOCALHOST".to_owned(), 200),
        (loopback(), None, post.to_owned(), 200),
        (loopback(), Some("secret"), post.to_owned(), 401),
        (loopback(), Some("secret"), format!("{post}\nAuthorization: Bearer secret"), 200),
        (Peer::unix(), Some("secret"), post.to_owned(), 200),
        (outside(), None, post.to_owned(), 403),
    ] {
        assert_eq!(status(token, peer, &head), expected, "{head}");
    }
}

#[test]
fn a_name_that_is_not_ours_is_no_way_to_loopback() {
    for head in [
        "GET /metrics\nHost: evil.example",
        "GET /metrics\nHost: localhost.evil.example:8090",
        "GET /metrics\nHost: 127.0.0.1.evil.example",
        "GET /metrics\nHost: localhost\nHost: evil.example",
        "GET /metrics",
    ] {
        assert_eq!(status(None, loopback(), head), 403, "{head}");
    }
}

#[test]
fn a_page_of_another_site_is_refused() {
    let post = "POST /api/purge\nHost: localhost:8090\nContent-Type: application/json";
    for (more, expected) in [
        ("Origin: http://evil.example", 403),
        ("Origin: null", 403),
        ("Origin: http://localhost:3000", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Origin: http://localhost:8090\nSec-Fetch-Site: same-origin", 200),
    ] {
        assert_eq!(status(None, loopback(), &format!("{post}\n{more}")), expected, "{more}");
    }
    let form = "POST /api/purge\nHost: localhost:8090\nContent-Type: text/plain";
    assert_eq!(status(None, loopback(), form), 415);
}

#[test]
fn a_proxy_on_this_machine_is_not_loopback() {
    for field in ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 forebay"] {
        let head = format!("GET /metrics\nHost: localhost\n{field}");
        assert_eq!(status(None, loopback(), &head), 403, "{head}");
    }
}

#[test]
fn wrong_tokens_are_answered_slowly_and_right_ones_at_once() {
    let bench = bench(Some("secret"), true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        for wrong in
            ["Bearer secreT", "Bearer secret2", "Bearer ", "Basic c2VjcmV0", "secret-secret"]
        {
            let head = format!("GET /metrics\nHost: localhost\nAuthorization: {wrong}");
            let mut answer = bench.admin.handle(request(&head, b""), &loopback());
            assert!(matches!(answer, Answer::Later(_)), "{wrong}");
            let response = std::pin::Pin::new(&mut answer).await.unwrap();
            assert_eq!(response.status(), 401);
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
    });
    let head = "GET /metrics\nHost: localhost\nAuthorization: Bearer secret";
    assert!(now(bench.admin.handle(request(head, b""), &loopback())).is_some());
}

#[test]
fn readiness_has_details_for_those_who_may_see_them() {
    let (status, text, _) = ask(&bench(None, true), outside(), "GET /readyz", b"");
    assert_eq!((status, text.as_str()), (200, r#"{"status":"ready"}"#));
    let (status, text, _) =
        ask(&bench(None, false), loopback(), "GET /readyz\nHost: localhost", b"");
    assert_eq!(status, 503);
    assert_eq!(
        text,
        r#"{"status":"draining","memory":{"stored_bytes":0,"capacity_bytes":0,"stored_responses":0},"redis":"disabled","servers":[],"configuration":{"last_reload_successful":false,"errors":["config.toml:1:1: wrong"],"restart_pending":["server.listen"]}}"#
    );
}

#[test]
fn metrics_are_openmetrics_text_for_no_cache() {
    let head = "GET /metrics\nHost: localhost";
    let (status, text, fields) = ask(&bench(None, true), loopback(), head, b"");
    assert_eq!(status, 200);
    assert!(text.contains("forebay_build_info{version=\"1.2.3\"} 1"));
    assert!(fields["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(fields["cache-control"], "no-store");
}

#[test]
fn a_purge_is_done_and_remembered() {
    let bench = bench(None, true);
    let head = "POST /api/purge\nHost: localhost\nContent-Type: application/json; charset=utf-8";
    let order = br#"{"tag": ["user:1", "user:2"], "url": "/a?b", "soft": true}"#;
    let (status, text, _) = ask(&bench, loopback(), head, order);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = told["id"].as_str().unwrap();
    assert_eq!((status, text.as_str()), (200, &*format!(r#"{{"id":"{id}","matched":7}}"#)));
    let selectors =
        ["url:/a?b", "tag:user:1", "tag:user:2"].map(|text| text.parse().unwrap()).to_vec();
    let purge = Purge { selectors, soft: true, dry_run: false };
    assert_eq!(*bench.purges.lock().unwrap(), [purge]);

    let look = |path: &str| {
        let head = format!("GET /api/purge/{path}\nHost: localhost");
        let (status, text, _) = ask(&bench, loopback(), &head, b"");
        (status, text)
    };
    let expected = format!(r#"{{"id":"{id}","matched":7,"applied":true}}"#);
    assert_eq!(look(id), (200, expected.clone()));
    assert_eq!(look(&format!("{id}?wait=1s")), (200, expected));
    assert_eq!(look(&format!("{id}?wait=long")).0, 400);
    assert_eq!(look("3e8-0").0, 404);
    let metrics = ask(&bench, loopback(), "GET /metrics\nHost: localhost", b"").1;
    assert!(metrics.contains("forebay_purges_total{kind=\"tag\"} 2"));
}

#[test]
fn a_purge_that_failed_is_no_purge() {
    let bench = bench(None, true);
    let head = "POST /api/purge\nHost: localhost\nContent-Type: application/json";
    let (status, text, _) = ask(&bench, loopback(), head, br#"{"tag": "fails"}"#);
    assert_eq!(status, 500, "{text}");
    let metrics = ask(&bench, loopback(), "GET /metrics\nHost: localhost", b"").1;
    assert!(!metrics.contains("kind=\"tag\""), "{metrics}");
}

#[test]
fn a_dry_run_changes_no_counter() {
    let bench = bench(None, true);
    let head = "POST /api/purge\nHost: localhost\nContent-Type: application/json";
    assert_eq!(ask(&bench, loopback(), head, br#"{"all": true, "dry_run": true}"#).0, 200);
    let purge = Purge { selectors: vec![Selector::All], soft: false, dry_run: true };
    assert_eq!(*bench.purges.lock().unwrap(), [purge]);
    assert!(
        !ask(&bench, loopback(), "GET /metrics\nHost: localhost", b"").1.contains("kind=\"all\"")
    );
}

#[test]
fn an_order_that_selects_nothing_is_refused_with_the_reason() {
    let head = "POST /api/purge\nHost: localhost\nContent-Type: application/json";
    let large: &'static [u8] = vec![b' '; 65 << 10].leak();
    let bench = bench(None, true);
    for (order, expected, says) in [
        (&b"{}"[..], 400, "nothing selected"),
        (b"{\"all\": false}", 400, "nothing selected"),
        (b"{\"tags\": \"a\"}", 400, "unknown field"),
        (b"{\"url\": \"a\"}", 400, "begins with /"),
        (b"{\"tag\": 1}", 400, "did not match"),
        (b"[", 400, "EOF"),
        (b"", 400, "EOF"),
        (large, 413, "too-large"),
    ] {
        let (status, text, _) = ask(&bench, loopback(), head, order);
        assert_eq!(status, expected, "{text}");
        assert!(text.contains(says), "{text}");
    }
    assert!(bench.purges.lock().unwrap().is_empty());
}

#[test]
fn other_methods_and_paths_are_refused() {
    for (head, expected, allowed) in [
        ("GET /api/purge\nHost: localhost", 405, Some("POST")),
        ("GET /api/reload\nHost: localhost", 405, Some("POST")),
        ("DELETE /metrics\nHost: localhost", 405, Some("GET, HEAD")),
        ("POST /api/purge/1\nHost: localhost", 405, Some("GET, HEAD")),
        ("GET /\nHost: localhost", 404, None),
        ("POST /unknown\nHost: localhost", 404, None),
    ] {
        let (status, _, fields) = ask(&bench(None, true), loopback(), head, b"");
        assert_eq!(status, expected, "{head}");
        assert_eq!(fields.get("allow").map(|value| value.to_str().unwrap()), allowed, "{head}");
    }
}

#[test]
fn a_reload_is_answered_with_what_came_of_it() {
    let post = "POST /api/reload\nHost: localhost";
    let (status, text, _) = ask(&bench(None, true), loopback(), post, b"");
    assert_eq!(
        (status, text.as_str()),
        (200, r#"{"restart_pending":["server.listen"],"warnings":[]}"#)
    );
    let (status, text, _) = ask(&bench(None, false), loopback(), post, b"");
    let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &problem["code"]), (422, &"bad-configuration".into()));
    assert_eq!(problem["detail"], "a:1:1: b\na:2:1: c");
    for (token, peer, head, expected) in [
        (Some("secret"), loopback(), post.to_owned(), 401),
        (None, outside(), post.to_owned(), 403),
        (None, loopback(), format!("{post}\nOrigin: http://evil.example"), 403),
        (None, loopback(), format!("{post}\nContent-Type: text/plain"), 415),
        (None, loopback(), format!("{post}\nContent-Type: application/json"), 200),
    ] {
        assert_eq!(self::status(token, peer, &head), expected, "{head}");
    }
}
