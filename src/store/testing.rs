//! Stored responses for tests.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};

use crate::caching::freshness::Exchange;
use crate::caching::key::Key;
use crate::caching::rules::Rules;
use crate::caching::stamp::Stamp;
use crate::caching::stored::{HeadParts, StoredHead, StoredResponse};
use crate::caching::terms::terms;
use crate::caching::vary::selecting_values;

/// What a test says of a response.
pub(super) struct Response<'a> {
    pub(super) tags: &'a [&'a str],
    pub(super) record: u64,
    pub(super) selecting: &'a [HeaderName],
    pub(super) request: HeaderMap,
    pub(super) body: &'static str,
}

impl Default for Response<'_> {
    fn default() -> Self {
        Self { tags: &[], record: 0, selecting: &[], request: HeaderMap::new(), body: "body" }
    }
}

pub(super) fn head(key: &Key, response: &Response<'_>) -> StoredHead {
    let fields = HeaderMap::new();
    StoredHead::new(&HeadParts {
        key,
        route: "news",
        tags: &response.tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>(),
        selecting: response.selecting,
        selecting_values: &selecting_values(response.selecting, &response.request),
        status: StatusCode::OK,
        fields: &fields,
        terms: terms(StatusCode::OK, &fields, &Rules::default(), Exchange::default()),
        stamp: Stamp { record: response.record, ..Stamp::default() },
    })
}

pub(super) fn stored(key: &Key, response: &Response<'_>) -> Arc<StoredResponse> {
    Arc::new(StoredResponse::new(
        &head(key, response),
        &[Bytes::from_static(response.body.as_bytes())],
        &[],
    ))
}
