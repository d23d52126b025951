//! Where a redirect leads.

use http::HeaderValue;

use super::template::{BadTemplate, TemplateFault};
use super::{PathPattern, Template, Values};

/// A URL, or a path on the request's own host, made of a [`Template`].
///
/// No request can choose the host it leads to: nothing of the request's stands in that part but its own host, and a path
/// that would be read as a host is kept from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    template: Template,
    /// Whether the template says itself where a path begins, and on which host.
    is_path: bool,
    /// Whether the request's query goes along.
    keeps_query: bool,
}

impl Location {
    /// Reads the template of a route whose captures are those of `path`. The request's query goes along unless the
    /// template has a `?` or `#` of its own.
    ///
    /// # Errors
    ///
    /// What [`Template::parse`] refuses; what begins neither with `https://` or `http://` and a host, nor with a slash; and
    /// what would let the request choose that host.
    pub fn parse(text: &str, path: &PathPattern) -> Result<Self, BadTemplate> {
        let template = Template::parse(text, path)?;
        // Whoever is only sent elsewhere was not asked who they are.
        if template.names_identity() {
            return Err(
                TemplateFault::UnknownName.at(text.find("{identity").unwrap_or_default() + 1)
            );
        }
        if let Some(at) = text.find(|c: char| !c.is_ascii()) {
            return Err(TemplateFault::NotInUrl.at(at));
        }
        let behind_scheme = ["https:", "http:"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let authority = behind_scheme.unwrap_or(text).strip_prefix("//");
        match authority {
            Some(authority) => check_authority(authority, text.len() - authority.len())?,
            None if behind_scheme.is_none() && text.starts_with('/') => {}
            None => return Err(TemplateFault::NoLocation.at(0)),
        }
        // What stands in braces is a name.
        let written =
            text.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
        let keeps_query = !written.into_iter().any(|part| part.contains(['?', '#']));
        Ok(Self { template, is_path: authority.is_none(), keeps_query })
    }

    /// The value of Location for a request; `None` if nothing can be made of it.
    pub fn expand(&self, values: Values<'_>) -> Option<HeaderValue> {
        let mut location = self.template.expand(values);
        // RFC 3986 §4.2: "A relative reference that begins with two slash characters is termed a network-path
        // reference". Browsers take a backslash for a slash. A dot segment, which means nothing, keeps it a path.
        if self.is_path && location.get(1..).is_some_and(|rest| rest.starts_with(['/', '\\'])) {
            location.insert_str(0, "/.");
        }
        if self.keeps_query && !values.query.is_empty() {
            location.push('?');
            location.push_str(values.query);
        }
        HeaderValue::try_from(location).ok()
    }
}

/// Checks what stands between `//` and the path, which begins at the byte `offset` of the template.
fn check_authority(text: &str, offset: usize) -> Result<(), BadTemplate> {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let authority = text.get(..end).unwrap_or_default();
    let literal = authority.replace("{host}", "host");
    if literal.is_empty() {
        return Err(TemplateFault::NoLocation.at(0));
    }
    match literal.find(['{', '}', '@', '\\']) {
        Some(_) => Err(TemplateFault::HostNotOurs.at(offset)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Result<Location, BadTemplate> {
        Location::parse(text, &"/old/{id}/{*rest}".parse().unwrap())
    }

    fn expanded(text: &str, target: &str) -> String {
        let pattern: PathPattern = "/old/{id}/{*rest}".parse().unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let captures = pattern.captures(path).unwrap();
        let host = "client.test:8080";
        let values = Values { captures: &captures, path, query, identity: None, host };
        let value = Location::parse(text, &pattern).unwrap().expand(values).unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn it_is_filled_in_from_the_request() {
        for (text, target, expected) in [
            ("https://www.example.com/{rest}", "/old/1/a/b", "https://www.example.com/a/b"),
            ("https://www.example.com/{rest}", "/old/1/", "https://www.example.com/"),
            ("https://www.example.com", "/old/1/a", "https://www.example.com"),
            ("https://{host}/{id}/{rest}", "/old/1/a", "https://client.test:8080/1/a"),
            ("//cdn.example.com/{rest}", "/old/1/a", "//cdn.example.com/a"),
            ("/new/{id}", "/old/7/", "/new/7"),
            ("/{rest}", "/old/1/a%2Fb%0d%0a", "/a%2Fb%0d%0a"),
        ] {
            assert_eq!(expanded(text, target), expected, "{text} {target}");
        }
    }

    #[test]
    fn the_query_goes_along_unless_there_is_one_already() {
        for (text, target, expected) in [
            ("/new/{rest}", "/old/1/a?b=c&d", "/new/a?b=c&d"),
            ("/new/{rest}", "/old/1/a?", "/new/a"),
            ("/new?id={id}", "/old/1/a?b=c", "/new?id=1"),
            ("/new#{id}", "/old/1/a?b=c", "/new#1"),
            ("/new/{query:b}", "/old/1/a?b=c", "/new/c?b=c"),
        ] {
            assert_eq!(expanded(text, target), expected, "{text} {target}");
        }
    }

    #[test]
    fn no_request_chooses_the_host() {
        for (text, target, expected) in [
            ("/{rest}", "/old/1//evil.test/", "/.//evil.test/"),
            ("/{query:to}", "/old/1/?to=/evil.test", "/.//evil.test?to=/evil.test"),
            ("/{query:to}", "/old/1/?to=\\evil.test", "/./\\evil.test?to=\\evil.test"),
            ("https://example.com/{rest}", "/old/1//evil.test", "https://example.com//evil.test"),
            ("https://example.com/{rest}", "/old/1/@evil.test", "https://example.com/@evil.test"),
        ] {
            assert_eq!(expanded(text, target), expected, "{text} {target}");
        }
    }

    #[test]
    fn what_would_let_it_is_refused() {
        for (text, fault, offset) in [
            ("https://example.com{rest}", TemplateFault::HostNotOurs, 8),
            ("https://{id}.example.com/", TemplateFault::HostNotOurs, 8),
            ("//{rest}", TemplateFault::HostNotOurs, 2),
            ("https://{host}{rest}", TemplateFault::HostNotOurs, 8),
            ("https://{query:a/b}/", TemplateFault::HostNotOurs, 8),
            ("https://me@example.com/", TemplateFault::HostNotOurs, 8),
            ("https://example.com\\{rest}", TemplateFault::HostNotOurs, 8),
            ("{rest}", TemplateFault::NoLocation, 0),
            ("{query:to}", TemplateFault::NoLocation, 0),
            ("www.example.com/{rest}", TemplateFault::NoLocation, 0),
            ("https:/{rest}", TemplateFault::NoLocation, 0),
            ("https:///{rest}", TemplateFault::NoLocation, 0),
            ("javascript:alert(1)", TemplateFault::NoLocation, 0),
            ("", TemplateFault::Empty, 0),
            ("/a b", TemplateFault::Blank, 2),
            ("/caf\u{e9}", TemplateFault::NotInUrl, 4),
            ("/{nobody}", TemplateFault::UnknownName, 2),
            ("/of/{identity}", TemplateFault::UnknownName, 5),
        ] {
            assert_eq!(location(text), Err(fault.at(offset)), "{text}");
        }
    }
}
