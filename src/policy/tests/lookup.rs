//! Which of several routes a request belongs to.

use http::Method;

use crate::policy::{Conflict, LessSpecific, Policy, Route};

/// Routes from lines of `[METHOD,METHOD] [HOST]/PATH`, each called what its line says.
fn routes(lines: &[&str]) -> Vec<Route> {
    lines.iter().map(|line| route(line)).collect()
}

fn route(line: &str) -> Route {
    let (methods, target) = line.split_once(' ').unwrap_or(("", line));
    let slash = target.find('/').unwrap();
    let (host, path) = target.split_at(slash);
    let mut route = Route::new(line, path.parse().unwrap());
    route.host = (!host.is_empty()).then(|| host.parse().unwrap());
    route.methods = methods
        .split(',')
        .filter(|method| !method.is_empty())
        .map(|method| method.parse().unwrap())
        .collect();
    route
}

fn policy(lines: &[&str]) -> Policy {
    Policy::new(routes(lines), Route::new("fallback", "/".parse().unwrap())).unwrap()
}

/// The name of the route found for `METHOD HOST/PATH`, whichever way round the routes are given.
fn found(lines: &[&str], request: &str) -> String {
    let (method, target) = request.split_once(' ').unwrap();
    let (host, path) = target.find('/').map_or((target, ""), |slash| target.split_at(slash));
    let method: Method = method.parse().unwrap();
    let reversed: Vec<&str> = lines.iter().rev().copied().collect();
    let forwards = policy(lines).find(&method, host, path).route.name.to_string();
    let backwards = policy(&reversed).find(&method, host, path).route.name.to_string();
    assert_eq!(forwards, backwards, "order in the file means nothing");
    forwards
}

#[test]
fn an_exact_host_beats_a_wildcard_host_beats_none() {
    let lines = [
        "www.example.com/a",
        "*.example.com/a",
        "*.com/a",
        "/a",
        "example.com:8080/a",
        "example.com/a",
    ];
    let cases = [
        ("GET www.example.com/a", "www.example.com/a"),
        ("GET www.example.com:81/a", "www.example.com/a"),
        ("GET WWW.example.com/a", "www.example.com/a"),
        ("GET img.example.com/a", "*.example.com/a"),
        ("GET a.b.example.com/a", "*.example.com/a"),
        ("GET other.com/a", "*.com/a"),
        ("GET example.com/a", "example.com/a"),
        ("GET example.com:8080/a", "example.com:8080/a"),
        ("GET example.com:8081/a", "example.com/a"),
        ("GET com/a", "/a"),
        ("GET /a", "/a"),
        ("GET [::1]:80/a", "/a"),
        ("GET example.com/b", "fallback"),
    ];
    for (request, expected) in cases {
        assert_eq!(found(&lines, request), expected, "{request}");
    }
}

#[test]
fn a_host_without_a_match_leaves_the_request_to_less_specific_hosts() {
    let lines = ["www.example.com/a", "POST *.example.com/{x}", "*.com/b", "/{*rest}"];
    let cases = [
        ("GET www.example.com/a", "www.example.com/a"),
        ("GET www.example.com/b", "*.com/b"),
        ("POST www.example.com/b", "POST *.example.com/{x}"),
        ("GET www.example.com/c", "/{*rest}"),
    ];
    for (request, expected) in cases {
        assert_eq!(found(&lines, request), expected, "{request}");
    }
}

#[test]
fn a_more_specific_host_beats_a_more_specific_path_and_methods() {
    assert_eq!(found(&["a.b/{*rest}", "*.b/{x}", "GET /x"], "GET a.b/x"), "a.b/{*rest}");
}

#[test]
fn a_path_is_compared_segment_by_segment_from_the_left() {
    let lines = ["/a/b", "/a/{x}", "/a/{*rest}", "/{x}/b", "/{x}/{y}", "/{x}/b/c", "/{*rest}"];
    let cases = [
        ("GET /a/b", "/a/b"),
        ("GET /a/c", "/a/{x}"),
        ("GET /a/", "/a/{*rest}"),
        ("GET /a/c/d", "/a/{*rest}"),
        ("GET /a/b/c", "/a/{*rest}"),
        ("GET /a", "/{*rest}"),
        ("GET /x/b", "/{x}/b"),
        ("GET /x/c", "/{x}/{y}"),
        ("GET /x/b/c", "/{x}/b/c"),
        ("GET /x/c/c", "/{*rest}"),
        ("GET /", "/{*rest}"),
        ("GET //b", "/{*rest}"),
        ("GET /%61/b", "/{x}/b"),
    ];
    for (request, expected) in cases {
        assert_eq!(found(&lines, request), expected, "{request}");
    }
}

#[test]
fn a_literal_that_leads_nowhere_is_taken_back() {
    let lines = ["/a/b/c", "/a/{x}/d", "/{x}/b/e", "/{x}/{y}/{z}"];
    let cases = [
        ("GET /a/b/c", "/a/b/c"),
        ("GET /a/b/d", "/a/{x}/d"),
        ("GET /a/b/e", "/{x}/b/e"),
        ("GET /a/b/f", "/{x}/{y}/{z}"),
        ("GET /a/b/", "fallback"),
        ("GET /a/b", "fallback"),
    ];
    for (request, expected) in cases {
        assert_eq!(found(&lines, request), expected, "{request}");
    }
}

#[test]
fn a_route_with_methods_beats_one_without() {
    let lines = ["GET,HEAD /a", "POST /a", "/a", "/{x}", "PUT /{*rest}"];
    let cases = [
        ("GET /a", "GET,HEAD /a"),
        ("HEAD /a", "GET,HEAD /a"),
        ("POST /a", "POST /a"),
        ("DELETE /a", "/a"),
        ("PUT /a", "/a"),
        ("PUT /b/c", "PUT /{*rest}"),
        ("get /a", "/a"),
        ("GET /b/c", "fallback"),
    ];
    for (request, expected) in cases {
        assert_eq!(found(&lines, request), expected, "{request}");
    }
}

#[test]
fn a_route_whose_methods_do_not_match_leaves_the_request_to_the_next() {
    let lines = ["POST /a/b", "PUT /a/{x}", "/a/{*rest}"];
    let cases =
        [("POST /a/b", "POST /a/b"), ("PUT /a/b", "PUT /a/{x}"), ("GET /a/b", "/a/{*rest}")];
    for (request, expected) in cases {
        assert_eq!(found(&lines, request), expected, "{request}");
    }
}

#[test]
fn what_is_no_path_is_the_fallbacks() {
    for request in ["OPTIONS *", "GET ", "GET a"] {
        let (method, path) = request.split_once(' ').unwrap();
        let policy = policy(&["/{*rest}"]);
        assert_eq!(
            &*policy.find(&method.parse().unwrap(), "a.b", path).route.name,
            "fallback",
            "{request}"
        );
    }
}

#[test]
fn the_captures_are_those_of_the_route_that_was_found() {
    let policy = policy(&["/a/{x}/c", "/{x}/b/{*rest}", "/plain"]);
    let cases: [(&str, &[&str]); 4] =
        [("/a/b/c", &["b"]), ("/a/b/d/e", &["a", "d/e"]), ("/plain", &[]), ("/unknown", &[])];
    for (path, expected) in cases {
        let found = policy.find(&Method::GET, "a.b", path);
        let texts: Vec<&str> = (0..found.captures.len())
            .map(|index| found.captures.get(index, path).unwrap())
            .collect();
        assert_eq!(texts, expected, "{path}");
        assert_eq!(found.captures.is_empty(), expected.is_empty());
    }
}

#[test]
fn same_host_path_and_overlapping_methods_are_a_conflict() {
    let cases: [(&[&str], _); 11] = [
        (&["/a", "/b", "/a"], Some((0, 2))),
        (&["/{a}/x", "/{b}/x"], Some((0, 1))),
        (&["/{*a}", "/{*b}"], Some((0, 1))),
        (&["GET /a", "PUT,GET /a"], Some((0, 1))),
        (&["POST /a", "GET /a", "GET /a"], Some((1, 2))),
        (&["A.example/a", "a.example./a"], Some((0, 1))),
        (&["*.example/a", "*.EXAMPLE/a"], Some((0, 1))),
        (&["GET,GET /a"], None),
        (&["GET /a", "/a", "POST /a"], None),
        (&["/a", "/a/", "/A", "/{a}", "/{*a}"], None),
        (&["a.example/a", "a.example:80/a", "*.a.example/a", "/a"], None),
    ];
    for (lines, expected) in cases {
        let conflict =
            Policy::new(routes(lines), Route::new("fallback", "/".parse().unwrap())).err();
        assert_eq!(
            conflict,
            expected.map(|(first, second)| Conflict { first, second }),
            "{lines:?}"
        );
    }
}

#[test]
fn a_long_host_or_path_is_looked_up_no_longer_than_the_patterns_are() {
    let policy = policy(&["*.example.com/{*rest}", "/a/{x}/{y}"]);
    let deep = "/a".repeat(100_000);
    let long = format!("{}example.com", "a.".repeat(100_000));
    assert_eq!(&*policy.find(&Method::GET, &long, &deep).route.name, "*.example.com/{*rest}");
    assert_eq!(&*policy.find(&Method::GET, "a.b", &deep).route.name, "fallback");
}

#[test]
fn a_rival_is_less_specific_in_host_then_path_then_methods() {
    let policy = policy(&[
        "GET example.com/api/{id}",
        "example.com/api/{id}",
        "example.com/api/{*rest}",
        "example.com/{any}/7",
        "*.example.com/api/7",
        "/api/7",
        "POST /api/7",
    ]);
    let rivals = policy.rivals(&Method::GET, "example.com", "/api/7");
    let rivals: Vec<_> = rivals.iter().map(|rival| (&*rival.route.name, rival.less)).collect();
    assert_eq!(
        rivals,
        [
            ("example.com/api/{id}", LessSpecific::Methods),
            ("example.com/api/{*rest}", LessSpecific::Segment(2)),
            ("example.com/{any}/7", LessSpecific::Segment(1)),
            ("/api/7", LessSpecific::Host),
        ]
    );
    assert!(policy.rivals(&Method::GET, "example.com", "/other").is_empty());
}
