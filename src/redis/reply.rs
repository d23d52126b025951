//! What Redis answers, or why it does not.

use std::fmt;

use bytes::Bytes;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// There is nothing.
    Nil,
    /// A number.
    Integer(i64),
    /// Bytes, or a status such as `OK`.
    Bytes(Bytes),
    /// Several answers.
    List(Vec<Self>),
}

impl Reply {
    /// The number; also one that is written in digits.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Self::Nil | Self::List(_) => None,
        }
    }

    /// The bytes.
    pub const fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The answers it consists of.
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}

/// Why there is no answer, or none of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It was not asked: it has not been answering.
    NotAsked,
    /// It did not answer in time.
    Timeout,
    /// There is no connection, or it broke.
    Unreachable,
    /// It does not accept the credentials.
    Denied,
    /// It has no room (`OOM`).
    Full,
    /// It takes no writes: a replica, or it cannot save.
    ReadOnly,
    /// There is something of another type under the key (`WRONGTYPE`).
    WrongType,
    /// It answered with another error.
    Refused,
    /// What it answered is no answer to what was asked.
    Malformed,
}

impl Trouble {
    /// The trouble's name in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAsked => "not-asked",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::WrongType => "wrong-type",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Trouble {}
