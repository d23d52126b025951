//! Dates and times in fields (RFC 9110 §5.6.7).

use std::time::{Duration, UNIX_EPOCH};

use http::header::{HeaderMap, HeaderName};

use crate::clock::Timestamp;

/// 9999-12-31T23:59:59Z, the last second that four digits of year can hold.
const LAST: u64 = 253_402_300_799;

/// Reads an HTTP-date in any of its three forms; `None` for anything else and for what lies before 1970.
pub fn parse(value: &str) -> Option<Timestamp> {
    // "A recipient that parses a timestamp value in an HTTP field MUST accept all three HTTP-date formats."
    let at = httpdate::parse_http_date(value).ok()?;
    at.duration_since(UNIX_EPOCH).ok().map(|since| Timestamp::from_secs(since.as_secs()))
}

/// Writes the moment as an IMF-fixdate, cut to whole seconds.
pub fn format(at: Timestamp) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.as_secs().min(LAST)))
}

/// The date a field holds. Where it has several lines, the first one counts.
pub fn of(fields: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    parse(fields.get(name)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use http::header::{DATE, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s5_6_7_all_three_forms_are_read() {
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(value), Some(Timestamp::from_secs(784_111_777)), "{value}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Timestamp::default()));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for value in [
            "",
            "0",
            "-1",
            "784111777",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1904 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:3é GMT",
        ] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn the_last_second_of_9999_is_the_last_one_written() {
        let last = "Fri, 31 Dec 9999 23:59:59 GMT";
        assert_eq!(format(Timestamp::from_secs(LAST)), last);
        assert_eq!(format(Timestamp::from_millis(u64::MAX)), last);
        assert_eq!(parse(last), Some(Timestamp::from_secs(LAST)));
    }

    #[test]
    fn of_several_lines_the_first_counts() {
        let mut fields = HeaderMap::new();
        assert_eq!(of(&fields, &DATE), None);
        fields.append(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        fields.append(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:38 GMT"));
        assert_eq!(of(&fields, &DATE), Some(Timestamp::from_secs(784_111_777)));
        fields.insert(DATE, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(of(&fields, &DATE), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(secs in 0..=LAST) {
            let at = Timestamp::from_secs(secs);
            prop_assert_eq!(parse(&format(at)), Some(at));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn anything_like_a_date_is_read_without_panic(
            text in "[A-Z][a-z]{2,8},? ?[0-9]{2}[ -][A-Z][a-z]{2}[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} ?(GMT|[0-9]{4})"
        ) {
            let _ = parse(&text);
        }
    }
}
