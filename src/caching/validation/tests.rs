use super::super::testing::fields;
use super::*;

const DATE: &str = "Tue, 15 Nov 1994 08:00:00 GMT";
const LATER: &str = "Tue, 15 Nov 1994 09:00:00 GMT";

fn answer(stored: &str, status: u16, response: &str) -> Validated {
    validated(&fields(stored), StatusCode::from_u16(status).unwrap(), &fields(response))
}

#[test]
fn s4_3_1_a_conditional_request_carries_the_stored_validators_and_no_other_conditions() {
    let clients = "Accept: a/b\nIf-None-Match: \"mine\"\nIf-Modified-Since: x\nIf-Match: \"mine\"\n\
                   If-Unmodified-Since: x\nIf-Range: \"mine\"\nRange: bytes=0-0";
    for (stored, sent) in [
        ("", ""),
        ("ETag: \"x\"", "If-None-Match: \"x\""),
        ("ETag: W/\"x\"", "If-None-Match: W/\"x\""),
        (&format!("Last-Modified: {DATE}"), &*format!("If-Modified-Since: {DATE}")),
        (
            &format!("ETag: \"x\"\nLast-Modified: {DATE}"),
            &format!("If-None-Match: \"x\"\nIf-Modified-Since: {DATE}"),
        ),
        ("ETag: x\nLast-Modified: yesterday", ""),
    ] {
        let mut request = fields(clients);
        assert_eq!(conditional(&fields(stored), &mut request), !sent.is_empty(), "{stored}");
        assert_eq!(request, fields(&format!("Accept: a/b\n{sent}")), "{stored}");
    }
}

#[test]
fn s4_3_3_what_an_answer_means() {
    let stored = "ETag: \"x\"";
    for (status, expected) in [
        (200, Validated::Replaced),
        (404, Validated::Replaced),
        (501, Validated::Replaced),
        (500, Validated::Failed),
        (502, Validated::Failed),
        (503, Validated::Failed),
        (504, Validated::Failed),
        (304, Validated::Freshened(fields(stored))),
    ] {
        assert_eq!(answer(stored, status, ""), expected, "{status}");
    }
}

#[test]
fn s4_3_4_a_304_freshens_only_the_response_its_validators_identify() {
    let modified = |date: &str| format!("Last-Modified: {date}");
    let both = |tag: &str, date: &str| format!("ETag: {tag}\nLast-Modified: {date}");
    for (stored, response, expected) in [
        // strong validators
        ("ETag: \"x\"", "ETag: \"x\"", true),
        ("ETag: \"x\"", "ETag: \"y\"", false),
        ("ETag: W/\"x\"", "ETag: \"x\"", false),
        (&modified(DATE), "ETag: \"x\"", false),
        (&both("\"x\"", DATE), &both("\"x\"", LATER), true),
        (&both("\"x\"", DATE), &both("\"y\"", DATE), false),
        // weak ones
        ("ETag: W/\"x\"", "ETag: W/\"x\"", true),
        ("ETag: \"x\"", "ETag: W/\"x\"", true),
        ("ETag: \"x\"", "ETag: W/\"y\"", false),
        (&modified(DATE), &modified(DATE), true),
        (&modified(DATE), &modified(LATER), false),
        (&both("\"x\"", DATE), &modified(DATE), true),
        (&both("\"x\"", DATE), &modified(LATER), false),
        ("ETag: \"x\"", &modified(DATE), false),
        (&modified(DATE), &both("W/\"x\"", DATE), true),
        // none
        ("ETag: \"x\"", "", true),
        (&modified(DATE), "", true),
        ("", "", true),
    ] {
        let freshened = matches!(answer(stored, 304, response), Validated::Freshened(_));
        assert_eq!(freshened, expected, "{stored} / {response}");
        if !expected {
            assert_eq!(answer(stored, 304, response), Validated::Unusable);
        }
    }
}

#[test]
fn s3_2_fields_of_a_304_are_added_and_replace_those_present() {
    let stored = "ETag: \"x\"\nCache-Control: max-age=1\nX-A: 1\nX-A: 2\nX-B: 1\nAge: 100\nCache-Status: far; hit";
    let response = format!("Cache-Control: max-age=60\nX-A: 3\nX-A: 4\nX-C: 1\nDate: {DATE}");
    let expected = format!(
        "ETag: \"x\"\nCache-Control: max-age=60\nX-A: 3\nX-A: 4\nX-B: 1\nX-C: 1\nDate: {DATE}"
    );
    assert_eq!(answer(stored, 304, &response), Validated::Freshened(fields(&expected)));
    let with_age = format!("{response}\nAge: 5");
    let Validated::Freshened(fields) = answer(stored, 304, &with_age) else { panic!("a 304") };
    assert_eq!(fields[header::AGE], "5");
}

#[test]
fn s3_2_some_fields_are_never_updated() {
    let stored = "ETag: \"x\"\nContent-Length: 10\nContent-Encoding: gzip\nContent-Type: a/b";
    for response in [
        "Content-Length: 0",
        "Content-Encoding: br",
        "Content-Range: bytes 0-1/2",
        "Transfer-Encoding: chunked",
        "Set-Cookie: a=b",
        "Content-MD5: x\nDigest: sha-256=x\nContent-Digest: sha-256=:x:\nRepr-Digest: sha-256=:x:",
        "Connection: X-Foo, Keep-Alive\nX-Foo: 1\nKeep-Alive: timeout=5",
        "Proxy-Authenticate: Basic",
        "X-Request-Id: 1\nRateLimit-Remaining: 2",
    ] {
        assert_eq!(
            answer(stored, 304, response),
            Validated::Freshened(fields(stored)),
            "{response}"
        );
    }
}

#[test]
fn s3_1_a_field_that_the_stored_private_keeps_out_does_not_come_in_with_a_304() {
    let stored = "ETag: \"x\"\nCache-Control: private=\"x-user\", max-age=60";
    assert_eq!(answer(stored, 304, "X-User: me"), Validated::Freshened(fields(stored)));
}

#[test]
fn rfc_9110_s15_4_5_a_304_speaks_of_a_200_and_of_nothing_else() {
    for (status, expected) in [
        (200, true),
        (203, true),
        (206, true),
        (204, false),
        (301, false),
        (404, false),
        (503, false),
    ] {
        assert_eq!(can_be_validated(StatusCode::from_u16(status).unwrap()), expected, "{status}");
    }
}

#[test]
fn s4_3_5_a_head_response_updates_or_outdates_what_is_stored_for_get() {
    let stored = format!("ETag: \"x\"\nLast-Modified: {DATE}\nX-A: 1");
    let updated = Compared::Updated(fields(&stored.replace("X-A: 1", "X-A: 2")));
    for (head, expected) in [
        ("ETag: \"x\"", &updated),
        (&format!("Last-Modified: {DATE}"), &updated),
        ("ETag: \"x\"\nContent-Length: 10", &updated),
        ("ETag: \"y\"", &Compared::Outdated),
        ("ETag: W/\"x\"", &Compared::Outdated),
        (&format!("Last-Modified: {LATER}"), &Compared::Outdated),
        (&format!("ETag: \"x\"\nLast-Modified: {LATER}"), &Compared::Outdated),
        ("Content-Length: 11", &Compared::Outdated),
        ("Content-Length: x", &Compared::Outdated),
        ("ETag: \"x\"\nContent-Length: 11", &Compared::Outdated),
        ("", &Compared::Unknown),
        ("Content-Length: 10", &Compared::Unknown),
        ("ETag: \"y\"\nContent-Encoding: gzip", &Compared::Unknown),
    ] {
        let compared =
            compared_with_head(&fields(&stored), 10, &fields(&format!("{head}\nX-A: 2")));
        assert_eq!(compared, *expected, "{head}");
    }
}

#[test]
fn s4_3_5_a_validator_that_the_stored_response_lacks_outdates_it() {
    let stored = format!("Last-Modified: {DATE}");
    let head = fields(&format!("ETag: \"x\"\nLast-Modified: {DATE}"));
    assert_eq!(compared_with_head(&fields(&stored), 10, &head), Compared::Outdated);
}
