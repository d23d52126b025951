//! What can be wrong with a path or host pattern, and where.

use std::error::Error;
use std::fmt;

/// A path or host pattern that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPattern {
    /// Where the fault is, in bytes from the pattern's start.
    pub offset: usize,
    /// What it is.
    pub fault: PatternFault,
}

/// What can be wrong with a path or host pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternFault {
    /// A path that does not begin with a slash.
    NoLeadingSlash,
    /// A byte that no request's path has, or that begins its query.
    NotInPath,
    /// A brace that is not the first or last byte of its segment.
    PartialCapture,
    /// A name that is empty or has other than letters, digits and `_`.
    BadName,
    /// A name that templates use for something else.
    ReservedName,
    /// A second capture of the same name.
    RepeatedName,
    /// Something behind `{*rest}`.
    RestNotLast,
    /// A path of more segments than a pattern may have.
    TooManySegments,
    /// A host that is empty or has an empty label.
    EmptyLabel,
    /// A `*` that does not stand for the first labels.
    MisplacedWildcard,
    /// A byte that no host name has.
    NotInHost,
    /// An address in brackets that is not an IPv6 address.
    BadAddress,
    /// A port that is no number from 1 to 65535.
    BadPort,
}

impl PatternFault {
    pub(super) const fn at(self, offset: usize) -> BadPattern {
        BadPattern { offset, fault: self }
    }

    /// What is expected instead.
    const fn message(self) -> &'static str {
        match self {
            Self::NoLeadingSlash => "a path begins with \"/\"",
            Self::NotInPath => {
                "not allowed in a path, which is compared as clients send it: percent-encoded, without its query"
            }
            Self::PartialCapture => {
                "a capture is a whole segment: \"/{name}/\" or, at the end, \"/{*rest}\""
            }
            Self::BadName => "a capture's name has letters, digits and \"_\" only",
            Self::ReservedName => "this name means something else in templates; choose another",
            Self::RepeatedName => "two captures have the same name",
            Self::RestNotLast => "\"{*rest}\" takes all that is left, so nothing can follow it",
            Self::TooManySegments => "a path has at most 64 segments",
            Self::EmptyLabel => {
                "a host name has no empty label; leave the host out to match every host"
            }
            Self::MisplacedWildcard => {
                "a \"*\" stands for the first labels of a host, as in \"*.example.com\"; \
                 leave the host out to match every host"
            }
            Self::NotInHost => {
                "not allowed in a host, which is \"name\" or \"name:port\", \
                 international names in their \"xn--\" form"
            }
            Self::BadAddress => {
                "an address in brackets is an IPv6 address, as in \"[2001:db8::1]:8080\""
            }
            Self::BadPort => "a port is a number from 1 to 65535",
        }
    }
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.message())
    }
}

impl Error for BadPattern {}
