//! The gate before a request body whose sender waits to be told to go on (RFC 9110 §10.1.1).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

use crate::body::{Body, BodyError};

/// How long the upstream may take to say 100 before the body is sent all the same. RFC 9110 §10.1.1: "A client that
/// sends a 100-continue expectation is not required to wait for any specific length of time".
const PATIENCE: Duration = Duration::from_secs(1);

/// Opened by the upstream's 100.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    open: AtomicBool,
    opened: Notify,
}

impl Gate {
    /// Lets the body through.
    pub(super) fn open(&self) {
        self.0.open.store(true, Ordering::Release);
        self.0.opened.notify_one();
    }

    /// `body`, held back until the gate opens or patience ends. Polling the client's body is what makes hyper send the
    /// client its 100, so nothing of it is polled before.
    pub(super) fn hold_back(&self, body: Body) -> Body {
        let state = Arc::clone(&self.0);
        let waiting = Box::pin(async move {
            if !state.open.load(Ordering::Acquire) {
                let _ = tokio::time::timeout(PATIENCE, state.opened.notified()).await;
            }
        });
        Body::stream(HeldBack { body, waiting: Some(waiting) })
    }
}

struct HeldBack {
    body: Body,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl http_body::Body for HeldBack {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(waiting) = &mut self.waiting {
            if waiting.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.waiting = None;
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
