//! Answers to POST that answer later GETs as well (RFC 9110 §9.3.3).

use http::header::{self, HeaderMap};
use http::{Method, StatusCode};

use super::cache_control::response_directives;
use super::freshness::own_lifetime;
use super::reference;
use crate::semantics::fields;
use crate::semantics::preconditions::is_conditional;

/// The exchange that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The target URI's scheme.
    pub scheme: &'a str,
    /// Its authority, in lower case, without the scheme's own port.
    pub authority: &'a str,
    /// Its path and query.
    pub path_and_query: &'a str,
    /// The request's fields.
    pub request: &'a HeaderMap,
    /// The response's status.
    pub status: StatusCode,
    /// The response's fields.
    pub response: &'a HeaderMap,
}

/// Whether the response is what a GET for the target URI would bring. It is then to be judged like one.
pub fn answers_get(posted: &Posted<'_>) -> bool {
    let Posted { method, request, status, response, .. } = *posted;
    // A part, or what was asked for under a condition, says nothing to those who ask without.
    if method != Method::POST || request.contains_key(header::RANGE) || is_conditional(request) {
        return false;
    }
    // "Responses to POST requests are only cacheable when they include explicit freshness information (see Section 4.2.1
    // of [CACHING])": the response's own, not the operator's.
    let directives = response_directives(response);
    let is_fresh = own_lifetime(response, &directives).is_some_and(|own| !own.duration.is_zero());
    // "and a Content-Location header field that has the same value as the POST's target URI (Section 8.7)." A 201 or a
    // 202 speaks of what was done. What has a coding has the one that this client takes.
    is_fresh
        && status == StatusCode::OK
        && !response.contains_key(header::CONTENT_ENCODING)
        && names_the_target(posted)
}

/// "Content-Location … refers (after conversion to absolute form) to a URI that is the same as the target URI".
fn names_the_target(posted: &Posted<'_>) -> bool {
    let Posted { scheme, authority, path_and_query, response, .. } = *posted;
    let named = fields::single(response, &header::CONTENT_LOCATION).ok().flatten();
    let resolve = |named| reference::resolve(scheme, authority, path_and_query, named);
    named.and_then(resolve).is_some_and(|named| named == path_and_query)
}

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    fn answers(method: Method, request: &str, status: u16, response: &str) -> bool {
        answers_get(&Posted {
            method: &method,
            scheme: "http",
            authority: "h.example",
            path_and_query: "/a?b",
            request: &fields(request),
            status: StatusCode::from_u16(status).unwrap(),
            response: &fields(response),
        })
    }

    const FRESH: &str = "Cache-Control: max-age=60\nContent-Location: /a?b";

    #[test]
    fn rfc_9110_s9_3_3_only_with_a_content_location_that_is_the_target() {
        for (location, expected) in [
            ("/a?b", true),
            ("http://h.example/a?b", true),
            ("http://H.EXAMPLE:80/a?b", true),
            ("?b", true),
            ("", true),
            ("/a", false),
            ("/a?c", false),
            ("https://h.example/a?b", false),
            ("http://other.example/a?b", false),
            ("/a?b\nContent-Location: /a?b", false),
        ] {
            let response = format!("Cache-Control: max-age=60\nContent-Location: {location}");
            assert_eq!(answers(Method::POST, "", 200, &response), expected, "{location}");
        }
        assert!(!answers(Method::POST, "", 200, "Cache-Control: max-age=60"));
    }

    #[test]
    fn rfc_9110_s9_3_3_only_with_explicit_freshness() {
        let date = "Date: Tue, 15 Nov 1994 08:00:00 GMT";
        for (freshness, expected) in [
            ("Cache-Control: s-maxage=60", true),
            ("CDN-Cache-Control: max-age=60", true),
            (&format!("{date}\nExpires: Tue, 15 Nov 1994 08:01:00 GMT"), true),
            (&format!("{date}\nExpires: 0"), false),
            ("Cache-Control: max-age=0", false),
            ("Cache-Control: public", false),
            (&format!("{date}\nLast-Modified: Mon, 15 Nov 1993 08:00:00 GMT"), false),
        ] {
            let response = format!("Content-Location: /a?b\n{freshness}");
            assert_eq!(answers(Method::POST, "", 200, &response), expected, "{freshness}");
        }
    }

    #[test]
    fn what_was_asked_for_otherwise_is_not_what_a_get_would_bring() {
        for (method, request, status, response, expected) in [
            (Method::POST, "Content-Type: a/b", 200, "", true),
            (Method::PUT, "", 200, "", false),
            ("QUERY".parse().unwrap(), "", 200, "", false),
            (Method::POST, "Range: bytes=0-1", 200, "", false),
            (Method::POST, "If-Match: \"x\"", 200, "", false),
            (Method::POST, "", 201, "", false),
            (Method::POST, "", 404, "", false),
            (Method::POST, "", 200, "Content-Encoding: gzip", false),
        ] {
            let response = format!("{FRESH}\n{response}");
            assert_eq!(
                answers(method, request, status, &response),
                expected,
                "{request}{response}"
            );
        }
    }
}
