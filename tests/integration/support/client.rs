//! A client that sends what it is told, and knows a whole answer from a torn one.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::wire::{Content, Wire};
use super::{End, Framing, HOST, Head, PATIENCE};

/// A response as the client received it.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) end: End,
    /// The 1xx responses before it.
    pub(crate) interim: Vec<Head>,
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head.word(1).parse().unwrap_or(0)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The body without its content coding.
    #[track_caller]
    pub(crate) fn decoded(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let coded = self.body.as_slice();
        match self.field("content-encoding") {
            None => return self.body.clone(),
            Some("gzip") => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
            Some("br") => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain),
            Some(other) => panic!("an unknown coding {other}"),
        }
        .expect("as it says it is coded");
        plain
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.end == End::Whole
    }

    /// Our member of Cache-Status: the last, as we are nearest to the client.
    pub(crate) fn cache_status(&self) -> String {
        self.all("cache-status")
            .last()
            .map(|line| line.rsplit(',').next().unwrap_or_default().trim().to_owned())
            .unwrap_or_default()
    }

    /// A parameter of our member of Cache-Status; "" for one without a value.
    pub(crate) fn cache_parameter(&self, name: &str) -> Option<String> {
        self.cache_status()
            .split(';')
            .skip(1)
            .map(|parameter| parameter.trim().split_once('=').unwrap_or((parameter.trim(), "")))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim_matches('"').to_owned())
    }

    /// From the store.
    pub(crate) fn is_hit(&self) -> bool {
        self.cache_parameter("hit").is_some()
    }

    /// From the store, or from the flight that is just about to put it there: without a request of its own.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_hit() || self.cache_parameter("collapsed").is_some()
    }

    pub(crate) fn age(&self) -> Option<u64> {
        self.field("age").and_then(|age| age.parse().ok())
    }

    pub(crate) fn says_close(&self) -> bool {
        self.all("connection").iter().any(|value| value.to_ascii_lowercase().contains("close"))
    }

    /// Whole, with this status and body; returns itself.
    #[track_caller]
    pub(crate) fn expect(self, status: u16, body: impl AsRef<[u8]>) -> Self {
        assert_eq!(
            (self.status(), self.text().as_str()),
            (status, String::from_utf8_lossy(body.as_ref()).as_ref()),
            "{}",
            self.head.raw
        );
        assert_eq!(self.end, End::Whole, "{}", self.head.raw);
        self
    }

    /// Of this status, whatever its body; returns itself.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{}{}", self.head.raw, self.text());
        self
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    Closed,
    Reset,
}

/// One connection to the proxy.
pub(crate) struct Client {
    wire: Wire,
    authority: String,
}

impl Client {
    /// Requests made by the conveniences carry `authority` as their Host.
    pub(crate) fn connect(address: SocketAddr, authority: &str) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
        Self { wire: Wire::new(Arc::new(stream)), authority: authority.to_owned() }
    }

    /// A connection from that address of this machine.
    pub(crate) fn connect_from(client: IpAddr, address: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(client, 0).into()).unwrap();
        socket.connect(&address.into()).expect("a connection");
        Self { wire: Wire::new(Arc::new(socket.into())), authority: HOST.to_owned() }
    }

    /// A connection with so small a receive buffer that little can be in flight towards it.
    pub(crate) fn connect_narrow(address: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).expect("a connection");
        Self { wire: Wire::new(Arc::new(socket.into())), authority: HOST.to_owned() }
    }

    /// Sends the bytes; panics when the peer does not take them.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes), "the proxy ended the connection");
    }

    /// False when the peer does not take them.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.send(bytes.as_ref())
    }

    /// Sends a request; `Host` and `Content-Length` are added where `fields` has none and `body` is not empty.
    #[track_caller]
    pub(crate) fn send_request(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) {
        let has = |name: &str| fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !has("host") {
            head.push_str(&format!("Host: {}\r\n", self.authority));
        }
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() && !has("content-length") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes);
    }

    #[track_caller]
    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.send_request(method, target, fields, body);
        self.read_answer_to(method)
    }

    #[track_caller]
    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, &[], b"")
    }

    /// GET until the answer is from the store. Each must be reused: at most what was just fetched is still on its way there.
    #[track_caller]
    pub(crate) fn hit_with(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = self.get_with(target, fields);
            assert!(response.is_reused(), "not reused: {}", response.head.raw);
            if response.is_hit() {
                return response;
            }
            assert!(Instant::now() < deadline, "never stored: {}", response.head.raw);
        }
    }

    #[track_caller]
    pub(crate) fn hit(&mut self, target: &str) -> Response {
        self.hit_with(target, &[])
    }

    #[track_caller]
    pub(crate) fn get_with(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.request("GET", target, fields, b"")
    }

    /// The next response, whole or torn; panics when there is none.
    #[track_caller]
    pub(crate) fn read(&mut self) -> Response {
        self.read_answer_to("GET")
    }

    #[track_caller]
    pub(crate) fn read_answer_to(&mut self, method: &str) -> Response {
        match self.try_read_answer_to(method) {
            Ok(response) => response,
            Err(end) => panic!("no response to {method}: {end:?}"),
        }
    }

    /// The next response; or why there is none.
    pub(crate) fn try_read(&mut self) -> Result<Response, End> {
        self.try_read_answer_to("GET")
    }

    pub(crate) fn try_read_answer_to(&mut self, method: &str) -> Result<Response, End> {
        let (head, interim) = self.try_read_head()?;
        let Content { bytes, trailers, end } =
            self.wire.content(head.response_framing(method == "HEAD"));
        Ok(Response { head, body: bytes, trailers, end, interim })
    }

    /// The next final head alone. What follows is read by `read_chunk`, `read_exactly` or `read_body`.
    #[track_caller]
    pub(crate) fn read_head(&mut self) -> Head {
        self.try_read_head().expect("a response's head").0
    }

    /// The next head, be it interim.
    #[track_caller]
    pub(crate) fn read_interim(&mut self) -> Head {
        self.wire.head().expect("an interim response")
    }

    /// The body behind a head that `read_head` read.
    pub(crate) fn read_body(&mut self, head: &Head) -> (Vec<u8>, End) {
        let Content { bytes, end, .. } = self.wire.content(head.response_framing(false));
        (bytes, end)
    }

    /// The data of the next chunk; empty for the last.
    #[track_caller]
    pub(crate) fn read_chunk(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        self.wire.chunk(&mut data).expect("a chunk");
        data
    }

    /// So many raw bytes; fewer when the connection ends before.
    pub(crate) fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        self.wire.content(Framing::Length(count as u64)).bytes
    }

    /// Asserts that nothing more comes and that the proxy ends the connection.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) -> Closing {
        let unread = String::from_utf8_lossy(self.wire.unread()).into_owned();
        assert!(unread.is_empty(), "more came: {unread}");
        match self.wire.some(usize::MAX) {
            Ok(bytes) => panic!("more came: {}", String::from_utf8_lossy(&bytes)),
            Err(End::Closed) => Closing::Closed,
            Err(End::Reset) => Closing::Reset,
            Err(end) => panic!("the connection stays open: {end:?}"),
        }
    }

    /// True when the connection stays silent and open for so long.
    pub(crate) fn hears_nothing_for(&mut self, time: Duration) -> bool {
        self.wire.set_patience(time);
        let heard = self.wire.some(0);
        let silent = self.wire.unread().is_empty() && heard == Err(End::Silent);
        self.wire.set_patience(PATIENCE);
        silent
    }

    /// Half close: nothing more will be sent.
    pub(crate) fn finish_sending(&mut self) {
        self.wire.finish_sending();
    }

    /// Leaves with a FIN.
    pub(crate) fn leave(self) {
        self.wire.close();
    }

    /// Leaves with a RST.
    pub(crate) fn reset(self) {
        self.wire.arm_reset();
    }

    fn try_read_head(&mut self) -> Result<(Head, Vec<Head>), End> {
        let mut interim = Vec::new();
        loop {
            let head = self.wire.head()?;
            if head.word(1).starts_with('1') && head.word(1) != "101" {
                interim.push(head);
            } else {
                return Ok((head, interim));
            }
        }
    }
}
