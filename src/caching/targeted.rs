//! Cache directives that are addressed to some caches alone (RFC 9213). The one user of sfv.

use std::borrow::Cow;
use std::convert::Infallible;

use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor,
};
use sfv::{BareItemFromInput, KeyRef, Parser};

use super::directive::{Argument, Directive};

/// The directives of a targeted field that we know; `None` where the field is to be ignored.
///
/// §2.1: "If a targeted field in a given response is empty, or a parsing error is encountered, that field MUST be ignored
/// by the cache (i.e., it behaves as if the field were not present, likely falling back to other cache-control
/// mechanisms present)." A directive of another type than its own is such an error: what else could it mean?
pub(super) fn directives(value: &[u8]) -> Option<Vec<Directive<'_>>> {
    // "Targeted fields are Dictionary Structured Fields (Section 3.2 of [STRUCTURED-FIELDS]). Each member of the
    // dictionary is a cache response directive".
    Parser::new(value).parse_dictionary_with_visitor(Members::default()).ok().flatten()
}

/// What a directive's value has to be. "Because cache directives are not defined in terms of structured data types, it
/// is necessary to map their values into the appropriate types."
#[derive(Clone, Copy)]
enum Kind {
    /// "cache directives that have no value will be mapped to a Boolean". True, that is: what `no-store=?0` would say,
    /// leaving it out says.
    Flag,
    /// "For example, the max-age directive (Section 5.2.2.1 of [HTTP-CACHING]) has an integer value".
    Seconds,
    /// "no-cache (Section 5.2.2.4 of [HTTP-CACHING]) has a value that can either be boolean true or a string containing
    /// a comma-delimited list of field names."
    FlagOrNames,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "no-store" | "public" | "must-revalidate" | "proxy-revalidate" | "must-understand"
            | "no-transform" | "immutable" => Some(Self::Flag),
            "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error" => {
                Some(Self::Seconds)
            }
            "no-cache" | "private" => Some(Self::FlagOrNames),
            _ => None,
        }
    }

    /// The argument that such a directive has in Cache-Control.
    fn argument<'v>(self, item: BareItemFromInput<'v>) -> Argument<'v> {
        match (self, item) {
            (Self::Flag | Self::FlagOrNames, BareItemFromInput::Boolean(true)) => Argument::None,
            (Self::Seconds, BareItemFromInput::Integer(seconds)) if i64::from(seconds) >= 0 => {
                Argument::Value(Cow::Owned(seconds.to_string()))
            }
            (Self::FlagOrNames, BareItemFromInput::String(names)) => {
                Argument::Value(Cow::Owned(names.as_str().to_owned()))
            }
            _ => Argument::Malformed,
        }
    }
}

#[derive(Default)]
struct Members<'v> {
    known: Vec<Directive<'v>>,
    seen: usize,
}

impl<'v> DictionaryVisitor<'v> for Members<'v> {
    type Out = Option<Vec<Directive<'v>>>;
    type Error = Infallible;

    fn entry(&mut self, key: &'v KeyRef) -> Result<impl EntryVisitor<'v>, Infallible> {
        self.seen += 1;
        // "… unrecognized extension directives are ignored."
        let Some(kind) = Kind::of(key.as_str()) else { return Ok(None) };
        // Of several members with one key the last counts.
        self.known.retain(|earlier| earlier.name != key.as_str());
        self.known.push(Directive { name: key.as_str(), argument: Argument::Malformed });
        Ok(self.known.last_mut().map(|directive| Member { kind, directive }))
    }

    fn finish(self) -> Result<Self::Out, Infallible> {
        let is_sound = self.known.iter().all(|known| known.argument != Argument::Malformed);
        Ok((self.seen > 0 && is_sound).then_some(self.known))
    }
}

/// Where one member's value goes.
struct Member<'m, 'v> {
    kind: Kind,
    directive: &'m mut Directive<'v>,
}

impl<'v> EntryVisitor<'v> for Member<'_, 'v> {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'v>, Infallible> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'v>, Infallible> {
        Ok(Ignored)
    }
}

impl<'v> ItemVisitor<'v> for Member<'_, 'v> {
    type Out = ();
    type Error = Infallible;

    fn bare_item(
        self,
        item: BareItemFromInput<'v>,
    ) -> Result<impl ParameterVisitor<'v, Out = ()>, Infallible> {
        self.directive.argument = self.kind.argument(item);
        // "Parameters received on directives are to be ignored, unless other handling is explicitly specified."
        Ok(Ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directives as Cache-Control would write them; `None`: the field is ignored.
    fn read(value: &str) -> Option<String> {
        let text = |directive: &Directive<'_>| match directive.argument.value() {
            Some(argument) => format!("{}={argument}", directive.name),
            None => directive.name.to_owned(),
        };
        let directives = directives(value.as_bytes())?;
        Some(directives.iter().map(text).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn rfc_9213_s2_1_targeted_fields_are_dictionary_structured_fields() {
        for (value, expected) in [
            ("max-age=60", Some("max-age=60")),
            ("max-age=60, no-store", Some("max-age=60, no-store")),
            (" max-age=60 ,\tno-store ", Some("max-age=60, no-store")),
            ("max-age=999999999999999", Some("max-age=999999999999999")),
            ("max-age=9999999999999999", None),
            ("MAX-AGE=60", None),
            ("max-age =60", None),
            ("max-age= 60", None),
            ("max-age=60,", None),
            (",max-age=60", None),
            ("max-age=60 no-store", None),
            ("max-age=60, &&&&&", None),
            ("max-age=60, x=\"y", None),
            ("max-age=60, x=\u{fc}", None),
            ("max-age=60; no-store", Some("max-age=60")),
        ] {
            assert_eq!(read(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn rfc_9213_s2_1_an_empty_field_is_ignored() {
        for value in ["", " ", "\t"] {
            assert_eq!(read(value), None, "{value:?}");
        }
    }

    #[test]
    fn rfc_9213_s2_1_values_are_of_the_types_inferred() {
        for (value, expected) in [
            ("no-store=?1", Some("no-store")),
            ("no-store=?0", None),
            ("no-store=1", None),
            ("public=\"yes\"", None),
            ("immutable=(a b)", None),
            ("max-age", None),
            ("max-age=\"60\"", None),
            ("max-age=60.0", None),
            ("max-age=-1", None),
            ("max-age=-0", Some("max-age=0")),
            ("max-age=soon", None),
            ("max-age=(60)", None),
            ("s-maxage=@60", None),
            ("no-cache", Some("no-cache")),
            ("no-cache=\"x-a, x-b\"", Some("no-cache=x-a, x-b")),
            ("private=\"x-a\"", Some("private=x-a")),
            ("private=x-a", None),
            ("private=?0", None),
        ] {
            assert_eq!(read(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn rfc_9213_s2_1_parameters_are_ignored() {
        assert_eq!(
            read("max-age=60;a=1;b, no-store;x=\"y\"").as_deref(),
            Some("max-age=60, no-store")
        );
    }

    #[test]
    fn rfc_9213_s2_2_unrecognized_directives_are_ignored_whatever_their_type() {
        assert_eq!(read("community=\"UCI\", max-age=60, n=(1 2)").as_deref(), Some("max-age=60"));
        assert_eq!(read("community").as_deref(), Some(""));
    }

    #[test]
    fn rfc_9651_s4_2_2_of_several_members_with_one_key_the_last_counts() {
        assert_eq!(read("max-age=60, max-age=5").as_deref(), Some("max-age=5"));
        assert_eq!(read("max-age=x, max-age=5").as_deref(), Some("max-age=5"));
        assert_eq!(read("max-age=5, max-age=x"), None);
    }
}
