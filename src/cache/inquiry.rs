//! One request, as everything below sees it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};

use super::Reading;
use crate::body::{Interim, Interims, interim};
use crate::caching::cache_control::{RequestDirectives, request_directives};
use crate::caching::key::Key;
use crate::caching::storability::{
    Credentials, Refusal, RequestFacts, lookup_refusal, request_refusal,
};
use crate::clock::{Clock, Timestamp};
use crate::counters::RouteCounters;
use crate::identity::{Client, Identity};
use crate::limit::{Denied, Permit};
use crate::policy::{Captures, KeyBody, Route, Values};
use crate::semantics::method::is_safe;
use crate::semantics::present::Present;
use crate::upstream::{Timeouts, Upstream};

/// A request for which route, key and upstream have been found. Its content travels beside it.
#[derive(Debug)]
pub struct Inquiry {
    /// The method.
    pub method: Method,
    /// The client's fields, without those that concern its connection.
    pub fields: HeaderMap,
    /// The kinds of these fields.
    pub present: Present,
    /// Host and, unless it is the scheme's default, port.
    pub authority: String,
    /// Path and query as the client sent them.
    pub asked: PathAndQuery,
    /// Path and query as they are keyed and, unless `refresh` says otherwise, forwarded.
    pub target: PathAndQuery,
    /// Where it goes instead, if it asks in the route's way that what is stored be fetched anew.
    pub refresh: Option<PathAndQuery>,
    /// What it is stored under, unless its content is part of that too.
    pub resource_key: Key,
    /// What became of content that belongs to its key; nothing yet, or ever, of other content.
    pub reading: OnceLock<Reading>,
    /// Whether it came with content.
    pub has_content: bool,
    /// The content's length, where it is known.
    pub content_length: Option<u64>,
    /// Whether the client waits for a 100 before it sends its content.
    pub expects_continue: bool,
    /// What the client asks the connection to be switched to.
    pub upgrade: Option<HeaderValue>,
    /// Where interim responses to it go, once it is known that it cannot be answered at once.
    pub interim: OnceLock<Interim>,
    /// For whom it was made, and from where.
    pub client: Client,
    /// Whose the answer is, where the route keeps answers apart.
    pub identity: Identity,
    /// Its credentials, without those that the key keeps apart.
    pub credentials: Credentials,
    /// Its place in its client's budgets, where there are any.
    pub permit: Option<Permit>,
    /// The operator's rules for it.
    pub route: Arc<Route>,
    /// What the route's pattern captured.
    pub captures: Captures,
    /// Where it is counted.
    pub counters: Arc<RouteCounters>,
    /// Where it is forwarded to.
    pub upstream: Arc<Upstream>,
}

impl Inquiry {
    /// Where interim responses to it come out from now on.
    pub fn interims(&self) -> Interims {
        let (interim, interims) = interim();
        let _ = self.interim.set(interim);
        interims
    }

    /// Whether its client can afford that it goes forward.
    pub fn may_go_forward(&self, now: Timestamp) -> bool {
        self.permit.as_ref().is_none_or(|permit| permit.may_go_forward(now))
    }

    /// Charges it for going forward, the first time it does.
    pub async fn go_forward(&self, clock: &Clock) -> Result<(), Denied> {
        match &self.permit {
            Some(permit) => permit.go_forward(clock).await,
            None => Ok(()),
        }
    }

    /// What it is stored under.
    pub fn key(&self) -> &Key {
        match self.reading.get() {
            Some(Reading::Keyed { key, .. }) => key,
            _ => &self.resource_key,
        }
    }

    /// Its content, where that belongs to its key.
    pub fn content(&self) -> Option<&Bytes> {
        match self.reading.get() {
            Some(Reading::Keyed { content, .. }) => Some(content),
            _ => None,
        }
    }

    /// How its content is to become part of its key.
    pub fn key_body(&self) -> Option<&KeyBody> {
        let keyed = self.method == Method::POST && self.upgrade.is_none() && self.route.rules.store;
        self.route.key_body.as_ref().filter(|_| keyed)
    }

    /// Whether it changes nothing at the origin: by its method, or because the operator has it keyed by its content.
    pub fn is_read(&self) -> bool {
        is_safe(&self.method) || self.method == Method::POST && self.route.key_body.is_some()
    }

    /// Whether the origin may be asked if a stored response is still good, instead of for another.
    pub fn can_validate(&self) -> bool {
        self.refresh.is_none() && self.content().is_none()
    }

    /// Whether the client still waits for a 100 before it sends its content.
    pub fn awaits_continue(&self) -> bool {
        self.expects_continue && matches!(self.reading.get(), None | Some(Reading::Unread(_)))
    }

    /// Path and query as they are forwarded.
    pub fn forwarded_target(&self) -> PathAndQuery {
        self.refresh.as_ref().unwrap_or(&self.target).clone()
    }

    /// Whether what is stored is to be fetched anew; only who gets a response that may be stored can ask for that.
    pub fn asks_anew(&self) -> bool {
        self.refresh.is_some() && self.refusal().is_none()
    }

    /// What the request's Cache-Control says.
    pub fn directives(&self) -> RequestDirectives {
        if self.present.any(Present::DIRECTIVES) {
            request_directives(&self.fields)
        } else {
            RequestDirectives::default()
        }
    }

    /// Why nothing stored may answer it.
    pub fn lookup_refusal(&self) -> Option<Refusal> {
        match (&self.upgrade, self.reading.get()) {
            (Some(_), _) => Some(Refusal::Upgrade),
            (None, Some(Reading::Unread(refusal) | Reading::Unkeyed(refusal))) => Some(*refusal),
            (None, _) => lookup_refusal(self.facts(), &self.route.rules),
        }
    }

    /// Why no response to it could be stored, known before there is one.
    pub fn refusal(&self) -> Option<Refusal> {
        request_refusal(self.facts(), &self.route.rules)
    }

    /// What decisions on storing need to know of it.
    pub fn facts(&self) -> RequestFacts<'_> {
        RequestFacts {
            method: &self.method,
            fields: &self.fields,
            present: self.present,
            has_body: self.has_content,
            keyed_by_body: self.content().is_some(),
            credentials: self.credentials,
            identified: self.identity.is_known(),
        }
    }

    /// Who asks, as templates name them; `None` where nobody is known.
    pub fn identity_text(&self) -> Option<String> {
        self.identity.text(self.route.identity.as_ref()?, &self.fields)
    }

    /// What templates are filled in from; `identity` is who asks, where that was worked out.
    pub fn values<'v>(&'v self, identity: Option<&'v str>) -> Values<'v> {
        Values {
            identity,
            captures: &self.captures,
            path: self.asked.path(),
            query: self.asked.query().unwrap_or(""),
            host: &self.authority,
        }
    }

    /// How long its exchange with the upstream may take.
    pub fn timeouts(&self) -> Timeouts {
        let own = self.route.timeouts;
        let default = self.upstream.timeouts();
        Timeouts {
            connect: own.connect.unwrap_or(default.connect),
            response: own.response.unwrap_or(default.response),
            read: own.read.unwrap_or(default.read),
            queue: own.queue.unwrap_or(default.queue),
            upgrade_idle: own.upgrade_idle.unwrap_or(default.upgrade_idle),
        }
    }
}
