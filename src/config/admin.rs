//! `[admin]`: the operator's listener.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Secret;
use super::address::admin_listener;
use super::kinds::{boolean, file, list_of, one_of, secret};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;

/// `[admin]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminSettings {
    /// Whether there is an admin listener at all.
    pub enabled: bool,
    /// Where it listens.
    pub listen: AdminAddress,
    /// Needed from anywhere but loopback, and for whatever changes something. From `token` or the content of `token_file`.
    pub token: Option<Secret>,
    /// A client that shows it is told what becomes of its request.
    pub debug_token: Option<Secret>,
    /// Paths that need no token from anywhere.
    pub open: Vec<&'static str>,
}

/// Where the admin listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// A TCP address. Port 0 is any free port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Default for AdminAddress {
    /// Any free port of the loopback address.
    fn default() -> Self {
        Self::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

impl AdminSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let listen = table.get("listen", "127.0.0.1:8090", admin_listener);
        let token = table.get("token", "", secret);
        let token_in_file = table.find("token_file", token_file);
        if token.is_some() && table.has("token_file") {
            table.refuse("token_file", "expected either this or token, not both");
        }
        Self {
            enabled: table.get("enabled", "true", boolean),
            listen,
            token: token.or(token_in_file),
            debug_token: table.get("debug_token", "", secret),
            open: table.get(
                "open",
                r#"["/livez", "/readyz"]"#,
                list_of("paths", one_of(&MAY_BE_OPEN)),
            ),
        }
    }
}

/// What changes nothing and shows no more than numbers.
const MAY_BE_OPEN: [(&str, &str); 3] =
    [("/livez", "/livez"), ("/readyz", "/readyz"), ("/metrics", "/metrics")];

/// The content of the file that is named, without the line's end.
fn token_file(value: &Value<'_>) -> Result<Secret, Wrong> {
    let path = file(value)?;
    let content = std::fs::read_to_string(path)
        .map_err(|why| Wrong::because(format!("cannot be read: {why}")))?;
    match content.trim_end_matches(['\r', '\n']) {
        "" => Err(Wrong::because("expected a token in this file, which is empty")),
        token => Ok(Secret::new(token)),
    }
}
