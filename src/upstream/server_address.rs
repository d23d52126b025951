//! Where a server is.

use std::fmt;
use std::path::PathBuf;

/// Where a server is, and what is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    /// HTTP/1.1 over TCP.
    Tcp {
        /// A lower-case name, an IPv4 address, or an IPv6 address without its brackets.
        host: String,
        /// The port.
        port: u16,
        /// Whether TLS is spoken, and nothing but TLS.
        tls: bool,
    },
    /// HTTP/1.1 over the Unix socket at this path.
    Unix(PathBuf),
}

impl ServerAddress {
    /// As in a Host field, the scheme's default port left out; `localhost` for a Unix socket.
    pub fn authority(&self) -> String {
        let Self::Tcp { host, port, tls } = self else { return "localhost".to_owned() };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let default = if *tls { 443 } else { 80 };
        if *port == default { host } else { format!("{host}:{port}") }
    }

    /// Whether TLS is spoken there.
    pub const fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }
}

impl fmt::Display for ServerAddress {
    /// As in the configuration: `http://127.0.0.1:3000`, `https://app.internal`, `unix:/run/app.sock`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { tls: false, .. } => write!(f, "http://{}", self.authority()),
            Self::Tcp { tls: true, .. } => write!(f, "https://{}", self.authority()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_field_has_no_default_port() {
        let tcp = |host: &str, port, tls| ServerAddress::Tcp { host: host.to_owned(), port, tls };
        for (address, authority, url) in [
            (tcp("app", 80, false), "app", "http://app"),
            (tcp("app", 443, false), "app:443", "http://app:443"),
            (tcp("app", 443, true), "app", "https://app"),
            (tcp("::1", 80, true), "[::1]:80", "https://[::1]:80"),
            (ServerAddress::Unix("/run/app.sock".into()), "localhost", "unix:/run/app.sock"),
        ] {
            assert_eq!((&*address.authority(), &*address.to_string()), (authority, url));
        }
    }
}
