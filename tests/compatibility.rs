//! The README's table of compatibility, held against the baseline of the public test suite.

#![allow(clippy::unwrap_used)]

const README: &str = include_str!("../README.md");
const BASELINE: &str = include_str!("conformance/baseline.txt");

/// Kind, outcome and id of each test.
fn tests() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    BASELINE.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split_whitespace();
        let (kind, outcome) = (words.next().unwrap(), words.next().unwrap());
        (kind, outcome, words.next().unwrap().split_once('/').unwrap().1)
    })
}

fn section() -> &'static str {
    let (_, section) = README.split_once("\n## Compatibility\n").unwrap();
    section.split("\n## ").next().unwrap()
}

#[test]
fn what_it_claims_is_what_the_baseline_says() {
    let [required, optional] = ["required", "optional"].map(|kind| {
        let outcomes: Vec<_> =
            tests().filter(|test| test.0 == kind).map(|(_, outcome, _)| outcome).collect();
        let passed = outcomes.iter().filter(|outcome| **outcome == "pass").count();
        format!("{passed} of {}", outcomes.len())
    });
    let row = format!("| **Forebay** | **{required}** | **{optional}** |");
    assert!(section().contains(&row), "the README should say\n{row}");
}

#[test]
fn every_expectation_that_is_not_met_is_listed_and_no_other() {
    let named: Vec<&str> = section()
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('|').nth(1).unwrap().split_whitespace())
        .map(|word| word.trim_matches('`'))
        .collect();
    let unmet: Vec<&str> = tests()
        .filter(|(kind, outcome, _)| *kind != "check" && *outcome != "pass")
        .map(|(_, _, id)| id)
        .collect();
    for id in &unmet {
        assert!(named.contains(id), "the README does not say why {id} is not met");
    }
    for id in &named {
        assert!(unmet.contains(id), "the README lists {id}, which is met");
    }
}
