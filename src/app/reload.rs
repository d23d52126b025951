//! Reading the configuration again while the program runs.
//!
//! One thread does it, whoever asks, so that two reloads never mix; whatever takes long takes long there. A configuration
//! that is wrong in anything changes nothing.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::fixed::Fixed;
use super::rulebooks::Rulebooks;
use super::watch::Watch;
use super::{Running, settings, telling};
use crate::admin::{Admin, Configuration, NotReloaded, Reloaded};
use crate::config::{File, Loaded, Settings};
use crate::counters::Counters;
use crate::journal::{Level, Value};
use crate::service::Service;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Of everything that is wrong with a configuration, so much is written down.
const MOST_LINES: usize = 20;

/// Who has the configuration read again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Because {
    Signal,
    Admin,
    Changed,
}

impl Because {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "SIGHUP",
            Self::Admin => "admin",
            Self::Changed => "changed",
        }
    }
}

/// What came of it.
pub(super) type Outcome = Result<Reloaded, NotReloaded>;

type Ask = (Because, oneshot::Sender<Outcome>);

/// Asks for reloads. The thread that does them ends with this.
pub(super) struct Reloads {
    asks: mpsc::Sender<Ask>,
    configuration: Arc<Mutex<Configuration>>,
}

impl Reloads {
    /// What is asked by this, and what hears it.
    pub(super) fn channel() -> (Self, mpsc::Receiver<Ask>) {
        let (asks, asked) = mpsc::channel();
        (Self { asks, configuration: Arc::default() }, asked)
    }

    /// Has the configuration read again. The outcome is told later, or never where nobody is there to do it.
    pub(super) fn ask(&self, because: Because) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        let _ = self.asks.send((because, reply));
        outcome
    }

    /// What became of the last one.
    pub(super) fn configuration(&self) -> Configuration {
        self.configuration.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Everything that a reload reaches.
pub(super) struct Reloader {
    /// `None` where the command line was all there was.
    pub(super) file: Option<File>,
    pub(super) is_watching: bool,
    pub(super) fixed: Fixed,
    /// Connections at once, which stay as many as they are.
    pub(super) connections: usize,
    pub(super) rulebooks: Rulebooks,
    pub(super) service: Arc<Service>,
    pub(super) public: Arc<dyn Running>,
    pub(super) admin: Option<(Arc<Admin>, Arc<dyn Running>)>,
    pub(super) counters: Arc<Counters>,
}

impl Reloader {
    /// Does what is asked by `reloads`, and looks at the files now and then, on a thread of its own. What it makes runs on
    /// this runtime.
    pub(super) fn start(mut self, reloads: &Reloads, asked: mpsc::Receiver<Ask>) -> io::Result<()> {
        let (runtime, configuration) = (Handle::current(), Arc::clone(&reloads.configuration));
        let run = move || {
            let _runtime = runtime.enter();
            let mut watch = Watch::default();
            loop {
                let (because, reply) = match asked.recv_timeout(EVERY) {
                    Ok((because, reply)) => (because, Some(reply)),
                    Err(RecvTimeoutError::Timeout) if self.sees_change(&mut watch) => {
                        (Because::Changed, None)
                    }
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let outcome = self.read().map(|loaded| self.apply(loaded));
                self.report(because, &outcome, &configuration);
                // Whoever asked may have left.
                let _ = reply.map(|reply| reply.send(outcome));
            }
        };
        thread::Builder::new().name("reload".to_owned()).spawn(run).map(drop)
    }

    fn sees_change(&self, watch: &mut Watch) -> bool {
        let file = self.file.as_ref().filter(|_| self.is_watching && !self.is_leaving());
        file.is_some_and(|file| watch.sees_change(file))
    }

    fn is_leaving(&self) -> bool {
        self.service.leaving.load(Ordering::Relaxed)
    }

    fn read(&mut self) -> Result<Loaded, NotReloaded> {
        if self.is_leaving() {
            return Err(NotReloaded::Stopping);
        }
        let file = self.file.as_mut().ok_or(NotReloaded::NoFile)?;
        file.read().map_err(|unusable| NotReloaded::Bad(unusable.lines()))
    }

    /// Puts a good configuration in force. Nothing here can fail.
    fn apply(&mut self, loaded: Loaded) -> Reloaded {
        let Loaded { settings, warnings, .. } = loaded;
        let restart_pending = self.fixed.pending(&Fixed::of(&settings));
        self.is_watching = settings.server.watch;
        let server = settings::server(&settings.server, self.connections);
        let (format, level) = settings::journal(&settings.log);
        let cache = settings::cache(&settings, self.service.cache.capacity());
        let access = settings::access(&settings.admin);
        self.replace_rulebook(settings);
        self.service.cache.adopt(cache);
        self.service.journal.adjust(format, level);
        if let Some((admin, running)) = &self.admin {
            admin.adopt(access);
            running.adopt(settings::admin_server(server.clone()));
        }
        self.public.adopt(server);
        Reloaded { restart_pending, warnings: warnings.iter().map(ToString::to_string).collect() }
    }

    fn replace_rulebook(&mut self, settings: Settings) {
        let before = self.service.rulebook.load_full();
        let rulebook = self.rulebooks.next(settings, Some(&before));
        self.service.rulebook.store(Arc::new(rulebook));
    }

    /// Tells of it in the log, the metrics and `/readyz`.
    fn report(&self, because: Because, outcome: &Outcome, told: &Mutex<Configuration>) {
        let fields = [("because", Value::Str(because.as_str()))];
        let say = |level, message: &str| {
            self.service.journal.write(self.service.clock.now(), level, message, &fields);
        };
        let mut configuration = told.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(Reloaded { restart_pending, warnings }) => {
                for warning in warnings {
                    say(Level::Warn, warning);
                }
                say(Level::Info, "configuration reloaded");
                telling::steps_outside(&self.service);
                if !restart_pending.is_empty() {
                    let keys = restart_pending.join(", ");
                    say(Level::Warn, &format!("what takes effect at the next start: {keys}"));
                }
                self.counters.config_reloaded(true);
                self.counters.restart_pending(restart_pending.len());
                *configuration = Configuration {
                    last_reload_successful: true,
                    errors: Vec::new(),
                    restart_pending: restart_pending.clone(),
                };
            }
            Err(NotReloaded::Bad(errors)) => {
                for error in errors.iter().take(MOST_LINES) {
                    say(Level::Error, &format!("configuration not reloaded: {error}"));
                }
                self.counters.config_reloaded(false);
                configuration.last_reload_successful = false;
                configuration.errors.clone_from(errors);
            }
            Err(NotReloaded::NoFile) => {
                say(Level::Warn, "nothing to reload: the configuration is in no file")
            }
            Err(NotReloaded::Stopping) => say(Level::Warn, "not reloaded: about to stop"),
            // Told by those who never hear of an end.
            Err(NotReloaded::Unfinished) => {}
        }
    }
}
