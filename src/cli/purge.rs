//! `forebay purge`: makes a running proxy, and those it shares a Redis with, forget stored responses.

use std::time::Duration;

use clap::{ArgGroup, Args};
use serde::Deserialize;

use super::Exit;
use super::admin::{AdminOptions, NotDone};
use super::say::{complain, say};
use crate::caching::purge::{BadSelector, Selector};
use crate::clock::Stopwatch;
use crate::config::{Environment, duration_of};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["url", "prefix", "tag", "route", "all"])))]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    /// The response of this URL, or of this path on every host
    #[arg(long, value_parser = checked(Selector::url))]
    url: Option<String>,
    /// All whose URL, or path, begins with this
    #[arg(long, value_parser = checked(Selector::prefix))]
    prefix: Option<String>,
    /// All that carry one of these tags
    #[arg(long, num_args = 1.., value_parser = checked(Selector::tag))]
    tag: Vec<String>,
    /// All that this route stored
    #[arg(long, value_parser = checked(Selector::route))]
    route: Option<String>,
    /// All
    #[arg(long)]
    all: bool,
    /// Keep them, but validate each before it is used again
    #[arg(long)]
    soft: bool,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
    /// How long to wait until every replica has applied it, 0s for not at all; a machine alone has purged before it answers
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration_of)]
    wait: Duration,
}

/// Accepts what `parse` can read, as it was written.
fn checked(
    parse: fn(&str) -> Result<Selector, BadSelector>,
) -> impl Fn(&str) -> Result<String, BadSelector> + Clone + Send + Sync + 'static {
    move |text| parse(text).map(|_| text.to_owned())
}

/// The longest that one answer is waited for.
const ONE_WAIT: Duration = Duration::from_secs(20);

/// What is answered.
#[derive(Debug, Deserialize)]
struct Done {
    id: String,
    /// `None` while it is being counted.
    matched: Option<u64>,
    /// Whether the other replicas are told; `None` where there are none, or nothing to tell.
    logged: Option<bool>,
}

/// What is answered later.
#[derive(Debug, Deserialize)]
struct Outcome {
    matched: Option<u64>,
    applied: bool,
}

pub(super) fn run(options: &Options) -> Exit {
    match purge(options, &Environment::of_process()) {
        Ok(true) => Exit::Done,
        Ok(false) => {
            let wait = options.wait;
            complain(format_args!("not applied by every replica within {wait:?}; it will be"));
            Exit::Failed
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}

/// Whether nobody serves any more what was purged, as far as that was waited for.
fn purge(options: &Options, environment: &Environment) -> Result<bool, NotDone> {
    let Done { id, matched, logged } =
        options.admin.post(environment, "/api/purge", &options.order())?;
    let (mut outcome, watch) = (Outcome { matched, applied: logged.is_none() }, Stopwatch::start());
    while !(outcome.applied && outcome.matched.is_some()) {
        let left = options.wait.saturating_sub(watch.elapsed()).min(ONE_WAIT);
        if left.is_zero() {
            break;
        }
        let path = format!("/api/purge/{id}?wait={}ms", left.as_millis());
        outcome = options.admin.get(environment, &path)?;
    }
    match outcome.matched {
        Some(matched) => say(format_args!("id={id} matched={matched}")),
        None => say(format_args!("id={id}")),
    }
    Ok(outcome.applied || options.wait.is_zero())
}

impl Options {
    /// What is asked for, as the admin listener reads it.
    fn order(&self) -> String {
        serde_json::json!({
            "url": self.url.as_slice(),
            "prefix": self.prefix.as_slice(),
            "tag": self.tag,
            "route": self.route.as_slice(),
            "all": self.all,
            "soft": self.soft,
            "dry_run": self.dry_run,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests;
