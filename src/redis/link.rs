//! The link itself. The one user of fred.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::{Pool, SubscriberClient};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::config::{Config, ReconnectPolicy, UnresponsiveConfig};
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::operation::Lane;
use super::{Command, Operation, Reply, Script, Settings, Trouble};

/// How long the connecting of a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Commands that may wait for a connection.
const MOST_WAITING: usize = 4096;
/// Messages that may wait for whoever listens.
const MOST_MESSAGES: usize = 1024;

/// The link to a Redis, a Valkey, or a cluster or a Sentinel's choice of them. It connects by itself, again and again.
pub struct Link {
    settings: Settings,
    values: Pool,
    limits: Pool,
    log: Pool,
    subscriber: SubscriberClient,
    messages: broadcast::Sender<Message>,
}

/// What somebody published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where, without the prefix.
    pub channel: String,
    /// What.
    pub payload: Bytes,
}

impl Link {
    /// Begins to connect. To be called within a runtime, on which the connections are driven.
    ///
    /// # Errors
    /// Where the URL is none of a Redis; says why.
    pub fn start(settings: Settings) -> Result<Self, String> {
        let mut config = Config::from_url(&settings.url).map_err(|error| error.to_string())?;
        config.fail_fast = false;
        let mut builder = Builder::from_config(config);
        builder
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .with_performance_config(|performance| {
                performance.default_command_timeout = settings.timeout;
            })
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT_TIMEOUT;
                connection.internal_command_timeout = 2 * CONNECT_TIMEOUT;
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = MOST_WAITING;
                connection.reconnect_on_auth_error = true;
                connection.unresponsive = UnresponsiveConfig {
                    max_timeout: Some(Duration::from_secs(2)),
                    interval: Duration::from_millis(500),
                };
            });
        let connections = settings.connections.max(1);
        let pool = |size| builder.build_pool(size).map_err(|error| error.to_string());
        let (values, limits, log) = (pool(connections)?, pool(connections)?, pool(1)?);
        let subscriber = builder.build_subscriber_client().map_err(|error| error.to_string())?;
        let (messages, _) = broadcast::channel(MOST_MESSAGES);
        let link = Self { settings, values, limits, log, subscriber, messages };
        for pool in [&link.values, &link.limits, &link.log] {
            pool.connect();
        }
        link.subscriber.connect();
        link.subscriber.manage_subscriptions();
        link.pass_messages_on();
        Ok(link)
    }

    /// A key of ours. What stands in `slot` tells which slot of a cluster it is in.
    pub fn key(&self, slot: &str, rest: &str) -> Bytes {
        format!("{}:{{{slot}}}{rest}", self.settings.prefix).into()
    }

    /// How long any answer is awaited.
    pub const fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Asks one command.
    ///
    /// # Errors
    /// Where there is no answer, or an error.
    pub async fn ask(&self, operation: Operation, command: Command) -> Result<Reply, Trouble> {
        self.within(self.send(operation, command)).await
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
        let call = |name, body: Bytes| {
            let count = Bytes::from(keys.len().to_string());
            let rest = keys.iter().chain(&arguments).cloned();
            Command { name, arguments: [body, count].into_iter().chain(rest).collect() }
        };
        let known = call("EVALSHA", Bytes::copy_from_slice(script.digest().as_bytes()));
        self.within(async {
            match self.send_script(operation, known, keys).await {
                Err(error) if error.details().starts_with("NOSCRIPT") => {
                    let whole = call("EVAL", Bytes::from_static(script.text.as_bytes()));
                    self.send_script(operation, whole, keys).await
                }
                outcome => outcome,
            }
        })
        .await
    }

    /// Has messages of this channel passed on from now on, after every new connection too.
    pub async fn subscribe(&self, channel: &str) -> broadcast::Receiver<Message> {
        let receiver = self.messages.subscribe();
        let channel = format!("{}:{channel}", self.settings.prefix);
        let _ = self.subscriber.subscribe(channel).await;
        receiver
    }

    fn pool(&self, lane: Lane) -> &Pool {
        match lane {
            Lane::Values => &self.values,
            Lane::Limits => &self.limits,
            Lane::Log => &self.log,
        }
    }

    async fn send(&self, operation: Operation, command: Command) -> Result<Value, Error> {
        let Command { name, arguments } = command;
        let custom = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let arguments: Vec<Value> = arguments.into_iter().map(Value::Bytes).collect();
        self.pool(operation.lane()).custom(custom, arguments).await
    }

    async fn send_script(
        &self,
        operation: Operation,
        command: Command,
        keys: &[Bytes],
    ) -> Result<Value, Error> {
        let Command { name, arguments } = command;
        let slot = keys.first().map(|key| fred::util::redis_keyslot(key));
        let hash = slot.map_or(ClusterHash::Random, ClusterHash::Custom);
        let custom = CustomCommand::new_static(name, hash, false);
        let arguments: Vec<Value> = arguments.into_iter().map(Value::Bytes).collect();
        self.pool(operation.lane()).custom(custom, arguments).await
    }

    /// Awaits an answer, for as long as any may take: the library's own deadlines do not hold for scripts.
    async fn within(
        &self,
        answer: impl Future<Output = Result<Value, Error>>,
    ) -> Result<Reply, Trouble> {
        match timeout(self.settings.timeout, answer).await {
            Ok(Ok(value)) => reply(value),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    fn pass_messages_on(&self) {
        let prefix = format!("{}:", self.settings.prefix);
        let (messages, mut received) = (self.messages.clone(), self.subscriber.message_rx());
        tokio::spawn(async move {
            loop {
                let message = match received.recv().await {
                    Ok(message) => message,
                    Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return,
                };
                let (Some(channel), Some(payload)) =
                    (message.channel.strip_prefix(&prefix), message.value.into_bytes())
                else {
                    continue;
                };
                // Nobody may be listening.
                let _ = messages.send(Message { channel: channel.to_owned(), payload });
            }
        });
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("prefix", &self.settings.prefix).finish_non_exhaustive()
    }
}

fn reply(value: Value) -> Result<Reply, Trouble> {
    Ok(match value {
        Value::Null => Reply::Nil,
        Value::Boolean(is_so) => Reply::Integer(is_so.into()),
        Value::Integer(number) => Reply::Integer(number),
        Value::Double(number) => Reply::Bytes(number.to_string().into()),
        Value::String(text) => Reply::Bytes(text.into_inner()),
        Value::Bytes(bytes) => Reply::Bytes(bytes),
        Value::Array(values) => {
            Reply::List(values.into_iter().map(reply).collect::<Result<_, _>>()?)
        }
        Value::Map(_) | Value::Queued => return Err(Trouble::Malformed),
    })
}

fn trouble(error: &Error) -> Trouble {
    let is = |word: &str| error.details().starts_with(word);
    match error.kind() {
        _ if is("OOM") => Trouble::Full,
        _ if is("READONLY") || is("MISCONF") || is("MASTERDOWN") => Trouble::ReadOnly,
        _ if is("WRONGTYPE") => Trouble::WrongType,
        ErrorKind::Auth => Trouble::Denied,
        ErrorKind::Timeout => Trouble::Timeout,
        ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Routing | ErrorKind::Backpressure => {
            Trouble::Unreachable
        }
        ErrorKind::Protocol | ErrorKind::Parse => Trouble::Malformed,
        _ => Trouble::Refused,
    }
}
