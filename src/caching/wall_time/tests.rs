use super::*;

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(u64::try_from(moment.as_millisecond()).unwrap())
}

/// Each row: the time, the zone, now, and when it comes next, both in UTC.
fn comes(rows: &[(&str, &str, &str, &str)]) {
    for (time, zone, now, next) in rows {
        let wall = WallTime::new(time, zone).unwrap();
        assert_eq!(wall.next_after(at(now)), Some(at(next)), "{wall} after {now}");
    }
}

#[test]
fn it_is_the_next_time_the_clocks_show_it() {
    comes(&[
        ("00:00", "Europe/Prague", "2025-01-15T12:00:00Z", "2025-01-15T23:00:00Z"),
        ("00:00", "Europe/Prague", "2025-07-15T12:00:00Z", "2025-07-15T22:00:00Z"),
        ("00:00", "Europe/Prague", "2025-01-15T22:59:59.999Z", "2025-01-15T23:00:00Z"),
        ("00:00", "Europe/Prague", "2025-01-15T23:00:00Z", "2025-01-16T23:00:00Z"),
        ("06:30", "America/New_York", "2025-01-15T11:00:00Z", "2025-01-15T11:30:00Z"),
        ("06:30", "America/New_York", "2025-01-15T12:00:00Z", "2025-01-16T11:30:00Z"),
        ("00:00", "Asia/Kathmandu", "2025-01-15T12:00:00Z", "2025-01-15T18:15:00Z"),
        ("23:59", "Pacific/Kiritimati", "2025-01-15T12:00:00Z", "2025-01-16T09:59:00Z"),
        ("00:00", "UTC", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"),
    ]);
}

#[test]
fn months_and_leap_years_end_as_they_do() {
    comes(&[
        ("00:00", "UTC", "2024-02-28T12:00:00Z", "2024-02-29T00:00:00Z"),
        ("00:00", "UTC", "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"),
        ("00:00", "UTC", "2025-02-28T12:00:00Z", "2025-03-01T00:00:00Z"),
        ("00:00", "Europe/Prague", "2025-12-31T22:59:00Z", "2025-12-31T23:00:00Z"),
        ("00:00", "Europe/Prague", "2025-12-31T23:00:00Z", "2026-01-01T23:00:00Z"),
    ]);
}

#[test]
fn a_time_the_clocks_skip_is_the_first_moment_after_the_gap() {
    comes(&[
        // From 02:00 to 03:00 at 01:00 UTC.
        ("02:30", "Europe/Prague", "2025-03-29T12:00:00Z", "2025-03-30T01:00:00Z"),
        ("02:00", "Europe/Prague", "2025-03-29T12:00:00Z", "2025-03-30T01:00:00Z"),
        ("02:59", "Europe/Prague", "2025-03-30T00:59:59Z", "2025-03-30T01:00:00Z"),
        ("03:00", "Europe/Prague", "2025-03-30T00:59:59Z", "2025-03-30T01:00:00Z"),
        ("02:30", "Europe/Prague", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"),
        // The day is an hour short.
        ("00:00", "Europe/Prague", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"),
        // Midnight itself is skipped.
        ("00:00", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"),
        ("00:30", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"),
        // By half an hour only.
        ("02:15", "Australia/Lord_Howe", "2025-10-04T12:00:00Z", "2025-10-04T15:30:00Z"),
        // A whole day is left out.
        ("12:00", "Pacific/Apia", "2011-12-29T23:00:00Z", "2011-12-30T10:00:00Z"),
        ("12:00", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"),
    ]);
}

#[test]
fn a_time_the_clocks_show_twice_comes_twice() {
    comes(&[
        // From 03:00 back to 02:00 at 01:00 UTC.
        ("02:30", "Europe/Prague", "2025-10-25T12:00:00Z", "2025-10-26T00:30:00Z"),
        ("02:30", "Europe/Prague", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"),
        ("02:30", "Europe/Prague", "2025-10-26T01:30:00Z", "2025-10-27T01:30:00Z"),
        ("02:00", "Europe/Prague", "2025-10-25T23:59:00Z", "2025-10-26T00:00:00Z"),
        ("02:00", "Europe/Prague", "2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z"),
        ("03:00", "Europe/Prague", "2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z"),
        // The day is an hour long.
        ("00:00", "Europe/Prague", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"),
        // From 00:00 back to 23:00: the second one is yesterday's once more.
        ("23:30", "America/Sao_Paulo", "2019-02-17T01:30:00Z", "2019-02-17T02:30:00Z"),
        // From 00:01 back to 23:01: at 00:00:30 yesterday's last hour is still to come.
        ("23:30", "America/St_Johns", "2006-10-29T02:30:30Z", "2006-10-29T03:00:00Z"),
    ]);
}

#[test]
fn it_always_comes_within_two_days_and_a_bit() {
    for zone in WallTime::zones() {
        let wall = WallTime::new("02:30", &zone).unwrap();
        let mut now = at("2025-01-01T00:00:00Z");
        while now < at("2026-01-01T00:00:00Z") {
            let next = wall.next_after(now).unwrap();
            let wait = next.saturating_since(now);
            assert!(!wait.is_zero() && wait.as_secs() <= 26 * 3600, "{wall} after {now:?}");
            now = next;
        }
    }
}

#[test]
fn a_clock_out_of_range_breaks_nothing() {
    let wall = WallTime::new("00:00", "Europe/Prague").unwrap();
    assert_eq!(wall.next_after(Timestamp::from_millis(u64::MAX)), None);
    assert!(wall.next_after(Timestamp::from_millis(0)).is_some());
}

#[test]
fn what_is_no_time_and_what_is_no_zone() {
    for time in ["", "0:00", "24:00", "00:60", "00:00:00", "12", "12:", "-1:00", "1 :00", "ab:cd"] {
        assert_eq!(WallTime::new(time, "UTC"), Err(BadWallTime::Time), "{time}");
    }
    for zone in ["", "Europe", "Europe/Pargue", "../etc/passwd", "/etc/localtime", "CEST-2"] {
        assert_eq!(WallTime::new("00:00", zone), Err(BadWallTime::Zone), "{zone}");
    }
    let wall = WallTime::new("07:05", "europe/PRAGUE").unwrap();
    assert_eq!(wall.to_string(), "07:05 Europe/Prague");
}
