//! `forebay`: serves until it is told to stop.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::say::complain;
use super::{Exit, FileOption, file};
use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::config::{self, Environment, Loaded, LogFormat, LogLevel, LogSettings, Settings};
use crate::journal::{Format, Journal, Level, Value};

/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    file: FileOption,
    /// Read no file: forward everything to this URL, with safe defaults
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    upstream: Option<String>,
    /// How long to keep responses that do not say it themselves
    #[arg(long, value_name = "DURATION", requires = "upstream")]
    default_ttl: Option<String>,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", requires = "upstream")]
    listen: Option<String>,
}

pub(super) fn run(options: &Options) -> Exit {
    let (source, loaded) = match load(options) {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let Loaded { settings, warnings } = loaded;
    let clock = Clock::system();
    let journal = open_journal(&settings.log);
    report_panics(&journal, &clock);
    if let Some(path) = source {
        let message = format!("configured by {}", path.display());
        journal.write(clock.now(), Level::Info, &message, &[]);
    }
    for warning in warnings {
        journal.write(clock.now(), Level::Warn, &warning.to_string(), &[]);
    }
    let exit = serve(settings, &journal, &clock);
    journal.flush(LAST_LINES);
    exit
}

/// The configuration that the options mean, and the file it stands in, if any.
fn load(options: &Options) -> Result<(Option<PathBuf>, Loaded), Exit> {
    let environment = Environment::of_process();
    let failed = |error: &dyn std::fmt::Display| {
        complain(error);
        Exit::Failed
    };
    if let Some(upstream) = &options.upstream {
        let (ttl, listen) = (options.default_ttl.as_deref(), options.listen.as_deref());
        let loaded = config::for_upstream(upstream, ttl, listen, &environment);
        return loaded.map(|loaded| (None, loaded)).map_err(|errors| failed(&errors));
    }
    match file::read(options.file.config.as_deref(), &environment) {
        Ok(file) => Ok((Some(file.path), file.loaded)),
        Err(error) => {
            failed(&error);
            if matches!(error, file::NoFile::Absent) {
                complain("or serve without one: forebay --upstream http://127.0.0.1:3000");
            }
            Err(Exit::Failed)
        }
    }
}

fn serve(settings: Settings, journal: &Journal, clock: &Clock) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed("no runtime", &error, journal, clock),
    };
    runtime.block_on(async {
        let signals = Stop::new().and_then(|stop| Ok((stop, signal(SignalKind::hangup())?)));
        let (mut stop, hang_ups) = match signals {
            Ok(signals) => signals,
            Err(error) => return failed("no signals", &error, journal, clock),
        };
        let app = match App::start(settings, journal, clock) {
            Ok(app) => app,
            Err(error) => {
                journal.write(clock.now(), Level::Error, &error.to_string(), &[]);
                return match error {
                    StartError::Bind(..) => Exit::NotBound,
                    StartError::Machine(_) => Exit::Failed,
                };
            }
        };
        tokio::spawn(tell_of(hang_ups, journal.clone(), clock.clone()));
        stop.asked().await;
        journal.write(clock.now(), Level::Info, "stopping", &[]);
        tokio::select! {
            () = app.drain() => {}
            () = stop.asked() => {}
        }
        Exit::Done
    })
}

fn failed(what: &str, error: &io::Error, journal: &Journal, clock: &Clock) -> Exit {
    let error = error.to_string();
    journal.write(clock.now(), Level::Error, what, &[("error", Value::Str(&error))]);
    Exit::Failed
}

/// The signals that ask to stop: the first for the requests under way to be answered, the second at once.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Keeps a hang-up from ending the program: whoever sends one asks for the configuration to be read again.
async fn tell_of(mut hang_ups: Signal, journal: Journal, clock: Clock) {
    while hang_ups.recv().await.is_some() {
        let message = "SIGHUP ignored: reloading the configuration is not in this build";
        journal.write(clock.now(), Level::Warn, message, &[]);
    }
}

fn open_journal(settings: &LogSettings) -> Journal {
    let format = match settings.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    let level = match settings.level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
    };
    Journal::start(format, level, standard_error())
}

/// Standard error without the standard library's lock: a writer that is stuck in a full pipe would keep it.
fn standard_error() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(owned) => Box::new(File::from(owned)),
        Err(_) => Box::new(io::sink()),
    }
}

/// A panic is a line of the journal like any other, and waits for standard error as little.
fn report_panics(journal: &Journal, clock: &Clock) {
    let (journal, clock) = (journal.clone(), clock.clone());
    panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let fields = [("at", Value::Str(&place))];
        journal.write(clock.now(), Level::Error, text.unwrap_or("panicked"), &fields);
    }));
}
