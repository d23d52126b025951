//! Interim responses, on their way from the upstream to the client that waits for the final one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

use crate::semantics::connection::strip_hop_by_hop;

/// More than these before one final response are dropped.
const MOST: u8 = 16;

/// The end that interim responses are put into. Clones are the same end.
#[derive(Clone)]
pub struct Interim(Arc<Mutex<State>>);

/// The end they come out of, in order and ready to be written. When it is dropped, what is put in is lost.
pub struct Interims(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    encoded: Vec<u8>,
    sent: u8,
    closed: bool,
    /// Whoever looked and found nothing.
    reader: Option<Waker>,
}

/// The two ends for one request.
pub fn interim() -> (Interim, Interims) {
    let state = Arc::<Mutex<State>>::default();
    (Interim(Arc::clone(&state)), Interims(state))
}

impl Interim {
    /// Sends a 1xx to the client without waiting for it to be written. A 100 and a 101 are not sent: the first is said
    /// to the client when its content is wanted, the second is a final response.
    pub fn send(&self, status: StatusCode, fields: &HeaderMap) {
        if !status.is_informational()
            || [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS].contains(&status)
        {
            return;
        }
        let mut state = lock(&self.0);
        if state.closed || state.sent >= MOST {
            return;
        }
        state.sent += 1;
        encode(status, fields.clone(), &mut state.encoded);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Interims {
    /// Takes out what was put in, as it goes onto an HTTP/1.1 connection. If there is nothing, `cx` is woken when there
    /// is.
    pub fn take(&self, cx: &Context<'_>) -> Vec<u8> {
        let mut state = lock(&self.0);
        let encoded = std::mem::take(&mut state.encoded);
        if encoded.is_empty() && !state.reader.as_ref().is_some_and(|it| it.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        encoded
    }
}

impl Drop for Interims {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        *state = State { closed: true, ..State::default() };
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// RFC 9112 §4. What a field value may hold has no line ends in it.
fn encode(status: StatusCode, mut fields: HeaderMap, to: &mut Vec<u8>) {
    strip_hop_by_hop(&mut fields);
    // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
    // (Informational) or 204 (No Content)."
    fields.remove(CONTENT_LENGTH);
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        to.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &fields {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            to.extend_from_slice(part);
        }
    }
    to.extend_from_slice(b"\r\n");
}

impl fmt::Debug for Interim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interim")
    }
}

impl fmt::Debug for Interims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interims")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONNECTION, LINK};

    use super::*;

    fn links(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(LINK, HeaderValue::from_static(value))])
    }

    fn taken(interims: &Interims) -> String {
        String::from_utf8(interims.take(&Context::from_waker(Waker::noop()))).unwrap()
    }

    #[test]
    fn they_come_out_in_order_without_what_concerns_a_connection() {
        let (interim, interims) = interim();
        let mut fields = links("</a.css>");
        fields.insert(CONNECTION, HeaderValue::from_static("keep-alive, x-hop"));
        fields.insert("x-hop", HeaderValue::from_static("1"));
        fields.insert(CONTENT_LENGTH, HeaderValue::from_static("5"));
        interim.send(StatusCode::PROCESSING, &HeaderMap::new());
        interim.send(StatusCode::EARLY_HINTS, &fields);
        let both =
            "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
        assert_eq!(taken(&interims), both);
        interim.send(StatusCode::from_u16(199).unwrap(), &HeaderMap::new());
        assert_eq!(taken(&interims), "HTTP/1.1 199 \r\n\r\n");
    }

    #[test]
    fn what_is_not_interim_or_is_our_own_to_say_is_not_sent() {
        let (interim, interims) = interim();
        for status in [100, 101, 200, 404] {
            interim.send(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        }
        assert_eq!(taken(&interims), "");
    }

    #[test]
    fn more_than_sixteen_are_dropped() {
        let (interim, interims) = interim();
        let mut all = String::new();
        for _ in 0..20 {
            interim.send(StatusCode::EARLY_HINTS, &HeaderMap::new());
            all.push_str(&taken(&interims));
        }
        assert_eq!(all.matches("103").count(), 16);
    }
}
