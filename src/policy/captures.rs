//! What the captures of a path pattern stand for in one path.

use std::ops::Range;

/// The byte ranges of a path that its route's `{name}` and `{*rest}` stand for, in the order of the pattern. Nothing is
/// allocated where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures(Vec<Range<usize>>);

impl Captures {
    pub(super) fn push(&mut self, range: Range<usize>) {
        self.0.push(range);
    }

    /// The part of `path` that the pattern's capture number `index` stands for, where `path` is what was matched.
    pub fn get<'a>(&self, index: usize, path: &'a str) -> Option<&'a str> {
        path.get(self.0.get(index)?.clone())
    }

    /// How many captures there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
