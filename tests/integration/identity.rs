//! Whose answer is whose, where a route keeps answers apart by who asks.

use serde_json::json;

use crate::support::token::{bearer, bearing, forged, in_seconds, jwt};
use crate::support::{
    Exchange, Forebay, Gate, Origin, Reply, Response, eventually, fresh, ok, read_all,
};

/// Answers with the credential it was shown and the number of the request, for that user's caches alone.
fn whose(exchange: &Exchange<'_>) -> Reply {
    let credential = exchange.field("authorization").unwrap_or("nobody");
    ok(format!("{credential} {}", exchange.number())).field("cache-control", "private, max-age=60")
}

fn telling_whose() -> Origin {
    Origin::start(|exchange| exchange.reply(&whose(exchange)))
}

fn by_subject() -> String {
    jwt() + "[[route]]\npath = \"/{*rest}\"\nidentity = \"jwt:sub\"\n"
}

/// The credential the origin was shown when it made this answer.
fn owner(response: &Response) -> String {
    response.text().rsplit_once(' ').unwrap_or_default().0.to_owned()
}

fn with(credential: &str) -> [(&'static str, &str); 1] {
    [("authorization", credential)]
}

fn has(response: &Response, name: &str, member: &str) -> bool {
    response.all(name).join(",").to_ascii_lowercase().split(',').any(|has| has.trim() == member)
}

#[test]
fn each_subject_has_stored_responses_of_its_own() {
    let origin = telling_whose();
    let forebay = Forebay::start(&origin, &by_subject());
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    for _ in 0..2 {
        for credential in [&alice, &bob] {
            let response = forebay.get_with("/a", &with(credential)).expect_status(200);
            assert_eq!(&owner(&response), credential);
            assert_eq!(response.field("cache-control"), Some("private, max-age=60"));
            assert!(has(&response, "vary", "authorization"), "{}", response.head.raw);
        }
    }
    assert_eq!(origin.count(), 2);
    // Another token of hers, and HEAD.
    let again = bearing(&json!({ "sub": "alice", "exp": in_seconds(60), "jti": "2" }));
    assert_eq!(owner(&forebay.hit_with("/a", &with(&again))), alice);
    let head = forebay.request("HEAD", "/a", &with(&bob), b"").expect_status(200);
    assert!(head.is_hit(), "{}", head.head.raw);
    assert_eq!(origin.count(), 2);
}

#[test]
fn a_forged_expired_or_malformed_token_is_forwarded_and_neither_answered_nor_stored() {
    let origin = telling_whose();
    let forebay = Forebay::start(&origin, &by_subject());
    let alice = bearer("alice");
    forebay.get_with("/a", &with(&alice)).expect_status(200);
    forebay.hit_with("/a", &with(&alice));
    for (credential, word) in forged("alice") {
        // The same twice: what it is answered with is not kept for it either.
        for _ in 0..2 {
            let response = forebay.get_with("/a", &with(&credential)).expect_status(200);
            assert_eq!(owner(&response), credential, "{}", response.head.raw);
            assert_eq!(response.cache_parameter("detail").as_deref(), Some(word), "{credential}");
            assert!(!response.is_reused() && response.cache_parameter("stored").is_none());
            assert!(has(&response, "cache-control", "private"), "{}", response.head.raw);
            assert_eq!(origin.last().field("authorization"), Some(&*credential));
        }
    }
    let expected = 1 + 2 * forged("alice").len();
    assert_eq!(origin.count(), expected);
    assert_eq!(owner(&forebay.hit_with("/a", &with(&alice))), alice);
    forebay.wait_for_log(&["a name that does not count", "because=token-malformed"]);
}

#[test]
fn who_shows_no_token_or_two_gets_nobodys() {
    let origin = telling_whose();
    let forebay = Forebay::start(&origin, &by_subject());
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    forebay.get_with("/a", &with(&alice)).expect_status(200);
    let nobody = forebay.get("/a").expect_status(200);
    assert_eq!(
        (owner(&nobody), nobody.cache_parameter("detail")),
        ("nobody".into(), Some("no-identity".into()))
    );
    let basic = forebay.get_with("/a", &with("Basic YWxpY2U6eA==")).expect_status(200);
    assert_eq!(owner(&basic), "Basic YWxpY2U6eA==");
    for (first, second) in [(&alice, &bob), (&bob, &alice), (&alice, &alice)] {
        let lines = [("authorization", first.as_str()), ("authorization", second.as_str())];
        let response = forebay.get_with("/a", &lines).expect_status(200);
        assert_eq!(response.cache_parameter("detail").as_deref(), Some("token-repeated"));
        assert!(!response.is_reused());
    }
    assert_eq!(origin.count(), 6);
    // Nor is any of it stored.
    assert!(!forebay.get("/a").is_reused());
}

#[test]
fn a_token_counts_no_longer_than_it_is_valid_however_long_its_answer_is_fresh() {
    let origin = telling_whose();
    let config = by_subject().replacen("[jwt]", "[jwt]\nleeway = \"0s\"", 1);
    let forebay = Forebay::start(&origin, &config);
    let short = bearing(&json!({ "sub": "alice", "exp": in_seconds(2) }));
    forebay.get_with("/a", &with(&short)).expect_status(200);
    eventually("it has expired", || {
        let response = forebay.get_with("/a", &with(&short));
        response.cache_parameter("detail").as_deref() == Some("token-expired")
    });
    assert_eq!(owner(&forebay.hit_with("/a", &with(&bearer("alice")))), short);
}

#[test]
fn requests_that_arrive_together_are_collapsed_for_each_subject_alone() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, whose);
    let forebay = Forebay::start(&origin, &by_subject());
    let (forged, _) = forged("alice").swap_remove(4);
    let credentials = [bearer("alice"), bearer("bob"), forged];
    let mut clients: Vec<_> = (0..24).map(|_| forebay.connect()).collect();
    for (client, credential) in clients.iter_mut().zip(credentials.iter().cycle()) {
        client.send_request("GET", "/a", &with(credential), b"");
    }
    // One for each subject; what is forged has none.
    origin.wait_for(2 + 8);
    forebay.wait_for_clients(24);
    assert_eq!(origin.count(), 2 + 8);
    gate.open();
    let responses = read_all(&mut clients);
    for (response, credential) in responses.iter().zip(credentials.iter().cycle()) {
        assert_eq!(&owner(response), credential, "{}", response.head.raw);
    }
    assert_eq!(origin.count(), 2 + 8);
}

#[test]
fn a_stale_response_is_served_to_its_own_subject_only() {
    let origin = Origin::start(|exchange| {
        let reply = if exchange.number() == 1 {
            whose(exchange).field("age", "70").field("etag", "\"v1\"")
        } else {
            Reply::new(503).content(exchange.field("authorization").unwrap_or("nobody"))
        };
        exchange.reply(&reply);
    });
    let config = by_subject() + "stale_if_error = \"1h\"\nstale_while_revalidate = \"0s\"\n";
    let forebay = Forebay::start(&origin, &config);
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    forebay.get_with("/a", &with(&alice)).expect_status(200);
    let stale = forebay.get_with("/a", &with(&alice)).expect_status(200);
    assert_eq!(stale.cache_parameter("detail").as_deref(), Some("stale-if-error"));
    forebay.get_with("/a", &with(&bob)).expect(503, &bob);
    forebay.get("/a").expect(503, "nobody");
    for (credential, _) in forged("alice") {
        forebay.get_with("/a", &with(&credential)).expect(503, &credential);
    }
}

#[test]
fn a_condition_is_held_against_ones_own_response_only() {
    let origin = Origin::start(|exchange| {
        let tag = if exchange.field("authorization") == Some(&*bearer_of_alice()) {
            "\"a\""
        } else {
            "\"b\""
        };
        exchange.reply(&whose(exchange).field("etag", tag));
    });
    let forebay = Forebay::start(&origin, &by_subject());
    let (alice, bob) = (bearer_of_alice(), bearer("bob"));
    for credential in [&alice, &bob] {
        forebay.get_with("/a", &with(credential)).expect_status(200);
    }
    let condition = |credential: &str| {
        let fields = [("authorization", credential), ("if-none-match", "\"a\"")];
        forebay.get_with("/a", &fields).status()
    };
    assert_eq!((condition(&alice), condition(&bob)), (304, 200));
    let not_modified =
        forebay.get_with("/a", &[("authorization", &alice), ("if-none-match", "\"a\"")]);
    assert!(has(&not_modified, "vary", "authorization"), "{}", not_modified.head.raw);
    assert!(has(&not_modified, "cache-control", "private"), "{}", not_modified.head.raw);
}

/// The same each time.
fn bearer_of_alice() -> String {
    static ALICE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| bearer("alice"));
    ALICE.clone()
}

#[test]
fn a_write_invalidates_its_own_subjects_responses() {
    let origin = telling_whose();
    let config = by_subject()
        + "tags = [\"user:{identity}\"]\n[[route]]\npath = \"/profile\"\nidentity = \"jwt:sub\"\n\
           invalidates = [\"tag:user:{identity}\"]\ntags = [\"user:{identity}\"]\n";
    let forebay = Forebay::start(&origin, &config);
    // Claims that would be tags of others, were they taken as they are.
    let (alice, bob) = (bearer("alice"), bearer("alice user:bob"));
    for target in ["/a", "/profile"] {
        for credential in [&alice, &bob] {
            forebay.get_with(target, &with(credential)).expect_status(200);
        }
    }
    forebay.request("PUT", "/profile", &with(&alice), b"new").expect_status(200);
    assert!(!forebay.get_with("/a", &with(&alice)).is_reused());
    // The profile itself is everybody's URL: a write to it covers every identity.
    assert!(!forebay.get_with("/profile", &with(&bob)).is_reused());
    assert_eq!(owner(&forebay.hit_with("/a", &with(&bob))), bob);
    // Who is not known names nobody's.
    let (forged, _) = forged("alice").swap_remove(4);
    forebay.request("PUT", "/profile", &with(&forged), b"new").expect_status(200);
    forebay.hit_with("/a", &with(&bob));
    // The operator names them as templates do.
    forebay.purge(r#"{"tag":"user:alice%20user%3Abob"}"#).expect_status(200);
    assert!(!forebay.get_with("/a", &with(&bob)).is_reused());
    assert!(forebay.get_with("/a", &with(&alice)).is_hit());
}

#[test]
fn a_purged_url_is_purged_for_every_identity() {
    let origin = telling_whose();
    let forebay = Forebay::start(&origin, &by_subject());
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    for credential in [&alice, &bob] {
        forebay.get_with("/a", &with(credential)).expect_status(200);
    }
    let purged = forebay.purge(r#"{"url":"http://app.test/a"}"#).expect_status(200).json();
    assert_eq!(purged["matched"], 2);
    for credential in [&alice, &bob] {
        assert!(!forebay.get_with("/a", &with(credential)).is_reused());
    }
}

#[test]
fn what_no_identity_is_derived_from_is_a_credential_still() {
    let origin = Origin::start(|exchange| {
        let reply = ok("hello");
        exchange.reply(&match exchange.target() {
            "/plain" => reply,
            "/own" => reply.field("cache-control", "private, max-age=60"),
            _ => reply.field("cache-control", "public, max-age=60"),
        });
    });
    let forebay = Forebay::start(&origin, &(by_subject() + "ttl = \"1h\"\n"));
    let alice = bearer("alice");
    for (target, stored) in [("/plain", false), ("/own", true), ("/public", true)] {
        let fields = [("authorization", alice.as_str()), ("cookie", "cart=7")];
        let first = forebay.get_with(target, &fields).expect(200, "hello");
        let second = forebay.get_with(target, &fields).expect(200, "hello");
        assert_eq!(second.is_hit(), stored, "{target}: {}", second.head.raw);
        let detail = first.cache_parameter("detail");
        assert_eq!(detail.as_deref() == Some("cookie"), !stored, "{target}: {detail:?}");
    }
    // Without the cookie there is none but hers.
    forebay.get_with("/plain", &with(&alice)).expect(200, "hello");
    forebay.hit_with("/plain", &with(&alice));
}

#[test]
fn d04_the_field_that_names_a_client_is_a_credential_wherever_it_is_sent() {
    let origin = Origin::start(|exchange| {
        let key = exchange.field("x-api-key").unwrap_or("nobody").to_owned();
        let control =
            if exchange.target().ends_with("public") { "public, max-age=60" } else { "max-age=60" };
        exchange.reply(&ok(key).field("cache-control", control));
    });
    let config =
        "[[route]]\npath = \"/own/{*rest}\"\nidentity = \"header:x-api-key\"\nttl = \"1h\"\n";
    let forebay = Forebay::start(&origin, config);
    for key in ["key-1", "key-2", "key-1", "key-2"] {
        let response = forebay.get_with("/own/a", &[("x-api-key", key)]).expect(200, key);
        assert!(has(&response, "vary", "x-api-key") && has(&response, "cache-control", "private"));
        assert!(!response.head.raw.contains("key-1"), "{}", response.head.raw);
    }
    assert_eq!(origin.count(), 2);
    forebay.get("/own/a").expect(200, "nobody");
    // Where the route keeps nothing apart by it.
    for key in ["key-1", "key-2", "key-1"] {
        let response = forebay.get_with("/other/a", &[("x-api-key", key)]).expect(200, key);
        assert_eq!(response.cache_parameter("detail").as_deref(), Some("client-field"));
    }
    forebay.get("/other/a").expect(200, "nobody");
    forebay.hit("/other/a").expect(200, "nobody");
    let keyed = forebay.get_with("/other/a", &[("x-api-key", "key-1")]).expect(200, "key-1");
    assert!(!keyed.is_reused());
    // The response says that it is for all.
    forebay.get_with("/other/public", &[("x-api-key", "key-1")]).expect(200, "key-1");
    forebay.hit_with("/other/public", &[("x-api-key", "key-2")]).expect(200, "key-1");
    assert!(!forebay.log_text().contains("key-1"));
}

#[test]
fn h09_a_doubled_or_empty_key_is_nobodys() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(
        &origin,
        "[[route]]\npath = \"/{*rest}\"\nidentity = \"header:x-api-key\"\n",
    );
    let long = "k".repeat(16 * 1024);
    for (fields, word) in [
        (&[("x-api-key", "a"), ("x-api-key", "a")][..], "identity-repeated"),
        (&[("x-api-key", "")], "identity-empty"),
        (&[("x_api_key", "a")], "no-identity"),
    ] {
        for _ in 0..2 {
            let response = forebay.get_with("/a", fields).expect(200, "hello");
            assert_eq!(response.cache_parameter("detail").as_deref(), Some(word), "{fields:?}");
        }
    }
    forebay.get_with("/a", &[("x-api-key", &long)]).expect(200, "hello");
    forebay.hit_with("/a", &[("x-api-key", &long)]).expect(200, "hello");
}

#[test]
fn what_is_kept_apart_here_is_not_given_to_others_by_caches_in_front() {
    let origin = Origin::start(|exchange| {
        let reply = ok(exchange.field("authorization").unwrap_or("nobody"));
        exchange.reply(&match exchange.target() {
            "/public" => reply
                .field("cache-control", "public, max-age=60, s-maxage=600")
                .field("cdn-cache-control", "max-age=600")
                .field("surrogate-control", "max-age=600"),
            "/none" => reply,
            _ => reply.field("cache-control", "no-store"),
        });
    });
    let forebay = Forebay::start(&origin, &(by_subject() + "default_ttl = \"1h\"\n"));
    let alice = bearer("alice");
    for (target, control) in
        [("/public", "private, max-age=60"), ("/none", "private"), ("/no-store", "no-store")]
    {
        for _ in 0..2 {
            let response = forebay.get_with(target, &with(&alice)).expect(200, &alice);
            assert_eq!(response.all("cache-control"), [control], "{target}");
            assert!(has(&response, "vary", "authorization"), "{}", response.head.raw);
            assert_eq!(response.field("cdn-cache-control"), None);
            assert_eq!(response.field("surrogate-control"), None);
        }
        // What is nobody's goes out as it came.
        let nobody = forebay.get(target).expect(200, "nobody");
        assert!(has(&nobody, "vary", "authorization"), "{}", nobody.head.raw);
        assert!(!has(&nobody, "cache-control", "private"), "{}", nobody.head.raw);
    }
    assert_eq!(origin.count_of("/public"), 2);
}

#[test]
fn an_identity_of_all_routes_is_said_once() {
    let origin = telling_whose();
    let config = jwt()
        + "[cache]\nidentity = \"jwt:sub\"\ndefault_ttl = \"1h\"\n\
           [[route]]\npath = \"/all/{*rest}\"\nshared = true\noverride = [\"private\"]\n\
           [[route]]\npath = \"/none/{*rest}\"\nidentity = \"\"\n";
    let forebay = Forebay::start(&origin, &config);
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    for (target, first, second) in
        [("/own/a", &alice, &bob), ("/all/a", &alice, &alice), ("/none/a", &alice, &bob)]
    {
        assert_eq!(&owner(&forebay.get_with(target, &with(&alice))), first);
        assert_eq!(&owner(&forebay.get_with(target, &with(&bob))), second, "{target}");
    }
    forebay.hit_with("/own/a", &with(&alice));
    forebay.hit("/all/a");
    assert!(!forebay.get_with("/none/a", &with(&alice)).is_reused());
}

#[test]
fn a_secret_verifies_tokens_too_and_no_public_key_passes_for_one() {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let secret = "a secret of thirty-two bytes or so";
    let origin = telling_whose();
    let config = format!(
        "[jwt]\nsecret = \"{secret}\"\nissuer = \"https://login.test\"\naudience = [\"api\"]\n\
         [[route]]\npath = \"/{{*rest}}\"\nidentity = \"jwt:sub\"\n"
    );
    let forebay = Forebay::start(&origin, &config);
    let claims = |issuer: &str, audience: &str| json!({ "sub": "alice", "exp": in_seconds(60), "iss": issuer, "aud": audience });
    let signed = |claims, secret: &str| {
        let token =
            encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()));
        format!("Bearer {}", token.unwrap())
    };
    for (credential, detail) in [
        (signed(claims("https://login.test", "api"), secret), None),
        (signed(claims("https://login.test", "api"), "another"), Some("token-signature")),
        (signed(claims("https://evil.test", "api"), secret), Some("token-issuer")),
        (signed(claims("https://login.test", "web"), secret), Some("token-audience")),
        (bearer("alice"), Some("token-algorithm")),
    ] {
        let response = forebay.get_with("/a", &with(&credential)).expect_status(200);
        assert_eq!(response.cache_parameter("detail").as_deref(), detail);
        assert_eq!(owner(&response), credential);
    }
    assert!(!forebay.log_text().contains(secret));
}

#[test]
fn no_reload_makes_one_users_answer_anothers() {
    let origin = Origin::start(|exchange| {
        let credential = exchange.field("authorization").unwrap_or("nobody");
        exchange.reply(&ok(format!("{credential} {}", exchange.number())));
    });
    let route =
        |keys: &str| format!("{}[[route]]\npath = \"/{{*rest}}\"\nttl = \"1h\"\n{keys}\n", jwt());
    let forebay = Forebay::start(&origin, &route("shared = true"));
    let configure = |config: &str| {
        forebay.configure(&origin, config);
        forebay.reload().expect_status(200);
    };
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    let everybody = [alice.as_str(), bob.as_str(), "nobody"];
    let ask = |whom: &str| match whom {
        "nobody" => forebay.get("/a"),
        credential => forebay.get_with("/a", &with(credential)),
    };
    assert_eq!(owner(&ask(&alice)), alice);
    assert_eq!(owner(&ask("nobody")), alice, "shared, as the file says");
    // From now on nobody gets another's, whatever is stored from before.
    for keys in [
        "",
        "identity = \"jwt:sub\"",
        "identity = \"header:authorization\"",
        "identity = \"jwt:sub\"\nstale_if_error = \"1h\"",
        "identity = \"jwt:jti\"",
        "",
    ] {
        configure(&route(keys));
        for whom in everybody.iter().chain(&everybody) {
            assert_eq!(&owner(&ask(whom)), whom, "{keys}");
        }
    }
    // Whose key is not the key any more is nobody.
    configure(&route("identity = \"jwt:sub\""));
    forebay.hit_with("/a", &with(&alice));
    configure(
        &route("identity = \"jwt:sub\"")
            .replace("es256_public.pem\"", "rs256_public.pem\"\nalgorithms = [\"RS256\"]"),
    );
    let refused = forebay.get_with("/a", &with(&alice)).expect_status(200);
    assert_eq!(refused.cache_parameter("detail").as_deref(), Some("token-algorithm"));
    assert!(!refused.is_reused());
}

#[test]
fn a_post_that_only_reads_is_kept_apart_like_any_other_answer() {
    let origin = telling_whose();
    let config = jwt()
        + "[[route]]\npath = \"/{*rest}\"\nmethods = [\"POST\"]\nkey_body = \"json\"\nidentity = \"jwt:sub\"\nttl = \"1h\"\nignore_cookies = [\"_ga\"]\n";
    let forebay = Forebay::start(&origin, &config);
    let (alice, bob) = (bearer("alice"), bearer("bob"));
    let ask = |credential: &str, body: &str| {
        let fields = [("authorization", credential), ("cookie", "_ga=1")];
        forebay.request("POST", "/complete", &fields, body.as_bytes()).expect_status(200)
    };
    for (body, is_stored) in [(r#"{"a":1,"b":2}"#, false), (r#"{ "b": 2, "a": 1 }"#, true)] {
        for credential in [&alice, &bob] {
            let response = ask(credential, body);
            assert_eq!((&owner(&response), response.is_reused()), (credential, is_stored));
            assert!(has(&response, "vary", "authorization"), "{}", response.head.raw);
            assert!(has(&response, "cache-control", "private"), "{}", response.head.raw);
        }
    }
    assert_eq!(origin.last().field("cookie"), None);
    for (credential, word) in forged("alice") {
        let response = ask(&credential, r#"{"a":1,"b":2}"#);
        assert_eq!(owner(&response), credential);
        assert_eq!(response.cache_parameter("detail").as_deref(), Some(word));
    }
}
