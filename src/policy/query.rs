//! Which part of the query is in the key and goes forward.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// What becomes of a request's query. What is left is in the key and goes forward; what is not is in neither.
///
/// Parameters are what `&` separates. Their names are compared percent-decoded, so that `%75tm_source` is `utm_source`;
/// what is kept is kept as the bytes it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRules {
    /// Which parameters are kept.
    pub selection: Selection,
    /// Whether they are put in order, by name and then by value.
    pub sort: bool,
    /// The names of those that are never kept, as they ask for a refresh.
    pub refresh: Vec<Box<str>>,
}

/// Which parameters of a query are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them, and the query exactly as it is.
    #[default]
    All,
    /// All but these.
    Ignore(Vec<NameGlob>),
    /// Only these; if there are none, the query goes altogether.
    Only(Vec<NameGlob>),
}

/// The name of a parameter, or, with `*` at its end, the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameGlob {
    text: Box<str>,
    prefix: bool,
}

impl QueryRules {
    /// `target` (a path and perhaps a query) with what these rules leave of its query; without the `?` if that is
    /// nothing.
    pub fn apply<'a>(&self, target: &'a str) -> Cow<'a, str> {
        let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
        if self.leave_alone(query) {
            return Cow::Borrowed(target);
        }
        let mut kept: Vec<&str> =
            query.split('&').filter(|parameter| self.keep(parameter)).collect();
        if self.sort {
            kept.sort_by_key(|parameter| name_and_value(parameter));
        }
        let mut rewritten = String::with_capacity(target.len());
        rewritten.push_str(path);
        for (position, parameter) in kept.into_iter().enumerate() {
            rewritten.push(if position == 0 { '?' } else { '&' });
            rewritten.push_str(parameter);
        }
        Cow::Owned(rewritten)
    }

    /// Whether nothing would change, which is the common case and then costs no allocation.
    fn leave_alone(&self, query: &str) -> bool {
        if !self.sort && self.selection == Selection::All && self.refresh.is_empty() {
            return true;
        }
        query.split('&').all(|parameter| self.keep(parameter))
            && (!self.sort || query.split('&').is_sorted_by_key(name_and_value))
    }

    /// Whether a parameter of this name is in the key.
    pub fn keeps(&self, name: &str) -> bool {
        self.keep(name)
    }

    /// An empty parameter, as in `a=1&&b=2`, says nothing: where a query is normalised at all, it goes too.
    fn keep(&self, parameter: &str) -> bool {
        let (name, _) = name_and_value(parameter);
        !parameter.is_empty()
            && !self.refresh.iter().any(|refresh| is_called(name, refresh))
            && match &self.selection {
                Selection::All => true,
                Selection::Ignore(globs) => !globs.iter().any(|glob| glob.matches(name)),
                Selection::Only(globs) => globs.iter().any(|glob| glob.matches(name)),
            }
    }
}

impl NameGlob {
    /// Whether a name that nothing encodes, a cookie's, is meant.
    pub fn matches_plain(&self, name: &[u8]) -> bool {
        name.strip_prefix(self.text.as_bytes()).is_some_and(|rest| self.prefix || rest.is_empty())
    }

    /// Whether a parameter's name, as it stands in a query, is meant.
    pub fn matches(&self, name: &str) -> bool {
        let mut bytes = decoded(name);
        self.text.bytes().all(|byte| bytes.next() == Some(byte))
            && (self.prefix || bytes.next().is_none())
    }
}

impl FromStr for NameGlob {
    type Err = BadGlob;

    fn from_str(text: &str) -> Result<Self, BadGlob> {
        let (name, prefix) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        match name.find('*') {
            Some(offset) => Err(BadGlob { offset }),
            None if text.is_empty() => Err(BadGlob { offset: 0 }),
            None => Ok(Self { text: name.into(), prefix }),
        }
    }
}

impl fmt::Display for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.prefix { "*" } else { "" })
    }
}

/// The name of a parameter that cannot be used: empty, or with a `*` that is not its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadGlob {
    /// Where the fault is, in bytes from the start.
    pub offset: usize,
}

impl fmt::Display for BadGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name stands here in full, or its beginning and one \"*\" at the end, as in \"utm_*\"")
    }
}

impl Error for BadGlob {}

/// The value, as it came, of the first parameter of `query` that is called `name`; empty for one without `=`.
pub(super) fn value_of<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .map(name_and_value)
        .find(|(raw, _)| is_called(raw, name))
        .map(|(_, value)| value)
}

/// Whether a parameter's name, as it stands in a query, is this one.
pub(super) fn is_called(raw: &str, name: &str) -> bool {
    decoded(raw).eq(name.bytes())
}

/// Whether a parameter's value, as it stands in a query, is this one.
pub(super) fn says(raw: &str, value: &str) -> bool {
    decoded(raw).eq(value.bytes())
}

pub(super) fn name_and_value(parameter: &str) -> (&str, &str) {
    parameter.split_once('=').unwrap_or((parameter, ""))
}

/// The bytes of `text`, decoded once. A `%` without two hexadecimal digits behind it is itself.
fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut left = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, behind) = match left {
            [b'%', high, low, behind @ ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, behind),
                _ => (b'%', left.get(1..)?),
            },
            [byte, behind @ ..] => (*byte, behind),
            [] => return None,
        };
        left = behind;
        Some(byte)
    })
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
