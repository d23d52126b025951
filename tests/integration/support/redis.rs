//! A Redis server of a test's own: a real one, to be killed, stopped and filled.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use super::{Directory, PATIENCE, eventually, unused_address};

/// A running `redis-server`, or one that ran. It is killed when dropped.
pub(crate) struct Redis {
    address: SocketAddr,
    arguments: Vec<String>,
    directory: Directory,
    child: Option<Child>,
}

impl Redis {
    /// An empty one that keeps nothing.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments: `["--maxmemory", "2mb"]`.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut redis = Self {
            address: unused_address(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            directory: Directory::new(),
            child: None,
        };
        redis.restart();
        redis
    }

    /// What stands in `redis.url`.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it again at the same address, empty unless its arguments have it keep something.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.kill();
        let port = self.address.port().to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
            .args(["--loglevel", "warning", "--appendonly", "no", "--dir"])
            .arg(self.directory.path())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed: tests/run does it");
        self.child = Some(child);
        eventually("redis-server answers", || {
            TcpStream::connect(self.address).is_ok() && self.try_ask(&["PING"]).is_some()
        });
    }

    /// Ends it at once: nothing is saved, nothing said.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it where it is: it accepts connections and answers nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Asks a command; the answer as `redis-cli` would show it, one line for each item. An error begins with `-`.
    #[track_caller]
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        self.try_ask(command).unwrap_or_else(|| panic!("no answer to {command:?}"))
    }

    fn try_ask(&self, command: &[&str]) -> Option<String> {
        let parts: Vec<&[u8]> = command.iter().map(|part| part.as_bytes()).collect();
        self.ask_bytes(&parts).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same, in bytes.
    pub(crate) fn ask_bytes(&self, command: &[&[u8]]) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut request = format!("*{}\r\n", command.len()).into_bytes();
        for part in command {
            request.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
            request.extend_from_slice(part);
            request.extend_from_slice(b"\r\n");
        }
        stream.write_all(&request).ok()?;
        answer(&mut BufReader::new(stream))
    }

    fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it runs");
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One answer in RESP2.
fn answer(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\r\n")?;
    let (kind, rest) = line.split_first()?;
    let number = || std::str::from_utf8(rest).ok()?.parse::<i64>().ok();
    match kind {
        b'+' | b':' => Some(rest.to_vec()),
        b'-' => Some(line.to_vec()),
        b'$' => match usize::try_from(number()?) {
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                from.read_exact(&mut bytes).ok()?;
                bytes.truncate(length);
                Some(bytes)
            }
            Err(_) => Some(b"(nil)".to_vec()),
        },
        b'*' => {
            let mut items = Vec::new();
            for _ in 0..number()?.max(0) {
                items.push(answer(from)?);
            }
            Some(items.join(&b'\n'))
        }
        _ => None,
    }
}
