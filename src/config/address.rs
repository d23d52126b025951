//! Addresses: where to listen, whom to forward to.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::value::Value;
use super::wrong::Wrong;
use super::{AdminAddress, UpstreamServer};

const TO_LISTEN_ON: &str = "an IP address and a port like \"127.0.0.1:8080\"";
const A_SERVER: &str = "a URL like \"http://127.0.0.1:3000\"";

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

/// `http://HOST[:PORT]`.
pub(super) fn upstream_server(value: &Value<'_>) -> Result<UpstreamServer, Wrong> {
    let text = value.string(A_SERVER)?;
    if text.starts_with("https://") {
        return Err(Wrong::not_in_build("\"https://\""));
    }
    if text.starts_with("unix:") {
        return Err(Wrong::not_in_build("\"unix:\""));
    }
    let Some(authority) = text.strip_prefix("http://") else {
        let wrong = Wrong::expected(A_SERVER);
        let with_scheme = format!("http://{text}");
        return Err(if server(&text).is_ok() { wrong.meant_text(&with_scheme) } else { wrong });
    };
    if authority.contains('@') {
        return Err(Wrong::because("expected a URL without user and password"));
    }
    match authority.strip_suffix('/').unwrap_or(authority) {
        authority if authority.contains(['/', '?', '#']) => {
            Err(Wrong::expected(&format!("{A_SERVER}, without a path")))
        }
        authority => server(authority),
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

fn server(authority: &str) -> Result<UpstreamServer, Wrong> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of `[::1]` are its own.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None => 80,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = port.parse().ok().filter(|port| *port != 0);
            port.ok_or_else(|| Wrong::expected("a port from 1 to 65535"))?
        }
        Some(_) => return Err(Wrong::expected(A_SERVER)),
    };
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().map(|address| address.to_string()).ok(),
        None => is_host_name(host).then(|| host.to_ascii_lowercase()),
    };
    host.map(|host| UpstreamServer { host, port }).ok_or_else(|| Wrong::expected(A_SERVER))
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
