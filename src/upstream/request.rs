//! The request as the upstream sees it.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, VIA};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::identity::Client;
use crate::semantics::connection::strip_hop_by_hop;

/// Our name in `Via` (RFC 9110 §7.6.3) and in `Cache-Status`.
pub const PSEUDONYM: &str = "forebay";

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Fields with which a client could tell an application that it is somebody, or somewhere, else. They are not in the key,
/// so what the application makes of them would reach other clients; those that begin with `x-forwarded-` go with them.
const CLAIMS: [&str; 15] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "proxy",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-http-host-override",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-url-scheme",
];

/// Who we are to those we forward to: a pseudonym that other Forebays share and an id that none does.
#[derive(Clone, Debug)]
pub struct Via {
    value: HeaderValue,
    id: String,
}

impl Via {
    /// The name of this process; `id` tells it from every other and is put into a comment.
    pub fn new(id: u64) -> Self {
        let id = format!("({id:016x})");
        let value = HeaderValue::try_from(format!("1.1 {PSEUDONYM} {id}"));
        Self { value: value.unwrap_or(HeaderValue::from_static("1.1 forebay")), id }
    }

    /// True when a request has come through this very process before: it would go round for ever.
    pub fn has_seen(&self, fields: &HeaderMap) -> bool {
        fields.get_all(VIA).iter().any(|line| contains(line.as_bytes(), self.id.as_bytes()))
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The fields to forward, made of those `asked` with: the client's own Host, whatever the configured one will be; no field
/// that belongs to its connection, and none that could be taken for ours or for another by what is behind us, except
/// `proxy_claims`, which only a proxy that is trusted may have sent.
pub fn outgoing_fields(
    asked: &HeaderMap,
    authority: &str,
    client: &Client,
    proxy_claims: &[HeaderName],
    via: &Via,
) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(asked.len() + 8);
    let host = HeaderValue::try_from(authority).unwrap_or(HeaderValue::from_static(""));
    fields.insert(HOST, host.clone());
    for (name, value) in asked {
        let is_ours = name == HOST || name == CONTENT_LENGTH || name == EXPECT;
        if !is_ours && (!is_claim(name) || proxy_claims.contains(name)) {
            fields.append(name, value.clone());
        }
    }
    strip_hop_by_hop(&mut fields);
    if let Ok(address) = HeaderValue::try_from(client.address.to_string()) {
        fields.insert(&X_FORWARDED_FOR, address);
    }
    fields.insert(&X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.as_str()));
    fields.insert(&X_FORWARDED_HOST, host);
    keep_or_make(&mut fields, &X_REQUEST_ID, || hex(&fastrand::u128(..).to_be_bytes()));
    keep_or_make(&mut fields, &TRACEPARENT, || {
        let (trace, parent) = (fastrand::u128(1..).to_be_bytes(), fastrand::u64(1..).to_be_bytes());
        ["00", &hex(&trace), &hex(&parent), "01"].join("-")
    });
    fields.append(VIA, via.value.clone());
    fields
}

/// CGI and its heirs read `a_b` and `a-b` as one name, so that the first could pass for a field we check.
fn is_claim(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-") || CLAIMS.contains(&name) || name.as_bytes().contains(&b'_')
}

/// The octets in lower-case hexadecimal.
fn hex(octets: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
}

fn keep_or_make(fields: &mut HeaderMap, name: &HeaderName, make: impl FnOnce() -> String) {
    if !fields.contains_key(name)
        && let Ok(made) = HeaderValue::try_from(make())
    {
        fields.insert(name, made);
    }
}
