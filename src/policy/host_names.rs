//! The names that we answer for.

use http::Method;

use super::hosts::Hosts;
use super::{HostPattern, PathPattern};

/// The hosts requests may be for.
#[derive(Debug, Default)]
pub struct HostNames(Option<Hosts>);

impl HostNames {
    /// Those that any of `patterns` matches; without a pattern, all there are.
    pub fn new(patterns: &[HostPattern]) -> Self {
        if patterns.is_empty() {
            return Self(None);
        }
        let (mut hosts, anything) = (Hosts::default(), PathPattern::everything());
        for pattern in patterns {
            // One that stands there twice is there.
            let _ = hosts.trie(Some(pattern)).insert(anything.segments(), &[], 0);
        }
        Self(Some(hosts))
    }

    /// Whether requests to this `authority` (host and, unless it is the scheme's default, port) are for us.
    pub fn contain(&self, authority: &str) -> bool {
        self.0.as_ref().is_none_or(|hosts| hosts.find(&Method::GET, authority, "/").is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_ours_if_a_pattern_matches_it() {
        let patterns =
            ["example.com", "*.example.com", "*.example.com", "other.test:8080", "[::1]"];
        let names = HostNames::new(&patterns.map(|pattern| pattern.parse().unwrap()));
        for (authority, ours) in [
            ("example.com", true),
            ("EXAMPLE.com", true),
            ("example.com.", true),
            ("example.com:8443", true),
            ("a.b.example.com", true),
            ("badexample.com", false),
            ("example.com.evil.test", false),
            ("other.test", false),
            ("other.test:8080", true),
            ("[::1]:80", true),
            ("127.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(names.contain(authority), ours, "{authority}");
        }
        assert!(HostNames::new(&[]).contain("anything.test"));
        assert!(HostNames::default().contain("anything.test"));
    }
}
