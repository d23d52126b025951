//! What a client expects before it sends its content (RFC 9110 §10.1.1).

use http::header::{EXPECT, HeaderMap};
use http::{StatusCode, Version};

use super::fields;

/// The request expects something nobody here can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectationFailed;

impl ExpectationFailed {
    /// The status code to answer with.
    pub fn status(self) -> StatusCode {
        StatusCode::EXPECTATION_FAILED
    }

    /// One word for logs and error documents.
    pub fn reason(self) -> &'static str {
        "expectation-unknown"
    }
}

/// Whether the client waits for `100 (Continue)` before it sends its content.
pub fn expectation(version: Version, fields: &HeaderMap) -> Result<bool, ExpectationFailed> {
    // "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation."
    if version < Version::HTTP_11 {
        return Ok(false);
    }
    // "A server that receives an Expect field value containing a member other than 100-continue MAY respond with a
    // 417 (Expectation Failed) status code to indicate that the unexpected expectation cannot be met."
    let mut waits = false;
    for line in fields.get_all(EXPECT) {
        for member in fields::members(line.to_str().map_err(|_| ExpectationFailed)?) {
            // "The Expect field value is case-insensitive."
            if !member.eq_ignore_ascii_case("100-continue") {
                return Err(ExpectationFailed);
            }
            waits = true;
        }
    }
    Ok(waits)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a39_anything_but_100_continue_fails() {
        let failed = Err(ExpectationFailed);
        for (lines, expected) in [
            (&[][..], Ok(false)),
            (&[""], Ok(false)),
            (&["100-continue"], Ok(true)),
            (&["100-Continue"], Ok(true)),
            (&["100-continue, 100-continue"], Ok(true)),
            (&["foo"], failed),
            (&["100-continue=1"], failed),
            (&["100-continue;a"], failed),
            (&["100-continue, foo"], failed),
            (&["100-continue", "foo"], failed),
            (&["200-ok"], failed),
            (&["\u{e9}"], failed),
        ] {
            let mut fields = HeaderMap::new();
            for line in lines {
                fields.append(EXPECT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            assert_eq!(expectation(Version::HTTP_11, &fields), expected, "{lines:?}");
            assert_eq!(expectation(Version::HTTP_10, &fields), Ok(false), "{lines:?}");
        }
        assert_eq!(ExpectationFailed.status(), 417);
    }
}
