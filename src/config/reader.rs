//! All that is read from: flags, variables and the file; and all that is found on the way.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::known::{Known, Unknown};
use super::problem::{Origin, Problem};
use super::source::Source;

/// All that is read from, and all that was found wrong with it.
pub(super) struct Reader<'a> {
    source: Source<'a>,
    environment: &'a Environment,
    settings: Vec<Setting<'a>>,
    found: RefCell<Findings>,
}

/// A key that was given outside the file.
struct Setting<'a> {
    origin: Origin,
    key: Cow<'a, str>,
    text: &'a str,
    asked: Cell<bool>,
}

/// What reading brought to light.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    pub(super) unknown: Vec<Unknown>,
    /// The files that it names.
    pub(super) files: Vec<PathBuf>,
    /// Every key that was asked for.
    pub(super) known: BTreeSet<Known>,
}

/// A key given on the command line: the flag, the key it sets, its text.
pub(super) type Flag<'a> = (&'static str, &'static str, &'a str);

impl<'a> Reader<'a> {
    pub(super) fn new(
        source: Source<'a>,
        flags: &[Flag<'a>],
        environment: &'a Environment,
    ) -> Self {
        let flags = flags.iter().map(|&(flag, key, text)| Setting {
            origin: Origin::Flag(flag),
            key: key.into(),
            text,
            asked: Cell::new(false),
        });
        let variables = environment.settings().map(|(name, key, text)| Setting {
            origin: Origin::Variable(name.into()),
            key: key.into(),
            text,
            asked: Cell::new(false),
        });
        Self {
            source,
            environment,
            settings: flags.chain(variables).collect(),
            found: RefCell::default(),
        }
    }

    /// What was found, once everything has been read.
    pub(super) fn finish(self) -> Findings {
        let mut found = self.found.into_inner();
        let unread = self.settings.into_iter().filter(|setting| !setting.asked.get());
        found.unknown.extend(unread.map(|setting| Unknown::setting(setting.origin, &setting.key)));
        found
    }

    pub(super) fn environment(&self) -> &Environment {
        self.environment
    }

    pub(super) fn origin_at(&self, offset: usize) -> Origin {
        self.source.origin_at(offset)
    }

    pub(super) fn source(&self) -> &Source<'a> {
        &self.source
    }

    pub(super) fn report(&self, origin: Origin, key: &str, message: impl Into<String>) {
        let problem = Problem { origin, key: key.to_owned(), message: message.into() };
        self.found.borrow_mut().problems.push(problem);
    }

    /// Takes over what was found wrong with another file that this one names.
    pub(super) fn adopt(&self, problems: impl IntoIterator<Item = Problem>) {
        self.found.borrow_mut().problems.extend(problems);
    }

    pub(super) fn warn(&self, origin: Origin, key: &str, message: &str) {
        let warning = Problem { origin, key: key.to_owned(), message: message.to_owned() };
        self.found.borrow_mut().warnings.push(warning);
    }

    /// Takes note of a file that is named.
    pub(super) fn note_file(&self, path: &Path) {
        let files = &mut self.found.borrow_mut().files;
        if !files.iter().any(|known| known == path) {
            files.push(path.to_owned());
        }
    }

    /// Takes note of a key that can be given.
    pub(super) fn learn(&self, known: Known) {
        self.found.borrow_mut().known.insert(known);
    }

    /// Takes note of keys that were given and nobody asked for.
    pub(super) fn note_unknown(&self, unknown: impl Iterator<Item = Unknown>) {
        self.found.borrow_mut().unknown.extend(unknown);
    }

    /// Whether `key`, or a key within it, was given outside the file.
    pub(super) fn has_setting(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| {
            let rest = setting.key.strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// What was given for `key` outside the file: by a flag, else by a variable.
    pub(super) fn setting(&self, key: &str) -> Option<(Origin, &str)> {
        let mut given = self.settings.iter().filter(|setting| setting.key == key);
        // A variable that a flag overrules has been asked for all the same.
        let first = given.next()?;
        first.asked.set(true);
        given.for_each(|overruled| overruled.asked.set(true));
        Some((first.origin.clone(), first.text))
    }
}
