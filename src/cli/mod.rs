//! The command line: one file a subcommand.

mod admin;
mod check;
mod explain;
mod file;
mod purge;
mod reload;
mod say;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A reverse caching proxy: one TOML file of routes and lifetimes in front of an app you already have.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, args_conflicts_with_subcommands = true, after_help = EXITS)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong with the configuration, without serving anything
    Check(FileOption),
    /// Say what would be done with a request, and why, without serving anything
    Explain(explain::Options),
    /// Make a running proxy forget stored responses
    Purge(purge::Options),
    /// Have a running proxy read its configuration again
    Reload(reload::Options),
}

/// Which file to read.
#[derive(Debug, Args)]
struct FileOption {
    /// The configuration; else $FOREBAY_CONFIG, ./config.toml, /etc/forebay/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EXITS: &str =
    "Exit status: 0 stopped as asked, 1 bad configuration, 2 bad usage, 3 could not bind";

/// How the program ends. Wrong arguments end it with 2, before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done, or stopped as asked.
    Done = 0,
    /// The configuration is bad, the machine refuses what is needed, or what was asked of a running proxy could not be
    /// done.
    Failed = 1,
    /// An address could not be listened on.
    NotBound = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Does what the process's arguments ask for.
pub fn run() -> ExitCode {
    let Cli { command, serve } = Cli::parse();
    let exit = match command {
        None => serve::run(&serve),
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Explain(options)) => explain::run(&options),
        Some(Command::Purge(options)) => purge::run(&options),
        Some(Command::Reload(options)) => reload::run(&options),
    };
    exit.into()
}

#[cfg(test)]
mod tests;
