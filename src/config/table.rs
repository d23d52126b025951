//! A table, read key by key.
//!
//! Whoever reads a key names it, its default and the function that makes a value of it, all in one line. From these lines
//! the reader knows every key there is: what is left over in the file was misspelt or misplaced.

use std::borrow::Cow;
use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::known::{Known, Unknown};
use super::problem::Origin;
use super::reader::Reader;
use super::value::{Raw, Value};
use super::wrong::Wrong;

/// A table being read.
pub(super) struct Table<'t> {
    reader: &'t Reader<'t>,
    /// Its full name: `cache.memory`, `route[2]`.
    path: String,
    /// The same without numbers: `route`.
    section: String,
    origin: Origin,
    content: Content<'t>,
    /// Where what it does not say is said.
    base: Option<&'t Self>,
    asked: RefCell<Vec<&'static str>>,
}

/// What a table holds.
#[derive(Clone, Copy)]
enum Content<'t> {
    Given(&'t DeTable<'t>),
    /// The table is not there at all.
    Absent,
    /// Something else stands in its place, and that has been reported.
    Unusable,
}

impl<'t> Table<'t> {
    /// The file's outermost table.
    pub(super) fn root(reader: &'t Reader<'t>, document: &'t DeTable<'t>) -> Self {
        Self {
            reader,
            path: String::new(),
            section: String::new(),
            origin: reader.origin_at(0),
            content: Content::Given(document),
            base: None,
            asked: RefCell::default(),
        }
    }

    /// Reads the table with `read`, and takes note of the keys that it does not ask for.
    pub(super) fn read<T>(self, read: impl FnOnce(&Self) -> T) -> T {
        let result = read(&self);
        self.note_unknown();
        result
    }

    /// The value of `key`, or its `default`, which is written as in a variable.
    pub(super) fn get<T: Default>(
        &self,
        key: &'static str,
        default: &'static str,
        parse: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> T {
        self.learn(Known::with_default(&self.section, key, default));
        if let Some(base) = self.base_for(key) {
            return base.get(key, default, parse);
        }
        let path = self.path_of(key);
        let given = self.value(key, &path).and_then(|value| value.take(&parse));
        given
            .or_else(|| {
                Value {
                    reader: self.reader,
                    key: &path,
                    origin: Origin::Default,
                    offset: 0,
                    raw: Raw::Text(default),
                }
                .take(&parse)
            })
            .unwrap_or_default()
    }

    /// The value of a `key` that has no default.
    pub(super) fn find<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.learn(Known::optional(&self.section, key));
        if let Some(base) = self.base_for(key) {
            return base.find(key, parse);
        }
        self.value(key, &self.path_of(key))?.take(parse)
    }

    /// The value of a `key` that must be given; `why` says what for.
    pub(super) fn need<T>(
        &self,
        key: &'static str,
        why: &str,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        if !self.has(key) && !matches!(self.content, Content::Unusable) {
            self.reader.report(self.origin.clone(), &self.path_of(key), format!("missing: {why}"));
        }
        self.find(key, parse)
    }

    /// The table `key`, read as if it were empty where it is not given.
    pub(super) fn table<T>(&self, key: &'static str, read: impl FnOnce(&Table<'_>) -> T) -> T {
        match self.base {
            // A base has no base itself.
            Some(base) => base.table_over(key, None, |base| self.table_over(key, Some(base), read)),
            None => self.table_over(key, None, read),
        }
    }

    fn table_over<T>(
        &self,
        key: &'static str,
        base: Option<&Table<'_>>,
        read: impl FnOnce(&Table<'_>) -> T,
    ) -> T {
        self.learn(Known::optional(&self.section, key));
        let path = self.path_of(key);
        let value = self.value(key, &path);
        let toml = value.as_ref().and_then(Value::toml);
        let content = match (&value, toml.as_deref()) {
            (None, _) => Content::Absent,
            (_, Some(DeValue::Table(content))) => Content::Given(content),
            (Some(value), other) => {
                value.refuse(match other {
                    Some(DeValue::Array(_)) => {
                        Wrong::because(format!("expected [{path}], in single brackets"))
                    }
                    _ => Wrong::expected(&format!("a table, [{path}]")),
                });
                Content::Unusable
            }
        };
        let origin = value.as_ref().map_or(&self.origin, |value| &value.origin);
        Table { base, ..self.within(&path, key, origin, content) }.read(read)
    }

    /// Each table of the list `[[key]]`, from the file's top.
    pub(super) fn tables<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Table<'_>) -> T,
    ) -> Vec<T> {
        self.learn(Known::optional(&self.section, key));
        let path = self.path_of(key);
        let Some(value) = self.value(key, &path) else { return Vec::new() };
        let toml = value.toml();
        let Some(DeValue::Array(tables)) = toml.as_deref() else {
            value.refuse(Wrong::because(format!("expected [[{path}]], in double brackets")));
            return Vec::new();
        };
        let tables = tables.iter().enumerate().map(|(i, table)| {
            let path = format!("{path}[{}]", i + 1);
            let origin = value.origin_within(table.span().start);
            let content = table.get_ref().as_table().map_or(Content::Unusable, Content::Given);
            if matches!(content, Content::Unusable) {
                self.reader.report(origin.clone(), &path, format!("expected a table, [[{key}]]"));
            }
            self.within(&path, key, &origin, content).read(&mut read)
        });
        tables.collect()
    }

    /// Each table `[key.NAME]`, whatever its name. It has the keys of `base`, which says what it does not say itself.
    pub(super) fn named<T>(
        &self,
        key: &'static str,
        base: &Table<'_>,
        mut read: impl FnMut(&str, &Table<'_>) -> T,
    ) -> Vec<T> {
        self.learn(Known::optional(&self.section, key));
        let path = self.path_of(key);
        let Some(value) = self.value(key, &path) else { return Vec::new() };
        let toml = value.toml();
        let Some(DeValue::Table(tables)) = toml.as_deref() else {
            value.refuse(Wrong::because(format!("expected tables, [{path}.NAME]")));
            return Vec::new();
        };
        let tables = tables.iter().map(|(name, table)| {
            let path = join(&path, name.get_ref());
            let origin = value.origin_within(name.span().start);
            let content = table.get_ref().as_table().map_or(Content::Unusable, Content::Given);
            if matches!(content, Content::Unusable) {
                self.reader.report(origin.clone(), &path, format!("expected a table, [{path}]"));
            }
            let section = base.section.clone();
            let table = self.within(&path, key, &origin, content);
            let table = Table { base: Some(base), section, ..table };
            table.read(|table| read(name.get_ref(), table))
        });
        tables.collect()
    }

    /// Whether the table stands in the file.
    pub(super) fn is_given(&self) -> bool {
        matches!(self.content, Content::Given(_))
    }

    /// Whether `key` is given anywhere, by itself or by a key within it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some() || self.reader.has_setting(&self.path_of(key))
    }

    /// Reports what is wrong with `key` in the light of other keys.
    pub(super) fn refuse(&self, key: &str, message: impl Into<String>) {
        self.reader.report(self.origin_of(key), &self.path_of(key), message);
    }

    /// Says what is doubtful about `key`, which may be meant as it is.
    pub(super) fn warn(&self, key: &str, message: &str) {
        self.reader.warn(self.origin_of(key), &self.path_of(key), message);
    }

    /// Says what is doubtful between tables within this one.
    pub(super) fn caution(&self, origin: Origin, key: &str, message: &str) {
        self.reader.warn(origin, key, message);
    }

    /// The full name: `cache.memory`, `route[2]`.
    pub(super) fn name(&self) -> &str {
        &self.path
    }

    /// Reports what is wrong between tables within this one.
    pub(super) fn report(&self, origin: Origin, key: &str, message: impl Into<String>) {
        self.reader.report(origin, key, message);
    }

    /// Says what is doubtful between tables within this one.
    pub(super) fn doubt(&self, origin: Origin, key: &str, message: &str) {
        self.reader.warn(origin, key, message);
    }

    /// Where the table was given.
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where `key` was given, or else the table.
    pub(super) fn origin_of(&self, key: &str) -> Origin {
        let path = self.path_of(key);
        match (self.reader.setting(&path), self.entry(key)) {
            (Some((origin, _)), _) => origin,
            (None, Some((name, _))) => self.content_origin(name.span().start),
            (None, None) => self.origin.clone(),
        }
    }

    /// The table `path`, which is the value of `key` or one of its values.
    fn within<'w>(
        &'w self,
        path: &str,
        key: &str,
        origin: &Origin,
        content: Content<'w>,
    ) -> Table<'w> {
        let section = join(&self.section, key);
        let (path, origin) = (path.to_owned(), origin.clone());
        let asked = RefCell::default();
        Table { reader: self.reader, path, section, origin, content, base: None, asked }
    }

    /// The table that says what this one does not say of `key`.
    fn base_for(&self, key: &str) -> Option<&'t Self> {
        self.base.filter(|_| !self.has(key))
    }

    /// Notes the keys that nobody asked for.
    fn note_unknown(&self) {
        let asked = self.asked.borrow();
        let Content::Given(content) = self.content else { return };
        let left = content.iter().filter(|(name, _)| !asked.contains(&name.get_ref().as_ref()));
        let unknown = left.map(|(name, value)| Unknown {
            origin: self.content_origin(name.span().start),
            section: self.section.clone(),
            path: self.path_of(name.get_ref()),
            key: name.get_ref().to_string(),
            is_table: is_table(value.get_ref()),
        });
        self.reader.note_unknown(unknown);
    }

    fn learn(&self, known: Known) {
        self.asked.borrow_mut().push(known.key);
        if let Some(base) = self.base {
            base.asked.borrow_mut().push(known.key);
        }
        self.reader.learn(known);
    }

    /// The value of `key` from the first layer that has it.
    fn value<'v>(&'v self, key: &str, path: &'v str) -> Option<Value<'v>> {
        if let Some((origin, text)) = self.reader.setting(path) {
            return Some(Value {
                reader: self.reader,
                key: path,
                origin,
                offset: 0,
                raw: Raw::Text(text),
            });
        }
        let (_, value) = self.entry(key)?;
        let offset = value.span().start;
        let origin = self.content_origin(offset);
        Some(Value {
            reader: self.reader,
            key: path,
            origin,
            offset,
            raw: Raw::Toml(value.get_ref()),
        })
    }

    fn entry(&self, key: &str) -> Option<(&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)> {
        match self.content {
            Content::Given(content) => content.get_key_value(key),
            Content::Absent | Content::Unusable => None,
        }
    }

    /// The place of an offset in this table's text.
    fn content_origin(&self, offset: usize) -> Origin {
        match self.origin {
            Origin::File { .. } => self.reader.origin_at(offset),
            _ => self.origin.clone(),
        }
    }

    fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

/// `[key]` or `[[key]]`, rather than a value.
fn is_table(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Table(_) => true,
        DeValue::Array(items) => items.iter().any(|item| item.get_ref().is_table()),
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
