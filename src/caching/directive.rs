//! One member of a Cache-Control field: a name, and perhaps an argument.

use std::borrow::Cow;
use std::time::Duration;

use crate::semantics::fields::is_token;

/// `cache-directive = token [ "=" ( token / quoted-string ) ]` (RFC 9111 §5.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    pub(super) name: &'a str,
    pub(super) argument: Argument<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    None,
    /// A token, or what a quoted-string says.
    Value(Cow<'a, str>),
    /// Neither of them.
    Malformed,
}

impl<'a> Directive<'a> {
    pub(super) fn parse(member: &'a str) -> Self {
        match member.split_once('=') {
            None => Self { name: member.trim(), argument: Argument::None },
            Some((name, argument)) => {
                Self { name: name.trim(), argument: Argument::parse(argument) }
            }
        }
    }
}

impl<'a> Argument<'a> {
    fn parse(text: &'a str) -> Self {
        match text.strip_prefix('"') {
            Some(quoted) => {
                unquote(quoted).map_or(Self::Malformed, |value| Self::Value(value.into()))
            }
            None if is_token(text) => Self::Value(Cow::Borrowed(text)),
            None => Self::Malformed,
        }
    }

    pub(super) fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The argument as delta-seconds.
    pub(super) fn seconds(&self) -> Option<Duration> {
        self.value().and_then(delta_seconds)
    }
}

/// The greatest number of seconds: 2^31.
const GREATEST: u64 = 1 << 31;

/// `delta-seconds = 1*DIGIT` (RFC 9111 §1.2.2).
pub(super) fn delta_seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // "If a cache receives a delta-seconds value greater than the greatest integer it can represent, or if any of its
    // subsequent calculations overflows, the cache MUST consider the value to be 2147483648 (2^31) or the greatest
    // positive integer it can conveniently represent."
    let seconds = text.parse::<u64>().unwrap_or(GREATEST).min(GREATEST);
    Some(Duration::from_secs(seconds))
}

/// What stands between the quotes, given everything after the first one; `None` if the second is not at the end.
fn unquote(quoted: &str) -> Option<String> {
    let mut value = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return rest.as_str().is_empty().then_some(value),
            '\\' => value.push(rest.next()?),
            char => value.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_2_an_argument_is_a_token_or_a_quoted_string() {
        let value = |text: &'static str| Argument::Value(Cow::Borrowed(text));
        for (member, name, argument) in [
            ("no-store", "no-store", Argument::None),
            ("max-age=60", "max-age", value("60")),
            ("max-age=\"60\"", "max-age", value("60")),
            ("private=\"a, b\"", "private", value("a, b")),
            ("x=\"a\\\"b\\\\\"", "x", value("a\"b\\")),
            ("x=\"\"", "x", value("")),
            ("x=", "x", Argument::Malformed),
            ("x= 60", "x", Argument::Malformed),
            ("x=a b", "x", Argument::Malformed),
            ("x=\"a\"b", "x", Argument::Malformed),
            ("x=\"a", "x", Argument::Malformed),
            ("x=\"a\\", "x", Argument::Malformed),
            ("x=\"a\\\"", "x", Argument::Malformed),
        ] {
            assert_eq!(Directive::parse(member), Directive { name, argument }, "{member}");
        }
    }

    #[test]
    fn s1_2_2_delta_seconds_are_digits_and_overflow_to_2_31() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("0060", Some(60)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", Some(2_147_483_648)),
            ("2147483649", Some(2_147_483_648)),
            ("9223372036854775808", Some(2_147_483_648)),
            ("99999999999999999999999999", Some(2_147_483_648)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("a", None),
            ("1 ", None),
            ("\u{661}", None),
        ] {
            assert_eq!(delta_seconds(text), seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}
