//! The paths of one host's routes, as a tree of segments.

use std::collections::HashMap;

use http::Method;

use super::pattern::Segment;

/// A tree of path patterns. What looking up costs depends on the path's segments and not on the number of patterns: a
/// segment is one hash lookup, and one more way to try where there is also a `{name}` in its place. No place in the tree
/// is visited twice, and none lies deeper than a pattern may have segments.
#[derive(Debug, Default)]
pub(super) struct Trie {
    literals: HashMap<Box<str>, Self>,
    capture: Option<Box<Self>>,
    /// The patterns that end here.
    ends: Methods,
    /// The patterns that have `{*rest}` next.
    rests: Methods,
}

/// The routes with one and the same path pattern.
#[derive(Debug, Default)]
struct Methods {
    named: Vec<(Method, usize)>,
    every: Option<usize>,
}

impl Trie {
    /// Adds the route number `index`. Fails with the number of the route that already takes one of its requests, in
    /// which case some of its methods may have been added.
    pub(super) fn insert(
        &mut self,
        path: &[Segment],
        methods: &[Method],
        index: usize,
    ) -> Result<(), usize> {
        let mut node = self;
        for segment in path {
            node = match segment {
                Segment::Literal(literal) => node.literals.entry(literal.clone()).or_default(),
                Segment::Capture(_) => node.capture.get_or_insert_default(),
                Segment::Rest(_) => return node.rests.insert(methods, index),
            };
        }
        node.ends.insert(methods, index)
    }

    /// The most specific route for `path` and `method`.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<usize> {
        self.find_below(method, Some(path.strip_prefix('/')?))
    }

    /// `remaining` is what is left of the path behind the last slash read, or `None` if there was no more slash.
    fn find_below(&self, method: &Method, remaining: Option<&str>) -> Option<usize> {
        let Some(remaining) = remaining else { return self.ends.find(method) };
        let slash = remaining.bytes().position(|octet| octet == b'/');
        let (segment, behind) = match slash.and_then(|at| remaining.split_at_checked(at)) {
            Some((segment, behind)) => (segment, behind.get(1..)),
            None => (remaining, None),
        };
        let literal = || self.literals.get(segment)?.find_below(method, behind);
        let capture =
            || self.capture.as_ref().filter(|_| !segment.is_empty())?.find_below(method, behind);
        literal().or_else(capture).or_else(|| self.rests.find(method))
    }
}

impl Methods {
    fn insert(&mut self, methods: &[Method], index: usize) -> Result<(), usize> {
        if methods.is_empty() {
            return match self.every.replace(index) {
                Some(first) => Err(first),
                None => Ok(()),
            };
        }
        for method in methods {
            match self.named.iter().find(|(named, _)| named == method) {
                Some((_, first)) if *first != index => return Err(*first),
                Some(_) => {}
                None => self.named.push((method.clone(), index)),
            }
        }
        Ok(())
    }

    fn find(&self, method: &Method) -> Option<usize> {
        let named = self.named.iter().find(|(named, _)| named == method);
        named.map(|(_, index)| *index).or(self.every)
    }
}
