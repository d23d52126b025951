//! Where a Redis is, as it is written in a URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a Redis is and what it wants to know of us. Neither `Debug` nor `Display` shows credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// The number of the database.
    pub(super) database: Option<u8>,
}

/// Whom we connect to.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A server's Unix socket.
    Unix(PathBuf),
    /// Servers' addresses.
    Tcp {
        kind: Kind,
        /// Names and ports; at least one.
        hosts: Vec<(String, u16)>,
        /// Whether TLS is spoken, and nothing but TLS.
        tls: bool,
    },
}

/// What the hosts are.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// One server.
    One,
    /// Some nodes of a cluster, which know the others.
    Cluster,
    /// Sentinels, which know the primary that goes by this name.
    Sentinel { service: String, user: Option<String>, password: Option<String> },
}

/// What was expected of a URL instead. Shows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAddress(&'static str);

impl BadAddress {
    const SCHEME: Self = Self(
        "a URL like \"redis://127.0.0.1:6379/0\", or with rediss:, redis-cluster:, redis-sentinel: or unix:",
    );
    const HOST: Self = Self("a host's name or address after \"//\", or several with commas");
    const ONE_HOST: Self = Self("one host: several are for redis-cluster: and redis-sentinel:");
    const PORT: Self = Self("a port from 1 to 65535");
    const DATABASE: Self = Self("a database's number from 0 to 255 as the path");
    const NO_DATABASE: Self = Self("no database: a cluster has but one");
    const PERCENT: Self = Self("% and two hexadecimal digits for bytes of user and password");
    const SERVICE: Self = Self("the primary's name as \"?sentinelServiceName=NAME\"");
    const PATH: Self = Self("\"unix:\" and an absolute path");
    const PARAMETER: Self = Self(
        "no other parameters than node (cluster, Sentinel), sentinelServiceName, sentinelUsername, \
         sentinelPassword (Sentinel), and db, user, password (unix)",
    );
    const FRAGMENT: Self = Self("no \"#\": in a password it is written %23");
}

impl Address {
    /// Whether TLS is spoken there.
    pub const fn is_tls(&self) -> bool {
        matches!(self.place, Place::Tcp { tls: true, .. })
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    /// `redis://USER:PASSWORD@HOST:PORT/DATABASE`, the same with `rediss:`; `redis-cluster://HOST,HOST`;
    /// `redis-sentinel://HOST,HOST/DATABASE?sentinelServiceName=NAME`, each with TLS as `rediss-…:`; `unix:/PATH?db=1`.
    /// What has a meaning of its own in a URL is percent-encoded in users and passwords.
    fn from_str(url: &str) -> Result<Self, BadAddress> {
        if url.contains('#') {
            return Err(BadAddress::FRAGMENT);
        }
        let (scheme, rest) = url.split_once(':').ok_or(BadAddress::SCHEME)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parameters = Parameters::of(query)?;
        let address = match scheme {
            "unix" => unix(rest, &mut parameters)?,
            _ => tcp(scheme, rest, &mut parameters)?,
        };
        if parameters.0.is_empty() { Ok(address) } else { Err(BadAddress::PARAMETER) }
    }
}

fn unix(rest: &str, parameters: &mut Parameters) -> Result<Address, BadAddress> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if !path.starts_with('/') || path.len() > 107 {
        return Err(BadAddress::PATH);
    }
    Ok(Address {
        place: Place::Unix(decoded(path)?.into()),
        user: parameters.take("user"),
        password: parameters.take("password"),
        database: parameters.take("db").map(|number| database(&number)).transpose()?,
    })
}

fn tcp(scheme: &str, rest: &str, parameters: &mut Parameters) -> Result<Address, BadAddress> {
    let (tls, form) = match scheme.strip_prefix("rediss") {
        Some(form) => (true, form),
        None => (false, scheme.strip_prefix("redis").ok_or(BadAddress::SCHEME)?),
    };
    let rest = rest.strip_prefix("//").ok_or(BadAddress::SCHEME)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (kind, port) = match form {
        "" => (Kind::One, 6379),
        "-cluster" => (Kind::Cluster, 6379),
        "-sentinel" => {
            let service = parameters.take("sentinelServiceName").ok_or(BadAddress::SERVICE)?;
            let user = parameters.take("sentinelUsername");
            let password = parameters.take("sentinelPassword");
            (Kind::Sentinel { service, user, password }, 26379)
        }
        _ => return Err(BadAddress::SCHEME),
    };
    let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut hosts: Vec<_> =
        hosts.split(',').map(|written| host(written, port)).collect::<Result<_, _>>()?;
    if kind != Kind::One {
        while let Some(node) = parameters.take("node") {
            hosts.push(host(&node, port)?);
        }
    }
    match kind {
        Kind::One if hosts.len() > 1 => return Err(BadAddress::ONE_HOST),
        Kind::Cluster if !path.is_empty() => return Err(BadAddress::NO_DATABASE),
        _ => {}
    }
    let given = |text: &str| (!text.is_empty()).then(|| decoded(text)).transpose();
    Ok(Address {
        place: Place::Tcp { kind, hosts, tls },
        user: given(user)?,
        password: given(password)?,
        database: (!path.is_empty()).then(|| database(path)).transpose()?,
    })
}

/// `name`, `name:port`, `[::1]:port`.
fn host(written: &str, default: u16) -> Result<(String, u16), BadAddress> {
    let (name, port) = match written.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or(BadAddress::HOST)?;
            name.parse::<std::net::Ipv6Addr>().map_err(|_| BadAddress::HOST)?;
            (
                name,
                port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or(BadAddress::HOST)?,
            )
        }
        None => written.split_once(':').unwrap_or((written, "")),
    };
    let sound = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if name.is_empty() || !name.chars().all(sound) {
        return Err(BadAddress::HOST);
    }
    let port = match port {
        "" => Some(default),
        port => port.parse().ok().filter(|port| *port > 0),
    };
    Ok((name.to_owned(), port.ok_or(BadAddress::PORT)?))
}

fn database(number: &str) -> Result<u8, BadAddress> {
    number.parse().map_err(|_| BadAddress::DATABASE)
}

/// What stands for itself or as `%` and two digits.
fn decoded(text: &str) -> Result<String, BadAddress> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or(BadAddress::PERCENT)?;
        let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or(BadAddress::PERCENT)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| BadAddress::PERCENT)
}

/// What stands behind the `?`.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: &str) -> Result<Self, BadAddress> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').ok_or(BadAddress::PARAMETER)?;
            Ok((name.to_owned(), decoded(value)?))
        };
        pairs.map(pair).collect::<Result<_, _>>().map(Self)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }
}

impl fmt::Display for Address {
    /// As in the configuration, without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unix(path) => write!(f, "unix:{}", path.display())?,
            Place::Tcp { kind, hosts, tls } => {
                f.write_str(if *tls { "rediss" } else { "redis" })?;
                f.write_str(match kind {
                    Kind::One => "://",
                    Kind::Cluster => "-cluster://",
                    Kind::Sentinel { .. } => "-sentinel://",
                })?;
                for (index, (name, port)) in hosts.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    match name.contains(':') {
                        true => write!(f, "{comma}[{name}]:{port}")?,
                        false => write!(f, "{comma}{name}:{port}")?,
                    }
                }
            }
        }
        match (&self.place, self.database) {
            (_, None) => Ok(()),
            (Place::Unix(_), Some(number)) => write!(f, "?db={number}"),
            (_, Some(number)) => write!(f, "/{number}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadAddress {}

#[cfg(test)]
mod tests;
