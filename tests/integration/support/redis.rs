//! A Redis server of a test's own: a real one, to be killed, stopped and filled.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::{Directory, PATIENCE, eventually, unused_address};

/// A running `redis-server`, or one that ran. It is killed when dropped.
pub(crate) struct Redis {
    address: SocketAddr,
    /// A file of its configuration, if it has to have one.
    file: Option<String>,
    arguments: Vec<String>,
    directory: Directory,
    child: Option<Child>,
    password: Mutex<Option<String>>,
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
        Self::launch(None, arguments)
    }

    /// The same with a configuration file, which it may write to.
    #[track_caller]
    pub(crate) fn start_from(file: &str, arguments: &[&str]) -> Self {
        Self::launch(Some(file), arguments)
    }

    #[track_caller]
    fn launch(file: Option<&str>, arguments: &[&str]) -> Self {
        let directory = Directory::new();
        let mut redis = Self {
            address: unused_address(),
            file: file.map(|text| directory.file("redis.conf", text)),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            directory,
            child: None,
            password: Mutex::new(None),
        };
        redis.restart();
        redis
    }

    /// What stands in `redis.url`.
    pub(crate) fn url(&self) -> String {
        match &*self.password.lock().unwrap() {
            Some(password) => format!("redis://:{password}@{}/0", self.address),
            None => format!("redis://{}/0", self.address),
        }
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
            .args(&self.file)
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
        *self.password.lock().unwrap() = None;
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

    /// From now on it wants this password, "" for none, also of those who are connected: they are cut off.
    #[track_caller]
    pub(crate) fn change_password(&self, password: &str) {
        self.expect_ok(&["CONFIG", "SET", "requirepass", password]);
        *self.password.lock().unwrap() = (!password.is_empty()).then(|| password.to_owned());
        self.cut_off();
    }

    /// Ends every connection that anybody has to it.
    #[track_caller]
    pub(crate) fn cut_off(&self) {
        for kind in ["normal", "pubsub"] {
            self.ask(&["CLIENT", "KILL", "TYPE", kind]);
        }
    }

    /// Asks a command; the answer as `redis-cli` would show it, one line for each item. An error begins with `-`.
    #[track_caller]
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        self.try_ask(command).unwrap_or_else(|| panic!("no answer to {command:?}"))
    }

    /// Asks a command that is answered with OK.
    #[track_caller]
    pub(crate) fn expect_ok(&self, command: &[&str]) {
        assert_eq!(self.ask(command), "OK", "{command:?}");
    }

    /// The line of its INFO that begins with this name and a colon; what stands behind.
    #[track_caller]
    pub(crate) fn info(&self, name: &str) -> String {
        // Sentinels end every connection to a server that they give another role.
        let answers = || self.try_ask(&["INFO", "everything"]);
        let text = std::iter::repeat_with(answers).take(5).flatten().next().expect("an answer");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim_end().to_owned()
    }

    fn try_ask(&self, command: &[&str]) -> Option<String> {
        let parts: Vec<&[u8]> = command.iter().map(|part| part.as_bytes()).collect();
        self.ask_bytes(&parts).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same, in bytes.
    pub(crate) fn ask_bytes(&self, command: &[&[u8]]) -> Option<Vec<u8>> {
        self.try_connect()?.ask_bytes(command)
    }

    /// A connection that stays, for when others are refused.
    #[track_caller]
    pub(crate) fn connect(&self) -> Session {
        self.try_connect().expect("it accepts connections")
    }

    fn try_connect(&self) -> Option<Session> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut session = Session(BufReader::new(stream));
        let password = self.password.lock().unwrap().clone();
        if let Some(password) = &password {
            session.ask_bytes(&[b"AUTH", password.as_bytes()])?;
        }
        Some(session)
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

/// A connection to a Redis.
pub(crate) struct Session(BufReader<TcpStream>);

impl Session {
    /// As [`Redis::ask`].
    #[track_caller]
    pub(crate) fn ask(&mut self, command: &[&str]) -> String {
        let parts: Vec<&[u8]> = command.iter().map(|part| part.as_bytes()).collect();
        let answer = self.ask_bytes(&parts).unwrap_or_else(|| panic!("no answer to {command:?}"));
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn ask_bytes(&mut self, command: &[&[u8]]) -> Option<Vec<u8>> {
        self.0.get_mut().write_all(&spoken(command)).ok()?;
        answer(&mut self.0)
    }
}

/// A command as it is sent.
fn spoken(command: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for part in command {
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
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
