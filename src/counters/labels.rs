//! The words that stand as labels.

use std::fmt;

use http::Method;
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// By a stored response that was fresh.
    Hit,
    /// By a stored response that was stale, as it was allowed to be.
    Stale,
    /// By a stored response that the origin confirmed.
    Validated,
    /// By the origin; the store had nothing.
    Miss,
    /// By the origin's answer to another request.
    Collapsed,
    /// By the origin; the store was not asked.
    Bypass,
    /// By us: the origin gave no usable answer.
    Error,
    /// By us: the request was not one to answer.
    Refused,
    /// By us, as the route says.
    Respond,
}

impl Outcome {
    /// How many outcomes there are.
    pub(super) const COUNT: usize = Self::Respond as usize + 1;

    /// The outcome's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Validated => "validated",
            Self::Miss => "miss",
            Self::Collapsed => "collapsed",
            Self::Bypass => "bypass",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Respond => "respond",
        }
    }
}

/// Where stored responses are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// This process's memory.
    Memory,
    /// The Redis that the fleet shares.
    Redis,
}

impl Tier {
    pub(super) const COUNT: usize = Self::Redis as usize + 1;

    /// The tier's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

/// What a tier had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupResult {
    /// A response that could be used as it was.
    Hit,
    /// A response that could not be used without a word from the origin.
    Stale,
    /// No response that fits the request.
    Miss,
    /// No answer in time.
    Error,
}

impl LookupResult {
    pub(super) const COUNT: usize = Self::Error as usize + 1;

    /// The result's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Error => "error",
        }
    }
}

macro_rules! label_value {
    ($($label:ty),*) => {$(
        impl EncodeLabelValue for $label {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                self.as_str().encode(encoder)
            }
        }
    )*};
}
label_value!(Outcome, Tier, LookupResult);

/// The label of a request method. Peers can make up methods without end, so those of nobody's standard are `other`.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
