//! Start, stop, and what happens when the world around the process is not as it should be.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Client, Directory, End, Exchange, Forebay, Gate, HOST, Launch, Origin, eventually, fresh, ms,
    noise, ok, run, stay_silent,
};

/// Answers "/held" when the gate is open, everything else at once.
fn holding(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::start(move |exchange: &mut Exchange<'_>| {
        if exchange.target() == "/held" {
            exchange.wait(&gate);
        }
        exchange.reply(&ok("served"));
    })
}

#[test]
fn g01_every_request_is_answered_whole_when_asked_to_stop_under_load() {
    let body = noise(100_000);
    let origin = Origin::start({
        let body = body.clone();
        move |exchange| {
            stay_silent(ms(exchange.number() as u64 % 7));
            exchange.reply(&ok(body.clone()));
        }
    });
    let mut forebay = Forebay::start(&origin, "");
    let stopping = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let address = forebay.address();
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (stopping, answered, body) =
                (Arc::clone(&stopping), Arc::clone(&answered), body.clone());
            thread::spawn(move || {
                let mut client = Client::connect(address, HOST);
                loop {
                    let response = client.get("/a");
                    assert!(
                        response.is_whole() && response.status() == 200 && response.body == body,
                        "{}",
                        response.head.raw
                    );
                    answered.fetch_add(1, Ordering::SeqCst);
                    if response.says_close() {
                        assert!(stopping.load(Ordering::SeqCst), "closed for no reason");
                        return;
                    }
                }
            })
        })
        .collect();
    eventually("the load is on", || answered.load(Ordering::SeqCst) > 200);
    stopping.store(true, Ordering::SeqCst);
    forebay.signal("TERM");
    for client in clients {
        client.join().expect("each request was answered whole");
    }
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g01_what_is_under_way_is_finished_and_the_listener_closed() {
    for signal in ["TERM", "INT"] {
        let gate = Gate::new();
        let origin = holding(&gate);
        let mut forebay = Forebay::start(&origin, "");
        let mut client = forebay.connect();
        client.send_request("GET", "/held", &[], b"");
        origin.wait_for(1);
        forebay.signal(signal);
        eventually("the listener is closed", || TcpStream::connect(forebay.address()).is_err());
        assert!(forebay.is_running());
        gate.open();
        let response = client.read().expect(200, "served");
        assert!(response.says_close(), "{}", response.head.raw);
        client.expect_closed();
        assert_eq!(forebay.wait_exit().code(), Some(0));
    }
}

#[test]
fn g01_idle_connections_do_not_hold_the_exit() {
    let gate = Gate::new();
    let origin = holding(&gate);
    let mut forebay = Forebay::start(&origin, "[server]\ndrain_timeout = \"60s\"");
    let mut idle = forebay.connect();
    idle.get("/a").expect(200, "served");
    let _silent = forebay.connect();
    forebay.signal("TERM");
    assert_eq!(forebay.wait_exit().code(), Some(0));
    idle.expect_closed();
}

#[test]
fn g01_a_request_that_arrives_on_a_kept_connection_while_draining_is_served() {
    let gate = Gate::new();
    let origin = holding(&gate);
    let mut forebay = Forebay::start(&origin, "");
    let mut idle = forebay.connect();
    idle.get("/a").expect(200, "served");
    let mut holding = forebay.connect();
    holding.send_request("GET", "/held", &[], b"");
    origin.wait_for(2);
    // Its bytes may lie in the socket when the signal is seen, or come right after it.
    forebay.signal("TERM");
    idle.send_request("GET", "/late", &[], b"");
    let late = idle.read().expect(200, "served");
    assert!(late.says_close() || origin.count() == 3, "{}", late.head.raw);
    gate.open();
    holding.read().expect(200, "served");
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g01_a_streamed_body_under_way_is_finished() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            exchange.wait(&gate);
            exchange.send("5\r\nlater\r\n0\r\n\r\n");
        }
    });
    let mut forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    let head = client.read_head();
    forebay.signal("TERM");
    eventually("the listener is closed", || TcpStream::connect(forebay.address()).is_err());
    gate.open();
    assert_eq!(client.read_body(&head), (b"firstlater".to_vec(), End::Whole));
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g02_a_stuck_client_is_cut_off_at_the_drain_timeout() {
    let gate = Gate::new();
    let origin = Origin::start(move |exchange| match exchange.target() {
        "/held" => exchange.stall(),
        _ => exchange.reply(&ok(noise(8 * 1024 * 1024))),
    });
    let mut forebay = Forebay::start(&origin, "[server]\ndrain_timeout = \"1s\"");
    // A slow reader, an open upload, a head that never ends, an origin that never answers.
    let mut reader = Client::connect_narrow(forebay.address());
    reader.send_request("GET", "/big", &[], b"");
    reader.read_head();
    let mut uploader = forebay.connect();
    uploader.send_request("POST", "/up", &[("content-length", "100")], b"x");
    let mut beginner = forebay.connect();
    beginner.send("GET /never");
    let mut waiter = forebay.connect();
    waiter.send_request("GET", "/held", &[], b"");
    origin.wait_for(3);
    let before = Instant::now();
    forebay.signal("TERM");
    assert_eq!(forebay.wait_exit().code(), Some(0));
    let took = before.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&took), "{took:?}");
    gate.open();
}

#[test]
fn g03_a_second_signal_ends_it_at_once() {
    for second in ["TERM", "INT"] {
        let origin = Origin::start(|exchange| exchange.stall());
        let mut forebay = Forebay::start(&origin, "[server]\ndrain_timeout = \"10m\"");
        let mut client = forebay.connect();
        client.send_request("GET", "/held", &[], b"");
        origin.wait_for(1);
        forebay.signal("TERM");
        eventually("the listener is closed", || TcpStream::connect(forebay.address()).is_err());
        assert!(forebay.is_running());
        forebay.signal(second);
        forebay.wait_exit();
    }
}

#[test]
fn an_only_server_is_used_whatever_it_does() {
    let origin = Origin::start(|exchange| exchange.reset());
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    for _ in 0..4 {
        forebay.get("/a").expect_status(502);
    }
    assert_eq!(forebay.metric("forebay_upstream_healthy", &[]), 1.0);
    let ready = forebay.admin().get("/readyz").expect_status(200).json();
    assert_eq!(ready["servers"][0]["healthy"], true);
}

#[test]
fn g04_readiness_ends_when_the_drain_begins() {
    let gate = Gate::new();
    let origin = holding(&gate);
    let mut forebay = Forebay::start(&origin, "");
    forebay.admin().get("/readyz").expect_status(200);
    let mut client = forebay.connect();
    client.send_request("GET", "/held", &[], b"");
    origin.wait_for(1);
    forebay.signal("TERM");
    eventually("it is not ready", || forebay.admin().get("/readyz").status() == 503);
    forebay.admin().get("/livez").expect_status(200);
    gate.open();
    client.read().expect(200, "served");
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g04_before_the_drain_it_is_not_ready_and_serves_on() {
    let origin = Origin::always(ok("served"));
    let mut forebay =
        Forebay::start(&origin, "[server]\ndrain_delay = \"10m\"\nhealth_path = \"/healthy\"");
    let mut kept = forebay.connect();
    kept.get("/healthy").expect_status(200);
    forebay.signal("TERM");
    eventually("it is not ready", || kept.get("/healthy").status() == 503);
    forebay.admin().get("/readyz").expect_status(503);
    forebay.admin().get("/livez").expect_status(200);
    // On new connections and on old ones, and none is sent away.
    for mut client in [forebay.connect(), kept] {
        assert!(!client.get("/a").expect(200, "served").says_close());
    }
    // The second signal cuts it short (G03).
    assert!(forebay.is_running());
    forebay.signal("TERM");
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g04_the_drain_begins_when_the_delay_is_over() {
    let gate = Gate::new();
    let origin = holding(&gate);
    let mut forebay = Forebay::start(&origin, "[server]\ndrain_delay = \"100ms\"");
    let mut client = forebay.connect();
    client.send_request("GET", "/held", &[], b"");
    origin.wait_for(1);
    forebay.signal("TERM");
    eventually("the listener is closed", || TcpStream::connect(forebay.address()).is_err());
    gate.open();
    assert!(client.read().expect(200, "served").says_close());
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g11_running_out_of_files_is_survived() {
    let origin = Origin::always(ok("served"));
    let forebay = Launch::new(&origin.url(), "").open_files(64).start();
    let mut crowd: Vec<Client> = (0..150).map(|_| forebay.connect()).collect();
    for client in &mut crowd {
        client.try_send(format!("GET /crowd HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    }
    forebay.admin().get("/livez").expect_status(200);
    drop(crowd);
    eventually("it recovers", || {
        let mut client = forebay.connect();
        client.try_send(format!("GET /after HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        client.try_read().is_ok_and(|response| response.status() == 200)
    });
    assert!(
        forebay.log_text().lines().filter(|line| !line.contains("ACCESS")).count() < 200,
        "the log is not flooded"
    );
}

#[test]
fn g13_a_broken_log_pipe_does_not_matter() {
    let origin = Origin::always(ok("served"));
    let mut forebay = Forebay::start(&origin, "");
    forebay.break_log_pipe();
    eventually("the pipe is gone", || {
        forebay.get("/a").expect(200, "served");
        forebay.log_is_broken()
    });
    let mut client = forebay.connect();
    for _ in 0..100 {
        client.get("/a").expect(200, "served");
    }
    forebay.signal("TERM");
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn g13_a_blocked_log_pipe_holds_up_nobody() {
    let origin = Origin::always(fresh("served"));
    let mut forebay = Forebay::start(&origin, "");
    forebay.block_log_pipe();
    let mut client = forebay.connect();
    // Many times what a pipe holds.
    for _ in 0..3000 {
        client.get(&format!("/a?{}", "x".repeat(200))).expect(200, "served");
    }
    drop(client);
    forebay.signal("TERM");
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

/// The exit code, and what was said on either stream.
fn outcome(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(arguments, &[]);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout),
    )
}

#[test]
fn g16_a_bad_configuration_is_exit_1_with_its_place() {
    let directory = Directory::new();
    let file = directory.file(
        "bad.toml",
        "[server]\nlisten = [\"127.0.0.1:0\"]\n\n[cache]\ndefault_tll = \"1m\"\n",
    );
    for arguments in [vec!["--config", &file], vec!["check", "--config", &file]] {
        let (code, said) = outcome(&arguments);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("bad.toml:5:1") && said.contains("default_ttl"), "{said}");
    }
}

#[test]
fn g16_every_fault_is_told_at_once() {
    let directory = Directory::new();
    let file = directory.file("bad.toml", "[server]\nthreads = -1\n[cache]\ndefault_ttl = 60\n[[route]]\npath = \"/a\"\n[[route]]\npath = \"/a\"\n");
    let (code, said) = outcome(&["check", "--config", &file]);
    assert_eq!(code, Some(1), "{said}");
    for place in ["bad.toml:2:", "bad.toml:4:", "bad.toml:8:"] {
        assert!(said.contains(place), "no {place} in {said}");
    }
}

#[test]
fn g16_a_missing_file_is_exit_1() {
    let (code, said) = outcome(&["--config", "/nonexistent/forebay.toml"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("/nonexistent/forebay.toml"), "{said}");
}

#[test]
fn a_good_configuration_passes_the_check() {
    let directory = Directory::new();
    let file = directory.file("good.toml", "[upstream]\nservers = [\"http://127.0.0.1:3000\"]\n[[route]]\npath = \"/api/{*rest}\"\nttl = \"1m\"\n");
    let (code, said) = outcome(&["check", "--config", &file]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn bad_usage_is_exit_2() {
    for arguments in
        [vec!["--no-such-flag"], vec!["no-such-command"], vec!["purge"], vec!["--listen"]]
    {
        let (code, said) = outcome(&arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
    }
}

#[test]
fn g16_a_port_that_is_taken_is_exit_3() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = Directory::new();
    let public = directory.file(
        "public.toml",
        &format!("[upstream]\nservers = [\"http://127.0.0.1:3000\"]\n[server]\nlisten = [\"{address}\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n"),
    );
    let admin = directory.file(
        "admin.toml",
        &format!("[upstream]\nservers = [\"http://127.0.0.1:3000\"]\n[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"{address}\"\n"),
    );
    for file in [public, admin] {
        let before = Instant::now();
        let (code, said) = outcome(&["--config", &file]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&address), "{said}");
        assert!(before.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn one_flag_is_enough_to_start() {
    let origin = Origin::always(ok("served"));
    let forebay = Launch::with_arguments(&[
        "--upstream",
        &origin.url(),
        "--listen",
        "127.0.0.1:0",
        "--default-ttl",
        "1m",
    ])
    .environment("FOREBAY_ADMIN__LISTEN", "127.0.0.1:0")
    .start();
    forebay.get("/a").expect(200, "served");
    forebay.hit("/a").expect(200, "served");
    assert_eq!(origin.count(), 1);
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let origin = Origin::always(ok("served"));
    let directory = Directory::new();
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[upstream]\nservers = [\"{}\"]\n",
        origin.url()
    );
    let file = directory.file("elsewhere.toml", &text);
    let forebay = Launch::with_arguments(&[]).environment("FOREBAY_CONFIG", &file).start();
    forebay.get("/a").expect(200, "served");
    forebay.wait_for_log(&["elsewhere.toml"]);
}

#[test]
fn a_setting_may_come_from_the_environment() {
    let origin = Origin::always(ok("served"));
    let forebay = Launch::new(&origin.url(), "[cache]\ndefault_ttl = \"0s\"")
        .environment("FOREBAY_CACHE__DEFAULT_TTL", "1m")
        .environment("FOREBAY_SERVICE_HOST", "ignored")
        .start();
    forebay.get("/a").expect(200, "served");
    forebay.hit("/a").expect(200, "served");
}

#[test]
fn the_start_lines_say_where_and_in_front_of_what() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(
        &origin,
        "[upstream]\nservers = [\"{origin}\"]\n[admin]\ntoken = \"a-secret-token\"",
    );
    let line = forebay.wait_for_log(&["listening on http://"]);
    assert!(line.contains(&origin.url()), "{line}");
    forebay.wait_for_log(&["INFO", "storing in memory, up to "]);
    assert!(!forebay.log_text().contains("a-secret-token"));
}

#[test]
fn the_start_lines_say_that_nothing_is_stored_and_what_may_surprise() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[cache]\nenabled = false");
    forebay.wait_for_log(&["INFO", "storing nothing"]);
    let forebay = Forebay::start(
        &origin,
        "[[route]]\npath = \"/orders\"\ninvalidates = [\"prefix:/\"]\n\
         [[route]]\nname = \"models\"\npath = \"/models\"\nshared = true\noverride = [\"no-cache\"]",
    );
    let outside = "route models steps outside RFC 9111: shared, override no-cache";
    forebay.wait_for_log(&["INFO", outside]);
    forebay.wait_for_log(&["WARN", "test.toml:", "invalidates: prefix:/"]);
}
