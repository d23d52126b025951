//! `config.toml.example` against the code.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::*;

const EXAMPLE: &str = include_str!("../../../config.toml.example");

#[test]
fn it_says_what_holds_without_it() {
    let example = load(EXAMPLE, "config.toml.example", &Environment::default())
        .unwrap_or_else(|errors| panic!("{errors}"));
    let defaults =
        for_upstream("http://127.0.0.1:3000", None, None, &Environment::default()).unwrap();
    assert_eq!(format!("{example:?}"), format!("{defaults:?}"));
}

#[test]
fn every_key_stands_in_it_and_no_other() {
    let known: Vec<_> = leaves().into_keys().collect();
    let stated: Vec<_> = stated().into_keys().collect();
    assert_eq!(stated, known);
}

#[test]
fn every_default_it_states_is_the_codes() {
    let stated = stated();
    for (key, default) in leaves() {
        if let Some(default) = default {
            assert_eq!(stated[&key], default, "{key}");
        }
    }
}

#[test]
fn every_key_has_a_line_of_explanation() {
    for line in
        uncommented().lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']))
    {
        assert!(
            line.split_once(" # ").is_some_and(|(_, explanation)| !explanation.is_empty()),
            "{line}"
        );
    }
}

#[test]
fn every_line_that_is_commented_out_could_stand_there() {
    let mut header = "";
    for (line, plain) in EXAMPLE.lines().zip(uncommented().lines()) {
        if plain.starts_with('[') {
            // Of the first table there is one in `UPSTREAM`.
            let written = plain.split(" #").next().map(str::trim_end);
            header = written.filter(|header| *header != "[upstream]").unwrap_or("");
        } else if line != plain {
            let text = format!("{UPSTREAM}{header}\n{plain}\n{}\n", needed_beside(header, plain));
            match load(&text, "config.toml", &Environment::default()) {
                Err(errors) if !errors.to_string().contains("cannot be read") => {
                    panic!("{plain}\n{errors}")
                }
                _ => {}
            }
        }
    }
}

/// What a line cannot do without.
fn needed_beside(header: &str, line: &str) -> &'static str {
    match header {
        "[[route]]" if line.contains("jwt:") => "path = \"/\"\n[jwt]\nsecret = \"hush\"",
        "[[route]]" if !line.starts_with("path") => "path = \"/{id}\"",
        "[jwt]" if line.starts_with("algorithms") => "key_file = \"tests/keys/es256_public.pem\"",
        "[jwt]" if !line.starts_with(['k', 's', '[']) => "secret = \"hush\"",
        _ => "",
    }
}

/// The keys that are values, with their defaults.
fn leaves() -> BTreeMap<String, Option<&'static str>> {
    let known = every_key();
    let sections: Vec<_> = known.iter().map(|known| known.section.clone()).collect();
    let leaves = known.iter().filter(|known| !sections.contains(&known.path()));
    leaves.map(|known| (known.path(), known.default)).collect()
}

/// The keys of the example, commented out or not, with their values as a variable would have them.
fn stated() -> BTreeMap<String, String> {
    let text = uncommented();
    let document = DeTable::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let mut stated = BTreeMap::new();
    collect(&text, document.get_ref(), "", &leaves(), &mut stated);
    stated
}

fn collect(
    text: &str,
    table: &DeTable<'_>,
    path: &str,
    leaves: &BTreeMap<String, Option<&'static str>>,
    stated: &mut BTreeMap<String, String>,
) {
    for (name, value) in table {
        let path = if path.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{path}.{}", name.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(table) if !leaves.contains_key(&path) => {
                collect(text, table, &path, leaves, stated)
            }
            DeValue::Array(tables) if !leaves.contains_key(&path) => {
                tables.iter().filter_map(|table| table.get_ref().as_table()).for_each(|table| {
                    collect(text, table, &path, leaves, stated);
                });
            }
            DeValue::String(value) => drop(stated.insert(path, value.to_string())),
            _ => drop(stated.insert(path, text[value.span()].to_owned())),
        }
    }
}

/// The example with `# key = value` and `# [section]` as if they were not commented out.
fn uncommented() -> String {
    let is_key =
        |text: &str| text.split_once(" = ").is_some_and(|(key, _)| !key.contains([' ', '"']));
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
        Some(plain) if plain.starts_with('[') || is_key(plain) => plain,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}
