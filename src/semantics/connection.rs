//! What concerns one connection only, and goes no further (RFC 9110 §7.6.1, §7.8; RFC 9112 §9.3).

use http::Version;
use http::header::{
    CACHE_CONTROL, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::fields::{self, list_members};
use super::present::Present;

#[cfg(test)]
mod tests;

/// Fields that end here whether or not `Connection` names them.
pub(super) static HOP_BY_HOP: [HeaderName; 11] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-authentication-info"),
];

/// Takes out all fields that are meant for the next recipient alone.
///
/// Do this before anything is decided from the message: a field that `Connection` names was never sent, as far as the
/// key, the credentials, the selecting fields and storage are concerned.
pub fn strip_hop_by_hop(fields: &mut HeaderMap) {
    if !Present::among(fields).any(Present::HOP_BY_HOP) {
        return;
    }
    // "Intermediaries MUST parse a received Connection header field before a message is forwarded and, for each
    // connection-option in this field, remove any header or trailer field(s) from the message with the same name as
    // the connection-option, and then remove the Connection header field itself" (RFC 9110 §7.6.1)
    let named: Vec<HeaderName> = list_members(fields, &CONNECTION)
        .filter_map(|option| HeaderName::from_bytes(option.as_bytes()).ok())
        .filter(|name| !is_end_to_end(name))
        .collect();
    // "Furthermore, intermediaries SHOULD remove or replace fields that are known to require removal before
    // forwarding, whether or not they appear as a connection-option, after applying those fields' semantics."
    for name in named.iter().chain(&HOP_BY_HOP) {
        fields.remove(name);
    }
}

/// Whether the connection will not persist after the message (RFC 9112 §9.3).
pub fn wants_close(version: Version, fields: &HeaderMap) -> bool {
    // "If the "close" connection option is present, the connection will not persist after the current response; else"
    has_option(fields, "close")
        // "If the received protocol is HTTP/1.1 (or later), the connection will persist after the current response;
        // else, if the received protocol is HTTP/1.0, the "keep-alive" connection option is present, ..., the
        // connection will persist after the current response"
        || (version < Version::HTTP_11 && !has_option(fields, "keep-alive"))
}

/// The protocol the sender wants to change to (RFC 9110 §7.8); `None` where it asks for nothing we would carry.
pub fn upgrade(version: Version, fields: &HeaderMap) -> Option<&HeaderValue> {
    // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
    if version != Version::HTTP_11 {
        return None;
    }
    // "A sender of Upgrade MUST also send an "Upgrade" connection option in the Connection header field"
    if !has_option(fields, "upgrade") {
        return None;
    }
    let protocols = fields::single(fields, &UPGRADE).ok()??;
    let mut wanted = fields::members(protocols).peekable();
    wanted.peek()?;
    // In a tunnel of HTTP or TLS more requests would follow, and nobody would check them.
    if wanted.any(carries_requests) {
        return None;
    }
    fields.get(UPGRADE)
}

/// Whether the field is never a connection option, whatever `Connection` says.
///
/// "A sender MUST NOT send a connection option corresponding to a field that is intended for all recipients of the
/// content. For example, Cache-Control is never appropriate as a connection option" (RFC 9110 §7.6.1). To take it out
/// would turn `no-store` into silence; to take out `Host` would change whom the request is for.
fn is_end_to_end(name: &HeaderName) -> bool {
    *name == CACHE_CONTROL || *name == HOST
}

fn has_option(fields: &HeaderMap, option: &str) -> bool {
    // "Connection options are case-insensitive."
    list_members(fields, &CONNECTION).any(|member| member.eq_ignore_ascii_case(option))
}

fn carries_requests(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    ["h2c", "h2", "h3", "http", "https", "tls"].iter().any(|known| name.eq_ignore_ascii_case(known))
}
