//! The host and port a request is for (RFC 9110 §7.2, RFC 3986 §3.2).

use std::fmt::Write;
use std::net::Ipv6Addr;

/// The longest host name there is in the DNS, with its last dot.
const LONGEST_HOST: usize = 254;

/// The authority in the one spelling that matching and keys use: host in lower case, the port only where it is not the
/// scheme's own. `None` where it is not `host [":" port]`.
///
/// The grammar of RFC 3986 also has user information, percent-encoding, `sub-delims` and future kinds of literals in
/// it. Nobody serves a host of such a name, and recipients disagree on what it means, so they are refused.
pub fn normal(scheme: &str, value: &str) -> Option<String> {
    let (mut normal, port) = if let Some(rest) = value.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
    } else {
        let end = value.bytes().position(|octet| octet == b':').unwrap_or(value.len());
        let (host, port) = value.split_at(end);
        if !is_host(host) {
            return None;
        }
        let mut normal = String::with_capacity(value.len());
        normal.push_str(host);
        normal.make_ascii_lowercase();
        (normal, port)
    };
    // "If the port is equal to the default port for a scheme, the normal form is to omit the port subcomponent."
    // (RFC 9110 §4.2.3)
    match port_number(port)? {
        Some(port) if Some(port) != default_port(scheme) => {
            write!(normal, ":{port}").ok()?;
        }
        _ => {}
    }
    Some(normal)
}

/// The port that the scheme's name stands for.
pub fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The number in `":" *DIGIT`, or in nothing; the outer `None` where it is neither.
fn port_number(port: &str) -> Option<Option<u16>> {
    match port.strip_prefix(':') {
        None if port.is_empty() => Some(None),
        None => None,
        Some("") => Some(None),
        Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
            digits.parse().ok().map(Some)
        }
        Some(_) => None,
    }
}

/// Whether the text is a host name or an IPv4 address: labels of unreserved characters, none of them empty except after
/// a last dot.
fn is_host(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host).as_bytes();
    host.len() <= LONGEST_HOST
        && labels.split(|octet| *octet == b'.').all(|label| {
            !label.is_empty()
                && label.iter().all(|octet| {
                    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'~')
                })
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s4_2_3_one_spelling_for_one_authority() {
        for (scheme, value, expected) in [
            ("http", "example.com", "example.com"),
            ("http", "EXAMPLE.com", "example.com"),
            ("http", "example.com:80", "example.com"),
            ("http", "example.com:0080", "example.com"),
            ("http", "example.com:", "example.com"),
            ("http", "example.com:443", "example.com:443"),
            ("https", "example.com:443", "example.com"),
            ("https", "example.com:80", "example.com:80"),
            ("http", "example.com:65535", "example.com:65535"),
            ("http", "example.com.", "example.com."),
            ("http", "my_app-1", "my_app-1"),
            ("http", "127.0.0.1:8080", "127.0.0.1:8080"),
            ("http", "[::1]", "[::1]"),
            ("http", "[0:0:0:0:0:0:0:1]:80", "[::1]"),
            ("http", "[2001:DB8::1]:8080", "[2001:db8::1]:8080"),
        ] {
            assert_eq!(normal(scheme, value).as_deref(), Some(expected), "{scheme} {value}");
        }
    }

    #[test]
    fn a21_what_is_no_host_and_port_is_refused() {
        for value in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            ":80",
            "user@a",
            "user:pass@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a b",
            " a",
            "a\t",
            "a\0",
            "a%00",
            "%61",
            "a,b",
            "a;b",
            "é",
            "a:65536",
            "a:99999999999999999999",
            "a:-1",
            "a:+1",
            "a:x",
            "a:80:80",
            "a: 80",
            "::1",
            "[::1].",
            "[::1]a",
            "[::1",
            "::1]",
            "[]",
            "[::1%25eth0]",
            "[v1.x]",
            "[127.0.0.1]",
        ] {
            assert_eq!(normal("http", value), None, "{value:?}");
        }
        assert_eq!(normal("http", &"a".repeat(255)), None);
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(value in "\\PC{0,40}|[a-zA-Z0-9.:\\[\\]-]{0,40}") {
            if let Some(first) = normal("http", &value) {
                prop_assert_eq!(normal("http", &first), Some(first));
            }
        }
    }
}
