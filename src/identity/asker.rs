//! Who asks, worked out at most once per request and only as far as it is asked for.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use http::header::HeaderMap;

use super::cookies::{Valued, valued};
use super::forwarded::Client;
use super::jwt::{BadToken, Claim, Claims, Token, Verifier};
use super::source::Source;
use crate::clock::Timestamp;
use crate::semantics::fields::{NotSingle, single};

/// Whoever asks.
#[derive(Debug)]
pub struct Asker<'r> {
    fields: &'r HeaderMap,
    client: Client,
    verifier: Option<&'r Verifier>,
    now: Timestamp,
    token: OnceCell<Token>,
}

/// What is found where a name should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// Nothing.
    Absent,
    /// Something that names nobody.
    Refused(BadName),
    /// A name.
    Known(Cow<'a, [u8]>),
}

/// Why what is found names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// It stands there more than once.
    Repeated,
    /// It is empty.
    Empty,
    /// It is not text.
    NotText,
    /// The token is not believed.
    Token(BadToken),
}

impl BadName {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repeated => "identity-repeated",
            Self::Empty => "identity-empty",
            Self::NotText => "identity-not-text",
            Self::Token(bad) => bad.as_str(),
        }
    }
}

impl<'r> Asker<'r> {
    /// Whoever makes the request with these fields for `client`. A field in which proxies say who asks has been taken out
    /// of them unless a trusted one sent it (`forwarded::strip_claims`).
    pub const fn new(
        fields: &'r HeaderMap,
        client: Client,
        verifier: Option<&'r Verifier>,
        now: Timestamp,
    ) -> Self {
        Self { fields, client, verifier, now, token: OnceCell::new() }
    }

    /// The client's address, behind the proxies that are trusted.
    pub const fn address(&self) -> IpAddr {
        self.client.address
    }

    /// What is found in one place.
    pub fn name(&self, source: &Source) -> Named<'_> {
        match source {
            Source::TrustedHeader(_) if !self.client.by_proxy => Named::Absent,
            Source::Header(name) | Source::TrustedHeader(name) => match single(self.fields, name) {
                Ok(Some(value)) => known(value.trim_ascii().as_bytes()),
                Ok(None) => Named::Absent,
                Err(NotSingle::Repeated) => Named::Refused(BadName::Repeated),
                Err(NotSingle::NotText) => Named::Refused(BadName::NotText),
            },
            Source::Cookie(name) => match valued(self.fields, name) {
                Valued::Once(value) => known(value),
                Valued::Absent => Named::Absent,
                Valued::Repeated => Named::Refused(BadName::Repeated),
            },
            Source::Claim(name) => match self.token() {
                Token::Absent => Named::Absent,
                Token::Refused(bad) => Named::Refused(BadName::Token(*bad)),
                Token::Verified(claims) => match claims.get(name) {
                    Some(Claim::Text(text)) => known(text.as_bytes()),
                    Some(Claim::Other) => Named::Refused(BadName::NotText),
                    None => Named::Absent,
                },
            },
        }
    }

    /// The claims of the request's token, if it is believed.
    pub fn claims(&self) -> Option<&Claims> {
        match self.token() {
            Token::Verified(claims) => Some(claims),
            Token::Absent | Token::Refused(_) => None,
        }
    }

    fn token(&self) -> &Token {
        self.token.get_or_init(|| {
            self.verifier.map_or(Token::Absent, |verifier| verifier.verify(self.fields, self.now))
        })
    }
}

const fn known(name: &[u8]) -> Named<'_> {
    if name.is_empty() { Named::Refused(BadName::Empty) } else { Named::Known(Cow::Borrowed(name)) }
}

#[cfg(test)]
mod tests;
