//! An upstream as configured.

use std::time::Duration;

use http::HeaderValue;

use super::{HealthSettings, ServerAddress};
use crate::trust::Authorities;

/// An upstream as configured. Two that are equal need not be told apart: the one that runs may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its servers, one at least.
    pub servers: Vec<ServerAddress>,
    /// The Host they see.
    pub host: HostField,
    /// How long things may take, where the route does not say.
    pub timeouts: Timeouts,
    /// Connections in use at once, for each server.
    pub max_connections: usize,
    /// Idle connections that are kept for each server.
    pub idle_connections: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Who vouches for servers that speak TLS; without any they cannot be reached.
    pub authorities: Option<Authorities>,
    /// How servers are asked whether they are well.
    pub health: HealthSettings,
}

/// The Host field that the servers see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostField {
    /// The client's.
    #[default]
    Client,
    /// The server's own name.
    Server,
    /// This one.
    Name(HeaderValue),
}

/// How long the parts of an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To an established connection, TLS included.
    pub connect: Duration,
    /// To the last byte of the response's head.
    pub response: Duration,
    /// Between two reads of the response's body.
    pub read: Duration,
    /// To a free connection, where all are in use.
    pub queue: Duration,
    /// Without a byte in either direction of an upgraded connection.
    pub upgrade_idle: Duration,
}
