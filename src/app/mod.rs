//! The only place that builds, connects and reloads the parts, and chooses the runtimes they run on.

mod abilities;
mod cache;
mod explaining;
mod fixed;
mod fleet;
mod listeners;
mod machine;
mod maintenance;
mod observers;
mod redis;
mod reload;
mod rulebooks;
mod settings;
mod telling;
mod upstreams;
mod watch;
mod workers;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::admin::Admin;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{File, Settings};
use crate::counters::Counters;
use crate::fleet::Log;
use crate::journal::{Journal, Level};
use crate::purges::Purges;
use crate::server::{self, Handler, Listener, Server};
use crate::service::Service;

use fixed::Fixed;
use observers::{Observer, Reporter};
use reload::{Because, Reloader, Reloads};
use rulebooks::Rulebooks;
use workers::Workers;

pub use explaining::explain;
pub use settings::journal as journal_settings;

/// How long is waited at the end for what is still to be written to Redis.
const SETTLING: Duration = Duration::from_secs(1);

/// A running Forebay.
pub struct App {
    public: Arc<dyn Running>,
    admin: Option<Arc<dyn Running>>,
    reloads: Arc<Reloads>,
    leaving: Arc<AtomicBool>,
    drain_delay: Duration,
    journal: Journal,
    clock: Clock,
    cache: Arc<Cache>,
    log: Option<Arc<Log>>,
    _workers: Workers,
}

/// A server, whatever its handler.
trait Running: Send + Sync {
    /// See [`Server::drain`].
    fn drain(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
    /// See [`Server::adopt`].
    fn adopt(&self, settings: server::Settings);
}

impl<H: Handler> Running for Server<H> {
    fn drain(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(Self::drain(self))
    }

    fn adopt(&self, settings: server::Settings) {
        Self::adopt(self, settings);
    }
}

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// A listener's address could not be bound.
    Bind(String, io::Error),
    /// The machine refused something else.
    Machine(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Machine(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(_, error) | Self::Machine(error) => Some(error),
        }
    }
}

impl App {
    /// Builds everything, binds the listeners and serves. To be called within a runtime, which accepts; requests are
    /// served by worker threads of the app's own. The `settings` came from this `file`, if from any, to be read again.
    ///
    /// # Errors
    /// When an address cannot be bound, or a thread not be started.
    pub fn start(
        settings: Settings,
        file: Option<File>,
        journal: &Journal,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let bound: Vec<_> =
            settings.server.listen.iter().map(listeners::public).collect::<Result<_, _>>()?;
        let bound_admin =
            settings.admin.enabled.then(|| listeners::admin(&settings.admin.listen)).transpose()?;
        let most_files = machine::raise_open_files();
        let workers = Workers::start(settings.server.threads.unwrap_or_else(machine::cpus))
            .map_err(StartError::Machine)?;

        let counters = Counters::new(env!("CARGO_PKG_VERSION"));
        let link =
            redis::link(settings.redis.as_ref(), journal, clock, &counters, workers.handles());
        let log = fleet::log(settings.redis.as_ref(), link.as_ref(), clock);
        let cache = cache::cache(&settings, link.as_ref(), log.as_ref(), clock, &counters, journal);
        if let Some(log) = &log {
            fleet::follow(log, &cache, &counters, journal, clock);
        }
        let connections = settings::connections(
            &settings.server.limits,
            most_files.saturating_sub(machine::open_files()),
        );
        let server = settings::server(&settings.server, connections);
        let admin_server = settings::admin_server(server.clone());
        let access = settings::access(&settings.admin);
        let (fixed, is_watching) = (Fixed::of(&settings), settings.server.watch);
        let drain_delay = settings.server.drain_delay;
        let events = Arc::new(Reporter::new(journal, clock));
        let sharing = redis::sharing(link.as_ref(), log.as_ref());
        let mut rulebooks = Rulebooks::new(clock, &counters, events, sharing);
        let service = Arc::new(Service {
            rulebook: ArcSwap::from_pointee(rulebooks.next(settings, None)),
            cache: Arc::clone(&cache),
            purges: Arc::new(Purges::new(&counters, journal, clock)),
            wrong_tokens: Mutex::default(),
            leaving: Arc::default(),
            journal: journal.clone(),
            clock: clock.clone(),
        });

        let serving = Arc::clone(&service);
        let handler = move |request, target, peer: &_| serving.call(request, target, peer);
        let observer = Arc::new(Observer::new(&counters, &service));
        let public = Server::new(handler, server, clock.clone(), observer, workers.handles());
        let fronted = upstreams::told(&service.rulebook.load().upstreams);
        for (listener, address) in bound {
            let message = format!("listening on http://{address}, in front of {fronted}");
            journal.write(clock.now(), Level::Info, &message, &[]);
            spawn(&public, listener, journal, clock);
        }
        telling::tiers(&service, link.as_deref());
        telling::steps_outside(&service);
        let public: Arc<dyn Running> = Arc::new(public);

        let (reloads, asked) = Reloads::channel();
        let reloads = Arc::new(reloads);
        let admin = bound_admin.map(|(listener, address)| {
            let abilities = abilities::abilities(&service, &counters, &reloads, link.as_ref());
            let admin = Admin::new(access, abilities);
            let answering = Arc::clone(&admin);
            let handler = move |request, _, peer: &Arc<_>| answering.handle(request, peer);
            let events = Arc::new(());
            let server =
                Server::new(handler, admin_server, clock.clone(), events, workers.handles());
            journal.write(clock.now(), Level::Info, &format!("admin on {address}"), &[]);
            spawn(&server, listener, journal, clock);
            let running: Arc<dyn Running> = Arc::new(server);
            (admin, running)
        });
        maintenance::start(&service);
        let leaving = Arc::clone(&service.leaving);
        let reloader = Reloader {
            file,
            is_watching,
            fixed,
            connections,
            rulebooks,
            service,
            public: Arc::clone(&public),
            admin: admin.clone(),
            counters,
        };
        reloader.start(&reloads, asked).map_err(StartError::Machine)?;
        Ok(Self {
            public,
            admin: admin.map(|(_, running)| running),
            reloads,
            leaving,
            drain_delay,
            journal: journal.clone(),
            clock: clock.clone(),
            cache,
            log,
            _workers: workers,
        })
    }

    /// Reads the configuration again, as a signal asks for. The log tells what came of it.
    pub async fn reload(&self) {
        let _ = self.reloads.ask(Because::Signal).await;
    }

    /// Says that it is not ready, goes on for `drain_delay`, and then answers what was begun and closes the listeners; the
    /// admin listener last, so that it can be asked meanwhile.
    pub async fn drain(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        if !self.drain_delay.is_zero() {
            let message = format!("not ready; serving on for {:?}", self.drain_delay);
            self.journal.write(self.clock.now(), Level::Info, &message, &[]);
            tokio::time::sleep(self.drain_delay).await;
        }
        let in_time = self.public.drain().await;
        if !in_time {
            self.journal.write(
                self.clock.now(),
                Level::Warn,
                "connections cut at drain_timeout",
                &[],
            );
        }
        // What was fetched at the last is there for the replica that comes in its place.
        self.cache.settle(SETTLING).await;
        if let Some(log) = &self.log {
            log.leave().await;
        }
        if let Some(admin) = &self.admin {
            let _ = tokio::time::timeout(Duration::from_secs(1), admin.drain()).await;
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

fn spawn<H: Handler>(server: &Server<H>, listener: Listener, journal: &Journal, clock: &Clock) {
    let (server, journal, clock) = (server.clone(), journal.clone(), clock.clone());
    tokio::spawn(async move {
        if let Err(error) = server.serve(listener).await {
            journal.write(clock.now(), Level::Error, &format!("a listener failed: {error}"), &[]);
        }
    });
}
