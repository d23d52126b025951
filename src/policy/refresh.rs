//! Requests that ask for what is stored to be fetched anew.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::query::{is_called, name_and_value, says};
use crate::semantics::fields::list_members;

/// Which requests have what is stored fetched anew, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshRules {
    /// Any of these asks for it.
    pub on: Vec<RefreshOn>,
    /// For one key no request is heard for so long after one was; what its Cache-Control prefers is no exception. Zero:
    /// each is heard.
    pub interval: Duration,
}

impl Default for RefreshRules {
    fn default() -> Self {
        Self { on: Vec::new(), interval: Duration::from_secs(1) }
    }
}

/// What a request has that asks for a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOn {
    /// `query:NAME=VALUE`: a parameter, both compared percent-decoded.
    Query {
        /// Its name.
        name: Box<str>,
        /// Its value.
        value: Box<str>,
    },
    /// `header:NAME=VALUE`: a field with this member, in whatever case.
    Header {
        /// Its name.
        name: HeaderName,
        /// The member.
        value: Box<str>,
    },
}

/// How a request asks for a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'q> {
    /// By this parameter, as it came.
    Parameter(&'q str),
    /// By a field.
    Field,
}

impl RefreshRules {
    /// How a request with this query and these fields asks for a refresh, if it does.
    pub fn asked<'q>(&self, query: &'q str, fields: &HeaderMap) -> Option<Asked<'q>> {
        self.on.iter().find_map(|on| match on {
            RefreshOn::Query { name, value } => query
                .split('&')
                .find(|parameter| {
                    let (its_name, its_value) = name_and_value(parameter);
                    is_called(its_name, name) && says(its_value, value)
                })
                .map(Asked::Parameter),
            RefreshOn::Header { name, value } => list_members(fields, name)
                .any(|member| member.eq_ignore_ascii_case(value))
                .then_some(Asked::Field),
        })
    }

    /// The names of the parameters that may ask for it: whatever their value, they are not in the key.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.on.iter().filter_map(|on| match on {
            RefreshOn::Query { name, .. } => Some(&**name),
            RefreshOn::Header { .. } => None,
        })
    }
}

impl Asked<'_> {
    /// Where the request goes: `keyed`, and the parameter, which says nothing but what the operator wrote.
    pub fn target<'k>(&self, keyed: &'k str) -> Cow<'k, str> {
        match self {
            Self::Parameter(parameter) => {
                let separator = if keyed.contains('?') { '&' } else { '?' };
                Cow::Owned(format!("{keyed}{separator}{parameter}"))
            }
            Self::Field => Cow::Borrowed(keyed),
        }
    }
}

impl FromStr for RefreshOn {
    type Err = BadRefreshOn;

    fn from_str(text: &str) -> Result<Self, BadRefreshOn> {
        let (kind, rest) = text.split_once(':').ok_or(BadRefreshOn::Form)?;
        let (name, value) = rest.split_once('=').ok_or(BadRefreshOn::Form)?;
        match kind {
            "query" if name.is_empty() => Err(BadRefreshOn::Name),
            "query" => Ok(Self::Query { name: name.into(), value: value.into() }),
            "header" => {
                let name =
                    HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadRefreshOn::Name)?;
                let value = value.trim();
                if value.is_empty() || value.contains(',') {
                    return Err(BadRefreshOn::Member);
                }
                Ok(Self::Header { name, value: value.into() })
            }
            _ => Err(BadRefreshOn::Form),
        }
    }
}

impl fmt::Display for RefreshOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query { name, value } => write!(f, "query:{name}={value}"),
            Self::Header { name, value } => write!(f, "header:{name}={value}"),
        }
    }
}

/// Why a text does not say what asks for a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRefreshOn {
    /// It is not `query:` or `header:`, a name, `=` and a value.
    Form,
    /// The name is none.
    Name,
    /// The value is not one member of a field.
    Member,
}

impl fmt::Display for BadRefreshOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "expected \"query:NAME=VALUE\" or \"header:NAME=VALUE\"",
            Self::Name => "expected a name before \"=\"",
            Self::Member => "expected one value, and no comma, behind \"=\"",
        })
    }
}

impl Error for BadRefreshOn {}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn rules(on: &[&str]) -> RefreshRules {
        let on = on.iter().map(|on| on.parse().unwrap()).collect();
        RefreshRules { on, ..RefreshRules::default() }
    }

    #[test]
    fn a_parameter_asks_when_it_has_that_value() {
        let rules = rules(&["query:force_refresh=true", "query:empty="]);
        for (query, asked) in [
            ("force_refresh=true", Some("force_refresh=true")),
            ("a=1&force_refresh=true&b=2", Some("force_refresh=true")),
            ("force%5Frefresh=%74rue", Some("force%5Frefresh=%74rue")),
            ("force_refresh=false&force_refresh=true", Some("force_refresh=true")),
            ("empty", Some("empty")),
            ("empty=", Some("empty=")),
            ("empty=1", None),
            ("force_refresh=false", None),
            ("force_refresh=TRUE", None),
            ("force_refresh=true1", None),
            ("force_refresh", None),
            ("xforce_refresh=true", None),
            ("", None),
        ] {
            let found = rules.asked(query, &HeaderMap::new());
            assert_eq!(found, asked.map(Asked::Parameter), "{query}");
        }
    }

    #[test]
    fn a_field_asks_when_it_has_that_member() {
        let rules = rules(&["header:cache-control=no-cache", "header:X-Refresh=1"]);
        for (name, value, asked) in [
            ("cache-control", "no-cache", true),
            ("cache-control", "max-age=0, No-Cache", true),
            ("cache-control", "max-age=0", false),
            ("cache-control", "no-cache=\"a\"", false),
            ("x-refresh", "1", true),
            ("x-refresh", "11", false),
            ("x-other", "1", false),
        ] {
            let name: HeaderName = name.parse().unwrap();
            let fields = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            assert_eq!(rules.asked("", &fields), asked.then_some(Asked::Field), "{value}");
        }
    }

    #[test]
    fn what_asks_goes_forward_with_it() {
        for (asked, keyed, target) in [
            (Asked::Parameter("r=1"), "/a", "/a?r=1"),
            (Asked::Parameter("r=1"), "/a?b=2", "/a?b=2&r=1"),
            (Asked::Field, "/a?b=2", "/a?b=2"),
        ] {
            assert_eq!(asked.target(keyed), target);
        }
    }

    #[test]
    fn it_reads_as_it_is_written() {
        for text in ["query:a=b", "query:a=", "query:a=b=c", "header:x-a=b"] {
            assert_eq!(text.parse::<RefreshOn>().unwrap().to_string(), text);
        }
        for (text, bad) in [
            ("", BadRefreshOn::Form),
            ("force_refresh=true", BadRefreshOn::Form),
            ("query:force_refresh", BadRefreshOn::Form),
            ("cookie:a=b", BadRefreshOn::Form),
            ("query:=b", BadRefreshOn::Name),
            ("header:=b", BadRefreshOn::Name),
            ("header:a b=c", BadRefreshOn::Name),
            ("header:a=", BadRefreshOn::Member),
            ("header:a=b, c", BadRefreshOn::Member),
        ] {
            assert_eq!(text.parse::<RefreshOn>(), Err(bad), "{text:?}");
        }
    }
}
