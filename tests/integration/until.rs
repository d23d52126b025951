//! Lifetimes that end at a time of day.

use crate::support::{Forebay, Origin, fresh, ok};

/// A route as daily statistics have it.
const DAILY: &str = "[[route]]\npath = \"/api/reports/daily\"\nttl = \"until ";

fn daily(time: &str) -> String {
    format!("{DAILY}{time}\"")
}

/// The time of day in UTC, so many hours from now.
fn in_hours(hours: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let minutes = now.as_secs() / 60 + hours * 60;
    format!("{:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

#[test]
fn daily_statistics_are_kept_until_then_whatever_the_response_says_and_however_old_it_is() {
    // Between 11 and 12 hours: far from any midnight that could come while the test runs.
    let config = daily(&in_hours(12));
    for reply in [
        ok("stats"),
        fresh("stats"),
        ok("stats").field("cache-control", "max-age=1").field("age", "1000000"),
    ] {
        let origin = Origin::always(reply);
        let forebay = Forebay::start(&origin, &config);
        forebay.get("/api/reports/daily").expect(200, "stats");
        let hit = forebay.hit("/api/reports/daily").expect(200, "stats");
        let ttl: i64 = hit.cache_parameter("ttl").unwrap().parse().unwrap();
        assert!((11 * 3600..=12 * 3600).contains(&ttl), "{}", hit.head.raw);
        assert_eq!(origin.count(), 1);
    }
}

#[test]
fn a_failure_is_not_kept_until_then() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&crate::support::Reply::new(404)),
        _ => exchange.reply(&ok("stats")),
    });
    let forebay = Forebay::start(&origin, &daily("00:00 Europe/Prague"));
    forebay.get("/api/reports/daily").expect_status(404);
    forebay.get("/api/reports/daily").expect(200, "stats");
}
