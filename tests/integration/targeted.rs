//! Cache directives addressed to some caches (RFC 9213): which field governs us, and who gets to see it.

use crate::support::{Forebay, Origin, Reply, ok};

/// How long is left of the stored answer to a GET in whole minutes, where it was stored.
#[track_caller]
fn stored_for(fields: &[(&str, &str)]) -> Option<i64> {
    let reply = fields.iter().fold(ok("hello"), |reply, (name, value)| reply.field(name, *value));
    let origin = Origin::always(reply);
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let again = forebay.get("/a").expect(200, "hello");
    assert_eq!(again.is_reused(), origin.count() == 1, "{}", again.cache_status());
    let ttl = again.is_reused().then(|| forebay.hit("/a").cache_parameter("ttl")).flatten();
    ttl.map(|ttl| (ttl.parse::<i64>().unwrap() + 59) / 60)
}

const CC: &str = "cache-control";
const CDN: &str = "cdn-cache-control";
const OURS: &str = "forebay-cache-control";

#[test]
fn the_first_of_the_list_that_can_be_read_governs() {
    for (fields, minutes) in [
        (&[(CC, "max-age=60"), (CDN, "max-age=120"), (OURS, "max-age=180")][..], Some(3)),
        (&[(CC, "max-age=60"), (CDN, "max-age=120")], Some(2)),
        (&[(CC, "max-age=60"), (OURS, "max-age=180")], Some(3)),
        (&[(CDN, "max-age=120")], Some(2)),
        (&[(CDN, "max-age=120"), (OURS, "max-age=x")], Some(2)),
        (&[(CC, "max-age=60"), (CDN, "max-age=\"120\"")], Some(1)),
        (&[(CC, "max-age=60"), (CDN, "max-age=120, &&&")], Some(1)),
        (&[(CC, "max-age=60"), (CDN, "")], Some(1)),
        (&[(CC, "max-age=60"), (CDN, "MAX-AGE=120")], Some(1)),
        (&[(CDN, "max-age=120;x=1, y")], Some(2)),
    ] {
        assert_eq!(stored_for(fields), minutes, "{fields:?}");
    }
}

#[test]
fn beside_it_cache_control_and_expires_do_not_count() {
    let (later, past) = ("Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:00 GMT");
    for (fields, minutes) in [
        (&[(CC, "no-store"), (CDN, "max-age=120")][..], Some(2)),
        (&[(CC, "private"), (CDN, "max-age=120")], Some(2)),
        (&[(CC, "no-cache"), (CDN, "max-age=120")], Some(2)),
        (&[(CC, "s-maxage=60"), (CDN, "max-age=120")], Some(2)),
        (&[("expires", past), (CDN, "max-age=120")], Some(2)),
        (&[("expires", later), (CDN, "max-age=0")], None),
        (&[("expires", later), (CDN, "public")], None),
        (&[(CC, "max-age=60"), (CDN, "no-store")], None),
        (&[(CC, "max-age=60"), (CDN, "private")], None),
        (&[(CC, "max-age=60"), (CDN, "no-cache, max-age=120")], None),
        (&[(CC, "max-age=60"), (CDN, "max-age=120, no-store=?1")], None),
        (&[(CC, "max-age=60"), (CDN, "community=\"UCI\"")], None),
    ] {
        assert_eq!(stored_for(fields), minutes, "{fields:?}");
    }
}

#[test]
fn what_is_addressed_to_us_alone_reaches_no_client() {
    let origin = Origin::start(|exchange| {
        let lifetime = if exchange.target() == "/stored" { "max-age=60" } else { "no-store" };
        exchange.reply(&Reply::new(200).field(OURS, lifetime).field(CDN, "max-age=5").content("x"));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for (method, target) in [
        ("GET", "/stored"),
        ("GET", "/stored"),
        ("HEAD", "/stored"),
        ("GET", "/not"),
        ("POST", "/not"),
    ] {
        let response = client.request(method, target, &[], b"").expect_status(200);
        assert_eq!(response.field(OURS), None, "{method} {target}");
        assert_eq!(response.field(CDN), Some("max-age=5"), "{method} {target}");
    }
    assert_eq!(origin.count_of("/stored"), 1);
}
