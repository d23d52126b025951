//! Which stored responses a write makes untrue (RFC 9111 §4.4).

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode};

use super::reference;
use crate::semantics::method::is_safe;

/// Whether a response to the method with this status invalidates what is stored for the target URI.
pub fn invalidates(method: &Method, status: StatusCode) -> bool {
    // "A cache MUST invalidate the target URI (Section 7.1 of [HTTP]) when it receives a non-error status code in
    // response to an unsafe request method (including methods whose safety is unknown)." "A "non-error response" is one
    // with a 2xx (Successful) or 3xx (Redirection) status code."
    !is_safe(method) && (status.is_success() || status.is_redirection())
}

/// The other paths and queries on the same origin that such a response names.
///
/// `scheme`, `authority` (in lower case, without the scheme's own port) and `path_and_query` are those of the target.
pub fn targets(
    scheme: &str,
    authority: &str,
    path_and_query: &str,
    response: &HeaderMap,
) -> Vec<String> {
    // "A cache MAY invalidate other URIs when it receives a non-error status code in response to an unsafe request
    // method (including methods whose safety is unknown). In particular, the URI(s) in the Location and
    // Content-Location response header fields (if present) are candidates for invalidation".
    let mut targets: Vec<String> = Vec::new();
    for reference in NAMING.iter().filter_map(|name| response.get(name)?.to_str().ok()) {
        // "However, a cache MUST NOT trigger an invalidation under these conditions if the origin (Section 4.3.1 of
        // [HTTP]) of the URI to be invalidated differs from that of the target URI (Section 7.1 of [HTTP]). This helps
        // prevent denial-of-service attacks."
        if let Some(target) = reference::resolve(scheme, authority, path_and_query, reference)
            && !targets.contains(&target)
        {
            targets.push(target);
        }
    }
    targets
}

static NAMING: [HeaderName; 2] = [header::LOCATION, header::CONTENT_LOCATION];

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    #[test]
    fn s4_4_a_non_error_response_to_an_unsafe_method_invalidates() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "PURGE", "MKCOL", "get"] {
            let method: Method = method.parse().unwrap();
            for (status, expected) in [
                (200, true),
                (201, true),
                (204, true),
                (303, true),
                (304, true),
                (400, false),
                (412, false),
                (500, false),
            ] {
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(invalidates(&method, status), expected, "{method} {status}");
            }
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert!(!invalidates(&method, StatusCode::OK), "{method}");
        }
    }

    #[test]
    fn s4_4_location_and_content_location_of_the_same_origin_only() {
        for (response, expected) in [
            ("", vec![]),
            ("Location: /a/2\nContent-Location: /a/3?x", vec!["/a/2", "/a/3?x"]),
            ("Location: /a/2\nContent-Location: http://h.example/a/2", vec!["/a/2"]),
            ("Location: http://other.example/a", vec![]),
            ("Location: https://h.example/a", vec![]),
            ("Location: //other.example/a\nContent-Location: 2", vec!["/a/2"]),
            ("Location: /\\xff", vec![]),
        ] {
            let targets = targets("http", "h.example", "/a/1?q", &fields(response));
            assert_eq!(targets, expected, "{response}");
        }
    }
}
