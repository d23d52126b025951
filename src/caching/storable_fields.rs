//! Which fields of a response are stored with it (RFC 9111 §3.1).

use http::header::{self, HeaderMap, HeaderName};

use super::cache_control::response_directives;
use super::rules::Rules;
use crate::semantics::connection::strip_hop_by_hop;

/// Fields that say something of the one exchange they came in, and would be untrue in any other.
static OF_ONE_EXCHANGE: [HeaderName; 7] = [
    header::SET_COOKIE,
    HeaderName::from_static("set-cookie2"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("server-timing"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("authentication-info"),
];

/// Families of such fields, by the beginnings of their names: how much one client has left of its limits.
const FAMILIES_OF_ONE_EXCHANGE: [&str; 2] = ["ratelimit", "x-ratelimit"];

/// The fields to store of a received response.
pub fn storable_fields(response: &HeaderMap) -> HeaderMap {
    // "Caches MUST include all received response header fields – including unrecognized ones – when storing a response;
    // this assures that new HTTP header fields can be successfully deployed. However, the following exceptions are
    // made:"
    let mut fields = response.clone();
    // "The Connection header field and fields whose names are listed in it are required by Section 7.6.1 of [HTTP] to
    // be removed before forwarding the message. This MAY be implemented by doing so before storage." "Likewise, some
    // fields' semantics require them to be removed before forwarding the message". "Header fields that are specific to
    // the proxy that a cache uses when forwarding a request MUST NOT be stored, unless the cache incorporates the
    // identity of the proxy into the cache key. Effectively, this is limited to Proxy-Authenticate …,
    // Proxy-Authentication-Info …, and Proxy-Authorization".
    strip_hop_by_hop(&mut fields);
    // "The no-cache (Section 5.2.2.4) and private (Section 5.2.2.7) cache directives can have arguments that prevent
    // storage of header fields by all caches and shared caches, respectively."
    let directives = response_directives(response);
    for name in directives.no_cache.iter().chain(&directives.private).flat_map(|names| names.iter())
    {
        fields.remove(name);
    }
    remove_those_of_one_exchange(&mut fields);
    fields
}

/// Makes the cookies that `received` sets, if any, those of `fields`, which are to be stored.
pub fn keep_cookies(fields: &mut HeaderMap, received: &HeaderMap) {
    for name in of_cookies() {
        if received.contains_key(name) {
            fields.remove(name);
        }
        for line in received.get_all(name) {
            fields.append(name, line.clone());
        }
    }
}

/// The fields of a received response that are not stored, but that who asked for it is to see.
pub fn fields_of_one_exchange(response: &HeaderMap, rules: &Rules) -> HeaderMap {
    let stored = storable_fields(response);
    let mut fields = response.clone();
    strip_hop_by_hop(&mut fields);
    if rules.strip_set_cookie {
        of_cookies().for_each(|name| drop(fields.remove(name)));
    }
    for name in stored.keys() {
        fields.remove(name);
    }
    fields
}

/// The fields that set cookies.
fn of_cookies() -> impl Iterator<Item = &'static HeaderName> {
    OF_ONE_EXCHANGE.iter().filter(|name| name.as_str().starts_with("set-cookie"))
}

fn remove_those_of_one_exchange(fields: &mut HeaderMap) {
    for name in &OF_ONE_EXCHANGE {
        fields.remove(name);
    }
    let is_family = |name: &HeaderName| {
        FAMILIES_OF_ONE_EXCHANGE.iter().any(|family| name.as_str().starts_with(family))
    };
    let names: Vec<HeaderName> = fields.keys().filter(|name| is_family(name)).cloned().collect();
    for name in names {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    #[test]
    fn s5_2_2_4_what_is_not_to_be_stored_is_for_who_asked() {
        for (response, own) in [
            ("Cache-Control: no-cache=\"x-a\"\nX-A: 1\nX-B: 2", "X-A: 1"),
            (
                "Cache-Control: private=\"x-a, x-b\"\nX-A: 1\nX-B: 2\nX-B: 3",
                "X-A: 1\nX-B: 2\nX-B: 3",
            ),
            (
                "Set-Cookie: a=b\nSet-Cookie: c=d\nX-Request-Id: 1",
                "Set-Cookie: a=b\nSet-Cookie: c=d\nX-Request-Id: 1",
            ),
            ("Connection: x-a\nX-A: 1\nKeep-Alive: timeout=5", ""),
            ("Content-Type: a/b", ""),
        ] {
            let of_one = fields_of_one_exchange(&fields(response), &Rules::default());
            assert_eq!(of_one, fields(own), "{response}");
        }
    }

    #[test]
    fn a_cookie_that_is_stripped_reaches_nobody() {
        let stripping = Rules { strip_set_cookie: true, ..Rules::default() };
        let response = fields("Set-Cookie: a=b\nSet-Cookie2: a=b\nX-Request-Id: 1");
        assert_eq!(fields_of_one_exchange(&response, &stripping), fields("X-Request-Id: 1"));
    }

    #[test]
    fn the_newest_cookies_are_the_ones_kept() {
        for (received, kept) in [
            ("", "X-A: 1\nSet-Cookie: a=b"),
            ("X-A: 2", "X-A: 1\nSet-Cookie: a=b"),
            ("Set-Cookie: c=d\nSet-Cookie: e=f", "X-A: 1\nSet-Cookie: c=d\nSet-Cookie: e=f"),
            ("Set-Cookie2: c=d", "X-A: 1\nSet-Cookie: a=b\nSet-Cookie2: c=d"),
        ] {
            let mut stored = fields("X-A: 1\nSet-Cookie: a=b");
            keep_cookies(&mut stored, &fields(received));
            assert_eq!(stored, fields(kept), "{received}");
        }
    }

    #[test]
    fn s3_1_all_received_fields_are_stored_with_these_exceptions() {
        let kept = "Content-Type: a/b\nX-Unknown: 1\nX-Unknown: 2\nVia: 1.1 a\nAge: 3\nETag: \"x\"";
        for (excepted, named_in) in [
            ("Connection: X-Foo\nX-Foo: 1", ""),
            ("Keep-Alive: timeout=5\nUpgrade: h2c\nTE: trailers\nTrailer: X-A", ""),
            ("Transfer-Encoding: chunked\nProxy-Connection: keep-alive", ""),
            ("Proxy-Authenticate: Basic\nProxy-Authentication-Info: a", ""),
            ("Proxy-Authorization: x", ""),
            ("X-A: 1\nX-B: 1", "Cache-Control: no-cache=\"x-a\", private=\"x-b, x-c\""),
            ("X-A: 1", "Cache-Control: private\nCDN-Cache-Control: private=\"x-a\""),
            ("Set-Cookie: a=b\nSet-Cookie: c=d\nX-Request-Id: 1\nServer-Timing: db", ""),
            ("traceparent: 00\ntracestate: x", ""),
            ("RateLimit: a\nRateLimit-Policy: b\nRateLimit-Remaining: 1", ""),
            ("X-RateLimit-Limit: 1\nX-RateLimit-Reset: 2", ""),
        ] {
            let kept = fields(&format!("{kept}\n{named_in}"));
            let mut received = kept.clone();
            received.extend(fields(excepted));
            assert_eq!(storable_fields(&received), kept, "{excepted}");
        }
    }
}
