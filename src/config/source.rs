//! The file's text, and where in it an offset is.

use std::sync::Arc;

use super::problem::Origin;

/// A file's name and text.
#[derive(Clone)]
pub(super) struct Source<'a> {
    file: Arc<str>,
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &str, text: &'a str) -> Self {
        let newlines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { file: file.into(), text, lines: std::iter::once(0).chain(newlines).collect() }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn origin_at(&self, offset: usize) -> Origin {
        let line = self.line_at(offset);
        let before = self.text.get(self.start_of(line)..offset);
        let column = before.map_or(0, |before| before.chars().count());
        Origin::File { file: self.file.clone(), line: line + 1, column: column + 1 }
    }

    /// The text from `offset` on.
    pub(super) fn from(&self, offset: usize) -> &'a str {
        self.text.get(offset..).unwrap_or_default()
    }

    /// The line `offset` is in, from 0.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Where a line begins.
    pub(super) fn start_of(&self, line: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(self.text.len())
    }

    /// The text of a line, without its end.
    pub(super) fn line(&self, line: usize) -> &'a str {
        self.from(self.start_of(line)).lines().next().unwrap_or_default()
    }
}
