//! What a value can be: one function for each kind, to be named where a key is read.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;
use super::units::{self, Share};
use super::value::Value;
use super::wrong::Wrong;

/// `true` or `false`.
pub(super) fn boolean(value: &Value<'_>) -> Result<bool, Wrong> {
    const WHAT: &str = "true or false";
    value.boolean().ok_or_else(|| match value.string(WHAT).as_deref() {
        Ok("true" | "yes" | "on") => Wrong::expected(WHAT).meant("true".to_owned()),
        Ok("false" | "no" | "off") => Wrong::expected(WHAT).meant("false".to_owned()),
        _ => Wrong::expected(WHAT),
    })
}

/// A whole number of `least` to `most`.
pub(super) fn count(least: usize, most: usize) -> impl Fn(&Value<'_>) -> Result<usize, Wrong> {
    move |value| {
        let what = format!("a number from {least} to {most}");
        let in_range = |number: &usize| (least..=most).contains(number);
        let number = value.integer().and_then(|number| usize::try_from(number).ok());
        number.filter(in_range).ok_or_else(|| {
            let quoted =
                value.string(&what).ok().and_then(|text| text.parse().ok()).filter(in_range);
            match quoted {
                Some(number) => Wrong::expected(&what).meant(number.to_string()),
                None => Wrong::expected(&what),
            }
        })
    }
}

/// `"auto"` or what `parse` takes.
pub(super) fn auto_or<T>(
    parse: impl Fn(&Value<'_>) -> Result<T, Wrong>,
) -> impl Fn(&Value<'_>) -> Result<Option<T>, Wrong> {
    move |value| match value.string("") {
        Ok(text) if text == "auto" => Ok(None),
        _ => parse(value)
            .map(Some)
            .map_err(|wrong| Wrong { message: format!("{} or \"auto\"", wrong.message), ..wrong }),
    }
}

/// A duration, perhaps `"0s"`.
pub(super) fn duration(value: &Value<'_>) -> Result<Duration, Wrong> {
    const WHAT: &str = "a duration like \"30s\", \"5m\" or \"24h\"";
    let text = value.string(WHAT).map_err(|wrong| match value.integer() {
        Some(number) => bare("a duration").meant_text(&format!("{number}s")),
        None => wrong,
    })?;
    units::duration(&text).map_err(|why| Wrong::quantity(WHAT, "24855d", why))
}

/// A duration longer than none.
pub(super) fn timeout(value: &Value<'_>) -> Result<Duration, Wrong> {
    match duration(value)? {
        Duration::ZERO => Err(Wrong::expected("a duration longer than 0s")),
        duration => Ok(duration),
    }
}

/// A duration, `"0s"` being none.
pub(super) fn duration_or_none(value: &Value<'_>) -> Result<Option<Duration>, Wrong> {
    Ok(Some(duration(value)?).filter(|duration| !duration.is_zero()))
}

/// A number of bytes, one at least.
pub(super) fn size(value: &Value<'_>) -> Result<u64, Wrong> {
    size_or(value, "a size like \"64KiB\" or \"10MiB\"")
}

/// A number of bytes, one at least; `what` names all that may stand here.
pub(super) fn size_or(value: &Value<'_>, what: &str) -> Result<u64, Wrong> {
    let text = value.string(what).map_err(|wrong| match value.integer() {
        Some(number) => bare("a size").meant_text(&format!("{number}B")),
        None => wrong,
    })?;
    match units::size(&text).map_err(|why| Wrong::quantity(what, "8192TiB", why))? {
        0 => Err(Wrong::expected("a size larger than none")),
        size => Ok(size),
    }
}

/// What is wrong with a number where a quantity should be.
fn bare(what: &str) -> Wrong {
    Wrong::expected(&format!("{what} with its unit, in quotes"))
}

/// A part of something, more than none; `what` names all that may stand here.
pub(super) fn share(value: &Value<'_>, what: &str) -> Result<Share, Wrong> {
    let share =
        units::share(&value.string(what)?).map_err(|why| Wrong::quantity(what, "100%", why))?;
    if share.millionths() == 0 { Err(Wrong::expected("more than 0%")) } else { Ok(share) }
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value<'_>) -> Result<T, Wrong> {
    move |value| {
        let what = alternatives(words.iter().map(|(word, _)| *word));
        let text = value.string(&what)?;
        words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
            Wrong::expected(&what).meant_one_of(&text, words.iter().map(|(word, _)| *word))
        })
    }
}

/// Any string but the empty one, which is none.
pub(super) fn secret(value: &Value<'_>) -> Result<Option<Secret>, Wrong> {
    let text = value.string("a string").map_err(Wrong::without_value)?;
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

/// The path of a file, which is watched like the configuration itself.
pub(super) fn file(value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let path = value
        .parsed("the path of a file", |text| (!text.is_empty()).then(|| PathBuf::from(text)))?;
    value.reader.note_file(&path);
    Ok(path)
}

/// A list of what `item` takes; `what` are they.
pub(super) fn list_of<T>(
    what: &str,
    item: impl Fn(&Value<'_>) -> Result<T, Wrong>,
) -> impl Fn(&Value<'_>) -> Result<Vec<T>, Wrong> {
    move |value| value.items(what, &item)
}

/// A list that is not empty of what `item` takes; `what` are they.
pub(super) fn some_of<T>(
    what: &str,
    item: impl Fn(&Value<'_>) -> Result<T, Wrong>,
) -> impl Fn(&Value<'_>) -> Result<Vec<T>, Wrong> {
    move |value| match value.length() {
        Some(0) => Err(Wrong::because(format!("expected a list of {what}, one at least"))),
        _ => value.items(what, &item),
    }
}

/// `"a", "b" or "c"`.
pub(super) fn alternatives<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.map(|word| format!("{word:?}")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
