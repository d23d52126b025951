//! What can be asked of Redis.

use std::sync::OnceLock;

use bytes::Bytes;

/// A command on one key.
#[derive(Clone, Debug)]
pub struct Command {
    pub(super) name: &'static str,
    /// The key first: it tells which node of a cluster is asked.
    pub(super) arguments: Vec<Bytes>,
}

impl Command {
    /// The command called `name`, on `key`.
    pub fn new(name: &'static str, key: impl Into<Bytes>) -> Self {
        Self { name, arguments: vec![key.into()] }
    }

    /// The command called `name`, of no key.
    pub(super) const fn alone(name: &'static str) -> Self {
        Self { name, arguments: Vec::new() }
    }

    /// The same with another argument.
    #[must_use]
    pub fn with(mut self, argument: impl Into<Bytes>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// A Lua script: what it does is done at once and as a whole.
#[derive(Debug)]
pub struct Script {
    pub(super) text: &'static str,
    digest: OnceLock<String>,
}

impl Script {
    /// The script with this text. Every key it touches is one it is given, and all lie in one slot of a cluster.
    pub const fn new(text: &'static str) -> Self {
        Self { text, digest: OnceLock::new() }
    }

    /// What the server knows it by.
    pub(super) fn digest(&self) -> &str {
        self.digest.get_or_init(|| crate::identity::digest::sha1(self.text))
    }
}
