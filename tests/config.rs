//! The mistakes people make in a configuration, and what they are told: each `tests/config/NAME.toml` with the exact text
//! in `NAME.txt` beside it. A line `# env: NAME=value` in the file sets a variable. `BLESS=1` writes the texts anew.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use forebay::config::{self, Environment};

#[test]
fn every_mistake_is_answered_as_its_golden_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 25, "only {} files", files.len());
    let differing: Vec<_> = files.iter().filter_map(|file| difference(file)).collect();
    assert!(differing.is_empty(), "\n{}", differing.join("\n"));
}

/// What is said of `file`, if it is not what is expected.
fn difference(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).unwrap();
    let said = answer(&text);
    let golden = file.with_extension("txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, &said).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    (said != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- said\n{said}", file.display()))
}

fn answer(text: &str) -> String {
    let variables = text.lines().filter_map(|line| line.strip_prefix("# env: ")?.split_once('='));
    let environment: Environment =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    match config::load(text, "config.toml", &environment) {
        Ok(loaded) => {
            loaded.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
        }
        Err(errors) => format!("{errors}\n"),
    }
}

proptest::proptest! {
    /// Whatever the text, it is taken or refused, and every problem is somewhere in it.
    #[test]
    fn no_text_is_too_strange(cuts in proptest::collection::vec((0_usize..8000, 0_usize..8000, "[\\[\\]{}\"'=#$ä\n\r\t a0.-]{0,4}"), 0..6)) {
        let mut text = include_str!("../config.toml.example").replace("\n# ", "\n");
        for (from, to, insert) in cuts {
            let from = text.floor_char_boundary(from.min(text.len()));
            let to = text.floor_char_boundary((from + to % 40).min(text.len())).max(from);
            text.replace_range(from..to, &insert);
        }
        if let Err(errors) = config::load(&text, "config.toml", &Environment::default()) {
            assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                let config::Origin::File { line, .. } = problem.origin else { panic!("{problem}") };
                assert!(line <= text.split('\n').count(), "{problem}");
            }
        }
    }
}
