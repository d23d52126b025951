//! An origin whose answers are told by the path: `origin ADDRESS`.
//!
//! | path | answer |
//! |---|---|
//! | `/stored/BYTES` | that many bytes of text, to be stored for a day |
//! | `/many/BYTES/KEY` | the same, whatever the key |
//! | `/brief/BYTES/KEY` | the same, to be stored for a second, and served stale for a minute while it is validated |
//! | `/json/BYTES` | at least that many bytes of JSON, to be stored for a day |
//! | `/unstored/BYTES` | that many bytes of text, `no-store` |
//! | `/slow/KEY` | 1 KiB after 300 ms, to be stored for a day |
//! | `/slow-unstored/KEY` | 1 KiB after 300 ms, `no-store` |
//! | `/seen/PATH` | how many requests for `/PATH` there have been |
//!
//! A slow answer begins with its number, so that whose copy a client holds can be told.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use forebay_bench_tools::{run, serve};
use http_body_util::Full;
use hyper::http::response::Builder;
use hyper::{Request, Response, StatusCode};

const SLOW: Duration = Duration::from_millis(300);
const SLOW_BYTES: usize = 1024;

const STORED: &str = "public, max-age=86400";
const BRIEF: &str = "public, max-age=1, stale-while-revalidate=60";
const UNSTORED: &str = "no-store";
const TEXT: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).ok_or_else(|| io::Error::other("origin ADDRESS"))?;
    let address = address.parse().map_err(io::Error::other)?;
    let origin = Rc::new(Origin::default());
    run(serve(address, move |request| {
        let origin = Rc::clone(&origin);
        async move { origin.answer(&request).await }
    }))
}

#[derive(Default)]
struct Origin {
    /// How many requests each path has had.
    seen: RefCell<HashMap<String, u64>>,
    /// Bodies already made.
    bodies: RefCell<HashMap<String, Bytes>>,
}

impl Origin {
    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if let Some(of) = path.strip_prefix("/seen") {
            let seen = self.seen.borrow().get(of).copied().unwrap_or(0);
            return finish(Response::builder(), 0, seen.to_string().into());
        }
        // Of a million keys it is not told how often each was asked for.
        let number = if path.starts_with("/many/") { 1 } else { self.count(path) };
        let (kind, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        let bytes = rest.split('/').next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        match kind {
            "many" | "brief" => {
                let (cache_control, of) =
                    if kind == "many" { (STORED, "/stored/") } else { (BRIEF, "/brief/") };
                let body = self.body(&format!("{of}{bytes}"), || text(0, bytes));
                finish(head(cache_control, TEXT), 0, body)
            }
            "stored" => finish(head(STORED, TEXT), 0, self.body(path, || text(0, bytes))),
            "json" => finish(head(STORED, JSON), 0, self.body(path, || json(bytes))),
            "unstored" => finish(head(UNSTORED, TEXT), 0, self.body(path, || text(0, bytes))),
            "slow" | "slow-unstored" => {
                tokio::time::sleep(SLOW).await;
                let cache_control = if kind == "slow" { STORED } else { UNSTORED };
                finish(head(cache_control, TEXT), number, text(number, SLOW_BYTES))
            }
            _ => finish(Response::builder().status(StatusCode::NOT_FOUND), 0, Bytes::new()),
        }
    }

    fn count(&self, path: &str) -> u64 {
        let mut seen = self.seen.borrow_mut();
        if let Some(count) = seen.get_mut(path) {
            *count += 1;
            return *count;
        }
        seen.insert(path.to_owned(), 1);
        1
    }

    fn body(&self, path: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        let mut bodies = self.bodies.borrow_mut();
        if let Some(body) = bodies.get(path) {
            return body.clone();
        }
        let body = make();
        bodies.insert(path.to_owned(), body.clone());
        body
    }
}

/// As many fields as an ordinary app's response has; hyper adds Date, `finish` adds ETag and Content-Length.
fn head(cache_control: &'static str, content_type: &'static str) -> Builder {
    Response::builder()
        .header("content-type", content_type)
        .header("cache-control", cache_control)
        .header("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT")
        .header("server", "origin")
        .header("referrer-policy", "same-origin")
        .header("x-content-type-options", "nosniff")
        .header("x-frame-options", "DENY")
}

fn finish(head: Builder, number: u64, body: Bytes) -> Response<Full<Bytes>> {
    head.header("etag", format!("\"{}-{number}\"", body.len()))
        .header("content-length", body.len())
        .body(Full::new(body))
        .unwrap_or_default()
}

/// `bytes` bytes that begin with `number`.
fn text(number: u64, bytes: usize) -> Bytes {
    let mut text = format!("{number:012}\n");
    while text.len() < bytes {
        text.push_str("All work and no play makes the origin a dull server.\n");
    }
    text.truncate(bytes);
    text.into()
}

/// At least `bytes` bytes of the rows an API would list.
fn json(bytes: usize) -> Bytes {
    let mut random: u64 = 1;
    let mut json = String::from("[");
    let mut id = 0;
    while json.len() < bytes {
        // Knuth's MMIX generator: numbers that do not compress away.
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (price, owner) = (random >> 48, random >> 33 & 0xffff);
        let separator = if id == 0 { "" } else { "," };
        let _ = write!(
            json,
            "{separator}{{\"id\":{id},\"name\":\"Product {id}\",\"price\":{price},\"owner\":\"user-{owner:x}\",\"available\":{}}}",
            random >> 63 == 0
        );
        id += 1;
    }
    json.push(']');
    json.into()
}
