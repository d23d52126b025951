//! What stands between the program and its Redis, and may come between them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::Duration;

use super::stay_silent;

/// How it treats those who connect, and who are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Passes on all.
    Pass,
    /// Accepts, and holds everything back; it comes later, if it passes things on again.
    Hold,
    /// Passes on answers this much later.
    Slow(Duration),
    /// Answers whatever is asked with these bytes.
    Say(&'static [u8]),
    /// Passes on what is asked, and closes instead of passing on the answer.
    Swallow,
    /// Closes every connection.
    Cut,
}

/// Forwards connections. Those that are there are treated like those to come.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    to: SocketAddr,
    manner: Manner,
    streams: Vec<Weak<TcpStream>>,
    accepted: usize,
    /// So many of them, the first ones, are held whatever its manner is.
    lost: usize,
    stopped: bool,
}

impl Relay {
    pub(crate) fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (manner, streams) = (Manner::Pass, Vec::new());
        let state = State { to, manner, streams, accepted: 0, lost: 0, stopped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.state.lock().unwrap().stopped {
                    break;
                }
                accepting.accept(stream);
            }
        });
        Self { address, shared }
    }

    /// What stands in `redis.url`.
    pub(crate) fn redis_url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    pub(crate) fn set(&self, manner: Manner) {
        let mut state = self.shared.state.lock().unwrap();
        if manner == Manner::Cut {
            state.close_all();
        }
        state.manner = manner;
        self.shared.changed.notify_all();
    }

    /// Closes every connection, and each new one at once.
    pub(crate) fn cut(&self) {
        self.set(Manner::Cut);
    }

    /// Lets nothing pass any more; every connection stays.
    pub(crate) fn hold(&self) {
        self.set(Manner::Hold);
    }

    /// Lets everything pass again.
    pub(crate) fn join(&self) {
        self.set(Manner::Pass);
    }

    /// Closes every connection; new ones lead to another server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        let mut state = self.shared.state.lock().unwrap();
        state.to = server;
        state.close_all();
    }

    /// The connections that are there go dead: nothing comes, and nothing says so. Those to come are as ever.
    pub(crate) fn lose(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.lost = state.accepted;
    }

    /// How many connections it accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.state.lock().unwrap().accepted
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state.lock().unwrap();
            state.stopped = true;
            state.close_all();
        }
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn close_all(&mut self) {
        for stream in self.streams.drain(..).filter_map(|stream| stream.upgrade()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, here: TcpStream) {
        let mut state = self.state.lock().unwrap();
        state.accepted += 1;
        let number = state.accepted;
        if state.manner == Manner::Cut {
            return;
        }
        let Ok(there) = TcpStream::connect(state.to) else { return };
        let (here, there) = (Arc::new(here), Arc::new(there));
        state.streams.extend([Arc::downgrade(&here), Arc::downgrade(&there)]);
        drop(state);
        let (upwards, downwards) = (Arc::clone(self), Arc::clone(self));
        let (client, server) = (Arc::clone(&here), Arc::clone(&there));
        thread::spawn(move || upwards.ask(&client, &server, number));
        thread::spawn(move || downwards.answer(&there, &here, number));
    }

    /// From the program to its Redis, on the connection of that number.
    fn ask(&self, from: &TcpStream, to: &TcpStream, number: usize) {
        pump(from, to, || match self.manner(number) {
            Manner::Say(instead) => Next::Back(instead),
            _ => Next::On,
        });
    }

    /// From the Redis to the program.
    fn answer(&self, from: &TcpStream, to: &TcpStream, number: usize) {
        pump(from, to, || {
            match self.manner(number) {
                Manner::Slow(late) => stay_silent(late),
                Manner::Swallow => return Next::Close,
                _ => {}
            }
            Next::On
        });
    }

    /// How this connection is treated, once it is not held any more.
    fn manner(&self, number: usize) -> Manner {
        let held = |state: &mut State| {
            let is_held = number <= state.lost || state.manner == Manner::Hold;
            is_held && !state.stopped
        };
        let state = self.state.lock().unwrap();
        self.changed.wait_while(state, held).unwrap().manner.clone()
    }
}

/// What becomes of bytes.
enum Next {
    On,
    /// They go no further, and these go back.
    Back(&'static [u8]),
    /// They are the last.
    Close,
}

/// Until either end closes.
fn pump(mut from: &TcpStream, mut to: &TcpStream, next: impl Fn() -> Next) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let sent = match next() {
            Next::On => to.write_all(&buffer[..count]),
            Next::Back(instead) => from.write_all(instead),
            Next::Close => break,
        };
        if sent.is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
