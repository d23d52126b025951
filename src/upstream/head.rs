//! Heads as they are on the wire: of the request that is sent, and of the response that comes (RFC 9112 §2 to §5).

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use httparse::{EMPTY_HEADER, Status};

/// The longest response head, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most lines of fields in one.
const MAX_FIELDS: usize = 100;

/// A response up to its content.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) version: Version,
    pub(super) status: StatusCode,
    /// What stands behind the status.
    pub(super) reason: Bytes,
    pub(super) fields: HeaderMap,
}

/// What came is no head of a response, or one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHead;

/// The head of a request. No target, name or value has an end of line in it: their types see to that.
pub(super) fn encode(method: &Method, target: &PathAndQuery, fields: &HeaderMap) -> Vec<u8> {
    const USUAL: usize = 1024;
    let mut head = Vec::with_capacity(USUAL);
    for part in [method.as_str(), " ", target.as_str(), " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    for (name, value) in fields {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Takes a whole head out of what was `received`; `None` while it is not whole. Nothing is copied: values are slices.
pub(super) fn parse(received: &mut Bytes) -> Result<Option<ResponseHead>, BadHead> {
    let mut lines = [EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut lines);
    let length = match response.parse(received) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if received.len() < MAX_HEAD => return Ok(None),
        Ok(_) | Err(_) => return Err(BadHead),
    };
    let version = if response.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(BadHead)?;
    let reason = received.slice_ref(response.reason.unwrap_or_default().as_bytes());
    let mut fields = HeaderMap::with_capacity(response.headers.len() + 4);
    for line in response.headers {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| BadHead)?;
        let value = HeaderValue::from_maybe_shared(received.slice_ref(line.value));
        fields.append(name, value.map_err(|_| BadHead)?);
    }
    let _head = received.split_to(length);
    Ok(Some(ResponseHead { version, status, reason, fields }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<ResponseHead>, BadHead> {
        parse(&mut Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn a_request_is_written_line_by_line() {
        let mut fields = HeaderMap::new();
        fields.append("host", HeaderValue::from_static("a.test"));
        fields.append("accept", HeaderValue::from_static("a"));
        fields.append("accept", HeaderValue::from_static("b"));
        let target = PathAndQuery::from_static("/a?b=c");
        let head = encode(&Method::GET, &target, &fields);
        let lines = "GET /a?b=c HTTP/1.1\r\nhost: a.test\r\naccept: a\r\naccept: b\r\n\r\n";
        assert_eq!(String::from_utf8(head).unwrap(), lines);
    }

    #[test]
    fn what_stands_behind_a_head_is_left() {
        let text = b"HTTP/1.1 200 Fine\r\nA: 1\r\nb:\t2 \r\na: \xfc\r\n\r\nrest";
        let mut received = Bytes::from_static(text);
        let head = parse(&mut received).unwrap().unwrap();
        assert_eq!((head.version, head.status), (Version::HTTP_11, StatusCode::OK));
        assert_eq!(head.reason, "Fine");
        let values: Vec<_> = head.fields.get_all("a").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [&b"1"[..], b"\xfc"]);
        assert_eq!(head.fields["b"], "2");
        assert_eq!(received, "rest");
    }

    #[test]
    fn every_beginning_of_a_head_is_waited_for() {
        let whole = "HTTP/1.0 404\r\na: 1\r\n\r\n";
        for length in 0..whole.len() {
            let mut received = Bytes::copy_from_slice(&whole.as_bytes()[..length]);
            assert!(parse(&mut received).unwrap().is_none(), "{length}");
            assert_eq!(received.len(), length);
        }
        assert_eq!(parsed(whole).unwrap().unwrap().version, Version::HTTP_10);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: \0\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n",
        ] {
            assert_eq!(parsed(text).unwrap_err(), BadHead, "{text:?}");
        }
    }

    #[test]
    fn a_head_has_an_end() {
        let of = |lines: usize, length: usize| {
            let line = format!("a: {}\r\n", "b".repeat(length));
            parsed(&format!("HTTP/1.1 200 OK\r\n{}\r\n", line.repeat(lines)))
                .map(|head| head.is_some())
        };
        assert_eq!(of(MAX_FIELDS, 1), Ok(true));
        assert_eq!(of(MAX_FIELDS + 1, 1), Err(BadHead));
        assert_eq!(of(1, MAX_HEAD - 100), Ok(true));
        assert_eq!(of(1, MAX_HEAD), Err(BadHead));
        let unending = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(MAX_HEAD));
        assert_eq!(parsed(&unending).unwrap_err(), BadHead);
    }
}
