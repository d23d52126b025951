//! `forebay explain`: what would be done with a request, and why.

use clap::Args;

use super::say::{complain, say};
use super::{Exit, FileOption, file};
use crate::app;
use crate::config::Environment;
use crate::explain::Question;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    file: FileOption,
    /// Its method
    method: String,
    /// Its URL, or a path
    url: String,
    /// A field of it
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Its content
    #[arg(short, long)]
    data: Option<String>,
    /// The address it comes from; else a stranger's
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,
    /// The status of the response to judge, in place of several that are usual
    #[arg(long)]
    status: Option<String>,
    /// A field of that response
    #[arg(short = 'R', long, value_name = "NAME: VALUE")]
    response_header: Vec<String>,
}

pub(super) fn run(options: &Options) -> Exit {
    match explain(options, &Environment::of_process()) {
        Ok(text) => {
            say(text.trim_end());
            Exit::Done
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}

fn explain(options: &Options, environment: &Environment) -> Result<String, String> {
    let question = options.question()?;
    let (_, loaded) = file::read(options.file.config.as_deref(), environment)
        .map_err(|error| error.to_string())?;
    // What an upstream begins while it is made needs a place to run, and never does.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let _runtime = runtime.enter();
    Ok(app::explain(loaded.settings, &question).to_string())
}

impl Options {
    fn question(&self) -> Result<Question, String> {
        let fields = self.header.iter().map(String::as_str);
        let mut question = Question::new(&self.method, &self.url, fields)?;
        if let Some(content) = &self.data {
            question = question.with_content(content.clone());
        }
        if let Some(client) = &self.client {
            question = question.from_client(client)?;
        }
        if self.status.is_some() || !self.response_header.is_empty() {
            let fields = self.response_header.iter().map(String::as_str);
            question = question.answered(self.status.as_deref().unwrap_or("200"), fields)?;
        }
        Ok(question)
    }
}
