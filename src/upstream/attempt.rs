//! One request to one server, from the connection to the response's head.

use std::sync::{Arc, OnceLock};

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, UPGRADE, VIA};
use http::{HeaderValue, Method, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use tokio::sync::OwnedSemaphorePermit;

use super::connection::{Answered, Connection};
use super::expect::Gate;
use super::failure::Failure;
use super::head::ResponseHead;
use super::hearing::Hearing;
use super::response_body::{ResponseBody, Source};
use super::sending::Request;
use super::server::Server;
use super::{Forward, Forwarded, HostField, Timeouts, Upstream, is_event_stream};
use crate::body::{Body, BodyError, Ending, Tunnel, TunnelEnd, Watched};
use crate::semantics::connection::{strip_hop_by_hop, wants_close};
use crate::semantics::framing::{ResponseBody as Framing, response_framing};
use crate::semantics::method;
use crate::semantics::preconditions::is_conditional;

/// Why an attempt failed, and what may be done about it.
pub(super) struct Unanswered {
    /// What to tell the client.
    pub(super) failure: Failure,
    /// True when not one byte of a response had come.
    pub(super) silent: bool,
    /// True when the connection had been idle.
    pub(super) reused: bool,
    /// True when no byte of the request had been sent.
    pub(super) unsent: bool,
    /// The request, unless its content is used up.
    pub(super) request: Option<Box<Request>>,
}

impl Unanswered {
    fn before_sending(failure: Failure, request: Request) -> Self {
        let request = Some(Box::new(request));
        Self { failure, silent: true, reused: false, unsent: true, request }
    }

    pub(super) const fn after_sending(failure: Failure) -> Self {
        Self { failure, silent: false, reused: false, unsent: false, request: None }
    }
}

/// A request, to be sent until it is answered or may not be sent again.
pub(super) struct Attempts {
    request: Option<Request>,
    upload: Upload,
    exchange: Exchange,
}

/// What all attempts at a request have in common.
struct Exchange {
    /// It may be sent twice.
    repeatable: bool,
    conditional: bool,
    upgrade: Option<HeaderValue>,
    timeouts: Timeouts,
    hearing: Hearing,
}

/// A way to a server, and a place among those that may take it.
struct Way<'a> {
    upstream: &'a Upstream,
    server: &'a Arc<Server>,
    permit: OwnedSemaphorePermit,
}

impl Attempts {
    pub(super) fn new(forward: Forward) -> Self {
        let conditional = is_conditional(&forward.fields);
        let (timeouts, upgrade) = (forward.timeouts, forward.upgrade.clone());
        // RFC 9110 §9.2.2: what is idempotent may be sent again; content that was streamed cannot be.
        let repeatable = method::is_idempotent(&forward.method)
            && forward.body.is_at_hand()
            && forward.content_length.unwrap_or(0) == 0
            && upgrade.is_none();
        let mut hearing = Hearing { gate: None, interim: forward.interim.clone() };
        let upload =
            if forward.body.is_at_hand() { Upload::without_content() } else { Upload::default() };
        let request = Some(request_of(forward, &upload, &mut hearing));
        let exchange = Exchange { repeatable, conditional, upgrade, timeouts, hearing };
        Self { request, upload, exchange }
    }

    /// Has the request of a failed attempt sent once more. False where it may not be.
    pub(super) fn again(&mut self, unanswered: &mut Unanswered) -> bool {
        let Unanswered { failure, silent, unsent, request, .. } = unanswered;
        // Nothing sent, or nothing heard of what may be sent twice.
        let is_lost = self.exchange.repeatable && *silent && *failure == Failure::ConnectionLost;
        self.request = request.take().filter(|_| *unsent || is_lost).map(|request| *request);
        self.request.is_some()
    }

    /// Sends the request to `server`; over a new connection if it has to be a `fresh` one.
    pub(super) async fn make(
        &mut self,
        upstream: &Upstream,
        server: &Arc<Server>,
        permit: OwnedSemaphorePermit,
        fresh: bool,
    ) -> Result<Forwarded, Unanswered> {
        let Some(mut request) = self.request.take() else {
            return Err(Unanswered::after_sending(Failure::ConnectionLost));
        };
        match &upstream.settings.host {
            HostField::Client => {}
            HostField::Name(name) => drop(request.fields.insert(HOST, name.clone())),
            HostField::Server => drop(request.fields.insert(HOST, server.host.clone())),
        }
        let way = Way { upstream, server, permit };
        let mut outcome = self.exchange.run(way, request, fresh).await;
        if let (Err(unanswered), Some(error)) = (&mut outcome, self.upload.error()) {
            *unanswered = Unanswered::after_sending(Failure::RequestBody(error));
        }
        let record = match &outcome {
            Ok(_) => Ok(()),
            // A connection closed while it was idle says nothing about the server's health, and neither does the silence
            // of one that waits for the rest of a request.
            Err(Unanswered { reused: true, silent: true, .. }) => return outcome,
            Err(Unanswered { failure: Failure::ResponseTimeout, .. })
                if self.upload.is_under_way() =>
            {
                return outcome;
            }
            Err(unanswered) => Err(unanswered.failure),
        };
        let now =
            outcome.as_ref().map_or_else(|_| upstream.clock.now(), |answer| answer.response_time);
        if server.record(record, now) {
            let why = record.err().map_or("answered", Failure::as_str);
            upstream.watch.look(server, &why, now);
        }
        outcome
    }
}

impl Exchange {
    async fn run(
        &self,
        way: Way<'_>,
        request: Request,
        fresh: bool,
    ) -> Result<Forwarded, Unanswered> {
        let Way { upstream, server, .. } = way;
        let (clock, Timeouts { connect, response, .. }) = (&upstream.clock, self.timeouts);
        let now = clock.now();
        let idle = if fresh || self.upgrade.is_some() {
            None
        } else {
            server.take_idle(upstream.settings.idle_timeout, now, !self.repeatable)
        };
        let (connection, request_time) = match idle {
            Some(connection) => (connection, now),
            // Boxed: only those that need a new connection need the room.
            None => match Box::pin(server.dial(connect, clock)).await {
                Ok(stream) => {
                    let now = clock.now();
                    (Connection::new(stream, now), now)
                }
                Err(failure) => return Err(Unanswered::before_sending(failure, request)),
            },
        };
        let method = request.method.clone();
        let answered = connection.exchange(request, &self.hearing, response, clock).await?;
        let response_time = clock.now();
        let received = if answered.head.status == StatusCode::SWITCHING_PROTOCOLS {
            self.switch(way.permit, answered).map(|response| (response, false))
        } else {
            self.receive(way, &method, answered)
        };
        received
            .map(|(response, until_close)| Forwarded {
                response,
                request_time,
                response_time,
                until_close,
            })
            .map_err(Unanswered::after_sending)
    }

    /// Makes of what came on the connection a response that can be passed on; true where only the connection's end tells
    /// that its body is whole.
    fn receive(
        &self,
        way: Way<'_>,
        method: &Method,
        answered: Answered,
    ) -> Result<(Response<Body>, bool), Failure> {
        let Answered { head, mut connection, sending } = answered;
        let ResponseHead { version, status, reason, mut fields } = head;
        let framing =
            response_framing(version, status, method, &fields).map_err(|_| Failure::BadResponse)?;
        // RFC 9110 §15.4.5: a 304 answers a conditional request; to any other it is no answer.
        if status == StatusCode::NOT_MODIFIED && !self.conditional {
            return Err(Failure::BadResponse);
        }
        let read_timeout = (!is_event_stream(&fields)).then_some(self.timeouts.read);
        // An answer in HTTP/1.0 may come from somebody who has never heard of chunked requests.
        connection.is_spent |=
            framing.ambiguous || version != Version::HTTP_11 || wants_close(version, &fields);
        strip_hop_by_hop(&mut fields);
        let never_has_content = never_has_content(status);
        if framing.ambiguous || never_has_content {
            fields.remove(CONTENT_LENGTH);
        } else if let Framing::Length(length) = framing.body {
            // It may have come as `2, 2`.
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        fields.append(VIA, VIA_FOREBAY);
        // A connection on which content comes that no reader expects is of no further use.
        connection.is_spent |=
            never_has_content && !matches!(framing.body, Framing::None | Framing::Length(0));
        let expected = if never_has_content { Framing::None } else { framing.body };
        let Way { upstream, server, permit } = way;
        let (server, clock) = (Arc::clone(server), upstream.clock.clone());
        let source = Source { connection, server, permit, clock };
        let mut response =
            Response::new(ResponseBody::receive(expected, sending, source, read_timeout));
        *response.status_mut() = status;
        *response.version_mut() = version;
        *response.headers_mut() = fields;
        if status.canonical_reason().is_none_or(|usual| usual.as_bytes() != reason)
            && let Ok(reason) = ReasonPhrase::try_from(reason)
        {
            response.extensions_mut().insert(reason);
        }
        Ok((response, expected == Framing::UntilClose))
    }

    /// A 101: the connection becomes one end of a tunnel.
    fn switch(
        &self,
        permit: OwnedSemaphorePermit,
        answered: Answered,
    ) -> Result<Response<Body>, Failure> {
        // RFC 9110 §15.2.2: only to what the client had asked for.
        let Some(asked) = &self.upgrade else { return Err(Failure::BadResponse) };
        let Answered { head: ResponseHead { mut fields, .. }, connection, sending } = answered;
        // RFC 9110 §7.8: "A client cannot begin using an upgraded protocol on the connection until it has completely sent
        // the request message".
        if sending.is_some() || connection.is_spent {
            return Err(Failure::BadResponse);
        }
        let protocol = fields.get(UPGRADE).unwrap_or(asked).clone();
        strip_hop_by_hop(&mut fields);
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, protocol);
        fields.append(VIA, VIA_FOREBAY);
        let upstream = connection.into_duplex();
        let idle_timeout = self.timeouts.upgrade_idle;
        let end = TunnelEnd { upstream, idle_timeout, guard: Box::new(permit) };
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = fields;
        response.extensions_mut().insert(Tunnel::new(end));
        Ok(response)
    }
}

/// True for a response that has no content, whatever comes behind its head, and whose Content-Length, if any, speaks of
/// nothing (RFC 9110 §8.6, §15.3.5, §15.3.6).
fn never_has_content(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
        || status.is_informational()
}

/// What we add to a response's Via (RFC 9110 §7.6.3).
const VIA_FOREBAY: HeaderValue = HeaderValue::from_static("1.1 forebay");

/// How the client's upload goes.
#[derive(Clone, Default)]
struct Upload(Arc<OnceLock<Result<(), BodyError>>>);

impl Upload {
    fn watch(&self, body: Body) -> Body {
        let ended = Arc::clone(&self.0);
        Watched::watch(body, move |ending, _| {
            let _ = match ending {
                Ending::Whole => ended.set(Ok(())),
                Ending::Failed(error) => ended.set(Err(error)),
                Ending::Dropped => Ok(()),
            };
        })
    }

    fn without_content() -> Self {
        Self(Arc::new(OnceLock::from(Ok(()))))
    }

    fn is_under_way(&self) -> bool {
        self.0.get().is_none()
    }

    fn error(&self) -> Option<BodyError> {
        self.0.get()?.err()
    }
}

/// The request as it is sent, whose upload is watched, and whose gate the server's 100 opens.
fn request_of(forward: Forward, upload: &Upload, hearing: &mut Hearing) -> Request {
    let Forward { method, target, mut fields, mut body, content_length, upgrade, .. } = forward;
    if let Some(length) = content_length {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(protocol) = upgrade {
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, protocol);
    }
    if !body.is_at_hand() {
        body = upload.watch(body);
        if forward.expects_continue {
            fields.insert(EXPECT, HeaderValue::from_static("100-continue"));
            let gate = Gate::default();
            body = gate.hold_back(body);
            hearing.gate = Some(gate);
        }
    }
    Request { method, target, fields, body }
}
