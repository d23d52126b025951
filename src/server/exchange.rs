//! One request and its response: what is refused before a handler sees it, and what every response is given.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode, Version, request};
use http_body::{Frame, SizeHint};
use hyper::upgrade::OnUpgrade;

use crate::body::{Answer, Body, BodyError, Tunnel};
use crate::respond::synthetic::refusal;
use crate::semantics::target::{Target, effective_target};
use crate::semantics::{connection, expect, framing};

use super::Handler;
use super::connection::Shared;
use super::upload::Upload;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The handler of one connection's requests, as hyper calls it.
pub(super) struct Service<H> {
    pub(super) handler: H,
    pub(super) shared: Arc<Shared>,
}

impl<H, B> hyper::service::Service<Request<B>> for Service<H>
where
    H: Handler,
    B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
{
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Exchange;

    fn call(&self, mut request: Request<B>) -> Exchange {
        let has_body = !request.body().is_end_stream();
        let responding = Responding::begin(&self.shared, request.version(), has_body);
        let is_old = request.version() < Version::HTTP_11;
        let upgrade = takes_upgrade(&mut request);
        let (parts, incoming) = request.into_parts();
        let answer = match admit(&parts, self.shared.peer.scheme.as_str()) {
            Err((status, reason)) => Answer::now(self.refuse(&parts, status, reason)),
            Ok(target) => {
                let body = if has_body { self.upload(incoming) } else { Body::Empty };
                let request = Request::from_parts(parts, body);
                let handled = catch_unwind(AssertUnwindSafe(|| {
                    (self.handler)(request, target, &self.shared.peer)
                }));
                handled.unwrap_or_else(|_| Answer::now(self.shared.answer_panic()))
            }
        };
        // RFC 9110 §15.2: "Since HTTP/1.0 did not define any 1xx status codes, a server MUST NOT send a 1xx response to
        // an HTTP/1.0 client."
        let answer = if is_old { answer.without_interims() } else { answer };
        Exchange { answer, responding: Some(responding), upgrade }
    }
}

impl<H> Service<H> {
    fn refuse(
        &self,
        parts: &request::Parts,
        status: StatusCode,
        reason: &'static str,
    ) -> Response<Body> {
        let shared = &self.shared;
        shared.server.events.refused(&shared.peer, status, reason);
        let mut response = refusal(status, reason, parts.headers.get(ACCEPT), true);
        // RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field in a 405 response containing a list
        // of the target resource's currently supported methods."
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            response.headers_mut().insert(ALLOW, allowed);
        }
        shared.server.events.dress(response.headers_mut());
        response
    }

    fn upload<B>(&self, incoming: B) -> Body
    where
        B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
    {
        let stall_timeout = self.shared.limits().stall_timeout;
        let clock = self.shared.server.clock.clone();
        Body::stream(Upload::new(incoming, Arc::clone(&self.shared), clock, stall_timeout))
    }
}

/// The target of a request that can be understood in one way only.
fn admit(parts: &request::Parts, scheme: &str) -> Result<Target, (StatusCode, &'static str)> {
    let request::Parts { method, uri, version, headers, .. } = parts;
    framing::request_framing(*version, headers).map_err(|bad| (bad.status(), bad.reason()))?;
    let target = effective_target(scheme, *version, method, uri, headers)
        .map_err(|bad| (bad.status(), bad.reason()))?;
    expect::expectation(*version, headers).map_err(|failed| (failed.status(), failed.reason()))?;
    Ok(target)
}

/// hyper's promise of the connection, when the request asks for another protocol that can be spoken here. Otherwise it
/// is dropped, and so is hidden from the handler.
fn takes_upgrade<B>(request: &mut Request<B>) -> Option<OnUpgrade> {
    let promise = request.extensions_mut().remove::<OnUpgrade>()?;
    connection::upgrade(request.version(), request.headers()).map(|_| promise)
}

/// A response on its way from the handler to hyper.
pub(super) struct Exchange {
    answer: Answer,
    responding: Option<Responding>,
    upgrade: Option<OnUpgrade>,
}

impl Future for Exchange {
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let answered = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.answer).poll(cx)));
        let Some(Responding(shared)) = &this.responding else { return Poll::Pending };
        if let Some(interims) = this.answer.interims() {
            shared.interim.put(&interims.take(cx));
        }
        let response = match answered {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => response,
            Err(_) => shared.answer_panic(),
        };
        if shared.interim.is_full() {
            // The socket wakes us when they are out.
            this.answer = Answer::now(response);
            return Poll::Pending;
        }
        let response = finish(response, shared, this.upgrade.take());
        let responding = this.responding.take();
        Poll::Ready(Ok(response.map(|body| Outgoing { body, responding })))
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("answer", &self.answer).finish_non_exhaustive()
    }
}

/// What every response is given, whoever made it.
fn finish(
    mut response: Response<Body>,
    shared: &Shared,
    upgrade: Option<OnUpgrade>,
) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let end = response.extensions_mut().remove::<Tunnel>().and_then(|tunnel| tunnel.take());
        match (upgrade, end) {
            (Some(promise), Some(end)) => {
                shared.set_tunnel(promise, end);
                return response;
            }
            _ => {
                response = refusal(StatusCode::BAD_GATEWAY, "upgrade-unasked", None, true);
                shared.server.events.dress(response.headers_mut());
            }
        }
    }
    // RFC 9110 §2.5: "A server SHOULD send a response version equal to the highest version to which the server is
    // conformant that has a major version less than or equal to the one received in the request."
    *response.version_mut() = Version::HTTP_11;
    // RFC 9112 §9.6: "A server that sends a "close" connection option MUST initiate closure of the connection (see
    // below) after it sends the response containing the "close" connection option. The server MUST NOT process any
    // further requests received on that connection." Content that is still coming would be taken for one.
    if shared.activity.has_unread_body() || shared.server.drain.is_started() {
        response.headers_mut().insert(CONNECTION, CLOSE);
    }
    response
}

/// Held from a request's head to its response's last byte.
struct Responding(Arc<Shared>);

impl Responding {
    fn begin(shared: &Arc<Shared>, version: Version, has_body: bool) -> Self {
        shared.activity.exchange_begins(has_body);
        shared.set_version(version);
        Self(Arc::clone(shared))
    }
}

impl Drop for Responding {
    fn drop(&mut self) {
        self.0.activity.response_ends();
    }
}

/// A response's body, as hyper reads it.
pub(super) struct Outgoing {
    body: Body,
    responding: Option<Responding>,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(cx)));
        polled.unwrap_or_else(|_| {
            if let Some(Responding(shared)) = &this.responding {
                shared.server.events.panicked(&shared.peer);
            }
            Poll::Ready(Some(Err(BodyError::Aborted)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
