//! `[[route]]`: what holds for some hosts, paths and methods.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::CacheSettings;
use super::cache::directives;
use super::field_edits::{request_fields, response_fields};
use super::identity::{
    cache_control, cookie, cookie_glob, identity, overrides, refuse_sharing, refuse_unnamed,
};
use super::key::{key_header, query};
use super::kinds::{boolean, duration, list_of, one_of, size, some_of, timeout};
use super::lifetime::lifetime;
use super::networks::networks;
use super::respond::respond;
use super::surprises;
use super::table::Table;
use super::upstreams::Upstreams;
use super::value::Value;
use super::wrong::Wrong;
use crate::caching::CodingRules;
use crate::caching::rules::{Rules, StaleWindow, StatusLifetimes};
use crate::policy::{
    BadPattern, BadRefreshOn, BadTemplate, BodyForm, Clients, Collapse, FieldEdits, HostPattern,
    InvalidateTemplate, KeyBody, PathPattern, QueryRules, RefreshOn, RefreshRules, Route, Template,
    Timeouts,
};

/// What holds for routes that do not say.
pub(super) struct Defaults<'d> {
    pub(super) cache: &'d CacheSettings,
    /// Whether there is a Redis that a fleet shares.
    pub(super) has_redis: bool,
    /// The upstreams that there are.
    pub(super) upstreams: &'d Upstreams,
    pub(super) codings: Arc<CodingRules>,
    /// These are made of every message, before the route's own.
    pub(super) request_fields: FieldEdits,
    pub(super) response_fields: FieldEdits,
}

/// Reads one route; `None` if it is not known what it matches.
pub(super) fn route(table: &Table<'_>, defaults: &Defaults<'_>) -> Option<Route> {
    let cache = defaults.cache;

    let name = table.find("name", name);
    let path = table.need("path", "what the route is for, like \"/api/{*rest}\"", path);
    let host = table.find("host", host);
    let methods = table.find("methods", some_of("methods", method));
    let matches_unknown =
        (table.has("host") && host.is_none()) || (table.has("methods") && methods.is_none());
    let methods = methods.unwrap_or_default();
    let shared = table.get("shared", "false", boolean);
    let identity = identity(table, &cache.identity, shared);
    let overrides = overrides(table, shared);
    let rules = Rules { shared, overrides, identity: identity.is_some(), ..rules(table, defaults) };
    let collapse = table.find("collapse", collapse).unwrap_or(cache.collapse);
    warn_of_no_fleet(table, collapse, defaults.has_redis);
    let own_query = table.table("query", query);
    let key_body = key_body(table);
    let refresh = RefreshRules {
        on: table
            .find("refresh_on", list_of("what asks for a refresh", refresh_on))
            .unwrap_or_default(),
        interval: table.find("refresh_interval", duration).unwrap_or(cache.refresh_interval),
    };
    let query = QueryRules {
        refresh: refresh.parameters().map(Into::into).collect(),
        ..if table.has("query") { own_query } else { cache.query.clone() }
    };
    let key_headers = table.find("key_headers", list_of("field names", key_header));
    let key_cookies = table.find("key_cookies", list_of("cookies' names", cookie));
    let ignore_cookies = table.find("ignore_cookies", list_of("cookies' names", cookie_glob));
    let client_cache_control = table.find("client_cache_control", cache_control);
    let tags = table
        .find("tags", list_of("tags", |value| template(value, path.as_ref(), Template::parse)));
    let invalidates = table.find(
        "invalidates",
        list_of("what to invalidate", |value| {
            template(value, path.as_ref(), InvalidateTemplate::parse)
        }),
    );
    let upstream = table.find("upstream", |value| defaults.upstreams.position(value));
    let timeouts = Timeouts {
        connect: table.find("connect_timeout", timeout),
        response: table.find("response_timeout", timeout),
        read: table.find("read_timeout", timeout),
        queue: table.find("queue_timeout", duration),
        upgrade_idle: table.find("upgrade_idle_timeout", timeout),
    };
    let clients = clients(table);
    let request_body = table.find("request_body", size);
    let request_fields = table.table("request_headers", request_fields);
    let response_fields = table.table("response_headers", response_fields);
    let respond = table.table("respond", |table| respond(table, path.as_ref()));
    let rate_limit = table.get("rate_limit", "true", boolean);
    warn_of_no_effect(table, &methods, &rules, key_body.is_some());

    let path = path.filter(|_| !matches_unknown)?;
    let name = name.unwrap_or_else(|| derived_name(&methods, host.as_ref(), &path));
    let route = Route {
        host,
        methods,
        rules,
        collapse,
        query,
        key_body,
        refresh,
        key_headers: key_headers.unwrap_or_else(|| cache.key_headers.clone()),
        identity,
        key_cookies: key_cookies.unwrap_or_else(|| cache.key_cookies.clone()),
        ignore_cookies: ignore_cookies.unwrap_or_else(|| cache.ignore_cookies.clone()),
        client_cache_control: client_cache_control.or_else(|| cache.client_cache_control.clone()),
        tags: tags.into_iter().flatten().flatten().collect(),
        invalidates: invalidates.into_iter().flatten().flatten().collect(),
        upstream: upstream.unwrap_or(0),
        timeouts,
        clients,
        request_body,
        request_fields: defaults.request_fields.then(request_fields),
        response_fields: defaults.response_fields.then(response_fields),
        respond,
        rate_limit,
        ..Route::new(name, path)
    };
    refuse_unnamed(table, &route);
    refuse_sharing(table, &route);
    surprises::warn(table, &route);
    Some(route)
}

/// What holds where no route matches.
pub(super) fn fallback(defaults: &Defaults<'_>) -> Route {
    let cache = defaults.cache;
    Route {
        rules: default_rules(defaults),
        collapse: cache.collapse,
        query: cache.query.clone(),
        refresh: RefreshRules { on: Vec::new(), interval: cache.refresh_interval },
        key_headers: cache.key_headers.clone(),
        request_fields: defaults.request_fields.clone(),
        response_fields: defaults.response_fields.clone(),
        identity: cache.identity.clone(),
        key_cookies: cache.key_cookies.clone(),
        ignore_cookies: cache.ignore_cookies.clone(),
        client_cache_control: cache.client_cache_control.clone(),
        ..Route::new(FALLBACK, PathPattern::everything())
    }
}

/// The name of what no route matches.
const FALLBACK: &str = "default";

fn default_rules(defaults: &Defaults<'_>) -> Rules {
    let cache = defaults.cache;
    Rules {
        codings: Arc::clone(&defaults.codings),
        store: cache.enabled,
        default_ttl: cache.default_ttl,
        heuristic: cache.heuristic,
        store_set_cookie: cache.store_set_cookie,
        honor_request_directives: cache.honor_request_directives,
        stale_while_revalidate: StaleWindow::Fallback(cache.stale_while_revalidate),
        stale_if_error: StaleWindow::Fallback(cache.stale_if_error),
        strip_set_cookie: cache.strip_set_cookie,
        identity: cache.identity.is_some(),
        ..Rules::default()
    }
}

fn rules(table: &Table<'_>, all: &Defaults<'_>) -> Rules {
    let defaults = default_rules(all);
    let window = |own: Option<Duration>, default| own.map_or(default, StaleWindow::Route);
    Rules {
        store: table.get("cache", "true", boolean) && defaults.store,
        ttl: table.find("ttl", lifetime),
        default_ttl: table.find("default_ttl", duration).unwrap_or(defaults.default_ttl),
        ttl_by_status: table.find("ttl_by_status", ttl_by_status).unwrap_or_default(),
        stale_while_revalidate: window(
            table.find("stale_while_revalidate", duration),
            defaults.stale_while_revalidate,
        ),
        stale_if_error: window(table.find("stale_if_error", duration), defaults.stale_if_error),
        store_set_cookie: table
            .find("store_set_cookie", boolean)
            .unwrap_or(defaults.store_set_cookie),
        honor_request_directives: table
            .find("request_directives", directives)
            .unwrap_or(defaults.honor_request_directives),
        codings: codings(table, &defaults.codings),
        strip_set_cookie: table
            .find("strip_set_cookie", boolean)
            .unwrap_or(defaults.strip_set_cookie),
        ..defaults
    }
}

/// `allow` and `deny`; `None` where neither is given.
fn clients(table: &Table<'_>) -> Option<Clients> {
    let networks = |key| {
        let networks = table.find(key, some_of("networks", networks));
        networks.into_iter().flatten().collect()
    };
    let clients = Clients { allow: networks("allow"), deny: networks("deny") };
    (clients != Clients::default()).then_some(clients)
}

/// `compress`: not at all, or also what is one user's alone.
fn codings(table: &Table<'_>, default: &Arc<CodingRules>) -> Arc<CodingRules> {
    match table.find("compress", boolean) {
        None => Arc::clone(default),
        Some(true) => Arc::new(CodingRules { personal: true, ..CodingRules::clone(default) }),
        Some(false) => Arc::default(),
    }
}

/// Says which keys do nothing beside the others; they may have been left there on purpose.
fn warn_of_no_effect(table: &Table<'_>, methods: &[Method], rules: &Rules, keyed: bool) {
    const OF_STORED: [&str; 8] = [
        "ttl",
        "default_ttl",
        "ttl_by_status",
        "stale_while_revalidate",
        "stale_if_error",
        "key_body",
        "refresh_on",
        "tags",
    ];
    const OF_FORWARDED: [&str; 3] = ["invalidates", "request_headers", "request_body"];
    if table.has("respond") {
        let given = OF_STORED.iter().chain(&OF_FORWARDED).filter(|key| table.has(key));
        given.for_each(|key| table.warn(key, "has no effect, as the route answers by itself"));
        return;
    }
    let posts = methods.is_empty() || methods.contains(&Method::POST);
    let reads = methods.is_empty()
        || methods.iter().any(|method| [Method::GET, Method::HEAD].contains(method))
        || posts && keyed;
    let changes = |method: &Method| !(method.is_safe() || keyed && *method == Method::POST);
    let writes = methods.is_empty() || methods.iter().any(changes);
    for key in OF_STORED.into_iter().filter(|key| table.has(key)) {
        if !rules.store {
            table.warn(key, "has no effect, as nothing is stored here");
        } else if !reads {
            let message =
                "has no effect, as only answers to GET and HEAD are stored; to POST with key_body";
            table.warn(key, message);
        }
    }
    if table.has("invalidates") && !writes {
        table.warn("invalidates", "has no effect, as these methods change nothing");
    }
    if table.has("key_body_limit") && !keyed {
        table.warn("key_body_limit", "has no effect without key_body");
    }
}

/// `POST example.com/api/{*rest}`
fn derived_name(methods: &[Method], host: Option<&HostPattern>, path: &PathPattern) -> String {
    let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
    let host = host.map(HostPattern::to_string).unwrap_or_default();
    format!("{} {host}{path}", methods.join(",")).trim_start().to_owned()
}

fn name(value: &Value<'_>) -> Result<String, Wrong> {
    const LONGEST: usize = 100;
    let text = value.string("a name")?;
    match &*text {
        FALLBACK => {
            Err(Wrong::because(format!("{FALLBACK:?} is the name of what no route matches")))
        }
        text if text.is_empty() || text.len() > LONGEST || text.contains(char::is_control) => {
            Err(Wrong::expected(&format!("a name of 1 to {LONGEST} characters")))
        }
        text => Ok(text.to_owned()),
    }
}

fn path(value: &Value<'_>) -> Result<PathPattern, Wrong> {
    value.string("a path like \"/api/{*rest}\"")?.parse().map_err(bad_pattern)
}

pub(super) fn host(value: &Value<'_>) -> Result<HostPattern, Wrong> {
    value.string("a host like \"example.com\" or \"*.example.com\"")?.parse().map_err(bad_pattern)
}

fn bad_pattern(bad: BadPattern) -> Wrong {
    Wrong::because(bad.to_string()).at(bad.offset)
}

fn key_body(table: &Table<'_>) -> Option<KeyBody> {
    let forms = [("bytes", BodyForm::Bytes), ("json", BodyForm::Json)];
    let form = table.find("key_body", one_of(&forms));
    let limit = table.get("key_body_limit", "64KiB", size);
    form.map(|form| KeyBody { form, limit })
}

fn refresh_on(value: &Value<'_>) -> Result<RefreshOn, Wrong> {
    let text = value.string("a string like \"query:force_refresh=true\"")?;
    text.parse().map_err(|bad: BadRefreshOn| Wrong::because(bad.to_string()))
}

/// A template for a route of this `path`; `None` where there is no path to judge it by.
fn template<T>(
    value: &Value<'_>,
    path: Option<&PathPattern>,
    parse: impl Fn(&str, &PathPattern) -> Result<T, BadTemplate>,
) -> Result<Option<T>, Wrong> {
    let text = value.string("a string like \"user:{id}\"")?;
    let parsed = path.map(|path| parse(&text, path)).transpose();
    parsed.map_err(|bad| Wrong::because(bad.to_string()).at(bad.offset))
}

fn method(value: &Value<'_>) -> Result<Method, Wrong> {
    const WHAT: &str = "a method like \"GET\"";
    let text = value.string(WHAT)?;
    if text == "CONNECT" {
        return Err(Wrong::because("CONNECT is never forwarded"));
    }
    // Methods are case-sensitive, and a route for `get` would match nothing.
    if text.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(Wrong::expected(WHAT).meant_text(&text.to_ascii_uppercase()));
    }
    Method::from_bytes(text.as_bytes()).map_err(|_| Wrong::expected(WHAT))
}

fn ttl_by_status(value: &Value<'_>) -> Result<StatusLifetimes, Wrong> {
    let lifetimes =
        value.pairs("a table like { 404 = \"30s\", 5xx = \"1s\" }", |status, lifetime| {
            let status = status_or_class(status)?;
            Ok((status, duration(lifetime)?))
        })?;
    let mut by_status = StatusLifetimes::default();
    for (status, lifetime) in lifetimes {
        match status {
            StatusOrClass::Status(status) => by_status.set(status, lifetime),
            StatusOrClass::Class(digit) => by_status.set_class(digit, lifetime),
        }
    }
    Ok(by_status)
}

/// A final status (`404`), or a class by its first digit (`4xx`).
enum StatusOrClass {
    Status(StatusCode),
    Class(u8),
}

fn status_or_class(text: &str) -> Result<StatusOrClass, Wrong> {
    let class = match text.as_bytes() {
        [digit @ b'2'..=b'5', b'x', b'x'] => Some(StatusOrClass::Class(digit - b'0')),
        _ => None,
    };
    let status = || {
        text.parse()
            .ok()
            .filter(|status| (200..=599).contains(status))
            .and_then(|n| StatusCode::from_u16(n).ok())
    };
    match class.or_else(|| status().map(StatusOrClass::Status)) {
        // Neither is ever stored, whatever its lifetime.
        Some(StatusOrClass::Status(StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)) => {
            Err(Wrong::because(format!("a response with status {text} is never stored")))
        }
        Some(known) => Ok(known),
        None => Err(Wrong::because(format!(
            "expected a status like 404 or a class like 5xx, not {text:?}"
        ))),
    }
}

/// Says so of a `collapse` that is for a fleet where there is none.
pub(super) fn warn_of_no_fleet(table: &Table<'_>, collapse: Collapse, has_redis: bool) {
    if collapse == Collapse::Fleet && table.has("collapse") && !has_redis {
        table.warn("collapse", "without [redis], \"fleet\" is no more than true");
    }
}

/// `true`, `false`, `"fleet"`.
pub(super) fn collapse(value: &Value<'_>) -> Result<Collapse, Wrong> {
    match value.string("") {
        Ok(text) if text == "fleet" => Ok(Collapse::Fleet),
        _ => match boolean(value) {
            Ok(true) => Ok(Collapse::Here),
            Ok(false) => Ok(Collapse::Never),
            Err(wrong) => {
                let message = "expected true, false or \"fleet\"".to_owned();
                Err(Wrong { message, ..wrong })
            }
        },
    }
}
