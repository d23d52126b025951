//! The Cache-Status field: how this cache handled a request (RFC 9211 §2).

use std::fmt::{self, Write};

use http::StatusCode;

/// One member of Cache-Status, ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// Whether the response came from the cache.
    pub handling: Handling,
    /// The status of the answer to the forwarded request.
    pub fwd_status: Option<StatusCode>,
    /// Seconds of freshness that remain; negative for a stale response.
    pub ttl: Option<i64>,
    /// Whether the answer to the forwarded request was stored.
    pub stored: bool,
    /// Whether the request was answered by the request of another that was forwarded.
    pub collapsed: bool,
    /// The decision behind it, in one word of lower-case letters and hyphens.
    pub detail: Option<&'static str>,
}

/// "hit and fwd are exclusive; only one of them should appear on each list member."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// "hit": the request was not forwarded, and the response came from the cache.
    Hit,
    /// "fwd": the request went forward.
    Forwarded(Fwd),
    /// Neither: the response is our own.
    Neither,
}

/// Why a request was forwarded (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fwd {
    /// The cache was configured to not handle this request.
    Bypass,
    /// The request method's semantics require the request to be forwarded.
    Method,
    /// The cache did not contain any responses that matched the request URI.
    UriMiss,
    /// The cache contained a response that matched the request URI, but could not select one by its selecting fields.
    VaryMiss,
    /// The cache did not contain any responses that could be used to satisfy this request.
    Miss,
    /// The cache was able to select a fresh response, but the request's semantics did not allow its use.
    Request,
    /// The cache was able to select a response for the request, but it was stale.
    Stale,
    /// The cache was able to select a partial response for the request, but it did not contain all of what was asked.
    Partial,
}

impl Fwd {
    /// The reason as RFC 9211 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

impl CacheStatus {
    /// A response from the cache, with the seconds of freshness that remain.
    pub const fn hit(ttl: i64) -> Self {
        Self { ttl: Some(ttl), ..Self::of(Handling::Hit) }
    }

    /// A response to a forwarded request.
    pub const fn forwarded(fwd: Fwd) -> Self {
        Self::of(Handling::Forwarded(fwd))
    }

    /// A response of our own making.
    pub const fn neither() -> Self {
        Self::of(Handling::Neither)
    }

    /// The same with the decision behind it.
    #[must_use]
    pub const fn because(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    const fn of(handling: Handling) -> Self {
        Self {
            handling,
            fwd_status: None,
            ttl: None,
            stored: false,
            collapsed: false,
            detail: None,
        }
    }

    /// The member as it is written. Every response has one, so it is put together without much ado.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(64);
        text.push_str("forebay");
        match self.handling {
            Handling::Hit => text.push_str("; hit"),
            Handling::Forwarded(fwd) => text.extend(["; fwd=", fwd.as_str()]),
            Handling::Neither => {}
        }
        if let Some(status) = &self.fwd_status {
            text.extend(["; fwd-status=", status.as_str()]);
        }
        if let Some(ttl) = self.ttl {
            text.push_str("; ttl=");
            // Writing to a String does not fail.
            let _ = write!(text, "{ttl}");
        }
        if self.stored {
            text.push_str("; stored");
        }
        if self.collapsed {
            text.push_str("; collapsed");
        }
        if let Some(detail) = self.detail {
            text.extend(["; detail=", detail]);
        }
        text
    }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::super::reuse::{StaleGrounds, ValidateReason};
    use super::super::storability::Refusal;
    use super::*;

    #[test]
    fn rfc_9211_s2_a_member_each() {
        let miss = CacheStatus::forwarded(Fwd::UriMiss);
        let answered = CacheStatus { fwd_status: Some(StatusCode::OK), ..miss };
        let validated = CacheStatus {
            fwd_status: Some(StatusCode::NOT_MODIFIED),
            ttl: Some(60),
            stored: true,
            ..CacheStatus::forwarded(Fwd::Stale)
        };
        for (status, expected) in [
            (CacheStatus::hit(42), "forebay; hit; ttl=42"),
            (
                CacheStatus::hit(-3).because(StaleGrounds::WhileRevalidate.as_str()),
                "forebay; hit; ttl=-3; detail=stale-while-revalidate",
            ),
            (
                CacheStatus { stored: true, ..answered },
                "forebay; fwd=uri-miss; fwd-status=200; stored",
            ),
            (CacheStatus { collapsed: true, ..miss }, "forebay; fwd=uri-miss; collapsed"),
            (
                answered.because(Refusal::SetCookie.as_str()),
                "forebay; fwd=uri-miss; fwd-status=200; detail=set-cookie",
            ),
            (
                validated.because(ValidateReason::NoCache.as_str()),
                "forebay; fwd=stale; fwd-status=304; ttl=60; stored; detail=no-cache",
            ),
            (CacheStatus::neither().because("only-if-cached"), "forebay; detail=only-if-cached"),
        ] {
            assert_eq!(status.to_string(), expected);
        }
    }
}
