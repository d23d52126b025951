//! The only place that builds and connects the parts, and chooses the runtimes they run on.

mod machine;
mod maintenance;
mod observers;
mod workers;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;

use crate::admin::{self, Abilities, Access, Admin, Unfinished};
use crate::cache::{self, Cache};
use crate::clock::Clock;
use crate::config::{self, AdminAddress, Capacity, Settings, UpstreamHost, UpstreamSettings};
use crate::counters::{Counters, Watched};
use crate::journal::{Journal, Level};
use crate::policy::{HostNames, Policy};
use crate::server::{self, Limits, Listener, Server};
use crate::service::{AccessLog, Hints, Rulebook, Service};
use crate::upstream::{HostField, ServerAddress, Timeouts, Upstream, Via};

use observers::Observer;
use workers::Workers;

/// The most memory that "auto" and percentages take.
const MOST_BY_SHARE: u64 = 1 << 30;
/// Connections to the admin listener, which are not among those of the public ones.
const ADMIN_CONNECTIONS: usize = 64;
/// The longest an idle connection to the admin listener is kept: its places are few, and who keeps one shuts others out.
const ADMIN_IDLE: Duration = Duration::from_secs(5);

/// A running Forebay.
pub struct App {
    public: Drainer,
    admin: Option<Drainer>,
    leaving: Arc<AtomicBool>,
    drain_delay: Duration,
    journal: Journal,
    clock: Clock,
    _workers: Workers,
}

/// How a server of whatever handler is drained.
type Drainer = Box<dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

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
    /// served by worker threads of the app's own.
    ///
    /// # Errors
    /// When an address cannot be bound, or a thread not be started.
    pub fn start(settings: Settings, journal: &Journal, clock: &Clock) -> Result<Self, StartError> {
        let listeners = settings
            .server
            .listen
            .iter()
            .map(|address| bind(*address))
            .collect::<Result<Vec<_>, _>>()?;
        let admin_listener =
            settings.admin.enabled.then(|| bind_admin(&settings.admin.listen)).transpose()?;
        let most_files = machine::raise_open_files();
        let workers = Workers::start(settings.server.threads.unwrap_or_else(machine::cpus))
            .map_err(StartError::Machine)?;

        let counters = Counters::new(env!("CARGO_PKG_VERSION"));
        let upstream = Arc::new(upstream(&settings.upstream, clock, &counters));
        let cache = cache(&settings, clock, &counters, journal);
        let limits =
            limits(&settings.server.limits, most_files.saturating_sub(machine::open_files()));
        let server_settings =
            server::Settings { limits, drain_timeout: settings.server.drain_timeout };
        let fronted = upstream.to_string();

        let service = Arc::new(service(
            settings.policy,
            &settings.server,
            &settings.log,
            &cache,
            &upstream,
            &counters,
            journal,
            clock,
        ));
        let observer = Arc::new(Observer::new(&counters, &service));
        let forgetful = Arc::clone(&service);
        let leaving = Arc::clone(&service.leaving);
        let handler = move |request, peer: &_| service.call(request, peer);
        let public = Server::new(
            handler,
            server_settings.clone(),
            clock.clone(),
            observer,
            workers.handles(),
        );
        for (listener, address) in listeners {
            journal.write(
                clock.now(),
                Level::Info,
                &format!("listening on http://{address}, in front of {fronted}"),
                &[],
            );
            spawn_server(&public, Listener::Tcp(listener), journal, clock);
        }

        let admin = admin_listener.map(|(listener, address)| {
            let admin = Admin::new(
                Access {
                    token: settings.admin.token.as_ref().map(|token| token.expose().to_owned()),
                    open: settings.admin.open.iter().map(|path| (*path).to_owned()).collect(),
                },
                abilities(forgetful, &upstream, &counters, journal, clock),
            );
            let limits = Limits {
                connections: ADMIN_CONNECTIONS,
                idle_timeout: server_settings.limits.idle_timeout.min(ADMIN_IDLE),
                ..server_settings.limits.clone()
            };
            let handler = move |request, peer: &Arc<_>| admin.handle(request, peer);
            let settings = server::Settings { limits, ..server_settings };
            let server =
                Server::new(handler, settings, clock.clone(), Arc::new(()), workers.handles());
            journal.write(clock.now(), Level::Info, &format!("admin on {address}"), &[]);
            spawn_server(&server, listener, journal, clock);
            drainer(server)
        });
        maintenance::start(&cache, &upstream);
        Ok(Self {
            public: drainer(public),
            admin,
            leaving,
            drain_delay: settings.server.drain_delay,
            journal: journal.clone(),
            clock: clock.clone(),
            _workers: workers,
        })
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
        let in_time = (self.public)().await;
        if !in_time {
            self.journal.write(
                self.clock.now(),
                Level::Warn,
                "connections cut at drain_timeout",
                &[],
            );
        }
        if let Some(admin) = &self.admin {
            let _ = tokio::time::timeout(Duration::from_secs(1), admin()).await;
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

fn drainer<H: server::Handler>(server: Server<H>) -> Drainer {
    Box::new(move || {
        let server = server.clone();
        Box::pin(async move { server.drain().await })
    })
}

fn spawn_server<H: server::Handler>(
    server: &Server<H>,
    listener: Listener,
    journal: &Journal,
    clock: &Clock,
) {
    let (server, journal, clock) = (server.clone(), journal.clone(), clock.clone());
    tokio::spawn(async move {
        if let Err(error) = server.serve(listener).await {
            journal.write(clock.now(), Level::Error, &format!("a listener failed: {error}"), &[]);
        }
    });
}

fn bind(address: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr), StartError> {
    let bound = server::bind(address).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| StartError::Bind(address.to_string(), error))
}

fn bind_admin(address: &AdminAddress) -> Result<(Listener, String), StartError> {
    match address {
        AdminAddress::Tcp(address) => bind(*address)
            .map(|(listener, address)| (Listener::Tcp(listener), format!("http://{address}"))),
        AdminAddress::Unix(path) => {
            let shown = |path: &PathBuf| format!("unix:{}", path.display());
            let listener =
                server::bind_unix(path).map_err(|error| StartError::Bind(shown(path), error))?;
            Ok((Listener::Unix(listener), shown(path)))
        }
    }
}

fn limits(settings: &config::ServerLimits, files: u64) -> Limits {
    Limits {
        connections: settings.connections.unwrap_or_else(|| machine::connections_within(files)),
        header_timeout: settings.header_timeout,
        idle_timeout: settings.idle_timeout,
        stall_timeout: settings.stall_timeout,
        request_head: usize::try_from(settings.request_head).unwrap_or(usize::MAX),
    }
}

fn upstream(settings: &UpstreamSettings, clock: &Clock, counters: &Arc<Counters>) -> Upstream {
    let host = match &settings.host {
        UpstreamHost::Client => HostField::Client,
        UpstreamHost::Upstream => HostField::Server,
        UpstreamHost::Name(name) => {
            HeaderValue::from_str(name).map_or(HostField::Client, HostField::Name)
        }
    };
    let servers = settings
        .servers
        .iter()
        .map(|server| ServerAddress { host: server.host.clone(), port: server.port });
    let settings = crate::upstream::Settings {
        servers: servers.collect(),
        host,
        timeouts: Timeouts {
            connect: settings.connect_timeout,
            response: settings.response_timeout,
            read: settings.read_timeout,
            queue: settings.queue_timeout,
            upgrade_idle: settings.upgrade_idle_timeout,
        },
        max_connections: settings.max_connections,
        idle_connections: settings.idle_connections,
        idle_timeout: settings.idle_timeout,
    };
    Upstream::new(settings, clock.clone(), counters.upstream("default"))
}

fn cache(
    settings: &Settings,
    clock: &Clock,
    counters: &Arc<Counters>,
    journal: &Journal,
) -> Arc<Cache> {
    let memory = &settings.cache.memory;
    let capacity = match memory.capacity {
        Capacity::Bytes(bytes) => bytes,
        Capacity::Share(share) => share.of(machine::memory()).min(MOST_BY_SHARE),
    };
    let evictions = Arc::new(AtomicU64::new(0));
    let evicted = Arc::clone(&evictions);
    let cache = Cache::new(
        cache::Settings {
            capacity,
            max_object: memory.max_object.min(capacity),
            collapse_timeout: settings.cache.collapse_timeout,
            uncacheable_for: settings.cache.uncacheable_for,
            error_ttl: settings.cache.error_ttl,
            stall_timeout: settings.server.limits.stall_timeout,
        },
        clock.clone(),
        Via::new(fastrand::u64(..)),
        move || {
            evicted.fetch_add(1, Ordering::Relaxed);
        },
    );
    let cache = Arc::new(cache);
    let (bytes, keys, journal) = (Arc::clone(&cache), Arc::clone(&cache), journal.clone());
    counters.watch(Watched::StoredBytes, move || bytes.memory().bytes());
    counters.watch(Watched::StoredResponses, move || keys.memory().keys());
    counters.watch(Watched::Evictions, move || evictions.load(Ordering::Relaxed));
    counters.watch(Watched::JournalDropped, move || journal.dropped());
    cache
}

#[allow(clippy::too_many_arguments, reason = "this is where the parts meet")]
fn service(
    policy: Policy,
    server: &config::ServerSettings,
    log: &config::LogSettings,
    cache: &Arc<Cache>,
    upstream: &Arc<Upstream>,
    counters: &Arc<Counters>,
    journal: &Journal,
    clock: &Clock,
) -> Service {
    let routes = policy.routes().iter().chain([policy.fallback()]);
    let rulebook = Rulebook {
        hints: Hints::new(routes.clone().count()),
        counters: routes.map(|route| counters.route(&route.name)).collect(),
        upstreams: vec![Arc::clone(upstream)],
        hosts: HostNames::new(&server.hosts),
        health_path: server.health_path.as_deref().map(Box::from),
        request_body: server.limits.request_body,
        access: access_log(log),
        policy,
    };
    Service {
        rulebook: ArcSwap::from_pointee(rulebook),
        cache: Arc::clone(cache),
        leaving: Arc::default(),
        journal: journal.clone(),
        clock: clock.clone(),
    }
}

fn access_log(settings: &config::LogSettings) -> AccessLog {
    let (sample, failed) = match settings.access {
        config::AccessLog::All => (1_000_000, true),
        config::AccessLog::Errors => (0, true),
        config::AccessLog::Off => (0, false),
        config::AccessLog::Sample(share) => (share.millionths(), true),
    };
    AccessLog { sample, failed, slow: settings.slow, query: settings.query }
}

fn abilities(
    service: Arc<Service>,
    upstream: &Arc<Upstream>,
    counters: &Arc<Counters>,
    journal: &Journal,
    clock: &Clock,
) -> Abilities {
    let (read, servers) = (Arc::clone(&service.cache), Arc::clone(upstream));
    let leaving = Arc::clone(&service.leaving);
    Abilities {
        readiness: Arc::new(move || admin::Readiness {
            ready: !leaving.load(Ordering::Relaxed),
            memory: admin::Memory {
                stored_bytes: read.memory().bytes(),
                capacity_bytes: read.capacity(),
                stored_responses: read.memory().keys(),
            },
            servers: servers
                .servers()
                .into_iter()
                .map(|(server, healthy)| admin::Server {
                    upstream: "default".to_owned(),
                    server,
                    healthy,
                })
                .collect(),
        }),
        counters: Arc::clone(counters),
        forget: Arc::new(move |purge| {
            let service = Arc::clone(&service);
            Box::pin(async move {
                let purging = tokio::task::spawn_blocking(move || service.purge(purge)).await;
                purging.map(|purging| purging.matched).map_err(|_| Unfinished)
            })
        }),
        journal: journal.clone(),
        clock: clock.clone(),
    }
}
