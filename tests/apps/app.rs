//! An application as a process of its own, in the environment that `./tests/run` makes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Client, Directory, PATIENCE};

/// The program of that name among the installed applications.
///
/// # Panics
///
/// Where there are none. Not skipped: a run that says nothing of these tests would pass for one that passed them.
#[track_caller]
pub(crate) fn program(name: &str) -> PathBuf {
    let Some(directory) = std::env::var_os("FOREBAY_TEST_APPS") else {
        panic!(
            "FOREBAY_TEST_APPS is not set: this test needs {name}, which ./tests/run installs; run that instead of cargo test"
        );
    };
    let program = Path::new(&directory).join(name);
    assert!(program.exists(), "{} does not exist: ./tests/run installs it", program.display());
    program
}

/// A running application. It is stopped when dropped.
pub(crate) struct App {
    child: Child,
    address: SocketAddr,
    output: Arc<Mutex<Vec<String>>>,
}

impl App {
    /// Waits until a line of its output holds `ready` and an address behind it.
    #[track_caller]
    pub(crate) fn start<S: AsRef<OsStr>>(
        name: &str,
        arguments: &[S],
        directory: &Directory,
        ready: &str,
    ) -> Self {
        let mut command = Command::new(program(name));
        command.args(arguments).current_dir(directory.path()).env("HOME", directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Arc::default();
        follow(child.stdout.take().unwrap(), &output);
        follow(child.stderr.take().unwrap(), &output);
        let deadline = Instant::now() + PATIENCE;
        let address = loop {
            if let Some(address) = address_behind(ready, &output.lock().unwrap()) {
                break address;
            }
            let text = || output.lock().unwrap().join("\n");
            if Instant::now() > deadline || child.try_wait().unwrap().is_some() {
                let _ = child.kill();
                panic!("{name} does not start:\n{}", text());
            }
            thread::sleep(Duration::from_millis(10));
        };
        Self { child, address, output }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A new connection straight to it, for requests to that host.
    pub(crate) fn connect_as(&self, host: &str) -> Client {
        Client::connect(self.address, host)
    }

    /// How many lines of its output hold this.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.output.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }

    /// `STOP` and `CONT`, as for the kill command.
    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), self.child.id().to_string()]);
        assert!(kill.status().unwrap().success(), "the application is there");
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // A signal that it can hear: its workers are processes of their own.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-CONT", &id]).stderr(Stdio::null()).status();
        let _ = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status();
        let deadline = Instant::now() + Duration::from_secs(3);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        self.kill();
        if thread::panicking() {
            eprintln!(
                "--- the output of the application:\n{}",
                self.output.lock().unwrap().join("\n")
            );
        }
    }
}

fn follow(from: impl Read + Send + 'static, output: &Arc<Mutex<Vec<String>>>) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            output.lock().unwrap().push(line);
        }
    });
}

fn address_behind(ready: &str, lines: &[String]) -> Option<SocketAddr> {
    let line = lines.iter().find_map(|line| line.split_once(ready))?.1;
    let (_, rest) = line.split_once("http://")?;
    let address: String = rest
        .chars()
        .take_while(|letter| letter.is_ascii_digit() || ".:".contains(*letter))
        .collect();
    address.parse().ok()
}
