//! One request to one server, from the connection to the response's head.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, UPGRADE, VIA};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use tokio::sync::OwnedSemaphorePermit;

use super::connection::{self, Connection, Incoming};
use super::expect::Gate;
use super::failure::Failure;
use super::response_body::{Release, ResponseBody};
use super::server::Server;
use super::{Forward, Forwarded, HostField, Timeouts, Upstream, is_event_stream};
use crate::body::{Body, BodyError, Ending, Interim, Tunnel, TunnelEnd, Watched};
use crate::semantics::connection::strip_hop_by_hop;
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
    /// The request, when no byte of it had been sent.
    pub(super) unsent: Option<Box<Request<Body>>>,
}

impl Unanswered {
    fn before_sending(failure: Failure, request: Request<Body>) -> Self {
        Self { failure, silent: true, reused: false, unsent: Some(Box::new(request)) }
    }

    pub(super) const fn after_sending(failure: Failure) -> Self {
        Self { failure, silent: false, reused: false, unsent: None }
    }
}

/// A request, to be sent until it is answered or may not be sent again.
pub(super) struct Attempts {
    request: Option<Request<Body>>,
    /// The same request once more, where it may be sent twice.
    spare: Option<Request<Body>>,
    /// Where interim responses to the spare one go.
    interim: Option<Interim>,
    upload: Upload,
    exchange: Exchange,
}

/// What all attempts at a request have in common.
struct Exchange {
    method: Method,
    conditional: bool,
    upgrade: Option<HeaderValue>,
    timeouts: Timeouts,
}

impl Attempts {
    pub(super) fn new(forward: Forward) -> Self {
        let upload =
            if forward.body.is_at_hand() { Upload::without_content() } else { Upload::default() };
        let method = forward.method.clone();
        let conditional = is_conditional(&forward.fields);
        let upgrade = forward.upgrade.clone();
        let timeouts = forward.timeouts;
        // RFC 9110 §9.2.2: what is idempotent may be sent again; content that was streamed cannot be.
        let repeatable = method::is_idempotent(&method)
            && forward.body.is_at_hand()
            && forward.content_length.unwrap_or(0) == 0
            && upgrade.is_none();
        let interim = forward.interim.clone();
        let request = request_of(forward, &upload);
        let spare = repeatable.then(|| copy_without_body(&request));
        Self {
            request: Some(request),
            spare,
            interim,
            upload,
            exchange: Exchange { method, conditional, upgrade, timeouts },
        }
    }

    pub(super) fn take_spare(&mut self) -> Option<Request<Body>> {
        let mut spare = self.spare.take()?;
        send_interims(&mut spare, None, self.interim.take());
        Some(spare)
    }

    pub(super) fn again(&mut self, request: Request<Body>) {
        self.request = Some(request);
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
        let host = match &upstream.settings.host {
            HostField::Client => None,
            HostField::Name(name) => Some(name.clone()),
            HostField::Server => Some(server.host.clone()),
        };
        if let Some(host) = host {
            request.headers_mut().insert(HOST, host);
        }
        let mut outcome = self.exchange.run(upstream, server, permit, request, fresh).await;
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
        upstream: &Upstream,
        server: &Arc<Server>,
        permit: OwnedSemaphorePermit,
        request: Request<Body>,
        fresh: bool,
    ) -> Result<Forwarded, Unanswered> {
        let now = upstream.clock.now();
        let idle = if fresh || self.upgrade.is_some() {
            None
        } else {
            server.take_idle(upstream.settings.idle_timeout, now)
        };
        let (connection, request_time) = match idle {
            Some(connection) => (connection, now),
            None => match connect(upstream, server, self.timeouts.connect).await {
                Ok(connection) => (connection, upstream.clock.now()),
                Err(failure) => return Err(Unanswered::before_sending(failure, request)),
            },
        };
        let (response, connection) = connection.exchange(request, self.timeouts.response).await?;
        let response_time = upstream.clock.now();
        let received = self.receive(upstream, server, permit, response, connection).await;
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
    async fn receive(
        &self,
        upstream: &Upstream,
        server: &Arc<Server>,
        permit: OwnedSemaphorePermit,
        mut response: Response<Incoming>,
        connection: Connection,
    ) -> Result<(Response<Body>, bool), Failure> {
        let (status, version) = (response.status(), response.version());
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return self
                .switch(permit, response, connection)
                .await
                .map(|switched| (switched, false));
        }
        let framing =
            response_framing(response.version(), status, &self.method, response.headers())
                .map_err(|_| Failure::BadResponse)?;
        // RFC 9110 §15.4.5: a 304 answers a conditional request; to any other it is no answer.
        if status == StatusCode::NOT_MODIFIED && !self.conditional {
            return Err(Failure::BadResponse);
        }
        let read_timeout = (!is_event_stream(response.headers())).then_some(self.timeouts.read);
        let fields = response.headers_mut();
        strip_hop_by_hop(fields);
        if framing.ambiguous || connection::never_has_content(status) {
            fields.remove(CONTENT_LENGTH);
        } else if let Framing::Length(length) = framing.body {
            // It may have come as `2, 2`.
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        fields.append(VIA, VIA_FOREBAY);
        let (head, body) = response.into_parts();
        let server = Arc::clone(server);
        let clock = upstream.clock.clone();
        let release: Release = Box::new(move |connection: Option<Connection>| {
            if let Some(mut connection) = connection {
                connection.idle_since = clock.now();
                connection.reused = true;
                server.keep_idle(connection);
            }
            drop(permit);
        });
        // A connection on which content comes that no reader expects is of no further use.
        let expects_none =
            framing.body == Framing::None || connection::never_has_content(head.status);
        if expects_none && !body.is_end_stream() {
            release(None);
            return Ok((Response::from_parts(head, Body::Empty), false));
        }
        // hyper goes on in the version of the last answer, and HTTP/1.0 has no chunked requests.
        let reusable = !framing.ambiguous && version == Version::HTTP_11;
        let clock = &upstream.clock;
        let body = ResponseBody::receive(body, connection, read_timeout, clock, reusable, release);
        Ok((Response::from_parts(head, body), framing.body == Framing::UntilClose))
    }

    /// A 101: the connection becomes one end of a tunnel.
    async fn switch(
        &self,
        permit: OwnedSemaphorePermit,
        mut response: Response<Incoming>,
        connection: Connection,
    ) -> Result<Response<Body>, Failure> {
        // RFC 9110 §15.2.2: only to what the client had asked for.
        let Some(asked) = &self.upgrade else { return Err(Failure::BadResponse) };
        let protocol = response.headers().get(UPGRADE).unwrap_or(asked).clone();
        let connected = connection.upgrade(&mut response).await?;
        let (mut head, _) = response.into_parts();
        strip_hop_by_hop(&mut head.headers);
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, protocol);
        head.headers.append(VIA, VIA_FOREBAY);
        let idle_timeout = self.timeouts.upgrade_idle;
        let end = TunnelEnd { upstream: connected, idle_timeout, guard: Box::new(permit) };
        head.extensions.insert(Tunnel::new(end));
        Ok(Response::from_parts(head, Body::Empty))
    }
}

async fn connect(
    upstream: &Upstream,
    server: &Server,
    timeout: Duration,
) -> Result<Connection, Failure> {
    let stream = server.dial(timeout, &upstream.clock).await?;
    Connection::open(stream, upstream.clock.now()).await
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

fn request_of(forward: Forward, upload: &Upload) -> Request<Body> {
    let Forward {
        method,
        target,
        mut fields,
        mut body,
        content_length,
        expects_continue,
        upgrade,
        interim,
        ..
    } = forward;
    if let Some(length) = content_length {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(protocol) = upgrade {
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, protocol);
    }
    let mut gate = None;
    if !body.is_at_hand() {
        body = upload.watch(body);
        if expects_continue {
            fields.insert(EXPECT, HeaderValue::from_static("100-continue"));
            let closed = Gate::default();
            body = closed.hold_back(body);
            gate = Some(closed);
        }
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = fields;
    send_interims(&mut request, gate, interim);
    request
}

/// Has a 100 open the `gate`, and every interim response sent to where they go.
fn send_interims(request: &mut Request<Body>, gate: Option<Gate>, interim: Option<Interim>) {
    if gate.is_none() && interim.is_none() {
        return;
    }
    connection::on_interim(request, move |status, fields| {
        if status == StatusCode::CONTINUE
            && let Some(gate) = &gate
        {
            gate.open();
        }
        if let Some(interim) = &interim {
            interim.send(status, fields);
        }
    });
}

fn copy_without_body(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
