//! What an operator, or a write that succeeded, asks to be forgotten.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// One order to forget stored responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// What is meant: whatever one of them covers.
    pub selectors: Vec<Selector>,
    /// Keep the responses, but validate each of them before it is used again.
    pub soft: bool,
    /// Only count them.
    pub dry_run: bool,
}

/// Which stored responses are meant, of whatever scheme, variant and identity.
///
/// As text: `url:/path?query`, `url:http://host/path`, `prefix:/api/`, `prefix:https://host/api/`, `tag:user:1`,
/// `route:NAME`, `all`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Exactly this resource.
    Url {
        /// The host and, unless it is the scheme's default, the port, in lower case. `None`: on every host.
        authority: Option<String>,
        /// Path and query, byte for byte.
        path_and_query: String,
    },
    /// Every resource whose path begins with these bytes.
    Prefix {
        /// As in [`Selector::Url`].
        authority: Option<String>,
        /// What the path, or path and query, begins with.
        path: String,
    },
    /// Whatever carries this tag.
    Tag(String),
    /// Whatever was stored by the route of this name.
    Route(String),
    /// Everything.
    All,
}

/// What a selector is held against.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Host and port of the stored response's key.
    pub authority: &'a str,
    /// Path and query of its key.
    pub path_and_query: &'a str,
    /// The name of the route that stored it.
    pub route: &'a str,
}

impl Selector {
    /// The resource at `url`, an absolute http or https URL, or a path on every host.
    pub fn url(url: &str) -> Result<Self, BadSelector> {
        let (authority, path_and_query) = locate(url)?;
        Ok(Self::Url { authority, path_and_query })
    }

    /// The resources whose URL begins with `prefix`, an absolute http or https URL, or a path on every host.
    pub fn prefix(prefix: &str) -> Result<Self, BadSelector> {
        let (authority, path) = locate(prefix)?;
        Ok(Self::Prefix { authority, path })
    }

    /// The responses that carry `tag`.
    pub fn tag(tag: &str) -> Result<Self, BadSelector> {
        named(tag).map(Self::Tag)
    }

    /// The responses stored by the route called `name`.
    pub fn route(name: &str) -> Result<Self, BadSelector> {
        named(name).map(Self::Route)
    }

    /// The word that the text form begins with: `url`, `prefix`, `tag`, `route` or `all`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::Prefix { .. } => "prefix",
            Self::Tag(_) => "tag",
            Self::Route(_) => "route",
            Self::All => "all",
        }
    }

    /// Whether `subject` is meant; `has_tag` says whether it carries a tag.
    pub fn covers(&self, subject: Subject<'_>, has_tag: impl FnOnce(&str) -> bool) -> bool {
        let on = |authority: &Option<String>| {
            authority.as_ref().is_none_or(|authority| authority == subject.authority)
        };
        match self {
            Self::Url { authority, path_and_query } => {
                on(authority) && path_and_query == subject.path_and_query
            }
            Self::Prefix { authority, path } => {
                on(authority) && subject.path_and_query.starts_with(path)
            }
            Self::Tag(tag) => has_tag(tag),
            Self::Route(route) => route == subject.route,
            Self::All => true,
        }
    }
}

impl FromStr for Selector {
    type Err = BadSelector;

    fn from_str(text: &str) -> Result<Self, BadSelector> {
        match text.split_once(':') {
            Some(("url", url)) => Self::url(url),
            Some(("prefix", prefix)) => Self::prefix(prefix),
            Some(("tag", tag)) => Self::tag(tag),
            Some(("route", name)) => Self::route(name),
            None if text == "all" => Ok(Self::All),
            _ => Err(BadSelector::Kind),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Url { authority, path_and_query: path } | Self::Prefix { authority, path } => {
                match authority {
                    // Every scheme is meant; this one keeps the port from being taken for its default.
                    Some(authority) if authority.ends_with(":80") => {
                        write!(f, ":https://{authority}{path}")
                    }
                    Some(authority) => write!(f, ":http://{authority}{path}"),
                    None => write!(f, ":{path}"),
                }
            }
            Self::Tag(name) | Self::Route(name) => write!(f, ":{name}"),
            Self::All => Ok(()),
        }
    }
}

/// Why a text selects nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSelector {
    /// It begins with none of the words there are.
    Kind,
    /// Neither an absolute http or https URL nor a path.
    Url,
    /// No name, or one with a space or a control character.
    Name,
}

impl fmt::Display for BadSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "expected url:, prefix:, tag:, route: or all",
            Self::Url => "expected a path that begins with /, or an http or https URL",
            Self::Name => "expected a name without spaces and control characters",
        })
    }
}

impl Error for BadSelector {}

/// Host and path of a URL, or the path alone, as they stand in a key.
fn locate(url: &str) -> Result<(Option<String>, String), BadSelector> {
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadSelector::Url);
    }
    // RFC 9110 §7.1: "the target URI excludes the reference's fragment component, if any"
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    if url.starts_with('/') {
        return Ok((None, url.to_owned()));
    }
    let (scheme, rest) = url.split_once("://").ok_or(BadSelector::Url)?;
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return Err(BadSelector::Url),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    // RFC 9110 §4.2.4: "A sender MUST NOT generate the userinfo subcomponent"
    if authority.is_empty() || authority.starts_with(':') || authority.contains('@') {
        return Err(BadSelector::Url);
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((Some(authority), format!("{slash}{path}")))
}

fn named(name: &str) -> Result<String, BadSelector> {
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace());
    if is_name { Ok(name.to_owned()) } else { Err(BadSelector::Name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: Subject<'_> =
        Subject { authority: "example.com", path_and_query: "/api/profile/?a=1", route: "profile" };

    fn covers(selector: &str) -> bool {
        selector.parse::<Selector>().unwrap().covers(PROFILE, |tag| tag == "user:1")
    }

    #[test]
    fn a_selector_covers_what_it_names() {
        for selector in [
            "url:/api/profile/?a=1",
            "url:http://example.com/api/profile/?a=1",
            "url:HTTP://Example.COM:80/api/profile/?a=1#top",
            "url:https://example.com:443/api/profile/?a=1",
            "prefix:/api/",
            "prefix:/api/profile/?a",
            "prefix:http://example.com",
            "tag:user:1",
            "route:profile",
            "all",
        ] {
            assert!(covers(selector), "{selector}");
        }
    }

    #[test]
    fn a_selector_covers_nothing_else() {
        for selector in [
            "url:/api/profile/",
            "url:http://example.com:8080/api/profile/?a=1",
            "url:http://www.example.com/api/profile/?a=1",
            "url:/API/profile/?a=1",
            "prefix:/apis",
            "prefix:http://example.com/other/",
            "tag:user:2",
            "tag:user",
            "route:other",
        ] {
            assert!(!covers(selector), "{selector}");
        }
    }

    #[test]
    fn what_selects_nothing_says_why() {
        for (text, why) in [
            ("", BadSelector::Kind),
            ("everything", BadSelector::Kind),
            ("all:", BadSelector::Kind),
            ("key:x", BadSelector::Kind),
            ("url:", BadSelector::Url),
            ("url:api/profile", BadSelector::Url),
            ("url:ftp://example.com/", BadSelector::Url),
            ("url:http://", BadSelector::Url),
            ("url:http://:80/", BadSelector::Url),
            ("url:http://user@example.com/", BadSelector::Url),
            ("prefix:/a b", BadSelector::Url),
            ("prefix:/\u{e4}", BadSelector::Url),
            ("tag:", BadSelector::Name),
            ("tag:a b", BadSelector::Name),
            ("route:a\nb", BadSelector::Name),
        ] {
            assert_eq!(text.parse::<Selector>(), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_selector_reads_as_it_is_written() {
        for text in [
            "url:/a?b",
            "url:http://h:81/a",
            "url:https://h:80/a",
            "prefix:http://h/",
            "tag:user:1",
            "route:r",
            "all",
        ] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.to_string(), text);
            assert_eq!(selector.to_string().parse(), Ok(selector));
        }
    }
}
