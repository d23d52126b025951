//! Host patterns: a name, or `*.` and a name, with or without a port.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::bad_pattern::{BadPattern, PatternFault};

/// The hosts a route matches, parsed from `example.com`, `*.example.com`, `[::1]:8080`.
///
/// Names are compared without regard to case or to the dot that may end them. A pattern without a port matches every
/// port. `*.example.com` matches every name below `example.com`, however deep, and not `example.com` itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    /// In lower case; without the `*.` of a wildcard.
    name: Box<str>,
    wildcard: bool,
    port: Option<u16>,
}

impl HostPattern {
    /// Whether a request to `authority` (host and perhaps port) is matched.
    pub fn matches(&self, authority: &str) -> bool {
        let (name, port) = split_authority(authority);
        self.matches_port(port) && self.matches_name(name)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    fn matches_port(&self, port: Option<u16>) -> bool {
        self.port.is_none_or(|wanted| ports_of(port).any(|port| port == wanted))
    }

    fn matches_name(&self, name: &str) -> bool {
        if !self.wildcard {
            return name.eq_ignore_ascii_case(&self.name);
        }
        let Some(cut) = name.len().checked_sub(self.name.len()) else { return false };
        let (Some(below), Some(suffix)) = (name.get(..cut), name.get(cut..)) else { return false };
        below.len() > 1 && below.ends_with('.') && suffix.eq_ignore_ascii_case(&self.name)
    }
}

/// The ports a request may have come to whose authority names this `port`. If it names none, that was the default one
/// of its scheme, which is not known here.
pub(super) fn ports_of(port: Option<u16>) -> impl Iterator<Item = u16> {
    let [first, second] = port.map_or([Some(80), Some(443)], |port| [Some(port), None]);
    first.into_iter().chain(second)
}

/// Splits `host[:port]` into the host, without the dot that may end it, and the port.
pub(super) fn split_authority(authority: &str) -> (&str, Option<u16>) {
    let (name, port) = split_port(authority);
    (without_last_dot(name), port.and_then(|port| port.parse().ok()))
}

impl FromStr for HostPattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let (host, port) = split_port(text);
        let port = port.map(|port| parse_port(port, host.len() + 1)).transpose()?;
        let (name, wildcard) = match host.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (host, false),
        };
        let start = host.len() - name.len();
        if name.starts_with('[') && !wildcard {
            check_address(name)?;
        } else {
            check_name(name, start)?;
        }
        let name = without_last_dot(name).to_ascii_lowercase().into();
        Ok(Self { name, wildcard, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wildcard = if self.wildcard { "*." } else { "" };
        write!(f, "{wildcard}{}", self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        // The colons of `[2001:db8::1]` are its own.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn without_last_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn parse_port(port: &str, start: usize) -> Result<u16, BadPattern> {
    // `parse` would take a sign.
    match port.parse() {
        Ok(number) if number != 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(PatternFault::BadPort.at(start)),
    }
}

fn check_address(bracketed: &str) -> Result<(), BadPattern> {
    bracketed
        .strip_prefix('[')
        .and_then(|open| open.strip_suffix(']'))
        .and_then(|address| address.parse::<Ipv6Addr>().ok())
        .map(drop)
        .ok_or(PatternFault::BadAddress.at(0))
}

fn check_name(name: &str, start: usize) -> Result<(), BadPattern> {
    let mut label_start = start;
    for label in without_last_dot(name).split('.') {
        if let Some(at) = label.find('*') {
            return Err(PatternFault::MisplacedWildcard.at(label_start + at));
        }
        if let Some(at) =
            label.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        {
            return Err(PatternFault::NotInHost.at(label_start + at));
        }
        if label.is_empty() {
            return Err(PatternFault::EmptyLabel.at(label_start));
        }
        label_start += label.len() + 1;
    }
    Ok(())
}
