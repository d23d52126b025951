//! `forebay check`: what is wrong with the configuration.

use super::say::{complain, say};
use super::{Exit, FileOption, file};
use crate::config::Environment;

pub(super) fn run(options: &FileOption) -> Exit {
    match file::read(options.config.as_deref(), &Environment::of_process()) {
        Ok((file, loaded)) => {
            for warning in &loaded.warnings {
                complain(format_args!("warning: {warning}"));
            }
            say(format_args!("{} is good", file.path().display()));
            Exit::Done
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}
