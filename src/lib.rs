//! Forebay, a reverse caching proxy: it stands in front of an HTTP application and answers for it what it may.
//!
//! # The way of a request
//!
//! ```text
//! server ──► service ──► policy.find ──► cache.at_once ─────────────── a hit ──► respond ──► server
//!                │                           │
//!                │                           └ cache.serve
//!                │                               ├ content that belongs to the key is read
//!                │                               ├ fresh, or stale and allowed ────► respond
//!                │                               ├ not storable ─► forwarded in place ─► respond
//!                │                               └ collapse.join
//!                │                                   ├ Follow: wait for the verdict ─► respond
//!                │                                   └ Lead: a task of its own
//!                │                                       ├ looks into memory once more, and into Redis
//!                │                                       ├ for a fleet: takes the lease, or waits for who has it
//!                │                                       ├ upstream.forward: for the whole, a part, or the rest
//!                │                                       ├ 304: the stored response is freshened
//!                │                                       └ fill ──► read by all who follow
//!                │                                             └──► stored when whole
//!                ├ identity, where the route keeps answers apart by who asks, and
//!                │ limits.admit, charged to its client or refused: both before anything is looked up
//!                └ account: the metrics, and one line in the log
//! ```
//!
//! To follow one request, begin with [`service::Service::call`]: it fits a screen. A hit never leaves it. What a hit does
//! not answer is [`cache::Cache::serve`].
//!
//! # The floors
//!
//! A lower floor never imports a higher one, and what stands on one floor does not import its neighbours;
//! `tests/floors.rs` holds it.
//!
//! | floor | rooms | what they know |
//! |---|---|---|
//! | 13 | `main` | arguments in, exit code out |
//! | 12 | [`cli`] | the subcommands |
//! | 11 | [`app`] | builds, connects and reloads the parts, chooses the runtimes |
//! | 10 | [`config`] | the file as written becomes checked settings |
//! | 9 | [`server`] | sockets in, for any handler: limits, refusals, tunnels, drain |
//! | 8 | [`service`], [`admin`] | the two handlers: the way of a request; the operator's API |
//! | 7 | [`respond`], [`explain`], [`purges`] | what was served becomes the response that is sent; what would be done, and why; what the operator had purged |
//! | 6 | [`cache`] | looks up, decides, collapses, fetches, stores, invalidates |
//! | 5 | [`store`], [`upstream`], [`limit`], [`fleet`] | what is kept, in memory and in Redis; the origin servers; how much each client may ask; the other replicas |
//! | 4 | [`body`], [`policy`], [`redis`] | bodies that flow; the operator's rules, looked up; the one link to Redis |
//! | 3 | [`caching`], [`identity`] | RFC 9111 as pure decisions; who is asking |
//! | 2 | [`semantics`] | RFC 9110 and the framing of RFC 9112, pure |
//! | 1 | [`counters`], [`journal`], [`trust`] | the metrics; the log; whose certificates are believed |
//! | 0 | [`clock`] | the only reader of the time |
//!
//! Decisions are made at the bottom: pure functions that are told what time it is and return an enum whose variant is the
//! reason. That reason is what `Cache-Status` and the metrics say. The world outside is in the middle, and the way of a
//! request on top.
//!
//! # The words
//!
//! They are those of RFC 9110 and RFC 9111, and each thing has one.
//!
//! - **stored response**: what is kept. **Variant**: one of several stored for the same key, selected by the request
//!   fields that its Vary names, its *selecting header fields*.
//! - **incomplete**: said of a stored response of which only some **parts** are at hand; what is missing of it is the
//!   **rest**. It is a 200 like any other, and answers requests for ranges wholly within its parts.
//! - **freshness lifetime**, **current age**; a response is **fresh** while the first exceeds the second, then **stale**.
//! - **validator**: an entity tag or a modification date. To **validate** is to ask the origin whether a stored response
//!   is still good; a 304 **freshens** it.
//! - **representation**, **content coding**: gzip and br are codings of one identity body.
//! - **forward**: send a request on. **Upstream**: whom we connect to. **Origin**: who answers with authority.
//! - **collapse**: make one of simultaneous requests. A **flight** is the fetch they share; its **leader** makes it, its
//!   **followers** wait for it.
//! - **fill**: a body that is still arriving, with its readers.
//! - **policy**: the operator's rules for routes, and nothing else.
//! - **tag**: a name that responses carry so that they can be purged together.
//! - **stamp**: what was known of purges when a fetch began. A response is alive while no later purge selects it.
//! - **identity**: who asks, as far as a route keeps answers apart by it.
//! - **fleet**: the replicas that share one Redis. Their **log** has every purge, in one order; a **position** in it is what a
//!   replica has applied.
//! - **lease**: what ends by itself. A replica's: how long it may take it that it knows every purge; what is stored is
//!   **unsynchronised** past it. A fetch's: the right to make it for the whole fleet.
//! - **tier**: a place where responses are stored; of the limits, a kind of client.
//! - **window**: a rate that a tier has to hold, by the unit of its time. **Budget**: the windows that are charged together.
//!   **Permit**: a request's place in the budgets of its client.

pub mod admin;
pub mod app;
pub mod body;
pub mod cache;
pub mod caching;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counters;
pub mod explain;
pub mod fleet;
pub mod identity;
pub mod journal;
pub mod limit;
pub mod policy;
pub mod purges;
pub mod redis;
pub mod respond;
pub mod semantics;
pub mod server;
pub mod service;
pub mod store;
pub mod trust;
pub mod upstream;
