//! Another configuration while requests come: all of it or nothing, and what was stored stays.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use forebay::config::{self, Environment};

use crate::support::{
    Client, Directory, Exchange, Forebay, Gate, HOST, Launch, Origin, eventually, fresh, ms, ok,
    run, stay_silent,
};

const BAD: &str = "[cache]\ndefault_tll = \"1m\"\n";

/// Nothing but what the test does reads the file.
const UNWATCHED: &str = "[server]\nwatch = false\n";

/// One route, called `name`, with this lifetime.
fn route(name: &str, ttl: &str) -> String {
    format!("{UNWATCHED}[[route]]\nname = \"{name}\"\npath = \"/{{*rest}}\"\nttl = \"{ttl}\"\n")
}

fn ttl(response: &crate::support::Response) -> u64 {
    response.cache_parameter("ttl").unwrap().parse().unwrap()
}

#[test]
fn g05_a_hundred_hang_ups_under_load_lose_nothing() {
    let origin = Origin::start(|exchange: &mut Exchange<'_>| {
        let content = format!("content of {}", exchange.target());
        let reply = ok(content);
        let stored = reply.field("cache-control", "max-age=3600");
        exchange.reply(&stored);
    });
    // Whoever shows the key has two requests an hour, everybody else as many as they like.
    let config = |more: &str| {
        format!(
            "{UNWATCHED}[log]\naccess = \"off\"\n[rate_limit]\nclient = [\"header:x-api-key\", \"ip\"]\n\
             default_tier = \"many\"\n[rate_limit.tiers]\nmany = [\"1000000/s\"]\nfew = [\"2/h\"]\n\
             [rate_limit.clients]\n\"spent\" = \"few\"\n{more}"
        )
    };
    let forebay = Forebay::start(&origin, &config(""));
    let spend = || forebay.get_with("/spent", &[("x-api-key", "spent")]).status();
    assert_eq!([spend(), spend(), spend()], [200, 200, 429]);
    for number in 0..50 {
        forebay.get(&format!("/{number}")).expect_status(200);
        forebay.hit(&format!("/{number}"));
    }
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let address = forebay.address();
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            thread::spawn(move || {
                let mut connection = Client::connect(address, HOST);
                let mut number = client;
                while !over.load(Ordering::SeqCst) {
                    // One of them also asks for what is never stored.
                    let is_new = client == 0 && number % 10 == 0;
                    let target =
                        if is_new { format!("/new/{number}") } else { format!("/{}", number % 50) };
                    let response = connection.get(&target);
                    let response = response.expect(200, format!("content of {target}"));
                    assert!(is_new || response.is_hit(), "lost: {}", response.head.raw);
                    assert!(!response.says_close(), "{}", response.head.raw);
                    answered.fetch_add(1, Ordering::SeqCst);
                    number += 1;
                }
            })
        })
        .collect();

    let hang_up = |text: &str, said: &str| {
        let before = forebay.count_in_log(said);
        forebay.configure(&origin, text);
        forebay.signal("HUP");
        eventually("the signal was heard", || forebay.count_in_log(said) > before);
    };
    let interleaved = |rounds: usize| {
        for round in 0..rounds {
            match round % 4 {
                0 => hang_up(&config(""), "configuration reloaded"),
                1 => hang_up(BAD, "configuration not reloaded"),
                // Routes that come and go, an upstream that is made anew.
                2 => hang_up(
                    &config(&format!(
                        "[[route]]\npath = \"/of-{round}/{{*rest}}\"\nttl = \"1m\"\n[upstream]\nmax_connections = {}\n",
                        100 + round
                    )),
                    "configuration reloaded",
                ),
                _ => hang_up("[upstream\n", "configuration not reloaded"),
            }
        }
    };
    // The first rounds make what is made once.
    interleaved(20);
    let (files, memory) = (forebay.open_files(), forebay.memory());
    interleaved(100);
    hang_up(&config(""), "configuration reloaded");
    let answered_meanwhile = answered.load(Ordering::SeqCst);
    over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("every request was answered, and what was stored stayed");
    }
    assert!(answered_meanwhile > 1000, "{answered_meanwhile}");
    // Connections to the origin that were replaced may still be about to close, and a new one to open.
    eventually("no file stays open", || forebay.open_files() <= files + 2);
    let gained = forebay.memory().saturating_sub(memory);
    assert!(gained < 16 * 1024, "{gained} KiB gained");
    let metrics = forebay.admin().get("/metrics").text();
    assert!(!metrics.contains("/of-"), "{metrics}");
    assert_eq!(spend(), 429, "what a client has used of its limits is not forgotten");
}

#[test]
fn g05_every_bad_file_changes_nothing_and_is_told_of() {
    let origin = Origin::numbering();
    let good = route("kept", "1h");
    let forebay = Forebay::start(&origin, &good);
    let first = forebay.get("/a").expect_status(200).body;
    forebay.hit("/a");
    let root = env!("CARGO_MANIFEST_DIR");
    let folder = Path::new(root).join("tests/config");
    let mut bad = 0;
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        // The files it names are where this test runs, not where the program does.
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replace("\"tests/", &format!("\"{root}/tests/"));
        let name = forebay.file().display().to_string();
        // Some of them are bad with certain variables only, or merely surprising.
        let Err(errors) = config::load(&text, &name, &Environment::default()) else { continue };
        bad += 1;
        forebay.replace_file(&text);
        let answer = forebay.reload().expect_status(422).json();
        assert_eq!(answer["code"], "bad-configuration");
        assert_eq!(answer["detail"], errors.to_string(), "{}", file.display());
        let said = forebay.configuration();
        assert_eq!(said["last_reload_successful"], false);
        assert_eq!(said["errors"][0], errors.problems()[0].to_string());
        let hit = forebay.hit("/a");
        assert!(hit.body == first && ttl(&hit) > 60, "{}: {}", file.display(), hit.head.raw);
    }
    assert!(bad > 25, "{bad}");
    assert_eq!(forebay.metric("forebay_config_last_reload_successful", &[]), 0.0);
    forebay.wait_for_log(&["ERROR", "configuration not reloaded", "test.toml:", "because=admin"]);
    forebay.configure(&origin, &good);
    forebay.reload().expect_status(200);
    assert_eq!(forebay.metric("forebay_config_last_reload_successful", &[]), 1.0);
    assert_eq!(forebay.configuration()["errors"], serde_json::json!([]));
}

#[test]
fn g07_a_request_keeps_to_the_rules_it_began_with() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| ok("late"));
    let old = route("old", "1h");
    let forebay = Forebay::start(&origin, &old);
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    forebay.configure(&origin, &format!("{}request_directives = \"honor\"\n", route("new", "2h")));
    forebay.reload().expect_status(200);
    gate.open();
    client.read().expect(200, "late");
    forebay.wait_for_log(&["ACCESS", "route=old"]);
    // It was stored by the old rules, and is judged by the new ones.
    let hit = forebay.hit("/a");
    assert!(ttl(&hit) > 3600, "{}", hit.head.raw);
    forebay.wait_for_log(&["ACCESS", "route=new"]);
    // Nobody counts for the old route any more.
    assert_eq!(forebay.metric("forebay_requests_total", &[("route", "old")]), 0.0);
    assert!(forebay.metric("forebay_requests_total", &[("route", "new")]) >= 1.0);
}

#[test]
fn g08_an_upstream_that_is_gone_finishes_what_it_began() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            if exchange.target() == "/held" {
                exchange.wait(&gate);
            }
            exchange.reply(&ok("old"));
            // The last request is answered, and the connection that served it closed.
            if exchange.target() == "/held" {
                assert!(exchange.peer_leaves());
            }
        }
    });
    let other = Origin::always(ok("new"));
    let forebay = Forebay::start(&origin, UNWATCHED);
    forebay.get("/a").expect(200, "old");
    let mut client = forebay.connect();
    client.send_request("GET", "/held", &[], b"");
    origin.wait_for(2);
    forebay.configure(&other, UNWATCHED);
    forebay.reload().expect_status(200);
    forebay.get("/a").expect(200, "new");
    gate.open();
    client.read().expect(200, "old");
    assert_eq!((origin.count(), other.count()), (2, 1));
    let servers = forebay.admin().get("/readyz").json()["servers"].to_string();
    assert!(servers.contains(&other.authority()), "{servers}");
    assert!(!servers.contains(&origin.authority()), "{servers}");
    let server = other.authority();
    eventually("the server that is gone is not shown", || {
        let metrics = forebay.admin().get("/metrics").text();
        metrics.contains(&server) && !metrics.contains(&origin.authority())
    });
}

#[test]
fn an_upstream_that_is_the_same_keeps_its_connections() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, UNWATCHED);
    forebay.get("/a").expect(200, "served");
    // Once that is stored, its connection is idle.
    forebay.hit("/a");
    forebay.configure(&origin, &route("other", "1h"));
    forebay.reload().expect_status(200);
    forebay.get("/b").expect(200, "served");
    assert_eq!(origin.connections(), 1);
}

#[test]
fn g10_of_many_reloads_at_once_the_last_valid_file_wins() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, &route("first", "1h"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let status = forebay.reload().status();
                    assert!(status == 200 || status == 422, "{status}");
                }
            });
        }
        for number in 0..20 {
            let good = route(&format!("of-{number}"), "1h");
            forebay.configure(&origin, if number % 3 == 2 { BAD } else { &good });
            forebay.signal("HUP");
        }
    });
    forebay.configure(&origin, &route("last", "1h"));
    forebay.reload().expect_status(200);
    forebay.configure(&origin, BAD);
    forebay.signal("HUP");
    eventually("the bad one was seen", || {
        forebay.configuration()["last_reload_successful"] == false
    });
    forebay.get("/a").expect(200, "served");
    forebay.wait_for_log(&["ACCESS", "route=last"]);
}

#[test]
fn changed_rules_hold_for_what_is_stored() {
    let origin = Origin::numbering();
    let forebay = Forebay::start(&origin, &route("all", "1h"));
    let first = forebay.get("/a").expect_status(200).body;
    assert!(ttl(&forebay.hit("/a")) <= 3600);
    forebay.configure(&origin, &route("all", "2h"));
    forebay.reload().expect_status(200);
    let hit = forebay.hit("/a");
    assert!(ttl(&hit) > 3600 && hit.body == first, "{}", hit.head.raw);
    let off = route("all", "2h").replace("ttl = \"2h\"", "cache = false");
    forebay.configure(&origin, &off);
    forebay.reload().expect_status(200);
    assert!(!forebay.get("/a").is_reused());
    forebay.configure(&origin, &route("all", "1h"));
    forebay.reload().expect_status(200);
    let hit = forebay.hit("/a");
    assert!(ttl(&hit) <= 3600 && hit.body == first, "{}", hit.head.raw);
}

#[test]
fn what_could_not_be_stored_by_the_old_rules_is_stored_by_the_new_ones() {
    let origin = Origin::always(ok("served").chunked());
    let forebay = Forebay::start(&origin, UNWATCHED);
    for _ in 0..3 {
        assert!(!forebay.get("/a").is_reused());
    }
    forebay.wait_for_log(&["default_ttl in [cache]"]);
    forebay.configure(&origin, &format!("{UNWATCHED}[cache]\ndefault_ttl = \"1h\"\n"));
    forebay.reload().expect_status(200);
    forebay.get("/a").expect(200, "served");
    forebay.hit("/a").expect(200, "served");
    assert_eq!(origin.count(), 4);
}

#[test]
fn what_was_said_once_is_not_said_again_after_each_reload() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, &route("all", "1h"));
    for _ in 0..3 {
        forebay.get_with("/a", &[("authorization", "Bearer a")]).expect(200, "served");
        forebay.wait_for_log(&["requests with a credential are not stored"]);
        forebay.reload().expect_status(200);
    }
    forebay.get("/b").expect(200, "served");
    forebay.wait_for_log(&["ACCESS", "path=/b"]);
    assert_eq!(forebay.count_in_log("requests with a credential are not stored"), 1);
}

#[test]
fn counters_go_on_for_routes_of_the_same_name() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, &route("all", "1h"));
    forebay.get("/a").expect(200, "served");
    for _ in 0..3 {
        forebay.configure(&origin, &route("all", "2h"));
        forebay.reload().expect_status(200);
        forebay.hit("/a");
    }
    assert!(forebay.metric("forebay_requests_total", &[("route", "all")]) >= 4.0);
}

#[test]
fn what_cannot_change_is_named_and_waits_for_the_next_start() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, UNWATCHED);
    let pending = |forebay: &Forebay| forebay.configuration()["restart_pending"].clone();
    assert_eq!(pending(&forebay), serde_json::json!([]));
    forebay.configure(
        &origin,
        "[server]\nwatch = false\nlisten = [\"127.0.0.1:1\"]\nthreads = 7\n[server.limits]\nconnections = 99\n\
         [cache.memory]\ncapacity = \"64MiB\"\n[admin]\nlisten = \"127.0.0.1:2\"\n",
    );
    let answer = forebay.reload().expect_status(200).json();
    let keys = [
        "server.listen",
        "server.threads",
        "server.limits.connections",
        "admin.listen",
        "cache.memory.capacity",
    ];
    assert_eq!(answer["restart_pending"], serde_json::json!(keys));
    assert_eq!(pending(&forebay), serde_json::json!(keys));
    assert_eq!(forebay.metric("forebay_config_restart_pending", &[]), 5.0);
    forebay.wait_for_log(&["WARN", "at the next start: server.listen, server.threads"]);
    forebay.get("/a").expect(200, "served");
    forebay.configure(&origin, UNWATCHED);
    forebay.reload().expect_status(200);
    assert_eq!(pending(&forebay), serde_json::json!([]));
    assert_eq!(forebay.metric("forebay_config_restart_pending", &[]), 0.0);
}

#[test]
fn everything_else_changes_at_once() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, UNWATCHED);
    forebay.request("POST", "/a", &[], &[b'x'; 100]).expect(200, "served");
    let mut before = forebay.connect();
    before.get("/before").expect(200, "served");
    forebay.configure(
        &origin,
        "[server]\nwatch = false\n[server.limits]\nrequest_body = \"10B\"\nrequest_head = \"9KiB\"\n\
         [log]\nformat = \"json\"\nquery = true\n[admin]\ntoken = \"a-new-token\"\n",
    );
    forebay.reload().expect_status(200);
    assert_eq!(forebay.request("POST", "/a", &[], &[b'x'; 100]).status(), 413);
    let long = [("x-long", &*"x".repeat(10_000))];
    assert_eq!(forebay.get_with("/long", &long).status(), 431);
    // Who was connected keeps to the limits there were.
    before.get_with("/long", &long).expect(200, "served");
    forebay.get("/queried?a=1").expect(200, "served");
    forebay.wait_for_log(&["{", "\"path\":\"/queried\"", "\"query\":\"a=1\""]);
    assert_eq!(forebay.reload().status(), 401);
    let token = [("authorization", "Bearer a-new-token")];
    forebay.admin().request("POST", "/api/reload", &token, b"").expect_status(200);
}

#[test]
fn a_changed_file_is_taken_up_by_itself() {
    let origin = Origin::always(ok("served"));
    let watched = |name: &str| route(name, "1h").replace(UNWATCHED, "");
    let forebay = Forebay::start(&origin, &watched("first"));
    let seen = |name: &str| {
        forebay.get("/a");
        forebay.count_in_log(&format!("route={name}")) > 0
    };
    forebay.configure(&origin, &watched("second"));
    eventually("the file is taken up", || seen("second"));
    forebay.wait_for_log(&["configuration reloaded", "because=changed"]);
    // In place, a part at a time: what is not whole is never in force, nor told of while it grows.
    fs::write(forebay.file(), "[upstream]\nservers = [").unwrap();
    eventually("the bad file is told of", || forebay.count_in_log("not reloaded") > 0);
    assert!(seen("second"));
    forebay.configure(&origin, &watched("third"));
    eventually("the good file is taken up", || seen("third"));
    assert_eq!(forebay.metric("forebay_config_last_reload_successful", &[]), 1.0);
    // It says itself that it is not to be watched.
    forebay.configure(&origin, &route("fourth", "1h"));
    eventually("the last of them is taken up", || seen("fourth"));
    let reloads = forebay.count_in_log("configuration reloaded");
    forebay.configure(&origin, &watched("fifth"));
    stay_silent(ms(3500));
    assert_eq!(forebay.count_in_log("configuration reloaded"), reloads);
}

#[test]
fn a_config_map_is_swapped_as_a_whole() {
    let origin = Origin::always(ok("served"));
    let directory = Directory::new();
    let path = |name: &str| directory.path().join(name);
    for name in ["one", "two"] {
        fs::create_dir(path(name)).unwrap();
        let text = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[upstream]\nservers = [\"{}\"]\n\
             [[route]]\nname = \"{name}\"\npath = \"/a\"\n",
            origin.url()
        );
        directory.file(&format!("{name}/config.toml"), &text);
    }
    symlink("one", path("..data")).unwrap();
    symlink("..data/config.toml", path("config.toml")).unwrap();
    let file = path("config.toml").display().to_string();
    let forebay = Launch::with_arguments(&["--config", &file]).start();
    symlink("two", path("..new")).unwrap();
    fs::rename(path("..new"), path("..data")).unwrap();
    eventually("the map is taken up", || {
        forebay.get("/a");
        forebay.count_in_log("route=two") > 0
    });
}

#[test]
fn the_command_line_reloads_and_tells_what_is_wrong() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, UNWATCHED);
    let admin = format!("http://{}", forebay.admin_address());
    let reload = || {
        let output = run(&["reload", "--admin", &admin], &[]);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    forebay.configure(&origin, "[server]\nwatch = false\nthreads = 9\n");
    let (code, said) = reload();
    assert_eq!((code, said.as_str()), (Some(0), "reloaded\nfrom the next start: server.threads\n"));
    forebay.replace_file(BAD);
    let (code, said) = reload();
    assert_eq!(code, Some(1), "{said}");
    let place = format!("{}:2:1: cache.default_tll: unknown key", forebay.file().display());
    assert!(said.lines().any(|line| line.starts_with(&place)), "{said}");
    fs::remove_file(forebay.file()).unwrap();
    let (code, said) = reload();
    assert!(code == Some(1) && said.contains("No such file"), "{said}");
    forebay.get("/a").expect(200, "served");
}

#[test]
fn without_a_file_there_is_nothing_to_reload() {
    let origin = Origin::always(ok("served"));
    let forebay = Launch::with_arguments(&["--upstream", &origin.url(), "--listen", "127.0.0.1:0"])
        .environment("FOREBAY_ADMIN__LISTEN", "127.0.0.1:0")
        .start();
    forebay.signal("HUP");
    forebay.wait_for_log(&["WARN", "nothing to reload", "because=SIGHUP"]);
    assert_eq!(forebay.reload().expect_status(409).json()["code"], "no-file");
    assert_eq!(forebay.metric("forebay_config_last_reload_successful", &[]), 1.0);
    forebay.get("/a").expect(200, "served");
}

#[test]
fn who_is_about_to_stop_reloads_nothing() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| ok("late"));
    let mut forebay = Forebay::start(&origin, UNWATCHED);
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    forebay.signal("TERM");
    forebay.wait_for_log(&["stopping"]);
    forebay.signal("HUP");
    forebay.wait_for_log(&["not reloaded: about to stop"]);
    gate.open();
    client.read().expect(200, "late");
    assert_eq!(forebay.wait_exit().code(), Some(0));
}

#[test]
fn nothing_that_is_told_of_a_reload_is_a_secret() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, UNWATCHED);
    let text =
        "[server]\nwatch = false\n[admin]\ntoken = \"sesame-1\"\ntoken_file = \"/nonexistent\"\n";
    forebay.configure(&origin, text);
    let answer = forebay.reload().expect_status(422).text();
    let told: BTreeSet<_> =
        [answer, forebay.log_text(), forebay.configuration().to_string()].into();
    assert!(told.iter().all(|text| !text.contains("sesame")), "{told:?}");
}
