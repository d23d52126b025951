//! The house rules of `src`: a part imports only from the floors below its own, and some crates stay in their room.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// From the ground up. Parts of one floor do not know each other.
const FLOORS: [&[&str]; 14] = [
    &["clock"],
    &["counters", "journal", "trust"],
    &["semantics"],
    &["caching", "identity"],
    &["body", "policy", "redis"],
    &["store", "upstream", "limit", "fleet"],
    &["cache"],
    &["respond", "explain", "purges"],
    &["service", "admin"],
    &["server"],
    &["config"],
    &["app"],
    &["cli"],
    &["main", "lib"],
];

/// A name, and the only places below `src` where it may stand.
const CONFINED: &[(&str, &[&str])] = &[
    ("Instant::now", &["clock.rs"]),
    ("SystemTime::now", &["clock.rs"]),
    ("aws_lc_rs::", &["identity/digest.rs", "trust.rs"]),
    ("brotli::", &["body/coder.rs"]),
    ("clap::", &["cli/"]),
    ("flate2::", &["body/coder.rs"]),
    ("fred::", &["redis/"]),
    ("httpdate::", &["semantics/date.rs"]),
    ("httparse::", &["upstream/head.rs"]),
    ("hyper::", &["server/", "upstream/attempt.rs"]),
    ("hyper::body::Incoming", &["server/connection.rs"]),
    ("hyper::server", &["server/"]),
    ("ipnet::", &["identity/networks.rs"]),
    ("jiff::", &["caching/wall_time.rs"]),
    ("jsonwebtoken::", &["identity/jwt.rs"]),
    ("moka::", &["store/memory.rs"]),
    ("prometheus_client::", &["counters/"]),
    ("rustls::", &["trust.rs", "upstream/tls.rs"]),
    ("rustls_native_certs::", &["trust.rs"]),
    ("serde::", &["config/", "admin/", "cli/", "identity/jwt/claims.rs", "purges/told.rs"]),
    (
        "serde_json::",
        &[
            "config/",
            "admin/",
            "cli/",
            "journal/",
            "policy/json_key.rs",
            "respond/synthetic.rs",
            "identity/jwt/claims.rs",
            "purges/told.rs",
        ],
    ),
    ("sfv::", &["caching/targeted.rs"]),
    ("socket2::", &["server/", "upstream/stream.rs", "upstream/tls.rs"]),
    ("rlimit::", &["server/", "app"]),
    ("strsim::", &["config/", "cli/"]),
    ("tokio_rustls::", &["upstream/tls.rs"]),
    ("toml::", &["config/"]),
];

/// Parts that decide and never wait.
const WITHOUT_TOKIO: [&str; 8] =
    ["clock", "counters", "journal", "semantics", "caching", "identity", "policy", "limit"];

#[test]
fn every_part_keeps_to_its_floor() {
    let mut faults = Vec::new();
    visit(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), "", &mut faults);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn visit(dir: &Path, prefix: &str, faults: &mut Vec<String>) {
    for found in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", found.file_name().to_str().unwrap());
        if found.file_type().unwrap().is_dir() {
            visit(&found.path(), &format!("{path}/"), faults);
        } else if path.ends_with(".rs") && !path.ends_with("/tests.rs") {
            check(&path, &fs::read_to_string(found.path()).unwrap(), faults);
        }
    }
}

/// Checks one file, at `path` below `src`.
fn check(path: &str, text: &str, faults: &mut Vec<String>) {
    let part = path.split(['/', '.']).next().unwrap();
    let Some(floor) = floor_of(part) else {
        return faults
            .push(format!("src/{path}: `{part}` has no floor; give it one in {}", file!()));
    };
    for (number, line) in code(text) {
        let mut fault = |what| faults.push(format!("src/{path}:{number}: {what}"));
        for other in imports(path, line).into_iter().filter(|other| *other != part) {
            match floor_of(other) {
                None if other.is_empty() => fault("one part a `use`".to_owned()),
                Some(theirs) if theirs > floor => {
                    fault(format!("`{part}` imports upward: {other}"))
                }
                Some(theirs) if theirs == floor => {
                    fault(format!("`{part}` imports sideways: {other}"))
                }
                _ => {}
            }
        }
        for &(name, rooms) in CONFINED {
            if names(line, name) && !rooms.iter().any(|room| path.starts_with(room)) {
                fault(format!("{name} belongs to {}", rooms.join(" ")));
            }
        }
        if names(line, "tokio::") && WITHOUT_TOKIO.contains(&part) {
            fault(format!("`{part}` is pure and does not know tokio"));
        }
    }
}

fn floor_of(part: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&part))
}

/// The parts that a line names by a path from the crate's root.
fn imports<'a>(path: &str, line: &'a str) -> Vec<&'a str> {
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    let after = roots
        .iter()
        .flat_map(|root| line.match_indices(root).map(|(at, _)| &line[at + root.len()..]));
    after.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()).collect()
}

/// Whether `name` stands in `line` as a path of its own, not as the end of a longer word.
fn names(line: &str, name: &str) -> bool {
    let longer = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(longer))
}

/// The numbered lines of a file without its comments and its `#[cfg(test)]` items.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut code = Vec::new();
    let mut lines =
        (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"));
    while let Some((number, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push((number, line));
            continue;
        }
        let end = line.replace("#[cfg(test)]", "}");
        let is_end = |(_, line): &(usize, &str)| {
            *line == end || (line.ends_with(';') && !line.starts_with(' '))
        };
        lines.by_ref().find(is_end);
    }
    code
}

#[test]
fn a_fault_is_found_with_its_line() {
    let mut faults = Vec::new();
    check(
        "policy/matcher.rs",
        "use crate::caching::Rules;\n// crate::cache\nuse crate::cache::Cache;",
        &mut faults,
    );
    check(
        "body/mod.rs",
        "use super::policy::Route;\n#[cfg(test)]\nmod tests {\n    use crate::app;\n}",
        &mut faults,
    );
    check("caching/key.rs", "use moka::sync::Cache;\nuse tokio::time;", &mut faults);
    check("helpers.rs", "", &mut faults);
    let starts: Vec<_> = faults.iter().map(|fault| fault.split(" `").next().unwrap()).collect();
    let moka = "src/caching/key.rs:1: moka:: belongs to store/memory.rs";
    assert_eq!(
        starts,
        [
            "src/policy/matcher.rs:3:",
            "src/body/mod.rs:1:",
            moka,
            "src/caching/key.rs:2:",
            "src/helpers.rs:"
        ]
    );
}
