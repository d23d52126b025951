//! `forebay`: serves until it is told to stop.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::say::complain;
use super::{Exit, FileOption, file};
use crate::app::{App, StartError, journal_settings};
use crate::clock::Clock;
use crate::config::{self, Environment, File, Loaded};
use crate::journal::{Journal, Level, Value};

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let signals = runtime.and_then(|runtime| {
        let _runtime = runtime.enter();
        // A hang-up that comes while the configuration is still being read must not end the program.
        Ok((Signals::new()?, runtime))
    });
    let (signals, runtime) = match signals {
        Ok(found) => found,
        Err(error) => {
            complain(format_args!("cannot start: {error}"));
            return Exit::Failed;
        }
    };
    let (file, loaded) = match load(options) {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let clock = Clock::system();
    let (format, level) = journal_settings(&loaded.settings.log);
    let journal = Journal::start(format, level, standard_error());
    report_panics(&journal, &clock);
    if let Some(file) = &file {
        let message = format!("configured by {}", file.path().display());
        journal.write(clock.now(), Level::Info, &message, &[]);
    }
    for warning in &loaded.warnings {
        journal.write(clock.now(), Level::Warn, &warning.to_string(), &[]);
    }
    let exit = runtime.block_on(serve(loaded, file, signals, &journal, &clock));
    journal.flush(LAST_LINES);
    exit
}

/// The configuration that the options mean, and the file it stands in, if any.
fn load(options: &Options) -> Result<(Option<File>, Loaded), Exit> {
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
        Ok((file, loaded)) => Ok((Some(file), loaded)),
        Err(error) => {
            failed(&error);
            if matches!(error, file::NoFile::Absent) {
                complain("or serve without one: forebay --upstream http://127.0.0.1:3000");
            }
            Err(Exit::Failed)
        }
    }
}

async fn serve(
    loaded: Loaded,
    file: Option<File>,
    signals: Signals,
    journal: &Journal,
    clock: &Clock,
) -> Exit {
    let Signals { mut stop, mut hang_up } = signals;
    let app = match App::start(loaded.settings, file, journal, clock) {
        Ok(app) => app,
        Err(error) => {
            journal.write(clock.now(), Level::Error, &error.to_string(), &[]);
            return match error {
                StartError::Bind(..) => Exit::NotBound,
                StartError::Machine(_) => Exit::Failed,
            };
        }
    };
    let reloading = async {
        while hang_up.recv().await.is_some() {
            app.reload().await;
        }
        std::future::pending().await
    };
    let stopping = async {
        stop.asked().await;
        journal.write(clock.now(), Level::Info, "stopping", &[]);
        tokio::select! {
            () = app.drain() => {}
            () = stop.asked() => {}
        }
    };
    tokio::select! {
        () = stopping => Exit::Done,
        exit = reloading => exit,
    }
}

/// Everything the program listens for.
struct Signals {
    stop: Stop,
    /// Whoever sends this asks for the configuration to be read again.
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { stop: Stop::new()?, hang_up: signal(SignalKind::hangup())? })
    }
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

/// Standard error without the standard library's lock: a writer that is stuck in a full pipe would keep it.
fn standard_error() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(owned) => Box::new(std::fs::File::from(owned)),
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
