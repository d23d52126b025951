//! A body with somebody told how it ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{Body, BodyError};

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was read to its end.
    Whole,
    /// It failed.
    Failed(BodyError),
    /// Its reader left before the end.
    Dropped,
}

type Report = Box<dyn FnOnce(Ending, u64) + Send>;

/// A body that reports its ending, and how many bytes were read, exactly once.
pub struct Watched {
    inner: Body,
    read: u64,
    report: Option<Report>,
}

impl Watched {
    /// Watches `inner`; `report` is told the ending and the number of bytes read.
    pub fn watch(inner: Body, report: impl FnOnce(Ending, u64) + Send + 'static) -> Body {
        Body::Watched(Box::new(Self { inner, read: 0, report: Some(Box::new(report)) }))
    }

    fn end(&mut self, ending: Ending) {
        if let Some(report) = self.report.take() {
            report(ending, self.read);
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.inner).poll_frame(cx);
        match &next {
            Poll::Ready(Some(Ok(frame))) => {
                this.read += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.inner.is_end_stream() {
                    this.end(Ending::Whole);
                }
            }
            Poll::Ready(Some(Err(error))) => this.end(Ending::Failed(*error)),
            Poll::Ready(None) => this.end(Ending::Whole),
            Poll::Pending => {}
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let ending = if http_body::Body::is_end_stream(&self.inner) {
            Ending::Whole
        } else {
            Ending::Dropped
        };
        self.end(ending);
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("inner", &self.inner)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}
