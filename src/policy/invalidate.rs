//! What a successful unsafe request invalidates beside its own URL.

use super::template::{BadTemplate, Template, TemplateFault};
use super::{PathPattern, Values};

/// One line of a route's `invalidates`: `tag:T`, `prefix:/p`, `url:/p`, `route:NAME`, `all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidateTemplate {
    /// What has this tag.
    Tag(Template),
    /// What has a path on this host that begins so.
    Prefix(Template),
    /// What has this path and query on this host.
    Url(Template),
    /// What the route of this name stored.
    Route(Box<str>),
    /// Everything.
    All,
}

/// An [`InvalidateTemplate`], filled in for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// What has this tag.
    Tag(String),
    /// What has a path on this host that begins so.
    Prefix(String),
    /// What has this path and query on this host.
    Url(String),
    /// What the route of this name stored.
    Route(Box<str>),
    /// Everything.
    All,
}

impl InvalidateTemplate {
    /// Reads one line of a route whose captures are those of `path`.
    ///
    /// # Errors
    ///
    /// [`BadTemplate`] where the kind is none of the five, the path is not one on the request's host, or the template
    /// is not in order. Whether a route of that name exists is not known here.
    pub fn parse(text: &str, path: &PathPattern) -> Result<Self, BadTemplate> {
        if text == "all" {
            return Ok(Self::All);
        }
        let (kind, value) = text.split_once(':').ok_or(TemplateFault::UnknownKind.at(0))?;
        let offset = kind.len() + 1;
        let template = || Template::parse_at(text, offset, path);
        let path_template = || match template()? {
            template if template.begins_with('/') => Ok(template),
            _ => Err(TemplateFault::NoLeadingSlash.at(offset)),
        };
        match kind {
            "tag" => template().map(Self::Tag),
            "prefix" => path_template().map(Self::Prefix),
            "url" => path_template().map(Self::Url),
            "route" if value.is_empty() => Err(TemplateFault::Empty.at(offset)),
            "route" => Ok(Self::Route(value.into())),
            _ => Err(TemplateFault::UnknownKind.at(0)),
        }
    }

    /// Whether who asks stands in it.
    pub fn names_identity(&self) -> bool {
        match self {
            Self::Tag(template) | Self::Prefix(template) | Self::Url(template) => {
                template.names_identity()
            }
            Self::Route(_) | Self::All => false,
        }
    }

    /// What is invalidated by a request with these `values`; `None` if a tag comes out as none could be, or if it would be
    /// named after somebody who is not known.
    pub fn expand(&self, values: Values<'_>) -> Option<Invalidation> {
        if self.names_identity() && values.identity.is_none() {
            return None;
        }
        Some(match self {
            Self::Tag(template) => Invalidation::Tag(template.expand_tag(values)?),
            Self::Prefix(template) => Invalidation::Prefix(template.expand(values)),
            Self::Url(template) => Invalidation::Url(template.expand(values)),
            Self::Route(name) => Invalidation::Route(name.clone()),
            Self::All => Invalidation::All,
        })
    }
}

#[cfg(test)]
mod tests;
