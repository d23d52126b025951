//! One route: what it matches, and what holds for the requests it matches.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::{
    Clients, FieldEdits, HostPattern, InvalidateTemplate, KeyBody, NameGlob, PathPattern,
    QueryRules, RefreshRules, Reply, Template,
};
use crate::caching::Rules;
use crate::identity::Source;

/// The operator's rules for one part of the site.
#[derive(Clone, Debug)]
pub struct Route {
    /// What logs, metrics and `route:` purges call it.
    pub name: Arc<str>,
    /// Its position in the file, from 0.
    pub index: usize,
    /// The hosts it matches; `None` is every host.
    pub host: Option<HostPattern>,
    /// The paths it matches.
    pub path: PathPattern,
    /// The methods it matches; empty is every method.
    pub methods: Vec<Method>,
    /// What may be stored and for how long; whether anything at all is `rules.store`.
    pub rules: Rules,
    /// Which requests for one thing that arrive together share one request to the upstream.
    pub collapse: Collapse,
    /// Which part of the query is in the key and goes forward.
    pub query: QueryRules,
    /// How the content of a POST is part of its key; without it no answer to a POST is stored.
    pub key_body: Option<KeyBody>,
    /// Which requests have what is stored fetched anew, and how often.
    pub refresh: RefreshRules,
    /// Request header fields that are part of the key and of `Vary`.
    pub key_headers: Vec<HeaderName>,
    /// Where it is said who asks; then each has stored responses of their own. `rules.identity` says whether there is one.
    pub identity: Option<Source>,
    /// Cookies that are part of the key.
    pub key_cookies: Vec<Box<str>>,
    /// Cookies that are no credential, and do not go forward where the answer may be stored.
    pub ignore_cookies: Vec<NameGlob>,
    /// The fields by which clients are told apart, on this route or anywhere.
    pub client_fields: Arc<[HeaderName]>,
    /// The fields in which trusted proxies say who asks, on this route or anywhere: nobody else may send them.
    pub proxy_claims: Arc<[HeaderName]>,
    /// The Cache-Control that clients are given in place of the response's.
    pub client_cache_control: Option<HeaderValue>,
    /// The tags of its stored responses, beside those the response names itself.
    pub tags: Vec<Template>,
    /// What a successful unsafe request invalidates, beside its own URL.
    pub invalidates: Vec<InvalidateTemplate>,
    /// The position of its upstream among those configured.
    pub upstream: usize,
    /// Whether its requests are charged to their clients' limits.
    pub rate_limit: bool,
    /// What it waits for longer or shorter than its upstream says.
    pub timeouts: Timeouts,
    /// Who may ask; `None` is everybody.
    pub clients: Option<Clients>,
    /// What it answers by itself: nothing of it goes forward.
    pub respond: Option<Reply>,
    /// The longest request body, in bytes; `None` is what holds for every request.
    pub request_body: Option<u64>,
    /// What is changed about the fields that go forward.
    pub request_fields: FieldEdits,
    /// What is changed about the fields of every answer.
    pub response_fields: FieldEdits,
}

impl Route {
    /// A route for `path` on every host and with every method, to the first upstream, every setting at its default.
    pub fn new(name: impl Into<Arc<str>>, path: PathPattern) -> Self {
        Self {
            name: name.into(),
            index: 0,
            host: None,
            path,
            methods: Vec::new(),
            rules: Rules::default(),
            collapse: Collapse::Here,
            query: QueryRules::default(),
            key_body: None,
            refresh: RefreshRules::default(),
            key_headers: Vec::new(),
            identity: None,
            key_cookies: Vec::new(),
            ignore_cookies: Vec::new(),
            client_fields: Arc::default(),
            proxy_claims: Arc::default(),
            client_cache_control: None,
            tags: Vec::new(),
            invalidates: Vec::new(),
            upstream: 0,
            rate_limit: true,
            timeouts: Timeouts::default(),
            clients: None,
            respond: None,
            request_body: None,
            request_fields: FieldEdits::default(),
            response_fields: FieldEdits::default(),
        }
    }
}

/// Which requests share one to the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collapse {
    /// None: each goes forward.
    Never,
    /// Those that come to this machine.
    #[default]
    Here,
    /// Those that come to any of the fleet.
    Fleet,
}

/// A route's own timeouts; what is `None` is as its upstream says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// To an established connection.
    pub connect: Option<Duration>,
    /// To the last byte of the response's head.
    pub response: Option<Duration>,
    /// Between two reads of the response's body.
    pub read: Option<Duration>,
    /// For one of the upstream's connections to become free.
    pub queue: Option<Duration>,
    /// Without a byte on an upgraded connection, in either direction.
    pub upgrade_idle: Option<Duration>,
}
