//! Field names that most responses carry, numbered, so that a stored one costs a byte.

use http::{HeaderName, header};

/// Stands before a name that has no number.
pub(super) const OTHER: u8 = u8::MAX;

/// In no particular order, but never reordered while a block of an older build could be read. A `static`: of a `const`, each
/// use would make all forty anew.
static NAMES: [HeaderName; 40] = [
    header::ACCEPT_RANGES,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    header::AGE,
    header::ALLOW,
    header::ALT_SVC,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::LINK,
    header::LOCATION,
    header::PRAGMA,
    header::REFERRER_POLICY,
    header::RETRY_AFTER,
    header::SERVER,
    header::STRICT_TRANSPORT_SECURITY,
    header::VARY,
    header::VIA,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_FRAME_OPTIONS,
    header::X_XSS_PROTECTION,
    HeaderName::from_static("cache-tag"),
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderName::from_static("cross-origin-resource-policy"),
    HeaderName::from_static("permissions-policy"),
    HeaderName::from_static("surrogate-key"),
    HeaderName::from_static("x-powered-by"),
];

/// The number of a name, if it has one.
pub(super) fn number(name: &HeaderName) -> Option<u8> {
    NAMES.iter().position(|known| known == name).and_then(|index| u8::try_from(index).ok())
}

/// The name that has a number.
pub(super) fn name(number: u8) -> Option<HeaderName> {
    NAMES.get(usize::from(number)).cloned()
}
