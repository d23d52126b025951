//! A request on its way out.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use http_body::{Body as _, Frame};
use tokio::io::AsyncWrite;

use super::head;
use crate::body::{Body, BodyError};

/// The most slices that are written at once.
const MOST_SLICES: usize = 8;

/// A request to a server.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) target: PathAndQuery,
    pub(super) fields: HeaderMap,
    pub(super) body: Body,
}

/// Why no more of a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The server takes no more. It may answer all the same.
    Refused,
    /// The content broke off: what was sent of it must not look whole.
    Torn,
}

/// A request, and what is left to be sent of it.
#[derive(Debug)]
pub(super) struct Sending {
    request: Request,
    /// What is to be written next.
    queue: VecDeque<Bytes>,
    left: Left,
    /// Bytes the server's side has taken.
    taken: u64,
    is_touched: bool,
}

/// What is left of the content, beside what is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    /// So many octets, as the head says.
    Length(u64),
    /// So much as there is, in chunks.
    Chunks,
}

impl Sending {
    /// Begins to send a request; says in its head where its content ends, if nobody has yet.
    pub(super) fn new(mut request: Request) -> Self {
        let (at_hand, left) = delimited(&mut request);
        let head = head::encode(&request.method, &request.target, &request.fields);
        let queue = [Some(Bytes::from(head)), at_hand].into_iter().flatten().collect();
        Self { request, queue, left, taken: 0, is_touched: false }
    }

    /// Bytes the server's side has taken so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// The request, if nothing of its content was used up.
    pub(super) fn into_request(self) -> Option<Request> {
        (!self.is_touched).then_some(self.request)
    }

    /// Sends what can be sent. Ready when nothing is left, or nothing will be taken.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<Result<(), Unsent>> {
        loop {
            while !self.queue.is_empty() {
                match ready!(self.poll_write(cx, Pin::new(stream))) {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return Poll::Ready(Err(Unsent::Refused)),
                }
            }
            if self.left == Left::Nothing {
                return Pin::new(stream).poll_flush(cx).map_err(|_| Unsent::Refused);
            }
            self.is_touched = true;
            match Pin::new(&mut self.request.body).poll_frame(cx) {
                Poll::Ready(frame) => self.enqueue(frame)?,
                // What was written goes out before more is waited for.
                Poll::Pending => {
                    let flushed = ready!(Pin::new(stream).poll_flush(cx));
                    return flushed.map_or(Poll::Ready(Err(Unsent::Refused)), |()| Poll::Pending);
                }
            }
        }
    }

    fn poll_write<S: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        stream: Pin<&mut S>,
    ) -> Poll<io::Result<usize>> {
        let written = ready!(match self.queue.make_contiguous() {
            [only] => stream.poll_write(cx, only),
            several => {
                let mut slices = [IoSlice::new(&[]); MOST_SLICES];
                let filled = slices.iter_mut().zip(several);
                let count = filled.map(|(slice, bytes)| *slice = IoSlice::new(bytes)).count();
                stream.poll_write_vectored(cx, &slices[..count])
            }
        })?;
        self.taken += written as u64;
        let mut left = written;
        while let Some(first) = self.queue.front_mut() {
            if left < first.len() {
                first.advance(left);
                break;
            }
            left -= first.len();
            self.queue.pop_front();
        }
        Poll::Ready(Ok(written))
    }

    /// Takes in a piece of the content, or its end.
    fn enqueue(&mut self, frame: Option<Result<Frame<Bytes>, BodyError>>) -> Result<(), Unsent> {
        let data = match frame {
            // Trailer fields are not passed on.
            Some(frame) => frame.map_err(|_| Unsent::Torn)?.into_data().unwrap_or_default(),
            None => return self.end(),
        };
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.left {
            Left::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(Unsent::Torn)?;
                self.queue.push_back(data);
                if *left == 0 && self.request.body.is_end_stream() {
                    self.left = Left::Nothing;
                }
            }
            Left::Chunks => {
                self.queue.push_back(format!("{:x}\r\n", data.len()).into());
                self.queue.push_back(data);
                self.queue.push_back(Bytes::from_static(b"\r\n"));
            }
            Left::Nothing => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Unsent> {
        match self.left {
            Left::Length(1..) => return Err(Unsent::Torn),
            Left::Chunks => self.queue.push_back(Bytes::from_static(b"0\r\n\r\n")),
            Left::Length(0) | Left::Nothing => {}
        }
        self.left = Left::Nothing;
        Ok(())
    }
}

/// Has the head say where the content ends. All of the content where it is at hand, and what is left of it where not.
fn delimited(request: &mut Request) -> (Option<Bytes>, Left) {
    let Request { fields, body, .. } = request;
    if let Body::Whole(bytes) = &*body {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        return (Some(bytes.clone()), Left::Nothing);
    }
    if body.is_end_stream() {
        return (None, Left::Nothing);
    }
    let announced =
        fields.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match announced.or_else(|| body.size_hint().exact()) {
        Some(length) => {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
            (None, Left::Length(length))
        }
        None => {
            fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            (None, Left::Chunks)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::body::Limited;

    /// Takes no more than `most` bytes at once, and `room` in all.
    struct Sink {
        taken: Vec<u8>,
        most: usize,
        room: usize,
    }

    impl AsyncWrite for Sink {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.most).min(self.room);
            self.taken.extend_from_slice(&bytes[..count]);
            self.room -= count;
            if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A body of these pieces that is passed through as it comes, up to `limit`.
    fn streamed(pieces: &[&'static str], limit: u64) -> Body {
        let pieces = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
        Body::stream(Unmeasured(Limited::new(Body::Pieces(pieces), limit)))
    }

    /// Does not tell its length.
    struct Unmeasured(Limited);

    impl http_body::Body for Unmeasured {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Pin::new(&mut self.0).poll_frame(cx)
        }
    }

    fn post(body: Body, length: Option<u64>) -> Request {
        let length = length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length)));
        let target = PathAndQuery::from_static("/");
        Request { method: Method::POST, target, fields: length.into_iter().collect(), body }
    }

    /// What is written of the request behind its first line, and how that ends.
    fn written(request: Request, most: usize) -> (String, Poll<Result<(), Unsent>>) {
        let mut sink = Sink { taken: Vec::new(), most, room: usize::MAX };
        let mut sending = Sending::new(request);
        let ended = sending.poll(&mut Context::from_waker(Waker::noop()), &mut sink);
        assert_eq!(sending.taken(), sink.taken.len() as u64);
        let text = String::from_utf8(sink.taken).unwrap();
        (text.strip_prefix("POST / HTTP/1.1\r\n").unwrap().to_owned(), ended)
    }

    #[test]
    fn content_is_delimited_once() {
        let whole = || Body::from(Bytes::from_static(b"hello"));
        let pieces = || streamed(&["hel", "", "lo"], 100);
        for (body, length, wanted) in [
            (Body::Empty, None, "\r\n"),
            (Body::Empty, Some(0), "content-length: 0\r\n\r\n"),
            (whole(), None, "content-length: 5\r\n\r\nhello"),
            (whole(), Some(5), "content-length: 5\r\n\r\nhello"),
            (pieces(), Some(5), "content-length: 5\r\n\r\nhello"),
            (pieces(), None, "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
        ] {
            let (text, ended) = written(post(body, length), 1);
            assert_eq!((text.as_str(), ended), (wanted, Poll::Ready(Ok(()))));
        }
    }

    #[test]
    fn what_breaks_off_is_never_ended() {
        for (body, length) in [
            (streamed(&["hello", "more"], 5), None),
            (streamed(&["hello", "more"], 5), Some(9)),
            (streamed(&["hello"], 100), Some(6)),
            (streamed(&["hello", "more"], 100), Some(5)),
        ] {
            let (text, ended) = written(post(body, length), 100);
            assert_eq!(ended, Poll::Ready(Err(Unsent::Torn)));
            assert!(!text.contains("more") && !text.contains("0\r\n\r\n"), "{text}");
        }
    }

    #[test]
    fn it_comes_back_until_its_content_is_touched() {
        let mut sink = Sink { taken: Vec::new(), most: 100, room: 10 };
        let mut context = Context::from_waker(Waker::noop());
        let mut sending = Sending::new(post(streamed(&["hello"], 100), Some(5)));
        assert!(sending.poll(&mut context, &mut sink).is_pending());
        assert_eq!(sending.taken(), 10);
        let mut sending = Sending::new(sending.into_request().unwrap());
        sink.room = 100;
        assert!(sending.poll(&mut context, &mut sink).is_ready());
        assert!(sending.into_request().is_none());
    }
}
