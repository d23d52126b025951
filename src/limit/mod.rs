//! How much each client may ask for.
//!
//! A client's *tier* has *windows*: rates that must all hold. Each is a bucket of the generic cell rate algorithm, pure
//! arithmetic in [`window`]; the buckets of all clients are in a [`Limiter`], bounded in number and age. What the
//! operator declares is made ready as [`Limits`], which answers each request with a [`Permit`].
//!
//! Where a fleet shares its limits, the buckets are in Redis, charged by one script, and the [`Limiter`] mirrors them: it
//! goes on from there while Redis does not answer.
//!
//! There are two budgets. `requests` is charged when a request arrives; `forwarded` when, and only if, it goes forward.
//! All windows of a budget agree or none is charged: who is refused has paid nothing.

mod client;
mod fields;
mod limits;
mod local;
mod permit;
mod shared;
pub mod window;

pub use self::limits::{Limits, Place, Settings, TierSettings};
pub use self::local::Limiter;
pub use self::permit::{Admission, Permit};
pub use self::shared::{OnRedisFailure, Sharing};

/// What windows limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Every request.
    Requests,
    /// Requests that go forward: neither hits, nor followers, nor stale answers.
    Forwarded,
}

impl Budget {
    const fn other(self) -> Self {
        match self {
            Self::Requests => Self::Forwarded,
            Self::Forwarded => Self::Requests,
        }
    }
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The client has made all requests it may make.
    Requests,
    /// It would have to go forward, and the client has had all go forward that may.
    Forwarded,
    /// It came with a key or token that names nobody, where such requests are refused.
    UnknownKey,
    /// Nobody can say what the client may make, and until somebody can it may make nothing.
    Unavailable,
}

impl Denied {
    /// The word for it in logs, metrics and our own error responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "rate-limited",
            Self::Forwarded => "forward-limited",
            Self::UnknownKey => "unknown-key",
            Self::Unavailable => "limits-unavailable",
        }
    }
}

#[cfg(test)]
mod tests;
