//! The program as a whole: a scripted origin behind it, a raw client before it, assertions at both ends.
//!
//! The letters and numbers that begin a test's name are the rows of the house's list of cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

// Towards the client.
mod bad_framing; // (a) requests whose end two readers could disagree on
mod bad_requests; // (a) heads that are malformed, or mean something to somebody else
mod limits; // what an unknown peer may cost: each limit fires, and none fires early
mod rate_limits; // (h) how much each client may ask for

// Towards the origin.
mod bad_upstreams; // (b) answers that are malformed or too much
mod forwarding; // requests as the origin sees them, and which origin sees them
mod health; // servers that are asked whether they are well
mod tls; // https:// servers
mod torn_upstreams; // (b) origins that break off, never answer, or answer twice
mod trusted; // (h) proxies that are believed, and everybody else
mod upstreams; // several of them, by name, on whatever socket

// Through and through.
mod bodies; // content in both directions: framed anew, streamed, whole or visibly torn
mod interim; // 102 and 103, before the final head
mod upgrade; // connections that leave HTTP

// The cache.
mod coding; // (j) content codings: which, of what, for whom
mod collapsing; // (e) many requests for one thing
mod combining; // parts of one representation, put together
mod comparing; // what the answer to a HEAD does to the response stored for GET
mod cookies; // what cookies a key has, and which are no credential
mod flights; // (e) flights that fail, that are left, that take too long
mod identity; // whose answer is whose, by who asks
mod interleavings; // the same, whatever happens in whatever order
mod judging; // guesses, errors, cookies, fields for one client, languages
mod key_body; // POST that only reads
mod keying; // (c) whose answer is whose
mod partial; // parts that the origin cut out
mod posted; // answers to POST that answer GETs
mod purge_requests; // PURGE with the operator's token
mod purging; // invalidation: by the operator, on the command line, by writes
mod ranges; // parts of a representation
mod refreshing; // requests that have what is stored fetched anew
mod regressions; // what went wrong once
mod representations; // (j) tags, conditions, HEAD
mod stale; // what is no longer fresh
mod storing; // (d) what is stored, and for how long
mod targeted; // directives addressed to some caches
mod until; // lifetimes that end at a time of day

// The fleet.
mod fleet; // (f) several replicas, the Redis they share, and what goes wrong with it

// The operator.
mod actions; // what a route does: fields, answers of its own, who is let in
mod admin; // (i) the operator's listener, and who is kept from it
mod compression; // [compression], and what a route says of it
mod cookbook; // the README's configurations
mod explaining; // what is said to those who ask why
mod lifecycle; // (g) start, stop, and a world that is not as it should be
mod reloading; // (g) another configuration while requests come
mod saying; // fields, log lines, metrics, probes, our own errors
