//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a value was given. Ordered as problems are listed: the command line, the environment, the file from its top.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A default of the program's own.
    Default,
    /// A flag of the command line: `--listen`.
    Flag(&'static str),
    /// An environment variable.
    Variable(Arc<str>),
    /// A character of the file; lines and columns count from 1.
    File {
        /// The file, as it was named to the program.
        file: Arc<str>,
        /// Its line.
        line: usize,
        /// The line's column, in characters.
        column: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => f.write_str(name),
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
        }
    }
}

/// One thing wrong: `config.toml:12:9: route[2].tll: unknown key; did you mean "ttl"?`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The key's full name; routes count from 1. Empty where no key is concerned.
    pub key: String,
    /// What was expected instead. Never shows a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, key, message } = self;
        if key.is_empty() {
            write!(f, "{origin}: {message}")
        } else {
            write!(f, "{origin}: {key}: {message}")
        }
    }
}

/// Everything wrong with a configuration, one [`Problem`] a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    problems: Vec<Problem>,
    files: Vec<PathBuf>,
}

impl Errors {
    /// The problems, in the order of [`Origin`], of a configuration that names these files.
    pub(super) fn new(mut problems: Vec<Problem>, files: Vec<PathBuf>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems, files }
    }

    /// Every one of them, one at least.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The files that the configuration names: what is wrong may be wrong there.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}
