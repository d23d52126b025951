//! A Redis server of a test's own: a real one, to be killed, stopped and filled.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::clock::Stopwatch;

/// How long anything is waited for before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running `redis-server`, or one that ran. It is killed when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    arguments: Vec<String>,
    directory: PathBuf,
    /// The file of a Sentinel's configuration.
    sentinel: Option<PathBuf>,
    child: Option<Child>,
}

impl Server {
    /// An empty one that keeps nothing.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments: `["--maxmemory", "2mb"]`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::launch(arguments, None)
    }

    /// A Sentinel that goes by this configuration.
    pub(crate) fn start_sentinel(configuration: &str) -> Self {
        Self::launch(&[], Some(configuration))
    }

    fn launch(arguments: &[&str], sentinel: Option<&str>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("forebay-redis-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let sentinel = sentinel.map(|configuration| {
            let file = directory.join("sentinel.conf");
            std::fs::write(&file, configuration).unwrap();
            file
        });
        let mut server = Self {
            address: unused_address(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            directory,
            sentinel,
            child: None,
        };
        server.restart();
        server
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands in `redis.url`.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// The directory it runs in.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts it again at the same address, empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("redis-server");
        match &self.sentinel {
            Some(file) => command.arg(file).arg("--sentinel"),
            None => command.args(["--save", "", "--appendonly", "no"]),
        };
        let child = command
            .args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--daemonize", "no", "--loglevel", "warning"])
            .arg("--dir")
            .arg(&self.directory)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        let since = Stopwatch::start();
        while self.try_ask(&["PING"]).is_none() {
            assert!(since.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
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
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        self.try_ask(command).unwrap_or_else(|| panic!("no answer to {command:?}"))
    }

    /// The same of a server that wants a password first.
    pub(crate) fn ask_as(&self, password: &str, command: &[&str]) -> String {
        let answers = self.converse(&[&["AUTH", password], command]).expect("answers");
        answers.into_iter().next_back().expect("the second")
    }

    /// The same of a server that may not be there.
    pub(crate) fn try_ask(&self, command: &[&str]) -> Option<String> {
        self.converse(&[command])?.pop()
    }

    fn converse(&self, commands: &[&[&str]]) -> Option<Vec<String>> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut request = String::new();
        for command in commands {
            request.push_str(&format!("*{}\r\n", command.len()));
            for part in *command {
                request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
            }
        }
        (&stream).write_all(request.as_bytes()).ok()?;
        let mut from = BufReader::new(stream);
        let answers = commands.iter().map(|_| answer(&mut from));
        answers.map(|answer| Some(String::from_utf8_lossy(&answer?).into_owned())).collect()
    }

    fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it runs");
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// An address that nobody listens on.
pub(crate) fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
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
            let count = number()?.max(0);
            let items: Option<Vec<_>> = (0..count).map(|_| answer(from)).collect();
            Some(items?.join(&b'\n'))
        }
        _ => None,
    }
}
