//! What caches and browsers in front of us are told, where the route says more than the origin did.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA};

use super::fields::vary;
use crate::cache::Inquiry;
use crate::identity::Identity;
use crate::semantics::fields::list_members;

/// Adds to an answer of the origin's what the route says of it. `kept`: it is stored here, or is about to be.
pub(super) fn tell(fields: &mut HeaderMap, status: StatusCode, inquiry: &Inquiry, kept: bool) {
    let route = &inquiry.route;
    if !inquiry.is_read() || status.is_informational() {
        return;
    }
    if let Some(instead) = &route.client_cache_control
        && !is_refusal(status)
        && (kept || is_good(status) && !has(fields, &["no-store"]))
    {
        fields.insert(CACHE_CONTROL, instead.clone());
        fields.remove(EXPIRES);
        fields.remove(PRAGMA);
    }
    if route.identity.is_none() {
        return;
    }
    if !kept {
        vary(fields, false, route.varies_by());
    }
    // Without a name there is nothing of anybody's in it. With one that does not count here it may count at the origin.
    if !matches!(inquiry.identity, Identity::Unknown(None)) {
        make_private(fields);
    }
}

/// An answer for one identity, so that no cache in front of us gives it to another.
fn make_private(fields: &mut HeaderMap) {
    let targeted: Vec<HeaderName> =
        fields.keys().filter(|name| is_for_caches(name)).cloned().collect();
    for name in &targeted {
        fields.remove(name);
    }
    if has(fields, &["private", "no-store"]) {
        return;
    }
    let mut value = String::from("private");
    for member in
        list_members(fields, &CACHE_CONTROL).filter(|member| !is_for_shared_caches(member))
    {
        value.push_str(", ");
        value.push_str(member);
    }
    let value = HeaderValue::from_maybe_shared(Bytes::from(value));
    fields.insert(CACHE_CONTROL, value.unwrap_or(HeaderValue::from_static("private")));
}

/// Fields that tell certain caches something else than Cache-Control does, and that these heed before it (RFC 9213).
fn is_for_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("-cache-control") || name == "surrogate-control" || name == "x-accel-expires"
}

/// Directives that mean nothing, or the contrary, beside an unqualified `private`.
fn is_for_shared_caches(member: &str) -> bool {
    const OF_SHARED_CACHES: [&str; 4] = ["public", "s-maxage", "proxy-revalidate", "private"];
    let name = member.split('=').next().unwrap_or_default().trim_ascii();
    OF_SHARED_CACHES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether Cache-Control has one of these directives, unqualified.
fn has(fields: &HeaderMap, directives: &[&str]) -> bool {
    list_members(fields, &CACHE_CONTROL)
        .any(|member| directives.iter().any(|known| member.eq_ignore_ascii_case(known)))
}

/// Whether the answer says no to the request's own conditions: nobody should keep it.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE)
}

/// Whether the answer is what was asked for.
fn is_good(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_private(lines: &[(&'static str, &'static str)]) -> String {
        let mut fields: HeaderMap = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        make_private(&mut fields);
        let lines: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn what_is_one_identitys_is_private() {
        for (before, after) in [
            ("max-age=60", "private, max-age=60"),
            ("public, max-age=60, s-maxage=600", "private, max-age=60"),
            ("Public", "private"),
            ("no-cache", "private, no-cache"),
            ("private=\"set-cookie\", max-age=60", "private, max-age=60"),
            ("max-age=60, PRIVATE", "max-age=60, PRIVATE"),
            ("private", "private"),
            ("no-store", "no-store"),
        ] {
            let after = format!("cache-control: {after}");
            assert_eq!(made_private(&[("cache-control", before)]), after);
        }
        assert_eq!(made_private(&[]), "cache-control: private");
        let lines = [("cache-control", "max-age=60"), ("cache-control", "public")];
        assert_eq!(made_private(&lines), "cache-control: private, max-age=60");
    }

    #[test]
    fn no_cache_in_front_is_told_otherwise() {
        for name in [
            "cdn-cache-control",
            "forebay-cache-control",
            "cloudflare-cdn-cache-control",
            "surrogate-control",
            "x-accel-expires",
        ] {
            let lines = [("cache-control", "private"), (name, "max-age=60")];
            assert_eq!(made_private(&lines), "cache-control: private", "{name}");
        }
    }
}
