//! Whose an answer is, where a route keeps answers apart by who asks.

use std::fmt::Write;

use http::HeaderMap;

use super::asker::{Asker, BadName, Named};
use super::digest::{self, Digest};
use super::jwt::{Claim, Claims};
use super::source::Source;
use crate::semantics::fields::single;

/// Whose an answer is.
#[derive(Clone, Debug, Default)]
pub enum Identity {
    /// Nobody asked.
    #[default]
    Unasked,
    /// Nobody's who is known: there is no name, or one that does not count.
    Unknown(Option<BadName>),
    /// Theirs.
    Known {
        /// What stands for their name in the key.
        digest: Digest,
        /// The claims it was found in, if it was found there.
        claims: Option<Claims>,
    },
}

impl Identity {
    /// Whose the answer to `asker` is, by what is found at `source`.
    pub fn of(asker: &Asker<'_>, source: &Source) -> Self {
        match asker.name(source) {
            Named::Absent => Self::Unknown(None),
            Named::Refused(bad) => Self::Unknown(Some(bad)),
            Named::Known(name) => {
                let claims = || asker.claims().cloned();
                let claims = matches!(source, Source::Claim(_)).then(claims).flatten();
                Self::Known { digest: digest::of(&name), claims }
            }
        }
    }

    /// What stands for the name in the key.
    pub const fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Known { digest, .. } => Some(digest),
            Self::Unasked | Self::Unknown(_) => None,
        }
    }

    /// Whether it is known whose.
    pub const fn is_known(&self) -> bool {
        matches!(self, Self::Known { .. })
    }

    /// The name as it stands in tags and paths: a digest of a secret; else the name itself with everything percent-encoded
    /// that may separate it from what is beside it, so that it can be taken for nothing but itself. `fields` are those of the
    /// request, and `source` where it was found in them.
    pub fn text(&self, source: &Source, fields: &HeaderMap) -> Option<String> {
        let Self::Known { digest, claims } = self else { return None };
        match source {
            Source::Header(_) | Source::Cookie(_) => Some(digest::hex(digest)),
            Source::TrustedHeader(name) => {
                single(fields, name).ok()?.map(|name| encoded(name.trim_ascii()))
            }
            Source::Claim(name) => match claims.as_ref()?.get(name)? {
                Claim::Text(text) => Some(encoded(text)),
                Claim::Other => None,
            },
        }
    }
}

/// Colons, slashes, spaces, commas and the like, encoded.
fn encoded(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::{HeaderName, HeaderValue};

    use super::super::forwarded::Client;
    use super::super::peer::Scheme;
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_name_cannot_be_taken_for_more_than_one() {
        for (name, expected) in [
            ("alice", "alice"),
            ("alice@example.com", "alice@example.com"),
            ("1:orders", "1%3Aorders"),
            ("auth0|5f7c", "auth0%7C5f7c"),
            ("../admin", "..%2Fadmin"),
            ("a b,c\n", "a%20b%2Cc%0A"),
            ("a%20b", "a%2520b"),
            ("\u{e9}", "%C3%A9"),
            ("{host}", "%7Bhost%7D"),
        ] {
            assert_eq!(encoded(name), expected);
        }
        let all: HashSet<_> =
            (0..=127_u8).map(|byte| encoded(&char::from(byte).to_string())).collect();
        assert_eq!(all.len(), 128);
    }

    #[test]
    fn a_secret_is_never_told() {
        let hashed = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let line = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let fields: HeaderMap = [("x-key", "abc"), ("cookie", "s=abc"), ("x-user", "a:c")]
            .map(line)
            .into_iter()
            .collect();
        for (source, by_proxy, expected) in [
            ("header:x-key", false, Some(hashed)),
            ("cookie:s", false, Some(hashed)),
            ("trusted_header:x-user", true, Some("a%3Ac")),
            ("trusted_header:x-user", false, None),
            ("header:absent", false, None),
        ] {
            let client =
                Client { address: "192.0.2.1".parse().unwrap(), scheme: Scheme::Http, by_proxy };
            let asker = Asker::new(&fields, client, None, Timestamp::default());
            let source = source.parse().unwrap();
            let identity = Identity::of(&asker, &source);
            assert_eq!(identity.is_known(), expected.is_some(), "{source}");
            assert_eq!(identity.text(&source, &fields).as_deref(), expected, "{source}");
        }
    }
}
