use super::super::cache_control::response_directives;
use super::super::testing::{fields, secs};
use super::*;

const DATE: &str = "Date: Tue, 15 Nov 1994 08:00:00 GMT";

fn lifetime(status: u16, text: &str, rules: &Rules) -> (u64, LifetimeSource) {
    let fields = fields(text);
    let status = StatusCode::from_u16(status).unwrap();
    let lifetime = freshness_lifetime(
        status,
        &fields,
        &response_directives(&fields),
        rules,
        Exchange::default(),
    );
    (lifetime.duration.as_secs(), lifetime.source)
}

fn by_itself(text: &str) -> (u64, LifetimeSource) {
    lifetime(200, text, &Rules::default())
}

#[test]
fn s4_2_1_the_first_match_gives_the_lifetime() {
    use LifetimeSource::{Expires, MaxAge, None, SMaxAge};
    let expires = "Expires: Tue, 15 Nov 1994 08:00:30 GMT";
    for (text, expected) in [
        ("Cache-Control: max-age=60, s-maxage=0", (0, SMaxAge)),
        ("Cache-Control: s-maxage=60, max-age=0", (60, SMaxAge)),
        (&format!("Cache-Control: max-age=60\n{expires}\n{DATE}"), (60, MaxAge)),
        (&format!("{expires}\n{DATE}"), (30, Expires)),
        (&format!("Cache-Control: public\n{expires}\n{DATE}"), (30, Expires)),
        ("Cache-Control: public", (0, None)),
        ("", (0, None)),
    ] {
        assert_eq!(by_itself(text), expected, "{text}");
    }
}

#[test]
fn s5_3_an_expires_that_is_past_or_invalid_is_stale_and_cache_control_wins() {
    for expires in [
        "Tue, 15 Nov 1994 07:59:59 GMT",
        "Tue, 15 Nov 1994 08:00:00 GMT",
        "0",
        "-1",
        "never",
        "",
        "Tue, 15 Nov 1994 08:00:30 CET",
    ] {
        let text = format!("Expires: {expires}\n{DATE}");
        assert_eq!(by_itself(&text), (0, LifetimeSource::Expires), "{expires}");
        let text = format!("Cache-Control: max-age=60\nExpires: {expires}\n{DATE}");
        assert_eq!(by_itself(&text), (60, LifetimeSource::MaxAge), "{expires}");
    }
}

#[test]
fn s4_2_1_expires_without_a_usable_date_has_no_meaning_until_one_is_given() {
    for date in ["X: y", "Date: yesterday"] {
        let mut fields = fields(&format!("Expires: Tue, 15 Nov 1994 08:00:30 GMT\n{date}"));
        let own = |fields: &HeaderMap| own_lifetime(fields, &ResponseDirectives::default());
        assert_eq!(own(&fields).unwrap().duration, Duration::ZERO, "{date}");
        let received = date::parse("Tue, 15 Nov 1994 08:00:10 GMT").unwrap();
        ensure_date(&mut fields, received);
        assert_eq!(own(&fields).unwrap().duration, secs(20), "{date}");
        ensure_date(&mut fields, received + secs(5));
        assert_eq!(date::of(&fields, &header::DATE), Some(received), "{date}");
    }
}

#[test]
fn rfc_9213_s2_2_a_targeted_field_puts_cache_control_and_expires_aside() {
    let expires = "Expires: Tue, 15 Nov 1994 08:00:30 GMT";
    for (field, expected) in [
        ("CDN-Cache-Control: max-age=5", (5, LifetimeSource::MaxAge)),
        ("CDN-Cache-Control: public", (0, LifetimeSource::None)),
        ("CDN-Cache-Control: a b", (60, LifetimeSource::MaxAge)),
    ] {
        let text = format!("Cache-Control: max-age=60\n{expires}\n{DATE}\n{field}");
        assert_eq!(by_itself(&text), expected, "{field}");
    }
}

#[test]
fn ttl_replaces_what_a_success_says_of_its_lifetime() {
    let rules = Rules { ttl: Some(secs(900).into()), default_ttl: secs(7), ..Rules::default() };
    for status in [200, 203, 204, 300, 301, 308] {
        for text in ["", "Cache-Control: s-maxage=1, max-age=2", "Expires: 0"] {
            assert_eq!(lifetime(status, text, &rules), (900, LifetimeSource::Operator), "{status}");
        }
    }
    for status in [201, 202, 302, 303, 307, 400, 403, 404, 405, 410, 413, 431, 451, 500, 503] {
        assert_eq!(lifetime(status, "", &rules), (0, LifetimeSource::None), "{status}");
    }
    let own = "Cache-Control: max-age=2";
    for status in [302, 404, 503] {
        assert_eq!(lifetime(status, own, &rules), (2, LifetimeSource::MaxAge), "{status}");
    }
}

#[test]
fn ttl_by_status_beats_ttl_and_the_response() {
    let mut rules = Rules { ttl: Some(secs(900).into()), ..Rules::default() };
    rules.ttl_by_status.set_class(5, secs(1));
    rules.ttl_by_status.set(StatusCode::NOT_FOUND, secs(30));
    rules.ttl_by_status.set(StatusCode::MOVED_PERMANENTLY, secs(3600));
    let own = "Cache-Control: max-age=2";
    for (status, seconds) in [(301, 3600), (404, 30), (500, 1), (503, 1)] {
        assert_eq!(lifetime(status, own, &rules), (seconds, LifetimeSource::OperatorStatus));
    }
    assert_eq!(lifetime(200, own, &rules), (900, LifetimeSource::Operator));
    assert_eq!(lifetime(410, own, &rules), (2, LifetimeSource::MaxAge));
}

#[test]
fn default_ttl_fills_in_where_a_success_says_nothing() {
    let rules = Rules { default_ttl: secs(10), heuristic: true, ..Rules::default() };
    assert_eq!(lifetime(200, "", &rules), (10, LifetimeSource::OperatorDefault));
    let modified = format!("{DATE}\nLast-Modified: Tue, 15 Nov 1994 06:20:00 GMT");
    assert_eq!(lifetime(200, &modified, &rules), (10, LifetimeSource::OperatorDefault));
    assert_eq!(lifetime(200, "Cache-Control: max-age=2", &rules), (2, LifetimeSource::MaxAge));
    assert_eq!(lifetime(200, "Cache-Control: max-age=0", &rules), (0, LifetimeSource::MaxAge));
    assert_eq!(lifetime(200, "Expires: 0", &rules), (0, LifetimeSource::Expires));
    assert_eq!(lifetime(404, "", &rules), (0, LifetimeSource::None));
}

#[test]
fn s4_2_2_a_guess_is_a_tenth_of_the_time_since_last_modified() {
    let guess = |status, modified: &str, heuristic| {
        let rules = Rules { heuristic, ..Rules::default() };
        lifetime(status, &format!("{DATE}\nLast-Modified: {modified}"), &rules)
    };
    let earlier = "Tue, 15 Nov 1994 06:20:00 GMT";
    assert_eq!(guess(200, earlier, true), (600, LifetimeSource::Heuristic));
    assert_eq!(guess(200, earlier, false), (0, LifetimeSource::None));
    assert_eq!(
        guess(200, "Mon, 15 Nov 1993 08:00:00 GMT", true),
        (86_400, LifetimeSource::Heuristic)
    );
    for modified in ["Tue, 15 Nov 1994 09:00:00 GMT", "junk"] {
        assert_eq!(guess(200, modified, true), (0, LifetimeSource::None), "{modified}");
    }
}

#[test]
fn s4_2_2_guesses_are_for_heuristically_cacheable_statuses_and_for_what_is_public() {
    let rules = Rules { heuristic: true, ..Rules::default() };
    let modified = format!("{DATE}\nLast-Modified: Tue, 15 Nov 1994 06:20:00 GMT");
    let public = format!("{modified}\nCache-Control: public");
    for (status, plain, marked) in [
        (200, 600, 600),
        (203, 600, 600),
        (204, 600, 600),
        (206, 600, 600),
        (300, 600, 600),
        (301, 600, 600),
        (308, 600, 600),
        (404, 10, 10),
        (405, 10, 10),
        (410, 10, 10),
        (414, 10, 10),
        (501, 10, 10),
        (201, 0, 600),
        (202, 0, 600),
        (302, 0, 600),
        (403, 0, 10),
        (500, 0, 10),
        (599, 0, 10),
    ] {
        assert_eq!(lifetime(status, &modified, &rules).0, plain, "{status}");
        assert_eq!(lifetime(status, &public, &rules).0, marked, "{status} public");
    }
}

#[test]
fn s4_2_2_there_are_no_guesses_beside_an_explicit_lifetime() {
    let rules = Rules { heuristic: true, ..Rules::default() };
    let modified = format!("{DATE}\nLast-Modified: Tue, 15 Nov 1994 06:20:00 GMT");
    for (explicit, source) in [
        ("Cache-Control: max-age=0", LifetimeSource::MaxAge),
        ("Cache-Control: max-age=x", LifetimeSource::MaxAge),
        ("Cache-Control: s-maxage=0", LifetimeSource::SMaxAge),
        ("Expires: 0", LifetimeSource::Expires),
    ] {
        assert_eq!(
            lifetime(200, &format!("{modified}\n{explicit}"), &rules),
            (0, source),
            "{explicit}"
        );
    }
}

#[test]
fn an_errors_own_lifetime_is_cut_short_unless_it_says_how_things_are() {
    for (status, seconds) in [
        (400, 10),
        (403, 10),
        (405, 10),
        (413, 10),
        (414, 10),
        (429, 10),
        (431, 10),
        (500, 10),
        (501, 10),
        (503, 10),
        (599, 10),
        (404, 3600),
        (410, 3600),
        (451, 3600),
    ] {
        let own = lifetime(status, "Cache-Control: max-age=3600", &Rules::default());
        assert_eq!(own, (seconds, LifetimeSource::MaxAge), "{status}");
    }
    assert_eq!(lifetime(400, "Cache-Control: max-age=3", &Rules::default()).0, 3);
}

const NOON: u64 = 784_900_800_000; // Tue, 15 Nov 1994 12:00:00 GMT

fn initial_age(text: &str, requested: u64, responded: u64) -> Duration {
    let exchange = Exchange {
        request_time: Timestamp::from_millis(NOON + requested),
        response_time: Timestamp::from_millis(NOON + responded),
    };
    corrected_initial_age(&fields(text), exchange)
}

#[test]
fn s4_2_3_corrected_initial_age_is_the_greater_of_apparent_age_and_corrected_age_value() {
    let at = |time: &str| format!("Date: Tue, 15 Nov 1994 {time} GMT");
    for (text, millis) in [
        (at("12:00:00"), 200),
        (String::new(), 200),
        ("Date: junk".to_owned(), 200),
        (at("11:00:00"), 3_600_500),
        (at("13:00:00"), 200),
        ("Age: 30".to_owned(), 30_200),
        (format!("{}\nAge: 30", at("11:59:50")), 30_200),
        (format!("{}\nAge: 5", at("11:59:50")), 10_500),
    ] {
        assert_eq!(initial_age(&text, 300, 500), Duration::from_millis(millis), "{text}");
    }
}

#[test]
fn s4_2_3_a_date_within_the_exchange_adds_nothing_to_its_delay() {
    let date = "Date: Tue, 15 Nov 1994 12:00:00 GMT";
    assert_eq!(initial_age(date, 999, 1_001), Duration::from_millis(2));
    assert_eq!(initial_age(date, 0, 5_000), secs(5));
    assert_eq!(initial_age(date, 1_000, 1_001), Duration::from_millis(1_001));
}

#[test]
fn s5_1_an_invalid_age_is_ignored_and_of_a_list_the_first_counts() {
    for (age, seconds) in [
        ("7", 7),
        ("7, 9", 7),
        ("7\nAge: 9", 7),
        ("-1", 0),
        ("1.5", 0),
        ("a", 0),
        ("a, 9", 0),
        ("", 0),
        ("\\xff", 0),
        ("2147483648", 2_147_483_648),
        ("99999999999", 2_147_483_648),
    ] {
        assert_eq!(initial_age(&format!("Age: {age}"), 0, 0), secs(seconds), "{age}");
    }
}
