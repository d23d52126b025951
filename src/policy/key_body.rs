//! Content that belongs to the key of its request.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::json_key::{NotCanonical, canonical};
use crate::caching::storability::Refusal;

/// How the content of a POST is part of its key. Only where it is, the answer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBody {
    /// What is compared.
    pub form: BodyForm,
    /// The longest content that is, in bytes.
    pub limit: u64,
}

/// What of two contents has to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// Every byte.
    Bytes,
    /// What they say as JSON.
    Json,
}

impl KeyBody {
    /// What stands in the key for the content of a request with these fields.
    ///
    /// # Errors
    ///
    /// Why nothing does, so that the answer is not stored.
    pub fn keyed<'c>(
        &self,
        fields: &HeaderMap,
        content: &'c [u8],
    ) -> Result<Cow<'c, [u8]>, Refusal> {
        match self.form {
            BodyForm::Bytes => Ok(Cow::Borrowed(content)),
            BodyForm::Json if fields.contains_key(CONTENT_ENCODING) => Err(Refusal::BodyCoded),
            BodyForm::Json => canonical(content).map(Cow::Owned).map_err(|why| match why {
                NotCanonical::Invalid => Refusal::BodyNotJson,
                NotCanonical::Ambiguous => Refusal::BodyAmbiguous,
                NotCanonical::TooDeep => Refusal::BodyTooDeep,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn content_is_keyed_as_the_route_says() {
        let plain = HeaderMap::new();
        let coded = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let by = |form| KeyBody { form, limit: 100 };
        let (bytes, json) = (by(BodyForm::Bytes), by(BodyForm::Json));
        for (rules, fields, content, keyed) in [
            (bytes, &plain, "{ }", Ok("{ }")),
            (bytes, &coded, "{ }", Ok("{ }")),
            (bytes, &plain, "", Ok("")),
            (json, &plain, "{ }", Ok("{}")),
            (json, &coded, "{ }", Err(Refusal::BodyCoded)),
            (json, &plain, "", Err(Refusal::BodyNotJson)),
            (json, &plain, "a=b", Err(Refusal::BodyNotJson)),
            (json, &plain, r#"{"a":1,"a":1}"#, Err(Refusal::BodyAmbiguous)),
            (json, &plain, &"[".repeat(100), Err(Refusal::BodyTooDeep)),
        ] {
            let found = rules.keyed(fields, content.as_bytes());
            assert_eq!(found.as_deref(), keyed.map(str::as_bytes).as_ref().copied(), "{content}");
        }
    }
}
