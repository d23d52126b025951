//! The configuration file, which may be read more than once.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::{Environment, Errors, Loaded, load};

/// A configuration file, and what was in it when it was last read.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    environment: Environment,
    /// It and the files it names, each with a digest of its content; `None` where there is none.
    contents: Vec<(PathBuf, Option<u64>)>,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It is wrong.
    Wrong(Errors),
}

impl File {
    /// The file at `path`, read in an `environment` whose settings overrule it.
    pub fn new(path: &Path, environment: Environment) -> Self {
        Self { path: path.to_owned(), environment, contents: vec![(path.to_owned(), None)] }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Unusable`], and it is remembered that this content was.
    pub fn read(&mut self) -> Result<Loaded, Unusable> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) => {
                self.contents = vec![(self.path.clone(), digest(&self.path))];
                return Err(Unusable::Unreadable(self.path.clone(), error));
            }
        };
        let loaded = load(&text, &self.path.to_string_lossy(), &self.environment);
        let named = match &loaded {
            Ok(loaded) => loaded.files.as_slice(),
            Err(errors) => errors.files(),
        };
        let own = (self.path.clone(), Some(digest_of(text.as_bytes())));
        let named = named.iter().map(|path| (path.clone(), digest(path)));
        self.contents = std::iter::once(own).chain(named).collect();
        loaded.map_err(Unusable::Wrong)
    }

    /// It and the files that it named when it was last read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.contents.iter().map(|(path, _)| path.as_path())
    }

    /// Whether any of these has another content than it had when it was last read.
    pub fn has_changed(&self) -> bool {
        self.contents.iter().any(|(path, read)| digest(path) != *read)
    }
}

/// Of the content of the file at `path`; `None` where there is none to be read again.
fn digest(path: &Path) -> Option<u64> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    Some(digest_of(&fs::read(path).ok()?))
}

fn digest_of(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

impl Unusable {
    /// Each thing that is wrong, in a line of its own.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unreadable(path, error) => vec![format!("{}: {error}", path.display())],
            Self::Wrong(errors) => errors.problems().iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for Unusable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Wrong(errors) => Some(errors),
        }
    }
}
