//! Servers that are asked whether they are well, and what follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::support::{
    Authority, Directory, Forebay, Launch, Origin, Reply, Secured, eventually, ms, ok, stay_silent,
};

const OFTEN: &str = "health = { path = \"/health?deep=1\", interval = \"30ms\", timeout = \"5s\", unhealthy_after = 2, healthy_after = 2 }";

/// An origin whose health is what was last stored in `status`; it answers everything else.
fn patient(status: &Arc<AtomicU16>, name: &'static str) -> Origin {
    let status = Arc::clone(status);
    Origin::start(move |exchange| match exchange.target() {
        "/health?deep=1" => exchange.reply(&Reply::new(status.load(Ordering::SeqCst))),
        _ => exchange.reply(&ok(name)),
    })
}

fn well() -> Arc<AtomicU16> {
    Arc::new(AtomicU16::new(200))
}

fn in_front_of(servers: &[&Origin]) -> Forebay {
    let urls: Vec<_> = servers.iter().map(|origin| origin.url()).collect();
    let config = format!("[upstream]\nservers = {urls:?}\n{OFTEN}\n[cache]\nerror_ttl = \"0s\"");
    Launch::new("", &config).start()
}

/// The requests other than checks.
fn asked(origin: &Origin) -> usize {
    origin.count() - origin.count_of("/health?deep=1")
}

fn healthy(forebay: &Forebay, origin: &Origin) -> bool {
    forebay.metric("forebay_upstream_healthy", &[("server", &origin.url())]) == 1.0
}

#[test]
fn an_unhealthy_server_is_left_alone_until_it_is_healthy() {
    let (status, other) = (well(), well());
    let (one, two) = (patient(&status, "one"), patient(&other, "two"));
    let forebay = in_front_of(&[&one, &two]);
    eventually("both are asked", || one.count() > 3 && two.count() > 3);
    assert!(healthy(&forebay, &one) && healthy(&forebay, &two));

    status.store(503, Ordering::SeqCst);
    eventually("one is found unhealthy", || !healthy(&forebay, &one));
    assert!(healthy(&forebay, &two));
    forebay.wait_for_log(&[
        "WARN",
        "a server is unhealthy",
        "upstream=default",
        &one.url(),
        "status-503",
    ]);
    let before = asked(&one);
    for n in 0..6 {
        forebay.get(&format!("/{n}")).expect(200, "two");
    }
    assert_eq!(asked(&one), before);
    let ready = forebay.admin().get("/readyz").expect_status(200).json();
    assert_eq!(
        (&ready["servers"][0]["healthy"], &ready["servers"][1]["healthy"]),
        (&false.into(), &true.into())
    );

    status.store(302, Ordering::SeqCst);
    eventually("one is found healthy", || healthy(&forebay, &one));
    forebay.wait_for_log(&["INFO", "a server is healthy again", &one.url(), "status-302"]);
    eventually("one is asked again", || {
        forebay.get("/again").expect_status(200);
        asked(&one) > before
    });
    assert_eq!(forebay.log_text().matches("a server is").count(), 2, "{}", forebay.log_text());
}

#[test]
fn a_check_is_a_request_of_its_own() {
    let status = well();
    let origin = patient(&status, "one");
    let forebay = Launch::new(&origin.url(), &format!("[upstream]\n{OFTEN}")).start();
    eventually("it is asked", || origin.count() >= 3);
    let requests = origin.requests();
    for (index, check) in requests.iter().enumerate() {
        assert_eq!((check.method(), check.target()), ("GET", "/health?deep=1"));
        assert_eq!(
            check.field("host"),
            Some(&*origin.authority()),
            "its own name, no client being there"
        );
        assert!(check.field("user-agent").is_some_and(|agent| agent.starts_with("forebay/")));
        assert_eq!(check.connection, index + 1, "a connection of its own");
    }
    assert_eq!(forebay.metric("forebay_upstream_requests_total", &[]), 0.0);
    assert!(!forebay.log_text().contains("ACCESS"));
}

#[test]
fn a_check_carries_the_host_that_is_configured() {
    let status = well();
    let origin = patient(&status, "one");
    let config = format!("[upstream]\nhost = \"app.internal\"\n{OFTEN}");
    let _forebay = Launch::new(&origin.url(), &config).start();
    assert_eq!(origin.wait_for(1)[0].field("host"), Some("app.internal"));
}

#[test]
fn a_single_server_is_asked_whatever_its_health() {
    let status = Arc::new(AtomicU16::new(500));
    let origin = patient(&status, "one");
    let forebay = in_front_of(&[&origin]);
    eventually("it is found unhealthy", || !healthy(&forebay, &origin));
    forebay.get("/a").expect(200, "one");
    forebay.admin().get("/readyz").expect_status(200);
}

#[test]
fn where_all_are_unhealthy_all_are_tried() {
    let status = Arc::new(AtomicU16::new(500));
    let (one, two) = (patient(&status, "one"), patient(&status, "two"));
    let forebay = in_front_of(&[&one, &two]);
    eventually("both are unhealthy", || !healthy(&forebay, &one) && !healthy(&forebay, &two));
    for n in 0..6 {
        forebay.get(&format!("/{n}")).expect_status(200);
    }
    assert_eq!((asked(&one), asked(&two)), (3, 3));
}

#[test]
fn a_check_that_is_not_answered_in_time_fails() {
    let (status, other) = (well(), well());
    let (one, two) = (Origin::start(|exchange| exchange.stall()), patient(&other, "two"));
    let config = format!(
        "[upstream]\nservers = [\"{}\", \"{}\"]\nhealth = {{ path = \"/health?deep=1\", interval = \"30ms\", timeout = \"200ms\", unhealthy_after = 1 }}",
        one.url(),
        two.url()
    );
    let forebay = Launch::new("", &config).start();
    forebay.wait_for_log(&["a server is unhealthy", &one.url(), "response-timeout"]);
    assert!(!healthy(&forebay, &one) && healthy(&forebay, &two));
    drop(status);
}

#[test]
fn a_failing_request_and_a_failing_check_are_told_of_once() {
    let status = well();
    let (one, two) = (patient(&status, "one"), patient(&well(), "two"));
    let forebay = in_front_of(&[&one, &two]);
    eventually("both are asked", || one.count() > 1 && two.count() > 1);
    let url = one.url();
    one.stop();
    eventually("it is unhealthy", || {
        forebay.get("/a").expect_status(200);
        forebay.metric("forebay_upstream_healthy", &[("server", &url)]) == 0.0
    });
    for n in 0..20 {
        forebay.get(&format!("/{n}")).expect(200, "two");
        stay_silent(ms(10));
    }
    let log = forebay.log_text();
    assert_eq!(log.matches("a server is unhealthy").count(), 1, "{log}");
    assert!(log.contains("connect-failed"), "{log}");
}

#[test]
fn a_server_that_does_not_prove_who_it_is_is_unhealthy() {
    let (origin, directory) = (Origin::always(ok("served")), Directory::new());
    let (believed, other) = (Authority::new(), Authority::new());
    let (good, bad) = (
        Secured::start(&origin, believed.certificate("localhost")),
        Secured::start(&origin, other.certificate("localhost")),
    );
    let ca = directory.file("ca.pem", &believed.pem());
    let config = format!(
        "[upstream]\nca = \"{ca}\"\nservers = [\"{}\", \"{}\"]\n{OFTEN}",
        good.url("localhost"),
        bad.url("localhost")
    );
    let forebay = Launch::new("", &config).start();
    forebay.wait_for_log(&[
        "a server is unhealthy",
        &bad.url("localhost"),
        "upstream-tls-untrusted",
    ]);
    let health = |url: &str| forebay.metric("forebay_upstream_healthy", &[("server", url)]);
    assert_eq!((health(&good.url("localhost")), health(&bad.url("localhost"))), (1.0, 0.0));
}
