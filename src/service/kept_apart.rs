//! What is in the key beside scheme, host, path and query: all by which a route keeps answers apart.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::identity::Identity;
use crate::identity::cookies::all_values;
use crate::policy::Route;

/// Each part with its name before it: under other rules, the same value may be another's. Nothing is allocated for a route
/// without any.
pub(super) fn key_parts<'p>(
    route: &'p Route,
    fields: &'p HeaderMap,
    identity: &'p Identity,
) -> Vec<Option<Cow<'p, [u8]>>> {
    let borrowed = |bytes: &'p [u8]| Some(Cow::Borrowed(bytes));
    let mut parts = Vec::new();
    for name in &route.key_headers {
        parts.extend([borrowed(name.as_str().as_bytes()), all_lines(fields, name)]);
    }
    for name in &route.key_cookies {
        parts.extend([borrowed(b"cookie"), borrowed(name.as_bytes()), all_values(fields, name)]);
    }
    if let Some((source, digest)) = route.identity.as_ref().zip(identity.digest()) {
        let (kind, name) = (source.kind().as_bytes(), source.name().as_bytes());
        parts.extend([kind, name, digest.as_slice()].map(borrowed));
    }
    parts
}

/// A field's value with all its lines, whatever bytes they are: what goes forward is what is keyed.
fn all_lines<'f>(fields: &'f HeaderMap, name: &HeaderName) -> Option<Cow<'f, [u8]>> {
    let mut lines = fields.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = lines.next()?;
    let mut value = Cow::Borrowed(first);
    for line in lines {
        let value = value.to_mut();
        value.extend_from_slice(b", ");
        value.extend_from_slice(line);
    }
    Some(value)
}
