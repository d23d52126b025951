//! What others publish.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{EventInterface, PubsubInterface};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::timeout;

use super::line::Ending;
use super::options::LIFE_SIGN;

/// Messages that may wait for whoever listens.
const MOST_MESSAGES: usize = 1024;

/// What somebody published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where, without the prefix.
    pub channel: String,
    /// What.
    pub payload: Bytes,
}

/// The channels listened to, and who hears what comes.
pub(super) struct Listener {
    /// What stands before every channel's name.
    prefix: String,
    /// The channels' names, with the prefix.
    channels: Mutex<Vec<String>>,
    messages: Sender<Message>,
}

impl Listener {
    pub(super) fn new(prefix: &str) -> Self {
        let (messages, _) = broadcast::channel(MOST_MESSAGES);
        Self { prefix: format!("{prefix}:"), channels: Mutex::default(), messages }
    }

    /// Whoever asks hears all channels. `true`: this one is new.
    pub(super) fn add(&self, channel: &str) -> (Receiver<Message>, bool) {
        let receiver = self.messages.subscribe();
        let channel = format!("{}{channel}", self.prefix);
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !channels.contains(&channel);
        if is_new {
            channels.push(channel);
        }
        (receiver, is_new)
    }

    /// Subscribes to every channel: again, where it was done before, which asks whether the connection is alive. Whether
    /// it was answered.
    pub(super) async fn subscribe(&self, client: &Client) -> bool {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for channel in channels {
            if !matches!(timeout(LIFE_SIGN, client.subscribe(channel)).await, Ok(Ok(()))) {
                return false;
            }
        }
        true
    }

    /// Passes on what this client hears.
    pub(super) fn hear(&self, client: &Client) -> Ending<()> {
        let (prefix, messages) = (self.prefix.clone(), self.messages.clone());
        let mut received = client.message_rx();
        Ending(tokio::spawn(async move {
            loop {
                let message = match received.recv().await {
                    Ok(message) => message,
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                };
                let (Some(channel), Some(payload)) =
                    (message.channel.strip_prefix(&prefix), message.value.into_bytes())
                else {
                    continue;
                };
                // Nobody may be listening.
                let _ = messages.send(Message { channel: channel.to_owned(), payload });
            }
        }))
    }
}
