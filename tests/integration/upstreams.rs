//! Upstreams beside the default one, and servers that listen on Unix sockets.

use crate::support::{
    Directory, Forebay, Gate, HOST, Launch, Origin, listen_on, ok, run, unused_address,
};

/// A default origin and another, called "web", for `/web/`; `more` are keys of the latter.
fn two(more: &str) -> (Origin, Origin, Forebay) {
    let (first, web) = (Origin::always(ok("first")), Origin::always(ok("web")));
    let forebay = in_front_of(&first, &web, more);
    (first, web, forebay)
}

fn in_front_of(first: &Origin, web: &Origin, more: &str) -> Forebay {
    let config = format!(
        "[upstream]\nhost = \"app.internal\"\n[upstreams.web]\nservers = [\"{}\"]\n{more}\n[[route]]\npath = \"/web/{{*rest}}\"\nupstream = \"web\"\n[[route]]\npath = \"/patient/{{*rest}}\"\nupstream = \"web\"\nresponse_timeout = \"20s\"\n",
        web.url()
    );
    Forebay::start(first, &config)
}

#[test]
fn a_route_goes_to_the_upstream_that_it_names() {
    let (first, web, forebay) = two("");
    forebay.get("/web/a").expect(200, "web");
    forebay.get("/b").expect(200, "first");
    forebay.request("POST", "/web/c", &[], b"content").expect(200, "web");
    assert_eq!(
        (first.targets(), web.targets()),
        (vec!["/b".to_owned()], vec!["/web/a".to_owned(), "/web/c".to_owned()])
    );
    for (name, requests) in [("default", 1.0), ("web", 2.0)] {
        let labels = [("upstream", name), ("status", "200")];
        assert_eq!(forebay.metric("forebay_upstream_requests_total", &labels), requests, "{name}");
    }
    let labels = [("upstream", "web"), ("server", &*web.url())];
    assert_eq!(forebay.metric("forebay_upstream_healthy", &labels), 1.0);
    let servers = forebay.admin().get("/readyz").expect_status(200).json()["servers"].clone();
    let expected = serde_json::json!([
        { "upstream": "default", "server": first.url(), "healthy": true },
        { "upstream": "web", "server": web.url(), "healthy": true },
    ]);
    assert_eq!(servers, expected);
    forebay.wait_for_log(&[
        "listening on",
        &format!("in front of {}; web: {}", first.url(), web.url()),
    ]);
}

#[test]
fn what_an_upstream_does_not_say_is_as_the_default_says() {
    let (_, web, forebay) = two("");
    forebay.get("/web/a").expect(200, "web");
    assert_eq!(web.last().field("host"), Some("app.internal"));
    let (first, web, forebay) = two("host = \"client\"");
    forebay.get("/web/a").expect(200, "web");
    forebay.get("/b").expect(200, "first");
    assert_eq!(
        (web.last().field("host"), first.last().field("host")),
        (Some(HOST), Some("app.internal"))
    );
}

#[test]
fn a_routes_timeouts_come_before_those_of_its_upstream() {
    let gate = Gate::new();
    let (first, web) = (Origin::always(ok("first")), Origin::gated(&gate, |_| ok("web")));
    let forebay = in_front_of(&first, &web, "response_timeout = \"200ms\"");
    let late = forebay.get("/web/a").expect_status(504);
    assert_eq!(late.json()["code"], "response-timeout");
    let mut patient = forebay.connect();
    patient.send_request("GET", "/patient/a", &[], b"");
    web.wait_for(2);
    forebay.get("/web/b").expect_status(504);
    gate.open();
    patient.read().expect(200, "web");
}

/// A forebay whose upstream listens on a Unix socket, and where that is.
fn behind_a_socket(origin: &Origin, config: &str) -> (Forebay, Directory) {
    let directory = Directory::new();
    let path = directory.path().join("app.sock");
    listen_on(&path, origin);
    (Launch::new(&format!("unix:{}", path.display()), config).start(), directory)
}

#[test]
fn a_server_may_listen_on_a_unix_socket() {
    let origin = Origin::always(ok("served"));
    let (forebay, directory) = behind_a_socket(&origin, "[server]\nthreads = 1");
    forebay.get("/a").expect(200, "served");
    forebay.request("POST", "/b", &[], b"content").expect(200, "served");
    let last = origin.last();
    assert_eq!((&*last.content, last.field("host")), (&b"content"[..], Some(HOST)));
    assert_eq!(origin.connections(), 1, "a connection is used again");
    let server = format!("unix:{}/app.sock", directory.path().display());
    assert_eq!(forebay.metric("forebay_upstream_healthy", &[("server", &server)]), 1.0);
}

#[test]
fn a_unix_sockets_own_name_is_localhost() {
    let origin = Origin::always(ok("served"));
    let (forebay, _directory) = behind_a_socket(&origin, "[upstream]\nhost = \"upstream\"");
    forebay.get("/a").expect(200, "served");
    assert_eq!(origin.last().field("host"), Some("localhost"));
}

#[test]
fn a_unix_socket_may_end_connections_and_may_come_later() {
    let directory = Directory::new();
    let path = directory.path().join("app.sock");
    let config = "[server]\nthreads = 1\n[cache]\nerror_ttl = \"0s\"";
    let forebay = Launch::new(&format!("unix:{}", path.display()), config).start();
    let refused = forebay.get("/a").expect_status(502);
    assert_eq!(refused.json()["code"], "connect-failed");
    let origin = Origin::start(|exchange| {
        exchange.reply(&ok("served"));
        exchange.close();
    });
    listen_on(&path, &origin);
    for target in ["/1", "/2", "/3"] {
        forebay.get(target).expect(200, "served");
    }
    assert_eq!(origin.count(), 3);
}

#[test]
fn another_server_is_asked_where_there_is_no_socket() {
    let origin = Origin::always(ok("served"));
    let servers = format!(
        "[upstream]\nservers = [\"unix:/nowhere/app.sock\", \"http://{}\", \"{{origin}}\"]",
        unused_address()
    );
    let forebay = Forebay::start(&origin, &servers);
    for n in 0..6 {
        forebay.request("POST", &format!("/{n}"), &[], b"x").expect(200, "served");
    }
    assert_eq!(origin.count(), 6);
}

#[test]
fn i05_our_own_listeners_are_no_upstreams() {
    for (upstream, listen) in [
        ("http://127.0.0.1:18080", "0.0.0.0:18080"),
        ("http://localhost:18080", "127.0.0.1:18080"),
        ("http://127.0.0.1:8090", "127.0.0.1:18080"),
    ] {
        let refused = run(&["--upstream", upstream, "--listen", listen], &[]);
        assert_eq!(refused.status.code(), Some(1), "{upstream}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            said.contains("--upstream: upstream.servers: this is where we listen ourselves"),
            "{said}"
        );
    }
}
