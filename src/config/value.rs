//! One value, wherever it was given, as the type that is expected of it.

use std::borrow::Cow;

use toml::de::DeValue;

use super::problem::Origin;
use super::reader::Reader;
use super::wrong::Wrong;

/// A value and where it was given.
pub(super) struct Value<'v> {
    pub(super) reader: &'v Reader<'v>,
    pub(super) key: &'v str,
    pub(super) origin: Origin,
    /// Where in the file it begins, if it is there.
    pub(super) offset: usize,
    pub(super) raw: Raw<'v>,
}

/// A value as it was written.
#[derive(Clone)]
pub(super) enum Raw<'v> {
    /// In the file, or within a list or table given elsewhere.
    Toml(&'v DeValue<'v>),
    /// In a variable, a flag or a default: a bare text, whatever type is expected; lists and tables in TOML.
    Text(&'v str),
}

impl<'v> Value<'v> {
    /// The string, expanded; `what` is what it should be.
    pub(super) fn string(&self, what: &str) -> Result<Cow<'v, str>, Wrong> {
        let expanded = |text| {
            let expanded = self.reader.environment().expand(text);
            expanded.map(Cow::Owned).map_err(|why| Wrong::because(why.to_string()))
        };
        match self.raw {
            Raw::Text(text) if self.origin == Origin::Default && text.contains('$') => {
                expanded(text)
            }
            Raw::Text(text) => Ok(Cow::Borrowed(text)),
            Raw::Toml(DeValue::String(text)) if self.is_in_file() && text.contains('$') => {
                expanded(text)
            }
            Raw::Toml(DeValue::String(text)) => Ok(Cow::Borrowed(text)),
            Raw::Toml(_) => Err(Wrong::expected(what)),
        }
    }

    /// The string made a `T` by `parse`, which answers what was expected instead.
    pub(super) fn parsed<T>(
        &self,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Wrong> {
        parse(&self.string(what)?).ok_or_else(|| Wrong::expected(what))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.raw {
            Raw::Toml(DeValue::Boolean(boolean)) => Some(*boolean),
            Raw::Text("true") => Some(true),
            Raw::Text("false") => Some(false),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(super) fn integer(&self) -> Option<u64> {
        match self.raw {
            Raw::Toml(DeValue::Integer(integer)) => {
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            Raw::Text(text) => text.parse().ok(),
            Raw::Toml(_) => None,
        }
    }

    /// How long a list is.
    pub(super) fn length(&self) -> Option<usize> {
        self.toml()?.as_array().map(|items| items.len())
    }

    /// Each item of a list made a `T`. Items that are wrong are reported and left out.
    pub(super) fn items<T>(
        &self,
        what: &str,
        parse: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let toml = self.toml();
        let Some(DeValue::Array(items)) = toml.as_deref() else {
            let in_toml =
                if matches!(self.raw, Raw::Text(_)) { r#" in TOML, like ["..."]"# } else { "" };
            let wrong = Wrong::expected(&format!("a list of {what}{in_toml}"));
            return Err(match self.shown() {
                Some(text) if matches!(self.raw, Raw::Toml(DeValue::String(_))) => {
                    wrong.meant(format!("[{text}]"))
                }
                _ => wrong,
            });
        };
        let items = items.iter().map(|item| Value {
            reader: self.reader,
            key: self.key,
            origin: self.origin_within(item.span().start),
            offset: item.span().start,
            raw: Raw::Toml(item.get_ref()),
        });
        Ok(items.filter_map(|item| item.take(&parse)).collect())
    }

    /// The keys and values of a table whose keys are not known beforehand. What `parse` refuses is reported and left out.
    pub(super) fn pairs<T>(
        &self,
        what: &str,
        parse: impl Fn(&str, &Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        self.pairs_called(what, |name| format!("{}.{name}", self.key), parse)
    }

    /// The same where the keys are secrets: reports say where they stand, and not what they are.
    pub(super) fn secret_pairs<T>(
        &self,
        what: &str,
        parse: impl Fn(&str, &Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        self.pairs_called(what, |_| self.key.to_owned(), parse)
    }

    fn pairs_called<T>(
        &self,
        what: &str,
        called: impl Fn(&str) -> String,
        parse: impl Fn(&str, &Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let toml = self.toml();
        let Some(DeValue::Table(pairs)) = toml.as_deref() else {
            return Err(Wrong::expected(what));
        };
        let pairs = pairs.iter().filter_map(|(name, value)| {
            let key = called(name.get_ref());
            let value = Value {
                reader: self.reader,
                key: &key,
                origin: self.origin_within(value.span().start),
                offset: value.span().start,
                raw: Raw::Toml(value.get_ref()),
            };
            value.take(|value| parse(name.get_ref(), value))
        });
        Ok(pairs.collect())
    }

    /// The value made a `T`, or a report and nothing.
    pub(super) fn take<T>(&self, parse: impl FnOnce(&Self) -> Result<T, Wrong>) -> Option<T> {
        parse(self).map_err(|wrong| self.refuse(wrong)).ok()
    }

    /// The value as TOML; a text is parsed.
    pub(super) fn toml(&self) -> Option<Cow<'v, DeValue<'v>>> {
        match self.raw {
            Raw::Toml(value) => Some(Cow::Borrowed(value)),
            Raw::Text(text) => {
                DeValue::parse(text).ok().map(|value| Cow::Owned(value.into_inner()))
            }
        }
    }

    /// The place of an offset within this value.
    pub(super) fn origin_within(&self, offset: usize) -> Origin {
        if self.is_in_file() { self.reader.origin_at(offset) } else { self.origin.clone() }
    }

    /// Reports what is wrong with the value.
    pub(super) fn refuse(&self, wrong: Wrong) {
        let Wrong { mut message, offset, shows_value, meant } = wrong;
        if let Some(value) = self.shown().filter(|_| shows_value) {
            message.push_str(", not ");
            message.push_str(&value);
        }
        // A suggestion is made from the value and tells as much as it does.
        if let Some(meant) = meant.filter(|_| self.shown().is_some()) {
            message.push_str("; did you mean ");
            message.push_str(&meant);
            message.push('?');
        }
        self.reader.report(self.origin_in_string(offset), self.key, message);
    }

    fn is_in_file(&self) -> bool {
        matches!(self.origin, Origin::File { .. })
    }

    /// Where the byte `offset` of a string is, if it is written in the file as it is.
    fn origin_in_string(&self, offset: usize) -> Origin {
        match self.raw {
            Raw::Toml(DeValue::String(text)) if self.is_in_file() => {
                let begin = self.offset + 1;
                let verbatim = self.reader.source().from(begin).starts_with(&**text);
                if verbatim && offset > 0 {
                    self.reader.origin_at(begin + offset)
                } else {
                    self.origin.clone()
                }
            }
            _ => self.origin.clone(),
        }
    }

    /// The value as it may be shown: nothing from a variable, and no string that may hold a password.
    fn shown(&self) -> Option<String> {
        const LONGEST: usize = 60;
        let quoted = |text: &str| {
            let harmless = text.chars().count() <= LONGEST && !text.contains(['$', '@']);
            harmless.then(|| format!("{text:?}"))
        };
        match self.raw {
            _ if matches!(self.origin, Origin::Variable(_)) => None,
            Raw::Text(text) => quoted(text),
            Raw::Toml(DeValue::String(text)) => quoted(text),
            Raw::Toml(DeValue::Integer(number)) => Some(number.to_string()),
            Raw::Toml(DeValue::Float(number)) => Some(number.to_string()),
            Raw::Toml(DeValue::Boolean(boolean)) => Some(boolean.to_string()),
            Raw::Toml(DeValue::Datetime(_)) => Some("a date".to_owned()),
            Raw::Toml(DeValue::Array(_)) => Some("a list".to_owned()),
            Raw::Toml(DeValue::Table(_)) => Some("a table".to_owned()),
        }
    }
}
