//! Whole configurations: what holds without a word, what the layers make of each other, and the example.

use std::time::Duration;

use http::{Method, StatusCode};

use super::*;
use crate::caching::rules::StaleWindow;
use crate::policy::{Collapse, Route, Selection};
use crate::upstream::ServerAddress;

mod example;

const UPSTREAM: &str = "[upstream]\nservers = [\"http://app:3000\"]\n";

fn settings(text: &str, variables: &[(&str, &str)]) -> Settings {
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(&format!("{UPSTREAM}{text}"), "config.toml", &environment)
        .unwrap_or_else(|errors| panic!("{errors}"))
        .settings
}

fn route(text: &str) -> Route {
    Route::clone(&settings(text, &[]).policy.routes()[0])
}

#[test]
fn every_default_can_be_read() {
    let settings = settings("", &[]);
    assert_eq!(settings.server.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(settings.server.threads, None);
    assert_eq!(settings.server.limits.request_head, 32 << 10);
    assert_eq!(settings.admin.listen, AdminAddress::Tcp("127.0.0.1:8090".parse().unwrap()));
    assert_eq!(settings.admin.token, None);
    assert_eq!(settings.admin.open, ["/livez", "/readyz"]);
    assert_eq!(settings.log.level, LogLevel::Info);
    assert_eq!(settings.log.slow, None);
    assert_eq!(settings.upstreams[0].settings.servers[0].to_string(), "http://app:3000");
    assert_eq!(settings.upstreams[0].settings.max_connections, 512);
    assert_eq!(settings.cache.collapse, Collapse::Here);
    assert!(
        matches!(settings.cache.memory.capacity, Capacity::Share(share) if share.of(400) == 100)
    );
    assert!(settings.policy.routes().is_empty());
}

#[test]
fn a_route_compresses_like_all_not_at_all_or_more() {
    let codings = |route_says: &str, all: &str| {
        let codings = route(&format!("{all}\n[[route]]\npath = \"/\"\n{route_says}")).rules.codings;
        (codings.codings.len(), codings.personal)
    };
    let off = "[compression]\nenabled = false";
    for (route_says, all, expected) in [
        ("", "", (2, false)),
        ("compress = true", "", (2, true)),
        ("compress = false", "", (0, false)),
        ("compress = true", off, (0, true)),
        ("", "[compression]\nencodings = [\"gzip\"]", (1, false)),
    ] {
        assert_eq!(codings(route_says, all), expected, "{route_says} {all}");
    }
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let ttl = |settings: &Settings| settings.cache.default_ttl.as_secs();
    let variable = [("FOREBAY_CACHE__DEFAULT_TTL", "2s")];
    assert_eq!(ttl(&settings("", &[])), 0);
    assert_eq!(ttl(&settings("[cache]\ndefault_ttl = \"1s\"", &[])), 1);
    assert_eq!(ttl(&settings("[cache]\ndefault_ttl = \"1s\"", &variable)), 2);
    let run = |default_ttl| {
        for_upstream("http://app:3000", default_ttl, None, &variable.into()).unwrap().settings
    };
    assert_eq!(ttl(&run(None)), 2);
    assert_eq!(ttl(&run(Some("3s"))), 3);
}

#[test]
fn variables_may_be_of_every_type() {
    let settings = settings(
        "",
        &[
            ("FOREBAY_SERVER__LISTEN", "[\"0.0.0.0:80\", \"[::]:80\"]"),
            ("FOREBAY_SERVER__THREADS", "3"),
            ("FOREBAY_CACHE__HEURISTIC", "true"),
            ("FOREBAY_CACHE__QUERY", "{ ignore = [\"utm_*\"], sort = true }"),
            ("FOREBAY_CACHE__MEMORY__CAPACITY", "1GiB"),
            ("FOREBAY_ADMIN__TOKEN", "$[not] TOML"),
        ],
    );
    assert_eq!(settings.server.listen.len(), 2);
    assert_eq!(settings.server.threads, Some(3));
    assert!(settings.cache.heuristic);
    assert!(
        settings.cache.query.sort && matches!(settings.cache.query.selection, Selection::Ignore(_))
    );
    assert_eq!(settings.cache.memory.capacity, Capacity::Bytes(1 << 30));
    assert_eq!(settings.admin.token, Some(Secret::new("$[not] TOML")));
}

#[test]
fn without_a_file_one_url_is_enough() {
    let loaded =
        for_upstream("http://[::1]:3000", None, Some("127.0.0.1:0"), &Environment::default())
            .unwrap();
    assert_eq!(
        loaded.settings.upstreams[0].settings.servers,
        [ServerAddress::Tcp { host: "::1".to_owned(), port: 3000, tls: false }]
    );
    assert_eq!(loaded.settings.server.listen[0].port(), 0);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn flags_that_are_wrong_are_named() {
    let errors =
        for_upstream("app:3000", Some("10"), Some("nowhere"), &Environment::default()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "\
--default-ttl: cache.default_ttl: expected a duration like \"30s\", \"5m\" or \"24h\", with its unit, not \"10\"; did you mean \"10s\"?
--listen: server.listen: expected an IP address and a port like \"127.0.0.1:8080\", not \"nowhere\"
--upstream: upstream.servers: expected a URL like \"http://127.0.0.1:3000\", not \"app:3000\"; did you mean \"http://app:3000\"?"
    );
}

#[test]
fn variables_stand_in_any_string() {
    let text = "[[route]]\npath = \"/\"\nttl = \"${TTL:-15m}\"\ntags = [\"${TAG}\", \"a$$b\"]";
    let settings = settings(text, &[("TAG", "home")]);
    let route = &settings.policy.routes()[0];
    assert_eq!(route.rules.ttl, Some(Duration::from_secs(900).into()));
    assert_eq!(route.tags.len(), 2);
}

#[test]
fn a_token_may_stand_in_a_file() {
    let file = std::env::temp_dir().join(format!("forebay-token-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").unwrap();
    let settings = settings(&format!("[admin]\ntoken_file = {file:?}"), &[]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(settings.admin.token, Some(Secret::new("hunter2")));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_route_says_what_it_says_and_the_cache_says_the_rest() {
    let text = "
        [cache]
        default_ttl = \"1s\"
        stale_if_error = \"2s\"
        key_headers = [\"accept-language\"]
        query.sort = true

        [[route]]
        path = \"/users/{id}\"
        methods = [\"PUT\", \"GET\"]
        ttl_by_status = { 404 = \"30s\", 4xx = \"1s\" }
        stale_while_revalidate = \"5m\"
        queue_timeout = \"0s\"
    ";
    let route = route(text);
    assert_eq!(&*route.name, "PUT,GET /users/{id}");
    assert_eq!(route.methods, [Method::PUT, Method::GET]);
    assert_eq!(route.rules.default_ttl, Duration::from_secs(1));
    assert_eq!(route.rules.stale_if_error, StaleWindow::Fallback(Duration::from_secs(2)));
    assert_eq!(route.rules.stale_while_revalidate, StaleWindow::Route(Duration::from_secs(300)));
    assert_eq!(route.rules.ttl_by_status.get(StatusCode::NOT_FOUND), Some(Duration::from_secs(30)));
    assert_eq!(route.rules.ttl_by_status.get(StatusCode::GONE), Some(Duration::from_secs(1)));
    assert_eq!(route.timeouts.queue, Some(Duration::ZERO));
    assert_eq!(route.timeouts.read, None);
    assert_eq!(route.key_headers, ["accept-language"]);
    assert!(route.query.sort && route.rules.store);
    assert_eq!(route.collapse, Collapse::Here);
}

#[test]
fn the_fallback_is_what_the_cache_says() {
    let settings = settings("[cache]\ndefault_ttl = \"1s\"\ncollapse = false", &[]);
    let fallback = settings.policy.fallback();
    assert_eq!(&*fallback.name, "default");
    assert_eq!(fallback.rules.default_ttl, Duration::from_secs(1));
    assert!(fallback.rules.store);
    assert_eq!(fallback.collapse, Collapse::Never);
}

#[test]
fn nothing_is_stored_anywhere_without_a_cache() {
    let settings = settings("[cache]\nenabled = false\n[[route]]\npath = \"/\"\ncache = true", &[]);
    assert!(!settings.policy.fallback().rules.store);
    assert!(!settings.policy.routes()[0].rules.store);
}

#[test]
fn no_object_is_larger_than_the_memory() {
    assert_eq!(
        settings("[cache.memory]\ncapacity = \"8MiB\"", &[]).cache.memory.max_object,
        8 << 20
    );
}

#[test]
fn problems_name_the_character_in_a_string() {
    let text = format!("{UPSTREAM}[[route]]\npath = \"/ä/{{id}}/b\"\n");
    let errors = load(&text, "config.toml", &Environment::default()).unwrap_err();
    let Origin::File { line, column, .. } = errors.problems()[0].origin else { panic!("{errors}") };
    assert_eq!((line, column), (4, 10));
}
