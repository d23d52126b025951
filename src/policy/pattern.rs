//! Path patterns: literal segments, `{name}` for one whole segment, `{*rest}` for all that is left.

use std::fmt;
use std::str::FromStr;

use super::bad_pattern::{BadPattern, PatternFault};
use super::captures::Captures;

/// More segments than any site needs; it bounds how deep a lookup can go.
const MAX_SEGMENTS: usize = 64;

/// Names that templates give a meaning of their own.
const RESERVED: [&str; 2] = ["host", "identity"];

/// The paths a route matches, parsed from `/users/{id}/files/{*rest}`.
///
/// A `{name}` stands for one segment that is not empty; `{*rest}` stands last and for all that follows its slash, which
/// may be nothing. Everything else is itself, byte for byte: `/a`, `/a/` and `/%61` are three paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

/// What stands between two slashes of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    Capture(Box<str>),
    Rest(Box<str>),
}

impl PathPattern {
    /// `/{*rest}`, which matches every path.
    pub fn everything() -> Self {
        Self { segments: vec![Segment::Rest("rest".into())] }
    }

    /// Whether it matches every path.
    pub fn matches_everything(&self) -> bool {
        matches!(self.segments.as_slice(), [Segment::Rest(_)])
    }

    /// Whether the pattern captures anything under this `name`, and if so as which capture, from 0.
    pub fn capture_index(&self, name: &str) -> Option<usize> {
        self.capture_names().position(|known| known == name)
    }

    /// The names of its captures, from left to right.
    pub fn capture_names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// What the captures stand for in `path`; `None` if the pattern does not match it.
    pub fn captures(&self, path: &str) -> Option<Captures> {
        let mut captures = Captures::default();
        let mut start = 0;
        for segment in &self.segments {
            let remaining = path.get(start..)?.strip_prefix('/')?;
            start += 1;
            let slash = remaining.bytes().position(|octet| octet == b'/');
            let end = start + slash.unwrap_or(remaining.len());
            match segment {
                Segment::Literal(literal) if path.get(start..end)? == &**literal => {}
                Segment::Capture(_) if start < end => captures.push(start..end),
                Segment::Rest(_) => {
                    captures.push(start..path.len());
                    return Some(captures);
                }
                _ => return None,
            }
            start = end;
        }
        (start == path.len()).then_some(captures)
    }

    /// Whether it matches every path that `other` matches.
    pub fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.segments.iter();
        for own in &self.segments {
            match (own, theirs.next()) {
                (Segment::Rest(_), Some(_)) => return true,
                (Segment::Literal(a), Some(Segment::Literal(b))) if a == b => {}
                (Segment::Capture(_), Some(Segment::Capture(_))) => {}
                (Segment::Capture(_), Some(Segment::Literal(literal))) if !literal.is_empty() => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Capture(name) | Self::Rest(name) => Some(name),
        }
    }
}

impl FromStr for PathPattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let Some(after_slash) = text.strip_prefix('/') else {
            return Err(PatternFault::NoLeadingSlash.at(0));
        };
        let mut pattern = Self { segments: Vec::new() };
        let mut start = 1;
        for segment in after_slash.split('/') {
            if let Some(Segment::Rest(_)) = pattern.segments.last() {
                return Err(PatternFault::RestNotLast.at(start - 1));
            }
            if pattern.segments.len() == MAX_SEGMENTS {
                return Err(PatternFault::TooManySegments.at(start));
            }
            let parsed = parse_segment(segment, start)?;
            if let Some(name) = parsed.name()
                && pattern.capture_index(name).is_some()
            {
                return Err(PatternFault::RepeatedName.at(start));
            }
            pattern.segments.push(parsed);
            start += segment.len() + 1;
        }
        Ok(pattern)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Literal(literal) => write!(f, "/{literal}"),
            Segment::Capture(name) => write!(f, "/{{{name}}}"),
            Segment::Rest(name) => write!(f, "/{{*{name}}}"),
        })
    }
}

/// Parses one segment, which begins `start` bytes into the pattern.
fn parse_segment(segment: &str, start: usize) -> Result<Segment, BadPattern> {
    if let Some(at) =
        segment.find(|byte: char| !byte.is_ascii_graphic() || matches!(byte, '?' | '#'))
    {
        return Err(PatternFault::NotInPath.at(start + at));
    }
    let Some(inner) = segment.strip_prefix('{').and_then(|open| open.strip_suffix('}')) else {
        return match segment.find(['{', '}']) {
            Some(at) => Err(PatternFault::PartialCapture.at(start + at)),
            None => Ok(Segment::Literal(segment.into())),
        };
    };
    match inner.strip_prefix('*') {
        Some(name) => Ok(Segment::Rest(parse_name(name, start + 2)?)),
        None => Ok(Segment::Capture(parse_name(inner, start + 1)?)),
    }
}

fn parse_name(name: &str, start: usize) -> Result<Box<str>, BadPattern> {
    if let Some(at) = name.find(['{', '}']) {
        return Err(PatternFault::PartialCapture.at(start + at));
    }
    if let Some(at) = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        return Err(PatternFault::BadName.at(start + at));
    }
    if name.is_empty() {
        return Err(PatternFault::BadName.at(start));
    }
    if RESERVED.contains(&name) {
        return Err(PatternFault::ReservedName.at(start));
    }
    Ok(name.into())
}
