//! `forebay purge`: makes a running proxy forget stored responses.

use clap::{ArgGroup, Args};
use serde::Deserialize;

use super::Exit;
use super::admin::{AdminOptions, NotDone};
use super::say::{complain, say};
use crate::caching::purge::{BadSelector, Selector};
use crate::config::Environment;

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
    /// How long other replicas may take; a machine alone has purged before it answers
    #[arg(long, value_name = "DURATION")]
    wait: Option<String>,
}

/// Accepts what `parse` can read, as it was written.
fn checked(
    parse: fn(&str) -> Result<Selector, BadSelector>,
) -> impl Fn(&str) -> Result<String, BadSelector> + Clone + Send + Sync + 'static {
    move |text| parse(text).map(|_| text.to_owned())
}

/// What is answered.
#[derive(Debug, Deserialize)]
struct Done {
    id: String,
    matched: u64,
}

pub(super) fn run(options: &Options) -> Exit {
    match purge(options, &Environment::of_process()) {
        Ok(Done { id, matched }) => {
            say(format_args!("id={id} matched={matched}"));
            Exit::Done
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}

fn purge(options: &Options, environment: &Environment) -> Result<Done, NotDone> {
    options.admin.post(environment, "/api/purge", &options.order())
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
