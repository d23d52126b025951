//! What a request is for: its target URI, put together from request line, Host and connection (RFC 9112 §3.2, §3.3).

use http::header::{HOST, HeaderMap};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri, Version};

use super::authority;
use super::fields::{self, NotSingle};

#[cfg(test)]
mod tests;

/// The target URI of a request, without its scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host and port as [`authority::normal`] has them.
    pub authority: String,
    /// Path and query, octet for octet as received; `*` in asterisk-form. Never decoded, no dot segment removed.
    pub path_and_query: PathAndQuery,
    /// The form it came in.
    pub form: Form,
}

impl Target {
    /// The path and the query, which is empty if there is none.
    pub fn split(&self) -> (&str, &str) {
        (self.path_and_query.path(), self.path_and_query.query().unwrap_or_default())
    }
}

/// The forms of a request-target that we answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/where?q=now` (§3.2.1)
    Origin,
    /// `http://www.example.org/where?q=now` (§3.2.2)
    Absolute,
    /// `*` (§3.2.4)
    Asterisk,
}

/// Why a request is for nothing we could name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// It asks for a tunnel.
    Connect,
    /// It has no Host.
    HostMissing,
    /// It has several Hosts.
    HostRepeated,
    /// Its Host is not a host and port.
    HostInvalid,
    /// The authority of its absolute-form is not a host and port.
    AuthorityInvalid,
    /// Its absolute-form has a scheme that is not HTTP's.
    SchemeUnknown,
    /// Its absolute-form has the scheme of another kind of connection.
    SchemeMismatch,
    /// Its request-target has none of the forms its method allows.
    FormInvalid,
    /// Its path or query holds an octet that has no place there.
    PathInvalid,
}

impl BadTarget {
    /// The status code to answer with. A 405 needs an `Allow` beside it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
            Self::SchemeMismatch => StatusCode::MISDIRECTED_REQUEST,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// One word for logs and error documents.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Connect => "connect-refused",
            Self::HostMissing => "host-missing",
            Self::HostRepeated => "host-repeated",
            Self::HostInvalid => "host-invalid",
            Self::AuthorityInvalid => "authority-invalid",
            Self::SchemeUnknown => "scheme-unknown",
            Self::SchemeMismatch => "scheme-mismatch",
            Self::FormInvalid => "target-invalid",
            Self::PathInvalid => "path-invalid",
        }
    }
}

/// The target URI of a request that came over a connection of the scheme, `http` or `https`.
pub fn effective_target(
    scheme: &str,
    version: Version,
    method: &Method,
    uri: &Uri,
    fields: &HeaderMap,
) -> Result<Target, BadTarget> {
    // CONNECT asks for a tunnel to anywhere, which is a forward proxy's business (RFC 9110 §9.3.6).
    if method == Method::CONNECT {
        return Err(BadTarget::Connect);
    }
    let host = host(scheme, fields)?;
    // "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host
    // header field" (§3.2), in absolute-form too.
    if version == Version::HTTP_11 && host.is_none() {
        return Err(BadTarget::HostMissing);
    }

    let received = uri.path_and_query().map_or("", |path_and_query| path_and_query.as_str());
    let (authority, form) = match (uri.scheme_str(), uri.authority()) {
        (Some(given), Some(authority)) => {
            check_scheme(scheme, given)?;
            // "When an origin server receives a request with an absolute-form of request-target, the origin server
            // MUST ignore the received Host header field (if any) and instead use the host information of the
            // request-target." (§3.2.2)
            let authority = authority::normal(scheme, authority.as_str());
            (authority.ok_or(BadTarget::AuthorityInvalid)?, Form::Absolute)
        }
        // "If there is no Host header field or if its field value is empty or invalid, the target URI's authority
        // component is empty. ... If the target URI's authority component is empty and its URI scheme requires a
        // non-empty authority (as is the case for "http" and "https"), the server can reject the request" (§3.3)
        (None, None) => {
            let form = if received == "*" { Form::Asterisk } else { Form::Origin };
            (host.ok_or(BadTarget::HostMissing)?, form)
        }
        // "The "authority-form" of request-target is only used for CONNECT requests" (§3.2.3)
        _ => return Err(BadTarget::FormInvalid),
    };
    // "The "asterisk-form" of request-target is only used for a server-wide OPTIONS request" (§3.2.4)
    if received == "*" && (form == Form::Absolute || method != Method::OPTIONS) {
        return Err(BadTarget::FormInvalid);
    }
    check_path(received)?;
    let path_and_query = with_path(uri).ok_or(BadTarget::PathInvalid)?;
    Ok(Target { authority, path_and_query, form })
}

/// The authority that Host names, if there is one.
fn host(scheme: &str, fields: &HeaderMap) -> Result<Option<String>, BadTarget> {
    // "A server MUST respond with a 400 (Bad Request) status code ... to any request message that contains more than
    // one Host header field line or a Host header field with an invalid field value." (§3.2)
    match fields::single(fields, &HOST) {
        Ok(None) => Ok(None),
        Ok(Some(value)) => authority::normal(scheme, value).map(Some).ok_or(BadTarget::HostInvalid),
        Err(NotSingle::Repeated) => Err(BadTarget::HostRepeated),
        Err(NotSingle::NotText) => Err(BadTarget::HostInvalid),
    }
}

fn check_scheme(connection: &str, given: &str) -> Result<(), BadTarget> {
    if given.eq_ignore_ascii_case(connection) {
        Ok(())
    } else if authority::default_port(&given.to_ascii_lowercase()).is_some() {
        // "a request for an "https" resource MUST be rejected unless it has been received over a connection that has
        // been secured via a certificate valid for that target URI's origin" (RFC 9110 §7.4)
        Err(BadTarget::SchemeMismatch)
    } else {
        Err(BadTarget::SchemeUnknown)
    }
}

/// "A recipient SHOULD NOT attempt to autocorrect and then process the request without a redirect, since the invalid
/// request-line might be deliberately crafted to bypass security filters along the request chain." (§3.2)
fn check_path(path_and_query: &str) -> Result<(), BadTarget> {
    // No URI holds raw octets outside visible ASCII, and an encoded NUL ends strings in the wrong place upstream.
    let octets = path_and_query.as_bytes();
    let visible = octets.iter().all(u8::is_ascii_graphic);
    if !visible || octets.windows(3).any(|octets| octets == b"%00") {
        return Err(BadTarget::PathInvalid);
    }
    // Some servers take a backslash in a path for a slash, others do not. Browsers send it in queries.
    let mut path = octets.iter().take_while(|octet| **octet != b'?');
    if path.any(|octet| *octet == b'\\') { Err(BadTarget::PathInvalid) } else { Ok(()) }
}

/// "If the target URI's path component is empty, the client MUST send "/" as the path within the origin-form of
/// request-target." (§3.2.1)
fn with_path(uri: &Uri) -> Option<PathAndQuery> {
    let received = uri.path_and_query();
    match received.map_or("", PathAndQuery::as_str) {
        "" => Some(PathAndQuery::from_static("/")),
        query if query.starts_with('?') => PathAndQuery::try_from(format!("/{query}")).ok(),
        _ => received.cloned(),
    }
}
