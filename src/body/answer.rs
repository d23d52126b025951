//! What a handler gives back.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;

use super::{Body, Interims};

/// A response that is there already, or one that will come.
///
/// A future of its own type rather than a boxed one, so that a hit costs no allocation, and small, because hyper keeps
/// one in every connection, idle ones too.
pub enum Answer {
    /// There already. `None` once it was taken.
    Now(Option<Response<Body>>),
    /// Will come.
    Later(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
    /// Will come, and interim responses may come before it.
    Announced(Pin<Box<dyn Future<Output = Response<Body>> + Send>>, Interims),
}

impl Answer {
    /// There already.
    pub const fn now(response: Response<Body>) -> Self {
        Self::Now(Some(response))
    }

    /// Will come.
    pub fn later(response: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self::Later(Box::pin(response))
    }

    /// Will come, and what comes out of `interims` before it.
    pub fn announced(
        response: impl Future<Output = Response<Body>> + Send + 'static,
        interims: Interims,
    ) -> Self {
        Self::Announced(Box::pin(response), interims)
    }

    /// What comes before the response.
    pub const fn interims(&self) -> Option<&Interims> {
        match self {
            Self::Announced(_, interims) => Some(interims),
            Self::Now(_) | Self::Later(_) => None,
        }
    }

    /// The response alone.
    #[must_use]
    pub fn without_interims(self) -> Self {
        match self {
            Self::Announced(response, _) => Self::Later(response),
            answer => answer,
        }
    }
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            Self::Later(response) | Self::Announced(response, _) => {
                response.as_mut().poll(cx).map(Ok)
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
            Self::Announced(..) => "Announced",
        })
    }
}
