//! What the operator changes about the fields of a message.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Changes to the fields of a message, made in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldEdits(Vec<FieldEdit>);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldEdit {
    /// Takes out every line of a field.
    Remove(HeaderName),
    /// Replaces whatever lines a field has.
    Set(HeaderName, HeaderValue),
    /// Adds a line to those a field has.
    Add(HeaderName, HeaderValue),
}

impl FieldEdits {
    /// These, and then those of `next`.
    #[must_use]
    pub fn then(&self, next: Self) -> Self {
        Self(self.0.iter().cloned().chain(next.0).collect())
    }

    /// Makes the changes.
    pub fn apply(&self, fields: &mut HeaderMap) {
        for edit in &self.0 {
            match edit {
                FieldEdit::Remove(name) => {
                    fields.remove(name);
                }
                FieldEdit::Set(name, value) => {
                    fields.insert(name, value.clone());
                }
                FieldEdit::Add(name, value) => {
                    fields.append(name, value.clone());
                }
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<FieldEdit> for FieldEdits {
    fn from_iter<I: IntoIterator<Item = FieldEdit>>(edits: I) -> Self {
        Self(edits.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-a");

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn changes_are_made_in_their_order() {
        let all: FieldEdits = [
            FieldEdit::Remove(NAME),
            FieldEdit::Add(NAME, value("1")),
            FieldEdit::Add(NAME, value("2")),
        ]
        .into_iter()
        .collect();
        let routes: FieldEdits = [FieldEdit::Set(NAME, value("3"))].into_iter().collect();
        for (edits, expected) in [
            (all.clone(), vec!["1", "2"]),
            (all.then(routes.clone()), vec!["3"]),
            (routes.then(all), vec!["1", "2"]),
        ] {
            let mut fields = HeaderMap::new();
            fields.append(NAME, value("theirs"));
            fields.append(NAME, value("theirs, too"));
            edits.apply(&mut fields);
            assert_eq!(fields.get_all(NAME).iter().collect::<Vec<_>>(), expected);
        }
    }
}
