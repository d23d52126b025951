//! The steps of a hit, each by itself, so that a regression can be named: `cargo bench`.
//!
//! What they are made of is what the program is made of: a configuration of a thousand routes, the request of a browser, a
//! stored response of 1 KiB with nine fields.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::hint::black_box;
use std::iter::empty;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use criterion::Criterion;
use forebay::cache::{Content, Inquiry, Served};
use forebay::caching::cache_control::request_directives;
use forebay::caching::cache_status::CacheStatus;
use forebay::caching::freshness::Exchange;
use forebay::caching::key::{Key, Keyer};
use forebay::caching::reuse::reuse;
use forebay::caching::stamp::Stamp;
use forebay::caching::storability::Credentials;
use forebay::caching::stored::{HeadParts, StoredHead, StoredResponse};
use forebay::caching::terms::terms;
use forebay::clock::{Clock, Timestamp};
use forebay::config::{self, Environment, Settings};
use forebay::counters::{Counters, Outcome};
use forebay::identity::peer::Scheme;
use forebay::identity::{Client, Identity};
use forebay::policy::Route;
use forebay::respond::respond;
use forebay::semantics::present::Present;
use forebay::semantics::target::effective_target;
use forebay::store::{Memory, Purged};
use forebay::upstream::Upstream;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use mimalloc::MiMalloc;

/// The program's own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const HOST_NAME: &str = "www.example.com";
const TARGET: &str = "/items/4711?page=2";

const REQUEST: [(&str, &str); 9] = [
    ("host", HOST_NAME),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "none"),
    ("connection", "keep-alive"),
];

const RESPONSE: [(&str, &str); 9] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "public, max-age=86400"),
    ("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT"),
    ("date", "Sat, 21 Nov 2026 11:21:18 GMT"),
    ("etag", "\"1024-0\""),
    ("server", "origin"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let settings = settings();
    let (request, response, clock) = (fields(&REQUEST), fields(&RESPONSE), Clock::system());
    let keyer = Keyer::default();
    let key = || keyer.key("http", HOST_NAME, TARGET, empty());
    let find = || settings.policy.find(&Method::GET, HOST_NAME, "/items/4711").route;
    let route = Arc::clone(find());
    let stored = stored(&key(), &route, &response, clock.now());

    let uri = Uri::from_static(TARGET);
    let target = || effective_target("http", Version::HTTP_11, &Method::GET, &uri, &request);
    criterion.bench_function("target", |timed| timed.iter(|| black_box(target().unwrap())));
    criterion.bench_function("fields asked for", |timed| {
        timed.iter(|| Present::among(black_box(&request)));
    });
    criterion.bench_function("route", |timed| timed.iter(|| black_box(find())));
    criterion.bench_function("key", |timed| timed.iter(|| black_box(key())));

    let (memory, wanted) = (Memory::new(1 << 30, || ()), key());
    memory.insert(&wanted, Arc::clone(&stored));
    criterion.bench_function("memory", |timed| timed.iter(|| memory.get(black_box(&wanted))));
    let purged = Purged::default();
    criterion.bench_function("purged", |timed| timed.iter(|| purged.fate(stored.head())));
    criterion.bench_function("reuse", |timed| {
        timed.iter(|| {
            let (directives, terms) =
                (request_directives(&request), stored.head().terms_by(&route.rules));
            reuse(&directives, Credentials::default(), &terms, &route.rules, clock.now())
        });
    });

    criterion.bench_function("fields", |timed| timed.iter(|| stored.head().fields(8)));
    for (name, more) in
        [("respond 200", None), ("respond 304", Some(("if-none-match", "\"1024-0\"")))]
    {
        let request = fields(&REQUEST.into_iter().chain(more).collect::<Vec<_>>());
        let inquiry = inquiry(&settings, &route, key(), request, &clock);
        criterion.bench_function(name, |timed| {
            timed.iter(|| {
                let served = Served {
                    content: Content::Stored(Arc::clone(&stored)),
                    status: CacheStatus::hit(4711),
                    outcome: Outcome::Hit,
                };
                respond(served, &inquiry, clock.now())
            });
        });
    }
    criterion.final_summary();
}

/// A thousand routes, the last of which is the one.
fn settings() -> Settings {
    let mut text = String::from("[upstream]\nservers = [\"http://127.0.0.1:9\"]\n");
    for number in 1..1000 {
        writeln!(text, "[[route]]\npath = \"/section-{number}/{{id}}\"").unwrap();
    }
    text.push_str("[[route]]\npath = \"/items/{id}\"\n");
    config::load(&text, "steps.toml", &Environment::default()).unwrap().settings
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    lines.iter().map(line).collect()
}

fn stored(key: &Key, route: &Route, fields: &HeaderMap, now: Timestamp) -> Arc<StoredResponse> {
    let (status, exchange) = (StatusCode::OK, Exchange { request_time: now, response_time: now });
    let head = StoredHead::new(&HeadParts {
        key,
        route: &route.name,
        tags: &[],
        selecting: &[],
        selecting_values: &[],
        status,
        fields,
        terms: terms(status, fields, &route.rules, exchange),
        stamp: Stamp::default(),
    });
    Arc::new(StoredResponse::new(&head, &[Bytes::from_static(&[b'x'; 1024])], &[]))
}

fn inquiry(
    settings: &Settings,
    route: &Arc<Route>,
    key: Key,
    fields: HeaderMap,
    clock: &Clock,
) -> Inquiry {
    let counters = Counters::new("0");
    let upstream = settings.upstreams[0].settings.clone();
    let upstream =
        Upstream::start("", upstream, clock.clone(), counters.upstream(""), Arc::new(()));
    let address = "192.0.2.1".parse().unwrap();
    Inquiry {
        method: Method::GET,
        present: Present::among(&fields),
        authority: fields[HOST].to_str().unwrap().to_owned(),
        fields,
        asked: TARGET.parse().unwrap(),
        target: TARGET.parse().unwrap(),
        refresh: None,
        resource_key: key,
        reading: OnceLock::new(),
        has_content: false,
        content_length: None,
        expects_continue: false,
        upgrade: None,
        interim: OnceLock::new(),
        client: Client { address, scheme: Scheme::Http, by_proxy: false },
        identity: Identity::Unasked,
        credentials: Credentials::default(),
        permit: None,
        route: Arc::clone(route),
        captures: route.path.captures("/items/4711").unwrap(),
        counters: counters.route(&route.name),
        upstream,
    }
}
