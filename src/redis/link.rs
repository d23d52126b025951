//! The link itself.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::Options as Deadline;
use fred::types::{ClusterHash, CustomCommand, Value};
use fred::util::redis_keyslot;
use tokio::runtime::Handle;
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::address::Address;
use super::answer::{is_redirection, reply, trouble};
use super::breaker::Breaker;
use super::line::{Ending, Line};
use super::listener::{Listener, Message};
use super::operation::Lane;
use super::options::Options;
use super::watch::watch;
use super::{Around, Command, Operation, Reply, Script, Settings, Trouble};
use crate::clock::Stopwatch;

/// How much longer than the library itself we wait at most for it to give up an answer, so that it does not send later
/// what nobody waits for any more.
const LIBRARY_DELAY: Duration = Duration::from_millis(5);

/// The link to a Redis, a Valkey, or a cluster or a Sentinel's choice of them. It connects by itself, again and again.
pub struct Link {
    pub(super) core: Arc<Core>,
    _tasks: Vec<Ending<()>>,
}

/// What the link's tasks share with those who ask.
pub(super) struct Core {
    address: Address,
    prefix: String,
    timeout: Duration,
    pub(super) values: Lines,
    limits: Lines,
    log: Lines,
    messages: Arc<Line>,
    listener: Listener,
    breaker: Mutex<Breaker>,
    pub(super) around: Around,
}

/// Connections that are used in turn.
pub(super) struct Lines {
    pub(super) lines: Vec<Arc<Line>>,
    next: AtomicUsize,
}

impl Lines {
    fn new(count: usize) -> Self {
        Self { lines: (0..count).map(|_| Line::new()).collect(), next: AtomicUsize::new(0) }
    }

    /// The next one that is connected, of this thread's if it has any; or why none is.
    fn pick(&self) -> Result<(&Arc<Line>, Arc<Client>), Trouble> {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.lines.len().max(1);
        let (before, from) = self.lines.split_at(next);
        let in_turn = from.iter().chain(before);
        let here = thread::current().id();
        let near = in_turn.clone().filter(|line| line.is_driven_by(here));
        let connected =
            near.chain(in_turn).find_map(|line| line.client().map(|client| (line, client)));
        connected.ok_or_else(|| from.first().map_or(Trouble::Unreachable, |line| line.why()))
    }
}

impl Link {
    /// Begins to connect. To be called within a runtime, on which the connections are driven until the link is dropped,
    /// unless there are others around.
    ///
    /// # Errors
    /// Where the URL is none of a Redis, or nobody vouches for a server that speaks TLS; says what was expected.
    pub fn start(settings: Settings) -> Result<Self, String> {
        Self::start_within(settings, Around::default())
    }

    /// The same, and tells those around how it does.
    ///
    /// # Errors
    /// As [`Link::start`].
    pub fn start_within(settings: Settings, around: Around) -> Result<Self, String> {
        let address: Address =
            settings.url.parse().map_err(|expected| format!("expected {expected}"))?;
        let options = Arc::new(Options::of(&address, around.authorities.as_ref())?);
        let connections = settings.connections.max(1);
        let core = Arc::new(Core {
            address,
            listener: Listener::new(&settings.prefix),
            prefix: settings.prefix,
            timeout: settings.timeout,
            values: Lines::new(connections),
            limits: Lines::new(connections),
            log: Lines::new(1),
            messages: Line::new(),
            breaker: Mutex::default(),
            around,
        });
        let here = [Handle::current()];
        let there = match core.around.runtimes.as_slice() {
            [] => here.as_slice(),
            runtimes => runtimes,
        };
        // Those for limits begin where those for values end, so that each runtime has its share.
        let first = connections % there.len();
        let driven =
            [(&core.values, there, 0), (&core.limits, there, first), (&core.log, &here, 0)]
                .into_iter()
                .flat_map(|(of, there, first)| {
                    of.lines.iter().zip(there.iter().cycle().skip(first))
                });
        let mut tasks: Vec<_> = driven
            .map(|(line, runtime)| {
                let (line, options) = (Arc::clone(line), Arc::clone(&options));
                Ending(runtime.spawn(async move { line.keep(&options, None).await }))
            })
            .collect();
        let listening = Arc::clone(&core);
        tasks.push(Ending(tokio::spawn(async move {
            listening.messages.keep(&options, Some(&listening.listener)).await;
        })));
        tasks.push(Ending(tokio::spawn(watch(Arc::clone(&core)))));
        Ok(Self { core, _tasks: tasks })
    }

    /// A key of ours. What stands in `slot` tells which slot of a cluster it is in.
    pub fn key(&self, slot: &str, rest: &str) -> Bytes {
        format!("{}:{{{slot}}}{rest}", self.core.prefix).into()
    }

    /// The name of a channel of ours, as a script needs it that publishes.
    pub fn channel(&self, name: &str) -> Bytes {
        format!("{}:{name}", self.core.prefix).into()
    }

    /// How long any answer is awaited that a request waits for.
    pub fn timeout(&self) -> Duration {
        self.core.timeout
    }

    /// Where Redis is. Shows no credentials.
    pub fn address(&self) -> &Address {
        &self.core.address
    }

    /// Whether Redis is connected and has been answering.
    pub fn is_up(&self) -> bool {
        self.core.is_up()
    }

    /// Asks one command.
    ///
    /// # Errors
    /// Where there is no answer, or an error.
    pub async fn ask(&self, operation: Operation, command: Command) -> Result<Reply, Trouble> {
        self.core.ask(operation, command).await
    }

    /// Runs a script.
    ///
    /// # Errors
    /// Where there is no answer, or an error.
    pub async fn run(
        &self,
        operation: Operation,
        script: &Script,
        keys: &[Bytes],
        arguments: Vec<Bytes>,
    ) -> Result<Reply, Trouble> {
        let values = |body: Bytes| {
            let count = Bytes::from(keys.len().to_string());
            let rest = keys.iter().chain(&arguments).cloned();
            [body, count].into_iter().chain(rest).map(Value::Bytes).collect()
        };
        // A slot, not the place of the key: of a custom command the library minds nothing else.
        let slot = keys.first().map(|key| redis_keyslot(key));
        let custom = |name| CustomCommand::new_static(name, slot, false);
        self.core
            .attempt(operation, async |client, deadline| {
                let known = values(Bytes::copy_from_slice(script.digest().as_bytes()));
                match sent(client, deadline, custom("EVALSHA"), known).await {
                    Err(error) if error.details().starts_with("NOSCRIPT") => {
                        let whole = values(Bytes::from_static(script.text.as_bytes()));
                        sent(client, deadline, custom("EVAL"), whole).await
                    }
                    outcome => outcome,
                }
            })
            .await
    }

    /// Has messages of this channel passed on from now on, after every new connection too. Never waits for Redis.
    #[expect(clippy::unused_async, reason = "part of what the others count on")]
    pub async fn subscribe(&self, channel: &str) -> broadcast::Receiver<Message> {
        let (receiver, is_new) = self.core.listener.add(channel);
        if is_new {
            self.core.messages.doubt();
        }
        receiver
    }
}

impl Core {
    pub(super) fn is_up(&self) -> bool {
        !self.breaker().is_open() && self.log.pick().is_ok()
    }

    pub(super) async fn ask(
        &self,
        operation: Operation,
        command: Command,
    ) -> Result<Reply, Trouble> {
        let Command { name, arguments } = command;
        let custom = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let arguments: Vec<_> = arguments.into_iter().map(Value::Bytes).collect();
        self.attempt(operation, async |client, deadline| {
            sent(client, deadline, custom, arguments).await
        })
        .await
    }

    /// Makes an attempt in the time the operation has, and takes note of what came of it.
    async fn attempt(
        &self,
        operation: Operation,
        asked: impl AsyncFnOnce(&Client, &Deadline) -> Result<Value, Error>,
    ) -> Result<Reply, Trouble> {
        let Around { clock, counters, .. } = &self.around;
        let count = |trouble: Trouble| {
            if let Some(counters) = counters {
                counters.failed(operation.as_str(), trouble.as_str());
            }
            trouble
        };
        if !self.breaker().lets(operation, clock.now()) {
            return Err(count(Trouble::NotAsked));
        }
        let (line, client) = match self.lane(operation.lane()).pick() {
            Ok(picked) => picked,
            Err(why) => {
                // Nobody waits where there is no connection, so it is no reason to open the breaker; but nothing closes it.
                if operation == Operation::Probe {
                    self.breaker().learn(operation, Some(why), clock.now());
                }
                return Err(count(why));
            }
        };
        let patience = operation.patience(self.timeout);
        let deadline = Deadline { timeout: Some(patience), ..Deadline::default() };
        let stopwatch = Stopwatch::start();
        let outcome = match timeout(patience + LIBRARY_DELAY, asked(&client, &deadline)).await {
            Ok(Ok(value)) => reply(value),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Err(Trouble::Timeout),
        };
        if let Some(counters) = counters {
            counters.took(operation as usize, stopwatch.elapsed());
        }
        self.breaker().learn(operation, outcome.as_ref().err().copied(), clock.now());
        match outcome {
            Err(Trouble::Timeout) => line.doubt(),
            Err(Trouble::ReadOnly) => line.outdate(),
            _ => {}
        }
        outcome.map_err(count)
    }

    const fn lane(&self, lane: Lane) -> &Lines {
        match lane {
            Lane::Values => &self.values,
            Lane::Limits => &self.limits,
            Lane::Log => &self.log,
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a command; again, where another node of a cluster has its key.
async fn sent(
    client: &Client,
    deadline: &Deadline,
    command: CustomCommand,
    arguments: Vec<Value>,
) -> Result<Value, Error> {
    let asked = client.with_options(deadline);
    // Boxed: the library's future is large, and every request that might ask Redis would have room for several of them.
    let once = async |command, arguments| Box::pin(asked.custom(command, arguments)).await;
    if !client.is_clustered() {
        return once(command, arguments).await;
    }
    match once(command.clone(), arguments.clone()).await {
        Err(error) if is_redirection(&error) => once(command, arguments).await,
        outcome => outcome,
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Core { address, prefix, .. } = &*self.core;
        f.debug_struct("Link").field("address", address).field("prefix", prefix).finish()
    }
}
