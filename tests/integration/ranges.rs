//! Parts of a representation (RFC 9110 §14), cut from what is stored.

use crate::support::{Forebay, Origin, Reply, fresh, noise};

#[test]
fn ranges_are_cut_from_the_stored_response() {
    let origin = Origin::always(
        fresh("0123456789").field("etag", "\"v1\"").field("content-type", "text/plain"),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    for (range, part, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
        ("Bytes=2-4", "234", "bytes 2-4/10"),
    ] {
        let response = forebay.get_with("/a", &[("range", range)]).expect(206, part);
        assert_eq!(
            (response.field("content-range"), response.field("etag")),
            (Some(content_range), Some("\"v1\""))
        );
        assert_eq!(response.field("content-length"), Some(part.len().to_string().as_str()));
    }
    for range in ["bytes=4-2", "bytes=x", "bits=0-1", "bytes=", "bytes 0-1"] {
        forebay.get_with("/a", &[("range", range)]).expect(200, "0123456789");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn a_range_beyond_the_end_is_416() {
    let origin = Origin::always(fresh("0123456789"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let response = forebay.get_with("/a", &[("range", range)]).expect_status(416);
        assert_eq!(response.field("content-range"), Some("bytes */10"), "{range}");
    }
    forebay.hit("/a").expect(200, "0123456789");
}

#[test]
fn several_ranges_are_several_parts() {
    let origin = Origin::always(fresh("0123456789").field("content-type", "text/x-digits"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    let response = forebay.get_with("/a", &[("range", "bytes=0-1, 5-6")]).expect_status(206);
    let kind = response.field("content-type").unwrap().to_owned();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap_or_else(|| panic!("{kind}"))
        .trim_matches('"');
    let text = response.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{text}");
    for (part, content_range, body) in
        [(parts[1], "bytes 0-1/10", "01"), (parts[2], "bytes 5-6/10", "56")]
    {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains(&format!("content-range: {content_range}"))
                && head.contains("content-type: text/x-digits"),
            "{head}"
        );
        assert_eq!(content.trim_end_matches("\r\n"), body);
    }
    assert!(parts[3].starts_with("--"));
    assert_eq!(response.field("content-range"), None);
    assert_eq!(response.field("content-length"), Some(response.body.len().to_string().as_str()));
}

#[test]
fn an_abuse_of_ranges_is_answered_whole_or_once() {
    let origin = Origin::always(fresh(noise(10_000)));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let many: Vec<String> = (0..200).map(|n| format!("{n}-{n}")).collect();
    let overlapping: Vec<String> = (0..16).map(|_| "0-".to_owned()).collect();
    for ranges in [many, overlapping] {
        let response = forebay.get_with("/a", &[("range", &format!("bytes={}", ranges.join(",")))]);
        assert!(
            matches!(response.status(), 200 | 206) && response.body.len() <= 11_000,
            "{} with {} bytes",
            response.status(),
            response.body.len()
        );
    }
}

#[test]
fn if_range_decides_between_part_and_whole() {
    let modified = "Sat, 01 Jan 2000 00:00:00 GMT";
    let origin = Origin::always(
        fresh("0123456789").field("etag", "\"v1\"").field("last-modified", modified),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    for (condition, status) in [
        ("\"v1\"", 206),
        ("\"v2\"", 200),
        ("W/\"v1\"", 200),
        (modified, 206),
        ("Sun, 02 Jan 2000 00:00:00 GMT", 200),
    ] {
        forebay
            .get_with("/a", &[("range", "bytes=0-0"), ("if-range", condition)])
            .expect_status(status);
    }
    // Conditions come before ranges.
    forebay.get_with("/a", &[("range", "bytes=0-0"), ("if-none-match", "\"v1\"")]).expect(304, "");
    forebay.get_with("/a", &[("range", "bytes=99-"), ("if-match", "\"v2\"")]).expect_status(412);
}

#[test]
fn a_range_of_what_is_not_stored_yet_is_right() {
    let origin = Origin::start(|exchange| match exchange.field("range") {
        Some("bytes=2-4") => exchange.reply(
            &Reply::new(206)
                .field("content-range", "bytes 2-4/10")
                .field("cache-control", "max-age=60")
                .content("234"),
        ),
        _ => exchange.reply(&fresh("0123456789")),
    });
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get_with("/a", &[("range", "bytes=2-4")]).expect(206, "234");
    assert_eq!(response.field("content-range"), Some("bytes 2-4/10"));
}

#[test]
fn a_range_of_what_is_too_large_to_store_goes_forward() {
    let whole = noise(200 * 1024);
    let origin = Origin::start({
        let whole = whole.clone();
        move |exchange| match exchange.field("range") {
            Some("bytes=1000-1999") => exchange.reply(
                &Reply::new(206)
                    .field("content-range", "bytes 1000-1999/204800")
                    .field("cache-control", "max-age=60")
                    .content(&whole[1000..2000]),
            ),
            _ => exchange.reply(&fresh(whole.clone())),
        }
    });
    let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"64KiB\"");
    for _ in 0..3 {
        let response = forebay.get_with("/a", &[("range", "bytes=1000-1999")]);
        assert_eq!((response.status(), &response.body[..]), (206, &whole[1000..2000]));
    }
    assert_eq!(origin.last().field("range"), Some("bytes=1000-1999"));
}
