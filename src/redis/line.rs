//! One connection that is made again and again. (Of a cluster: one to each of its nodes.)

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ConnectHandle, CustomCommand, Value};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::Trouble;
use super::answer::trouble;
use super::listener::Listener;
use super::options::{LIFE_SIGN, Options};

/// How long the first try waits for the second, at most; the next ones wait longer.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// How long the next try is put off at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A connection that nobody used for so long is asked whether it is alive.
const IDLE: Duration = Duration::from_secs(5);
/// How often it is looked whether a connection is there; the library tells, but not those who listen too late.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The longest that all steps of connecting may take: asking three Sentinels, then all nodes of a cluster.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// A connection, or what is made of one.
pub(super) struct Line {
    client: ArcSwapOption<Client>,
    /// The thread that drives it.
    home: OnceLock<ThreadId>,
    /// Why there is none.
    why: Mutex<Trouble>,
    doubted: Notify,
    outdated: Notify,
}

/// Ends a task with its owner.
pub(super) struct Ending<T>(pub(super) tokio::task::JoinHandle<T>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Line {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            client: ArcSwapOption::empty(),
            home: OnceLock::new(),
            why: Mutex::new(Trouble::Unreachable),
            doubted: Notify::new(),
            outdated: Notify::new(),
        })
    }

    /// The client, if it is connected.
    pub(super) fn client(&self) -> Option<Arc<Client>> {
        self.client.load_full()
    }

    /// True where it is driven by this thread, and so is asked without waking another.
    pub(super) fn is_driven_by(&self, thread: ThreadId) -> bool {
        self.home.get() == Some(&thread)
    }

    /// Why there is no connection.
    pub(super) fn why(&self) -> Trouble {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It takes no writes: there may be another server by now that does.
    pub(super) fn outdate(&self) {
        self.outdated.notify_one();
    }

    /// Somebody got no answer in time: it is found out whether anybody would.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Connects, as long as it is polled.
    pub(super) async fn keep(&self, options: &Options, listener: Option<&Listener>) {
        let _ = self.home.set(thread::current().id());
        let mut pause = SHORTEST_PAUSE;
        loop {
            let Options { config, performance, connection } = options.clone();
            let client = Client::new(config, Some(performance), Some(connection), None);
            let hears = listener.map(|listener| listener.hear(&client));
            let why = match connected(&client).await {
                Ok(mut task) => {
                    if let Some(listener) = listener {
                        listener.subscribe(&client).await;
                    }
                    self.client.store(Some(Arc::new(client.clone())));
                    pause = SHORTEST_PAUSE;
                    let why = self.watch(&client, &mut task, listener).await;
                    self.client.store(None);
                    why
                }
                Err(why) => why,
            };
            drop(hears);
            *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
            // Replicas that lost their Redis at once do not all come back at once.
            sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Until the connection is lost, or as good as lost.
    async fn watch(
        &self,
        client: &Client,
        task: &mut Ending<Result<(), Error>>,
        listener: Option<&Listener>,
    ) -> Trouble {
        let outdated = async {
            sleep(LONGEST_PAUSE).await;
            self.outdated.notified().await;
        };
        tokio::pin!(outdated);
        loop {
            tokio::select! {
                ended = &mut task.0 => return why(ended),
                () = &mut outdated => return Trouble::ReadOnly,
                _ = timeout(IDLE, self.doubted.notified()) => {}
            }
            let is_alive = async {
                match listener {
                    Some(listener) => listener.subscribe(client).await,
                    None => ping(client).await,
                }
            };
            tokio::select! {
                ended = &mut task.0 => return why(ended),
                is_alive = is_alive => if !is_alive { return Trouble::Timeout },
            }
        }
    }
}

/// Makes the connection; it ends with the task.
async fn connected(client: &Client) -> Result<Ending<Result<(), Error>>, Trouble> {
    let handle: ConnectHandle = client.connect();
    let mut task = Ending(handle);
    let connected = async {
        loop {
            tokio::select! {
                ended = &mut task.0 => return Err(why(ended)),
                _ = timeout(LOOK_AGAIN, client.wait_for_connect()) => {}
            }
            if client.is_connected() {
                return Ok(());
            }
        }
    };
    timeout(CONNECTED_WITHIN, connected).await.unwrap_or(Err(Trouble::Timeout))?;
    Ok(task)
}

/// Why a connection ended.
fn why(ended: Result<Result<(), Error>, tokio::task::JoinError>) -> Trouble {
    match ended {
        Ok(Err(error)) => match trouble(&error) {
            // Whatever it said, it is not there for us.
            Trouble::Refused | Trouble::Full | Trouble::ReadOnly | Trouble::WrongType => {
                Trouble::Unreachable
            }
            trouble => trouble,
        },
        Ok(Ok(())) | Err(_) => Trouble::Unreachable,
    }
}

/// Whether what is said comes back, or an error. If it is anything else, answers and questions have lost each other: from
/// then on every answer would be another question's.
async fn ping(client: &Client) -> bool {
    let said = Value::Bytes(fastrand::u64(..).to_string().into());
    let command = CustomCommand::new_static("PING", None, false);
    let answer = client.custom::<Value, Value>(command, vec![said.clone()]);
    match timeout(LIFE_SIGN, answer).await {
        Ok(Ok(answer)) => answer.as_bytes() == said.as_bytes(),
        Ok(Err(error)) => {
            !matches!(trouble(&error), Trouble::Timeout | Trouble::Unreachable | Trouble::Malformed)
        }
        Err(_) => false,
    }
}
