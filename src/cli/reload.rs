//! `forebay reload`: has a running proxy read its configuration again.

use clap::Args;
use serde::Deserialize;

use super::Exit;
use super::admin::{AdminOptions, NotDone};
use super::say::{complain, say};
use crate::config::Environment;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
}

/// What is answered.
#[derive(Debug, Deserialize)]
struct Reloaded {
    restart_pending: Vec<String>,
    warnings: Vec<String>,
}

pub(super) fn run(options: &Options) -> Exit {
    match options.admin.post(&Environment::of_process(), "/api/reload", "{}") {
        Ok(Reloaded { restart_pending, warnings }) => {
            for warning in warnings {
                complain(format_args!("warning: {warning}"));
            }
            say("reloaded");
            if !restart_pending.is_empty() {
                say(format_args!("from the next start: {}", restart_pending.join(", ")));
            }
            Exit::Done
        }
        Err(NotDone::Refused(refused)) if refused.code == "bad-configuration" => {
            complain(refused.detail.unwrap_or_default());
            Exit::Failed
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}
