//! `[jwt]`: what bearer tokens are verified with.

use std::sync::Arc;

use super::kinds::{duration, file, list_of, one_of};
use super::secret::Secret;
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::identity::jwt::{Algorithm, Expected, Key, Verifier};

/// Reads `[jwt]`; `None` where it is not there, or could verify nothing, which is reported.
pub(super) fn jwt(table: &Table<'_>, is_given: bool) -> Option<Arc<Verifier>> {
    let keys = [
        ("key_file", table.find("key_file", content).map(Key::Public)),
        ("secret", table.find("secret", secret).map(|text| shared(&text))),
        ("secret_file", table.find("secret_file", secret_file).map(|text| shared(&text))),
    ];
    let algorithms = table.get("algorithms", r#"["ES256"]"#, list_of("algorithms", algorithm));
    let issuers = table.find("issuer", one_or_some).unwrap_or_default();
    let audiences = table.find("audience", one_or_some).unwrap_or_default();
    let leeway = table.get("leeway", "30s", duration);
    if !is_given {
        return None;
    }
    let given: Vec<_> = keys.iter().map(|(key, _)| *key).filter(|key| table.has(key)).collect();
    match given.as_slice() {
        [] => table.refuse(
            "key_file",
            "missing, as are secret and secret_file: tokens are verified with one of them",
        ),
        [_] => {}
        [first, others @ ..] => {
            others.iter().for_each(|key| {
                table.refuse(key, format!("expected either this or {first}, not both"))
            });
        }
    }
    let (name, key) = keys.into_iter().find_map(|(name, key)| Some((name, key?)))?;
    let is_shared = matches!(key, Key::Secret(_));
    // A secret is for these alone: who gives one need not say so.
    let algorithms =
        if is_shared && !table.has("algorithms") { vec![Algorithm::HS256] } else { algorithms };
    let expected = Expected { algorithms, issuers, audiences, leeway };
    warn_of_short_secret(table, name, &key);
    match Verifier::new(&key, expected) {
        Ok(verifier) => Some(Arc::new(verifier)),
        Err(bad) => {
            let at = if bad.is_of_algorithms() { "algorithms" } else { name };
            table.refuse(at, bad.to_string());
            None
        }
    }
}

/// RFC 7518 §3.2: "A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger MUST be used
/// with this algorithm."
fn warn_of_short_secret(table: &Table<'_>, name: &str, key: &Key) {
    const ENOUGH: usize = 32;
    if let Key::Secret(secret) = key
        && secret.len() < ENOUGH
    {
        table.warn(name, "shorter than 32 bytes: whoever has a token can try all such secrets");
    }
}

fn shared(secret: &Secret) -> Key {
    Key::Secret(secret.expose().as_bytes().to_vec())
}

fn algorithm(value: &Value<'_>) -> Result<Algorithm, Wrong> {
    const KNOWN: [(&str, Algorithm); 12] = [
        ("ES256", Algorithm::ES256),
        ("ES384", Algorithm::ES384),
        ("EdDSA", Algorithm::EdDSA),
        ("RS256", Algorithm::RS256),
        ("RS384", Algorithm::RS384),
        ("RS512", Algorithm::RS512),
        ("PS256", Algorithm::PS256),
        ("PS384", Algorithm::PS384),
        ("PS512", Algorithm::PS512),
        ("HS256", Algorithm::HS256),
        ("HS384", Algorithm::HS384),
        ("HS512", Algorithm::HS512),
    ];
    one_of(&KNOWN)(value)
}

/// A string, or a list of some.
fn one_or_some(value: &Value<'_>) -> Result<Vec<String>, Wrong> {
    const WHAT: &str = "a string, or a list of strings";
    let one = |value: &Value<'_>| match value.string(WHAT)? {
        text if text.is_empty() => Err(Wrong::expected("a string that is not empty")),
        text => Ok(text.into_owned()),
    };
    match value.length() {
        Some(0) => Err(Wrong::because("expected a list of strings, one at least")),
        Some(_) => value.items("strings", one),
        None => one(value).map(|one| vec![one]),
    }
}

fn secret(value: &Value<'_>) -> Result<Secret, Wrong> {
    const WHAT: &str = "a string that is not empty";
    match value.string(WHAT).map_err(Wrong::without_value)? {
        text if text.is_empty() => Err(Wrong::expected(WHAT)),
        text => Ok(Secret::new(text)),
    }
}

fn secret_file(value: &Value<'_>) -> Result<Secret, Wrong> {
    content(value).map(|text| Secret::new(text.trim_end_matches(['\r', '\n'])))
}

/// The content of the file that is named.
fn content(value: &Value<'_>) -> Result<String, Wrong> {
    std::fs::read_to_string(file(value)?)
        .map_err(|why| Wrong::because(format!("cannot be read: {why}")))
}
