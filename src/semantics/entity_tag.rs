//! Entity tags (RFC 9110 §8.8.3).

use std::fmt;

use http::header::{HeaderMap, HeaderName};

use super::fields::trim;

#[cfg(test)]
mod tests;

/// An opaque validator that tells representations of one resource apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Whether it may be shared by representations that differ in their octets.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    /// Reads `"xyzzy"` or `W/"xyzzy"`; `None` for anything else.
    pub fn parse(value: &'a str) -> Option<Self> {
        match Self::parse_first(value)? {
            (tag, "") => Some(tag),
            _ => None,
        }
    }

    /// "two entity tags are equivalent if both are not weak and their opaque-tags match character-by-character"
    /// (§8.8.3.2)
    pub fn strong_eq(self, other: EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// "two entity tags are equivalent if their opaque-tags match character-by-character, regardless of either or both
    /// being tagged as "weak"" (§8.8.3.2)
    pub fn weak_eq(self, other: EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// The weak tag of the same opaque-tag, for a representation that means the same in other octets.
    pub fn weakened(self) -> Self {
        Self { weak: true, ..self }
    }

    /// Reads the tag the text begins with; what follows it is handed back.
    fn parse_first(text: &'a str) -> Option<(Self, &'a str)> {
        // entity-tag = [ weak ] opaque-tag; weak = %s"W/", case-sensitive; opaque-tag = DQUOTE *etagc DQUOTE
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        // A backslash is a character like any other: "Previously, opaque-tag was defined to be a quoted-string".
        let (opaque, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        opaque.bytes().all(is_etagc).then_some((Self { weak, opaque }, rest))
    }
}

impl fmt::Display for EntityTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

/// What If-Match or If-None-Match lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagList<'a> {
    /// The field is absent.
    Absent,
    /// `*`: whatever there is.
    Any,
    /// These. Malformed members are left out, so that there may be none.
    Tags(Vec<EntityTag<'a>>),
}

/// Reads If-Match or If-None-Match, over all of its lines.
pub fn parse_list<'a>(fields: &'a HeaderMap, name: &HeaderName) -> TagList<'a> {
    if !fields.contains_key(name) {
        return TagList::Absent;
    }
    let lines = || fields.get_all(name).into_iter().filter_map(|line| line.to_str().ok()).map(trim);
    // If-Match = "*" / #entity-tag: the star stands alone.
    let mut all = lines();
    if (all.next(), all.next()) == (Some("*"), None) {
        return TagList::Any;
    }
    TagList::Tags(lines().flat_map(tags).collect())
}

/// The well-formed members of a list of tags. Its commas are not those of other lists: in `"a\", "b"` one separates.
fn tags(mut rest: &str) -> impl Iterator<Item = EntityTag<'_>> {
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return None;
            }
            let found = EntityTag::parse_first(rest)
                .map(|(tag, after)| (tag, after.trim_start_matches([' ', '\t'])));
            match found {
                Some((tag, after)) if after.is_empty() || after.starts_with(',') => {
                    rest = after;
                    return Some(tag);
                }
                _ => rest = rest.split_once(',').map_or("", |(_, after)| after),
            }
        }
    })
}

/// etagc = %x21 / %x23-7E / obs-text
fn is_etagc(octet: u8) -> bool {
    matches!(octet, 0x21 | 0x23..=0x7e | 0x80..)
}
