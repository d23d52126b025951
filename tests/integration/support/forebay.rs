//! The program under test, as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::{Client, HOST, Origin, PATIENCE, Response};

/// A running forebay. It is killed when dropped.
pub(crate) struct Forebay {
    child: Child,
    public: SocketAddr,
    admin: SocketAddr,
    log: Arc<Log>,
    directory: Directory,
}

/// The name of its configuration, in its directory.
const FILE: &str = "test.toml";

impl Forebay {
    /// In front of `origin`. `config` is a configuration file; what a test always needs is added where the file does not say
    /// it: a free port for both listeners, the upstream, every access line. `{origin}` in it is the origin's URL.
    #[track_caller]
    pub(crate) fn start(origin: &Origin, config: &str) -> Self {
        Launch::new(&origin.url(), config).start()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.public
    }

    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// A new connection to the public listener.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.public, HOST)
    }

    /// A new connection to the admin listener.
    pub(crate) fn admin(&self) -> Client {
        let address = self.admin_address();
        Client::connect(address, &address.to_string())
    }

    /// GET on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Response {
        self.connect().get(target)
    }

    #[track_caller]
    pub(crate) fn get_with(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.connect().get_with(target, fields)
    }

    /// GET on a connection of its own, until the answer is from the store; each must be reused.
    #[track_caller]
    pub(crate) fn hit(&self, target: &str) -> Response {
        self.connect().hit(target)
    }

    #[track_caller]
    pub(crate) fn hit_with(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.connect().hit_with(target, fields)
    }

    #[track_caller]
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.connect().request(method, target, fields, body)
    }

    /// GETs of one target, each on a connection of its own, all sent before any answer is read.
    pub(crate) fn burst(&self, count: usize, target: &str) -> Vec<Client> {
        // Each is a file for this process, too.
        let _ = rlimit::increase_nofile_limit(16 * 1024);
        let mut clients: Vec<Client> = (0..count).map(|_| self.connect()).collect();
        for client in &mut clients {
            client.send_request("GET", target, &[], b"");
        }
        clients
    }

    /// Waits until so many clients are connected, and a little longer, so that their requests were read.
    pub(crate) fn wait_for_clients(&self, count: u32) {
        super::eventually("all are connected", || {
            self.metric("forebay_connections", &[]) >= f64::from(count)
        });
        super::stay_silent(super::ms(150));
    }

    /// POST /api/purge.
    #[track_caller]
    pub(crate) fn purge(&self, what: &str) -> Response {
        self.admin().request(
            "POST",
            "/api/purge",
            &[("content-type", "application/json")],
            what.as_bytes(),
        )
    }

    /// The sum of all series of that metric whose labels include these.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.admin().get("/metrics").expect_status(200).text();
        let series = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        let fitting = series.filter(|line| {
            labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
        });
        fitting
            .map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>().unwrap())
            .sum()
    }

    /// Waits for a line of the log that contains all of this; returns it.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, parts: &[&str]) -> String {
        self.log
            .wait_for(parts)
            .unwrap_or_else(|| panic!("no line with {parts:?} in\n{}", self.log.text()))
    }

    pub(crate) fn log_text(&self) -> String {
        self.log.text()
    }

    /// From the next line on nobody reads the log: its pipe is broken.
    pub(crate) fn break_log_pipe(&self) {
        self.log.broken.store(true, Ordering::SeqCst);
    }

    /// From the next line on the log's pipe is held, but nobody reads it.
    pub(crate) fn block_log_pipe(&self) {
        self.log.blocked.store(true, Ordering::SeqCst);
    }

    /// Whether the log's pipe was dropped.
    pub(crate) fn log_is_broken(&self) -> bool {
        self.log.lines.lock().unwrap().ended
    }

    /// Where its configuration is.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join(FILE)
    }

    /// Puts another configuration in the place of its own, completed as by [`Forebay::start`].
    pub(crate) fn configure(&self, origin: &Origin, config: &str) {
        self.replace_file(&Launch::new(&origin.url(), config).config);
    }

    /// Puts this text in the place of its configuration, all of it at once.
    pub(crate) fn replace_file(&self, text: &str) {
        let new = self.directory.file("new.toml", text);
        fs::rename(new, self.file()).unwrap();
    }

    /// Has it take up its configuration.
    #[track_caller]
    pub(crate) fn reload(&self) -> Response {
        self.admin().request("POST", "/api/reload", &[], b"")
    }

    /// What /readyz says of the configuration.
    pub(crate) fn configuration(&self) -> serde_json::Value {
        self.admin().get("/readyz").expect_status(200).json()["configuration"].clone()
    }

    /// How many lines of the log contain this.
    pub(crate) fn count_in_log(&self, part: &str) -> usize {
        self.log.lines.lock().unwrap().all.iter().filter(|line| line.contains(part)).count()
    }

    /// How many files it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// The memory it has now, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .unwrap();
        assert!(status.success(), "the process is there to be signalled");
    }

    /// Waits for the process to end by itself; panics when it does not.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the process does not end; its log:\n{}",
                self.log.text()
            );
            thread::sleep(super::ms(5));
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory the process ever had, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status("VmHWM:") / 1024
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Forebay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the log of forebay:\n{}", self.log.text());
        }
    }
}

/// How a forebay is to be started, for tests that need more than a configuration.
pub(crate) struct Launch {
    config: String,
    environment: Vec<(String, String)>,
    open_files: Option<u32>,
    arguments: Option<Vec<String>>,
}

impl Launch {
    pub(crate) fn new(upstream: &str, config: &str) -> Self {
        let config = config.replace("{origin}", upstream);
        let config = with_default(&config, "server", "listen", "[\"127.0.0.1:0\"]");
        let config = with_default(&config, "admin", "listen", "\"127.0.0.1:0\"");
        let config = with_default(&config, "log", "access", "\"all\"");
        let config = with_default(&config, "upstream", "servers", &format!("[\"{upstream}\"]"));
        Self { config, environment: Vec::new(), open_files: None, arguments: None }
    }

    /// Without a file of ours: these arguments alone.
    pub(crate) fn with_arguments(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self {
            config: String::new(),
            environment: Vec::new(),
            open_files: None,
            arguments: Some(arguments),
        }
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The limit of open files, soft and hard.
    pub(crate) fn open_files(mut self, most: u32) -> Self {
        self.open_files = Some(most);
        self
    }

    #[track_caller]
    pub(crate) fn start(self) -> Forebay {
        let directory = Directory::new();
        let arguments = self.arguments.unwrap_or_else(|| {
            let file = directory.path().join(FILE);
            fs::write(&file, &self.config).unwrap();
            vec!["--config".to_owned(), file.display().to_string()]
        });
        let mut command = match self.open_files {
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args([
                    "-c",
                    &format!("ulimit -n {most}; exec \"$0\" \"$@\""),
                    env!("CARGO_BIN_EXE_forebay"),
                ]);
                shell
            }
            None => Command::new(env!("CARGO_BIN_EXE_forebay")),
        };
        clean(&mut command);
        command.args(arguments).envs(self.environment).current_dir(directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let log = Log::follow(child.stderr.take().unwrap());
        let address = |line: &str| {
            let from = line.find("http://").unwrap() + "http://".len();
            let text: String = line[from..]
                .chars()
                .take_while(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ':'))
                .collect();
            text.parse::<SocketAddr>().unwrap()
        };
        let starts = (log.wait_for(&["listening on http://"]), log.wait_for(&["admin on http://"]));
        let (Some(public), Some(admin)) = starts else {
            let _ = child.kill();
            panic!("forebay did not start:\n{}\nwith\n{}", log.text(), self.config);
        };
        let (public, admin) = (address(&public), address(&admin));
        Forebay { child, public, admin, log, directory }
    }
}

/// Runs the program to its end; for invocations that are expected to end by themselves.
#[track_caller]
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let directory = Directory::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    clean(&mut command);
    command.args(arguments).envs(environment.iter().copied()).current_dir(directory.path());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("forebay {arguments:?} does not end");
        }
        thread::sleep(super::ms(5));
    }
    child.wait_with_output().unwrap()
}

/// A file with this text in a directory that goes with it.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("forebay-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it; its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The surroundings of the test run must not configure the program.
fn clean(command: &mut Command) {
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FOREBAY_"))
    {
        command.env_remove(name);
    }
}

/// `config` with `key = value` in `[section]`, unless the section has that key already.
fn with_default(config: &str, section: &str, key: &str, value: &str) -> String {
    let header = format!("[{section}]");
    let mut lines: Vec<String> = config.lines().map(|line| line.trim().to_owned()).collect();
    let Some(at) = lines.iter().position(|line| *line == header) else {
        lines.push(header);
        lines.push(format!("{key} = {value}"));
        return lines.join("\n") + "\n";
    };
    let own = lines[at + 1..].iter().take_while(|line| !line.starts_with('['));
    let has =
        own.into_iter().any(|line| line.split('=').next().is_some_and(|name| name.trim() == key));
    if !has {
        lines.insert(at + 1, format!("{key} = {value}"));
    }
    lines.join("\n") + "\n"
}

/// What the program wrote to its standard error, line by line.
#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    changed: Condvar,
    broken: AtomicBool,
    blocked: AtomicBool,
}

#[derive(Default)]
struct Lines {
    all: Vec<String>,
    ended: bool,
}

impl Log {
    fn follow(from: impl std::io::Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let written = Arc::clone(&log);
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while !written.broken.load(Ordering::SeqCst) {
                line.clear();
                if from.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                    break;
                }
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                written.lines.lock().unwrap().all.push(text);
                written.changed.notify_all();
                while written.blocked.load(Ordering::SeqCst) {
                    thread::sleep(super::ms(20));
                }
            }
            drop(from);
            written.lines.lock().unwrap().ended = true;
            written.changed.notify_all();
        });
        log
    }

    fn wait_for(&self, parts: &[&str]) -> Option<String> {
        let found = |lines: &Lines| {
            lines.all.iter().find(|line| parts.iter().all(|part| line.contains(part))).cloned()
        };
        let lines = self.lines.lock().unwrap();
        let (lines, _) = self
            .changed
            .wait_timeout_while(lines, PATIENCE, |lines| found(lines).is_none() && !lines.ended)
            .unwrap();
        found(&lines)
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap().all.join("\n")
    }
}
