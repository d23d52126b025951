//! Which fields a request has, of those that anything here asks for.
//!
//! A request is asked for some thirty fields, and has few of them. One pass over those it has tells which questions can be
//! left out; a look-up for each would cost more than all that is then decided by them.

use std::ops::BitOr;

use http::HeaderMap;

/// Kinds of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u16);

impl Present {
    /// Those that concern a connection ([`strip_hop_by_hop`](super::connection::strip_hop_by_hop)).
    pub const HOP_BY_HOP: Self = Self(1);
    /// Those whose names have an underscore.
    pub const UNDERSCORED: Self = Self(1 << 1);
    /// Expect.
    pub const EXPECT: Self = Self(1 << 2);
    /// Via.
    pub const VIA: Self = Self(1 << 3);
    /// Content-Length.
    pub const CONTENT_LENGTH: Self = Self(1 << 4);
    /// Those by which frameworks let a request say that it is of another method than its request line says.
    pub const METHOD_OVERRIDE: Self = Self(1 << 5);
    /// Cache-Control and Pragma.
    pub const DIRECTIVES: Self = Self(1 << 6);
    /// The preconditions but If-Range.
    pub const CONDITIONS: Self = Self(1 << 7);
    /// Range.
    pub const RANGE: Self = Self(1 << 8);
    /// If-Range.
    pub const IF_RANGE: Self = Self(1 << 9);

    /// The kinds of these fields.
    pub fn among(fields: &HeaderMap) -> Self {
        fields.keys().fold(Self::default(), |kinds, name| kinds | Self::of(name.as_str()))
    }

    /// Whether any field is of one of these `kinds`.
    pub const fn any(self, kinds: Self) -> bool {
        self.0 & kinds.0 != 0
    }

    fn of(name: &str) -> Self {
        match name {
            "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-authentication-info" => Self::HOP_BY_HOP,
            "expect" => Self::EXPECT,
            "via" => Self::VIA,
            "content-length" => Self::CONTENT_LENGTH,
            "x-http-method-override" | "x-http-method" | "x-method-override" => {
                Self::METHOD_OVERRIDE
            }
            "cache-control" | "pragma" => Self::DIRECTIVES,
            "if-match" | "if-none-match" | "if-modified-since" | "if-unmodified-since" => {
                Self::CONDITIONS
            }
            "range" => Self::RANGE,
            "if-range" => Self::IF_RANGE,
            _ if name.contains('_') => Self::UNDERSCORED,
            _ => Self::default(),
        }
    }
}

impl BitOr for Present {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::super::connection::HOP_BY_HOP;
    use super::*;

    fn among(names: &[&'static str]) -> Present {
        let value = HeaderValue::from_static("x");
        Present::among(
            &names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect(),
        )
    }

    #[test]
    fn each_kind_is_found_alone_and_beside_others() {
        let kinds = [
            ("te", Present::HOP_BY_HOP),
            ("a_b", Present::UNDERSCORED),
            ("expect", Present::EXPECT),
            ("via", Present::VIA),
            ("content-length", Present::CONTENT_LENGTH),
            ("x-http-method", Present::METHOD_OVERRIDE),
            ("pragma", Present::DIRECTIVES),
            ("if-match", Present::CONDITIONS),
            ("range", Present::RANGE),
            ("if-range", Present::IF_RANGE),
        ];
        for (name, kind) in kinds {
            assert_eq!(among(&[name]), kind, "{name}");
            assert_eq!(among(&["host", name, "accept"]), kind, "{name}");
        }
        let all = among(&kinds.map(|(name, _)| name));
        assert!(kinds.iter().all(|(_, kind)| all.any(*kind)));
        assert_eq!(among(&["host", "accept", "x-range"]), Present::default());
    }

    #[test]
    fn whatever_concerns_a_connection_is_of_its_kind() {
        for name in &HOP_BY_HOP {
            assert_eq!(Present::of(name.as_str()), Present::HOP_BY_HOP, "{name}");
        }
    }
}
