//! What a token says.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::BadToken;
use crate::clock::Timestamp;

/// The claims of a verified token.
#[derive(Clone, Debug)]
pub struct Claims(Arc<Content>);

#[derive(Debug)]
struct Content {
    expires: Timestamp,
    not_before: Option<Timestamp>,
    claims: Vec<(Box<str>, Claim)>,
}

/// The value of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A text, or a whole number as it was written.
    Text(Box<str>),
    /// Something that is no name of anybody.
    Other,
}

impl Claims {
    /// The value of a claim, by its exact name.
    pub fn get(&self, name: &str) -> Option<&Claim> {
        self.0.claims.iter().find(|(claimed, _)| &**claimed == name).map(|(_, claim)| claim)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.claims.len()
    }

    /// From when on the token is not valid any more.
    pub fn expires(&self) -> Timestamp {
        self.0.expires
    }

    /// Until when it is not valid yet.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.0.not_before
    }
}

/// The claims as they were sent.
///
/// RFC 7519 §4: "The Claim Names within a JWT Claims Set MUST be unique; JWT parsers MUST either reject JWTs with duplicate
/// Claim Names or use a JSON parser that returns only the lexically last duplicate member name". Rejected: the application
/// may read the first.
pub(super) struct Payload(Vec<(String, Value)>);

impl Payload {
    pub(super) fn issuer(&self) -> Option<&str> {
        self.get("iss").and_then(Value::as_str)
    }

    /// RFC 7519 §4.1.3: "In the general case, the "aud" value is an array of case-sensitive strings …. In the special
    /// case when the JWT has one audience, the "aud" value MAY be a single case-sensitive string".
    pub(super) fn audiences(&self) -> impl Iterator<Item = &str> {
        let audience = self.get("aud");
        let several = audience.and_then(Value::as_array).into_iter().flatten();
        several.chain(audience).filter_map(Value::as_str)
    }

    pub(super) fn into_claims(self) -> Result<Claims, BadToken> {
        let time = |name| self.get(name).map(|date| numeric_date(date).ok_or(BadToken::Malformed));
        let expires = time("exp").ok_or(BadToken::NoExpiry)??;
        let not_before = time("nbf").transpose()?;
        let claims = self.0.into_iter().map(|(name, value)| (name.into(), claim(value))).collect();
        Ok(Claims(Arc::new(Content { expires, not_before, claims })))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(claimed, _)| claimed == name).map(|(_, value)| value)
    }
}

fn claim(value: Value) -> Claim {
    match value {
        Value::String(text) => Claim::Text(text.into()),
        Value::Number(number) if number.is_u64() || number.is_i64() => {
            Claim::Text(number.to_string().into())
        }
        _ => Claim::Other,
    }
}

/// RFC 7519 §2: "A JSON numeric value representing the number of seconds from 1970-01-01T00:00:00Z UTC until the specified
/// UTC date/time, ignoring leap seconds. … non-integer values can be represented."
fn numeric_date(value: &Value) -> Option<Timestamp> {
    let fraction = || {
        let millis = value.as_f64()? * 1000.0;
        (millis >= 0.0).then_some(Timestamp::from_millis(millis as u64))
    };
    value.as_u64().map(Timestamp::from_secs).or_else(fraction)
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = Payload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Payload, M::Error> {
                let mut claims: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if claims.len() == MOST || claims.iter().any(|(earlier, _)| *earlier == name) {
                        return Err(de::Error::custom("claims"));
                    }
                    claims.push((name, value));
                }
                Ok(Payload(claims))
            }
        }

        deserializer.deserialize_map(Unique)
    }
}

/// More claims than any token has; to compare each with all others stays cheap.
const MOST: usize = 256;
