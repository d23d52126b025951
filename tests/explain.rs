//! `forebay explain`, asked about requests that every rule has a part in: each `tests/explain/NAME.txt` begins with the
//! command, and the rest is the exact text that answers it, for the configuration beside it. `BLESS=1` writes the texts
//! anew.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_question_is_answered_as_its_golden_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    assert!(files.len() >= 10, "only {} files", files.len());
    let differing: Vec<_> =
        files.iter().filter_map(|file| difference(file, &folder.join("config.toml"))).collect();
    assert!(differing.is_empty(), "\n{}", differing.join("\n"));
}

/// What is said to the question in `file`, if it is not what is expected.
fn difference(file: &Path, config: &Path) -> Option<String> {
    let expected = fs::read_to_string(file).unwrap();
    let command = expected.lines().next().unwrap();
    let arguments = command.strip_prefix("$ forebay explain ").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(["explain", "--config"])
        .arg(config)
        .args(words(arguments))
        .env_clear()
        .output()
        .unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(answer.lines().count() <= 40, "more than a screen:\n{answer}");
    assert!(!answer.contains("sesame"), "a secret is shown:\n{answer}");
    let said = format!("{command}\n{answer}");
    if std::env::var_os("BLESS").is_some() {
        fs::write(file, &said).unwrap();
        return None;
    }
    (said != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- said\n{said}", file.display()))
}

/// The words of a command line, in which only `'` quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
