//! What the client library is told. Its own defaults wait for ever, queue without bound and send again what may have
//! been done.

use std::net::IpAddr;
use std::time::Duration;

use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig,
    TcpConfig, TlsConfig, TlsHostMapping,
};

use super::address::{Address, Kind, Place};
use crate::trust::Authorities;

/// How long connecting may take, and the first words after it each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// After so long without an answer a connection is given up.
pub(super) const LIFE_SIGN: Duration = Duration::from_secs(2);
/// Commands that may wait for one connection.
const MOST_WAITING: usize = 4096;
/// Messages that may wait to be passed on.
const MOST_MESSAGES: usize = 1024;

/// What every connection is made with.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) config: Config,
    pub(super) performance: PerformanceConfig,
    pub(super) connection: ConnectionConfig,
}

impl Options {
    /// Those for this address; with TLS, where `authorities` vouch for who is there.
    pub(super) fn of(address: &Address, authorities: Option<&Authorities>) -> Result<Self, String> {
        let config = Config {
            // A connection that could not be made, or is lost, ends; [`super::line::Line`] makes the next one, and what
            // waited for an answer is told at once. The library's own reconnecting would send it again.
            fail_fast: true,
            username: address.user.clone(),
            password: address.password.clone(),
            server: server(address),
            database: address.database,
            tls: if address.is_tls() { Some(tls(address, authorities)?) } else { None },
            ..Config::default()
        };
        let performance = PerformanceConfig {
            // For whatever has no time of its own.
            default_command_timeout: LIFE_SIGN,
            broadcast_channel_capacity: MOST_MESSAGES,
            ..PerformanceConfig::default()
        };
        let connection = ConnectionConfig {
            connection_timeout: CONNECT_TIMEOUT,
            internal_command_timeout: CONNECT_TIMEOUT,
            max_command_buffer_len: MOST_WAITING,
            // After MOVED it learns the new slots and gives the command back, which is asked again. ASK it cannot follow: it
            // sends ASKING, takes whatever comes next for the answer to it, and asks the same node again.
            max_redirections: 0,
            max_command_attempts: 1,
            // Changed credentials end the connections made with the old ones.
            reconnect_on_auth_error: true,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        Ok(Self { config, performance, connection })
    }
}

fn server(address: &Address) -> ServerConfig {
    let (kind, hosts) = match &address.place {
        Place::Unix(path) => return ServerConfig::Unix { path: path.clone() },
        Place::Tcp { kind, hosts, .. } => (kind, hosts),
    };
    let mut servers = hosts.iter().map(|(name, port)| Server::new(name.as_str(), *port));
    match kind {
        Kind::One => ServerConfig::Centralized {
            server: servers.next().unwrap_or_else(|| Server::new("localhost", 6379)),
        },
        Kind::Cluster => ServerConfig::Clustered {
            hosts: servers.collect(),
            policy: ClusterDiscoveryPolicy::default(),
        },
        Kind::Sentinel { service, user, password } => ServerConfig::Sentinel {
            hosts: servers.collect(),
            service_name: service.clone(),
            username: user.clone(),
            password: password.clone(),
        },
    }
}

fn tls(address: &Address, authorities: Option<&Authorities>) -> Result<TlsConfig, String> {
    const NOBODY: &str =
        "this machine trusts no authority that could vouch for the server; name one in redis.ca";
    let client = authorities.and_then(|authorities| authorities.client(&[])).ok_or(NOBODY)?;
    // The nodes of a cluster are known by their addresses, and their certificates often by the name they share.
    let has_name = match &address.place {
        Place::Tcp { hosts, .. } => hosts.iter().all(|(name, _)| name.parse::<IpAddr>().is_err()),
        Place::Unix(_) => false,
    };
    let hostnames = if has_name { TlsHostMapping::DefaultHost } else { TlsHostMapping::None };
    Ok(TlsConfig { connector: client.into(), hostnames })
}
