use std::time::Duration;

use http::Method;

use super::*;

/// The value of one sample.
fn sample(text: &str, name: &str) -> Option<f64> {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next()?.parse().unwrap();
    assert_eq!(values.next(), None, "{name} is there once");
    Some(value)
}

#[test]
fn requests_are_counted_by_route_method_status_and_outcome() {
    let counters = Counters::new("1.2.3");
    let route = counters.route("profile");
    let took = Duration::from_micros(700);
    route.request(&Method::GET, 200, Outcome::Hit, took);
    counters.route("profile").request(&Method::GET, 200, Outcome::Hit, took);
    route.request(&Method::GET, 502, Outcome::Error, Duration::from_secs(90));
    route.request(&Method::from_bytes(b"BREW").unwrap(), 200, Outcome::Bypass, took);
    route.lookup(Tier::Memory, LookupResult::Hit);
    route.not_stored("no-store");
    route.collapsed();

    let text = counters.encode();
    let labels = |outcome: &str| format!("{{route=\"profile\",outcome=\"{outcome}\"}}");
    for (name, value) in [
        (r#"forebay_requests_total{route="profile",method="GET",status="200",outcome="hit"}"#, 2.0),
        (
            r#"forebay_requests_total{route="profile",method="GET",status="502",outcome="error"}"#,
            1.0,
        ),
        (
            r#"forebay_requests_total{route="profile",method="other",status="200",outcome="bypass"}"#,
            1.0,
        ),
        (&format!("forebay_request_duration_seconds_count{}", labels("hit")), 2.0),
        (&format!("forebay_request_duration_seconds_sum{}", labels("hit")), 0.0014),
        (
            r#"forebay_request_duration_seconds_bucket{le="0.0005",route="profile",outcome="hit"}"#,
            0.0,
        ),
        (
            r#"forebay_request_duration_seconds_bucket{le="0.001",route="profile",outcome="hit"}"#,
            2.0,
        ),
        (
            r#"forebay_request_duration_seconds_bucket{le="60.0",route="profile",outcome="error"}"#,
            0.0,
        ),
        (
            r#"forebay_request_duration_seconds_bucket{le="+Inf",route="profile",outcome="error"}"#,
            1.0,
        ),
        (r#"forebay_cache_lookups_total{route="profile",tier="memory",result="hit"}"#, 1.0),
        (r#"forebay_not_stored_total{route="profile",reason="no-store"}"#, 1.0),
        (r#"forebay_collapsed_requests_total{route="profile"}"#, 1.0),
    ] {
        assert_eq!(sample(&text, name), Some(value), "{name} in\n{text}");
    }
}

#[test]
fn upstreams_are_counted_by_status_and_server() {
    let counters = Counters::new("1.2.3");
    let upstream = counters.upstream("web");
    upstream.request(Some(200));
    upstream.request(None);
    upstream.duration(Duration::from_millis(3));
    let of_ports =
        |ports: [u16; 2]| ports.into_iter().map(|port| format!("http://127.0.0.1:{port}"));
    upstream.servers(of_ports([3000, 3002]));
    upstream.healthy("http://127.0.0.1:3000", true);
    upstream.healthy("http://127.0.0.1:3002", true);
    upstream.servers(of_ports([3000, 3001]));
    upstream.healthy("http://127.0.0.1:3002", true);

    let text = counters.encode();
    for (name, value) in [
        (r#"forebay_upstream_requests_total{upstream="web",status="200"}"#, Some(1.0)),
        (r#"forebay_upstream_requests_total{upstream="web",status="error"}"#, Some(1.0)),
        (r#"forebay_upstream_duration_seconds_count{upstream="web"}"#, Some(1.0)),
        (r#"forebay_upstream_healthy{upstream="web",server="http://127.0.0.1:3000"}"#, Some(1.0)),
        (r#"forebay_upstream_healthy{upstream="web",server="http://127.0.0.1:3001"}"#, Some(0.0)),
        (r#"forebay_upstream_healthy{upstream="web",server="http://127.0.0.1:3002"}"#, None),
    ] {
        assert_eq!(sample(&text, name), value, "{name} in\n{text}");
    }
}

#[test]
fn values_of_the_whole_program_are_read_when_asked_for() {
    let counters = Counters::new("1.2.3");
    counters.watch(Watched::StoredBytes, || 4096);
    counters.watch(Watched::Evictions, || 7);
    counters.purged("tag");
    counters.connection_opened();
    counters.connection_opened();
    counters.connection_closed();
    counters.config_reloaded(false);

    let text = counters.encode();
    for (name, value) in [
        ("forebay_stored_bytes", Some(4096.0)),
        ("forebay_stored_responses", None),
        ("forebay_evictions_total", Some(7.0)),
        (r#"forebay_purges_total{kind="tag"}"#, Some(1.0)),
        ("forebay_connections", Some(1.0)),
        ("forebay_config_last_reload_successful", Some(0.0)),
        (r#"forebay_build_info{version="1.2.3"}"#, Some(1.0)),
    ] {
        assert_eq!(sample(&text, name), value, "{name} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_described() {
    let text = Counters::new("1.2.3").encode();
    for name in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ] {
        assert!(sample(&text, name).unwrap() > 0.0, "{name} in\n{text}");
    }
    assert!(sample(&text, "process_cpu_seconds_total").is_some());
}

#[test]
fn what_nobody_holds_is_not_shown_and_takes_no_room() {
    let counters = Counters::new("1.2.3");
    let kept = counters.route("kept");
    kept.collapsed();
    for number in 0..10_000 {
        counters.route(&format!("gone {number}")).collapsed();
    }
    counters.route("kept").collapsed();
    let text = counters.encode();
    let series = r#"forebay_collapsed_requests_total{route="kept"}"#;
    assert_eq!(sample(&text, series), Some(2.0), "{text}");
    assert!(!text.contains("gone"), "{text}");
    assert!(counters.routes.room() < 100, "{}", counters.routes.room());
}
