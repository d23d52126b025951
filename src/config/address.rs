//! Addresses: where to listen, whom to forward to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::value::Value;
use super::wrong::Wrong;
use super::{AdminAddress, AdminSettings, ServerSettings};
use crate::trust::can_be_certified;
use crate::upstream::ServerAddress;

const TO_LISTEN_ON: &str = "an IP address and a port like \"127.0.0.1:8080\"";
const A_SERVER: &str = "a URL like \"http://127.0.0.1:3000\"";
/// What the kernel takes for a socket's path, in bytes.
const LONGEST_SOCKET: usize = 107;

/// `127.0.0.1:8080` or `http://127.0.0.1:8080`.
pub(super) fn listener(value: &Value<'_>) -> Result<SocketAddr, Wrong> {
    let text = value.string(TO_LISTEN_ON)?;
    if text.starts_with("https://") {
        return Err(Wrong::not_in_build("\"https://\""));
    }
    let bare = text.strip_prefix("http://").unwrap_or(&text);
    socket_address(bare.strip_suffix('/').unwrap_or(bare), TO_LISTEN_ON)
}

/// `127.0.0.1:8090` or `unix:/run/forebay/admin.sock`.
pub(super) fn admin_listener(value: &Value<'_>) -> Result<AdminAddress, Wrong> {
    const WHAT: &str =
        "an IP address and a port like \"127.0.0.1:8090\", or \"unix:\" and an absolute path";
    let text = value.string(WHAT)?;
    match text.strip_prefix("unix:") {
        Some(path) if path.starts_with('/') => Ok(AdminAddress::Unix(PathBuf::from(path))),
        Some(_) => Err(Wrong::expected(WHAT)),
        None => socket_address(text.strip_prefix("http://").unwrap_or(&text), WHAT)
            .map(AdminAddress::Tcp),
    }
}

/// `http://HOST[:PORT]`, `https://HOST[:PORT]` or `unix:/PATH`, which is not one of our `own`.
pub(super) fn upstream_server(
    value: &Value<'_>,
    own: &OwnAddresses,
) -> Result<ServerAddress, Wrong> {
    let text = value.string(A_SERVER)?;
    if let Some(path) = text.strip_prefix("unix:") {
        return socket_path(path, own).map(ServerAddress::Unix);
    }
    let (tls, authority) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(authority), _) => (false, authority),
        (None, Some(authority)) => (true, authority),
        (None, None) => {
            let wrong = Wrong::expected(A_SERVER);
            let with_scheme = format!("http://{text}");
            return Err(if server(&text).is_ok() { wrong.meant_text(&with_scheme) } else { wrong });
        }
    };
    if authority.contains('@') {
        return Err(Wrong::because("expected a URL without user and password"));
    }
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['/', '?', '#']) {
        return Err(Wrong::expected(&format!("{A_SERVER}, without a path")));
    }
    let (host, port) = server(authority)?;
    let port = port.unwrap_or(if tls { 443 } else { 80 });
    if own.answer(&host, port) {
        return Err(Wrong::because("this is where we listen ourselves"));
    }
    if tls && !can_be_certified(&host) {
        return Err(Wrong::because("expected a host that a certificate can name"));
    }
    Ok(ServerAddress::Tcp { host, port, tls })
}

fn socket_path(path: &str, own: &OwnAddresses) -> Result<PathBuf, Wrong> {
    if !path.starts_with('/') {
        return Err(Wrong::expected("\"unix:\" and an absolute path"));
    }
    if path.len() > LONGEST_SOCKET {
        return Err(Wrong::because(format!("expected a path of at most {LONGEST_SOCKET} bytes")));
    }
    if own.socket.as_deref() == Some(Path::new(path)) {
        return Err(Wrong::because("this is where we listen ourselves"));
    }
    Ok(PathBuf::from(path))
}

/// Where we listen ourselves: to forward there would be to go round, or to show the operator's listener to everybody.
#[derive(Default)]
pub(super) struct OwnAddresses {
    tcp: Vec<SocketAddr>,
    socket: Option<PathBuf>,
}

impl OwnAddresses {
    pub(super) fn new(server: &ServerSettings, admin: &AdminSettings) -> Self {
        let (mut tcp, mut socket) = (server.listen.clone(), None);
        match &admin.listen {
            _ if !admin.enabled => {}
            AdminAddress::Tcp(address) => tcp.push(*address),
            AdminAddress::Unix(path) => socket = Some(path.clone()),
        }
        Self { tcp, socket }
    }

    /// True where it is known, without asking for names or the machine's addresses, that we would be answering.
    fn answer(&self, host: &str, port: u16) -> bool {
        let dialled = match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical(),
            Err(_) if host == "localhost" || host.ends_with(".localhost") => {
                Ipv4Addr::LOCALHOST.into()
            }
            Err(_) => return false,
        };
        // The kernel takes an unspecified address for the machine itself.
        let is_local = |address: IpAddr| address.is_loopback() || address.is_unspecified();
        self.tcp.iter().filter(|listener| listener.port() == port).any(|listener| {
            let address = listener.ip().to_canonical();
            address == dialled
                || is_local(dialled)
                    && (address.is_unspecified() || dialled.is_unspecified() && is_local(address))
        })
    }
}

/// A name or an address, as it may stand in Host: `app.internal`, `[::1]:8080`.
pub(super) fn is_authority(text: &str) -> bool {
    server(text).is_ok()
}

fn socket_address(text: &str, what: &str) -> Result<SocketAddr, Wrong> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("localhost", text));
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::expected(what));
    }
    let Ok(port) = port.parse::<u16>() else {
        return Err(Wrong::expected("a port of at most 65535"));
    };
    let wrong = Wrong::expected(what);
    Err(match host {
        "localhost" => wrong.meant_text(&format!("127.0.0.1:{port}")),
        "" | "*" => wrong.meant_text(&format!("0.0.0.0:{port}")),
        _ => wrong,
    })
}

/// A host, and a port where there is one.
fn server(authority: &str) -> Result<(String, Option<u16>), Wrong> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of `[::1]` are its own.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = port.parse().ok().filter(|port| *port != 0);
            Some(port.ok_or_else(|| Wrong::expected("a port from 1 to 65535"))?)
        }
        Some(_) => return Err(Wrong::expected(A_SERVER)),
    };
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().map(|address| address.to_string()).ok(),
        None => is_host_name(host).then(|| host.to_ascii_lowercase()),
    };
    host.map(|host| (host, port)).ok_or_else(|| Wrong::expected(A_SERVER))
}

/// A DNS name or an IPv4 address. Docker allows underscores.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<IpAddr>().is_ok())
}
