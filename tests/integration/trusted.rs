//! (h) Proxies that are believed, and everybody else.

use crate::support::{Exchange, Forebay, Origin, Reply, fresh};

/// Answers with what it was told of the client.
fn told(exchange: &Exchange<'_>) -> Reply {
    let said = |name: &str| exchange.request().all(name).join("+");
    let (address, scheme, host) =
        (said("x-forwarded-for"), said("x-forwarded-proto"), said("x-forwarded-host"));
    fresh(format!("{address} {scheme} {host} {}", said("x-forwarded-user") + &said("x-user")))
}

fn telling() -> Origin {
    Origin::start(|exchange| exchange.reply(&told(exchange)))
}

const TRUSTING: &str = "[server]\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n";

#[test]
fn h06_nobody_is_believed_unless_the_file_says_so() {
    let origin = telling();
    let forebay = Forebay::start(&origin, "");
    let long = format!("1.2.3.4{}", ", 5.6.7.8".repeat(1000));
    for (n, fields) in [
        &[("x-forwarded-for", "1.2.3.4")][..],
        &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")],
        &[("x-forwarded-for", ", ,")],
        &[("x-forwarded-for", "garbage")],
        &[("x-forwarded-for", "fe80::1%eth0")],
        &[("x-forwarded-for", &long)],
        &[("forwarded", "for=1.2.3.4;proto=https;host=evil.test")],
        &[("x-real-ip", "1.2.3.4")],
        &[("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.test")],
        &[("x-forwarded-user", "root")],
    ]
    .iter()
    .enumerate()
    {
        let response = forebay.get_with(&format!("/{n}"), fields);
        response.expect(200, "127.0.0.1 http app.test ");
        forebay.wait_for_log(&["client=127.0.0.1", &format!("path=/{n} ")]);
    }
}

#[test]
fn h06_a_trusted_proxy_says_for_whom_it_asks() {
    let origin = telling();
    let forebay = Forebay::start(&origin, TRUSTING);
    for (n, (value, client)) in [
        ("1.2.3.4", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4, 10.1.1.1", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("1.2.3.4, garbage, 10.1.1.1", "10.1.1.1"),
        ("garbage", "127.0.0.1"),
        (", ,", "127.0.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let target = format!("/{n}");
        let response = forebay.get_with(&target, &[("x-forwarded-for", value)]);
        response.expect(200, format!("{client} http app.test "));
        forebay.wait_for_log(&[&format!("client={client} "), &format!("path={target} ")]);
    }
    let lines = [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "1.2.3.4")];
    forebay.get_with("/lines", &lines).expect(200, "1.2.3.4 http app.test ");
    // Refusals are told of under the same name.
    forebay.request("TRACE", "/trace", &[("x-forwarded-for", "1.2.3.4")], b"").expect_status(405);
    forebay.wait_for_log(&["client=1.2.3.4 ", "path=/trace "]);
}

#[test]
fn h06_only_the_field_that_is_named_is_read() {
    let origin = telling();
    let config = format!("{TRUSTING}client_ip_header = \"x-real-ip\"\n");
    let forebay = Forebay::start(&origin, &config);
    let fields = [("x-forwarded-for", "1.2.3.4"), ("x-real-ip", "5.6.7.8")];
    forebay.get_with("/a", &fields).expect(200, "5.6.7.8 http app.test ");
}

#[test]
fn c02_the_scheme_a_trusted_proxy_reports_is_in_the_key() {
    let origin = telling();
    let forebay = Forebay::start(&origin, TRUSTING);
    let over = |scheme| [("x-forwarded-proto", scheme)];
    for _ in 0..2 {
        forebay.get_with("/a", &over("https")).expect(200, "127.0.0.1 https app.test ");
        forebay.get_with("/a", &over("http")).expect(200, "127.0.0.1 http app.test ");
    }
    forebay.hit("/a").expect(200, "127.0.0.1 http app.test ");
    assert_eq!(origin.count(), 2);
    // A write covers every scheme.
    forebay.request("DELETE", "/a", &over("https"), b"").expect_status(200);
    assert!(!forebay.get("/a").is_reused());
    // Nor is it believed of anybody else.
    let wary = Forebay::start(&origin, "");
    wary.get_with("/b", &over("https")).expect(200, "127.0.0.1 http app.test ");
    wary.hit("/b");
}

#[test]
fn the_host_is_the_requests_whatever_a_proxy_says() {
    let origin = telling();
    let forebay = Forebay::start(&origin, TRUSTING);
    forebay
        .get_with("/a", &[("x-forwarded-host", "evil.test")])
        .expect(200, "127.0.0.1 http app.test ");
}

#[test]
fn a_proxys_claim_is_believed_from_trusted_proxies_and_stripped_from_anyone_else() {
    let origin = telling();
    for name in ["x-user", "x-forwarded-user"] {
        let route = format!(
            "[[route]]\npath = \"/own/{{*rest}}\"\nidentity = \"trusted_header:{name}\"\ntags = [\"user:{{identity}}\"]\n"
        );
        let trusting = Forebay::start(&origin, &format!("{TRUSTING}{route}"));
        for _ in 0..2 {
            for user in ["alice", "bob"] {
                let response = trusting.get_with("/own/a", &[(name, user)]);
                response.expect(200, format!("127.0.0.1 http app.test {user}"));
            }
            trusting.get("/own/a").expect(200, "127.0.0.1 http app.test ");
        }
        assert!(trusting.get_with("/own/a", &[(name, "alice")]).is_hit());
        let twice = trusting.get_with("/own/a", &[(name, "alice"), (name, "bob")]);
        assert_eq!(twice.cache_parameter("detail").as_deref(), Some("identity-repeated"));
        trusting.purge(r#"{"tag":"user:alice"}"#).expect_status(200);
        assert!(!trusting.get_with("/own/a", &[(name, "alice")]).is_reused());
        assert!(trusting.get_with("/own/a", &[(name, "bob")]).is_hit());
        // Elsewhere it is a credential like any other.
        let elsewhere = trusting.get_with("/a", &[(name, "alice")]);
        assert_eq!(elsewhere.cache_parameter("detail").as_deref(), Some("client-field"));

        let wary = Forebay::start(&origin, &route);
        for target in ["/own/a", "/a"] {
            for user in ["alice", "bob"] {
                let response = wary.get_with(target, &[(name, user)]);
                response.expect(200, "127.0.0.1 http app.test ");
            }
        }
        assert!(!wary.get_with("/own/a", &[(name, "alice")]).is_reused());
        assert!(wary.get_with("/a", &[(name, "alice")]).is_hit());
        wary.wait_for_log(&["trusted_proxies, and there are none"]);
    }
}

#[test]
fn a_route_admits_whom_the_proxy_asks_for() {
    let origin = telling();
    let route = "[[route]]\npath = \"/{*rest}\"\nallow = [\"192.0.2.0/24\"]\n";
    let forebay = Forebay::start(&origin, &format!("{TRUSTING}{route}"));
    let named = |address: &str| forebay.get_with("/a", &[("x-forwarded-for", address)]).status();
    assert_eq!(
        (named("192.0.2.1"), named("198.51.100.1"), named("192.0.2.1, 198.51.100.1")),
        (200, 403, 403)
    );
    let wary = Forebay::start(&origin, route);
    wary.get_with("/a", &[("x-forwarded-for", "192.0.2.1")]).expect_status(403);
}
