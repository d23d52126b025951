//! The operator's caching rules of one route, as plain data.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::{CodingRules, WallTime};

/// What the operator says about caching the responses of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Distinguishes this set of rules from the one before: what was judged by another version is judged again.
    pub version: u32,
    /// Whether anything is stored.
    pub store: bool,
    /// Replaces the lifetime a successful response gives itself.
    pub ttl: Option<Lifetime>,
    /// The lifetime of a successful response that gives itself none; zero: it is not stored.
    pub default_ttl: Duration,
    /// Replaces the lifetime of the responses with certain statuses.
    pub ttl_by_status: StatusLifetimes,
    /// Whether a lifetime may be guessed from Last-Modified (RFC 9111 §4.2.2).
    pub heuristic: bool,
    /// For how long a stale response is served while it is being validated (RFC 5861 §3).
    pub stale_while_revalidate: StaleWindow,
    /// For how long a stale response is served where the origin fails (RFC 5861 §4).
    pub stale_if_error: StaleWindow,
    /// Whether a response with Set-Cookie is stored without it; otherwise it is not stored.
    pub strip_set_cookie: bool,
    /// Whether a response with Set-Cookie is stored with it, and everybody given the cookie (RFC 9111 §7.3).
    pub store_set_cookie: bool,
    /// Whether the answer to one client's credential may be given to every client.
    pub shared: bool,
    /// Whether each identity has stored responses of its own, and those who have none have none.
    pub identity: bool,
    /// Which content codings are made.
    pub codings: Arc<CodingRules>,
    /// Which of a response's directives do not count.
    pub overrides: Overrides,
    /// Whether what a request's Cache-Control prefers is granted. `no-store` and `only-if-cached` always hold.
    pub honor_request_directives: bool,
}

impl Rules {
    /// The keys of the operator's by which responses are used that the RFC keeps for somebody else, or for nobody.
    pub fn outside_the_rfc(&self) -> impl Iterator<Item = &'static str> {
        let Overrides { no_cache, must_revalidate, private, no_store } = self.overrides;
        let steps = [
            (self.shared, "shared"),
            (no_cache, "override no-cache"),
            (must_revalidate, "override must-revalidate"),
            (private, "override private"),
            (no_store, "override no-store"),
        ];
        steps.into_iter().filter(|(is_taken, _)| *is_taken).map(|(_, step)| step)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            version: 0,
            store: true,
            ttl: None,
            default_ttl: Duration::ZERO,
            ttl_by_status: StatusLifetimes::default(),
            heuristic: false,
            stale_while_revalidate: StaleWindow::default(),
            stale_if_error: StaleWindow::default(),
            strip_set_cookie: false,
            store_set_cookie: false,
            shared: false,
            identity: false,
            codings: Arc::default(),
            overrides: Overrides::default(),
            honor_request_directives: false,
        }
    }
}

impl Rules {
    /// Whether the cookies that a response sets are stored with it.
    pub const fn keeps_cookies(&self) -> bool {
        self.store_set_cookie && !self.strip_set_cookie
    }
}

/// A lifetime as the operator writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// So long from when the response was generated.
    For(Duration),
    /// Until the clocks of a time zone next show this time, however old the response was when it came.
    Until(WallTime),
}

impl From<Duration> for Lifetime {
    fn from(duration: Duration) -> Self {
        Self::For(duration)
    }
}

/// Directives of responses that the operator overrules, although a lifetime alone does not replace them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the directives' own names")]
pub struct Overrides {
    pub no_cache: bool,
    /// `proxy-revalidate` too.
    pub must_revalidate: bool,
    pub private: bool,
    pub no_store: bool,
}

/// For how long past its lifetime a response may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleWindow {
    /// Replaces what the response says.
    Route(Duration),
    /// Fills in where the response says nothing.
    Fallback(Duration),
}

impl StaleWindow {
    /// The window of a response that itself names `own`.
    pub fn over(self, own: Option<Duration>) -> Duration {
        match self {
            Self::Route(window) => window,
            Self::Fallback(window) => own.unwrap_or(window),
        }
    }
}

impl Default for StaleWindow {
    fn default() -> Self {
        Self::Fallback(Duration::ZERO)
    }
}

/// Lifetimes by status: `404 = "30s"`, `5xx = "1s"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusLifetimes {
    exact: Vec<(StatusCode, Duration)>,
    /// Of 1xx to 5xx.
    classes: [Option<Duration>; 5],
}

impl StatusLifetimes {
    /// Sets the lifetime of one status.
    pub fn set(&mut self, status: StatusCode, lifetime: Duration) {
        self.exact.retain(|(earlier, _)| *earlier != status);
        self.exact.push((status, lifetime));
    }

    /// Sets the lifetime of a class by its first digit, 1 to 5; any other digit names no class and is ignored.
    pub fn set_class(&mut self, digit: u8, lifetime: Duration) {
        let class = usize::from(digit).checked_sub(1).and_then(|at| self.classes.get_mut(at));
        if let Some(class) = class {
            *class = Some(lifetime);
        }
    }

    /// The lifetime of `status`: its own, else its class's.
    pub fn get(&self, status: StatusCode) -> Option<Duration> {
        let exact = self.exact.iter().find(|(exact, _)| *exact == status);
        exact.map(|(_, lifetime)| *lifetime).or_else(|| {
            let digit = usize::from(status.as_u16() / 100);
            digit.checked_sub(1).and_then(|at| self.classes.get(at).copied().flatten())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::secs;
    use super::*;

    #[test]
    fn an_exact_status_beats_its_class() {
        let mut lifetimes = StatusLifetimes::default();
        lifetimes.set_class(5, secs(1));
        lifetimes.set_class(0, secs(9));
        lifetimes.set_class(6, secs(9));
        lifetimes.set(StatusCode::BAD_GATEWAY, secs(2));
        lifetimes.set(StatusCode::BAD_GATEWAY, secs(3));
        let get = |status: u16| lifetimes.get(StatusCode::from_u16(status).unwrap());
        assert_eq!(get(500), Some(secs(1)));
        assert_eq!(get(502), Some(secs(3)));
        assert_eq!(get(404), None);
        assert_eq!(get(999), None);
    }

    #[test]
    fn a_routes_window_replaces_the_responses_and_a_fallback_fills_in() {
        assert_eq!(StaleWindow::Route(secs(1)).over(Some(secs(5))), secs(1));
        assert_eq!(StaleWindow::Route(secs(1)).over(None), secs(1));
        assert_eq!(StaleWindow::Fallback(secs(1)).over(Some(secs(5))), secs(5));
        assert_eq!(StaleWindow::Fallback(secs(1)).over(None), secs(1));
    }
}
