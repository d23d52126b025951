//! Why there is no response from the upstream.

use std::fmt;

use super::tls::TlsFault;
use crate::body::BodyError;

/// Why a request that was to go forward got no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No server's name could be resolved.
    Unresolved,
    /// The connection was refused or reset while it was made.
    ConnectFailed,
    /// No connection within `connect_timeout`.
    ConnectTimeout,
    /// Whoever answered did not prove to be the server, or speaks no TLS. Nothing was sent.
    Tls(TlsFault),
    /// Every connection was in use for all of `queue_timeout`, or too many waited already.
    Overloaded,
    /// The connection was lost before the response's head was whole.
    ConnectionLost,
    /// No response head within `response_timeout`.
    ResponseTimeout,
    /// What came is not an HTTP response, or one that two readers could frame differently.
    BadResponse,
    /// The client's own request body failed.
    RequestBody(BodyError),
}

impl Failure {
    /// The word for it in logs, metrics and our own error responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "upstream-unresolved",
            Self::ConnectFailed => "connect-failed",
            Self::ConnectTimeout => "connect-timeout",
            Self::Tls(fault) => fault.as_str(),
            Self::Overloaded => "upstream-overloaded",
            Self::ConnectionLost => "connection-lost",
            Self::ResponseTimeout => "response-timeout",
            Self::BadResponse => "bad-response",
            Self::RequestBody(error) => error.as_str(),
        }
    }

    /// True when the request never reached a server, so that sending it to another harms nobody.
    const fn was_not_sent(self) -> bool {
        matches!(self, Self::Unresolved | Self::ConnectFailed | Self::ConnectTimeout | Self::Tls(_))
    }

    /// True when a server may have acted on the request although it did not answer.
    pub const fn may_have_been_received(self) -> bool {
        !self.was_not_sent() && !matches!(self, Self::Overloaded)
    }

    /// True when it says something about the server's health.
    pub(super) const fn blames_the_server(self) -> bool {
        !matches!(self, Self::RequestBody(_) | Self::Overloaded)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Failure {}
