//! The text made tables; what is wrong where it is not TOML.

use toml::de::DeTable;

use super::problem::Problem;
use super::source::Source;

/// How the parser says that a key or a table is there twice.
const DUPLICATE: &str = "duplicate key";

/// The table whose keys are shown to nobody.
const KEYS_ARE_SECRETS: &str = "rate_limit.clients";

/// The file's outermost table, or all that is not TOML in it.
pub(super) fn parse<'a>(source: &Source<'a>) -> Result<DeTable<'a>, Vec<Problem>> {
    let (document, errors) = DeTable::parse_recoverable(source.text());
    let faults = errors.iter().map(|error| Fault::of(error, 0)).collect();
    let problems: Vec<_> = without_consequences(source, faults)
        .into_iter()
        .map(|fault| Problem {
            origin: source.origin_at(fault.offset),
            key: key_near(source, fault.offset),
            message: fault.message,
        })
        .collect();
    if problems.is_empty() { Ok(document.into_inner()) } else { Err(problems) }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    offset: usize,
    message: String,
}

impl Fault {
    fn of(error: &toml::de::Error, start: usize) -> Self {
        let offset = start + error.span().unwrap_or_default().start;
        Self { offset, message: error.message().to_owned() }
    }
}

/// One fault a line, and only those of their own. Behind a quote or bracket that is not closed everything looks wrong, so
/// each line after the first fault is judged by itself.
fn without_consequences(source: &Source<'_>, mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_unstable();
    faults.dedup_by_key(|fault| source.line_at(fault.offset));
    let mut faults = faults.into_iter();
    let first = faults.next();
    let others = faults.filter_map(|fault| {
        let line = source.line_at(fault.offset);
        match DeTable::parse(source.line(line)) {
            _ if fault.message == DUPLICATE => Some(fault),
            Ok(_) => None,
            Err(error) if assigned_key(source.line(line)).is_some() => {
                Some(Fault::of(&error, source.start_of(line)))
            }
            Err(_) => Some(fault),
        }
    });
    first.into_iter().chain(others).collect()
}

/// The full name of the key or table whose line `offset` is in, as far as it can be made out in what is not TOML.
fn key_near(source: &Source<'_>, offset: usize) -> String {
    let line = source.line_at(offset);
    if let Some((name, _)) = header(source.line(line)) {
        return name.to_owned();
    }
    let table = table_above(source, line);
    if table.as_deref() == Some(KEYS_ARE_SECRETS) {
        return KEYS_ARE_SECRETS.to_owned();
    }
    match (table, assigned_key(source.line(line))) {
        (Some(table), Some(key)) => format!("{table}.{key}"),
        (table, key) => table.or(key.map(str::to_owned)).unwrap_or_default(),
    }
}

/// The table a line is in, a route with its number.
fn table_above(source: &Source<'_>, line: usize) -> Option<String> {
    let headers = || (0..line).filter_map(|line| header(source.line(line)));
    let (name, is_list) = headers().next_back()?;
    Some(if is_list {
        let number = headers().filter(|other| *other == (name, is_list)).count();
        format!("{name}[{number}]")
    } else {
        name.to_owned()
    })
}

/// The name in `[name]` or `[[name]]`, and whether it is the latter.
fn header(line: &str) -> Option<(&str, bool)> {
    let inside = line.trim_start().strip_prefix('[')?;
    let (inside, is_list) =
        inside.strip_prefix('[').map_or((inside, false), |inside| (inside, true));
    let name = inside.split(['#', ']']).next().unwrap_or_default().trim();
    is_bare_key(name).then_some((name, is_list))
}

/// The key in `key = ...`.
fn assigned_key(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    is_bare_key(key).then_some(key)
}

fn is_bare_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}
