//! A text that shows who knows it.

use std::fmt;
use std::hint;

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// A secret that is compared with what somebody gives for it. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Box<[u8]>);

impl SharedSecret {
    /// A secret; an empty one is known to nobody.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// Whether this is it, in a time that tells its length, never its content.
    pub fn is(&self, given: &[u8]) -> bool {
        let differing = given.iter().zip(&self.0).fold(0, |sum, (a, b)| sum | (a ^ b));
        !self.0.is_empty() && given.len() == self.0.len() && hint::black_box(differing) == 0
    }
}

/// The token that is given with a request, whoever's; an empty one where the credential is of another kind.
pub fn bearer(fields: &HeaderMap) -> Option<&[u8]> {
    let credential = fields.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = credential.split_at_checked("Bearer ".len()).unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case(b"Bearer ") { token } else { b"" })
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_text_is_the_secret() {
        let secret = SharedSecret::new("sesame");
        assert!(secret.is(b"sesame"));
        for wrong in ["", "sesam", "sesame2", "Sesame", "\0\0\0\0\0\0"] {
            assert!(!secret.is(wrong.as_bytes()), "{wrong}");
        }
        assert!(!SharedSecret::new("").is(b""));
        assert!(!format!("{secret:?}").contains("sesame"));
    }
}
