//! As much of HTTP/1.1 as one request to the admin listener takes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// For a connection to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two bytes of the answer: a large store takes a while to be searched.
const ANSWER: Duration = Duration::from_secs(60);
/// More than any answer has.
const LONGEST: u64 = 1 << 20;

/// An admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Host and port.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl Target {
    /// Reads `http://HOST[:PORT]` or `unix:PATH`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let authority =
            text.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        let authority = authority.and_then(|text| text.parse::<http::uri::Authority>().ok());
        match authority {
            Some(authority) if !authority.as_str().contains('@') => {
                let port = authority.port_u16().unwrap_or(80);
                Ok(Self::Tcp(format!("{}:{port}", authority.host())))
            }
            _ => Err("expected http://HOST:PORT or unix:PATH".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "http://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Asks one admin listener.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) target: Target,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(target: Target, token: Option<String>) -> Result<Self, String> {
        let is_visible = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !is_visible(token)) {
            return Err("a token has visible ASCII characters only".to_owned());
        }
        Ok(Self { target, token: token.filter(|token| !token.is_empty()) })
    }

    /// Posts JSON, or gets what needs none, and gives the answer's status and content.
    pub(super) fn ask(&self, path: &str, json: Option<&str>) -> io::Result<(u16, Vec<u8>)> {
        let host = match &self.target {
            Target::Tcp(authority) => authority,
            Target::Unix(_) => "localhost",
        };
        let method = if json.is_some() { "POST" } else { "GET" };
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        if let Some(json) = json {
            let length = json.len();
            request.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {length}\r\n"
            ));
        }
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(json.unwrap_or_default());

        let mut stream = self.connect()?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer)?;
        parse(&answer)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match &self.target {
            Target::Tcp(authority) => {
                let stream = connect_tcp(authority)?;
                stream.set_read_timeout(Some(ANSWER))?;
                Ok(Box::new(stream))
            }
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(ANSWER))?;
                Ok(Box::new(stream))
            }
        }
    }
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// Tries every address of a name.
fn connect_tcp(authority: &str) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Status and content of an answer that ends with its connection.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, content) = answer.split_at_checked(end + 4)?;
    let status = str::from_utf8(head).ok()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, content.to_vec()))
}
