//! Templates: text of the operator's in which `{name}` stands for something of the request's.

use std::error::Error;
use std::fmt;

use super::{Captures, PathPattern, query};

/// A text with `{capture}`, `{query:NAME}`, `{identity}` and `{host}` in it, as in `user:{id}`. `{{` and `}}` are braces.
///
/// What is filled in is filled in as it came, percent-encoded or not; what the request does not have is empty. The identity
/// is text that stands for itself wherever it is put: `identity::text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// The number of a capture of the route's path.
    Capture(usize),
    /// The name of a parameter, decoded.
    Query(Box<str>),
    Identity,
    Host,
}

/// What a template is filled in from.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// What the route captured from `path`.
    pub captures: &'a Captures,
    /// The path that was matched, without its query.
    pub path: &'a str,
    /// The query without its `?`, empty if there is none.
    pub query: &'a str,
    /// Who asks; `None` where that is not known, and then nothing that names them can be made.
    pub identity: Option<&'a str>,
    /// The request's host.
    pub host: &'a str,
}

impl Template {
    /// Reads the template of a route whose captures are those of `path`.
    ///
    /// # Errors
    ///
    /// [`BadTemplate`] where `text` is empty, names what no request on this route has, has a brace without its other, or
    /// a space or control byte, which nothing made from templates may have.
    pub fn parse(text: &str, path: &PathPattern) -> Result<Self, BadTemplate> {
        Self::parse_at(text, 0, path)
    }

    /// [`Template::parse`] of what stands `offset` bytes into `text`.
    pub(super) fn parse_at(
        text: &str,
        offset: usize,
        path: &PathPattern,
    ) -> Result<Self, BadTemplate> {
        let mut template = Self { parts: Vec::new() };
        let mut rest = text.get(offset..).unwrap_or_default();
        if rest.is_empty() {
            return Err(TemplateFault::Empty.at(offset));
        }
        while let Some(next) = rest.chars().next() {
            let at = text.len() - rest.len();
            let doubled = || rest.get(1..).is_some_and(|behind| behind.starts_with(next));
            let taken = match next {
                '{' | '}' if doubled() => {
                    template.push_literal(next);
                    2
                }
                '{' => {
                    let close = rest.find('}').ok_or(TemplateFault::Unclosed.at(at))?;
                    let name = rest.get(1..close).unwrap_or_default();
                    template.parts.push(parse_name(name, path).map_err(|fault| fault.at(at + 1))?);
                    close + 1
                }
                '}' => return Err(TemplateFault::Unopened.at(at)),
                _ if next.is_whitespace() || next.is_control() => {
                    return Err(TemplateFault::Blank.at(at));
                }
                _ => {
                    template.push_literal(next);
                    next.len_utf8()
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(template)
    }

    /// The whole of it, where no request has a part in it.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(literal)] => Some(literal),
            _ => None,
        }
    }

    /// The names of the parameters that have a part in it.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Query(name) => Some(&**name),
            _ => None,
        })
    }

    /// The template, filled in.
    pub fn expand(&self, values: Values<'_>) -> String {
        let mut expanded = String::new();
        for part in &self.parts {
            expanded.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Capture(index) => {
                    values.captures.get(*index, values.path).unwrap_or_default()
                }
                Part::Query(name) => query::value_of(values.query, name).unwrap_or_default(),
                Part::Identity => values.identity.unwrap_or_default(),
                Part::Host => values.host,
            });
        }
        expanded
    }

    /// The template, filled in, if that makes a tag: something, and neither space nor control byte in it, since tags are
    /// listed with spaces between them.
    pub fn expand_tag(&self, values: Values<'_>) -> Option<String> {
        if self.names_identity() && values.identity.is_none() {
            return None;
        }
        let tag = self.expand(values);
        let sound = !tag.is_empty() && !tag.contains(|c: char| c.is_whitespace() || c.is_control());
        sound.then_some(tag)
    }

    /// Whether who asks stands in it.
    pub fn names_identity(&self) -> bool {
        self.parts.contains(&Part::Identity)
    }

    /// Whether every expansion begins with `prefix`.
    pub(super) fn begins_with(&self, prefix: char) -> bool {
        matches!(self.parts.first(), Some(Part::Literal(literal)) if literal.starts_with(prefix))
    }

    fn push_literal(&mut self, next: char) {
        match self.parts.last_mut() {
            Some(Part::Literal(literal)) => literal.push(next),
            _ => self.parts.push(Part::Literal(next.into())),
        }
    }
}

fn parse_name(name: &str, path: &PathPattern) -> Result<Part, TemplateFault> {
    match name.strip_prefix("query:") {
        Some("") => return Err(TemplateFault::UnknownName),
        Some(parameter) => return Ok(Part::Query(parameter.into())),
        None => {}
    }
    match name {
        "host" => Ok(Part::Host),
        "identity" => Ok(Part::Identity),
        _ => path.capture_index(name).map(Part::Capture).ok_or(TemplateFault::UnknownName),
    }
}

/// A template that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTemplate {
    /// Where the fault is, in bytes from the template's start.
    pub offset: usize,
    /// What it is.
    pub fault: TemplateFault,
}

/// What can be wrong with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    /// Nothing where there should be something.
    Empty,
    /// A name that is neither a capture of the route's path nor one of those every route has.
    UnknownName,
    /// A `{` without its `}`.
    Unclosed,
    /// A `}` without its `{`.
    Unopened,
    /// A space or control byte.
    Blank,
    /// Neither `tag:`, `prefix:`, `url:` or `route:` and something, nor `all`.
    UnknownKind,
    /// A prefix or URL that does not begin with a slash.
    NoLeadingSlash,
    /// Neither a URL nor a path.
    NoLocation,
    /// A URL whose host would be the client's to choose.
    HostNotOurs,
    /// A character that no URL has.
    NotInUrl,
}

impl TemplateFault {
    pub(super) const fn at(self, offset: usize) -> BadTemplate {
        BadTemplate { offset, fault: self }
    }
}

impl fmt::Display for BadTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fault {
            TemplateFault::Empty => "this would always be empty",
            TemplateFault::UnknownName => {
                "not a name known here: a capture of the route's path, \"identity\", \"host\", or \"query:NAME\""
            }
            TemplateFault::Unclosed => {
                "a \"{\" without its \"}\"; write \"{{\" for the brace itself"
            }
            TemplateFault::Unopened => {
                "a \"}\" without its \"{\"; write \"}}\" for the brace itself"
            }
            TemplateFault::Blank => "spaces and control characters have no place here",
            TemplateFault::UnknownKind => {
                "expected \"tag:T\", \"prefix:/path\", \"url:/path\", \"route:NAME\" or \"all\""
            }
            TemplateFault::NoLeadingSlash => {
                "a path on the request's own host, which begins with \"/\""
            }
            TemplateFault::NoLocation => {
                "expected a URL like \"https://www.example.com/{rest}\", or a path that begins with \"/\""
            }
            TemplateFault::HostNotOurs => {
                "expected a host, with nothing of the request's in it but \"{host}\", and a \"/\" behind it"
            }
            TemplateFault::NotInUrl => "expected this percent-encoded, as URLs have it",
        })
    }
}

impl Error for BadTemplate {}

#[cfg(test)]
mod tests;
