//! (i) The operator's listener, and who is kept from it.

use crate::support::{Forebay, Origin, fresh, ok};

const JSON: (&str, &str) = ("content-type", "application/json");
const ALL: &[u8] = br#"{"all": true}"#;

fn started(config: &str) -> (Origin, Forebay) {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, config);
    forebay.get("/a").expect(200, "hello");
    (origin, forebay)
}

/// The purge is refused with one of these, and "/a" is still there.
#[track_caller]
fn refuses(forebay: &Forebay, fields: &[(&str, &str)], statuses: &[u16]) {
    let response = forebay.admin().request("POST", "/api/purge", fields, ALL);
    assert!(statuses.contains(&response.status()), "{fields:?}: {}", response.head.raw);
    forebay.hit("/a").expect(200, "hello");
}

#[test]
fn i02_a_token_is_needed_for_what_changes_something() {
    let (_origin, forebay) = started("[admin]\ntoken = \"right-token-0123456789\"");
    refuses(&forebay, &[JSON], &[401]);
    for credential in [
        "Bearer wrong",
        "Bearer ",
        "Bearer right-token-0123456789x",
        "Basic cmlnaHQtdG9rZW4tMDEyMzQ1Njc4OTo=",
        "right-token-0123456789",
    ] {
        refuses(&forebay, &[JSON, ("authorization", credential)], &[401]);
    }
    let right = ("authorization", "Bearer right-token-0123456789");
    forebay
        .admin()
        .request("POST", "/api/purge?token=right-token-0123456789", &[JSON], ALL)
        .expect_status(401);
    forebay.admin().request("POST", "/api/purge", &[JSON, right], ALL).expect_status(200);
    assert!(!forebay.get("/a").is_reused());
}

#[test]
fn i02_the_probes_need_no_token() {
    let (_origin, forebay) = started("[admin]\ntoken = \"right-token-0123456789\"");
    for path in ["/livez", "/readyz"] {
        forebay.admin().get(path).expect_status(200);
    }
}

#[test]
fn i02_the_command_takes_the_token_from_where_it_is_not_seen() {
    let (_origin, forebay) = started("[admin]\ntoken = \"right-token-0123456789\"");
    let admin = format!("http://{}", forebay.admin_address());
    let refused = crate::support::run(&["purge", "--admin", &admin, "--all"], &[]);
    assert!(!refused.status.success());
    let allowed = crate::support::run(
        &["purge", "--admin", &admin, "--all"],
        &[("FOREBAY_ADMIN__TOKEN", "right-token-0123456789")],
    );
    assert!(allowed.status.success(), "{}", String::from_utf8_lossy(&allowed.stderr));
    assert!(!forebay.get("/a").is_reused());
}

#[test]
fn i03_a_name_that_is_not_ours_is_refused() {
    let (_origin, forebay) = started("");
    let port = forebay.admin_address().port();
    for host in [
        "evil.test".to_owned(),
        format!("evil.test:{port}"),
        format!("127.0.0.1.evil.test:{port}"),
        format!("localhost.evil.test:{port}"),
    ] {
        refuses(&forebay, &[JSON, ("host", &host)], &[403, 421]);
        let status = forebay.admin().get_with("/metrics", &[("host", &host)]).status();
        assert!(matches!(status, 403 | 421), "{host}: {status}");
    }
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")]
    {
        forebay.admin().get_with("/metrics", &[("host", &host)]).expect_status(200);
    }
}

#[test]
fn i04_a_browser_cannot_be_made_to_purge() {
    let (_origin, forebay) = started("");
    refuses(&forebay, &[JSON, ("origin", "http://evil.test")], &[403]);
    refuses(&forebay, &[JSON, ("origin", "null")], &[403]);
    refuses(&forebay, &[JSON, ("sec-fetch-site", "cross-site")], &[403]);
    refuses(&forebay, &[("content-type", "text/plain")], &[403, 415]);
    refuses(&forebay, &[("content-type", "application/x-www-form-urlencoded")], &[403, 415]);
    refuses(&forebay, &[], &[400, 403, 415]);
}

#[test]
fn i04_a_get_changes_nothing_and_nobody_is_allowed_to_read_across_origins() {
    let (_origin, forebay) = started("");
    let response =
        forebay.admin().get_with("/api/purge?all=true", &[("origin", "http://evil.test")]);
    assert!(matches!(response.status(), 403..=405), "{}", response.head.raw);
    let preflight = forebay.admin().request(
        "OPTIONS",
        "/api/purge",
        &[("origin", "http://evil.test"), ("access-control-request-method", "POST")],
        b"",
    );
    for response in [response, preflight] {
        assert!(
            !response
                .head
                .fields
                .iter()
                .any(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-allow")),
            "{}",
            response.head.raw
        );
    }
    forebay.hit("/a").expect(200, "hello");
}

#[test]
fn i05_the_public_listener_has_no_admin_paths() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("from the origin")));
    let forebay = Forebay::start(&origin, "");
    for target in ["/metrics", "/livez", "/readyz", "/api/purge", "/admin/../metrics"] {
        forebay.get(target).expect(200, "from the origin");
    }
    let host = forebay.admin_address().to_string();
    forebay.get_with("/metrics", &[("host", &host)]).expect(200, "from the origin");
}

#[test]
fn the_admin_listener_has_no_origin_behind_it() {
    let (origin, forebay) = started("");
    let before = origin.count();
    forebay.admin().get("/a").expect_status(404);
    forebay.admin().get("/").status();
    let status = forebay.admin().request("PUT", "/api/purge", &[JSON], ALL).status();
    assert!(matches!(status, 404 | 405), "{status}");
    assert_eq!(origin.count(), before);
}

#[test]
fn a_malformed_request_to_the_admin_listener_harms_nothing() {
    let (_origin, forebay) = started("");
    for bytes in [
        "nonsense\r\n\r\n",
        "GET /livez HTTP/1.1\r\n\r\n",
        "POST /api/purge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{",
    ] {
        let mut client = forebay.admin();
        client.send(bytes);
        client.finish_sending();
        let status = client.read().status();
        assert!((400..500).contains(&status), "{bytes:?}: {status}");
    }
    forebay.admin().get("/livez").expect_status(200);
}

#[test]
fn an_idle_operator_gives_the_place_away() {
    let (_origin, forebay) = started("");
    let mut admin = forebay.admin();
    admin.get("/livez").expect_status(200);
    let before = std::time::Instant::now();
    admin.expect_closed();
    assert!(before.elapsed() < crate::support::ms(15_000));
}
