//! Bodies that flow: one concrete type for whatever is sent, in either direction.

mod answer;
pub mod coder;
pub mod fill;
mod interim;
mod limited;
mod resumed;
mod tunnel;
mod watched;

pub use answer::Answer;
pub use fill::{Fill, FillReader, FillWriter};
pub use interim::{Interim, Interims, interim};
pub use limited::Limited;
pub use resumed::Resumed;
pub use tunnel::{Duplex, Tunnel, TunnelEnd};
pub use watched::{Ending, Watched};

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The content of a request or a response.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// All of it, in memory.
    Whole(Bytes),
    /// All of it, in several slices.
    Pieces(VecDeque<Bytes>),
    /// A response that is still arriving, shared with other readers.
    Fill(FillReader),
    /// Passed through as it comes.
    Stream(Pin<Box<Streamed>>),
    /// Any of these, with somebody told how it ended.
    Watched(Box<Watched>),
}

/// What a passed-through body must be.
pub type Streamed = dyn http_body::Body<Data = Bytes, Error = BodyError> + Send;

impl Body {
    /// A body passed through as it comes.
    pub fn stream(
        inner: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static,
    ) -> Self {
        Self::Stream(Box::pin(inner))
    }

    /// True when all of it is at hand, so that writing it waits for nobody but the reader.
    pub fn is_at_hand(&self) -> bool {
        matches!(self, Self::Empty | Self::Whole(_) | Self::Pieces(_))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Whole(_) => "Whole",
            Self::Pieces(_) => "Pieces",
            Self::Fill(_) => "Fill",
            Self::Stream(_) => "Stream",
            Self::Watched(_) => "Watched",
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Pieces(pieces) => {
                Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
            }
            Self::Fill(reader) => {
                reader.poll_chunk(cx).map(|next| next.map(|chunk| chunk.map(Frame::data)))
            }
            Self::Stream(inner) => inner.as_mut().poll_frame(cx),
            Self::Watched(inner) => Pin::new(inner.as_mut()).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Pieces(pieces) => pieces.is_empty(),
            Self::Fill(reader) => reader.is_end(),
            Self::Stream(inner) => inner.is_end_stream(),
            Self::Watched(inner) => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Pieces(pieces) => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Self::Fill(reader) => {
                reader.remaining().map_or_else(SizeHint::new, SizeHint::with_exact)
            }
            Self::Stream(inner) => inner.size_hint(),
            Self::Watched(inner) => inner.size_hint(),
        }
    }
}

/// Why a body did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The sender closed before the length it had announced, or before the last chunk.
    Truncated,
    /// The sender, or the reader, made no progress for too long.
    Stalled,
    /// More than the limit.
    TooLarge,
    /// Its framing could not be understood.
    Malformed,
    /// The connection was lost, or whoever produced it gave up.
    Aborted,
}

impl BodyError {
    /// The word for it in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "body-truncated",
            Self::Stalled => "body-stalled",
            Self::TooLarge => "body-too-large",
            Self::Malformed => "body-malformed",
            Self::Aborted => "body-aborted",
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the body ended before its announced end",
            Self::Stalled => "the body made no progress",
            Self::TooLarge => "the body is larger than the limit",
            Self::Malformed => "the body is malformed",
            Self::Aborted => "the body was cut off",
        })
    }
}

impl std::error::Error for BodyError {}
