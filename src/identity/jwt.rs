//! The bearer token of a request, verified (RFC 7519, RFC 6750). The one user of `jsonwebtoken`.
//!
//! That crate checks algorithm and signature. Everything that depends on the time is checked here, by a time that is
//! given, on every use.

mod claims;
mod seen;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, TokenData, Validation, decode};

use crate::clock::Timestamp;
use crate::semantics::fields;

use super::digest;
use claims::Payload;
use seen::Seen;

pub use claims::{Claim, Claims};
pub use jsonwebtoken::Algorithm;

/// Verifies tokens: `[jwt]` made ready.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
    expected: Expected,
    seen: Seen,
}

/// What a token must be to be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The algorithms one of which it must be signed by.
    pub algorithms: Vec<Algorithm>,
    /// Who may have issued it; empty: anybody who has the key.
    pub issuers: Vec<String>,
    /// Whom it may be meant for; empty: anybody.
    pub audiences: Vec<String>,
    /// How far clocks may be apart.
    pub leeway: Duration,
}

/// What tokens are verified with.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A public key, as PEM has it.
    Public(String),
    /// A secret that is shared with whoever issues the tokens.
    Secret(Vec<u8>),
}

/// What became of a request's token.
#[derive(Clone, Debug)]
pub enum Token {
    /// There is none.
    Absent,
    /// There is one that is not to be believed.
    Refused(BadToken),
    /// It was issued by whoever has the key, for us, and is valid now.
    Verified(Claims),
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// There are several Authorization lines.
    Repeated,
    /// It is not a signed token, or it cannot be read.
    Malformed,
    /// It names an algorithm that is not on the list, `none` for instance.
    Algorithm,
    /// It was not signed with the key, or not so.
    Signature,
    /// It demands to be understood in a way that we do not know (RFC 7515 §4.1.11).
    Critical,
    /// It does not say when it expires.
    NoExpiry,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It was issued by somebody else.
    Issuer,
    /// It is meant for somebody else.
    Audience,
}

impl BadToken {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repeated => "token-repeated",
            Self::Malformed => "token-malformed",
            Self::Algorithm => "token-algorithm",
            Self::Signature => "token-signature",
            Self::Critical => "token-critical",
            Self::NoExpiry => "token-no-expiry",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::Issuer => "token-issuer",
            Self::Audience => "token-audience",
        }
    }
}

impl Verifier {
    /// Makes ready to verify.
    ///
    /// # Errors
    ///
    /// [`BadKey`] where no token could ever be verified with this key by all of these algorithms.
    pub fn new(key: &Key, expected: Expected) -> Result<Self, BadKey> {
        let (first, others) = expected.algorithms.split_first().ok_or(BadKey::NoAlgorithm)?;
        // A key is for one family of algorithms, whatever a token says: a public key is never taken for a secret.
        if others.iter().any(|other| other.family() != first.family()) {
            return Err(BadKey::Families);
        }
        let decoding = decoding_key(key, first.family())?;
        if first.family() == AlgorithmFamily::Ec {
            let length = decoding.try_get_as_bytes().map_or(0, <[u8]>::len);
            if expected.algorithms.iter().any(|algorithm| point_length(*algorithm) != length) {
                return Err(BadKey::Curve);
            }
        }
        let mut validation = Validation::new(*first);
        validation.algorithms.clone_from(&expected.algorithms);
        // All of these are checked below, by the time that is given.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self { key: decoding, validation, expected, seen: Seen::default() })
    }

    /// The claims of the bearer token among these fields, if it is to be believed at this time.
    pub fn verify(&self, fields: &HeaderMap, now: Timestamp) -> Token {
        let token = match bearer(fields) {
            Ok(Some(token)) => token,
            Ok(None) => return Token::Absent,
            Err(bad) => return Token::Refused(bad),
        };
        match self.claims(token).and_then(|claims| self.timely(&claims, now).map(|()| claims)) {
            Ok(claims) => Token::Verified(claims),
            Err(bad) => Token::Refused(bad),
        }
    }

    /// All that is always so of a token, however often it is asked: whoever has seen these very bytes verified with this very
    /// key need not compute it again. Nothing that depends on the time is remembered, and nothing outlives this verifier.
    fn claims(&self, token: &str) -> Result<Claims, BadToken> {
        let digest = digest::of(token.as_bytes());
        if let Some(claims) = self.seen.recall(&digest) {
            return Ok(claims);
        }
        let TokenData { header, claims } =
            decode::<Payload>(token, &self.key, &self.validation).map_err(|error| fault(&error))?;
        // RFC 7515 §4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the
        // recipient, then the JWS is invalid."
        if header.crit.is_some() {
            return Err(BadToken::Critical);
        }
        self.addressed(&claims)?;
        let claims = claims.into_claims()?;
        self.seen.remember(digest, token.len(), &claims);
        Ok(claims)
    }

    fn addressed(&self, payload: &Payload) -> Result<(), BadToken> {
        let Expected { issuers, audiences, .. } = &self.expected;
        // RFC 7519 §4.1.1: "The "iss" value is a case-sensitive string".
        let issued = |issuer| issuers.iter().any(|known| known == issuer);
        if !issuers.is_empty() && !payload.issuer().is_some_and(issued) {
            return Err(BadToken::Issuer);
        }
        // §4.1.3: "If the principal processing the claim does not identify itself with a value in the "aud" claim when
        // this claim is present, then the JWT MUST be rejected."
        let meant = |audience| audiences.iter().any(|known| known == audience);
        if !audiences.is_empty() && !payload.audiences().any(meant) {
            return Err(BadToken::Audience);
        }
        Ok(())
    }

    fn timely(&self, claims: &Claims, now: Timestamp) -> Result<(), BadToken> {
        let leeway = self.expected.leeway;
        // §4.1.4: "The "exp" (expiration time) claim identifies the expiration time on or after which the JWT MUST NOT
        // be accepted for processing. … Implementers MAY provide for some small leeway".
        if now >= claims.expires() + leeway {
            return Err(BadToken::Expired);
        }
        // §4.1.5: "The "nbf" (not before) claim identifies the time before which the JWT MUST NOT be accepted for
        // processing."
        if claims.not_before().is_some_and(|begin| now + leeway < begin) {
            return Err(BadToken::NotYetValid);
        }
        Ok(())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public(_) => "Public(..)",
            Self::Secret(_) => "Secret(..)",
        })
    }
}

/// The token of the one Authorization line. RFC 6750 §2.1: `credentials = "Bearer" 1*SP b64token`; a credential of another
/// kind is no token.
fn bearer(fields: &HeaderMap) -> Result<Option<&str>, BadToken> {
    let credential = match fields::single(fields, &AUTHORIZATION) {
        Ok(Some(credential)) => credential,
        Ok(None) => return Ok(None),
        Err(fields::NotSingle::Repeated) => return Err(BadToken::Repeated),
        Err(fields::NotSingle::NotText) => return Err(BadToken::Malformed),
    };
    let (scheme, token) = credential.split_once(' ').unwrap_or((credential, ""));
    Ok(scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_ascii()))
}

fn fault(error: &jsonwebtoken::errors::Error) -> BadToken {
    match error.kind() {
        ErrorKind::InvalidSignature => BadToken::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => BadToken::Algorithm,
        _ => BadToken::Malformed,
    }
}

fn decoding_key(key: &Key, family: AlgorithmFamily) -> Result<DecodingKey, BadKey> {
    let pem = match (key, family) {
        (Key::Secret(secret), AlgorithmFamily::Hmac) if secret.is_empty() => {
            return Err(BadKey::Empty);
        }
        (Key::Secret(secret), AlgorithmFamily::Hmac) => {
            return Ok(DecodingKey::from_secret(secret));
        }
        (Key::Secret(_), _) => return Err(BadKey::NeedsPublicKey),
        (Key::Public(_), AlgorithmFamily::Hmac) => return Err(BadKey::NeedsSecret),
        (Key::Public(pem), _) => pem,
    };
    // Whoever can read a private key can issue tokens: it has no business here.
    if pem.contains("PRIVATE KEY-----") {
        return Err(BadKey::Private);
    }
    if !pem.contains("PUBLIC KEY-----") {
        return Err(BadKey::NotPem);
    }
    let key = match family {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem.as_bytes()),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem.as_bytes()),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem.as_bytes()),
        AlgorithmFamily::Hmac => return Err(BadKey::NeedsSecret),
    };
    key.map_err(|_| BadKey::OtherFamily)
}

/// The length of a public key on the algorithm's curve, in bytes: both coordinates and how they are written.
const fn point_length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::ES384 => 97,
        _ => 65,
    }
}

/// Why nothing could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// No algorithm is allowed.
    NoAlgorithm,
    /// The algorithms allowed need keys of different kinds.
    Families,
    /// The algorithms need a public key, and there is a secret.
    NeedsPublicKey,
    /// The algorithms need a secret, and there is a public key.
    NeedsSecret,
    /// The secret is empty.
    Empty,
    /// It is a private key.
    Private,
    /// It is no public key in PEM.
    NotPem,
    /// It is a key for other algorithms.
    OtherFamily,
    /// It is a key on another curve.
    Curve,
}

impl BadKey {
    /// Whether the fault is in the algorithms rather than in the key.
    pub const fn is_of_algorithms(self) -> bool {
        matches!(self, Self::NoAlgorithm | Self::Families)
    }
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAlgorithm => "expected a list of algorithms, one at least",
            Self::Families => "these algorithms need keys of different kinds, and there is one key",
            Self::NeedsPublicKey => {
                "these algorithms verify with a public key; expected key_file, or HS256 in algorithms"
            }
            Self::NeedsSecret => {
                "HS256, HS384 and HS512 verify with a secret; expected secret or secret_file"
            }
            Self::Empty => "expected a secret that is not empty",
            Self::Private => "this is a private key; tokens are verified with the public one",
            Self::NotPem => "expected a public key in PEM, which begins \"-----BEGIN PUBLIC KEY-----\"",
            Self::OtherFamily => "not a key for these algorithms",
            Self::Curve => "a key on another curve than these algorithms': ES256 is P-256, ES384 P-384",
        })
    }
}

impl Error for BadKey {}

#[cfg(test)]
mod tests;
