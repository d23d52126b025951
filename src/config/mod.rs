//! The configuration: flags, environment variables and a TOML file in, checked settings out.
//!
//! Each section has a file with the struct it becomes and, below it, the lines that read it: one line a key, with its
//! name, its default and its kind. That line is all there is to add for a new key; unknown keys, suggestions, environment
//! variables and the check of `config.toml.example` follow from it. See `table` for how.

mod address;
mod admin;
mod cache;
mod compression;
mod environment;
mod field_edits;
mod file;
mod identity;
mod jwt;
mod key;
mod kinds;
mod known;
mod lifetime;
mod log;
mod nearest;
mod networks;
mod problem;
mod rate;
mod rate_limit;
mod reader;
mod redis;
mod respond;
mod route;
mod routes;
mod secret;
mod server;
mod settings;
mod source;
mod surprises;
mod syntax;
mod table;
mod units;
mod upstream;
mod upstreams;
mod value;
mod wrong;

pub use admin::{AdminAddress, AdminSettings};
pub use cache::{CacheSettings, Capacity, MemorySettings, SecondTierSettings};
pub use environment::Environment;
pub use file::{File, Unusable};
pub use log::{AccessLog, LogFormat, LogLevel, LogSettings};
pub use problem::{Errors, Origin, Problem};
pub use rate_limit::RateLimitSettings;
pub use redis::RedisSettings;
pub use secret::Secret;
pub use server::{ServerLimits, ServerSettings};
pub use settings::Settings;
pub use units::{Share, duration_of};
pub use upstream::UpstreamSettings;

use std::collections::BTreeSet;
use std::path::PathBuf;

use known::Known;
use reader::{Findings, Flag, Reader};
use source::Source;
use table::Table;

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// What may not be meant as it is, from the file's top.
    pub warnings: Vec<Problem>,
    /// The files that it names and that were read for it.
    pub files: Vec<PathBuf>,
}

/// Checks the configuration file `file`, whose content is `text`, in an `environment` whose settings overrule it.
///
/// # Errors
///
/// Everything that is wrong with it; where it is not TOML, only what makes it so.
pub fn load(text: &str, file: &str, environment: &Environment) -> Result<Loaded, Errors> {
    let (settings, findings) = read(&Source::new(file, text), &[], environment)?;
    judge(settings, findings)
}

/// The configuration without a file: `forebay --upstream URL [--default-ttl 10s] [--listen ADDR]`. Flags overrule the
/// `environment`.
///
/// # Errors
///
/// Everything that is wrong with the flags and the variables.
pub fn for_upstream(
    upstream: &str,
    default_ttl: Option<&str>,
    listen: Option<&str>,
    environment: &Environment,
) -> Result<Loaded, Errors> {
    let servers = format!("[{upstream:?}]");
    let listen = listen.map(|address| format!("[{address:?}]"));
    let flags = [
        Some(("--upstream", "upstream.servers", servers.as_str())),
        default_ttl.map(|ttl| ("--default-ttl", "cache.default_ttl", ttl)),
        listen.as_deref().map(|addresses| ("--listen", "server.listen", addresses)),
    ];
    let flags: Vec<Flag<'_>> = flags.into_iter().flatten().collect();
    let (settings, findings) = read(&Source::new("no file", ""), &flags, environment)?;
    judge(settings, findings)
}

/// What could be made of it all, and everything found on the way.
fn read(
    source: &Source<'_>,
    flags: &[Flag<'_>],
    environment: &Environment,
) -> Result<(Option<Settings>, Findings), Errors> {
    let document = syntax::parse(source).map_err(|problems| Errors::new(problems, Vec::new()))?;
    let reader = Reader::new(source.clone(), flags, environment);
    let settings = Table::root(&reader, &document).read(Settings::read);
    let mut findings = reader.finish();
    if !findings.unknown.is_empty() {
        let known = every_key();
        findings.problems.extend(findings.unknown.iter().map(|unknown| unknown.problem(&known)));
    }
    Ok((settings, findings))
}

/// Every key there is, as reading an empty file with one route asks for them.
fn every_key() -> BTreeSet<Known> {
    let read = read(&Source::new("", "[[route]]"), &[], &Environment::default());
    read.map(|(_, findings)| findings.known).unwrap_or_default()
}

/// Settings are given out only where nothing is wrong.
fn judge(settings: Option<Settings>, findings: Findings) -> Result<Loaded, Errors> {
    match settings {
        Some(settings) if findings.problems.is_empty() => {
            let mut warnings = findings.warnings;
            warnings.sort();
            Ok(Loaded { settings, warnings, files: findings.files })
        }
        _ => Err(Errors::new(findings.problems, findings.files)),
    }
}

#[cfg(test)]
mod tests;
