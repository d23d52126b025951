//! Why a value was not taken, before it is known where the value stood.

use super::nearest::nearest;
use super::units::NoQuantity;

/// Why a value was not taken. Whoever knows the value adds where it stood and, unless it may be a secret, what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    /// Where in the string the fault is, in bytes.
    pub(super) offset: usize,
    /// Whether the message goes on with `, not VALUE`.
    pub(super) shows_value: bool,
    /// What was meant, as it would be written.
    pub(super) meant: Option<String>,
}

impl Wrong {
    /// `expected WHAT, not VALUE`.
    pub(super) fn expected(what: &str) -> Self {
        Self { message: format!("expected {what}"), offset: 0, shows_value: true, meant: None }
    }

    /// `MESSAGE`, which says enough.
    pub(super) fn because(message: impl Into<String>) -> Self {
        Self { message: message.into(), offset: 0, shows_value: false, meant: None }
    }

    /// What the contract has and this build has not.
    pub(super) fn not_in_build(what: &str) -> Self {
        Self::because(format!("{what} {NOT_IN_BUILD}"))
    }

    /// What is wrong with a quantity that should have been `what`, and no more than `most`.
    pub(super) fn quantity(what: &str, most: &str, why: NoQuantity) -> Self {
        match why {
            NoQuantity::Form | NoQuantity::Unit(None) => Self::expected(what),
            NoQuantity::NoUnit(None) => Self::expected(&format!("{what}, with its unit")),
            NoQuantity::NoUnit(Some(meant)) => {
                Self::expected(&format!("{what}, with its unit")).meant_text(&meant)
            }
            NoQuantity::Unit(Some(meant)) => Self::expected(what).meant_text(&meant),
            NoQuantity::TooMuch => Self::expected(&format!("at most {most}")),
        }
    }

    /// Says where in the string the fault is.
    pub(super) fn at(self, offset: usize) -> Self {
        Self { offset, ..self }
    }

    /// Adds `did you mean "TEXT"?`
    pub(super) fn meant_text(self, text: &str) -> Self {
        self.meant(format!("{text:?}"))
    }

    /// Adds `did you mean "WORD"?` if one of the `words` is near the `text`.
    pub(super) fn meant_one_of<'w>(
        self,
        text: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> Self {
        match nearest(text, words) {
            Some(word) => self.meant_text(word),
            None => self,
        }
    }

    /// Adds `did you mean CODE?`
    pub(super) fn meant(self, code: String) -> Self {
        Self { meant: Some(code), ..self }
    }

    /// Keeps the value to itself.
    pub(super) fn without_value(self) -> Self {
        Self { shows_value: false, meant: None, ..self }
    }
}

/// What is said of keys and values that are known but do nothing yet.
const NOT_IN_BUILD: &str = "is not in this build";
