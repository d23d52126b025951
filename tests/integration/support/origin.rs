//! An origin server that does as it is told, and remembers everything it was asked.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;

use super::wire::{Content, Wire};
use super::{End, Framing, Gate, Head, PATIENCE, Reply};

/// A request as the origin received it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) content: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// Whether the content came to its end; None while it was not read.
    pub(crate) end: Option<End>,
    /// Which connection it came on, counted from 1.
    pub(crate) connection: usize,
}

impl Request {
    pub(crate) fn method(&self) -> &str {
        self.head.word(0)
    }

    pub(crate) fn target(&self) -> &str {
        self.head.word(1)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.end == Some(End::Whole)
    }
}

type Script = dyn Fn(&mut Exchange<'_>) + Send + Sync;

/// A server on loopback. It stops when dropped.
pub(crate) struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    connections: Vec<Weak<TcpStream>>,
}

impl Origin {
    /// Each request's content is read, then `script` answers it.
    pub(crate) fn start(script: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(script), true)
    }

    /// `script` runs as soon as the head is there; it reads the content itself, or not.
    pub(crate) fn start_unread(script: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(script), false)
    }

    /// The same answer to every request.
    pub(crate) fn always(reply: Reply) -> Self {
        Self::start(move |exchange| exchange.reply(&reply))
    }

    /// These bytes to every request, and the connection closed behind them.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |exchange| {
            exchange.send(&bytes);
            exchange.close();
        })
    }

    /// An origin that answers with its request's ordinal number, storable for a minute.
    pub(crate) fn numbering() -> Self {
        Self::start(|exchange| exchange.reply(&super::fresh(exchange.number().to_string())))
    }

    /// An origin whose answers are held until the gate opens.
    pub(crate) fn gated(
        gate: &Gate,
        answer: impl Fn(&Exchange<'_>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let gate = gate.clone();
        Self::start(move |exchange| {
            exchange.wait(&gate);
            let reply = answer(exchange);
            exchange.reply(&reply);
        })
    }

    fn listen(script: Arc<Script>, read_first: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let stream = Arc::new(stream);
                let connection = {
                    let mut state = accepting.state.lock().unwrap();
                    state.connections.push(Arc::downgrade(&stream));
                    state.connections.len()
                };
                accepting.changed.notify_all();
                let shared = Arc::clone(&accepting);
                let script = Arc::clone(&script);
                thread::spawn(move || converse(&shared, stream, connection, &*script, read_first));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// How many request heads have arrived.
    pub(crate) fn count(&self) -> usize {
        self.shared.state.lock().unwrap().requests.len()
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections.len()
    }

    pub(crate) fn count_of(&self, target: &str) -> usize {
        self.requests().iter().filter(|request| request.target() == target).count()
    }

    /// The targets in the order they were asked for.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.target().to_owned()).collect()
    }

    /// The latest request.
    pub(crate) fn last(&self) -> Request {
        self.requests().last().expect("the origin was asked nothing").clone()
    }

    /// Waits until so many request heads have arrived.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Request> {
        let state = self.shared.state.lock().unwrap();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.requests.len() < count)
            .unwrap();
        assert!(
            state.requests.len() >= count,
            "the origin waited for {count} requests and got {:?}",
            state.requests.iter().map(|r| &r.head.start).collect::<Vec<_>>()
        );
        state.requests.clone()
    }

    /// Waits until the content of the request at `index` (from 0) was read to whatever end.
    pub(crate) fn wait_for_content(&self, index: usize) -> Request {
        let state = self.shared.state.lock().unwrap();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| {
                state.requests.get(index).is_none_or(|request| request.end.is_none())
            })
            .unwrap();
        state
            .requests
            .get(index)
            .filter(|request| request.end.is_some())
            .expect("the content's end")
            .clone()
    }

    /// Stops listening and ends every connection: from now on a connect is refused.
    pub(crate) fn stop(&self) {
        if self.shared.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        let _ = TcpStream::connect(self.address);
        for stream in self.shared.state.lock().unwrap().connections.iter().filter_map(Weak::upgrade)
        {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        super::eventually("the origin stops listening", || {
            TcpStream::connect(self.address).is_err()
        });
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if !self.shared.stopping.swap(true, Ordering::SeqCst) {
            let _ = TcpStream::connect(self.address);
        }
    }
}

fn converse(
    shared: &Shared,
    stream: Arc<TcpStream>,
    connection: usize,
    script: &Script,
    read_first: bool,
) {
    let mut wire = Wire::new(stream);
    while let Ok(head) = wire.head() {
        let framing = head.request_framing();
        let request =
            Request { head, content: Vec::new(), trailers: Vec::new(), end: None, connection };
        let index = {
            let mut state = shared.state.lock().unwrap();
            state.requests.push(request.clone());
            state.requests.len() - 1
        };
        shared.changed.notify_all();
        let mut exchange =
            Exchange { wire: &mut wire, shared, index, request, framing, ended: false };
        if read_first {
            exchange.read_content();
        }
        if exchange.ended {
            break;
        }
        script(&mut exchange);
        exchange.read_content();
        if exchange.ended || shared.stopping.load(Ordering::SeqCst) {
            break;
        }
    }
}

/// One request, and the connection to answer it on.
pub(crate) struct Exchange<'a> {
    wire: &'a mut Wire,
    shared: &'a Shared,
    index: usize,
    request: Request,
    framing: Framing,
    ended: bool,
}

impl Exchange<'_> {
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// This request's ordinal number at this origin, from 1.
    pub(crate) fn number(&self) -> usize {
        self.index + 1
    }

    pub(crate) fn method(&self) -> &str {
        self.request.method()
    }

    pub(crate) fn target(&self) -> &str {
        self.request.target()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.request.field(name)
    }

    pub(crate) fn reply(&mut self, reply: &Reply) {
        let bytes = reply.bytes(self.request.method());
        self.send(&bytes);
    }

    /// Raw bytes; false when the peer does not take them any more.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.send(bytes.as_ref())
    }

    /// Reads the request's content to its end and records it. Once is enough.
    pub(crate) fn read_content(&mut self) {
        if self.request.end.is_some() || self.ended {
            return;
        }
        let Content { bytes, trailers, end } = self.wire.content(self.framing);
        self.request.content.extend_from_slice(&bytes);
        self.request.trailers = trailers;
        self.request.end = Some(end);
        self.ended |= end != End::Whole;
        self.shared.state.lock().unwrap().requests[self.index] = self.request.clone();
        self.shared.changed.notify_all();
    }

    /// Whatever bytes come next, as they are (after a 101, or of a request's content); empty at the end.
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        self.wire.some(usize::MAX).unwrap_or_default()
    }

    /// True when the peer ends the connection before [`PATIENCE`] is over.
    pub(crate) fn peer_leaves(&mut self) -> bool {
        self.ended = true;
        matches!(self.wire.end(), End::Closed | End::Reset)
    }

    /// Never answers; returns when the peer leaves.
    pub(crate) fn stall(&mut self) {
        self.peer_leaves();
    }

    /// Waits until the test opens the gate.
    pub(crate) fn wait(&self, gate: &Gate) {
        gate.wait();
    }

    pub(crate) fn finish_sending(&mut self) {
        self.wire.finish_sending();
    }

    /// Ends the connection with a FIN.
    pub(crate) fn close(&mut self) {
        self.ended = true;
        self.wire.close();
    }

    /// Ends the connection with a RST.
    pub(crate) fn reset(&mut self) {
        self.ended = true;
        self.wire.arm_reset();
    }
}
