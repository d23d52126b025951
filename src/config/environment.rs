//! Environment variables: settings of their own (`FOREBAY_CACHE__DEFAULT_TTL=1m`) and `${NAME}` in the file's strings.

use std::collections::BTreeMap;
use std::fmt;

/// What the names of settings begin with.
const PREFIX: &str = "FOREBAY_";

/// The environment variables the program was started with.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own; variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variables that are settings, as (name, key, value): those of our prefix with `__` between section and key.
    /// Kubernetes makes others with the same prefix (`FOREBAY_SERVICE_HOST`); they are none of ours.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, String, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX)?;
            let key = key.contains("__").then(|| key.to_ascii_lowercase().replace("__", "."))?;
            Some((name.as_str(), key, value.as_str()))
        })
    }

    /// `text` with its `${NAME}`, `${NAME:-default}` (used when NAME is unset or empty) and `$$` replaced.
    pub(super) fn expand(&self, text: &str) -> Result<String, Unexpanded> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            rest = if let Some(after) = after.strip_prefix('$') {
                expanded.push('$');
                after
            } else {
                let inside = after.strip_prefix('{').ok_or(Unexpanded::LoneDollar)?;
                let end = closing_brace(inside).ok_or(Unexpanded::Unclosed)?;
                let (reference, after) = inside.split_at(end);
                expanded.push_str(self.resolve(reference)?);
                after.get(1..).unwrap_or_default()
            };
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// What `NAME` or `NAME:-default` stands for.
    fn resolve<'s>(&'s self, reference: &'s str) -> Result<&'s str, Unexpanded> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        if !is_variable_name(name) {
            return Err(Unexpanded::NoName);
        }
        match (self.get(name), default) {
            (None | Some(""), Some(default)) => Ok(default),
            (Some(value), _) => Ok(value),
            (None, None) => Err(Unexpanded::Unset(name.to_owned())),
        }
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl fmt::Debug for Environment {
    /// The names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a string could not be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unexpanded {
    Unset(String),
    NoName,
    Unclosed,
    LoneDollar,
}

impl fmt::Display for Unexpanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(name) => write!(
                f,
                "the environment variable {name} is not set; ${{{name}:-...}} would give a default"
            ),
            Self::NoName => f.write_str("expected a variable's name in ${...}"),
            Self::Unclosed => f.write_str("expected a } after ${"),
            Self::LoneDollar => f.write_str("expected ${NAME} after a $; write $$ for a dollar"),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where the brace opened before `text` is closed; a default may hold braces of its own (`/users/{id}`).
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_expanded() {
        let environment = Environment::from([("A", "one"), ("EMPTY", "")]);
        for (text, expected) in [
            ("plain", "plain"),
            ("${A}/${A}", "one/one"),
            ("${B:-two}", "two"),
            ("${A:-two}", "one"),
            ("${EMPTY}", ""),
            ("${EMPTY:-two}", "two"),
            ("${B:-/users/{id}}!", "/users/{id}!"),
            ("${B:-}", ""),
            ("$$5 and $${A}", "$5 and ${A}"),
        ] {
            assert_eq!(environment.expand(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_named() {
        let environment = Environment::default();
        for (text, expected) in [
            ("${B}", Unexpanded::Unset("B".to_owned())),
            ("${}", Unexpanded::NoName),
            ("${a b}", Unexpanded::NoName),
            ("${B", Unexpanded::Unclosed),
            ("${B:-{x}", Unexpanded::Unclosed),
            ("costs 5$", Unexpanded::LoneDollar),
            ("$B", Unexpanded::LoneDollar),
        ] {
            assert_eq!(environment.expand(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn only_names_with_two_underscores_are_settings() {
        let environment = Environment::from([
            ("FOREBAY_CACHE__MEMORY__MAX_OBJECT", "1MiB"),
            ("FOREBAY_SERVICE_HOST", "10.0.0.1"),
            ("OTHER__NAME", "x"),
        ]);
        let settings: Vec<_> = environment.settings().collect();
        assert_eq!(
            settings,
            [("FOREBAY_CACHE__MEMORY__MAX_OBJECT", "cache.memory.max_object".to_owned(), "1MiB")]
        );
    }
}
