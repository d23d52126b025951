//! Where the name of whoever asks is found.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};

use super::cookies::is_cookie_name;

/// Where the name of whoever asks is found: `header:NAME`, `cookie:NAME`, `jwt:CLAIM`, `trusted_header:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A field whose value is a secret that the client holds.
    Header(HeaderName),
    /// A cookie whose value is a secret that the client holds.
    Cookie(Box<str>),
    /// A claim of the bearer token, which is verified.
    Claim(Box<str>),
    /// A field in which a trusted proxy says who asks.
    TrustedHeader(HeaderName),
}

impl Source {
    /// The request field that it is read from.
    pub fn field(&self) -> &HeaderName {
        match self {
            Self::Header(name) | Self::TrustedHeader(name) => name,
            Self::Cookie(_) => &COOKIE,
            Self::Claim(_) => &AUTHORIZATION,
        }
    }

    /// What stands before the colon.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Cookie(_) => "cookie",
            Self::Claim(_) => "jwt",
            Self::TrustedHeader(_) => "trusted_header",
        }
    }

    /// What stands behind the colon.
    pub fn name(&self) -> &str {
        match self {
            Self::Header(name) | Self::TrustedHeader(name) => name.as_str(),
            Self::Cookie(name) | Self::Claim(name) => name,
        }
    }

    /// Whether what is found there is a secret, which is shown to nobody.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Cookie(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.name())
    }
}

impl FromStr for Source {
    type Err = BadSource;

    fn from_str(text: &str) -> Result<Self, BadSource> {
        let (kind, name) = text.split_once(':').ok_or(BadSource::Kind)?;
        let field = |never: &[&str]| {
            let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadSource::Name)?;
            let name = field.as_str();
            // What has an underscore in its name is taken out of every request.
            let is_never =
                NAMES_NOBODY.contains(&name) || never.contains(&name) || name.contains('_');
            if is_never { Err(BadSource::NamesNobody) } else { Ok(field) }
        };
        match kind {
            // What begins so is a proxy's word, and is taken out of what a client sends.
            "header" if name.to_ascii_lowercase().starts_with("x-forwarded-") => {
                Err(BadSource::NamesNobody)
            }
            "header" => field(&[]).map(Self::Header),
            "trusted_header" => field(&CLIENTS_OWN).map(Self::TrustedHeader),
            "cookie" if is_cookie_name(name) => Ok(Self::Cookie(name.into())),
            "jwt" if !name.is_empty() => Ok(Self::Claim(name.into())),
            "cookie" | "jwt" => Err(BadSource::Name),
            "query" => Err(BadSource::Query),
            _ => Err(BadSource::Kind),
        }
    }
}

/// Fields that say what is asked for, or how, or that concern one connection; and those that we make ourselves.
const NAMES_NOBODY: [&str; 26] = [
    "accept",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Fields that are the client's to send: taken from everybody but proxies, nobody could log in.
const CLIENTS_OWN: [&str; 2] = ["authorization", "cookie"];

/// A source that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSource {
    /// None of the four kinds.
    Kind,
    /// Not the name of a field, cookie or claim.
    Name,
    /// A field that cannot say who asks.
    NamesNobody,
    /// A parameter of the query: it would stand in logs, histories and referrers.
    Query,
}

impl fmt::Display for BadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => {
                "expected \"header:NAME\", \"cookie:NAME\", \"jwt:CLAIM\" or \"trusted_header:NAME\""
            }
            Self::Name => "expected a name behind the colon",
            Self::NamesNobody => "this field cannot say who asks",
            Self::Query => {
                "a secret in a query string ends up in logs and histories; \
                 expected \"header:NAME\", \"cookie:NAME\", \"jwt:CLAIM\" or \"trusted_header:NAME\""
            }
        })
    }
}

impl Error for BadSource {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_written_as_it_is_read() {
        for (text, field, secret) in [
            ("header:x-api-key", "x-api-key", true),
            ("header:authorization", "authorization", true),
            ("header:cookie", "cookie", true),
            ("cookie:session", "cookie", true),
            ("jwt:sub", "authorization", false),
            ("jwt:https://example.com/plan", "authorization", false),
            ("trusted_header:x-forwarded-user", "x-forwarded-user", false),
        ] {
            let source: Source = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
            assert_eq!((source.field().as_str(), source.is_secret()), (field, secret), "{text}");
        }
        assert_eq!("header:X-API-Key".parse::<Source>().unwrap().to_string(), "header:x-api-key");
    }

    #[test]
    fn what_cannot_say_who_asks_is_refused() {
        for (text, expected) in [
            ("", BadSource::Kind),
            ("sub", BadSource::Kind),
            ("ip", BadSource::Kind),
            ("Header:x", BadSource::Kind),
            ("header:", BadSource::Name),
            ("header:a b", BadSource::Name),
            ("cookie:", BadSource::Name),
            ("cookie:a=b", BadSource::Name),
            ("jwt:", BadSource::Name),
            ("query:api_key", BadSource::Query),
            ("header:host", BadSource::NamesNobody),
            ("header:x-forwarded-for", BadSource::NamesNobody),
            ("header:x_api_key", BadSource::NamesNobody),
            ("header:X-Forwarded-User", BadSource::NamesNobody),
            ("trusted_header:authorization", BadSource::NamesNobody),
            ("trusted_header:cookie", BadSource::NamesNobody),
        ] {
            assert_eq!(text.parse::<Source>(), Err(expected), "{text}");
        }
    }
}
