//! What is said to those who ask why: before anything is asked, of what is stored, of a request of their own.

use crate::support::{Forebay, Origin, Reply, Response, fresh, ok};

const CONFIG: &str = "
    [admin]
    debug_token = \"sesame\"

    [[route]]
    name = \"all\"
    path = \"/{*rest}\"
    default_ttl = \"15m\"
    ttl_by_status = { 404 = \"30s\" }
    key_headers = [\"accept-language\"]
    tags = [\"rest:{rest}\"]
";

/// GET /api/explain with these parameters, each value escaped.
fn ask(forebay: &Forebay, parameters: &[(&str, &str)], fields: &[(&str, &str)]) -> Response {
    let escaped =
        |value: &str| -> String { value.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let query: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let target = format!("/api/explain?{}", query.join("&"));
    forebay.admin().request("GET", &target, fields, b"")
}

/// The lines about a topic.
fn said(forebay: &Forebay, topic: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    let answer = ask(forebay, parameters, &[("accept", "application/json")]).expect_status(200);
    let json = answer.json();
    let lines = json[topic].as_array().cloned().unwrap_or_default();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_said_of_a_response_is_what_becomes_of_it() {
    let replies: [(&[(&str, &str)], Reply); 12] = [
        (&[], ok("served")),
        (&[], fresh("served")),
        (&[], ok("served").field("cache-control", "no-store")),
        (&[], ok("served").field("cache-control", "private, max-age=60")),
        (&[], ok("served").field("cache-control", "no-cache")),
        (&[], ok("served").field("set-cookie", "a=b")),
        (&[], ok("served").field("vary", "*")),
        (&[], Reply::new(404).content("none")),
        (&[], Reply::new(500).content("failed")),
        (&[("authorization", "Bearer a")], fresh("served")),
        (&[("authorization", "Bearer a")], ok("served").field("cache-control", "s-maxage=60")),
        (&[("cookie", "a=b")], ok("served")),
    ];
    for (fields, reply) in replies {
        let origin = Origin::always(reply.clone());
        let forebay = Forebay::start(&origin, CONFIG);
        let head = String::from_utf8(reply.bytes("HEAD")).unwrap();
        let head = head.split("\r\n\r\n").next().unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let fields_asked: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let mut parameters = vec![("url", "/a"), ("status", status)];
        parameters.extend(fields_asked.iter().map(|line| ("header", line.as_str())));
        parameters.extend(lines.map(|line| ("response_header", line)));
        let said = said(&forebay, "response", &parameters);
        let [said] = said.as_slice() else { panic!("{said:?}") };

        let first = forebay.get_with("/a", fields);
        match first.cache_parameter("detail") {
            Some(detail) => assert_eq!(*said, format!("not stored: {detail}"), "{head}"),
            None => {
                assert!(said.starts_with("stored, fresh for "), "{said} of {head}");
                let again = forebay.hit_with("/a", fields);
                let ttl: u64 = again.cache_parameter("ttl").unwrap().parse().unwrap();
                let lifetime = said.split(' ').nth(3).unwrap();
                let (number, unit) = lifetime.split_at(lifetime.len() - 1);
                let unit =
                    [("s", 1), ("m", 60), ("h", 3600)].iter().find(|(name, _)| *name == unit);
                let lifetime = number.parse::<u64>().unwrap() * unit.unwrap().1;
                assert!(ttl <= lifetime && ttl + 30 > lifetime, "{said}, and {ttl}");
            }
        }
    }
}

#[test]
fn what_is_stored_is_shown() {
    let origin = Origin::always(fresh("served").field("vary", "x-kind"));
    let forebay = Forebay::start(&origin, CONFIG);
    let url = format!("http://{}/a", crate::support::HOST);
    let asked = [("url", url.as_str()), ("header", "x-kind: one")];
    assert_eq!(said(&forebay, "stored", &asked), ["nothing: uri-miss"]);
    assert_eq!(origin.count(), 0, "nobody is asked for it");
    for kind in ["one", "two"] {
        forebay.get_with("/a", &[("x-kind", kind)]).expect(200, "served");
        forebay.hit_with("/a", &[("x-kind", kind)]);
    }
    let stored = said(&forebay, "stored", &asked);
    assert_eq!(stored[0], "fresh: answered from it");
    assert!(stored[1].starts_with("200 with 6 of 6 bytes, age "), "{stored:?}");
    assert!(stored.contains(&"one of 2, selected by x-kind".to_owned()), "{stored:?}");
    assert!(stored.contains(&"tag rest:a".to_owned()), "{stored:?}");
    let other = [("url", url.as_str()), ("header", "x-kind: three")];
    assert_eq!(said(&forebay, "stored", &other), ["nothing: vary-miss"]);
    forebay.purge("{\"all\": true, \"soft\": true}").expect_status(200);
    assert_eq!(said(&forebay, "stored", &asked)[0], "validated first: purged");
    // To be asked is no request.
    assert!(forebay.metric("forebay_requests_total", &[]) <= 6.0);
}

#[test]
fn to_be_asked_about_costs_a_client_nothing() {
    let origin = Origin::always(fresh("served"));
    let limits = "[rate_limit]\ndefault_tier = \"few\"\n[rate_limit.tiers]\nfew = [\"1/h\"]\n";
    let forebay = Forebay::start(&origin, limits);
    let asked = [("url", "/a"), ("client", "127.0.0.1")];
    for _ in 0..3 {
        let limit = said(&forebay, "limit", &asked);
        assert_eq!(limit, ["tier few, the client being known by its address", "requests 1/h"]);
    }
    forebay.get("/a").expect(200, "served");
    forebay.get("/a").expect_status(429);
    assert_eq!(origin.count(), 1);
}

#[test]
fn an_answer_is_text_unless_json_is_wanted() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, CONFIG);
    let parameters = [("url", "http://a.example/b c"), ("method", "GET")];
    assert_eq!(ask(&forebay, &parameters, &[]).expect_status(400).json()["code"], "bad-request");
    let answer = ask(&forebay, &[("url", "http://a.example/b"), ("method", "PUT")], &[]);
    assert!(answer.field("content-type").unwrap().starts_with("text/plain"));
    let text = answer.text();
    assert!(text.starts_with("request     PUT http://a.example/b\nroute       all ("), "{text}");
    assert!(text.lines().count() <= 40, "{text}");
    for parameters in [&[][..], &[("nonsense", "a")], &[("url", "/"), ("header", "a")]] {
        let problem = ask(&forebay, parameters, &[]).expect_status(400).json();
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    assert_eq!(forebay.admin().request("POST", "/api/explain?url=/", &[], b"").status(), 405);
}

#[test]
fn only_those_who_may_read_everything_are_told() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, CONFIG);
    let through_a_proxy = [("x-forwarded-for", "192.0.2.1")];
    assert_eq!(ask(&forebay, &[("url", "/")], &through_a_proxy).status(), 403);
    let secret = "authorization: Bearer open-sesame";
    let answer = ask(&forebay, &[("url", "/"), ("header", secret)], &[]).expect_status(200);
    assert!(!answer.text().contains("sesame"), "{}", answer.text());
}

#[test]
fn whoever_shows_the_debug_token_is_told_and_nobody_else() {
    let origin = Origin::always(fresh("served").field("vary", "x-kind"));
    let forebay = Forebay::start(&origin, CONFIG);
    let told = |fields: &[(&str, &str)]| {
        let response = forebay.get_with("/a?b=c", fields).expect(200, "served");
        response.field("forebay-debug").map(str::to_owned)
    };
    let expected = "route=\"all\", key=\"http://app.test/a?b=c\", variant=\"x-kind\"";
    assert_eq!(told(&[("forebay-debug", "sesame")]).as_deref(), Some(expected));
    forebay.hit_with("/a?b=c", &[("forebay-debug", "sesame")]);
    assert_eq!(told(&[("forebay-debug", "sesame")]).as_deref(), Some(expected), "of a hit as well");
    for wrong in ["", "sesam", "Sesame"] {
        assert_eq!(told(&[("forebay-debug", wrong)]), None, "{wrong}");
    }
    assert_eq!(told(&[]), None);
    // It is for us alone.
    assert!(origin.requests().iter().all(|request| request.field("forebay-debug").is_none()));
    assert_eq!(origin.count(), 1);
    assert!(!forebay.log_text().contains("sesame"));
}

#[test]
fn without_a_debug_token_there_is_none_to_show() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get_with("/a", &[("forebay-debug", "")]);
    assert_eq!(response.field("forebay-debug"), None);
}
